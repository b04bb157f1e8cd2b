package entra_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/internal/guid"
)

// facts 4.2: the claims of a token for Graph; the key comes from the JWKS that the discovery document leads to.
func TestTokenClaims(t *testing.T) {
	s, h := fakegraphtest.New(t, fakegraphtest.Config())
	w := fakegraphtest.Get(s, "https://login.microsoftonline.com/"+fakegraphtest.Tenant+"/v2.0/.well-known/openid-configuration", nil)
	var doc map[string]any
	fakegraphtest.Decode(t, w, 200, &doc)
	if doc["token_endpoint"] != fakegraphtest.TokenURL || doc["issuer"] != "https://login.microsoftonline.com/"+fakegraphtest.Tenant+"/v2.0" {
		t.Errorf("discovery document: %v", doc)
	}
	published := keys(t, s)
	if len(published) != 1 || doc["jwks_uri"] != keysURL {
		t.Errorf("keys %v at %v", published, doc["jwks_uri"])
	}

	claims := jwt.MapClaims{}
	parsed, err := jwt.NewParser(jwt.WithTimeFunc(h.Now), jwt.WithIssuedAt()).ParseWithClaims(fakegraphtest.Token(t, s), claims, func(token *jwt.Token) (any, error) { return published[token.Header["kid"].(string)], nil })
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Header["alg"] != "RS256" || parsed.Header["x5t"] != parsed.Header["kid"] {
		t.Errorf("header %v", parsed.Header)
	}
	for name, want := range map[string]any{
		"aud": "https://graph.microsoft.com", "iss": "https://sts.windows.net/" + fakegraphtest.Tenant + "/", "appid": fakegraphtest.Client,
		"tid": fakegraphtest.Tenant, "idtyp": "app", "appidacr": "1", "ver": "1.0", "app_displayname": "NAC",
	} {
		if claims[name] != want {
			t.Errorf("claim %s = %v, want %v", name, claims[name], want)
		}
	}
	if roles, _ := json.Marshal(claims["roles"]); string(roles) != `["`+directory.RoleReadDevices+`"]` {
		t.Errorf("roles %s", roles)
	}
	if claims["oid"] != claims["sub"] || !guid.Valid(claims["oid"].(string)) {
		t.Errorf("oid %v, sub %v", claims["oid"], claims["sub"])
	}
}

func TestTokenRequestForms(t *testing.T) {
	s, _ := fakegraphtest.New(t, fakegraphtest.Config())
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	// What PacketFence sends to version 1: both scope and resource (facts 4.2).
	for name, value := range map[string]string{"grant_type": "client_credentials", "client_id": fakegraphtest.Client, "client_secret": fakegraphtest.Secret,
		"scope": "https://graph.microsoft.com/Device.ReadWrite.All", "resource": "https://graph.microsoft.com"} {
		_ = parts.WriteField(name, value)
	}
	_ = parts.Close()
	basic := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(fakegraphtest.Client+":"+url.QueryEscape(fakegraphtest.Secret)))}}
	v1 := "https://login.microsoftonline.com:443/contoso.example/oauth2/token"
	cases := []struct {
		name, address, contentType, body string
		header                           http.Header
	}{
		{"URL-encoded", fakegraphtest.TokenURL, fakegraphtest.FormType + "; charset=utf-8", fakegraphtest.TokenForm().Encode(), nil},
		{"scopes of client libraries", fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm("scope", "https://graph.microsoft.com/.default openid offline_access profile", "claims", "{}").Encode(), nil},
		{"Basic", fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm("client_id", "", "client_secret", "").Encode(), basic},
		{"resource by id", fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm("scope", entra.GraphAppID+"/.default").Encode(), nil},
		{"tenant by domain, other case, slashes", "https://login.microsoftonline.com//CONTOSO.example/OAuth2/v2.0/token/?client-request-id=x", fakegraphtest.FormType, fakegraphtest.TokenForm().Encode(), nil},
		{"multipart to version 1", v1, parts.FormDataContentType(), form.String(), nil},
	}
	for _, c := range cases {
		w := fakegraphtest.Post(s, c.address, c.contentType, c.body, c.header)
		var reply map[string]any
		fakegraphtest.Decode(t, w, 200, &reply)
		if reply["token_type"] != "Bearer" || reply["access_token"] == "" || w.Header().Get("Cache-Control") == "" {
			t.Errorf("%s: %v", c.name, reply)
		}
		want := any(3599.0)
		if strings.Contains(c.address, ":443") {
			want = "3599"
			if reply["resource"] != "https://graph.microsoft.com" || reply["expires_on"] != "1767603599" {
				t.Errorf("%s: %v", c.name, reply)
			}
		}
		if reply["expires_in"] != want || reply["ext_expires_in"] != want {
			t.Errorf("%s: expires_in %v, ext_expires_in %v, want %v", c.name, reply["expires_in"], reply["ext_expires_in"], want)
		}
	}
}

