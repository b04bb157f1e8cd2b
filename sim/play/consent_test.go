package play

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/intune"
	"nacsim/internal/host"
	"nacsim/nac"
	"nacsim/nac/api"
	"nacsim/nac/link"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/sim/live"
	"nacsim/sim/pki"
	"nacsim/sim/trace"
	"nacsim/sim/virtual"
)

const (
	apiName  = "nac.corp.example"
	apiToken = "a-token-of-24-characters"
	laptop   = "00:1c:b3:09:85:15"
)

// consentWorld is what both worlds have.
type consentWorld interface {
	Now() time.Time
	Name(dns string, addr netip.Addr)
	AddHost(name string, addr netip.Addr, boot func(host.Host) error) error
	Run(name string, main func(host.Host) error) error
	Close() error
}

// TestConsent links an account as an administrator does it in a browser, over the pages of Entra, with each version of the
// consent endpoint (facts: graph-and-entra 4.4): first refused, then by a user who may not, and then given.
func TestConsent(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("virtual, v%d", version), func(t *testing.T) {
			w := virtual.New(virtual.Config{Seed: 1, Start: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), Recorder: trace.NewRecorder(time.Now())})
			playConsent(t, w, version)
		})
		t.Run(fmt.Sprintf("live, v%d", version), func(t *testing.T) {
			w := live.New(live.Config{Recorder: trace.NewRecorder(time.Now()), Dir: t.TempDir()})
			playConsent(t, w, version)
		})
	}
}

func playConsent(t *testing.T, w consentWorld, version int) {
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	n, roots := bootConsent(t, w, version)
	err := w.Run("browser", func(h host.Host) error {
		b := &browser{t: t, h: h, roots: roots, cookies: map[string]string{}}
		b.refuse()
		b.expect("after a refusal", `"linked": false`)
		b.ask()
		b.expect("after a user who may not", `"linked": false`)
		b.accept()
		b.expect("after consent", `"linked": true`, `"tenant": "`+tenantID+`"`)

		// What was linked is asked.
		mac, _ := net.ParseMAC(laptop)
		if err := n.Authorize(radiusd.Access{Method: "mab", Request: &radiusd.Request{From: netip.MustParseAddrPort("10.0.1.1:1645"), NASIdentifier: "ap-1",
			CallingStation: laptop, ClientMAC: mac, AcctSessionID: "A1"}}).Sent(); err != nil {
			return err
		}
		for range 100 {
			if strings.Contains(b.get("/api/v1/sessions/"+laptop), "mdm_status is compliant") {
				b.expect("after a lookup", `"health": "healthy"`)
				return nil
			}
			if err := h.Sleep(100 * time.Millisecond); err != nil {
				return err
			}
		}
		return errors.New("the device is not found: " + b.get("/api/v1/sessions/"+laptop))
	})
	if err != nil {
		t.Error(err)
	}
}

