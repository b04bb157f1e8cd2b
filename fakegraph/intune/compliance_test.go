package intune

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// judged is a device that has checked in once, under those policies.
func judged(t *testing.T, cfg Config, d DeviceConfig) Device {
	t.Helper()
	d.Name = "LAPTOP-1"
	cfg.Devices = []DeviceConfig{d}
	s, h := open(t, cfg)
	h.Advance(0)
	got, _ := s.Device("LAPTOP-1")
	return got
}

func TestComplianceEvaluation(t *testing.T) {
	patch := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	most := []Fact{Antivirus, Firewall, Encryption, PatchLevel}
	good := Healthy(patch.Add(-11 * time.Hour))
	one := func(f Fact) []CompliancePolicy { return []CompliancePolicy{{Require: []Fact{f}}} }
	system := []CompliancePolicy{{Require: []Fact{OSVersion}, MinimumOSVersion: "10.0.22631"}}
	threat := []CompliancePolicy{{Require: []Fact{ThreatLevel}, MaximumThreat: ThreatLow}}
	for _, c := range []struct {
		name     string
		policies []CompliancePolicy
		posture  Posture
		state    string
		failing  []Fact
	}{
		{"no policy assigned", nil, Posture{}, StateCompliant, nil},
		{"policy without requirements", []CompliancePolicy{{}}, Posture{}, StateCompliant, nil},
		{"all met, patch of the same day", []CompliancePolicy{{Require: most, MinimumPatchLevel: patch}}, good, StateCompliant, nil},
		{"nothing met", []CompliancePolicy{{Require: most, MinimumPatchLevel: patch}}, Posture{}, StateNoncompliant, most},
		{"patch of the day before", []CompliancePolicy{{Require: most, MinimumPatchLevel: patch}}, Healthy(patch.Add(-13 * time.Hour)), StateNoncompliant, []Fact{PatchLevel}},
		{"not required", one(Firewall), Posture{Firewall: true}, StateCompliant, nil},
		{"grace", []CompliancePolicy{{Require: []Fact{Firewall}, Grace: time.Hour}}, Posture{}, StateInGracePeriod, []Fact{Firewall}},
		{"rooted", one(NotJailbroken), Posture{Jailbroken: true}, StateNoncompliant, []Fact{NotJailbroken}},
		{"not rooted", one(NotJailbroken), Posture{}, StateCompliant, nil},
		{"no secure boot", one(SecureBoot), Posture{TPM: true, Password: true}, StateNoncompliant, []Fact{SecureBoot}},
		{"old system", system, Posture{OSVersion: "10.0.19045.9999"}, StateNoncompliant, []Fact{OSVersion}},
		{"same system", system, Posture{OSVersion: "10.0.22631"}, StateCompliant, nil},
		{"newer system", system, Posture{OSVersion: "10.0.100000.1"}, StateCompliant, nil},
		{"no system", system, Posture{}, StateNoncompliant, []Fact{OSVersion}},
		{"low threat", threat, Posture{Threat: ThreatLow}, StateCompliant, nil},
		{"medium threat", threat, Posture{Threat: ThreatMedium}, StateNoncompliant, []Fact{ThreatLevel}},
		{"nobody reports threats", threat, Posture{}, StateNoncompliant, []Fact{ThreatLevel}},
	} {
		d := judged(t, Config{Policies: c.policies}, DeviceConfig{Posture: c.posture})
		if d.ComplianceState != c.state || !slices.Equal(d.Failing, c.failing) {
			t.Errorf("%s: %s %v, want %s %v", c.name, d.ComplianceState, d.Failing, c.state, c.failing)
		}
	}
}

func TestEveryFactFails(t *testing.T) {
	healthy, bad := Healthy(start), Posture{Jailbroken: true}
	healthy.OSVersion = "2"
	for _, f := range Facts() {
		p := CompliancePolicy{Require: []Fact{f}, MinimumPatchLevel: start, MinimumOSVersion: "2", MaximumThreat: ThreatSecured}
		if p.has(&bad, f) || !p.has(&healthy, f) {
			t.Errorf("%s: the bad device has it %v, the healthy one %v", f, p.has(&bad, f), p.has(&healthy, f))
		}
		for _, platform := range Platforms() {
			if name := settingName(f, platform); strings.HasSuffix(name, ".") {
				t.Errorf("%s has no name on %s", f, platform)
			}
		}
	}
}