// Libraries that know Graph only by its address make the scope from that (facts 4.5).
func TestGraphByItsAddress(t *testing.T) {
	s, _ := fakegraphtest.New(t, fakegraphtest.Config())
	for _, c := range []struct {
		host, scope string
		status      int
	}{
		{"127.0.0.1:8443", "https://127.0.0.1:8443/.default", 200},
		{"127.0.0.1:8443", "https://127.0.0.1:8443/v1.0/.default", 200},
		{"127.0.0.1:8443", "https://localhost:8443/.default", 200},
		{"Graph.lab.example", "https://graph.lab.example:443/.default", 200},
		{"127.0.0.1:8443", "https://127.0.0.1:9443/.default", 400},
		{"127.0.0.1:8443", "https://127.0.0.1:8443/else/.default", 400},
		{"graph.lab.example", "https://other.lab.example/.default", 400},
		{"login.microsoftonline.com", "https://login.microsoftonline.com/.default", 400},
	} {
		address := strings.Replace(fakegraphtest.TokenURL, "login.microsoftonline.com", c.host, 1)
		w := fakegraphtest.Post(s, address, fakegraphtest.FormType, fakegraphtest.TokenForm("scope", c.scope).Encode(), nil)
		var reply struct {
			AccessToken string `json:"access_token"`
		}
		fakegraphtest.Decode(t, w, c.status, &reply)
		if c.status != 200 {
			continue
		}
		if w := fakegraphtest.Get(s, fakegraphtest.ListURL, http.Header{"Authorization": {"Bearer " + reply.AccessToken}}); w.Code != 200 {
			t.Errorf("%s at %s: Graph answers %d", c.scope, c.host, w.Code)
		}
	}
}

// facts 4.3
func TestTokenErrors(t *testing.T) {
	cfg := fakegraphtest.Config()
	cfg.Directory.Apps[0].Secrets = append(cfg.Directory.Apps[0].Secrets, directory.Secret{Value: "old", Expires: fakegraphtest.Start})
	s, h := fakegraphtest.New(t, cfg)
	v1 := strings.Replace(fakegraphtest.TokenURL, "/v2.0", "", 1)
	cases := []struct {
		address string
		form    url.Values
		status  int
		code    string
		number  int
	}{
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("client_secret", "wrong"), 401, "invalid_client", 7000215},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("client_secret", "old"), 401, "invalid_client", 7000222},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("client_secret", ""), 401, "invalid_client", 7000216},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("client_secret", "", "client_assertion", "x"), 400, "invalid_request", 900144},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("client_id", fakegraphtest.NumberedID(1)), 400, "unauthorized_client", 700016},
		{strings.Replace(fakegraphtest.TokenURL, fakegraphtest.Tenant, fakegraphtest.NumberedID(2), 1), fakegraphtest.TokenForm(), 400, "invalid_request", 90002},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("scope", "https://graph.microsoft.com/User.Read"), 400, "invalid_scope", 70011},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("scope", "openid"), 400, "invalid_scope", 70011},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("scope", "https://graph.microsoft.com/.default https://api.manage.microsoft.com//.default"), 400, "invalid_scope", 700022},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("scope", "https://x.example/.default"), 400, "invalid_resource", 500011},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("scope", ""), 400, "invalid_request", 900144},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("grant_type", ""), 400, "invalid_request", 900144},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("client_id", ""), 400, "invalid_request", 900144},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("grant_type", "device_code"), 400, "unsupported_grant_type", 70003},
		{fakegraphtest.TokenURL, fakegraphtest.TokenForm("resource", "x"), 400, "invalid_request", 901002},
		{v1, fakegraphtest.TokenForm(), 400, "invalid_request", 900144},
	}
	for _, c := range cases {
		w := fakegraphtest.Post(s, c.address, fakegraphtest.FormType, c.form.Encode(), http.Header{"Client-Request-Id": {"corr"}})
		var e entra.ErrorBody
		fakegraphtest.Decode(t, w, c.status, &e)
		if e.Error != c.code || !slices.Equal(e.Codes, []int{c.number}) {
			t.Errorf("%v: %s %v, want %s %d", c.form, e.Error, e.Codes, c.code, c.number)
		}
		if e.CorrelationID != "corr" || !guid.Valid(e.TraceID) || e.Timestamp != "2026-01-05 08:00:00Z" || !strings.HasPrefix(e.Description, "AADSTS") {
			t.Errorf("%d: %+v", c.number, e)
		}
	}
	var e entra.ErrorBody
	fakegraphtest.Decode(t, fakegraphtest.Get(s, fakegraphtest.TokenURL, nil), 400, &e)
	if e.Codes[0] != 900561 {
		t.Errorf("GET: %+v", e)
	}
	for _, contentType := range []string{"application/json", "multipart/form-data", ";"} {
		fakegraphtest.Decode(t, fakegraphtest.Post(s, fakegraphtest.TokenURL, contentType, "{}", nil), 400, &e)
	}
	fakegraphtest.Decode(t, fakegraphtest.Post(s, fakegraphtest.TokenURL, fakegraphtest.FormType, strings.Repeat("a", entra.MaxTokenBody+1), nil), 400, &e)
	fakegraphtest.Decode(t, fakegraphtest.Get(s, "https://login.microsoftonline.com/nobody.example/v2.0/.well-known/openid-configuration", nil), 400, &e)
	if e.Error != "invalid_tenant" {
		t.Errorf("discovery of an unknown tenant: %+v", e)
	}
	if h.Traced("token", "client_id="+fakegraphtest.Client, "result=refused", "error=AADSTS7000215") == 0 {
		t.Error("refusal was not traced")
	}
}

