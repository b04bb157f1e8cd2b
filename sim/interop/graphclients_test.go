package interop

import (
	"net/http"
	"slices"
	"testing"
)

// A graphToken is what the programs say of a token.
type graphToken struct {
	Claims struct {
		Audience string   `json:"aud"`
		Tenant   string   `json:"tid"`
		App      string   `json:"appid"`
		Proof    string   `json:"appidacr"`
		Kind     string   `json:"idtyp"`
		Roles    []string `json:"roles"`
		User     string   `json:"upn"`
	} `json:"claims"`
	Lifetime float64 `json:"lifetime"`
	Cached   bool    `json:"cached"`
}

func TestInteropGraphClientsToken(t *testing.T) {
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f := startGraph(t)
		for _, library := range p.tokenCases() {
			before := len(f.log(t, "/token"))
			var token graphToken
			p.ask(t, f, nacApp, library)[0].read(t, &token)
			c := token.Claims
			if c.Audience != "https://graph.microsoft.com" || c.Tenant != graphTenant || c.App != graphClient || c.Proof != "1" ||
				c.Kind != "app" || !slices.Equal(slices.Sorted(slices.Values(c.Roles)), graphRoles) {
				t.Errorf("%s: the token says %+v", library, c)
			}
			if token.Lifetime < 3500 || token.Lifetime > 3900 || !token.Cached {
				t.Errorf("%s: lifetime %v s, found in the cache: %v", library, token.Lifetime, token.Cached)
			}
			if n := len(f.log(t, "/token")) - before; n != 1 {
				t.Errorf("%s asked for a token %d times, not once", library, n)
			}
		}
	})
}

// tokenCases are the libraries that a program can get a token with.
func (p *graphProgram) tokenCases() []string {
	if p.name == "go" {
		return []string{"token", "msal"}
	}
	return []string{"msal"}
}

func TestInteropGraphClientsTokenRefused(t *testing.T) {
	tests := []struct {
		name    string
		app     graphApp
		scope   string
		status  int
		code    string
		message string
	}{
		{"wrong secret", graphApp{tenant: graphTenant, client: graphClient, secret: "wrong"}, "", 401, "invalid_client", "AADSTS7000215"},
		{"expired secret", graphApp{tenant: graphTenant, client: graphClient, secret: "expired"}, "", 401, "invalid_client", "AADSTS7000222"},
		{"unknown app", graphApp{tenant: graphTenant, client: graphTenant, secret: graphSecret}, "", 400, "unauthorized_client", "AADSTS700016"},
		{"unknown resource", nacApp, "https://nobody.example/.default", 400, "invalid_resource", "AADSTS500011"},
		{"no default scope", nacApp, "https://graph.microsoft.com/User.Read", 400, "invalid_scope", "AADSTS70011"},
	}
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f := startGraph(t)
		for _, test := range tests {
			for _, library := range p.tokenCases() {
				t.Run(test.name+" "+library, func(t *testing.T) {
					r := p.ask(t, f, test.app, library+"?scope="+test.scope)[0]
					if p.name == "node" && r.Error != nil {
						r.Error.Status = 0 // MSAL does not tell it
					}
					r.fails(t, test.status, test.code, test.message)
				})
			}
		}
	})
}

// graphDevice is a device as the programs saw it.
type graphDevice struct {
	ID, Name, WiFi, Ethernet, State, Management, User, OS, LastSync *string
}

type graphList struct {
	Devices   []graphDevice
	FirstPage int
	Count     *int
}

func (l graphList) names() []string {
	var names []string
	for _, d := range l.Devices {
		names = append(names, show(d.Name))
	}
	return names
}

// show is a text, or what stands for none.
func show(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func TestInteropGraphClientsList(t *testing.T) {
	all := []string{"LAPTOP-1", "LAPTOP-2", "MAC-1", "PHONE-1", "PHONE-2"}
	tests := []struct {
		query string
		names []string
		first int // rows of the first page
		calls int // requests for pages
	}{
		{"list", all, 5, 1},
		{"list?$select=id,deviceName&$top=2", all, 2, 3},
		{"list?$top=2&most=3", all[:3], 2, 2},
		{"list?$filter=deviceName eq 'PHONE-1'", []string{"PHONE-1"}, 1, 1},
		{"list?$filter=contains(deviceName,'PHONE')&$top=1", []string{"PHONE-1", "PHONE-2"}, 1, 2},
		{"list?$filter=complianceState eq 'noncompliant'&$select=deviceName,complianceState", []string{"LAPTOP-2"}, 1, 1},
		{"list?$filter=deviceName eq 'O''Brien'", nil, 0, 1},
		{"list?$filter=wiFiMacAddress eq 'A483E7000003'", all, 5, 1}, // ignored, as the service does (facts 2.1)
		{"list?$orderby=complianceState", all, 5, 1},
	}
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f := startGraph(t)
		var queries []string
		calls := 0
		for _, test := range tests {
			queries = append(queries, test.query)
			calls += test.calls
		}
		for i, r := range p.ask(t, f, nacApp, queries...) {
			var list graphList
			r.read(t, &list)
			if names := list.names(); !slices.Equal(names, tests[i].names) || list.FirstPage != tests[i].first {
				t.Errorf("%s lists %q, %d of them on the first page, not %q and %d", r.Case, names, list.FirstPage, tests[i].names, tests[i].first)
			}
		}
		if n := len(f.log(t, "/managedDevices")); n != calls {
			t.Errorf("it made %d requests, not %d", n, calls)
		}
		for _, r := range f.log(t, "/managedDevices") {
			if r.Status != http.StatusOK || r.App != graphClient || r.Route != "GET /deviceManagement/managedDevices" {
				t.Errorf("the log has %s %s: status %d, app %s, route %s", r.Method, r.Path, r.Status, r.App, r.Route)
			}
		}
	})
}

