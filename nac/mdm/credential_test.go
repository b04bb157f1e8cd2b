package mdm

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// knows has Entra take that secret only, or an assertion when it is empty, and refuse the others with a code.
func (l *link) knows(secret *string, code string) {
	l.in.answer = func(r *http.Request) *http.Response {
		if r.URL.Host != "login.microsoftonline.com" {
			return nil
		}
		_ = r.ParseForm()
		if r.PostForm.Get("client_secret") != *secret || r.PostForm.Has("client_assertion") != (*secret == "") {
			return reply(401, map[string]any{"error": "invalid_client", "error_description": code + ": no"})
		}
		l.in.tokens++
		return reply(200, map[string]any{"expires_in": 3599, "access_token": l.in.token()})
	}
}

// TestReloadCredential has Entra refuse the credential, for a reason, until the circuit is open and the retries are far
// apart; with the new one all is well at once.
func TestReloadCredential(t *testing.T) {
	certificate := appCertificate(t)
	for _, c := range []struct {
		name, code string
		renew      func(*Config)
		well       bool
	}{
		{"a wrong secret", "AADSTS7000215", func(c *Config) { c.ClientSecret = "new" }, true},
		{"an expired one", "AADSTS7000222", func(c *Config) { c.ClientSecret = "new" }, true},
		{"a certificate in its place", "AADSTS7000222", func(c *Config) { c.ClientSecret, c.ClientCertificate = "", certificate }, true},
		{"the same again", "AADSTS7000222", func(*Config) {}, false},
		{"another wrong one", "AADSTS7000222", func(c *Config) { c.ClientSecret = "wrong" }, false},
		{"one of another app", "AADSTS7000215", func(c *Config) { c.ClientSecret, c.ClientID = "new", "other" }, false},
		{"one for another authority", "AADSTS7000215", func(c *Config) { c.ClientSecret, c.Authority = "new", "https://login.example" }, false},
		{"with the authority spelt out", "AADSTS7000215", func(c *Config) {
			c.ClientSecret, c.Authority = "new", "https://login.microsoftonline.com/"
		}, true},
	} {
		cfg := testConfig()
		l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant"})
		good := "new"
		l.knows(&good, c.code)
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			l.Enqueue(name, keys(cn("A")))
		}
		l.h.Advance(30 * time.Second)
		if st := l.Status(); st.Health != Unhealthy || !st.Refused || st.CircuitOpen.IsZero() {
			t.Fatalf("%s: before: %+v", c.name, st)
		}
		c.renew(&cfg)
		if good = cfg.ClientSecret; !c.well {
			good = "new"
		}
		if err := l.Reload(cfg); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if expired := l.Status().CredentialExpired; c.well && expired {
			t.Errorf("%s: the new credential is called expired", c.name)
		}
		l.h.Advance(time.Second)
		st, state := l.Status(), l.state(cn("A"))
		if well := st.Health == Healthy && st.CircuitOpen.IsZero() && state == "A compliant by cn" && len(l.obs.polls) > 0; well != c.well {
			t.Errorf("%s: well is %t: %s, %d polls, %+v", c.name, well, state, len(l.obs.polls), st)
		}
	}
}

// TestReloadLeavesTheToken holds that a token is used to its end, and the next is asked for with the new secret.
func TestReloadLeavesTheToken(t *testing.T) {
	cfg := testConfig()
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A"}, &device{id: numberedID(2), name: "B"})
	good := "secret"
	l.knows(&good, "AADSTS7000215")
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Second)
	cfg.ClientSecret, cfg.SecretExpires, good = "new", start.Add(time.Hour), "new"
	l.h.requests = nil
	if err := l.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	l.h.Advance(time.Minute)
	if len(l.h.requests) != 0 || !l.Status().CredentialExpires.Equal(cfg.SecretExpires) {
		t.Errorf("%q, %+v", l.h.requests, l.Status())
	}
	l.Enqueue("b", keys(cn("B")))
	l.h.Advance(time.Second)
	if l.in.tokens != 1 || l.state(cn("B")) == "none" {
		t.Errorf("%d tokens, %s", l.in.tokens, l.state(cn("B")))
	}
	l.h.Advance(time.Hour)
	l.Enqueue("c", keys(cn("C")))
	l.h.Advance(time.Second)
	if l.in.tokens != 2 || l.Status().LastError != nil {
		t.Errorf("%d tokens, %v", l.in.tokens, l.Status().LastError)
	}
}

