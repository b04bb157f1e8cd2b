package entra_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/internal/host/testhost"
)

// capable is what a client sends that can handle claims challenges (facts 4.2).
const capable = `{"access_token":{"xms_cc":{"values":["CP1"]}}}`

// Clients that can handle claims challenges get tokens for a day, and the advice to renew them after half of it.
func TestContinuousAccess(t *testing.T) {
	cfg := fakegraphtest.Config()
	cfg.Entra.ContinuousAccess = 24 * time.Hour
	w := newWorld(t, cfg)
	long := w.tokens(fakegraphtest.TokenForm("claims", capable))
	if long["expires_in"] != 86400.0 || long["ext_expires_in"] != 86400.0 || long["refresh_in"] != 43200.0 {
		t.Errorf("reply %v", long)
	}
	w.has(w.claims(long["access_token"].(string)), "xms_cc", []string{"CP1"})
	short := w.tokens(fakegraphtest.TokenForm("claims", `{"access_token":{"nbf":1}}`))
	if short["expires_in"] != 3599.0 || short["refresh_in"] != nil || short["access_token"] == long["access_token"] {
		t.Errorf("reply %v", short)
	}
	w.has(w.claims(short["access_token"].(string)), "xms_cc", nil)
	w.h.Advance(23 * time.Hour)
	if _, err := w.s.Entra().Check(long["access_token"].(string), entra.GraphAudience); err != nil {
		t.Errorf("after 23 hours: %v", err)
	}
	if _, err := w.s.Entra().Check(short["access_token"].(string), entra.GraphAudience); err == nil {
		t.Error("a short token is good after 23 hours")
	}
}

// A token has the permissions of its resource only, and is good for no other.
func TestAudiences(t *testing.T) {
	cfg := fakegraphtest.Config()
	cfg.Directory.Apps[0].Roles = []string{directory.RoleDeviceCompliance, directory.RoleReadDevices}
	w := newWorld(t, cfg)
	intune := w.tokens(fakegraphtest.TokenForm("scope", "openid https://api.manage.microsoft.com//.default profile offline_access"))["access_token"].(string)
	w.has(w.claims(intune), "aud", "https://api.manage.microsoft.com/", "roles", []string{directory.RoleDeviceCompliance})
	graph := fakegraphtest.Token(t, w.s)
	w.has(w.claims(graph), "roles", []string{directory.RoleReadDevices})
	for _, c := range []struct {
		token, audience string
		good            bool
	}{
		{intune, entra.IntuneAudience, true}, {intune, entra.GraphAudience, false}, {graph, entra.GraphAudience, true}, {graph, entra.IntuneAudience, false},
	} {
		if _, err := w.s.Entra().Check(c.token, c.audience); (err == nil) != c.good {
			t.Errorf("a token for %s: %v", c.audience, err)
		}
	}
	for _, name := range []string{directory.IntuneAppID, directory.IntuneAPIAppID, "https://api.manage.microsoft.com", "HTTPS://api.manage.microsoft.com/"} {
		w.has(w.claims(w.tokens(fakegraphtest.TokenForm("scope", name+"/.default"))["access_token"].(string)), "aud", entra.IntuneAudience)
	}
}

// A client that brings a new token within the second of the revocation is let in.
func TestRevokedTokensAreReplaced(t *testing.T) {
	w := newWorld(t, fakegraphtest.Config())
	token := func() string { return w.tokens(fakegraphtest.TokenForm("claims", capable))["access_token"].(string) }
	old, plain := token(), fakegraphtest.Token(t, w.s)
	w.h.Advance(1500 * time.Millisecond)
	w.s.Entra().RevokeTokens(strings.ToUpper(fakegraphtest.Client))
	_, err := w.s.Entra().Check(old, entra.GraphAudience)
	revoked, ok := errors.AsType[*entra.Revoked](err)
	if !ok {
		t.Fatalf("a revoked token: %v", err)
	}
	if claims, _ := base64.StdEncoding.DecodeString(revoked.Claims()); string(claims) != `{"access_token":{"nbf":{"essential":true,"value":"1767600001"}}}` {
		t.Errorf("challenge %s", claims)
	}
	if _, err := w.s.Entra().Check(plain, entra.GraphAudience); err != nil {
		t.Errorf("the token of a client that cannot handle a challenge: %v", err)
	}
	w.h.Advance(100 * time.Millisecond)
	if _, err := w.s.Entra().Check(token(), entra.GraphAudience); err != nil {
		t.Errorf("a new token: %v", err)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*fakegraph.Config){
		"lifetime below a second":            func(c *fakegraph.Config) { c.TokenLifetime = time.Millisecond },
		"continuous access below a lifetime": func(c *fakegraph.Config) { c.Entra.ContinuousAccess = time.Minute },
	} {
		cfg := fakegraphtest.Config()
		change(&cfg)
		if _, err := fakegraph.New(testhost.New(t).Machine("graph", "10.0.0.2"), cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
