package policy

import (
	"slices"
	"strings"
	"testing"
)

// TestMapping holds what each standing counts as by default, that each is a setting of its own, and that a word that
// is none counts as unknown.
func TestMapping(t *testing.T) {
	defaults := map[string]Status{
		"compliant": Compliant, "noncompliant": Noncompliant, "conflict": Noncompliant, "error": Noncompliant, "inGracePeriod": Compliant,
		"configManager": Unknown, "unknown": Unknown, "notFound": Unknown, "stale": Unknown, "retired": Noncompliant, "outdated": Unknown,
	}
	if len(Standings()) != len(defaults) {
		t.Errorf("there are %d standings, want %d", len(Standings()), len(defaults))
	}
	for i := range Standings() {
		s := &Standings()[i]
		if got := (Mapping{}).Status(s.Word); got != defaults[s.Word] || got != s.Default {
			t.Errorf("%s is %q by default and documented as %q, want %q", s.Word, got, s.Default, defaults[s.Word])
		}
		for _, status := range []Status{Compliant, Noncompliant, Unknown} {
			var m Mapping
			m.Set(s, status)
			for word := range defaults {
				want := defaults[word]
				if word == s.Word {
					want = status
				}
				if got := m.Status(word); got != want {
					t.Errorf("with %s as %s, %s is %q, want %q", s.Key, status, word, got, want)
				}
			}
		}
	}
	for word, want := range map[string]Status{"nonCompliant": Noncompliant, "": Unknown, "somethingNew": Unknown} {
		if got := (Mapping{}).Status(word); got != want {
			t.Errorf("%q is %q, want %q", word, got, want)
		}
	}
	if got := (Mapping{Unknown: Noncompliant}).Status("somethingNew"); got != Noncompliant {
		t.Errorf("with unknown as noncompliant, a new word is %q", got)
	}
}

// TestMappingWarnings holds that whoever lets devices in on what Intune has not said is told so, and nobody else.
func TestMappingWarnings(t *testing.T) {
	for _, c := range []struct {
		m    Mapping
		want []string
	}{
		{Mapping{}, nil},
		{Mapping{InGracePeriod: Compliant, Compliant: Compliant, NotFound: Noncompliant, Stale: Unknown}, nil},
		{Mapping{NotFound: Compliant}, []string{"not_found is compliant: a device that Intune, asked for it, does not have is let in as if Intune had vouched for it"}},
		{Mapping{Error: Compliant, Outdated: Compliant}, []string{"error is compliant", "outdated is compliant"}},
	} {
		if got := c.m.Warnings(); !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%+v: warnings %q, want %q", c.m, got, c.want)
		}
	}
}

// TestMDMExplained holds that an explanation shows Intune's word beside what it counts as, where the two differ.
func TestMDMExplained(t *testing.T) {
	p := mustLoad(t, "labels: [{name: L, type: match, match: mdm_status, values: [compliant]}]\n"+
		"rules: [{name: R, action: allow, matching: {nactags: [L]}}]\n")
	for _, c := range []struct {
		mdm  MDM
		want string
	}{
		{MDM{Known: true, Status: Compliant, Standing: "compliant", ComplianceState: "compliant"}, "hit, L: mdm_status is compliant, seen 2s ago"},
		{MDM{Known: true, Status: Compliant, Standing: "inGracePeriod", ComplianceState: "inGracePeriod"},
			"hit, L: mdm_status is compliant (Intune says inGracePeriod), seen 2s ago"},
		{MDM{Known: true, Status: Noncompliant, Standing: "inGracePeriod", ComplianceState: "inGracePeriod"},
			"no, L: mdm_status is noncompliant (Intune says inGracePeriod), seen 2s ago, not compliant"},
		{MDM{Known: true, Status: Noncompliant, Standing: "noncompliant", ComplianceState: "noncompliant", Why: "several records match and disagree"},
			"no, L: mdm_status is noncompliant (several records match and disagree), seen 2s ago, not compliant"},
		{MDM{Known: true, Status: Noncompliant, Standing: "retired", ComplianceState: "compliant", ManagementState: "wipePending"},
			"no, L: mdm_status is noncompliant (Intune says compliant, but has the device as wipePending), seen 2s ago, not compliant"},
		{MDM{Known: true, Status: Unknown, Standing: "stale", ComplianceState: "compliant"},
			"no, L: mdm_status is unknown: Intune says compliant, but the device has not checked in for too long, seen 2s ago"},
		{MDM{Known: true, Status: Unknown, Standing: "outdated", ComplianceState: "compliant"},
			"no, L: mdm_status is unknown: Intune said compliant, which is too old to count, seen 2s ago"},
		{MDM{Known: true, Status: Unknown, Standing: "unknown", ComplianceState: "unknown"},
			"no, L: mdm_status is unknown: Intune says unknown, seen 2s ago"},
		{MDM{Status: Noncompliant, Standing: "notFound"}, "no, L: mdm_status is noncompliant (Intune knows no such device), not compliant"},
		{MDM{Status: Compliant, Standing: "notFound"}, "hit, L: mdm_status is compliant (Intune knows no such device)"},
		{MDM{}, "no, L: mdm_status is unknown: Intune has not answered yet"},
	} {
		if c.mdm.Known {
			c.mdm.SeenAt = epoch.Add(-2e9)
		}
		r := Request{MDM: c.mdm}
		d := p.Decide(epoch, r)
		if got := d.Explanation()[0]; got != "R: "+c.want {
			t.Errorf("got  %s\nwant R: %s", got, c.want)
		}
		standing := ""
		for _, a := range d.Attrs(&r) {
			if a.Key == "standing" {
				standing = a.Value.String()
			}
		}
		if standing != c.mdm.Standing {
			t.Errorf("the trace has the standing %q, want %q", standing, c.mdm.Standing)
		}
	}
}
