package intune

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// A RecordChange changes what Intune has on record of a device, in the fields that are not nil.
type RecordChange struct {
	Name, WiFiMAC, EthernetMAC, UserPrincipalName, SerialNumber *string
	// MACForm is how addresses that are changed are written; the default is [MACBare].
	MACForm MACForm
	// ManagementState is one of [ManagementStates].
	ManagementState *string
	Personal        *bool
	// ManagedName is managedDeviceName, and Notes are an administrator's.
	ManagedName, Notes *string
}

// SetRecord changes the record of a device. A name changes on the device too. Its label stays.
func (s *Service) SetRecord(label string, c RecordChange) error {
	return s.change(label, s.record(c))
}

// SetRecordByID is SetRecord for the device of that Intune device ID.
func (s *Service) SetRecordByID(id string, c RecordChange) error {
	return s.changeID(id, s.record(c))
}

// record is what changes a record.
func (s *Service) record(c RecordChange) func(*entry) error {
	return func(e *entry) error {
		changed := *e.Device
		if err := c.apply(&changed); err != nil {
			return err
		}
		if err := changed.check(s.h.Now()); err != nil {
			return err
		}
		was := e.Name
		if err := s.revise(e, func(d *Device) { *d = changed }); err != nil {
			return err
		}
		if was != e.Name {
			s.h.Trace("device", slog.String("device", e.Name), slog.String("change", "renamed"), slog.String("was", was), slog.String("id", e.ID))
		}
		return nil
	}
}

func (c *RecordChange) apply(d *Device) (err error) {
	set := func(to, value *string) {
		if value != nil {
			*to = *value
		}
	}
	set(&d.Name, c.Name)
	set(&d.UserPrincipalName, c.UserPrincipalName)
	set(&d.SerialNumber, c.SerialNumber)
	set(&d.ManagedName, c.ManagedName)
	set(&d.Notes, c.Notes)
	if c.WiFiMAC != nil {
		if d.WiFiMAC, err = c.MACForm.write(*c.WiFiMAC); err != nil {
			return err
		}
	}
	if c.EthernetMAC != nil {
		if d.EthernetMAC, err = c.MACForm.write(*c.EthernetMAC); err != nil {
			return err
		}
	}
	if c.ManagementState != nil {
		if !slices.Contains(ManagementStates(), *c.ManagementState) {
			return fmt.Errorf("management state %q is none that Intune has", *c.ManagementState)
		}
		d.ManagementState = *c.ManagementState
	}
	if c.Personal != nil {
		d.Personal = *c.Personal
	}
	return nil
}

// Rename gives a device another deviceName, in Intune and on the device. Its label stays.
func (s *Service) Rename(label, name string) error {
	return s.SetRecord(label, RecordChange{Name: &name})
}

// ForceState gives a device a complianceState whatever its posture, at once; an empty one lets the policies decide again.
func (s *Service) ForceState(label, state string) error {
	if err := checkState(state); err != nil {
		return fmt.Errorf("intune: device %q: %w", label, err)
	}
	return s.change(label, func(e *entry) error {
		if err := s.revise(e, func(d *Device) { d.Forced = state }); err != nil {
			return err
		}
		if state == "" && e.LastSync.IsZero() {
			return s.revise(e, func(d *Device) {
				d.ComplianceState, d.Failing, d.Graces, d.GraceEnds, d.PolicyStates = StateUnknown, nil, nil, time.Time{}, nil
			})
		}
		return s.reassess(e, s.h.Now())
	})
}

// keyPolicies is where policies are that have been changed.
const keyPolicies = "policies"

// changedPolicies are policies that replace those of the configuration with that fingerprint.
type changedPolicies struct {
	Of       string             `json:"of"`
	Policies []CompliancePolicy `json:"policies"`
}

func fingerprint(policies []CompliancePolicy) string {
	text, _ := json.Marshal(policies) // they hold nothing that JSON cannot express
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// loadPolicies puts those of the configuration in force, or what they were changed to.
func (s *Service) loadPolicies() error {
	s.policies = s.cfg.Policies
	value, err := s.store.Get(keyPolicies)
	if err != nil || value == nil {
		return err
	}
	var changed changedPolicies
	if err := json.Unmarshal(value, &changed); err != nil {
		return fmt.Errorf("stored policies: %w", err)
	}
	if changed.Of == fingerprint(s.cfg.Policies) {
		s.policies = changed.Policies
	}
	return nil
}

// Policies returns the compliance policies in force.
func (s *Service) Policies() []CompliancePolicy {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.policies)
}

// SetPolicies replaces the compliance policies. Devices are evaluated against them at their next check-in, or with atOnce all of
// them now, by what they reported last: a mistake in a policy flips a whole tenant. A policy that differs from the one with its id has
// the next version.
func (s *Service) SetPolicies(policies []CompliancePolicy, atOnce bool) error {
	policies, err := checkPolicies(policies)
	if err != nil {
		return fmt.Errorf("intune: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range policies {
		for _, was := range s.policies {
			if p := &policies[i]; p.ID == was.ID {
				p.Version = was.Version
				if fingerprint([]CompliancePolicy{*p}) != fingerprint([]CompliancePolicy{was}) {
					p.Version++
				}
			}
		}
	}
	value, err := json.Marshal(changedPolicies{fingerprint(s.cfg.Policies), policies})
	if err != nil {
		return fmt.Errorf("intune: %w", err)
	}
	if err := s.store.Put(keyPolicies, value); err != nil {
		return fmt.Errorf("intune: store the policies: %w", err)
	}
	s.policies = policies
	clear(s.shared)
	s.h.Trace("compliance_policy", slog.String("policies", policyNames(policies)), slog.Bool("at_once", atOnce))
	if atOnce {
		s.reassessAll()
	}
	return nil
}

func policyNames(policies []CompliancePolicy) string {
	names := ""
	for i := range policies {
		if i > 0 {
			names += ", "
		}
		names += policies[i].Name
	}
	return names
}

// reassessAll puts every device that has reported on the agenda now. The caller holds the lock.
func (s *Service) reassessAll() {
	now := s.h.Now()
	for _, e := range s.devices.order {
		if !e.LastSync.IsZero() {
			s.agenda.note(e, now)
		}
	}
	s.wind()
}