// facts 1.5: of several policies the worst counts.
func TestWorstSeverityWins(t *testing.T) {
	ok := CompliancePolicy{Name: "ok"}
	grace := CompliancePolicy{Name: "grace", Require: []Fact{Antivirus}, Grace: time.Hour}
	fail := CompliancePolicy{Name: "fail", Require: []Fact{Firewall}}
	broken := CompliancePolicy{Name: "broken", Outcome: StateError}
	conflict := CompliancePolicy{Name: "conflict", Outcome: StateConflict}
	for i, c := range []struct {
		policies []CompliancePolicy
		want     string
	}{
		{[]CompliancePolicy{ok}, StateCompliant},
		{[]CompliancePolicy{grace, ok}, StateInGracePeriod},
		{[]CompliancePolicy{fail, grace, ok}, StateNoncompliant},
		{[]CompliancePolicy{ok, broken, fail, grace}, StateError},
		{[]CompliancePolicy{conflict, broken, ok}, StateConflict},
	} {
		d := judged(t, Config{Policies: c.policies}, DeviceConfig{})
		if d.ComplianceState != c.want || len(d.PolicyStates) != len(c.policies) {
			t.Errorf("case %d: %s by %d policies, want %s", i, d.ComplianceState, len(d.PolicyStates), c.want)
		}
	}
	d := judged(t, Config{Policies: []CompliancePolicy{fail, grace, broken}}, DeviceConfig{Posture: Posture{Antivirus: true}})
	got := []string{d.PolicyStates[0].State, d.PolicyStates[1].State, d.PolicyStates[2].State, d.PolicyStates[0].Settings[0].Setting, d.PolicyStates[0].Settings[0].State}
	if want := []string{"nonCompliant", "compliant", "error", "Windows10CompliancePolicy.ActiveFirewallRequired", "nonCompliant"}; !slices.Equal(got, want) {
		t.Errorf("policy states are %v, want %v", got, want)
	}
}

func TestAssignment(t *testing.T) {
	members := map[string]string{"ada@corp.example": "staff", "bob@corp.example": "guests"}
	inGroup := func(user, group string) bool { return members[user] == group }
	policy := func(platform string, a Assignment) []CompliancePolicy {
		return []CompliancePolicy{{Platform: platform, Assigned: a, Require: []Fact{Firewall}}}
	}
	for _, c := range []struct {
		name     string
		policies []CompliancePolicy
		device   DeviceConfig
		want     string
	}{
		{"platform", policy(PlatformWindows, Assignment{}), DeviceConfig{}, StateNoncompliant},
		{"other platform", policy(PlatformIOS, Assignment{}), DeviceConfig{}, StateCompliant},
		{"iPad", policy(PlatformIOS, Assignment{}), DeviceConfig{OperatingSystem: "iPadOS"}, StateNoncompliant},
		{"work profile", policy(PlatformAndroidForWork, Assignment{}), DeviceConfig{OperatingSystem: "Android"}, StateNoncompliant},
		{"owner", policy("", Assignment{Owner: OwnerPersonal}), DeviceConfig{Personal: true}, StateNoncompliant},
		{"other owner", policy("", Assignment{Owner: OwnerPersonal}), DeviceConfig{}, StateCompliant},
		{"group", policy("", Assignment{Groups: []string{"it", "staff"}}), DeviceConfig{UserPrincipalName: "ada@corp.example"}, StateNoncompliant},
		{"other group", policy("", Assignment{Groups: []string{"staff"}}), DeviceConfig{UserPrincipalName: "bob@corp.example"}, StateCompliant},
		{"excluded", policy("", Assignment{Excluded: []string{"guests"}}), DeviceConfig{UserPrincipalName: "bob@corp.example"}, StateCompliant},
	} {
		if d := judged(t, Config{Policies: c.policies, InGroup: inGroup}, c.device); d.ComplianceState != c.want {
			t.Errorf("%s: %s, want %s", c.name, d.ComplianceState, c.want)
		}
	}
	d := judged(t, Config{Policies: policy(PlatformIOS, Assignment{}), NoPolicyFails: true}, DeviceConfig{})
	if d.ComplianceState != StateNoncompliant || !slices.Equal(d.Failing, []Fact{HasPolicy}) {
		t.Errorf("a device without a policy is %s %v", d.ComplianceState, d.Failing)
	}
}

