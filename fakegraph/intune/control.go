package intune

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// ErrNoDevice is returned for a label that names no device.
var ErrNoDevice = errors.New("no such device")

// Keys of the store. A device is under its id; the IDs drawn for a label that has not enrolled yet are under
// the label.
const (
	keyDevice = "device/"
	keyIDs    = "ids/"
	keySeeded = "seeded"
)

// boot loads what earlier boots left, enrols the configuration's devices if there was none, and arms the check-ins.
// A check-in that fell due while the machine was down happens at once.
func (s *Service) boot() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stored []*Device
	var bad error
	err := s.store.Scan(keyDevice, func(key string, value []byte) bool {
		d := &Device{}
		if bad = json.Unmarshal(value, d); bad != nil {
			bad = fmt.Errorf("stored %s: %w", key, bad)
			return false
		}
		stored = append(stored, d)
		return true
	})
	if err = errors.Join(err, bad); err != nil {
		return fmt.Errorf("load devices: %w", err)
	}
	if err := s.loadPolicies(); err != nil {
		return err
	}
	now := s.h.Now()
	for _, d := range stored {
		if d.ComplianceState != StateUnknown {
			d.PolicyStates = s.policyStates(d)
		}
	}
	if stored, err = s.seed(stored, now); err != nil {
		return err
	}
	s.devices.load(stored)
	for _, e := range s.devices.order {
		s.arm(e, now)
	}
	s.openShelves()
	s.wind()
	return nil
}

// seed adds the devices of the configuration to those that are stored, at the first boot.
func (s *Service) seed(stored []*Device, now time.Time) ([]*Device, error) {
	if seeded, err := s.store.Get(keySeeded); err != nil || seeded != nil {
		return stored, err
	}
	ids, taken := make(map[string]string, len(s.cfg.Devices)), make(map[string]bool, len(s.cfg.Devices))
	for _, d := range stored {
		ids[d.ID], taken[d.Label] = d.Label, true
	}
	earlier := len(stored)
	for i := range s.cfg.Devices {
		c := s.cfg.Devices[i]
		if c.Label == "" {
			c.Label = c.Name
		}
		if taken[c.Label] && slices.ContainsFunc(stored[:earlier], func(d *Device) bool { return d.Label == c.Label }) {
			continue // an earlier boot enrolled it before it crashed
		}
		d, err := s.newDevice(&c, now, len(stored), taken[c.Label], ids)
		if err != nil {
			return nil, err
		}
		ids[d.ID], taken[d.Label] = d.Label, true
		stored = append(stored, d)
	}
	return stored, s.store.Put(keySeeded, []byte("1"))
}

// DeviceIDs tells the Intune device ID and the Entra device ID of a device, or those that it will have when it
// enrols under that label without ids of its own.
func (s *Service) DeviceIDs(label string) (id, azureADDeviceID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deviceIDs(label)
}

func (s *Service) deviceIDs(label string) (id, azureADDeviceID string, err error) {
	if e := s.devices.byLabel[label]; e != nil {
		return e.ID, e.AzureADDeviceID, nil
	}
	ids, err := s.store.Get(keyIDs + label)
	if err != nil {
		return "", "", fmt.Errorf("intune: ids of %q: %w", label, err)
	}
	if ids == nil {
		id, azureADDeviceID = NewDeviceIDs(s.h.Rand("device/" + label))
		ids = []byte(id + " " + azureADDeviceID)
		if err := s.store.Put(keyIDs+label, ids); err != nil {
			return "", "", fmt.Errorf("intune: ids of %q: %w", label, err)
		}
	}
	id, azureADDeviceID, _ = strings.Cut(string(ids), " ")
	return id, azureADDeviceID, nil
}

// Enroll makes a device managed. It checks in right afterwards; until then its complianceState is unknown.
func (s *Service) Enroll(c DeviceConfig) (Device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.enroll(c)
	if err != nil {
		return Device{}, fmt.Errorf("intune: %w", err)
	}
	s.wind()
	return d, nil
}

func (s *Service) enroll(c DeviceConfig) (Device, error) {
	if c.Label == "" {
		c.Label = c.Name
	}
	taken := map[string]string{}
	if other := s.devices.byID[strings.ToLower(c.ID)]; other != nil {
		taken[other.ID] = other.Label
	}
	now := s.h.Now()
	d, err := s.newDevice(&c, now, len(s.devices.order), s.devices.byLabel[c.Label] != nil, taken)
	if err != nil {
		return Device{}, err
	}
	e := newEntry(d)
	s.devices.insert(e)
	s.publish(d.ID, d)
	s.arm(e, now)
	return *d, nil
}

