package intune

import (
	"errors"
	"testing"
	"time"

	"nacsim/internal/guid"
	"nacsim/internal/host/testhost"
)

var start = testhost.Start

func newMachine(t testing.TB) *testhost.Machine { return testhost.New(t).Machine("graph", "10.0.0.2") }

func open(t *testing.T, cfg Config) (*Service, *testhost.Machine) {
	t.Helper()
	h := newMachine(t)
	s, err := Open(h, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, h
}

// facts 1.5
func TestCheckInSchedule(t *testing.T) {
	cases := []struct {
		os    string
		early []time.Duration
		want  []time.Duration
	}{
		{"Windows", nil, []time.Duration{3 * time.Minute, 6 * time.Minute, 9 * time.Minute, 12 * time.Minute, 15 * time.Minute, 30 * time.Minute, 45 * time.Minute,
			time.Hour, 75 * time.Minute, 90 * time.Minute, 105 * time.Minute, 2 * time.Hour, 135 * time.Minute, 8*time.Hour + 135*time.Minute, 16*time.Hour + 135*time.Minute}},
		{"macOS", nil, []time.Duration{15 * time.Minute, 30 * time.Minute, 45 * time.Minute, time.Hour, 9 * time.Hour, 17 * time.Hour}},
		{"Windows", []time.Duration{}, []time.Duration{8 * time.Hour, 16 * time.Hour, 24 * time.Hour}},
	}
	for _, c := range cases {
		cfg := Config{CheckIn: 8 * time.Hour, EarlyCheckIns: c.early}
		at := time.Duration(0)
		for i, want := range c.want {
			next := cfg.nextCheckIn(start, start.Add(at), c.os)
			if next.Sub(start) != want {
				t.Errorf("%s: check-in %d after %v, want %v", c.os, i, next.Sub(start), want)
			}
			at = want
		}
		// A check-in that is a little late does not push the next one back.
		if next := cfg.nextCheckIn(start, start.Add(c.want[0]+time.Millisecond), c.os); next.Sub(start) != c.want[1] {
			t.Errorf("%s: after a late check-in %v, want %v", c.os, next.Sub(start), c.want[1])
		}
	}
}

func oneDevice() Config {
	var cfg Config
	cfg.Policies = []CompliancePolicy{{Require: []Fact{Antivirus}}}
	cfg.EarlyCheckIns = []time.Duration{}
	cfg.Devices = []DeviceConfig{{Label: "laptop", Name: "LAPTOP-1", Posture: Posture{Antivirus: true}}}
	return cfg
}

func state(t *testing.T, s *Service, label string) string {
	t.Helper()
	d, ok := s.Device(label)
	if !ok {
		t.Fatalf("no device %q", label)
	}
	return d.ComplianceState
}

func TestDeviceReportsAtCheckIn(t *testing.T) {
	s, h := open(t, oneDevice())
	if got := state(t, s, "laptop"); got != StateUnknown {
		t.Errorf("before the first check-in: %s", got)
	}
	h.Advance(time.Second)
	if got := state(t, s, "laptop"); got != StateCompliant {
		t.Errorf("after enrolment: %s", got)
	}
	off := false
	if err := s.SetPosture("laptop", PostureChange{Antivirus: &off}); err != nil {
		t.Fatal(err)
	}
	h.Advance(8*time.Hour - 2*time.Second)
	if got := state(t, s, "laptop"); got != StateCompliant {
		t.Errorf("before the next check-in: %s", got)
	}
	h.Advance(2 * time.Second)
	if got := state(t, s, "laptop"); got != StateNoncompliant {
		t.Errorf("after the next check-in: %s", got)
	}
	on := true
	if err := errors.Join(s.SetPosture("laptop", PostureChange{Antivirus: &on}), s.Sync("laptop")); err != nil {
		t.Fatal(err)
	}
	if got := state(t, s, "laptop"); got != StateCompliant {
		t.Errorf("after a forced check-in: %s", got)
	}
	for _, line := range [][]string{{"check_in", "device=LAPTOP-1", "complianceState=compliant", "was=unknown"}, {"check_in", "complianceState=noncompliant", "was=compliant", "failing=antivirus"},
		{"device", "change=posture", "antivirus=false"}, {"device", "change=enrolled"}} {
		if h.Traced(line...) == 0 {
			t.Errorf("no trace %v", line)
		}
	}
}

func TestDevicesSurviveCrash(t *testing.T) {
	s, h := open(t, oneDevice())
	h.Advance(time.Hour)
	off := false
	if err := s.SetPosture("laptop", PostureChange{Antivirus: &off}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Enroll(DeviceConfig{Name: "LAPTOP-2"}); err != nil {
		t.Fatal(err)
	}
	before, _ := s.Device("laptop")
	h = h.Restart()
	if s.Sync("laptop") == nil {
		t.Error("the crashed server stored a check-in")
	}
	h.Advance(9 * time.Hour) // down through the check-in of 8 h
	s, err := Open(h, oneDevice())
	if err != nil {
		t.Fatal(err)
	}
	after, _ := s.Device("laptop")
	if after.ID != before.ID || after.ComplianceState != StateCompliant || after.Posture.Antivirus || len(s.Devices()) != 2 {
		t.Errorf("after the crash: %+v, %d devices", after, len(s.Devices()))
	}
	h.Advance(0)
	if got := state(t, s, "laptop"); got != StateNoncompliant {
		t.Errorf("overdue check-in: %s", got)
	}
	if err := s.Remove("laptop"); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(h.Restart(), oneDevice()); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Device("laptop"); ok {
		t.Error("a removed device is back after a restart")
	}
}

func TestDeviceIDsBeforeEnrolment(t *testing.T) {
	s, h := open(t, Config{})
	id, aad, err := s.DeviceIDs("new")
	if err != nil || !guid.Valid(id) || !guid.Valid(aad) || id == aad {
		t.Fatalf("%s %s %v", id, aad, err)
	}
	if s, err = Open(h.Restart(), Config{}); err != nil {
		t.Fatal(err)
	}
	d, err := s.Enroll(DeviceConfig{Label: "new", Name: "NEW"})
	if err != nil || d.ID != id || d.AzureADDeviceID != aad {
		t.Errorf("enrolled with %s %s, want %s %s; %v", d.ID, d.AzureADDeviceID, id, aad, err)
	}
	if got, _, _ := s.DeviceIDs("new"); got != id {
		t.Errorf("after enrolment: %s", got)
	}
}

func TestClose(t *testing.T) {
	s, h := open(t, Config{Devices: []DeviceConfig{{Label: "c", Name: "C"}, {Label: "b", Name: "B"}}})
	s.Close()
	h.Advance(24 * time.Hour)
	if d, _ := s.Device("c"); d.ComplianceState != StateUnknown {
		t.Error("a check-in after Close")
	}
}
