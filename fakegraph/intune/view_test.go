package intune

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// labels are those of the devices that a view lists.
func labels(s *Service, v View, named string) []string {
	var found []string
	s.List(v, Place{}, named, func(d *Device) bool {
		found = append(found, d.Label)
		return true
	})
	return found
}

// facts 3.4: each view lags on its own.
func TestViewsLag(t *testing.T) {
	cfg := oneDevice()
	cfg.Delays = Delays{List: 10 * time.Minute, NAC: time.Minute, Entra: time.Minute}
	s, h := open(t, cfg)
	h.Advance(time.Hour)
	off := false
	_, err := s.Enroll(DeviceConfig{Label: "late", Name: "LATE", WiFiMAC: "00:1c:b3:00:00:01", UserPrincipalName: "Ada@corp.example"})
	if err := errors.Join(err, s.SetPosture("laptop", PostureChange{Antivirus: &off}), s.Sync("laptop"), s.Rename("laptop", "ZULU")); err != nil {
		t.Fatal(err)
	}
	laptop, _ := s.Device("laptop")
	late, _ := s.Device("late")
	seen := func(v View) string {
		state, found := "gone", 0
		s.ByID(v, laptop.ID, func(d *Device) { state = d.Name + " " + d.ComplianceState })
		s.ByMAC(v, "001c.b300.0001", func(*Device) bool { found++; return true })
		s.OfUser(v, "ada@CORP.example", func(*Device) bool { found++; return true })
		if s.ByID(v, late.ID, func(*Device) {}) {
			found++
		}
		return fmt.Sprintf("%s %d of %d", state, found, s.Count(v))
	}
	for _, step := range []struct {
		after          time.Duration
		list, get, nac string
	}{
		{0, "LAPTOP-1 compliant 0 of 1", "ZULU noncompliant 3 of 2", "LAPTOP-1 compliant 0 of 1"},
		{59 * time.Second, "LAPTOP-1 compliant 0 of 1", "ZULU noncompliant 3 of 2", "LAPTOP-1 compliant 0 of 1"},
		{time.Second, "LAPTOP-1 compliant 0 of 1", "ZULU noncompliant 3 of 2", "ZULU noncompliant 3 of 2"},
		{9 * time.Minute, "ZULU noncompliant 3 of 2", "ZULU noncompliant 3 of 2", "ZULU noncompliant 3 of 2"},
	} {
		h.Advance(step.after)
		for v, want := range map[View]string{ViewList: step.list, ViewGet: step.get, ViewNAC: step.nac, ViewEntra: step.nac} {
			if got := seen(v); got != want {
				t.Errorf("after %v more: view %d shows %s, want %s", step.after, v, got, want)
			}
		}
	}
	if got, want := labels(s, ViewList, ""), []string{"late", "laptop"}; !slices.Equal(got, want) {
		t.Errorf("the list is %v, want %v: by the new name", got, want)
	}
	if err := s.Remove("late"); err != nil {
		t.Fatal(err)
	}
	if s.Count(ViewGet) != 1 || s.Count(ViewList) != 2 {
		t.Error("a removed device is still there in the list only")
	}
	h.Advance(10 * time.Minute)
	if s.Count(ViewList) != 1 {
		t.Error("a removed device stays in the list")
	}
	if pending := len(s.shelves[ViewList].coming); pending != 0 {
		t.Errorf("%d versions are kept that everybody has seen", pending)
	}
}

// A dock shows up in several records, and leaves the index with the last of them.
func TestByMAC(t *testing.T) {
	s, _ := open(t, Config{Devices: []DeviceConfig{
		{Name: "B", WiFiMAC: "00-1C-B3-00-00-02", EthernetMAC: "001CB3000001"},
		{Name: "A", EthernetMAC: "00:1c:b3:00:00:01"},
		{Name: "C", WiFiMAC: "001CB3000001", EthernetMAC: "001CB3000001"},
	}})
	count := func(mac string) (n int) {
		s.ByMAC(ViewNAC, mac, func(*Device) bool { n++; return true })
		return n
	}
	for _, label := range []string{"A", "B", "C"} {
		if got, want := count("00:1C:B3:00:00:01"), 3-int(label[0]-'A'); got != want {
			t.Errorf("before %s is removed %d devices have the address, want %d", label, got, want)
		}
		if err := s.Remove(label); err != nil {
			t.Fatal(err)
		}
	}
	if got := count("001CB3000001"); got != 0 || len(s.devices.byMAC) != 0 || len(s.devices.byUser) != 0 {
		t.Errorf("%d devices are left; the indexes hold %d and %d", got, len(s.devices.byMAC), len(s.devices.byUser))
	}
	if count("") != 0 || count("nonsense") != 0 {
		t.Error("devices have an address that is none")
	}
}

func TestNegativeDelay(t *testing.T) {
	if _, err := Open(newMachine(t), Config{Delays: Delays{Entra: -1}}); err == nil {
		t.Error("a view is ahead of its time")
	}
}