// TestReloadWhileAsking holds that nobody waits for what Entra says of the old secret, and that who did comes again soon.
func TestReloadWhileAsking(t *testing.T) {
	cfg := testConfig()
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant"}, &device{id: numberedID(2), name: "B", state: "compliant"})
	good := "new"
	l.knows(&good, "AADSTS7000222")
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(500 * time.Microsecond)
	cfg.ClientSecret = "new"
	if err := l.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	l.Enqueue("b", keys(cn("B")))
	l.h.Advance(time.Second)
	if b := l.state(cn("B")); b != "B compliant by cn" {
		t.Errorf("the client that came after is %s: %+v", b, l.obs.lookups)
	}
	l.h.Advance(6 * time.Second)
	if a := l.state(cn("A")); a != "A compliant by cn" {
		t.Errorf("the client that came before is %s: %+v", a, l.obs.lookups)
	}
}

// TestReloadForgetsFailures holds that a lookup which is under way with the old secret, and has failed for long, is not put off
// for as long as before.
func TestReloadForgetsFailures(t *testing.T) {
	cfg := testConfig()
	cfg.BreakerFailures = -1
	l := newLink(t, cfg)
	good := "new"
	l.knows(&good, "AADSTS7000222")
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Hour)
	for l.h.requests = nil; len(l.h.requests) == 0; {
		l.h.Advance(500 * time.Microsecond) // until an attempt is under way
	}
	attempts := len(l.obs.lookups)
	cfg.ClientSecret = "new"
	if err := l.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	for len(l.obs.lookups) == attempts {
		l.h.Advance(500 * time.Microsecond)
	}
	if done := l.obs.lookup(t); done.Err == nil || done.RetryIn > 6*time.Second {
		t.Errorf("%v, again in %v", done.Err, done.RetryIn)
	}
	l.h.Advance(6 * time.Second)
	if done := l.obs.lookup(t); done.Err != nil || len(l.obs.lookups) != attempts+2 {
		t.Errorf("%+v", done)
	}
}

// TestReloadDoesNotPress holds that a new secret is no reason to press a Graph that is in trouble.
func TestReloadDoesNotPress(t *testing.T) {
	cfg := testConfig()
	l := newLink(t, cfg)
	l.in.answer = func(r *http.Request) *http.Response {
		if r.URL.Host == "graph.microsoft.com" {
			return reply(429, "", "Retry-After", "600")
		}
		return nil
	}
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Second)
	l.h.requests = nil
	cfg.ClientSecret = "new"
	if err := l.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if l.h.Advance(time.Minute); len(l.h.requests) != 0 {
		t.Errorf("%q", l.h.requests)
	}
}

// TestReloadSettings holds that the ages and the share of a list count at once, and what is wrong for nothing.
func TestReloadSettings(t *testing.T) {
	cfg := testConfig()
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant", sync: start.Add(-time.Hour)})
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Minute)
	standing := func() string {
		r, _, _ := l.State(keys(cn("A")))
		return string(r.Standing)
	}
	for _, c := range []struct {
		change func(*Config)
		want   string
		err    string
	}{
		{func(c *Config) { c.StaleAfter = 30 * time.Minute }, StandingStale, ""},
		{func(c *Config) { c.StaleAfter = 2 * time.Hour }, StandingCompliant, ""},
		{func(c *Config) { c.MaxAge = time.Second }, StandingOutdated, ""},
		{func(c *Config) { c.MaxAge, c.ClientSecret = time.Hour, "" }, StandingOutdated, "no client secret"},
		{func(c *Config) { c.MaxAge, c.ClientSecret = 10*time.Minute, "secret" }, StandingCompliant, ""},
	} {
		c.change(&cfg)
		err := l.Reload(cfg)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || standing() != c.want {
			t.Errorf("%v, %s, want %q, %s", err, standing(), c.err, c.want)
		}
	}
	// The timer goes by the new age.
	l.obs.standings = nil
	if l.h.Advance(10 * time.Minute); len(l.obs.standings) != 1 || !strings.Contains(l.obs.standings[0], "for 10m0s") {
		t.Errorf("%q", l.obs.standings)
	}
}

// A proxy that repeats the old secret after it has been replaced does not bring it into an error.
func TestReloadedSecretStaysSecret(t *testing.T) {
	cfg := testConfig()
	cfg.ClientSecret = "c8Q~not+for/anybody's=eyes"
	l := newLink(t, cfg)
	old := cfg.ClientSecret
	l.in.answer = func(*http.Request) *http.Response { return reply(500, "you have sent "+old) }
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(500 * time.Microsecond)
	cfg.ClientSecret = "another secret that is long"
	if err := l.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	l.h.Advance(time.Second)
	if text := l.obs.lookups[0].Err.Error(); strings.Contains(text, "anybody") || !strings.Contains(text, "you have sent *****") {
		t.Error(text)
	}
}
