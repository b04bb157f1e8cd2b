package mdm

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/nac/identity"
)

const (
	tenantA = "aaaaaaaa-0000-4000-8000-00000000000a"
	tenantB = "bbbbbbbb-0000-4000-8000-00000000000b"
)

// jwt is a token that says which tenant it is for.
func jwt(tid string) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"RS256"}`) + "." + part(`{"aud":"https://graph.microsoft.com","tid":"`+tid+`"}`) + ".signature"
}

// tenants answers for the directories by their names, each a text after "/" in the address of its tokens.
func (l *link) tenants(tids map[string]string) {
	valid := map[string]bool{}
	l.h.serve = func(r *http.Request) (*http.Response, error) {
		if r.URL.Host != "login.microsoftonline.com" {
			if !valid[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
				return reply(401, ""), nil
			}
			r.Header.Set("Authorization", "Bearer "+l.in.token())
			return l.in.serve(r)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		tid, ok := tids[name]
		if !ok {
			return reply(400, map[string]any{"error": "unauthorized_client", "error_description": "AADSTS700016: Application was not found in the directory."}), nil
		}
		valid[jwt(tid)] = true
		return reply(200, map[string]any{"expires_in": 3599, "access_token": jwt(tid)}), nil
	}
}

func unlinkedConfig() Config { return Config{ClientID: "client", ClientSecret: "secret"} }

func (l *link) link(tenant string) (err error) {
	l.t.Helper()
	l.h.Do(func() { err = l.Link(tenant) })
	return err
}

// Without a linked account nothing is sent and clients wait; a link is durable and bound to the tid of its token
// (facts 4.4).
func TestLink(t *testing.T) {
	l := newLink(t, unlinkedConfig(), &device{id: numberedID(1), name: "A", state: "compliant"})
	l.tenants(map[string]string{tenantA: tenantA, "corp.example": tenantA})
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(5 * time.Hour)
	if why, _ := l.Unknown(client1, keys(cn("A"))); len(l.h.requests) != 0 || why != "no Intune account is linked" || l.Status().Health != Unlinked {
		t.Errorf("without a link: %q, %s, %+v", l.h.requests, why, l.Status())
	}
	if err := l.link("Corp.example"); err == nil {
		t.Error("linked a tenant that Entra does not know by that name")
	}
	if err := l.link("corp.example"); err != nil {
		t.Fatal(err)
	}
	l.h.Advance(time.Second)
	tenant, ok := l.Linked()
	if st := l.Status(); tenant != tenantA || !ok || st.Tenant != tenantA || st.Health != Healthy || st.LastPoll.IsZero() || st.Listed != 1 || !st.LinkedAt.Equal(st.LastPoll) {
		t.Errorf("linked to %s: %+v", tenant, st)
	}
	if got := l.state(cn("A")); got != "A compliant by cn" {
		t.Error(got)
	}
	l.restart(unlinkedConfig())
	if tenant, _ := l.Linked(); tenant != tenantA || l.state(cn("A")) != "A compliant by cn" {
		t.Errorf("after a restart: %s, %s", tenant, l.state(cn("A")))
	}
}

func TestLinkRefused(t *testing.T) {
	l := newLink(t, unlinkedConfig())
	l.tenants(map[string]string{tenantA: tenantB, "opaque.example": ""})
	for tenant, want := range map[string]string{
		tenantA:          "asked for the tenant " + tenantA + ", got one for " + tenantB,
		tenantB:          "AADSTS700016",
		"opaque.example": "it does not say which tenant it is for",
		"common":         "stands for many",
		"a/../b":         "neither a GUID nor a domain",
		"":               "neither a GUID nor a domain",
	} {
		if err := l.link(tenant); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", tenant, err, want)
		}
	}
	if _, ok := l.Linked(); ok || l.Status().Health != Unlinked || len(l.obs.links) != 0 {
		t.Errorf("%+v", l.Status())
	}
}

// What a tenant has said goes with the link to it, durably, and a lookup that was under way brings nothing back.
func TestUnlink(t *testing.T) {
	cfg := testConfig()
	cfg.Tenant = tenantA
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant"}, &device{id: numberedID(2), name: "B", state: "compliant"})
	l.tenants(map[string]string{tenantA: tenantA})
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(time.Second)
	l.Enqueue("late", keys(cn("B")))
	l.h.Advance(500 * time.Microsecond)
	if err := l.Unlink(); err != nil {
		t.Fatal(err)
	}
	l.h.Advance(5 * time.Hour)
	if len(l.Records()) != 0 || l.state(cn("A")) != "none" || l.state(cn("B")) != "none" {
		t.Errorf("records %+v", l.Records())
	}
	last := l.obs.changes[len(l.obs.changes)-1]
	if !last.Gone || last.Record.DeviceName != "A" || !slices.Equal(last.Clients, []string{client1}) {
		t.Errorf("%+v", last)
	}
	if !slices.Equal(l.obs.standings, []string{"the Intune account was unlinked: " + client1 + " late"}) {
		t.Errorf("%q", l.obs.standings)
	}
	if err := l.Unlink(); err == nil {
		t.Error("unlinked twice")
	}
	l.restart(cfg)
	l.h.requests = nil
	l.h.Advance(5 * time.Hour)
	if _, ok := l.Linked(); ok || len(l.h.requests) != 0 {
		t.Errorf("linked again by a restart: %q", l.h.requests)
	}
	if err := l.link(tenantA); err != nil {
		t.Fatal(err)
	}
	l.h.Advance(time.Minute)
	if l.state(cn("A")) != "A compliant by cn" || l.state(cn("B")) != "B compliant by cn" {
		t.Errorf("linked again: %s, %s", l.state(cn("A")), l.state(cn("B")))
	}
}

// Another tenant's devices are others, whether it is linked by hand or by a new setting; a setting that stays does not undo
// what was done by hand.
func TestAnotherTenant(t *testing.T) {
	cfg := testConfig()
	cfg.Tenant = tenantA
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant"})
	tids := map[string]string{tenantA: tenantA, tenantB: tenantB, "b.example": tenantB}
	l.tenants(tids)
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(time.Second)
	l.in.devices[0].state = "noncompliant"
	if err := l.link("b.example"); err != nil {
		t.Fatal(err)
	}
	if got := l.state(cn("A")); got != "none" {
		t.Errorf("the word of the tenant before: %s", got)
	}
	l.h.Advance(time.Second)
	if got := l.state(cn("A")); got != "A noncompliant by cn" {
		t.Error(got)
	}
	l.restart(cfg)
	if tenant, _ := l.Linked(); tenant != tenantB || l.state(cn("A")) != "A noncompliant by cn" {
		t.Errorf("after a restart with the same setting: %s, %s", tenant, l.state(cn("A")))
	}
	cfg.Tenant = "b.example"
	l.restart(cfg)
	if got := l.state(cn("A")); got != "none" {
		t.Errorf("after a restart with another setting: %s", got)
	}
	l.h.Advance(3 * time.Hour)
	if tenant, _ := l.Linked(); tenant != tenantB || l.state(cn("A")) != "A noncompliant by cn" {
		t.Errorf("the tenant of the new setting: %s, %s", tenant, l.state(cn("A")))
	}
	cfg.Tenant = ""
	l.restart(cfg)
	if _, ok := l.Linked(); ok {
		t.Error("linked without a setting")
	}
}

// A token for another tenant than the one that is linked is of no use (facts 4.4), when it is renewed neither.
func TestTokenOfAnotherTenant(t *testing.T) {
	cfg := testConfig()
	cfg.Tenant = "corp.example"
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A"})
	tids := map[string]string{"corp.example": tenantA}
	l.tenants(tids)
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Second)
	if tenant, _ := l.Linked(); tenant != tenantA {
		t.Errorf("linked to %s", tenant)
	}
	tids["corp.example"] = tenantB
	l.h.Advance(2*time.Hour + time.Minute)
	if err := l.Status().LastError; err == nil || err.Error() != "token: it is for the tenant "+tenantB+", and "+tenantA+" is linked" {
		t.Error(err)
	}
}

// Linking again makes a link work at once that was refused: the secret was replaced, or consent given.
func TestLinkAgain(t *testing.T) {
	cfg := testConfig()
	cfg.Tenant = tenantA
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant"})
	tids := map[string]string{}
	l.tenants(tids)
	for i := range 6 {
		l.Enqueue(string(rune('a'+i)), keys(cn("A")))
	}
	l.h.Advance(10 * time.Second)
	if st := l.Status(); st.Health != Unhealthy || !st.Refused || st.CircuitOpen.IsZero() {
		t.Errorf("%+v", st)
	}
	linked := l.Status().LinkedAt
	tids[tenantA] = tenantA
	if err := l.link(tenantA); err != nil {
		t.Fatal(err)
	}
	l.h.Advance(time.Second)
	if st := l.Status(); st.Health != Healthy || st.Refused || !st.LinkedAt.Equal(linked) || l.state(cn("A")) != "A compliant by cn" {
		t.Errorf("%+v", st)
	}
}

// A tenant that is configured by a domain keeps its records when it is linked again by that, before a token has told its ID.
func TestLinkAgainByDomain(t *testing.T) {
	cfg := testConfig()
	cfg.Tenant = "corp.example"
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant"})
	l.tenants(map[string]string{"corp.example": tenantA})
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Second)
	l.restart(cfg)
	if err := l.link("corp.example"); err != nil {
		t.Fatal(err)
	}
	if tenant, _ := l.Linked(); tenant != tenantA || l.state(cn("A")) != "A compliant by cn" || len(l.obs.changes) != 0 {
		t.Errorf("%s, %s, %+v", tenant, l.state(cn("A")), l.obs.changes)
	}
}

// facts 4.3: an expired secret is told by the calendar, or by Entra.
func TestExpiredSecret(t *testing.T) {
	cfg := testConfig()
	cfg.SecretExpires = start.Add(time.Hour)
	l := newLink(t, cfg)
	if st := l.Status(); st.CredentialExpired || !st.CredentialExpires.Equal(cfg.SecretExpires) {
		t.Errorf("%+v", st)
	}
	l.h.Advance(time.Hour)
	if !l.Status().CredentialExpired {
		t.Error("not expired after its time")
	}
	l = newLink(t, testConfig())
	l.in.answer = func(*http.Request) *http.Response {
		return reply(401, map[string]any{"error": "invalid_client", "error_description": "The provided client secret keys are expired.", "error_codes": []int{7000222}})
	}
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(time.Second)
	if st := l.Status(); !st.CredentialExpired || !st.Refused || !strings.Contains(st.LastError.Error(), "AADSTS7000222") {
		t.Errorf("%+v", st)
	}
}

// Between renewal and end a token serves on when Entra gives no new one.
func TestTokenServesToItsEnd(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A"})
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Second)
	l.in.answer = func(r *http.Request) *http.Response {
		if r.Method == http.MethodPost {
			return reply(503, map[string]any{"error": "temporarily_unavailable", "error_description": "AADSTS90033: A transient error has occurred."})
		}
		return nil
	}
	l.h.Advance(3599*time.Second - renewBefore)
	l.Enqueue("b", keys(cn("A"), cn("B")))
	l.h.Advance(time.Second)
	if done := l.obs.lookup(t); done.Client != "b" || !done.Found {
		t.Errorf("%+v", done)
	}
	l.h.Advance(renewBefore)
	l.Enqueue("c", keys(cn("A"), cn("C")))
	l.h.Advance(time.Second)
	if done := l.obs.lookup(t); done.Err == nil || done.Client != "c" {
		t.Errorf("%+v", done)
	}
}

// A token has the permissions that its app had when it was issued. After 403 another is asked for, but not each time.
func TestConsentGivenAgain(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A", state: "compliant"})
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(10 * time.Minute)
	allowed := 0 // from which token on
	l.in.answer = func(r *http.Request) *http.Response {
		if r.Method == http.MethodGet && l.in.tokens < allowed {
			return reply(403, map[string]any{"error": map[string]string{"code": "Forbidden", "message": "Application is not authorized to perform this operation."}})
		}
		return nil
	}
	allowed = 1000
	l.Enqueue("b", keys(cn("A"), cn("B")))
	l.h.Advance(20 * time.Minute)
	if st := l.Status(); st.Health != Unhealthy || !st.Refused || l.state(cn("A")) != "A compliant by cn" || l.in.tokens > 12 {
		t.Errorf("%+v after %d tokens", st, l.in.tokens)
	}
	allowed = l.in.tokens + 1
	l.h.Advance(7 * time.Minute)
	if st := l.Status(); st.Health != Healthy || st.Refused {
		t.Errorf("seven minutes after consent: %+v", st)
	}
}

// What the tenant of before answers late is not taken for the word of the one that is linked now, not by a lookup either that
// wants the same at that time.
func TestLateAnswerOfAnotherTenant(t *testing.T) {
	cfg := testConfig()
	cfg.Tenant = tenantA
	for name, k := range map[string]identity.Key{"by name": cn("A"), "by id": san(1)} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, cfg, &device{id: numberedID(1), name: "A", wifi: wifi1, state: "compliant"})
			l.tenants(map[string]string{tenantA: tenantA, tenantB: tenantB})
			l.Enqueue(client1, keys(k))
			l.h.Advance(time.Second)
			serve := l.h.serve
			l.h.serve = func(r *http.Request) (*http.Response, error) {
				late := r.Header.Get("Authorization") == "Bearer "+jwt(tenantA)
				answer, err := serve(r)
				if late {
					err = l.h.Sleep(8 * time.Second)
				}
				return answer, err
			}
			l.Enqueue("late", keys(k))
			l.h.Advance(time.Second)
			l.in.devices[0].state = "noncompliant"
			if err := l.link(tenantB); err != nil {
				t.Fatal(err)
			}
			linked := l.h.Now()
			l.h.Advance(time.Minute)
			if got := l.state(k); !strings.HasPrefix(got, "A noncompliant") {
				t.Error(got)
			}
			for _, c := range l.obs.changes {
				if c.Record.ComplianceState == "compliant" && !c.Gone && !c.Record.FetchedAt.Before(linked) {
					t.Errorf("what %s has said counted after: %+v", tenantA, c)
				}
			}
		})
	}
}
