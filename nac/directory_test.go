package nac

import (
	"testing"

	"nacsim/nac/credential"
)

// fixed answers every question alike.
type fixed credential.Answer

func (f fixed) Ask(_ credential.Question, answer func(credential.Answer)) {
	answer(credential.Answer(f))
}

// TestDirectories holds that the next directory is asked about unknown users only: one whose password is wrong, or whose
// account is disabled, is not let in by another.
func TestDirectories(t *testing.T) {
	yes := fixed{OK: true, Groups: []string{"staff"}}
	for _, c := range []struct {
		first credential.Answer
		want  bool
	}{
		{credential.Answer{OK: true}, true},
		{credential.Answer{Reason: credential.UnknownUser}, true},
		{credential.Answer{Reason: credential.WrongPassword}, false},
		{credential.Answer{Reason: credential.Disabled}, false},
		{credential.Answer{Reason: credential.Unavailable}, false},
	} {
		answers := 0
		directories{fixed(c.first), yes}.Ask(credential.Question{}, func(a credential.Answer) {
			answers++
			if a.OK != c.want {
				t.Errorf("after %+v: %+v", c.first, a)
			}
		})
		if answers != 1 {
			t.Errorf("after %+v: %d answers", c.first, answers)
		}
	}
}
