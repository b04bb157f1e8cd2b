package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
	"nacsim/nac/link"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/session"
)

const token = "a-token-of-24-characters"

// fakeNAC answers as its fields say.
type fakeNAC struct {
	status  *mdm.Status
	err     error // of all that can fail
	query   string
	polls   int
	unlinks int
	clients []string
	devices []mdm.Record
}

func (f *fakeNAC) Account() (mdm.Status, bool) {
	if f.status == nil {
		return mdm.Status{}, false
	}
	return *f.status, true
}

func (f *fakeNAC) BeginLink() (link.Start, error) {
	return link.Start{URL: "https://login.example/organizations/v2.0/adminconsent?state=x&y", Expires: testhost.Start}, f.err
}

func (f *fakeNAC) FinishLink(query string) (mdm.Status, error) {
	f.query = query
	return mdm.Status{Tenant: "t<enant>"}, f.err
}
func (f *fakeNAC) Unlink() error            { f.unlinks++; return f.err }
func (f *fakeNAC) PollNow() error           { f.polls++; return f.err }
func (f *fakeNAC) SessionClients() []string { return f.clients }
func (f *fakeNAC) Devices() []mdm.Record    { return f.devices }

func (f *fakeNAC) SessionOf(client string) (session.Session, bool) {
	for _, c := range f.clients {
		if c == client {
			return session.Session{Request: policy.Request{MAC: c, NAS: "ap-1", AuthType: "eap-tls"}, AuthorizedAt: testhost.Start,
				InForce: policy.Authorization{VLAN: "750"}, Rule: "Corp"}, true
		}
	}
	return session.Session{}, false
}

func (f *fakeNAC) Explain(*session.Session) (policy.Decision, policy.MDM) {
	return policy.Decision{Allow: true, Rule: "Corp", MDM: policy.Compliant, Trials: []policy.Trial{{Rule: "Corp", Hit: true}}},
		policy.MDM{Standing: "inGracePeriod", ComplianceState: "inGracePeriod", SeenAt: testhost.Start}
}