func TestTokenIsReusedAndExpires(t *testing.T) {
	s, h := fakegraphtest.New(t, fakegraphtest.Config())
	first := fakegraphtest.Token(t, s)
	h.Advance(entra.ReuseWindow - time.Second)
	if fakegraphtest.Token(t, s) != first {
		t.Error("a token of less than five minutes was not handed out again")
	}
	h.Advance(time.Second)
	second := fakegraphtest.Token(t, s)
	if second == first {
		t.Error("a token of five minutes was handed out again")
	}
	// The second holder was promised 3599 s when the first token was 299 s old.
	h.Advance(3599*time.Second - time.Second)
	if w := fakegraphtest.Get(s, fakegraphtest.ListURL, http.Header{"Authorization": {"bearer " + first}}); w.Code != 200 {
		t.Errorf("within the promised lifetime: %d %s", w.Code, w.Body)
	}
	h.Advance(time.Second)
	w := fakegraphtest.Get(s, fakegraphtest.ListURL, http.Header{"Authorization": {"Bearer " + first}})
	var e fakegraphtest.GraphError
	fakegraphtest.Decode(t, w, 401, &e)
	if e.Error.Code != "InvalidAuthenticationToken" || e.Error.Message != "Lifetime validation failed, the token is expired." {
		t.Errorf("expired token: %+v", e)
	}
}

func TestConsentAndSecretsChange(t *testing.T) {
	s, _ := fakegraphtest.New(t, fakegraphtest.Config())
	if err := s.Directory().SetConsent(strings.ToUpper(fakegraphtest.Client)); err != nil {
		t.Fatal(err)
	}
	var e fakegraphtest.GraphError
	fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL, 403, &e)
	var inner struct{ Message string }
	if err := json.Unmarshal([]byte(e.Error.Message), &inner); err != nil || e.Error.Code != "Forbidden" ||
		!strings.HasPrefix(inner.Message, "Application is not authorized to perform this operation. Application must have one of the following scopes: DeviceManagementManagedDevices.Read.All, ") {
		t.Errorf("without consent: %+v, %v", e, err)
	}
	if err := s.Directory().SetConsent(fakegraphtest.Client, directory.RoleReadWriteDevices); err != nil {
		t.Fatal(err)
	}
	fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL, 200, nil)
	if err := s.Directory().SetSecrets(fakegraphtest.Client, directory.Secret{Value: "new"}); err != nil {
		t.Fatal(err)
	}
	if w := fakegraphtest.Post(s, fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm().Encode(), nil); w.Code != 401 {
		t.Errorf("replaced secret: %d", w.Code)
	}
	if s.Directory().SetConsent(fakegraphtest.NumberedID(1)) == nil || s.Directory().SetSecrets(fakegraphtest.NumberedID(1)) == nil {
		t.Error("an unknown app was changed")
	}
}