func TestGracePeriod(t *testing.T) {
	for _, atOnce := range []bool{false, true} {
		s, h := open(t, Config{
			Policies:      []CompliancePolicy{{Name: "short", Require: []Fact{Antivirus}, Grace: 20 * time.Hour}, {Name: "long", Require: []Fact{Firewall}, Grace: 100 * time.Hour}},
			EarlyCheckIns: []time.Duration{}, GraceEndsAtOnce: atOnce, Devices: []DeviceConfig{{Name: "D"}},
		})
		at := func(after time.Duration, want string, ends time.Duration) {
			t.Helper()
			h.Advance(start.Add(after).Sub(h.Now()))
			d, _ := s.Device("D")
			if d.ComplianceState != want || ends > 0 && !d.GraceEnds.Equal(start.Add(ends)) {
				t.Errorf("at once %v, after %v: %s until %v, want %s until %v", atOnce, after, d.ComplianceState, d.GraceEnds, want, start.Add(ends))
			}
		}
		at(0, StateInGracePeriod, 20*time.Hour)
		at(16*time.Hour, StateInGracePeriod, 20*time.Hour)
		at(20*time.Hour-time.Second, StateInGracePeriod, 20*time.Hour)
		between := StateInGracePeriod // until the device checks in
		if atOnce {
			between = StateNoncompliant
		}
		at(20*time.Hour, between, 20*time.Hour)
		at(24*time.Hour, StateNoncompliant, 20*time.Hour)
		on := true
		if err := s.SetPosture("D", PostureChange{Antivirus: &on}); err != nil {
			t.Fatal(err)
		}
		at(32*time.Hour, StateInGracePeriod, 100*time.Hour)
		if err := s.SetPosture("D", PostureChange{Firewall: &on}); err != nil {
			t.Fatal(err)
		}
		at(40*time.Hour, StateCompliant, 0)
		if d, _ := s.Device("D"); !d.GraceEnds.IsZero() {
			t.Errorf("a compliant device has grace until %v", d.GraceEnds)
		}
		off := false
		if err := s.SetPosture("D", PostureChange{Antivirus: &off}); err != nil {
			t.Fatal(err)
		}
		at(48*time.Hour, StateInGracePeriod, 68*time.Hour)
	}
}

// facts 1.5: after 30 days without a check-in a status is not valid any more.
func TestStatusLapses(t *testing.T) {
	s, h := open(t, oneDevice())
	h.Advance(time.Hour)
	if err := s.SetPower("laptop", false); err != nil {
		t.Fatal(err)
	}
	h.Advance(30*24*time.Hour - time.Hour - time.Second)
	if got := state(t, s, "laptop"); got != StateCompliant {
		t.Errorf("before its status lapses: %s", got)
	}
	h.Advance(time.Second)
	if d, _ := s.Device("laptop"); d.ComplianceState != StateNoncompliant || !slices.Equal(d.Failing, []Fact{Active}) {
		t.Errorf("after its status has lapsed: %s %v", d.ComplianceState, d.Failing)
	}
	if err := s.SetPower("laptop", true); err != nil {
		t.Fatal(err)
	}
	h.Advance(0)
	if got := state(t, s, "laptop"); got != StateCompliant {
		t.Errorf("after a check-in: %s", got)
	}
}

