package intune

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
	s.devices.load(stored)
	for _, e := range s.devices.order {
		s.arm(e)
	}
	defer s.openShelves()
	defer s.wind()
	if seeded, err := s.store.Get(keySeeded); err != nil || seeded != nil {
		return err
	}
	for _, d := range s.cfg.Devices {
		if d.Label == "" {
			d.Label = d.Name
		}
		if s.devices.byLabel[d.Label] != nil && len(stored) > 0 {
			continue // an earlier boot enrolled it before it crashed
		}
		if _, err := s.enroll(d); err != nil {
			return err
		}
	}
	return s.store.Put(keySeeded, []byte("1"))
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
	if len(s.devices.order) >= s.cfg.MaxDevices {
		return Device{}, fmt.Errorf("enrol %q: %d devices are enrolled already", c.Label, s.cfg.MaxDevices)
	}
	if s.devices.byLabel[c.Label] != nil {
		return Device{}, fmt.Errorf("enrol %q: it is enrolled already", c.Label)
	}
	if c.ID == "" || c.AzureADDeviceID == "" {
		id, aad, err := s.deviceIDs(c.Label)
		if err != nil {
			return Device{}, err
		}
		if c.ID == "" {
			c.ID = id
		}
		if c.AzureADDeviceID == "" {
			c.AzureADDeviceID = aad
		}
	}
	now := s.h.Now()
	d, err := c.device(now)
	if err != nil {
		return Device{}, fmt.Errorf("enrol %q: %w", c.Label, err)
	}
	if other := s.devices.byID[d.ID]; other != nil {
		return Device{}, fmt.Errorf("enrol %q: %q has the id %s already", c.Label, other.Label, d.ID)
	}
	d.NextCheckIn = now
	if err := s.save(&d); err != nil {
		return Device{}, err
	}
	e := newEntry(&d)
	s.devices.insert(e)
	s.publish(d.ID, &d)
	s.h.Trace("device", slog.String("device", d.Name), slog.String("change", "enrolled"), slog.String("id", d.ID),
		slog.String("azureADDeviceId", d.AzureADDeviceID), slog.String("wiFiMacAddress", d.WiFiMAC),
		slog.String("ethernetMacAddress", d.EthernetMAC))
	s.arm(e)
	return d, nil
}

// SetPosture changes facts on a device. Intune learns of it at the device's next check-in.
func (s *Service) SetPosture(label string, c PostureChange) error {
	return s.change(label, func(e *entry) error {
		fields := []slog.Attr{slog.String("device", e.Name), slog.String("change", "posture")}
		set := func(name Fact, fact, value *bool) {
			if value != nil {
				*fact = *value
				fields = append(fields, slog.Bool(string(name), *value))
			}
		}
		return s.revise(e, func(d *Device) {
			set(Antivirus, &d.Posture.Antivirus, c.Antivirus)
			set(Firewall, &d.Posture.Firewall, c.Firewall)
			set(Encryption, &d.Posture.Encryption, c.Encryption)
			if c.PatchLevel != nil {
				d.Posture.PatchLevel = *c.PatchLevel
				fields = append(fields, slog.String(string(PatchLevel), c.PatchLevel.UTC().Format(time.DateOnly)))
			}
			s.h.Trace("device", fields...)
		})
	})
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

// SetPower switches a device off or on. A device that is off does not check in; what fell due meanwhile is made up for
// when it is switched on.
func (s *Service) SetPower(label string, on bool) error {
	return s.change(label, func(e *entry) error {
		if e.Off == !on {
			return nil
		}
		if err := s.revise(e, func(d *Device) { d.Off = !on }); err != nil {
			return err
		}
		s.arm(e) // a check-in that is overdue happens at once
		return nil
	})
}

// Rename gives a device another deviceName, in Intune and on the device. Its label stays.
func (s *Service) Rename(label, name string) error {
	return s.change(label, func(e *entry) error {
		if name == "" {
			return errors.New("no name")
		}
		if err := checkText(name); err != nil {
			return err
		}
		was := e.Name
		if err := s.revise(e, func(d *Device) { d.Name = name }); err != nil {
			return err
		}
		s.h.Trace("device", slog.String("device", name), slog.String("change", "renamed"), slog.String("was", was), slog.String("id", e.ID))
		return nil
	})
}

// Retire asks for a device to be retired: it is retirePending until its next check-in, which removes it.
func (s *Service) Retire(label string) error {
	return s.change(label, func(e *entry) error {
		s.h.Trace("device", slog.String("device", e.Name), slog.String("change", "retire pending"), slog.String("id", e.ID))
		return s.revise(e, func(d *Device) { d.ManagementState = retirePending })
	})
}

// Remove deletes a device at once. Its label can enrol again.
func (s *Service) Remove(label string) error {
	return s.change(label, s.drop)
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
	if err := f(e); err != nil {
		return fmt.Errorf("intune: device %q: %w", label, err)
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
