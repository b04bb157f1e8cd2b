package credential

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
)

// A tenant is a machine whose HTTP requests the test answers, and the directory on it.
type tenant struct {
	*testhost.Machine
	t     *testing.T
	world *testhost.World
	entra *Entra

	latency time.Duration
	serve   func(form url.Values) (status int, body string, err error)
	busy    int // requests under way
	most    int // the most of them at a time
	asked   []string
}

const directoryUser = "anna@corp.example"

// newTenant has one user, anna@corp.example with the password "Grüße & Co".
func newTenant(t *testing.T, change ...func(*EntraConfig)) *tenant {
	t.Helper()
	w := testhost.New(t)
	m := &tenant{Machine: w.Machine("nac", "10.0.0.1"), t: t, world: w, latency: 100 * time.Millisecond}
	m.serve = func(form url.Values) (int, string, error) {
		switch {
		case form.Get("username") != directoryUser:
			return 400, refusalBody(50034), nil
		case form.Get("password") != "Grüße & Co":
			return 400, refusalBody(50126), nil
		}
		return 200, `{"token_type":"Bearer","expires_in":3599,"access_token":"x"}`, nil
	}
	c := EntraConfig{Tenant: "corp.example", ClientID: "app", ClientSecret: "hush", Domain: "corp.example"}
	for _, f := range change {
		f(&c)
	}
	var err error
	if m.entra, err = NewEntra(m, c); err != nil {
		t.Fatal(err)
	}
	return m
}

func refusalBody(code int) string {
	return fmt.Sprintf(`{"error":"invalid_grant","error_description":"AADSTS%d: Trace ID: 1","error_codes":[%d]}`, code, code)
}

func (m *tenant) RoundTrip(r *http.Request, o host.HTTPOptions) (*http.Response, error) {
	if o.Timeout <= 0 || o.MaxBody <= 0 {
		m.t.Errorf("no limits in %+v", o)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(b))
	if err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.Method != http.MethodPost {
		m.t.Errorf("request %s %v: %v", r.Method, r.Header, err)
	}
	m.asked = append(m.asked, r.URL.String()+" "+form.Get("username"))
	m.busy++
	m.most = max(m.most, m.busy)
	defer func() { m.busy-- }()
	if m.latency > o.Timeout {
		if err := m.Sleep(o.Timeout); err != nil {
			return nil, err
		}
		return nil, host.ErrTimeout
	}
	if err := m.Sleep(m.latency); err != nil {
		return nil, err
	}
	status, body, err := m.serve(form)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// ask asks and returns where the answer will be.
func (m *tenant) ask(user string, p Proof) *[]Answer {
	answers := &[]Answer{}
	m.entra.Ask(Question{User: user, Proof: p}, func(a Answer) { *answers = append(*answers, a) })
	return answers
}

func (m *tenant) one(answers *[]Answer) Answer {
	m.t.Helper()
	if len(*answers) != 1 {
		m.t.Fatalf("%d answers, want one", len(*answers))
	}
	return (*answers)[0]
}

func TestEntra(t *testing.T) {
	m := newTenant(t)
	for _, c := range []struct {
		user, password string
		want           Reason
	}{
		{directoryUser, "Grüße & Co", ""}, {"anna", "Grüße & Co", ""}, {`CORP\anna`, "Grüße & Co", ""},
		{"anna", "falsch", WrongPassword}, {"ben", "Grüße & Co", UnknownUser}, {"anna@other.example", "Grüße & Co", UnknownUser},
	} {
		answers := m.ask(c.user, PAP{Password: []byte(c.password)})
		if m.world.Advance(99 * time.Millisecond); len(*answers) != 0 {
			t.Fatalf("%s: answered before Entra ID", c.user)
		}
		m.world.Advance(time.Millisecond)
		if a := m.one(answers); a.OK != (c.want == "") || a.Reason != c.want || strings.Contains(a.Text, c.password) {
			t.Errorf("%s with %q: %+v, want %q", c.user, c.password, a, c.want)
		}
	}
	if want := "https://login.microsoftonline.com/corp.example/oauth2/v2.0/token " + directoryUser; m.asked[0] != want || m.asked[2] != want {
		t.Errorf("asked %q, want %q", m.asked, want)
	}
}

// TestEntraForm: the parameters of RFC 6749 section 4.3.2, and those of a confidential client.
func TestEntraForm(t *testing.T) {
	m := newTenant(t)
	m.serve = func(form url.Values) (int, string, error) {
		for k, want := range map[string]string{"grant_type": "password", "client_id": "app", "client_secret": "hush", "scope": "openid", "username": "x@y", "password": "p"} {
			if form.Get(k) != want {
				t.Errorf("%s is %q, want %q", k, form.Get(k), want)
			}
		}
		return 200, `{"access_token":"x"}`, nil
	}
	answers := m.ask("x@y", PAP{Password: []byte("p")})
	m.world.Advance(time.Second)
	m.one(answers)
	public := newTenant(t, func(c *EntraConfig) { c.ClientSecret = "" })
	if f := public.entra.form(Question{User: "u", Proof: PAP{}}); f.Has("client_secret") {
		t.Error("a public client sends a secret")
	}
}

func TestEntraAtOnce(t *testing.T) {
	m := newTenant(t)
	for _, c := range []struct {
		user  string
		proof Proof
		want  Reason
	}{
		{"anna", CHAP{}, Unsupported}, {"anna", MSCHAP{}, Unsupported}, {"anna", MSCHAPv2{}, Unsupported},
		{"anna", PAP{}, WrongPassword}, {"anna", PAP{Password: make([]byte, 257)}, WrongPassword},
		{"", PAP{Password: []byte("x")}, UnknownUser}, {strings.Repeat("a", 254), PAP{Password: []byte("x")}, UnknownUser},
	} {
		if a := m.one(m.ask(c.user, c.proof)); a.OK || a.Reason != c.want {
			t.Errorf("%.10q by %s: %+v, want %v", c.user, c.proof.Name(), a, c.want)
		}
	}
	if len(m.asked) != 0 {
		t.Errorf("Entra ID was asked %q", m.asked)
	}
}

func TestEntraReplies(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   Reason
		text   string
	}{
		{400, refusalBody(50126), WrongPassword, "AADSTS50126"},
		{400, refusalBody(50034), UnknownUser, "AADSTS50034"},
		{400, refusalBody(50057), Disabled, "AADSTS50057"},
		{400, refusalBody(50055), Disabled, "password has expired"},
		{400, refusalBody(50053), Disabled, "locked"},
		{400, refusalBody(50076), Unsupported, "multi-factor"},
		{401, refusalBody(7000215), Unavailable, "AADSTS7000215"},
		{503, `{"error":"temporarily_unavailable","error_codes":[90033]}`, Unavailable, "AADSTS90033"},
		{429, `{}`, Unavailable, "status 429"},
		{200, `{}`, Unavailable, "status 200"},
		{200, `<html>`, Unavailable, "no JSON"},
		{302, ``, Unavailable, "no JSON"},
		{400, `{"access_token":"x","error":"invalid_grant"}`, Unavailable, "invalid_grant"},
	} {
		m := newTenant(t)
		m.serve = func(url.Values) (int, string, error) { return c.status, c.body, nil }
		answers := m.ask("anna", PAP{Password: []byte("geheim")})
		m.world.Advance(time.Second)
		if a := m.one(answers); a.OK || a.Reason != c.want || !strings.Contains(a.Text, c.text) || strings.Contains(a.Text, "geheim") {
			t.Errorf("%d %s: %+v, want %v with %q", c.status, c.body, a, c.want, c.text)
		}
	}
}

