package interop

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const allDevices = "^LAPTOP-1 compliant, LAPTOP-2 noncompliant, MAC-1 compliant, PHONE-1 compliant, PHONE-2 compliant$"

// TestInteropGraphClientsFaults holds that each fault looks to the libraries as the trouble that it stands for does: what they get
// over they get over, and what they do not notice, as a nextLink that is missing, they do not notice.
func TestInteropGraphClientsFaults(t *testing.T) {
	tests := []struct {
		fault graphFault
		goes  string // what the Go program makes of a list in pages of two, a regular expression
		node  string // the Node program; empty: the same
		calls int    // token requests, if it matters
	}{
		{graphFault{"fault": "reset", "service": "graph", "count": 1}, "^error 0 .*(connection reset|unexpected EOF|INTERNAL_ERROR)", "^error .*fetch failed", 1},
		{graphFault{"fault": "half_body", "service": "graph", "count": 1}, "^error 0 .*(INTERNAL_ERROR|unexpected EOF)", "^error .*terminated", 1},
		{graphFault{"fault": "gzip_corrupted", "service": "graph", "count": 1}, "^error 0 .*(corrupt input|gzip|unexpected EOF)", "^error .*terminated", 1},
		{graphFault{"fault": "wrong_length", "service": "graph", "count": 1}, "^error 0 .*(unexpected EOF|PROTOCOL_ERROR)", "^error .*terminated", 1},
		{graphFault{"fault": "bad_gateway", "service": "graph", "count": 1}, "^error 0 .*text/html does not have a factory", "^error 502", 1},
		{graphFault{"fault": "goaway", "service": "graph"}, allDevices, "", 1},
		{graphFault{"fault": "unauthorized", "page": 2, "count": 1}, "^error 401", "^error 401 InvalidAuthenticationToken Lifetime validation failed", 0},
		{graphFault{"fault": "forbidden", "count": 1}, `^error 403 UnknownError \{"ErrorCode":"Forbidden"`, "", 1},
		{graphFault{"fault": "next_link_loop", "page": 1, "count": 1}, "^LAPTOP-1 compliant, LAPTOP-2 noncompliant, LAPTOP-1 compliant, LAPTOP-2 noncompliant, MAC-1", "", 1},
		{graphFault{"fault": "next_link_dropped", "page": 1}, "^LAPTOP-1 compliant, LAPTOP-2 noncompliant$", "", 1},
		{graphFault{"fault": "rows_repeated"}, "LAPTOP-2 noncompliant, LAPTOP-2 noncompliant, MAC-1 compliant,", "", 1},
		{graphFault{"fault": "rows_missing", "page": 1}, "^LAPTOP-1 compliant, MAC-1 compliant,", "", 1},
		{graphFault{"fault": "rows_repeated", "page": 2}, "^LAPTOP-1 compliant, LAPTOP-2 noncompliant, LAPTOP-2 noncompliant, MAC-1 compliant,", "", 1},
		{graphFault{"fault": "empty_page", "count": 1}, allDevices, "", 1},
		{graphFault{"fault": "short_page"}, allDevices, "", 1},
		{graphFault{"fault": "list_truncated", "rows": 3}, "^LAPTOP-1 compliant, LAPTOP-2 noncompliant(, MAC-1 compliant)?$", "", 1},
		{graphFault{"fault": "wrong_count"}, allDevices, "", 1},
		{graphFault{"fault": "extra_fields"}, allDevices, "", 1},
		{graphFault{"fault": "null_value"}, "^LAPTOP-1 null, LAPTOP-2 null,", "", 1},
		{graphFault{"fault": "unknown_member", "property": "complianceState"}, "^LAPTOP-1 null, LAPTOP-2 null,", "^LAPTOP-1 unknownFutureValue,", 1},
		{graphFault{"fault": "wrong_secret", "count": 1}, "^error 401 invalid_client .*AADSTS7000215", "^error 0 .*AADSTS7000215", 1},
		{graphFault{"fault": "entra_unavailable", "retry_after": "1s", "count": 1}, allDevices, "^error 0 .*AADSTS90033", 0},
		{graphFault{"fault": "tenant_throttled", "retry_after": "1s", "count": 1}, allDevices, "^error 0 .*AADSTS90055", 0},
		{graphFault{"fault": "clock_skew", "skew": "10m"}, "^error 401 InvalidAuthenticationToken", "", 0},
		{graphFault{"fault": "roles_missing"}, "^error 403 Forbidden", "", 1},
		{graphFault{"fault": "expires_in", "seconds": 60}, allDevices, "", 3},
		{graphFault{"fault": "expires_in_missing"}, "^error 0 .*expires_in and expires_on are both missing", allDevices, 0},
		{graphFault{"fault": "numbers_as_text"}, allDevices, "", 1},
		{graphFault{"fault": "v1_only"}, "^error 404 ", "^error .*endpoints_resolution_error", 0},
		{graphFault{"fault": "wrong_issuer"}, "^error 0 .*does not match authority", "^error .*endpoints_resolution_error", 0},
	}
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f := startGraph(t)
		for _, test := range tests {
			f.control(t, http.MethodDelete, "/faults", nil, nil)
			f.control(t, http.MethodDelete, "/requests", nil, nil)
			f.fault(t, test.fault)
			want := test.goes
			if p.name == "node" && test.node != "" {
				want = test.node
			}
			got := p.ask(t, f, nacApp, "list?$top=2&most=20")[0].words(t)
			if !regexp.MustCompile("(?s)" + want).MatchString(got) {
				t.Errorf("under %v it sees %s; expected %s", test.fault, got, want)
			}
			if calls := len(f.log(t, "/token")); test.calls != 0 && calls != test.calls {
				t.Errorf("under %v it asks for a token %d times, not %d", test.fault, calls, test.calls)
			}
		}
	})
}

// TestInteropGraphClientsKeepTheirToken leads the programs to another origin: what arrives there must not bear a token.
func TestInteropGraphClientsKeepTheirToken(t *testing.T) {
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f, foreign := startGraph(t), startGraph(t)
		elsewhere := strings.Replace(foreign.url, "127.0.0.1", "localhost", 1)
		for _, name := range []string{"next_link_foreign", "redirect"} {
			f.control(t, http.MethodDelete, "/faults", nil, nil)
			f.fault(t, graphFault{"fault": name, "to": elsewhere, "service": "graph", "count": 1})
			r := p.ask(t, f, nacApp, "list?$top=2")[0]
			if words := r.words(t); !strings.HasPrefix(words, "error 401") {
				t.Errorf("%s: it sees %s", name, words)
			}
		}
		arrived := foreign.log(t, "/managedDevices")
		for _, r := range arrived {
			if r.App != "" || r.Text != "Access token is empty." {
				t.Errorf("%s %s came with the token of %q: %s", r.Method, r.Path, r.App, r.Text)
			}
		}
		if len(arrived) == 0 {
			t.Error("nothing went there")
		}
	})
}

// words says what came of a list: names and states, or the error.
func (r graphReport) words(t *testing.T) string {
	t.Helper()
	if r.Error != nil {
		return fmt.Sprintf("error %d %s %s", r.Error.Status, r.Error.Code, r.Error.Message)
	}
	var list graphList
	r.read(t, &list)
	var words []string
	for _, d := range list.Devices {
		words = append(words, show(d.Name)+" "+show(d.State))
	}
	return strings.Join(words, ", ")
}