func TestBadTokens(t *testing.T) {
	s, h := fakegraphtest.New(t, fakegraphtest.Config())
	good := fakegraphtest.Token(t, s)
	claims := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		text, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	exp := h.Now().Add(time.Hour).Unix()
	cases := map[string]string{
		"":                             "Access token is empty.",
		"Basic eA==":                   "Access token is empty.",
		"Bearer x":                     "CompactToken parsing failed with error code: 80049217",
		"Bearer " + good[:len(good)-8]: "CompactToken validation failed with reason code: 80049228.",
		"Bearer " + strings.Repeat("x", entra.MaxTokenText+1):                                                          "CompactToken parsing failed with error code: 80049217",
		"Bearer " + claims(jwt.SigningMethodHS256, []byte("k"), jwt.MapClaims{"exp": exp, "aud": entra.GraphAudience}): "CompactToken validation failed with reason code: 80049228.",
		"Bearer " + claims(jwt.SigningMethodRS256, fakegraphtest.Key(), jwt.MapClaims{"exp": exp, "aud": "https://x"}): "Access token validation failure. Invalid audience.",
		"Bearer " + claims(jwt.SigningMethodRS256, fakegraphtest.Key(), jwt.MapClaims{"aud": entra.GraphAudience}):     "CompactToken parsing failed with error code: 80049217",
	}
	for authorization, want := range cases {
		w := fakegraphtest.Get(s, fakegraphtest.ListURL, http.Header{"Authorization": {authorization}})
		var e fakegraphtest.GraphError
		fakegraphtest.Decode(t, w, 401, &e)
		if e.Error.Message != want || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%.20q: %q, want %q", authorization, e.Error.Message, want)
		}
	}
}

// A token survives a crash, because the signing key does.
func TestTokenAfterCrash(t *testing.T) {
	s, h := fakegraphtest.New(t, fakegraphtest.Config())
	bearer := http.Header{"Authorization": {"Bearer " + fakegraphtest.Token(t, s)}}
	again, err := fakegraph.New(h.Restart(), fakegraphtest.Config())
	if err != nil {
		t.Fatal(err)
	}
	if w := fakegraphtest.Get(again, fakegraphtest.ListURL, bearer); w.Code != 200 {
		t.Errorf("token of the boot before: %d %s", w.Code, w.Body)
	}
}

func TestInstanceDiscovery(t *testing.T) {
	s, _ := fakegraphtest.New(t, fakegraphtest.Config())
	ask := func(host, endpoint string, status int) string {
		t.Helper()
		w := fakegraphtest.Get(s, "https://"+host+"/common/discovery/instance?api-version=1.1&authorization_endpoint="+url.QueryEscape(endpoint), nil)
		if w.Code != status {
			t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
		}
		return w.Body.String()
	}
	if body := ask("login.microsoftonline.com", "https://login.microsoftonline.com/common/oauth2/v2.0/authorize", 200); !strings.Contains(body, `"aliases":["login.microsoftonline.com","login.windows.net"`) {
		t.Error(body)
	}
	if body := ask("127.0.0.1:18443", "https://127.0.0.1:18443/x/oauth2/v2.0/authorize", 200); !strings.Contains(body, `"aliases":["127.0.0.1:18443"]`) {
		t.Error(body)
	}
	if body := ask("login.microsoftonline.com", "https://evil.example/", 400); !strings.Contains(body, "AADSTS50049") {
		t.Error(body)
	}
}

// What MSAL asks for before a password grant.
func TestUserRealm(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	for user, want := range map[string]string{"Anna@contoso.example": "Managed", "new@CONTOSO.example": "Managed", "x@other.example": "Unknown", "x": "Unknown"} {
		var realm map[string]string
		fakegraphtest.Decode(t, fakegraphtest.Get(s, "https://login.microsoftonline.com/common/UserRealm/"+url.PathEscape(user)+"?api-version=1.0", nil), 200, &realm)
		if realm["account_type"] != want || realm["cloud_instance_name"] != "microsoftonline.com" || realm["cloud_audience_urn"] == "" {
			t.Errorf("%s: %v", user, realm)
		}
	}
}
