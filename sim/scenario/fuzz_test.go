package scenario

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse: whatever the file, parsing it ends in a scenario that holds together or in errors that point into the
// file, and never in a panic.
func FuzzParse(f *testing.F) {
	f.Add(fullScenario)
	f.Add(minimal)
	for _, m := range mistakes {
		f.Add(m.file())
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parseText(text)
		if err == nil {
			checkFile(t, file)
			return
		}
		var errs Errors
		if !errors.As(err, &errs) || len(errs) == 0 || len(errs) > MaxErrors {
			t.Fatalf("not a list of errors: %v", err)
		}
		lines := strings.Count(text, "\n") + 1
		for _, e := range errs {
			if e.Line < 1 || e.Col < 1 || e.File == "dir/test.yaml" && e.Line > lines+1 {
				t.Errorf("the error is nowhere in the file: %v", e)
			}
			if e.Msg == "" || strings.ContainsAny(e.Msg, "\n\r\x1b\x00") || !utf8.ValidString(e.Detail()) {
				t.Errorf("not a message for a terminal: %q", e.Detail())
			}
		}
	})
}

// checkFile checks what the runner relies on.
func checkFile(t *testing.T, f *File) {
	if f.Title == "" || f.Policy.Path == "" || len(f.Steps) == 0 {
		t.Errorf("the file lacks something: %+v", f)
	}
	for i := range f.Devices {
		if d := &f.Devices[i]; d.Intune == nil || len(d.MAC) != 6 || d.DeviceName == "" || len(d.Address(1)) != 6 || d.Supplicant.TLS.Max == "" {
			t.Errorf("device %+v", d)
		}
	}
	for i := range f.Steps {
		s := &f.Steps[i]
		if s.Verb() == "" || s.Line == 0 || s.After < 0 || s.For < 0 {
			t.Errorf("step %+v", s)
		}
		if c := s.Connect; c != nil && (f.Device(c.Device) == nil || f.NASNamed(c.NAS) == nil) {
			t.Errorf("connect %+v", c)
		}
		if e := s.Expect; e != nil && e.Client != "" && f.Device(e.Client) == nil {
			t.Errorf("expect %+v", e)
		}
	}
	if least, most := f.Span(); least > most || least > f.Settings.MaxDuration {
		t.Errorf("the scenario lasts %v to %v", least, most)
	}
}
