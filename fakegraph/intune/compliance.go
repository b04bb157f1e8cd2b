package intune

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Fact is something that a compliance policy can require of a device.
type Fact string

const (
	Antivirus  Fact = "antivirus"
	Firewall   Fact = "firewall"
	Encryption Fact = "encryption"
	// PatchLevel requires a security update that is not older than the policy's MinimumPatchLevel.
	PatchLevel Fact = "patch_level"
)

// A Posture is the state of a device as far as compliance policies look at it.
type Posture struct {
	Antivirus  bool `json:"antivirus"`
	Firewall   bool `json:"firewall"`
	Encryption bool `json:"encryption"`
	// PatchLevel is the date of the latest security update. The zero time means that none is known.
	PatchLevel time.Time `json:"patch_level"`
}

// A PostureChange changes the facts that are not nil.
type PostureChange struct {
	Antivirus  *bool
	Firewall   *bool
	Encryption *bool
	PatchLevel *time.Time
}

// A CompliancePolicy is what a compliant device must have.
type CompliancePolicy struct {
	// Require lists the facts. With none every device complies.
	Require []Fact
	// MinimumPatchLevel is the oldest patch level that complies; only its date counts. It must be set when Require
	// contains PatchLevel.
	MinimumPatchLevel time.Time
	// Grace is how long a device that fails the policy is inGracePeriod before it becomes noncompliant. 0 means
	// at once.
	Grace time.Duration
}

// Members of complianceState that the compliance engine yields (facts 1.2).
const (
	StateUnknown       = "unknown"
	StateCompliant     = "compliant"
	StateNoncompliant  = "noncompliant"
	StateInGracePeriod = "inGracePeriod"
)

func (p *CompliancePolicy) check() error {
	for i, f := range p.Require {
		switch f {
		case Antivirus, Firewall, Encryption, PatchLevel:
		default:
			return fmt.Errorf("compliance policy requires %q, want antivirus, firewall, encryption or patch_level", f)
		}
		if slices.Contains(p.Require[:i], f) {
			return fmt.Errorf("compliance policy requires %q twice", f)
		}
		if f == PatchLevel && p.MinimumPatchLevel.IsZero() {
			return errors.New("compliance policy requires a patch level but has no minimum")
		}
	}
	if p.Grace < 0 {
		return fmt.Errorf("compliance policy has a negative grace period %v", p.Grace)
	}
	return nil
}

// failing returns the required facts that a posture lacks. A nil policy requires nothing.
func (p *CompliancePolicy) failing(posture Posture) []Fact {
	if p == nil {
		return nil
	}
	var failing []Fact
	for _, f := range p.Require {
		ok := false
		switch f {
		case Antivirus:
			ok = posture.Antivirus
		case Firewall:
			ok = posture.Firewall
		case Encryption:
			ok = posture.Encryption
		case PatchLevel:
			ok = !date(posture.PatchLevel).Before(date(p.MinimumPatchLevel))
		}
		if !ok {
			failing = append(failing, f)
		}
	}
	return failing
}

// evaluate sets what the policy says of a device that reports its posture at time now. The grace period begins at
// the first evaluation that fails; it is over at the first one at or after its end.
func (p *CompliancePolicy) evaluate(d *Device, now time.Time) {
	d.Reported = d.Posture
	d.Failing = p.failing(d.Posture)
	if len(d.Failing) == 0 {
		d.ComplianceState, d.GraceEnds = StateCompliant, time.Time{}
		return
	}
	if d.GraceEnds.IsZero() {
		d.GraceEnds = now.Add(p.Grace)
	}
	d.ComplianceState = StateNoncompliant
	if now.Before(d.GraceEnds) {
		d.ComplianceState = StateInGracePeriod
	}
}

func date(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}