// bootConsent starts Microsoft and a NAC that nobody has linked an account to.
func bootConsent(t *testing.T, w consentWorld, version int) (n *nac.NAC, roots *x509.CertPool) {
	now := w.Now()
	from, to := now.Add(-time.Hour), now.Add(24*time.Hour)
	ca, err := pki.NewAuthority("Contoso Root CA", from, to, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server(append([]string{apiName}, graphNames...), from, to, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := virtualEntraKey()
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load("consent.yaml", []byte("labels: [{name: C, type: match, match: mdm_status, values: [compliant]}]\n"+
		"rules: [{name: Compliant, action: allow, matching: {nactags: [C]}}, {name: Rest, action: allow}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{server}}
	redirect := "https://" + apiName + ":8444" + link.CallbackPath
	w.Name(apiName, nacAddr)
	for _, name := range graphNames {
		w.Name(name, graphAddr)
	}
	add := func(name string, addr netip.Addr, boot func(host.Host) error) {
		if err := w.AddHost(name, addr, boot); err != nil {
			t.Fatal(err)
		}
	}
	add("graph", graphAddr, func(h host.Host) error {
		s, err := fakegraph.New(h, fakegraph.Config{TLS: config, SigningKey: key, Tenant: tenantID,
			Directory: directory.Config{Domains: []string{tenantDomain},
				Apps: []directory.App{{ClientID: clientID, Secrets: []directory.Secret{{Value: clientSecret}},
					RequestedRoles: []string{directory.RoleReadDevices}, RedirectURIs: []string{redirect}}},
				Users: []directory.User{{UPN: "root@" + tenantDomain, Password: "hunter2", Admin: true}, {UPN: "anna@" + tenantDomain, Password: "horse"}}},
			Intune: intune.Config{Devices: []intune.DeviceConfig{{Label: "laptop-1", Name: "LAPTOP-1", WiFiMAC: laptop}}}})
		if err != nil {
			return err
		}
		return s.Start()
	})
	add("nac", nacAddr, func(h host.Host) (err error) {
		n, err = nac.Start(h, nac.Config{TLS: config, Policy: p,
			RADIUS: radiusd.Config{Clients: []radiusd.Client{{Prefix: netip.MustParsePrefix("10.0.1.0/24"), Secret: radiusSecret}}, MAB: radiusd.MAB{PAP: true}},
			MDM:    &mdm.Config{ClientID: clientID, ClientSecret: clientSecret, RootCAs: ca.Pool()},
			Link:   &link.Config{ClientID: clientID, RedirectURI: redirect, Version: version},
			API:    &api.Config{Addr: netip.AddrPortFrom(nacAddr, 8444), Token: apiToken, TLS: config}})
		return err
	})
	return n, ca.Pool()
}

// A browser is that of an administrator.
type browser struct {
	t       *testing.T
	h       host.Host
	roots   *x509.CertPool
	cookies map[string]string // of Entra
}

// fail ends the task, and with it the world, of which the test is told: a task cannot end the test itself.
func (b *browser) fail(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// fetch makes one request, and follows where it leads.
func (b *browser) fetch(method, address string, form url.Values) (status int, at *url.URL, body string) {
	b.t.Helper()
	for range 5 {
		r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
		if err != nil {
			panic(err)
		}
		if r.URL.Hostname() == apiName {
			if r.URL.Path != link.CallbackPath {
				r.Header.Set("Authorization", "Bearer "+apiToken)
			}
		} else {
			for name, value := range b.cookies { // order-free: cookies have none
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
		}
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		answer, err := b.h.RoundTrip(r, host.HTTPOptions{RootCAs: b.roots})
		if err != nil {
			b.fail("%s %s: %v", method, address, err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			panic(err)
		}
		for _, c := range answer.Cookies() {
			b.cookies[c.Name] = c.Value
		}
		if answer.StatusCode/100 != 3 {
			return answer.StatusCode, r.URL, string(text)
		}
		next, err := r.URL.Parse(answer.Header.Get("Location"))
		if err != nil {
			panic(err)
		}
		method, address, form = http.MethodGet, next.String(), nil
	}
	b.fail("%s leads on and on", address)
	return 0, nil, ""
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	formState  = regexp.MustCompile(`name="ctx" value="([^"]*)"`)
)

// press sends the form of a page.
func (b *browser) press(at *url.URL, page, button string, fields ...string) (int, *url.URL, string) {
	b.t.Helper()
	action, state := formAction.FindStringSubmatch(page), formState.FindStringSubmatch(page)
	if action == nil || state == nil {
		b.fail("no form at %v\n%s", at, page)
	}
	to, err := at.Parse(html.UnescapeString(action[1]))
	if err != nil {
		panic(err)
	}
	form := url.Values{"ctx": {html.UnescapeString(state[1])}, "action": {button}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.fetch(http.MethodPost, to.String(), form)
}

// signIn begins to link an account and signs in.
func (b *browser) signIn(user, password string) (*url.URL, string) {
	b.t.Helper()
	clear(b.cookies)
	status, at, page := b.fetch(http.MethodPost, "https://"+apiName+":8444/api/v1/account/link?redirect=1", nil)
	if status != http.StatusOK || at.Hostname() != "login.microsoftonline.com" {
		b.fail("linking leads to %d at %v\n%s", status, at, page)
	}
	status, at, page = b.press(at, page, "signin", "login", user+"@"+tenantDomain, "passwd", password)
	if status != http.StatusOK && status != http.StatusForbidden { // which is for who is no administrator
		b.fail("%s signs in: %d\n%s", user, status, page)
	}
	return at, page
}

// end presses a button, and checks what the NAC says.
func (b *browser) end(at *url.URL, page, button string, status int, text string) {
	b.t.Helper()
	got, at, page := b.press(at, page, button)
	if got != status || at.Hostname() != apiName || !strings.Contains(page, text) {
		b.t.Errorf("%s leads to %d at %v\n%s", button, got, at, page)
	}
	// The same once more does nothing.
	if status, _, _ := b.fetch(http.MethodGet, at.String(), nil); status != http.StatusBadRequest {
		b.t.Errorf("the same callback again: %d", status)
	}
}

func (b *browser) refuse() {
	at, page := b.signIn("root", "hunter2")
	b.end(at, page, "cancel", http.StatusBadRequest, "AADSTS65004")
}

// ask is the attempt of a user who is no administrator.
func (b *browser) ask() {
	at, page := b.signIn("anna", "horse")
	b.end(at, page, "return", http.StatusBadRequest, "AADSTS90094")
}

func (b *browser) accept() {
	at, page := b.signIn("root", "hunter2")
	b.end(at, page, "accept", http.StatusOK, tenantID)
}

// get asks the API.
func (b *browser) get(path string) string {
	b.t.Helper()
	status, _, body := b.fetch(http.MethodGet, "https://"+apiName+":8444"+path, nil)
	if status != http.StatusOK || !json.Valid([]byte(body)) {
		b.t.Errorf("%s: %d %s", path, status, body)
	}
	return body
}

func (b *browser) expect(when string, parts ...string) {
	b.t.Helper()
	body := b.get("/api/v1/account")
	for _, part := range parts {
		if !strings.Contains(body, part) {
			b.t.Errorf("%s: no %s in\n%s", when, part, body)
		}
	}
}
