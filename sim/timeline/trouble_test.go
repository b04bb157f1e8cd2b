package timeline

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestTroubleIsShownOnce holds that failures that take turns do not hide what else happens, and that they are shown anew once
// something has changed.
func TestTroubleIsShownOnce(t *testing.T) {
	fail := func(r *run) {
		for _, request := range []string{"0e0a", "1f1b", "2a2c"} {
			r.emit(time.Minute, "graph", "fault", "fault=throttled", "status=429")
			r.emit(0, "nac", "poll", "result=error", "error=429 TooManyRequests (request "+request+")")
			r.emit(time.Minute, "nac", "poll", "result=error", "error=Intune is not asked before 08:0"+request[:1]+":00")
		}
	}
	for _, c := range []struct {
		name                       string
		verbose                    bool
		between                    func(*run)
		throttled, errors, counted int
	}{
		{"one trouble", false, func(*run) {}, 1, 2, 1},
		{"something else happens", false, func(r *run) { r.emit(0, "laptop-1", "note", "text=hello") }, 1, 2, 2},
		{"the scenario goes on", false, func(r *run) { r.emit(0, "scenario", "step", "what=restarts") }, 2, 4, 2},
		{"a poll succeeds", false, func(r *run) { r.emit(0, "nac", "poll", "result=ok", "devices=3", "changed=0") }, 2, 4, 2},
		{"verbose", true, func(*run) {}, 6, 12, 0},
	} {
		var out bytes.Buffer
		tl := New(&out, Options{Verbose: c.verbose})
		r := newRun(tl)
		fail(r)
		c.between(r)
		fail(r)
		if err := tl.Finish(Outcome{Name: c.name, Passed: true}); err != nil {
			t.Fatal(err)
		}
		got := out.String()
		for text, want := range map[string]int{"fault throttled": c.throttled, "polls Intune: error": c.errors, "failures like those above": c.counted} {
			if n := strings.Count(got, text); n != want {
				t.Errorf("%s: %q is there %d times, want %d:\n%s", c.name, text, n, want, got)
			}
		}
	}
}
