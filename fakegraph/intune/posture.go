package intune

import (
	"cmp"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Fact is something that a compliance policy can require of a device.
type Fact string

const (
	Antivirus          Fact = "antivirus"
	RealTimeProtection Fact = "real_time_protection"
	Firewall           Fact = "firewall"
	Encryption         Fact = "encryption"
	Password           Fact = "password"
	SecureBoot         Fact = "secure_boot"
	CodeIntegrity      Fact = "code_integrity"
	TPM                Fact = "tpm"
	// NotJailbroken requires that the device is neither jailbroken nor rooted.
	NotJailbroken Fact = "not_jailbroken"
	// PatchLevel requires a security update that is not older than the policy's MinimumPatchLevel.
	PatchLevel Fact = "patch_level"
	// OSVersion requires one that is not below the policy's MinimumOSVersion.
	OSVersion Fact = "os_version"
	// ThreatLevel requires one that is not above the policy's MaximumThreat.
	ThreatLevel Fact = "threat_level"
)

// Facts that only Intune's default policy looks at (facts 1.5).
const (
	// HasPolicy fails where no policy is assigned and the tenant does not count that as compliant.
	HasPolicy Fact = "has_policy"
	// Active fails on a device that has not checked in for as long as a status is valid.
	Active Fact = "active"
)

// Facts are those that a policy can require.
func Facts() []Fact {
	return []Fact{Antivirus, RealTimeProtection, Firewall, Encryption, Password, SecureBoot, CodeIntegrity, TPM, NotJailbroken, PatchLevel, OSVersion, ThreatLevel}
}

// Threat levels, as a partner for mobile threat defense reports them. An empty one means that none reports.
const (
	ThreatSecured = "secured"
	ThreatLow     = "low"
	ThreatMedium  = "medium"
	ThreatHigh    = "high"
)

var threats = []string{ThreatSecured, ThreatLow, ThreatMedium, ThreatHigh}

// Threats are the threat levels, the least first.
func Threats() []string { return slices.Clone(threats) }

// A Posture is the state of a device as far as compliance policies look at it.
type Posture struct {
	Antivirus          bool `json:"antivirus,omitempty"`
	RealTimeProtection bool `json:"real_time_protection,omitempty"`
	Firewall           bool `json:"firewall,omitempty"`
	Encryption         bool `json:"encryption,omitempty"`
	Password           bool `json:"password,omitempty"`
	SecureBoot         bool `json:"secure_boot,omitempty"`
	CodeIntegrity      bool `json:"code_integrity,omitempty"`
	TPM                bool `json:"tpm,omitempty"`
	// Jailbroken says that the device is jailbroken or rooted.
	Jailbroken bool `json:"jailbroken,omitempty"`
	// PatchLevel is the date of the latest security update. The zero time means that none is known.
	PatchLevel time.Time `json:"patch_level,omitzero"`
	// OSVersion is the version that runs, for example "10.0.22631.3737".
	OSVersion string `json:"os_version,omitempty"`
	// Threat is one of [Threats], or empty.
	Threat string `json:"threat,omitempty"`
}

// Healthy is the posture of a device that nothing is wrong with, as of that patch level.
func Healthy(patchLevel time.Time) Posture {
	return Posture{Antivirus: true, RealTimeProtection: true, Firewall: true, Encryption: true, Password: true, SecureBoot: true,
		CodeIntegrity: true, TPM: true, PatchLevel: patchLevel, Threat: ThreatSecured}
}

// A PostureChange changes the facts that are not nil.
type PostureChange struct {
	Antivirus, RealTimeProtection, Firewall, Encryption *bool
	Password, SecureBoot, CodeIntegrity, TPM            *bool
	Jailbroken                                          *bool
	PatchLevel                                          *time.Time
	OSVersion, Threat                                   *string
}

// On is a posture with the change.
func (c PostureChange) On(p Posture) Posture {
	c.apply(&p)
	return p
}

// Then is this change and another one after it.
func (c PostureChange) Then(later PostureChange) PostureChange {
	return PostureChange{
		Antivirus: cmp.Or(later.Antivirus, c.Antivirus), RealTimeProtection: cmp.Or(later.RealTimeProtection, c.RealTimeProtection),
		Firewall: cmp.Or(later.Firewall, c.Firewall), Encryption: cmp.Or(later.Encryption, c.Encryption), Password: cmp.Or(later.Password, c.Password),
		SecureBoot: cmp.Or(later.SecureBoot, c.SecureBoot), CodeIntegrity: cmp.Or(later.CodeIntegrity, c.CodeIntegrity), TPM: cmp.Or(later.TPM, c.TPM),
		Jailbroken: cmp.Or(later.Jailbroken, c.Jailbroken), PatchLevel: cmp.Or(later.PatchLevel, c.PatchLevel),
		OSVersion: cmp.Or(later.OSVersion, c.OSVersion), Threat: cmp.Or(later.Threat, c.Threat),
	}
}

// Fields are what the change says, as in the trace.
func (c PostureChange) Fields() []slog.Attr { return c.apply(&Posture{}) }

// apply changes a posture and returns what to trace.
func (c *PostureChange) apply(p *Posture) (fields []slog.Attr) {
	set := func(name Fact, fact, value *bool) {
		if value != nil {
			*fact = *value
			fields = append(fields, slog.Bool(string(name), *value))
		}
	}
	text := func(name Fact, fact, value *string) {
		if value != nil {
			*fact = *value
			fields = append(fields, slog.String(string(name), *value))
		}
	}
	set(Antivirus, &p.Antivirus, c.Antivirus)
	set(RealTimeProtection, &p.RealTimeProtection, c.RealTimeProtection)
	set(Firewall, &p.Firewall, c.Firewall)
	set(Encryption, &p.Encryption, c.Encryption)
	set(Password, &p.Password, c.Password)
	set(SecureBoot, &p.SecureBoot, c.SecureBoot)
	set(CodeIntegrity, &p.CodeIntegrity, c.CodeIntegrity)
	set(TPM, &p.TPM, c.TPM)
	set("jailbroken", &p.Jailbroken, c.Jailbroken)
	if c.PatchLevel != nil {
		p.PatchLevel = *c.PatchLevel
		fields = append(fields, slog.String(string(PatchLevel), c.PatchLevel.UTC().Format(time.DateOnly)))
	}
	text(OSVersion, &p.OSVersion, c.OSVersion)
	text(ThreatLevel, &p.Threat, c.Threat)
	return fields
}

// has reports whether a posture has what a policy requires.
func (p *CompliancePolicy) has(posture *Posture, f Fact) bool {
	switch f {
	case Antivirus:
		return posture.Antivirus
	case RealTimeProtection:
		return posture.RealTimeProtection
	case Firewall:
		return posture.Firewall
	case Encryption:
		return posture.Encryption
	case Password:
		return posture.Password
	case SecureBoot:
		return posture.SecureBoot
	case CodeIntegrity:
		return posture.CodeIntegrity
	case TPM:
		return posture.TPM
	case NotJailbroken:
		return !posture.Jailbroken
	case PatchLevel:
		return !date(posture.PatchLevel).Before(date(p.MinimumPatchLevel))
	case OSVersion:
		return compareVersions(posture.OSVersion, p.MinimumOSVersion) >= 0
	case ThreatLevel:
		at := slices.Index(threats, posture.Threat)
		return at >= 0 && at <= slices.Index(threats, p.MaximumThreat)
	}
	return false
}

func date(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// compareVersions compares the numbers of two versions, which may be followed by a build as in "14.4.1 (23E224)". A number that
// is missing or none counts as 0.
func compareVersions(a, b string) int {
	a, _, _ = strings.Cut(strings.TrimSpace(a), " ")
	b, _, _ = strings.Cut(strings.TrimSpace(b), " ")
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		m, _ := strconv.ParseUint(x, 10, 32)
		n, _ := strconv.ParseUint(y, 10, 32)
		if m != n {
			if m < n {
				return -1
			}
			return 1
		}
	}
	return 0
}
