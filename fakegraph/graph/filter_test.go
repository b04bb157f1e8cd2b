package graph

import (
	"strings"
	"testing"

	"nacsim/fakegraph/intune"
)

func TestFilterErrors(t *testing.T) {
	for filter, want := range map[string]string{
		"":                                 "position 0",
		"deviceName":                       "want a comparison operator",
		"deviceName eq":                    "want a value",
		"deviceName eq 'x":                 "unterminated string literal",
		"deviceName eq 'x' y":              "'y' where an operator or the end was expected",
		"deviceName xx 'x'":                "'xx' where a comparison operator",
		"(deviceName eq 'x'":               "want ')'",
		"contains(deviceName)":             "')' where ','",
		"contains(,":                       "',' where a property",
		"contains(a,'b' eq":                "where ')'",
		"contains(a,'b') eq 1":             "where true or false",
		"id in 'x'":                        "where '('",
		"id in ('x' 'y')":                  "where ',' or ')'",
		"eq eq ,":                          "where a value",
		"deviceName eq foo":                "A value of type 'Edm.String' was expected for 'deviceName', not foo.",
		"nothing eq 'x'":                   "Could not find a property named 'nothing'",
		"lastSyncDateTime gt 1":            "A value of type 'Edm.DateTimeOffset' was expected",
		"lastSyncDateTime gt '2026-01-05'": "A value of type 'Edm.DateTimeOffset' was expected",
		strings.Repeat("(", 40):            "nested deeper than 32",
		strings.Repeat("not ", 40):         "nested deeper than 32",
		strings.Repeat("id eq 'x' and ", 201) + "id":                         "more than 200 terms",
		"displayName in (" + strings.Repeat("'x',", maxFilterTerms) + "'x')": "more than 200 terms",
		strings.Repeat("x", maxFilter+1):                                     "longer than 8192",
	} {
		e, err := parseFilter(filter)
		if err == nil {
			_, err = compileFilter(e)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", filter, err, want)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, filter := range []string{"deviceName eq 'C'", "(a eq 'b' or a eq 'c') and not contains(d,'e''f') eq true", "id in ('a','b')", "lastSyncDateTime gt 2026-01-05T08:00:00Z", "complianceState eq microsoft.graph.complianceState'compliant'"} {
		f.Add(filter)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseFilter(text)
		if err != nil {
			return
		}
		p, err := compileFilter(e)
		if err != nil {
			return
		}
		p.match(&intune.Device{Name: "C", ComplianceState: intune.StateCompliant})
	})
}