func newTest(t testing.TB, nac *fakeNAC) (*Server, *testhost.Machine) {
	t.Helper()
	m := testhost.New(t).Machine("nac", "10.0.0.1")
	s, err := newServer(m, Config{Addr: netip.MustParseAddrPort("10.0.0.1:8443"), Token: token, Authority: "https://login.example"}, nac)
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

// ask makes one request. Headers are "Name: value".
func ask(s *Server, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://nac.example"+path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const bearer = "Authorization: Bearer " + token

// TestToken holds who is let in.
func TestToken(t *testing.T) {
	s, m := newTest(t, &fakeNAC{status: &mdm.Status{}})
	basic := func(password string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth("anybody", password)
		return "Authorization: " + r.Header.Get("Authorization")
	}
	for _, c := range []struct {
		name, header string
		status       int
	}{
		{"none", "X: y", http.StatusUnauthorized},
		{"bearer", bearer, http.StatusOK},
		{"bearer in small letters", "Authorization: bearer " + token, http.StatusOK},
		{"basic", basic(token), http.StatusOK},
		{"wrong", bearer + "x", http.StatusUnauthorized},
		{"shorter", bearer[:len(bearer)-1], http.StatusUnauthorized},
		{"empty", "Authorization: Bearer ", http.StatusUnauthorized},
		{"wrong basic", basic("guess"), http.StatusUnauthorized},
		{"another scheme", "Authorization: Negotiate " + token, http.StatusUnauthorized},
		{"no scheme", "Authorization: " + token, http.StatusUnauthorized},
	} {
		w := ask(s, "GET", "/api/v1/account", c.header)
		if w.Code != c.status || (w.Code == http.StatusUnauthorized) != (w.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %d, WWW-Authenticate %q", c.name, w.Code, w.Header().Get("WWW-Authenticate"))
		}
		if strings.Contains(w.Body.String(), token) {
			t.Errorf("%s: the reply shows the token", c.name)
		}
	}
	if got := ask(s, "GET", "/", "Accept: text/html").Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, "Basic ") {
		t.Errorf("a browser is asked for %q", got)
	}
	if m.Traced("drop", "api_token") != 6 || m.Traced(token) > 0 {
		t.Errorf("%d wrong tokens are traced, want 6", m.Traced("drop", "api_token"))
	}
}

// TestEndpoints holds what each endpoint answers.
func TestEndpoints(t *testing.T) {
	status := &mdm.Status{Tenant: "contoso", Health: mdm.Unhealthy, LinkedAt: testhost.Start, LastPoll: testhost.Start.Add(time.Hour),
		LastError: errors.New("token: 401 invalid_client: AADSTS7000222"), LastErrorAt: testhost.Start, Refused: true,
		CredentialExpires: testhost.Start.Add(12*24*time.Hour + time.Hour), NextPoll: testhost.Start.Add(3 * time.Hour), Listed: 5, Clients: 2, Devices: 3}
	for _, c := range []struct {
		name, request string
		nac           fakeNAC
		status        int
		want          []string // in the body
	}{
		{"account", "GET /api/v1/account", fakeNAC{status: status}, 200, []string{`"linked": true`, `"tenant": "contoso"`, `"health": "unhealthy"`,
			`"last_sync": "2026-01-05T09:00:00Z"`, `"next_sync": "2026-01-05T11:00:00Z"`, `"text": "token: 401 invalid_client: AADSTS7000222"`, `"refused": true`, `"days_left": 12`, `"listed": 5`}},
		{"unlinked", "GET /api/v1/account", fakeNAC{status: &mdm.Status{Health: mdm.Unlinked}}, 200, []string{`"linked": false`, `"health": "unlinked"`}},
		{"no Intune", "GET /api/v1/account", fakeNAC{}, 409, []string{`"not_configured"`, "no intune section"}},
		{"link", "POST /api/v1/account/link", fakeNAC{status: status}, 201, []string{`"authorization_url": "https://login.example/organizations/v2.0/adminconsent?state=x\u0026y"`, `"expires"`}},
		{"link in a browser", "POST /api/v1/account/link?redirect=1", fakeNAC{status: status}, 303, nil},
		{"nowhere to come back to", "POST /api/v1/account/link", fakeNAC{status: status, err: ErrNoRedirect}, 409, []string{"intune.link.redirect_uri"}},
		{"unlink", "POST /api/v1/account/unlink", fakeNAC{status: status}, 200, []string{`"health"`}},
		{"unlink of nothing", "POST /api/v1/account/unlink", fakeNAC{status: status, err: ErrNotLinked}, 409, []string{`"not_linked"`, "POST /api/v1/account/link"}},
		{"poll", "POST /api/v1/account/poll", fakeNAC{status: status}, 202, []string{`"health"`}},
		{"poll while the machine goes down", "POST /api/v1/account/poll", fakeNAC{status: status, err: host.ErrDown}, 503, []string{`"down"`}},
		{"no sessions", "GET /api/v1/sessions", fakeNAC{}, 200, []string{`"total": 0`, `"sessions": []`}},
		{"session", "GET /api/v1/sessions/00-1C-B3-00-00-01", fakeNAC{clients: []string{"00:1c:b3:00:00:01"}}, 200, []string{`"vlan": "750"`, `"standing": "inGracePeriod"`, `"explanation": [`}},
		{"no session", "GET /api/v1/sessions/x", fakeNAC{}, 404, []string{"has no session", "MAC address"}},
		{"devices", "GET /api/v1/devices", fakeNAC{devices: []mdm.Record{{ID: "1", DeviceName: "LAPTOP", Standing: "stale"}}}, 200, []string{`"name": "LAPTOP"`, `"standing": "stale"`}},
		{"limit", "GET /api/v1/devices?limit=many", fakeNAC{}, 400, []string{`limit is \"many\"; expected a number from 1 to 1000`}},
		{"limit too high", "GET /api/v1/sessions?limit=1001", fakeNAC{}, 400, []string{"bad_parameter"}},
		{"unknown", "GET /api/v2/account", fakeNAC{}, 404, []string{`there is no \"/api/v2/account\"; there are GET /,`, "POST /api/v1/account/link"}},
		{"wrong method", "GET /api/v1/account/unlink", fakeNAC{status: status}, 405, []string{"/api/v1/account/unlink is asked for with POST"}},
		{"deleted session", "DELETE /api/v1/sessions/x", fakeNAC{}, 405, []string{"GET"}},
		{"page", "GET /", fakeNAC{status: status}, 200, []string{"<code>contoso</code>", "12 days left", "AADSTS7000222", "POST&nbsp;/api/v1/account/link", "<button>Unlink</button>"}},
		{"page without Intune", "GET /", fakeNAC{}, 200, []string{"no <code>intune</code> section"}},
	} {
		s, _ := newTest(t, &c.nac)
		method, path, _ := strings.Cut(c.request, " ")
		w := ask(s, method, path, bearer)
		if w.Code != c.status {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		for _, want := range c.want {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: no %s in\n%s", c.name, want, w.Body)
			}
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: caches keep it", c.name)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") != json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: it is %s, but %s", c.name, w.Header().Get("Content-Type"), w.Body)
		}
	}
}

// TestCallback holds that the callback takes no token, and what the administrator sees.
func TestCallback(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"linked", nil, 200, "The tenant is t&lt;enant&gt;."},
		{"refused", &link.Refusal{Reason: link.Denied, Text: "consent was not given", Code: "consent_required", Description: "<script>"}, 400, "&lt;script&gt;"},
		{"expired", &link.Refusal{Reason: link.ExpiredState, Text: "it has taken too long"}, 400, "It has taken too long."},
		{"another tenant", ErrOtherTenant, 409, "unlink it first"},
		{"no token", errors.New("mdm: link x: token: 400"), 502, "token: 400"},
		{"down", host.ErrDown, 503, "The NAC is ending."},
	} {
		nac := &fakeNAC{err: c.err}
		s, m := newTest(t, nac)
		w := ask(s, "GET", link.CallbackPath+"?state=secret-state&tenant=x", "Sec-Fetch-Site: cross-site")
		body := w.Body.String()
		if w.Code != c.status || !strings.Contains(body, c.want) || strings.Contains(body, "<script") || nac.query != "state=secret-state&tenant=x" {
			t.Errorf("%s: %d with %q\n%s", c.name, w.Code, nac.query, body)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "form-action 'self' https://login.example") {
			t.Errorf("%s: policy %q", c.name, csp)
		}
		if m.Traced("secret-state") > 0 || m.Traced("api", "request=GET "+link.CallbackPath) != 1 {
			t.Errorf("%s: the trace is %v", c.name, m.Lines)
		}
	}
	if w := ask(must(newTest(t, &fakeNAC{})), "POST", link.CallbackPath); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST to the callback: %d", w.Code)
	}
}

