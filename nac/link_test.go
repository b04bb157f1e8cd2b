package nac

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"nacsim/internal/eap/eaptest"
	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
	"nacsim/nac/api"
	"nacsim/nac/link"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
)

const (
	apiToken = "a-token-of-24-characters"
	contoso  = "c0a80000-0000-4000-8000-000000000001"
	fabrikam = "c0a80000-0000-4000-8000-000000000002"
)

// microsoft is the least Entra and Graph that an account can be linked with.
type microsoft struct {
	consent map[string]bool // by tenant
	lag     int             // requests until Entra knows of a consent
	tid     string          // of tokens, in place of the tenant that they are asked for
	revoked bool            // Graph takes no token
	secret  string          // that Entra takes, empty means any
	tokens  int
}

func answer(status int, body any) *http.Response {
	text, _ := json.Marshal(body)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(text)))}
}

func (ms *microsoft) serve(r *http.Request) *http.Response {
	if r.URL.Host == "graph.microsoft.com" {
		if ms.revoked {
			return answer(403, map[string]any{"error": map[string]string{"code": "Forbidden", "message": "Application is not authorized to perform this operation."}})
		}
		if strings.HasSuffix(r.URL.Path, "/managedDevices") {
			return answer(200, map[string]any{"value": []any{map[string]string{"id": "00000000-0000-4000-8000-000000000009", "deviceName": "LAPTOP",
				"complianceState": "inGracePeriod", "managementState": "managed", "wiFiMacAddress": "001CB3098515"}}})
		}
		return answer(404, map[string]any{"error": map[string]string{"code": "ResourceNotFound"}})
	}
	ms.tokens++
	tenant := strings.Split(r.URL.Path, "/")[1]
	if !ms.consent[tenant] || ms.lag > 0 {
		ms.lag--
		return answer(400, map[string]string{"error": "unauthorized_client", "error_description": "AADSTS700016: Application with identifier 'c' was not found in the directory."})
	}
	if r.ParseForm() == nil && ms.secret != "" && r.PostForm.Get("client_secret") != ms.secret {
		return answer(401, map[string]string{"error": "invalid_client", "error_description": "AADSTS7000222: The provided client secret keys are expired."})
	}
	if ms.tid != "" {
		tenant = ms.tid
	}
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"tid":%q}`, tenant))
	return answer(200, map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": "h." + claims + ".s"})
}

// linkMachine has HTTP, in both directions.
type linkMachine struct {
	*testhost.Machine
	ms      *microsoft
	handler http.Handler
}

func (m *linkMachine) RoundTrip(r *http.Request, _ host.HTTPOptions) (*http.Response, error) {
	if err := m.Sleep(time.Millisecond); err != nil {
		return nil, err
	}
	return m.ms.serve(r), nil
}

func (m *linkMachine) ServeHTTP(at netip.AddrPort, h http.Handler, _ *tls.Config) (host.HTTPServer, error) {
	m.handler = h
	return server{at}, nil
}

func (m *linkMachine) ListenPacket(at netip.AddrPort) (host.PacketConn, error) {
	return silent{conn{at: at}, m.NewSignal()}, nil
}

type server struct{ at netip.AddrPort }

func (s server) Addr() netip.AddrPort { return s.at }
func (s server) Close() error         { return nil }

// silent is a socket at which nothing arrives.
type silent struct {
	conn
	never host.Signal
}

func (s silent) ReadFrom([]byte, time.Time) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, s.never.Wait(time.Time{})
}

func (s silent) WriteTo([]byte, netip.AddrPort) error { return nil }
func (s silent) Close() error                         { return nil }

// linkBench is a NAC that can be linked.
type linkBench struct {
	t  *testing.T
	m  *linkMachine
	n  *NAC
	ca *eaptest.CA
	ms *microsoft
}

func newLinkBench(t *testing.T, change ...func(*Config)) *linkBench {
	t.Helper()
	b := &linkBench{t: t, ms: &microsoft{consent: map[string]bool{contoso: true, fabrikam: true}}, ca: eaptest.NewCA(t, "corp")}
	b.m = &linkMachine{Machine: testhost.New(t).Machine("nac", "10.0.0.1"), ms: b.ms}
	b.boot(change...)
	return b
}

func (b *linkBench) boot(change ...func(*Config)) {
	b.t.Helper()
	p, err := policy.Load("policy.yaml", []byte(quarantine))
	if err != nil {
		b.t.Fatal(err)
	}
	cfg := Config{
		RADIUS: radiusd.Config{Clients: []radiusd.Client{{Prefix: netip.MustParsePrefix("10.0.1.0/24"), Secret: []byte("secret")}}},
		TLS:    eaptest.ServerTLS(b.ca), Policy: p,
		MDM:  &mdm.Config{ClientID: "c", ClientSecret: "the-client-secret"},
		Link: &link.Config{ClientID: "c", RedirectURI: "https://nac.example/link/callback"},
		API:  &api.Config{Addr: netip.MustParseAddrPort("10.0.0.1:8443"), Token: apiToken},
	}
	for _, f := range change {
		f(&cfg)
	}
	if b.n, err = Start(b.m, cfg); err != nil {
		b.t.Fatal(err)
	}
}

func (b *linkBench) restart(change ...func(*Config)) {
	b.t.Helper()
	b.m = &linkMachine{Machine: b.m.Restart(), ms: b.ms}
	b.boot(change...)
}

// ask makes a request of the API, with the token unless it is a callback.
func (b *linkBench) ask(method, path string) (int, string) {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.m.Do(func() {
		r := httptest.NewRequest(method, path, nil)
		if !strings.HasPrefix(path, link.CallbackPath) {
			r.Header.Set("Authorization", "Bearer "+apiToken)
		}
		b.m.handler.ServeHTTP(w, r)
	})
	return w.Code, w.Body.String()
}

// begin begins to link an account, and returns the state.
func (b *linkBench) begin() string {
	b.t.Helper()
	code, body := b.ask("POST", "/api/v1/account/link")
	var reply struct {
		URL string `json:"authorization_url"`
	}
	if err := json.Unmarshal([]byte(body), &reply); err != nil || code != 201 {
		b.t.Fatalf("%d %s", code, body)
	}
	u, err := url.Parse(reply.URL)
	if err != nil || u.Host != "login.microsoftonline.com" {
		b.t.Fatalf("%s: %v", reply.URL, err)
	}
	return u.Query().Get("state")
}

// consent has an administrator give consent in a tenant, or whoever it is say so.
func (b *linkBench) consent(tenant string) (int, string) {
	b.t.Helper()
	return b.ask("GET", link.CallbackPath+"?admin_consent=True&tenant="+tenant+"&state="+b.begin())
}

// expect checks the account.
func (b *linkBench) expect(when string, parts ...string) {
	b.t.Helper()
	_, body := b.ask("GET", "/api/v1/account")
	for _, part := range parts {
		if !strings.Contains(body, part) {
			b.t.Errorf("%s: no %s in\n%s", when, part, body)
		}
	}
}

// join has the laptop authenticate.
func (b *linkBench) join() {
	b.t.Helper()
	bench := &bench{t: b.t, n: b.n, ca: b.ca}
	b.m.Do(func() {
		if err := bench.authorize(request("10.0.1.1", laptopMAC, "A1"), "LAPTOP").Sent(); err != nil {
			b.t.Error(err)
		}
	})
}

// TestLink goes through the life of an account: linked, asked, restarted, revoked and given again, taken off.
func TestLink(t *testing.T) {
	b := newLinkBench(t)
	b.expect("at first", `"linked": false`, `"health": "unlinked"`)
	if code, body := b.ask("POST", "/api/v1/account/poll"); code != 409 || !strings.Contains(body, "not_linked") {
		t.Errorf("poll without an account: %d %s", code, body)
	}
	b.join()
	state := b.begin()
	callback := link.CallbackPath + "?admin_consent=True&tenant=" + strings.ToUpper(contoso) + "&state=" + state
	if code, body := b.ask("GET", callback); code != 200 || !strings.Contains(body, contoso) {
		t.Fatalf("%d %s", code, body)
	}
	if code, body := b.ask("GET", callback); code != 400 || !strings.Contains(body, "already") {
		t.Errorf("the same callback again: %d %s", code, body)
	}
	b.m.Advance(time.Minute)
	b.expect("linked", `"tenant": "`+contoso+`"`, `"health": "healthy"`, `"records": 1`)
	if _, body := b.ask("GET", "/api/v1/sessions/"+laptopMAC); !strings.Contains(body, "mdm_status is compliant (Intune says inGracePeriod)") {
		t.Errorf("the session is explained by %s", body)
	}
	if b.m.Traced("event", "type=NAC_MDM_ACCOUNT_LINKED", contoso) != 1 || b.m.Traced("consent", "result=ok") != 1 || b.m.Traced("consent", "reason=used_state") != 1 {
		t.Error("the trace does not tell of it")
	}

	b.restart()
	b.expect("after a restart", `"tenant": "`+contoso+`"`)
	if code, _ := b.ask("GET", callback); code != 400 {
		t.Errorf("a callback of the last boot: %d", code)
	}
	b.ms.revoked = true
	b.m.Advance(3 * time.Hour)
	b.expect("consent revoked", `"health": "unhealthy"`, `"refused": true`, "Forbidden", "not authorized")
	if n := b.m.Traced("event", "type=NAC_MDM_ACCOUNT_UNHEALTHY", "Forbidden"); n != 1 {
		t.Errorf("%d events that it does not work", n)
	}
	b.ms.revoked = false
	if code, body := b.consent(contoso); code != 200 {
		t.Errorf("consent again: %d %s", code, body)
	}
	b.m.Advance(time.Minute)
	b.expect("consent given again", `"health": "healthy"`)
	if n := b.m.Traced("event", "type=NAC_MDM_ACCOUNT_HEALTHY"); n != 1 {
		t.Errorf("%d events that it works again", n)
	}

	if code, body := b.ask("POST", "/api/v1/account/unlink"); code != 200 || !strings.Contains(body, `"linked": false`) {
		t.Errorf("unlink: %d %s", code, body)
	}
	b.m.Advance(time.Minute)
	if _, body := b.ask("GET", "/api/v1/sessions/"+laptopMAC); !strings.Contains(body, `"status": "unknown"`) || !strings.Contains(body, "linked") {
		t.Errorf("after that the session is explained by %s", body)
	}
	if code, _ := b.ask("POST", "/api/v1/account/unlink"); code != 409 || b.m.Traced("event", "type=NAC_MDM_ACCOUNT_UNLINKED", contoso) != 1 {
		t.Errorf("unlinked twice: %d", code)
	}
	if b.m.Traced(state) > 0 || b.m.Traced(apiToken) > 0 || b.m.Traced("the-client-secret") > 0 {
		t.Error("the trace shows a secret")
	}
}

// TestLinkForged holds that no callback links a tenant that has not consented, or another than the tokens are for.
func TestLinkForged(t *testing.T) {
	for _, c := range []struct {
		name, tenant string
		change       func(*microsoft)
		config       func(*Config)
		status       int
		text         string
	}{
		{"no consent", fabrikam, func(ms *microsoft) { ms.consent[fabrikam] = false }, nil, 502, "AADSTS700016"},
		{"token of another tenant", contoso, func(ms *microsoft) { ms.tid = fabrikam }, nil, 502, "got one for " + fabrikam},
		{"tenant that may not be linked", fabrikam, nil, func(c *Config) { c.Link.Tenants = []string{contoso} }, 400, "none of those that may be linked"},
		{"Entra is slow", contoso, func(ms *microsoft) { ms.lag = 3 }, nil, 200, contoso},
		{"Entra is too slow", contoso, func(ms *microsoft) { ms.lag = 4 }, nil, 502, "AADSTS700016"},
	} {
		b := newLinkBench(t, func(cfg *Config) {
			if c.config != nil {
				c.config(cfg)
			}
		})
		if c.change != nil {
			c.change(b.ms)
		}
		code, body := b.consent(c.tenant)
		if code != c.status || !strings.Contains(body, c.text) {
			t.Errorf("%s: %d %s", c.name, code, body)
		}
		b.expect(c.name, fmt.Sprintf(`"linked": %v`, c.status == 200))
	}
}

// TestLinkAnother holds that another tenant does not take the place of the linked one, whether by consent or by
// configuration, and that the configured one can be given consent.
func TestLinkAnother(t *testing.T) {
	b := newLinkBench(t)
	if code, body := b.consent(contoso); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	if code, body := b.consent(fabrikam); code != 409 || !strings.Contains(body, "unlink it first") {
		t.Errorf("another tenant: %d %s", code, body)
	}
	b.expect("after another tenant", contoso)
	b.ask("POST", "/api/v1/account/unlink")
	if code, body := b.consent(fabrikam); code != 200 {
		t.Errorf("another tenant after unlinking: %d %s", code, body)
	}

	b = newLinkBench(t, func(c *Config) { c.MDM.Tenant = "contoso.example" })
	b.ms.consent["contoso.example"], b.ms.tid = true, contoso
	if code, _ := b.consent(fabrikam); code != 409 {
		t.Errorf("another tenant than the configured one: %d", code)
	}
	if code, body := b.consent(contoso); code != 200 {
		t.Errorf("the configured tenant: %d %s", code, body)
	}
	b.expect("the configured tenant", contoso)
}

// TestReloadAccount holds that a renewed secret is used without a restart, that the alarm goes by it, and that a secret which
// is missing changes nothing.
func TestReloadAccount(t *testing.T) {
	var cfg Config
	b := newLinkBench(t, func(c *Config) {
		c.MDM.Tenant, c.MDM.SecretExpires = contoso, testhost.Start.Add(31*24*time.Hour)
		cfg = *c
	})
	b.join()
	b.ms.secret = "renewed-client-secret"
	b.m.Advance(25 * time.Hour)
	b.expect("expired", `"health": "unhealthy"`, "AADSTS7000222")
	reload := func(change func(*mdm.Config)) error {
		account := *cfg.MDM
		change(&account)
		cfg.MDM = &account
		return b.n.Reload(cfg)
	}
	if err := reload(func(c *mdm.Config) { c.ClientSecret = "" }); err == nil || !strings.Contains(err.Error(), "no client secret") {
		t.Errorf("a secret that is missing: %v", err)
	}
	if err := reload(func(c *mdm.Config) {
		c.ClientSecret, c.SecretExpires = b.ms.secret, testhost.Start.Add(365*24*time.Hour)
	}); err != nil {
		t.Fatal(err)
	}
	b.m.Advance(time.Second)
	b.expect("renewed", `"health": "healthy"`, `"days_left": 363`)
	alarms := b.m.Traced("credential", "state=expiring")
	if b.m.Traced("event", "type=NAC_MDM_ACCOUNT_HEALTHY") != 1 || alarms != 1 {
		t.Errorf("%d alarms before", alarms)
	}
	b.m.Advance(10 * 24 * time.Hour)
	if n := b.m.Traced("credential", "state=expiring"); n != alarms {
		t.Errorf("%d alarms after the secret was renewed", n-alarms)
	}
	b.m.Advance(330 * 24 * time.Hour)
	if b.m.Traced("credential", "state=expiring") == alarms {
		t.Error("no alarm about the new secret")
	}
	if b.m.Traced(b.ms.secret) > 0 {
		t.Error("the trace shows the secret")
	}
	before := b.m.Traced("credential", "state=expired")
	if err := reload(func(c *mdm.Config) { c.SecretExpires = testhost.Start.Add(24 * time.Hour) }); err != nil || b.m.Traced("credential", "state=expired") != before+1 {
		t.Errorf("no alarm about another end of the same secret: %v", err)
	}
}

// TestCredentialAlarm holds that the end of the client secret is told of in time.
func TestCredentialAlarm(t *testing.T) {
	b := newLinkBench(t, func(c *Config) {
		c.MDM.Tenant, c.MDM.SecretExpires = contoso, testhost.Start.Add(31*24*time.Hour)
	})
	b.m.Advance(23 * time.Hour)
	if n := b.m.Traced("credential"); n != 0 {
		t.Errorf("%d alarms too early", n)
	}
	b.m.Advance(2 * time.Hour)
	if b.m.Traced("credential", "state=expiring", "in 30 days") != 1 || b.m.Traced("event", "NAC_MDM_CREDENTIAL_EXPIRING") != 1 {
		t.Error("no alarm after a day")
	}
	b.m.Advance(30 * 24 * time.Hour)
	if n := b.m.Traced("credential", "state=expiring"); n != 30 {
		t.Errorf("%d alarms in 30 days", n)
	}
	if b.m.Traced("event", "NAC_MDM_CREDENTIAL_EXPIRED") != 1 {
		t.Error("no alarm at the end")
	}
	b.expect("at the end", `"expired": true`, `"days_left": 0`)
}

// TestNotFoundMapped holds that the setting of not_found is what counts for a device that Intune does not have.
func TestNotFoundMapped(t *testing.T) {
	for status, vlan := range map[policy.Status]string{"": "1", policy.Noncompliant: "1", policy.Compliant: "750"} {
		b := newLinkBench(t, func(c *Config) { c.MDM.Tenant, c.Compliance.NotFound = contoso, status })
		bench := &bench{t: t, n: b.n, ca: b.ca}
		var verdict radiusd.Verdict
		for range 2 { // the first has it looked up
			b.m.Do(func() {
				verdict = bench.authorize(request("10.0.1.1", "00:1c:b3:00:00:77", "A7"), "STRANGER")
				if err := verdict.Sent(); err != nil {
					t.Error(err)
				}
			})
			b.m.Advance(time.Second)
		}
		if verdict.VLAN != vlan {
			t.Errorf("with %q: VLAN %s, want %s", status, verdict.VLAN, vlan)
		}
		if b.m.Traced("decision", "standing=notFound") == 0 {
			t.Errorf("with %q: no decision says notFound", status)
		}
	}
}
