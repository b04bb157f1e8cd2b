package intune

import (
	"slices"
	"strings"
	"time"
)

// A PolicyState is what a compliance policy says about a device (deviceCompliancePolicyState, facts 2.2). Devices about which the
// policies say the same share it.
type PolicyState struct {
	ID, Name, Platform string
	Version            int
	// State is a member of complianceStatus: "compliant", "nonCompliant", "error" or "conflict". Unlike complianceState it knows no
	// grace period.
	State        string
	SettingCount int
	Settings     []SettingState
}

// A SettingState is what a policy says about one of the facts that it requires.
type SettingState struct {
	// Setting is its name in Intune, for example "Windows10CompliancePolicy.ActiveFirewallRequired".
	Setting string
	Fact    Fact
	State   string
}

// Members of complianceStatus that occur (facts 1.2). It has a capital where complianceState has none.
const (
	StatusCompliant    = "compliant"
	StatusNonCompliant = "nonCompliant"
	StatusError        = "error"
	StatusConflict     = "conflict"
)

// A Grace is the grace period of a policy that a device fails.
type Grace struct {
	Policy string    `json:"policy"`
	Ends   time.Time `json:"ends"`
}

// evaluate sets what the policies say of a device by the posture that it last reported. A grace period begins at the first
// evaluation that fails; it is over at the first one at or after its end.
func (s *Service) evaluate(d *Device, now time.Time) {
	was := d.Graces
	d.Graces, d.Failing, d.GraceEnds = nil, nil, time.Time{}
	state, applies := StateUnknown, false
	for i := range s.policies {
		p := &s.policies[i]
		if !p.appliesTo(d, s.cfg.InGroup) {
			continue
		}
		applies = true
		one := p.Outcome
		if one == "" {
			one = d.measure(p, was, now)
		}
		if severity(one) > severity(state) {
			state = one
		}
	}
	if !applies {
		state = StateCompliant
		if s.cfg.NoPolicyFails {
			state, d.Failing = StateNoncompliant, []Fact{HasPolicy}
		}
	}
	if s.lapsed(d, now) && severity(state) < severity(StateNoncompliant) {
		state, d.Failing = StateNoncompliant, append(d.Failing, Active)
	}
	if d.Forced != "" {
		state = d.Forced
	}
	d.ComplianceState = state
	d.PolicyStates = s.policyStates(d)
}

// measure is what one policy says of a device, with the grace periods so far.
func (d *Device) measure(p *CompliancePolicy, was []Grace, now time.Time) string {
	failing := p.failing(&d.Reported)
	if len(failing) == 0 {
		return StateCompliant
	}
	for _, f := range failing {
		if !slices.Contains(d.Failing, f) {
			d.Failing = append(d.Failing, f)
		}
	}
	ends := now.Add(p.Grace)
	if i := slices.IndexFunc(was, func(g Grace) bool { return g.Policy == p.ID }); i >= 0 {
		ends = was[i].Ends
	}
	d.Graces = append(d.Graces, Grace{p.ID, ends})
	if d.GraceEnds.IsZero() || ends.Before(d.GraceEnds) {
		d.GraceEnds = ends
	}
	if now.Before(ends) {
		return StateInGracePeriod
	}
	return StateNoncompliant
}

// lapsed reports whether the status of a device is not valid any more.
func (s *Service) lapsed(d *Device, now time.Time) bool {
	return s.cfg.Validity > 0 && !d.LastSync.IsZero() && now.Sub(d.LastSync) >= s.cfg.Validity
}

// maxShared bounds the policy states that are kept to be shared.
const maxShared = 4096

// policyStates returns what each policy says of a device by the posture that it last reported.
func (s *Service) policyStates(d *Device) []PolicyState {
	var key strings.Builder
	var applying []*CompliancePolicy
	for i := range s.policies {
		if p := &s.policies[i]; p.appliesTo(d, s.cfg.InGroup) {
			applying = append(applying, p)
			key.WriteString(p.ID + platformOf(d.OperatingSystem) + ":" + joinFacts(p.failing(&d.Reported)) + ";")
		}
	}
	if states, ok := s.shared[key.String()]; ok {
		return states
	}
	states := make([]PolicyState, len(applying))
	for i, p := range applying {
		states[i] = p.state(d)
	}
	if len(s.shared) >= maxShared {
		clear(s.shared)
	}
	s.shared[key.String()] = states
	return states
}

func (p *CompliancePolicy) state(d *Device) PolicyState {
	state := PolicyState{ID: p.ID, Name: p.Name, Platform: p.Platform, Version: p.Version, State: StatusCompliant, SettingCount: len(p.Require)}
	failing := p.failing(&d.Reported)
	if len(failing) > 0 {
		state.State = StatusNonCompliant
	}
	switch p.Outcome {
	case StateError:
		state.State = StatusError
	case StateConflict:
		state.State = StatusConflict
	}
	for _, f := range p.Require {
		setting := SettingState{Setting: settingName(f, platformOf(d.OperatingSystem)), Fact: f, State: StatusCompliant}
		switch {
		case p.Outcome != "":
			setting.State = state.State
		case slices.Contains(failing, f):
			setting.State = StatusNonCompliant
		}
		state.Settings = append(state.Settings, setting)
	}
	return state
}

// settingName is what Intune calls a fact: the type of the policy for that platform, and its property.
func settingName(f Fact, platform string) string {
	kind := map[string]string{PlatformIOS: "IosCompliancePolicy", PlatformMacOS: "MacOSCompliancePolicy", PlatformAndroid: "AndroidCompliancePolicy"}[platform]
	if kind == "" {
		kind = "Windows10CompliancePolicy"
	}
	name := map[Fact]string{
		Antivirus: "AntivirusRequired", RealTimeProtection: "RtpEnabled", Firewall: "ActiveFirewallRequired", Encryption: "BitLockerEnabled",
		Password: "PasswordRequired", SecureBoot: "SecureBootEnabled", CodeIntegrity: "CodeIntegrityEnabled", TPM: "TpmRequired",
		NotJailbroken: "SecurityBlockJailbrokenDevices", PatchLevel: "MinAndroidSecurityPatchLevel", OSVersion: "OsMinimumVersion",
		ThreatLevel: "DeviceThreatProtectionRequiredSecurityLevel",
	}[f]
	switch {
	case f == Encryption && platform != PlatformWindows:
		name = "StorageRequireEncryption"
	case f == Firewall && platform == PlatformMacOS:
		name = "FirewallEnabled"
	case f == Password && platform == PlatformIOS:
		name = "PasscodeRequired"
	case f == PatchLevel && platform != PlatformAndroid:
		name = "ValidOperatingSystemBuildRanges"
	}
	return kind + "." + name
}
