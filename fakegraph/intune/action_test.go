package intune

import (
	"errors"
	"testing"
	"time"
)

func TestRetireAndWipe(t *testing.T) {
	for action, call := range map[string]func(*Service, string) error{
		ActionRetire: (*Service).Retire, ActionWipe: (*Service).Wipe,
	} {
		s, h := open(t, oneDevice())
		h.Advance(time.Minute)
		if err := call(s, "laptop"); err != nil {
			t.Fatal(err)
		}
		at := func(after time.Duration, want, result string) {
			t.Helper()
			h.Advance(after)
			if d, _ := s.Device("laptop"); d.ManagementState != want || len(d.Actions) != 1 || d.Actions[0].Name != action || d.Actions[0].State != result {
				t.Errorf("%s after %v: %s %+v, want %s %s", action, after, d.ManagementState, d.Actions, want, result)
			}
		}
		at(0, action+"Pending", ActionPending)
		at(8*time.Hour-time.Minute, action+"Issued", ActionActive)
		at(59*time.Second, action+"Issued", ActionActive)
		h.Advance(time.Second)
		if _, ok := s.Device("laptop"); ok {
			t.Errorf("%s: the device is there after it has carried it out", action)
		}
	}
}

func TestNoDevice(t *testing.T) {
	s, _ := open(t, Config{})
	for _, err := range []error{s.Retire("x"), s.Wipe("x"), s.Sync("x"), s.Remove("x"), s.Rename("x", "X"), s.SetPosture("x", PostureChange{}), s.ForceState("x", ""),
		s.RetireByID("x"), s.WipeByID("x"), s.SyncByID("x"), s.DeleteByID("x"), s.SetPower("x", true)} {
		if !errors.Is(err, ErrNoDevice) {
			t.Errorf("%v, want ErrNoDevice", err)
		}
	}
}

func TestActionsByID(t *testing.T) {
	s, h := open(t, oneDevice())
	h.Advance(time.Minute)
	d, _ := s.Device("laptop")
	off := false
	if err := errors.Join(s.SetPosture("laptop", PostureChange{Antivirus: &off}), s.SetPower("laptop", false), s.SyncByID(d.ID)); err != nil {
		t.Fatal(err)
	}
	if d, _ = s.Device("laptop"); d.ComplianceState != StateCompliant || d.Actions[0].State != ActionPending {
		t.Errorf("a device that is off: %s %+v", d.ComplianceState, d.Actions)
	}
	if err := errors.Join(s.SetPower("laptop", true), s.SyncByID(d.ID)); err != nil {
		t.Fatal(err)
	}
	if d, _ = s.Device("laptop"); d.ComplianceState != StateNoncompliant || len(d.Actions) != 1 || d.Actions[0].State != ActionDone {
		t.Errorf("a device that is on: %s %+v", d.ComplianceState, d.Actions)
	}
	if err := errors.Join(s.WipeByID(d.ID), s.DeleteByID(d.ID)); err != nil {
		t.Fatal(err)
	}
	if s.Count(ViewGet) != 0 {
		t.Error("a deleted device is there")
	}
	h.Advance(24 * time.Hour)
}

func TestReEnroll(t *testing.T) {
	for _, keep := range []bool{false, true} {
		s, h := open(t, oneDevice())
		h.Advance(time.Minute)
		was, _ := s.Device("laptop")
		renewed, err := s.ReEnroll("laptop", keep)
		if err != nil {
			t.Fatal(err)
		}
		if renewed.ID == was.ID || renewed.AzureADDeviceID != was.AzureADDeviceID || renewed.ComplianceState != StateUnknown || renewed.Label != "laptop" {
			t.Errorf("renewed as %+v", renewed)
		}
		off := false
		if err := s.SetPosture("laptop", PostureChange{Antivirus: &off}); err != nil {
			t.Fatal(err)
		}
		h.Advance(9 * time.Hour)
		if got := state(t, s, "laptop"); got != StateNoncompliant {
			t.Errorf("renewed, it is %s", got)
		}
		twin, ok := s.Device("laptop~1")
		if ok != keep || keep && (twin.ID != was.ID || twin.ComplianceState != StateCompliant || !twin.LastSync.Equal(was.LastSync)) {
			t.Errorf("keep %v: the twin is %v %+v", keep, ok, twin)
		}
		if got := len(s.devices.byMAC) + s.Count(ViewList); keep && got != 2 || !keep && got != 1 {
			t.Errorf("keep %v: %d records and addresses", keep, got)
		}
		if _, err := s.ReEnroll("laptop", true); err != nil {
			t.Error(err)
		}
	}
}

func TestSetRecord(t *testing.T) {
	s, _ := open(t, oneDevice())
	mac, state, text, personal := "001c.b300.0001", "retireFailed", "", true
	if err := s.SetRecord("laptop", RecordChange{WiFiMAC: &mac, MACForm: MACColon, ManagementState: &state, Personal: &personal}); err != nil {
		t.Fatal(err)
	}
	if d, _ := s.Device("laptop"); d.WiFiMAC != "00:1C:B3:00:00:01" || d.ManagementState != state || d.Owner() != OwnerPersonal || d.Name != "LAPTOP-1" {
		t.Errorf("%+v", d)
	}
	bad := "bad"
	for _, c := range []RecordChange{{Name: &text}, {WiFiMAC: &bad}, {EthernetMAC: &mac, MACForm: "upper"}, {ManagementState: &bad}} {
		if s.SetRecord("laptop", c) == nil {
			t.Errorf("%+v is on record", c)
		}
	}
	if s.Rename("laptop", "") == nil || s.Rename("laptop", "\xff") == nil {
		t.Error("renamed to a bad name")
	}
}

// A device that was there before is not news: it has a status, and checks in by its schedule.
func TestKnownDevice(t *testing.T) {
	cfg := oneDevice()
	cfg.Jitter = time.Hour
	cfg.Devices[0].EnrolledAt = start.Add(-100 * 24 * time.Hour)
	cfg.Devices[0].LastSync = start.Add(-5 * time.Hour)
	cfg.Devices = append(cfg.Devices, DeviceConfig{Name: "LOST", Off: true, Posture: Posture{Antivirus: true}, EnrolledAt: start.Add(-90 * 24 * time.Hour), LastSync: start.Add(-31 * 24 * time.Hour)})
	s, h := open(t, cfg)
	if got := state(t, s, "laptop") + " " + state(t, s, "LOST"); got != "compliant noncompliant" {
		t.Errorf("at the start: %s", got)
	}
	h.Advance(0)
	if d, _ := s.Device("laptop"); !d.LastSync.Equal(start.Add(-5 * time.Hour)) {
		t.Errorf("it checked in at %v", d.LastSync)
	}
	h.Advance(9 * time.Hour)
	d, _ := s.Device("laptop")
	if late := d.NextCheckIn.Sub(start) % (8 * time.Hour); d.LastSync.Before(start) || late > time.Hour {
		t.Errorf("it checked in at %v, %v late", d.LastSync, late)
	}
	if h.Traced("change=enrolled", "complianceState=compliant") != 1 || h.Traced("change=enrolled", "complianceState=noncompliant") != 1 {
		t.Error("the trace does not say in which states they were")
	}
}
