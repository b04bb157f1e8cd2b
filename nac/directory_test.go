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

// TestStanding: a user who has lost the account does not resume a session because there are two directories.
func TestStanding(t *testing.T) {
	users, err := credential.NewUsers(credential.UsersConfig{Users: []credential.User{
		{Name: "anna", Password: "geheim", Groups: []string{"staff"}}, {Name: "gone", Password: "geheim", Disabled: true}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		directories directories
		user        string
		want        credential.Reason // "" for OK
	}{
		{directories{users, fixed{}}, "anna", ""},
		{directories{users, fixed{}}, "gone", credential.Disabled},
		{directories{users, fixed{}}, "stranger", ""},
		{directories{users, users}, "stranger", credential.UnknownUser},
	} {
		var register credential.Register = c.directories
		if a := register.Standing(c.user); a.Reason != c.want || a.OK != (c.want == "") || (len(a.Groups) > 0) != (c.user == "anna") {
			t.Errorf("%s: %+v, want %q", c.user, a, c.want)
		}
	}
}
