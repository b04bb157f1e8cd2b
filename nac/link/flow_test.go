package link

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"
)

var (
	epoch   = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	contoso = "c0a80000-0000-4000-8000-000000000001"
	other   = "c0a80000-0000-4000-8000-000000000002"
)

func base() Config {
	return Config{ClientID: "app", RedirectURI: "https://nac.example/link/callback"}
}

func newFlow(t testing.TB, c Config) *Flow {
	t.Helper()
	f, err := New(c, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func begin(t testing.TB, f *Flow, now time.Time) (*url.URL, string) {
	t.Helper()
	s, err := f.Begin(now)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, u.Query().Get("state")
}

// TestAddress holds that the consent endpoints of both versions are addressed as Microsoft documents them (facts:
// graph-and-entra 4.4).
func TestAddress(t *testing.T) {
	for _, c := range []struct {
		name        string
		change      func(*Config)
		path, scope string
	}{
		{"version 2", func(*Config) {}, "https://login.microsoftonline.com/organizations/v2.0/adminconsent", "https://graph.microsoft.com/.default"},
		{"version 1", func(c *Config) { c.Version = 1 }, "https://login.microsoftonline.com/organizations/adminconsent", ""},
		{"another authority", func(c *Config) { c.Authority = "https://login.example/" }, "https://login.example/organizations/v2.0/adminconsent", "https://graph.microsoft.com/.default"},
		{"one tenant", func(c *Config) { c.Tenants = []string{strings.ToUpper(contoso)} }, "https://login.microsoftonline.com/" + contoso + "/v2.0/adminconsent", "https://graph.microsoft.com/.default"},
		{"two tenants", func(c *Config) { c.Tenants = []string{contoso, other} }, "https://login.microsoftonline.com/organizations/v2.0/adminconsent", "https://graph.microsoft.com/.default"},
	} {
		cfg := base()
		c.change(&cfg)
		u, state := begin(t, newFlow(t, cfg), epoch)
		q := u.Query()
		if got := u.Scheme + "://" + u.Host + u.Path; got != c.path || q.Get("scope") != c.scope || q.Get("client_id") != "app" ||
			q.Get("redirect_uri") != "https://nac.example/link/callback" || len(state) != 43 {
			t.Errorf("%s: %v", c.name, u)
		}
	}
}

// TestFinish holds what each callback leads to.
func TestFinish(t *testing.T) {
	for _, c := range []struct {
		name, query string // "&state=…" is added
		tenants     []string
		reason      Reason // empty for consent
	}{
		{"consent", "admin_consent=True&tenant=" + contoso, nil, ""},
		{"consent, version 2", "admin_consent=True&tenant=" + contoso + "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default", nil, ""},
		{"consent in capitals", "admin_consent=TRUE&tenant=" + strings.ToUpper(contoso), []string{contoso}, ""},
		{"refusal, version 1", "error=permission_denied&error_description=The+admin+canceled+the+request", nil, Denied},
		{"refusal, version 2, says admin_consent=True", "error=consent_required&error_description=AADSTS65004&admin_consent=True&tenant=" + contoso, nil, Denied},
		{"access denied", "error=access_denied&error_subcode=cancel", nil, Denied},
		{"another error", "error=server_error&error_description=AADSTS90033", nil, Failed},
		{"an error without a name", "error=&admin_consent=True&tenant=" + contoso, nil, Failed},
		{"nothing", "x=y", nil, NoConsent},
		{"no consent", "admin_consent=False&tenant=" + contoso, nil, NoConsent},
		{"no tenant", "admin_consent=True", nil, BadTenant},
		{"a domain", "admin_consent=True&tenant=contoso.example", nil, BadTenant},
		{"tenant that is not allowed", "admin_consent=True&tenant=" + other, []string{contoso}, ForeignTenant},
		{"two tenants", "admin_consent=True&tenant=" + contoso + "&tenant=" + other, nil, Malformed},
		{"broken", "admin_consent=%zz", nil, Malformed},
		{"too long", "x=" + strings.Repeat("y", maxQuery), nil, Malformed},
	} {
		cfg := base()
		cfg.Tenants = c.tenants
		f := newFlow(t, cfg)
		_, state := begin(t, f, epoch)
		tenant, err := f.Finish(epoch.Add(time.Minute), c.query+"&state="+state)
		if c.reason == "" && (err != nil || tenant != contoso) {
			t.Errorf("%s: %q, %v", c.name, tenant, err)
		}
		if c.reason != "" {
			checkRefusal(t, c.name, tenant, err, c.reason)
		}
		// The attempt is over, unless nothing could be told from the callback.
		want := UsedState
		if c.reason == Malformed {
			want = ""
		}
		tenant, err = f.Finish(epoch.Add(time.Minute), "admin_consent=True&tenant="+contoso+"&state="+state)
		if want == "" && err != nil {
			t.Errorf("%s: it has used up the state: %v", c.name, err)
		}
		if want != "" {
			checkRefusal(t, c.name+", again", tenant, err, want)
		}
	}
}

func checkRefusal(t *testing.T, name, tenant string, err error, want Reason) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != want || tenant != "" || r.Text == "" {
		t.Errorf("%s: tenant %q, %v, want %s", name, tenant, err, want)
	}
}

// TestStates holds that a state is good once, for a limited time, and for the Flow that has given it out.
func TestStates(t *testing.T) {
	const consent = "admin_consent=True&tenant=c0a80000-0000-4000-8000-000000000001&state="
	f := newFlow(t, base())
	_, state := begin(t, f, epoch)
	for name, wrong := range map[string]string{"none": "", "another": "x", "longer": state + "x", "shorter": state[:len(state)-1]} {
		want := UnknownState
		if wrong == "" {
			want = Malformed
		}
		_, err := f.Finish(epoch, consent+wrong)
		checkRefusal(t, name, "", err, want)
	}
	_, err := f.Finish(epoch.Add(DefaultLifetime), consent+state)
	checkRefusal(t, "too late", "", err, ExpiredState)
	if _, err = f.Finish(epoch.Add(DefaultLifetime-1), consent+state); err != nil {
		t.Errorf("in the last moment: %v", err)
	}
	_, err = newFlow(t, base()).Finish(epoch, consent+state)
	checkRefusal(t, "of another boot", "", err, UnknownState)
}

// TestManyAttempts holds that attempts are bounded, and that the newest ones count.
func TestManyAttempts(t *testing.T) {
	cfg := base()
	cfg.MaxPending = 3
	f := newFlow(t, cfg)
	seen := map[string]bool{}
	var states []string
	for range 100 {
		_, state := begin(t, f, epoch)
		if seen[state] {
			t.Fatal("a state was given out twice")
		}
		seen[state] = true
		states = append(states, state)
		if n := f.Pending(epoch); n > 3 || len(f.attempts) > 6 {
			t.Fatalf("%d attempts are under way, %d are kept", n, len(f.attempts))
		}
	}
	for i, state := range states {
		_, err := f.Finish(epoch, "admin_consent=True&tenant="+contoso+"&state="+state)
		if want := i >= 97; (err == nil) != want {
			t.Errorf("attempt %d: %v", i, err)
		}
	}
	if n := f.Pending(epoch); n != 0 {
		t.Errorf("%d attempts are under way at the end", n)
	}
}

// TestNew holds what a configuration has to have.
func TestNew(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string // in the error; empty for none
	}{
		{"minimal", func(*Config) {}, ""},
		{"redirect to this computer", func(c *Config) { c.RedirectURI = "http://localhost:8080/link/callback" }, ""},
		{"no client", func(c *Config) { c.ClientID = "" }, "no client id"},
		{"no redirect", func(c *Config) { c.RedirectURI = "" }, "redirect URI"},
		{"redirect in clear", func(c *Config) { c.RedirectURI = "http://nac.example/link/callback" }, "does not begin with https://"},
		{"redirect with a query", func(c *Config) { c.RedirectURI += "?a=b" }, "redirect URI"},
		{"authority in clear", func(c *Config) { c.Authority = "http://login.example" }, "authority"},
		{"version 3", func(c *Config) { c.Version = 3 }, "no version 3"},
		{"tenant by name", func(c *Config) { c.Tenants = []string{"contoso.example"} }, "is no ID"},
	} {
		cfg := base()
		c.change(&cfg)
		_, err := New(cfg, bytes.NewReader(nil))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	f, err := New(base(), bytes.NewReader(nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Begin(epoch); err == nil {
		t.Error("an attempt begins without a random state")
	}
}

// TestShown holds that what a stranger writes is shown in one line.
func TestShown(t *testing.T) {
	f := newFlow(t, base())
	_, state := begin(t, f, epoch)
	_, err := f.Finish(epoch, "error=x%0d%0ay&error_description=AADSTS65004%3A+no.%0D%0ATrace+ID%3A+1%1b[31m%ff"+strings.Repeat("%C3%A4", 400)+"&state="+state)
	var r *Refusal
	if !errors.As(err, &r) || r.Code != "x y" || !strings.HasPrefix(r.Description, "AADSTS65004: no. Trace ID: 1 [31m") || len(r.Description) > maxShown+len("…") {
		t.Errorf("got %q and %q", r.Code, r.Description)
	}
}

// FuzzFinish holds that no callback brings the flow down, that each refusal has words, and that a tenant comes out only
// where the state of an attempt, a consent and no error went in, once.
func FuzzFinish(f *testing.F) {
	f.Add("admin_consent=True&tenant="+contoso, true)
	f.Add("error=consent_required&error_description=AADSTS65004%3A+no&admin_consent=True&tenant="+contoso, true)
	f.Add("admin_consent=True&tenant="+contoso, false)
	f.Add("tenant=x&tenant=y&admin_consent", true)
	f.Add("%zz;&=&state=x", true)
	f.Fuzz(func(t *testing.T, query string, ours bool) {
		flow := newFlow(t, base())
		_, state := begin(t, flow, epoch)
		raw := query
		if ours {
			raw += "&state=" + state
		}
		tenant, err := flow.Finish(epoch, raw)
		if err != nil {
			var r *Refusal
			if !errors.As(err, &r) || r.Text == "" || r.Reason == "" || strings.ContainsAny(err.Error(), "\r\n\x1b") || len(err.Error()) > 4*maxShown {
				t.Fatalf("a refusal in the words %q", err)
			}
			return
		}
		q, _ := url.ParseQuery(raw)
		if !ours || !strings.EqualFold(q.Get("tenant"), tenant) || !strings.EqualFold(q.Get("admin_consent"), "true") || q.Has("error") {
			t.Fatalf("tenant %q came out of %q", tenant, raw)
		}
		if _, err := flow.Finish(epoch, raw); err == nil {
			t.Fatal("a callback was good twice")
		}
	})
}
