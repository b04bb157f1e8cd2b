package entra_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fakegraphtest"
)

// claims are what a token says whose signature is right.
func (w *world) claims(token string) jwt.MapClaims {
	w.Helper()
	published, c := keys(w.T, w.s), jwt.MapClaims{}
	_, err := jwt.NewParser(jwt.WithTimeFunc(w.h.Now)).ParseWithClaims(token, c, func(t *jwt.Token) (any, error) { return published[t.Header["kid"].(string)], nil })
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// has checks claims against pairs of name and value.
func (w *world) has(c jwt.MapClaims, pairs ...any) {
	w.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		got, _ := json.Marshal(c[pairs[i].(string)])
		if want, _ := json.Marshal(pairs[i+1]); string(got) != string(want) {
			w.Errorf("claim %v is %s, want %s", pairs[i], got, want)
		}
	}
}

// RFC 6749 section 4.3; OpenID Connect Core section 2.
func TestPasswordGrant(t *testing.T) {
	w := newWorld(t, tenant())
	reply := w.tokens(ropc("ANNA@contoso.example", "anna-pw", "scope", "offline_access User.Read openid email", "client_info", "1"))
	anna, _ := w.s.Directory().User("anna@contoso.example")
	w.has(w.claims(reply["access_token"].(string)), "aud", entra.GraphAudience, "idtyp", "user", "upn", anna.UPN, "oid", anna.ObjectID, "appidacr", "0",
		"appid", publicClient, "scp", "openid email User.Read", "amr", []string{"pwd"}, "name", anna.DisplayName, "roles", nil)
	id := w.claims(reply["id_token"].(string))
	w.has(id, "aud", publicClient, "iss", "https://login.microsoftonline.com/"+fakegraphtest.Tenant+"/v2.0", "preferred_username", anna.UPN, "email", anna.Mail,
		"tid", fakegraphtest.Tenant, "ver", "2.0", "oid", anna.ObjectID)
	if id["sub"] == anna.ObjectID || id["sub"] == "" {
		t.Errorf("the subject is not pairwise: %v", id["sub"])
	}
	if reply["scope"] != "openid email User.Read" || reply["refresh_token"] == nil {
		t.Errorf("reply %v", reply)
	}
	if info, _ := base64.RawURLEncoding.DecodeString(reply["client_info"].(string)); !strings.Contains(string(info), `"uid":"`+anna.ObjectID+`"`) {
		t.Errorf("client_info %s", info)
	}
	grant, err := w.s.Entra().Check(reply["access_token"].(string), entra.GraphAudience)
	if err != nil || grant.UPN != anna.UPN || grant.UserID != anna.ObjectID || strings.Join(grant.Scopes, " ") != "openid email User.Read" || len(grant.Roles) > 0 {
		t.Errorf("grant %+v, %v", grant, err)
	}
	if _, err := w.s.Entra().Check(reply["id_token"].(string), entra.GraphAudience); err == nil {
		t.Error("an ID token is good for Graph")
	}
	info := fakegraphtest.Get(w.s, "https://login.microsoftonline.com/oidc/userinfo", http.Header{"Authorization": {"Bearer " + reply["access_token"].(string)}})
	if info.Code != 200 || !strings.Contains(info.Body.String(), `"email":"anna@contoso.example"`) {
		t.Errorf("user info: %d %s", info.Code, info.Body)
	}
	if w := fakegraphtest.Get(w.s, "https://login.microsoftonline.com/oidc/userinfo", nil); w.Code != 401 {
		t.Errorf("user info without a token: %d", w.Code)
	}
}

// MSAL takes a permission for declined whose name is not in the reply as it was in the request.
func TestScopesAreNamedAsAsked(t *testing.T) {
	w := newWorld(t, tenant())
	for asked, want := range map[string]string{
		"User.Read profile":                                    "profile User.Read",
		"https://graph.microsoft.com/User.Read":                "https://graph.microsoft.com/User.Read",
		directory.GraphAppID + "/User.Read User.Read openid":   "openid " + directory.GraphAppID + "/User.Read",
		"https://graph.microsoft.com/.default offline_access ": "https://graph.microsoft.com/User.Read https://graph.microsoft.com/.default",
	} {
		reply := w.tokens(ropc("anna@contoso.example", "anna-pw", "scope", asked))
		if reply["scope"] != want {
			t.Errorf("asked for %q, got %q, want %q", asked, reply["scope"], want)
		}
		if token, _ := reply["refresh_token"].(string); token != "" {
			again := w.tokens(form("grant_type", "refresh_token", "client_id", publicClient, "refresh_token", token))
			if again["scope"] != want {
				t.Errorf("refreshed %q, got %q", asked, again["scope"])
			}
		}
	}
}