func must(s *Server, _ *testhost.Machine) *Server { return s }

// TestCrossSite holds that no other site makes a browser change something with the password that it remembers.
func TestCrossSite(t *testing.T) {
	for _, c := range []struct {
		header string
		status int
	}{
		{"Sec-Fetch-Site: same-origin", 303},
		{"Sec-Fetch-Site: none", 303},
		{"Sec-Fetch-Site: cross-site", 403},
		{"Sec-Fetch-Site: same-site", 403},
		{"Origin: https://evil.example", 403},
		{"Origin: https://nac.example", 303},
		{"X: y", 303},
	} {
		nac := &fakeNAC{status: &mdm.Status{}}
		s, _ := newTest(t, nac)
		w := ask(s, "POST", "/api/v1/account/unlink?redirect=1", bearer, c.header)
		if w.Code != c.status || (nac.unlinks == 1) != (c.status == 303) {
			t.Errorf("%s: %d, unlinked %d times", c.header, w.Code, nac.unlinks)
		}
	}
}

// TestPages holds that following next goes through a list, each entry once.
func TestPages(t *testing.T) {
	nac := &fakeNAC{}
	for i := range 250 {
		nac.clients = append(nac.clients, fmt.Sprintf("00:1c:b3:00:00:%02x", i))
		nac.devices = append(nac.devices, mdm.Record{ID: fmt.Sprintf("%04d", i)})
	}
	s, _ := newTest(t, nac)
	for _, list := range []string{"sessions", "devices"} {
		for limit, pages := range map[int]int{1000: 1, 250: 1, 249: 2, 100: 3, 7: 36} {
			seen := 0
			next, asked := fmt.Sprintf("/api/v1/%s?limit=%d", list, limit), 0
			for ; next != "" && asked < 300; asked++ {
				var page struct {
					Sessions, Devices []struct{ Client, ID string }
					Next              string
				}
				w := ask(s, "GET", next, bearer)
				if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
					t.Fatal(err)
				}
				for _, e := range append(page.Sessions, page.Devices...) {
					if e.Client+e.ID != nac.clients[seen] && e.Client+e.ID != nac.devices[seen].ID {
						t.Fatalf("entry %d of %s is %v", seen, list, e)
					}
					seen++
				}
				next = page.Next
			}
			if seen != 250 || asked != pages {
				t.Errorf("%d %s in %d pages of %d, want 250 in %d", seen, list, asked, limit, pages)
			}
		}
	}
}

// TestCheck holds what a configuration has to have.
func TestCheck(t *testing.T) {
	at := netip.MustParseAddrPort("127.0.0.1:1")
	for _, c := range []struct {
		cfg  Config
		good bool
	}{
		{Config{Addr: at, Token: token}, true},
		{Config{Token: token}, false},
		{Config{Addr: at}, false},
		{Config{Addr: at, Token: "short"}, false},
		{Config{Addr: at, Token: "with a blank, but long enough"}, false},
	} {
		if err := c.cfg.Check(); (err == nil) != c.good {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
}

// FuzzRequest holds that no request brings the API down, that each has an answer, and that without the token there is none
// but a refusal.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/api/v1/sessions?limit=5&after=00:1c", bearer, "application/json")
	f.Add("POST", "/api/v1/account/link?redirect=1", "Authorization: Basic eDp5", "text/html")
	f.Add("GET", "//api/../link/callback?state=%zz", "X: y", "*/*")
	f.Add("PUT", "/api/v1/sessions/%2e%2e", bearer, "")
	f.Fuzz(func(t *testing.T, method, path, authorization, accept string) {
		u, err := url.Parse(path)
		if err != nil {
			return
		}
		r := &http.Request{Method: method, URL: u, Header: http.Header{"Accept": {accept}}, RemoteAddr: "192.0.2.1:1", Host: "nac.example"}
		name, value, _ := strings.Cut(authorization, ": ")
		r.Header.Set(name, value)
		nac := &fakeNAC{status: &mdm.Status{}, err: errors.New("no")}
		s, _ := newTest(t, nac)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if shown, _ := shownToken(r); shown != token && u.Path != link.CallbackPath && w.Code != http.StatusUnauthorized {
			t.Fatalf("%s %s without the token: %d", method, path, w.Code)
		}
		if w.Code >= 500 && w.Code != http.StatusBadGateway {
			t.Fatalf("%s %s: %d", method, path, w.Code)
		}
	})
}
