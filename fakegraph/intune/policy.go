package intune

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nacsim/internal/guid"
)

// A CompliancePolicy is what a compliant device must have. Several can be in force; of what they say about a device the
// worst counts.
type CompliancePolicy struct {
	// ID is a GUID and Name what the administrator calls it. Left out, the ID is derived from the name, and the name is
	// "Compliance policy".
	ID   string `json:"id"`
	Name string `json:"name"`
	// Version counts the changes of the policy. The default is 1.
	Version int `json:"version"`
	// Platform is one of [Platforms]. The policy says nothing about devices of others. The default is [PlatformAll].
	Platform string `json:"platform"`

	// Require lists the facts. With none every device complies.
	Require []Fact `json:"require"`
	// MinimumPatchLevel is the oldest patch level that complies; only its date counts. It must be set when Require
	// contains PatchLevel, as MinimumOSVersion for OSVersion and MaximumThreat for ThreatLevel.
	MinimumPatchLevel time.Time `json:"minimumPatchLevel,omitzero"`
	MinimumOSVersion  string    `json:"minimumOSVersion,omitempty"`
	MaximumThreat     string    `json:"maximumThreat,omitempty"`
	// Grace is how long a device that fails the policy is inGracePeriod before it becomes noncompliant. 0 means
	// at once.
	Grace time.Duration `json:"grace,omitempty"`

	// Assigned says whom the policy is for. The zero value means all devices.
	Assigned Assignment `json:"assigned,omitzero"`
	// Outcome is what the policy ends in on every device, whatever its posture: [StateError] or [StateConflict], for tests. Empty means
	// that it is evaluated.
	Outcome string `json:"outcome,omitempty"`
}

// An Assignment says which devices a policy is for: those that meet each of its fields that is set.
type Assignment struct {
	// Owner is "company" or "personal".
	Owner string `json:"owner,omitempty"`
	// Groups are groups of users, by id or name; one of them suffices. Excluded ones are exempt.
	Groups   []string `json:"groups,omitempty"`
	Excluded []string `json:"excluded,omitempty"`
}

// Platforms of policies (policyPlatformType, facts 2.2).
const (
	PlatformAll            = "all"
	PlatformWindows        = "windows10AndLater"
	PlatformIOS            = "iOS"
	PlatformMacOS          = "macOS"
	PlatformAndroid        = "android"
	PlatformAndroidForWork = "androidForWork"
)

// Platforms are those of policies.
func Platforms() []string {
	return []string{PlatformAll, PlatformWindows, PlatformIOS, PlatformMacOS, PlatformAndroid, PlatformAndroidForWork}
}

// Members of complianceState (facts 1.2). The compliance engine itself yields the first four.
const (
	StateUnknown       = "unknown"
	StateCompliant     = "compliant"
	StateNoncompliant  = "noncompliant"
	StateInGracePeriod = "inGracePeriod"
	StateConflict      = "conflict"
	StateError         = "error"
	StateConfigManager = "configManager"
)

// States are the members of complianceState.
func States() []string {
	return []string{StateUnknown, StateCompliant, StateNoncompliant, StateConflict, StateError, StateInGracePeriod, StateConfigManager}
}

// severity orders what policies say about a device (facts 1.5); where a conflict stands is not documented.
func severity(state string) int {
	return slices.Index([]string{StateUnknown, StateCompliant, StateInGracePeriod, StateNoncompliant, StateError, StateConflict}, state)
}

// maxPolicies bounds the compliance policies of a tenant.
const maxPolicies = 100

// checkPolicies completes policies and reports what cannot work.
func checkPolicies(policies []CompliancePolicy) ([]CompliancePolicy, error) {
	if len(policies) > maxPolicies {
		return nil, fmt.Errorf("%d compliance policies are more than %d", len(policies), maxPolicies)
	}
	policies = slices.Clone(policies)
	for i := range policies {
		p := &policies[i]
		if err := p.complete(); err != nil {
			return nil, err
		}
		for _, other := range policies[:i] {
			if other.ID == p.ID {
				return nil, fmt.Errorf("compliance policies %q and %q have the same id %s", other.Name, p.Name, p.ID)
			}
		}
	}
	return policies, nil
}

