package mdm

import "testing"

func TestCauseOfChange(t *testing.T) {
	a := Record{DeviceName: "A", ComplianceState: "compliant", ManagementState: "managed"}
	wiped, renamed := a, a
	wiped.ManagementState, renamed.DeviceName = "wipePending", "B"
	for want, c := range map[string]Change{
		"Intune has A as compliant":       {Record: a},
		"Intune has A as wipePending":     {Record: wiped, Was: &a},
		"A is now B in Intune":            {Record: renamed, Was: &a},
		"Intune has no A any more":        {Record: a, Was: &a, Gone: true},
		"the Intune account was unlinked": {Record: a, Was: &a, Gone: true, Unlinked: true},
	} {
		if got := c.Cause(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