// newDevice makes the record of a device that enrols, durable but not yet in the inventory. The tenant has count devices; the
// label may be taken, and ids are those of other labels.
func (s *Service) newDevice(c *DeviceConfig, now time.Time, count int, taken bool, ids map[string]string) (*Device, error) {
	if count >= s.cfg.MaxDevices {
		return nil, fmt.Errorf("enrol %q: %d devices are enrolled already", c.Label, s.cfg.MaxDevices)
	}
	if taken {
		return nil, fmt.Errorf("enrol %q: it is enrolled already", c.Label)
	}
	if c.ID == "" || c.AzureADDeviceID == "" {
		id, aad, err := s.deviceIDs(c.Label)
		if err != nil {
			return nil, err
		}
		if c.ID == "" {
			c.ID = id
		}
		if c.AzureADDeviceID == "" {
			c.AzureADDeviceID = aad
		}
	}
	d, err := c.device(now)
	if err != nil {
		return nil, fmt.Errorf("enrol %q: %w", c.Label, err)
	}
	if other, ok := ids[d.ID]; ok {
		return nil, fmt.Errorf("enrol %q: %q has the id %s already", c.Label, other, d.ID)
	}
	d.NextCheckIn = now
	if !d.LastSync.IsZero() {
		d.Reported = d.Posture
		if s.evaluate(d, d.LastSync); len(d.Graces) > 0 || s.lapsed(d, now) {
			s.evaluate(d, now)
		}
		d.NextCheckIn = s.cfg.nextCheckIn(d.Enrolled, now, d.OperatingSystem)
		d.NextCheckIn = d.NextCheckIn.Add(s.cfg.late(d, d.NextCheckIn))
	} else if d.Forced != "" {
		d.ComplianceState = d.Forced
	}
	if err := s.save(d); err != nil {
		return nil, err
	}
	if !c.Quiet && s.h.Tracing("device") {
		fields := []slog.Attr{slog.String("device", d.Name), slog.String("change", "enrolled"), slog.String("id", d.ID),
			slog.String("azureADDeviceId", d.AzureADDeviceID), slog.String("wiFiMacAddress", d.WiFiMAC), slog.String("ethernetMacAddress", d.EthernetMAC)}
		if d.ComplianceState != StateUnknown {
			fields = append(fields, slog.String("complianceState", d.ComplianceState))
		}
		s.h.Trace("device", fields...)
	}
	return d, nil
}

// SetPosture changes facts on a device. Intune learns of it at the device's next check-in.
func (s *Service) SetPosture(label string, c PostureChange) error {
	return s.change(label, func(e *entry) error {
		if c.Threat != nil {
			if err := checkThreat(*c.Threat); err != nil {
				return err
			}
		}
		if c.OSVersion != nil {
			if err := checkText(*c.OSVersion); err != nil {
				return err
			}
		}
		return s.revise(e, func(d *Device) {
			fields := []slog.Attr{slog.String("device", d.Name), slog.String("change", "posture")}
			s.h.Trace("device", append(fields, c.apply(&d.Posture)...)...)
		})
	})
}

// SetPower switches a device off or on. A device that is off does not check in; what fell due meanwhile is made up for
// when it is switched on.
func (s *Service) SetPower(label string, on bool) error {
	return s.change(label, func(e *entry) error {
		if e.Off == !on {
			return nil
		}
		return s.revise(e, func(d *Device) { d.Off = !on })
	})
}

// Device returns the device of that label as it is now.
func (s *Service) Device(label string) (Device, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.devices.byLabel[label]
	if e == nil {
		return Device{}, false
	}
	return *e.Device, true
}

// Devices returns all devices by name and id.
func (s *Service) Devices() []Device {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]Device, len(s.devices.order))
	for i, e := range s.devices.order {
		all[i] = *e.Device
	}
	return all
}

// change runs f on a device under the lock.
func (s *Service) change(label string, f func(*entry) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.devices.byLabel[label]
	if e == nil {
		return fmt.Errorf("intune: device %q: %w", label, ErrNoDevice)
	}
	if err := s.attended(e, f); err != nil {
		return fmt.Errorf("intune: device %q: %w", label, err)
	}
	return nil
}

// attended runs f on a device and puts on the agenda what follows from it. The caller holds the lock.
func (s *Service) attended(e *entry, f func(*entry) error) error {
	if err := f(e); err != nil {
		return err
	}
	if s.devices.byID[e.ID] == e {
		s.arm(e, s.h.Now())
	}
	s.wind()
	return nil
}

// revise replaces a device by a changed copy, which is durable first. The caller holds the lock.
func (s *Service) revise(e *entry, change func(*Device)) error {
	d := *e.Device
	change(&d)
	if err := s.save(&d); err != nil {
		return err
	}
	s.devices.replace(e, &d)
	s.publish(d.ID, &d)
	return nil
}

// drop removes a device. The caller holds the lock.
func (s *Service) drop(e *entry) error {
	if err := s.store.Delete(keyDevice + e.ID); err != nil {
		return err
	}
	s.agenda.strike(e)
	s.devices.remove(e)
	s.publish(e.ID, nil)
	s.h.Trace("device", slog.String("device", e.Name), slog.String("change", "removed"), slog.String("id", e.ID))
	return nil
}

// save makes a device durable. The caller holds the lock.
func (s *Service) save(d *Device) error {
	value, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return s.store.Put(keyDevice+d.ID, value)
}