func TestEntraSilence(t *testing.T) {
	m := newTenant(t, func(c *EntraConfig) { c.Timeout = 2 * time.Second })
	m.latency = time.Hour
	answers := m.ask("anna", PAP{Password: []byte("x")})
	m.world.Advance(2 * time.Second)
	if a := m.one(answers); a.Reason != Unavailable {
		t.Errorf("got %+v", a)
	}
	m.latency = time.Millisecond
	m.serve = func(url.Values) (int, string, error) { return 0, "", errors.New("connection refused") }
	answers = m.ask("anna", PAP{Password: []byte("x")})
	m.world.Advance(time.Second)
	if a := m.one(answers); a.Reason != Unavailable || !strings.Contains(a.Text, "connection refused") {
		t.Errorf("got %+v", a)
	}
}

// TestEntraLimits: so many at a time, so many more wait, the rest is told at once; and who waited too long is not asked
// about.
func TestEntraLimits(t *testing.T) {
	m := newTenant(t, func(c *EntraConfig) { c.Concurrent, c.Queue, c.Timeout = 2, 3, time.Second })
	m.latency = 600 * time.Millisecond
	var all []*[]Answer
	for range 6 {
		all = append(all, m.ask("anna", PAP{Password: []byte("Grüße & Co")}))
	}
	if a := m.one(all[5]); a.Reason != Unavailable || !strings.Contains(a.Text, "too many") {
		t.Errorf("the sixth gets %+v", a)
	}
	m.world.Advance(10 * time.Second)
	for i, want := range []Reason{"", "", Unavailable, Unavailable, Unavailable} {
		// The third and fourth get their turn after 600 ms, and have 400 ms left of their second.
		if a := m.one(all[i]); a.Reason != want {
			t.Errorf("question %d: %+v, want %q", i+1, a, want)
		}
	}
	if m.most != 2 || len(m.asked) != 4 {
		t.Errorf("%d at a time, %d in all; want 2 and 4", m.most, len(m.asked))
	}
	m.latency = time.Millisecond
	again := m.ask("anna", PAP{Password: []byte("Grüße & Co")})
	m.world.Advance(time.Second)
	if a := m.one(again); !a.OK {
		t.Errorf("afterwards: %+v", a)
	}
}

func TestEntraMistakes(t *testing.T) {
	for _, c := range []EntraConfig{
		{}, {Tenant: "t"}, {ClientID: "c"}, {Tenant: "t", ClientID: "c", Authority: "http://login.example"},
		{Tenant: "t", ClientID: "c", Authority: "login.example"}, {Tenant: "t", ClientID: "c", Authority: "https://u:p@login.example"},
		{Tenant: "t", ClientID: "c", Authority: "https://login.example/?x"},
		{Tenant: "Organizations", ClientID: "c"},
	} {
		if _, err := NewEntra(nil, c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// FuzzVerdict: no reply but a token lets anybody in.
func FuzzVerdict(f *testing.F) {
	f.Add(200, []byte(`{"access_token":"x"}`))
	f.Add(400, []byte(refusalBody(50126)))
	f.Add(400, []byte(`{"error_codes":[]}`))
	f.Add(200, []byte(`[]`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a := verdict(status, body)
		if a.OK != (a.Reason == "") || a.OK && status != 200 || !a.OK && a.Text == "" {
			t.Errorf("%d %q: %+v", status, body, a)
		}
	})
}
