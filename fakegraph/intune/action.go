package intune

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Members of managementState that occur (facts 1.2). A device learns of a retirement or a wipe at a check-in, carries it out, and
// is gone.
const (
	Managed       = "managed"
	RetirePending = "retirePending"
	RetireIssued  = "retireIssued"
	WipePending   = "wipePending"
	WipeIssued    = "wipeIssued"
)

// ManagementStates are the members of managementState.
func ManagementStates() []string {
	return []string{Managed, RetirePending, "retireFailed", WipePending, "wipeFailed", "unhealthy", "deletePending", RetireIssued, WipeIssued, "wipeCanceled", "retireCanceled", "discovered"}
}

// An ActionResult is how far a remote action has come (deviceActionResult).
type ActionResult struct {
	// Name is that of the action, for example "syncDevice".
	Name string `json:"actionName"`
	// State is a member of actionState: "pending" until the device checks in, then "active" for what makes it leave, and "done" for the
	// rest.
	State   string    `json:"actionState"`
	Start   time.Time `json:"startDateTime"`
	Updated time.Time `json:"lastUpdatedDateTime"`
}

// Names of remote actions, and members of actionState.
const (
	ActionSync   = "syncDevice"
	ActionRetire = "retire"
	ActionWipe   = "wipe"

	ActionPending = "pending"
	ActionActive  = "active"
	ActionDone    = "done"
)

// obedience is how long a device takes to retire or to wipe itself after the check-in at which it has learnt of it.
const obedience = time.Minute

// order notes a remote action on a device.
func (d *Device) order(name string, now time.Time) {
	d.Actions = slices.DeleteFunc(slices.Clone(d.Actions), func(a ActionResult) bool { return a.Name == name })
	d.Actions = append(d.Actions, ActionResult{Name: name, State: ActionPending, Start: now, Updated: now})
}

// obey lets a device that checks in learn of remote actions.
func (s *Service) obey(d *Device, now time.Time) {
	if len(d.Actions) == 0 {
		return
	}
	d.Actions = slices.Clone(d.Actions)
	for i := range d.Actions {
		a := &d.Actions[i]
		if a.State != ActionPending {
			continue
		}
		a.State, a.Updated = ActionActive, now
		issued := RetireIssued
		switch a.Name {
		case ActionRetire:
		case ActionWipe:
			issued = WipeIssued
		default:
			a.State = ActionDone
			continue
		}
		d.ManagementState, d.Leaves = issued, now.Add(obedience)
		s.h.Trace("device", slog.String("device", d.Name), slog.String("change", a.Name+" issued"), slog.String("id", d.ID))
	}
}

// ErrOff is returned by Sync for a device that is switched off.
var ErrOff = errors.New("the device is switched off")

// Sync makes a device check in now. Its schedule does not change.
func (s *Service) Sync(label string) error {
	return s.change(label, func(e *entry) error {
		if e.Off {
			return ErrOff
		}
		return s.checkIn(e, s.h.Now(), e.NextCheckIn)
	})
}

// Retire asks for a device to be retired: it is retirePending until its next check-in, then retireIssued, and a minute later
// gone.
func (s *Service) Retire(label string) error { return s.change(label, s.leave(ActionRetire)) }

// Wipe asks for a device to be wiped, which goes as [Service.Retire] does.
func (s *Service) Wipe(label string) error { return s.change(label, s.leave(ActionWipe)) }

// leave is what begins a retirement or a wipe.
func (s *Service) leave(action string) func(*entry) error {
	return func(e *entry) error {
		if !e.Leaves.IsZero() {
			return nil // it does so already
		}
		s.h.Trace("device", slog.String("device", e.Name), slog.String("change", action+" pending"), slog.String("id", e.ID))
		return s.revise(e, func(d *Device) {
			d.ManagementState = action + "Pending"
			d.order(action, s.h.Now())
		})
	}
}

// Remove deletes a device at once. Its label can enrol again.
func (s *Service) Remove(label string) error { return s.change(label, s.drop) }

// SyncByID is Graph's syncDevice on the device of that Intune device ID: it checks in, at once if it is on, or else when it is.
func (s *Service) SyncByID(id string) error {
	return s.changeID(id, func(e *entry) error {
		now := s.h.Now()
		if err := s.revise(e, func(d *Device) { d.order(ActionSync, now) }); err != nil || e.Off {
			return err
		}
		return s.checkIn(e, now, e.NextCheckIn)
	})
}

// OrderByID is one of Graph's remote actions that change nothing in what Intune knows of a device, such as rebootNow: the device
// carries it out at its next check-in.
func (s *Service) OrderByID(id, action string) error {
	return s.changeID(id, func(e *entry) error {
		return s.revise(e, func(d *Device) { d.order(action, s.h.Now()) })
	})
}

// RetireByID is Graph's retire.
func (s *Service) RetireByID(id string) error { return s.changeID(id, s.leave(ActionRetire)) }

// WipeByID is Graph's wipe.
func (s *Service) WipeByID(id string) error { return s.changeID(id, s.leave(ActionWipe)) }

// DeleteByID deletes the device of that Intune device ID at once.
func (s *Service) DeleteByID(id string) error { return s.changeID(id, s.drop) }

// changeID runs f on the device of an Intune device ID under the lock.
func (s *Service) changeID(id string, f func(*entry) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.devices.byID[strings.ToLower(id)]
	if e == nil {
		return fmt.Errorf("intune: device %s: %w", id, ErrNoDevice)
	}
	if err := s.attended(e, f); err != nil {
		return fmt.Errorf("intune: device %s: %w", id, err)
	}
	return nil
}

// ReEnroll lets a device enrol anew: it has a new Intune device ID and the same Entra device ID. With keep the record that it had
// stays behind as a stale twin, which never checks in and has the label of the device with "~" and a number; otherwise it is
// deleted.
func (s *Service) ReEnroll(label string, keep bool) (Device, error) {
	var renewed Device
	err := s.change(label, func(e *entry) error {
		old := *e.Device
		if !keep {
			if err := s.drop(e); err != nil {
				return err
			}
		} else if err := s.revise(e, func(d *Device) { d.Label, d.Off = s.freeLabel(label), true }); err != nil {
			return err
		}
		id, _ := NewDeviceIDs(s.h.Rand("device/" + label + "/again"))
		d, err := s.enroll(DeviceConfig{
			Label: label, Name: old.Name, ID: id, AzureADDeviceID: old.AzureADDeviceID, WiFiMAC: old.WiFiMAC, EthernetMAC: old.EthernetMAC,
			SerialNumber: old.SerialNumber, IMEI: old.IMEI, UserPrincipalName: old.UserPrincipalName, OperatingSystem: old.OperatingSystem,
			Manufacturer: old.Manufacturer, Model: old.Model, Personal: old.Personal, Posture: old.Posture, Off: old.Off, Quiet: old.Quiet,
		})
		renewed = d
		return err
	})
	return renewed, err
}

// freeLabel is one for the stale twin of a device.
func (s *Service) freeLabel(label string) string {
	for n := 1; ; n++ {
		if free := fmt.Sprintf("%s~%d", label, n); s.devices.byLabel[free] == nil {
			return free
		}
	}
}