// Facts 4.3, and 4.2 for what a reply of version 1 looks like.
func TestPasswordGrantRefused(t *testing.T) {
	w := newWorld(t, tenant())
	for _, c := range []struct {
		user, password string
		number         int
	}{
		{"nobody@contoso.example", "pw", 50034}, {"anna@contoso.example", "pw", 50126}, {"disabled@contoso.example", "pw", 50057},
		{"disabled@contoso.example", "wrong", 50126}, {"locked@contoso.example", "pw", 50053}, {"expired@contoso.example", "pw", 50055},
		{"mfa@contoso.example", "pw", 50076}, {"nomfa@contoso.example", "pw", 50079}, {"empty@contoso.example", "pw", 50056},
	} {
		if e := w.refused(ropc(c.user, c.password), 400, c.number); e.Error != "invalid_grant" || strings.Contains(e.Description, c.password+"'") {
			t.Errorf("%s: %+v", c.user, e)
		}
	}
	w.refused(ropc("anna@contoso.example", ""), 400, 900144)
	w.refused(ropc("", "x"), 400, 900144)
	w.refused(ropc("anna@contoso.example", "anna-pw", "client_id", otherClient), 401, 7000218)
	w.refused(ropc("anna@contoso.example", "anna-pw", "client_id", otherClient, "client_secret", fakegraphtest.Secret), 400, 65001)
	w.refused(ropc("anna@contoso.example", "anna-pw", "scope", "openid Mail.Read"), 400, 65001)
	w.refused(ropc("anna@contoso.example", "anna-pw", "client_secret", "x"), 401, 700025)
	var e entra.ErrorBody
	fakegraphtest.Decode(t, fakegraphtest.Post(w.s, "https://login.microsoftonline.com/common/oauth2/v2.0/token", fakegraphtest.FormType,
		ropc("anna@contoso.example", "anna-pw").Encode(), nil), 400, &e)
	if e.Codes[0] != 9001023 {
		t.Errorf("password grant for common: %+v", e)
	}
	var v1 map[string]any
	fakegraphtest.Decode(t, fakegraphtest.Post(w.s, strings.Replace(fakegraphtest.TokenURL, "/v2.0", "", 1), fakegraphtest.FormType,
		ropc("anna@contoso.example", "anna-pw", "resource", "https://graph.microsoft.com").Encode(), nil), 200, &v1)
	if v1["expires_in"] != "3599" || v1["id_token"] == nil || v1["refresh_token"] == nil {
		t.Errorf("version 1: %v", v1)
	}
	w.has(w.claims(v1["id_token"].(string)), "upn", "anna@contoso.example", "ver", "1.0", "family_name", "Example")
}

// Ten wrong passwords in a row lock the account for a minute, for the right one too.
func TestLockout(t *testing.T) {
	w := newWorld(t, tenant())
	wrong, right := ropc("anna@contoso.example", "x"), ropc("anna@contoso.example", "anna-pw")
	for range 9 {
		w.refused(wrong, 400, 50126)
	}
	w.tokens(right)
	for range 10 {
		w.refused(wrong, 400, 50126)
	}
	w.refused(right, 400, 50053)
	w.h.Advance(time.Minute)
	w.tokens(right)
}

// RFC 6749 section 6; facts 4.3.
func TestRefresh(t *testing.T) {
	w := newWorld(t, tenant())
	first := w.tokens(ropc("anna@contoso.example", "anna-pw", "scope", "openid offline_access User.Read"))
	refresh := func(token any, change ...string) []string {
		return append([]string{"grant_type", "refresh_token", "client_id", publicClient, "refresh_token", token.(string)}, change...)
	}
	w.h.Advance(2 * time.Hour)
	second := w.tokens(form(refresh(first["refresh_token"])...))
	if second["refresh_token"] == nil || second["refresh_token"] == first["refresh_token"] || second["id_token"] == nil || second["scope"] != first["scope"] {
		t.Errorf("refreshed: %v", second)
	}
	narrow := w.tokens(form(refresh(second["refresh_token"], "scope", "User.Read")...))
	if narrow["scope"] != "User.Read" || narrow["id_token"] != nil || narrow["refresh_token"] == nil {
		t.Errorf("narrowed: %v", narrow)
	}
	w.refused(form(refresh(first["refresh_token"], "scope", "Mail.Read")...), 400, 65001)
	w.refused(form(refresh("x")...), 400, 9002313)
	w.refused(form(refresh("")...), 400, 900144)
	w.refused(form(refresh(first["refresh_token"], "client_id", otherClient, "client_secret", fakegraphtest.Secret)...), 400, 70000)
	w.h.Advance(90 * 24 * time.Hour)
	w.refused(form(refresh(second["refresh_token"])...), 400, 700082)

	// A new password, and a block, end what was signed in before.
	third := w.tokens(ropc("anna@contoso.example", "anna-pw", "scope", "offline_access User.Read"))
	w.h.Advance(time.Second)
	if err := w.s.Directory().SetPassword("anna@contoso.example", "new-pw", w.h.Now()); err != nil {
		t.Fatal(err)
	}
	w.refused(form(refresh(third["refresh_token"])...), 400, 50173)
	fourth := w.tokens(ropc("anna@contoso.example", "new-pw", "scope", "offline_access User.Read"))
	if err := w.s.Directory().SetDisabled("anna@contoso.example", true, w.h.Now()); err != nil {
		t.Fatal(err)
	}
	w.refused(form(refresh(fourth["refresh_token"])...), 400, 50057)
}
