package graph_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/fakegraphtest"
)

// capable is what a client claims that can handle claims challenges (facts 4.2).
const capable = `{"access_token":{"xms_cc":{"values":["CP1"]}}}`

// bearerOf is a token by a form with pairs of parameters changed.
func bearerOf(t *testing.T, s *fakegraph.Server, change ...string) http.Header {
	t.Helper()
	var reply struct {
		AccessToken string `json:"access_token"`
	}
	fakegraphtest.Decode(t, fakegraphtest.Post(s, fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm(change...).Encode(), nil), 200, &reply)
	return http.Header{"Authorization": {"Bearer " + reply.AccessToken}}
}

// facts 5.2: a challenge with claims, after which the client asks for a new token.
func TestClaimsChallenge(t *testing.T) {
	s, h := fakegraphtest.New(t, tenant())
	old, plain := bearerOf(t, s, "claims", capable), bearerOf(t, s)
	h.Advance(time.Minute)
	s.Entra().RevokeTokens(fakegraphtest.Client)
	w := fakegraphtest.Get(s, fakegraphtest.ListURL, old)
	var e fakegraphtest.GraphError
	fakegraphtest.Decode(t, w, 401, &e)
	m := regexp.MustCompile(`error="insufficient_claims", claims="([^"]*)"`).FindStringSubmatch(w.Header().Get("WWW-Authenticate"))
	if e.Error.Code != "InvalidAuthenticationToken" || m == nil {
		t.Fatalf("%+v %q", e, w.Header().Get("WWW-Authenticate"))
	}
	claims, err := base64.StdEncoding.DecodeString(m[1])
	if want := fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, h.Now().Unix()); err != nil || string(claims) != want {
		t.Errorf("%s, %v, want %s", claims, err, want)
	}
	if w := fakegraphtest.Get(s, fakegraphtest.ListURL, bearerOf(t, s, "claims", capable)); w.Code != 200 {
		t.Errorf("new token: %d %s", w.Code, w.Body)
	}
	if w := fakegraphtest.Get(s, fakegraphtest.ListURL, plain); w.Code != 200 {
		t.Errorf("a client that cannot handle the challenge: %d", w.Code)
	}
}

// A signed-in user sees what their scopes allow, and of devices only their own unless they are an administrator.
func TestDelegated(t *testing.T) {
	cfg := tenant()
	app := &cfg.Directory.Apps[0]
	app.Public, app.DelegatedScopes = true, []string{"User.Read", "DeviceManagementManagedDevices.Read.All"}
	app.ConsentedScopes = app.DelegatedScopes
	cfg.Directory.Users[2].Password = "pw"
	s, h := fakegraphtest.New(t, cfg)
	signIn := func(user string) http.Header {
		return bearerOf(t, s, "grant_type", "password", "client_secret", "", "username", user, "password", "pw", "scope", "https://graph.microsoft.com/.default", "claims", capable)
	}
	carol, anna := signIn("carol@contoso.example"), signIn("anna@contoso.example")
	for path, want := range map[string][2]int{
		"me": {200, 200}, "me/managedDevices": {200, 200}, "me/memberOf": {200, 200}, "deviceManagement/managedDevices": {200, 403}, "users": {403, 403},
	} {
		for i, bearer := range []http.Header{carol, anna} {
			if w := fakegraphtest.Get(s, base+path, bearer); w.Code != want[i] {
				t.Errorf("%s by user %d: %d %s, want %d", path, i, w.Code, w.Body, want[i])
			}
		}
	}
	var me map[string]any
	fakegraphtest.Decode(t, fakegraphtest.Get(s, base+"me", carol), 200, &me)
	if me["userPrincipalName"] != "carol@contoso.example" {
		t.Errorf("%v", me)
	}
	h.Advance(time.Minute)
	if err := s.Directory().SetPassword("anna@contoso.example", "other", h.Now()); err != nil {
		t.Fatal(err)
	}
	if w := fakegraphtest.Get(s, base+"me", anna); w.Code != 401 {
		t.Errorf("after a new password: %d", w.Code)
	}
}

func TestRevokeSignInSessions(t *testing.T) {
	cfg := tenant()
	cfg.Directory.Apps[0].Roles = append(cfg.Directory.Apps[0].Roles, "User.RevokeSessions.All")
	s, h := fakegraphtest.New(t, cfg)
	var reply struct{ Value bool }
	call(t, s, "POST", "users/carol@contoso.example/revokeSignInSessions", "", 200, &reply)
	if u, _ := s.Directory().User("carol@contoso.example"); !reply.Value || !u.SessionsValidFrom.Equal(h.Now()) {
		t.Errorf("%v, sessions valid from %v", reply, u.SessionsValidFrom)
	}
}