func TestForceState(t *testing.T) {
	s, h := open(t, oneDevice())
	h.Advance(time.Hour)
	for _, want := range States() {
		if err := s.ForceState("laptop", want); err != nil {
			t.Fatal(err)
		}
		h.Advance(8 * time.Hour)
		if got := state(t, s, "laptop"); got != want {
			t.Errorf("forced to %s, it is %s", want, got)
		}
	}
	if err := s.ForceState("laptop", ""); err != nil {
		t.Fatal(err)
	}
	if got := state(t, s, "laptop"); got != StateCompliant {
		t.Errorf("no longer forced, it is %s", got)
	}
	if _, err := s.Enroll(DeviceConfig{Name: "NEW"}); err != nil {
		t.Fatal(err)
	}
	for state, want := range map[string]string{StateError: StateError, "": StateUnknown} {
		if err := s.ForceState("NEW", state); err != nil {
			t.Fatal(err)
		}
		if d, _ := s.Device("NEW"); d.ComplianceState != want || want == StateUnknown && (d.Failing != nil || d.PolicyStates != nil || d.Graces != nil) {
			t.Errorf("forced to %q before its first check-in: %+v", state, d)
		}
	}
	if s.ForceState("laptop", "fine") == nil {
		t.Error("forced to a state that does not exist")
	}
}

// A mistake in a policy flips the tenant, at once or as devices check in, and a restart does not undo it.
func TestSetPolicies(t *testing.T) {
	cfg := oneDevice()
	cfg.Policies[0].Name = "base"
	s, h := open(t, cfg)
	h.Advance(time.Hour)
	mistake := []CompliancePolicy{{Name: "base", Require: []Fact{Antivirus, TPM}}}
	if err := s.SetPolicies(mistake, false); err != nil {
		t.Fatal(err)
	}
	if got := state(t, s, "laptop"); got != StateCompliant {
		t.Errorf("before its check-in: %s", got)
	}
	h.Advance(8 * time.Hour)
	if got := state(t, s, "laptop"); got != StateNoncompliant {
		t.Errorf("after its check-in: %s", got)
	}
	s, err := Open(h.Restart(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := s.Device("laptop"); d.PolicyStates[0].Version != 2 || d.PolicyStates[0].State != StatusNonCompliant {
		t.Errorf("after a restart: %+v", d.PolicyStates)
	}
	if err := s.SetPolicies(cfg.Policies, true); err != nil {
		t.Fatal(err)
	}
	h.Advance(0)
	if got := state(t, s, "laptop"); got != StateCompliant {
		t.Errorf("evaluated at once: %s", got)
	}
	cfg.Policies = []CompliancePolicy{{Name: "another", Require: []Fact{TPM}}}
	if s, err = Open(h.Restart(), cfg); err != nil || s.Policies()[0].Name != "another" {
		t.Errorf("policies of a changed configuration are %+v, %v", s.Policies(), err)
	}
	if s.SetPolicies([]CompliancePolicy{{Outcome: "good"}}, false) == nil || s.SetPolicies(make([]CompliancePolicy, 2), false) == nil {
		t.Error("bad policies are in force")
	}
}

func TestPolicyMistakes(t *testing.T) {
	for want, p := range map[string]CompliancePolicy{
		"not a GUID":                  {ID: "1"},
		`platform "beos"`:             {Platform: "beos"},
		`owner "me"`:                  {Assigned: Assignment{Owner: "me"}},
		"OS version but has no":       {Require: []Fact{OSVersion}},
		`threat level but has the`:    {Require: []Fact{ThreatLevel}},
		"patch level but has no":      {Require: []Fact{PatchLevel}},
		"longer than 256":             {Name: strings.Repeat("x", 257)},
		`ends in "compliant", want`:   {Outcome: StateCompliant},
		`requires "has_policy", want`: {Require: []Fact{HasPolicy}},
	} {
		if _, err := checkPolicies([]CompliancePolicy{p}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", p, err, want)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"1", "1.0", 0}, {"1.10", "1.9", 1}, {"14.4.1 (23E224)", "14.4.1", 0}, {"14.4", "14.4.1 (23E224)", -1}, {"x", "0.1", -1}} {
		if got := compareVersions(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