func TestInteropGraphClientsDevice(t *testing.T) {
	const id = "00000000-0000-4000-8000-000000000001"
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f := startGraph(t)
		reports := p.ask(t, f, nacApp, "list?$select=deviceName,ethernetMacAddress,wiFiMacAddress,complianceState", "get?id="+id,
			"get?id="+id+"&$select=id,ethernetMacAddress", "get?id=00000000-0000-4000-8000-0000000000ff", "get?id=nonsense")
		var list graphList
		reports[0].read(t, &list)
		d := list.Devices[0]
		if show(d.WiFi) != "A483E7000001" || d.Ethernet != nil || show(d.State) != "compliant" || d.User != nil {
			t.Errorf("the list shows Wi-Fi %s, Ethernet %s, state %s, user %s", show(d.WiFi), show(d.Ethernet), show(d.State), show(d.User))
		}
		reports[1].read(t, &d)
		if show(d.ID) != id || show(d.Name) != "LAPTOP-1" || show(d.User) != "ada@contoso.example" || show(d.Management) != "managed" || show(d.OS) != "Windows" {
			t.Errorf("the device is %s, %s of %s, %s, %s", show(d.ID), show(d.Name), show(d.User), show(d.Management), show(d.OS))
		}
		reports[2].read(t, &d)
		if show(d.ID) != id || show(d.Ethernet) != "A483E7000101" {
			t.Errorf("the device has Ethernet %s", show(d.Ethernet))
		}
		reports[3].fails(t, 404, "ResourceNotFound", `"_version": 3`)
		reports[4].fails(t, 400, "BadRequest", "")
	})
}

func TestInteropGraphClientsForbidden(t *testing.T) {
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f := startGraph(t)
		f.control(t, http.MethodDelete, "/apps/"+graphClient+"/consent", nil, nil)
		p.ask(t, f, nacApp, "list")[0].fails(t, 403, "Forbidden", "Application must have one of the following scopes")
	})
}

func TestInteropGraphClientsThrottled(t *testing.T) {
	tests := []struct {
		name    string
		fault   graphFault
		seconds float64 // the least that the program waits
		status  int     // of the error in the end, or 0
		code    string
		calls   int
	}{
		{"429 with Retry-After", graphFault{"fault": "throttled", "retry_after": "1s", "count": 2}, 2, 0, "", 4},
		{"429 without", graphFault{"fault": "throttled", "count": 1}, 3, 0, "", 3},
		{"429 with a date", graphFault{"fault": "throttled", "retry_after": "2s", "retry_after_as": "date", "count": 1}, 1, 0, "", 3},
		{"503", graphFault{"status": 503, "retry_after": "1s", "count": 1, "service": "graph"}, 1, 0, "", 3},
		{"504 on page two", graphFault{"fault": "gateway_timeout", "retry_after": "1s", "page": 2, "count": 1}, 1, 0, "", 3},
		{"500 is not tried again", graphFault{"status": 500, "count": 1, "service": "graph"}, 0, 500, "InternalServerError", 1},
		{"429 for ever", graphFault{"fault": "throttled", "retry_after": "1s"}, 3, 429, "TooManyRequests", 4},
	}
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				f := startGraph(t)
				f.fault(t, test.fault)
				r := p.ask(t, f, nacApp, "list?$top=3")[0]
				if test.status != 0 {
					r.fails(t, test.status, test.code, "")
				} else {
					var list graphList
					r.read(t, &list)
					if len(list.Devices) != 5 {
						t.Errorf("it lists %q", list.names())
					}
				}
				if r.Seconds < test.seconds {
					t.Errorf("it took %v s, less than %v", r.Seconds, test.seconds)
				}
				struck := 0
				calls := f.log(t, "/managedDevices")
				for _, call := range calls {
					if call.Fault != "" {
						struck++
					}
				}
				if len(calls) != test.calls || struck == 0 {
					t.Errorf("it made %d requests, not %d, and %d of them were struck", len(calls), test.calls, struck)
				}
			})
		}
	})
}

// TestInteropGraphClientsClaimsChallenge revokes a token in the hands of a program. The Go libraries have said that they can
// handle a claims challenge, and bring another token; those for Node have not, and their token lives on.
func TestInteropGraphClientsClaimsChallenge(t *testing.T) {
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f := startGraph(t)
		reports := p.ask(t, f, nacApp, "list", "control?path=/clock&body="+escape(`{"advance": "2s"}`), "control?path=/apps/"+graphClient+"/revoke", "list")
		for _, r := range reports {
			var seen any
			r.read(t, &seen)
		}
		challenged, tokens := 1, 2
		if p.name == "node" {
			challenged, tokens = 0, 1
		}
		calls := f.log(t, "/managedDevices")
		refused := 0
		for _, r := range calls {
			if r.Status == http.StatusUnauthorized {
				refused++
			}
		}
		if n := len(f.log(t, "/token")); len(calls) != 2+challenged || refused != challenged || n != tokens {
			t.Errorf("it made %d requests, of which %d were refused, and asked for %d tokens", len(calls), refused, n)
		}
	})
}