func (p *CompliancePolicy) complete() error {
	if p.Name == "" {
		p.Name = "Compliance policy"
	}
	if err := checkText(p.Name); err != nil {
		return err
	}
	if p.ID == "" {
		p.ID = guid.Derived("compliance policy/" + p.Name)
	}
	if p.ID = strings.ToLower(p.ID); !guid.Valid(p.ID) {
		return fmt.Errorf("compliance policy %q has the id %q, which is not a GUID", p.Name, p.ID)
	}
	if p.Platform == "" {
		p.Platform = PlatformAll
	}
	if !slices.Contains(Platforms(), p.Platform) {
		return fmt.Errorf("compliance policy %q is for the platform %q, want %s", p.Name, p.Platform, strings.Join(Platforms(), ", "))
	}
	p.Version = max(p.Version, 1)
	if p.Grace < 0 {
		return fmt.Errorf("compliance policy has a negative grace period %v", p.Grace)
	}
	if p.Outcome != "" && p.Outcome != StateError && p.Outcome != StateConflict {
		return fmt.Errorf("compliance policy %q ends in %q, want error or conflict", p.Name, p.Outcome)
	}
	if o := p.Assigned.Owner; o != "" && o != OwnerCompany && o != OwnerPersonal {
		return fmt.Errorf("compliance policy %q is for the owner %q, want company or personal", p.Name, o)
	}
	return p.checkFacts()
}

func (p *CompliancePolicy) checkFacts() error {
	for i, f := range p.Require {
		if !slices.Contains(Facts(), f) {
			return fmt.Errorf("compliance policy requires %q, want one of %s", f, joinFacts(Facts()))
		}
		if slices.Contains(p.Require[:i], f) {
			return fmt.Errorf("compliance policy requires %q twice", f)
		}
		switch {
		case f == PatchLevel && p.MinimumPatchLevel.IsZero():
			return errors.New("compliance policy requires a patch level but has no minimum")
		case f == OSVersion && p.MinimumOSVersion == "":
			return errors.New("compliance policy requires an OS version but has no minimum")
		case f == ThreatLevel && !slices.Contains(threats, p.MaximumThreat):
			return fmt.Errorf("compliance policy requires a threat level but has the maximum %q, want %s", p.MaximumThreat, strings.Join(threats, ", "))
		}
	}
	return nil
}

// appliesTo reports whether the policy is for a device.
func (p *CompliancePolicy) appliesTo(d *Device, inGroup func(user, group string) bool) bool {
	if p.Platform != PlatformAll && p.Platform != platformOf(d.OperatingSystem) &&
		!(p.Platform == PlatformAndroidForWork && platformOf(d.OperatingSystem) == PlatformAndroid) {
		return false
	}
	a := &p.Assigned
	if a.Owner != "" && a.Owner != d.Owner() {
		return false
	}
	member := func(group string) bool { return inGroup != nil && inGroup(d.UserPrincipalName, group) }
	if slices.ContainsFunc(a.Excluded, member) {
		return false
	}
	return len(a.Groups) == 0 || slices.ContainsFunc(a.Groups, member)
}

// platformOf is the platform of an operating system, or "" for one that no policy is for.
func platformOf(operatingSystem string) string {
	switch strings.ToLower(operatingSystem) {
	case "windows":
		return PlatformWindows
	case "ios", "ipados":
		return PlatformIOS
	case "macos":
		return PlatformMacOS
	case "android":
		return PlatformAndroid
	}
	return ""
}

// failing returns the required facts that a posture lacks.
func (p *CompliancePolicy) failing(posture *Posture) []Fact {
	var failing []Fact
	for _, f := range p.Require {
		if !p.has(posture, f) {
			failing = append(failing, f)
		}
	}
	return failing
}

// Check reports what is wrong with a policy, as far as that shows without the others.
func (p CompliancePolicy) Check() error { return p.complete() }
