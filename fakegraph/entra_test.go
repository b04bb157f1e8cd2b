package fakegraph

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nacsim/internal/guid"
)

// facts 4.2: the claims of a token for Graph; the key comes from the JWKS that the discovery document leads to.
func TestTokenClaims(t *testing.T) {
	s, h := newTestServer(t, testConfig())
	w := get(s, "https://login.microsoftonline.com/"+testTenant+"/v2.0/.well-known/openid-configuration", nil)
	var doc map[string]any
	decode(t, w, 200, &doc)
	if doc["token_endpoint"] != tokenURL || doc["issuer"] != "https://login.microsoftonline.com/"+testTenant+"/v2.0" {
		t.Errorf("discovery document: %v", doc)
	}
	var jwks struct{ Keys []map[string]string }
	decode(t, get(s, doc["jwks_uri"].(string), nil), 200, &jwks)
	n, _ := base64.RawURLEncoding.DecodeString(jwks.Keys[0]["n"])
	e, _ := base64.RawURLEncoding.DecodeString(jwks.Keys[0]["e"])
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}

	claims := jwt.MapClaims{}
	parsed, err := jwt.NewParser(jwt.WithTimeFunc(h.Now), jwt.WithIssuedAt()).ParseWithClaims(accessToken(t, s), claims, func(*jwt.Token) (any, error) { return key, nil })
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Header["alg"] != "RS256" || parsed.Header["kid"] != jwks.Keys[0]["kid"] {
		t.Errorf("header %v", parsed.Header)
	}
	for name, want := range map[string]any{
		"aud": "https://graph.microsoft.com", "iss": "https://sts.windows.net/" + testTenant + "/", "appid": testClient,
		"tid": testTenant, "idtyp": "app", "appidacr": "1", "ver": "1.0", "app_displayname": "NAC",
	} {
		if claims[name] != want {
			t.Errorf("claim %s = %v, want %v", name, claims[name], want)
		}
	}
	if roles, _ := json.Marshal(claims["roles"]); string(roles) != `["`+RoleReadDevices+`"]` {
		t.Errorf("roles %s", roles)
	}
	if claims["oid"] != claims["sub"] || !guid.Valid(claims["oid"].(string)) {
		t.Errorf("oid %v, sub %v", claims["oid"], claims["sub"])
	}
}

func TestTokenRequestForms(t *testing.T) {
	s, _ := newTestServer(t, testConfig())
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	// What PacketFence sends to version 1: both scope and resource (facts 4.2).
	for name, value := range map[string]string{"grant_type": "client_credentials", "client_id": testClient, "client_secret": testSecret,
		"scope": "https://graph.microsoft.com/Device.ReadWrite.All", "resource": "https://graph.microsoft.com"} {
		_ = parts.WriteField(name, value)
	}
	_ = parts.Close()
	basic := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(testClient+":"+url.QueryEscape(testSecret)))}}
	v1 := "https://login.microsoftonline.com:443/contoso.example/oauth2/token"
	cases := []struct {
		name, address, contentType, body string
		header                           http.Header
	}{
		{"URL-encoded", tokenURL, formType + "; charset=utf-8", tokenForm().Encode(), nil},
		{"scopes of client libraries", tokenURL, formType, tokenForm("scope", "https://graph.microsoft.com/.default openid offline_access profile", "claims", "{}").Encode(), nil},
		{"Basic", tokenURL, formType, tokenForm("client_id", "", "client_secret", "").Encode(), basic},
		{"resource by id", tokenURL, formType, tokenForm("scope", graphAppID+"/.default").Encode(), nil},
		{"tenant by domain, other case, slashes", "https://login.microsoftonline.com//CONTOSO.example/OAuth2/v2.0/token/?client-request-id=x", formType, tokenForm().Encode(), nil},
		{"multipart to version 1", v1, parts.FormDataContentType(), form.String(), nil},
	}
	for _, c := range cases {
		w := post(s, c.address, c.contentType, c.body, c.header)
		var reply map[string]any
		decode(t, w, 200, &reply)
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

// facts 4.3
func TestTokenErrors(t *testing.T) {
	cfg := testConfig()
	cfg.Apps[0].Secrets = append(cfg.Apps[0].Secrets, Secret{Value: "old", Expires: start})
	s, h := newTestServer(t, cfg)
	v1 := strings.Replace(tokenURL, "/v2.0", "", 1)
	cases := []struct {
		address string
		form    url.Values
		status  int
		code    string
		number  int
	}{
		{tokenURL, tokenForm("client_secret", "wrong"), 401, "invalid_client", 7000215},
		{tokenURL, tokenForm("client_secret", "old"), 401, "invalid_client", 7000222},
		{tokenURL, tokenForm("client_secret", ""), 401, "invalid_client", 7000216},
		{tokenURL, tokenForm("client_secret", "", "client_assertion", "x"), 401, "invalid_client", 700027},
		{tokenURL, tokenForm("client_id", numberedID(1)), 400, "unauthorized_client", 700016},
		{strings.Replace(tokenURL, testTenant, numberedID(2), 1), tokenForm(), 400, "invalid_request", 90002},
		{tokenURL, tokenForm("scope", "https://graph.microsoft.com/User.Read"), 400, "invalid_scope", 70011},
		{tokenURL, tokenForm("scope", "openid"), 400, "invalid_scope", 70011},
		{tokenURL, tokenForm("scope", "https://graph.microsoft.com/.default https://api.manage.microsoft.com//.default"), 400, "invalid_scope", 700022},
		{tokenURL, tokenForm("scope", "https://x.example/.default"), 400, "invalid_resource", 500011},
		{tokenURL, tokenForm("scope", ""), 400, "invalid_request", 900144},
		{tokenURL, tokenForm("grant_type", ""), 400, "invalid_request", 900144},
		{tokenURL, tokenForm("client_id", ""), 400, "invalid_request", 900144},
		{tokenURL, tokenForm("grant_type", "password"), 400, "unsupported_grant_type", 70003},
		{tokenURL, tokenForm("resource", "x"), 400, "invalid_request", 901002},
		{v1, tokenForm(), 400, "invalid_request", 900144},
	}
	for _, c := range cases {
		w := post(s, c.address, formType, c.form.Encode(), http.Header{"Client-Request-Id": {"corr"}})
		var e entraErrorBody
		decode(t, w, c.status, &e)
		if e.Error != c.code || !slices.Equal(e.Codes, []int{c.number}) {
			t.Errorf("%v: %s %v, want %s %d", c.form, e.Error, e.Codes, c.code, c.number)
		}
		if e.CorrelationID != "corr" || !guid.Valid(e.TraceID) || e.Timestamp != "2026-01-05 08:00:00Z" || !strings.HasPrefix(e.Description, "AADSTS") {
			t.Errorf("%d: %+v", c.number, e)
		}
	}
	var e entraErrorBody
	decode(t, get(s, tokenURL, nil), 400, &e)
	if e.Codes[0] != 900561 {
		t.Errorf("GET: %+v", e)
	}
	for _, contentType := range []string{"application/json", "multipart/form-data", ";"} {
		decode(t, post(s, tokenURL, contentType, "{}", nil), 400, &e)
	}
	decode(t, post(s, tokenURL, formType, strings.Repeat("a", maxTokenBody+1), nil), 400, &e)
	decode(t, get(s, "https://login.microsoftonline.com/nobody.example/v2.0/.well-known/openid-configuration", nil), 400, &e)
	if e.Error != "invalid_tenant" {
		t.Errorf("discovery of an unknown tenant: %+v", e)
	}
	if h.Traced("token", "client_id="+testClient, "result=refused", "error=AADSTS7000215") == 0 {
		t.Error("refusal was not traced")
	}
}

func TestTokenIsReusedAndExpires(t *testing.T) {
	s, h := newTestServer(t, testConfig())
	first := accessToken(t, s)
	h.Advance(reuseWindow - time.Second)
	if accessToken(t, s) != first {
		t.Error("a token of less than five minutes was not handed out again")
	}
	h.Advance(time.Second)
	second := accessToken(t, s)
	if second == first {
		t.Error("a token of five minutes was handed out again")
	}
	// The second holder was promised 3599 s when the first token was 299 s old.
	h.Advance(3599*time.Second - time.Second)
	if w := get(s, listURL, http.Header{"Authorization": {"bearer " + first}}); w.Code != 200 {
		t.Errorf("within the promised lifetime: %d %s", w.Code, w.Body)
	}
	h.Advance(time.Second)
	w := get(s, listURL, http.Header{"Authorization": {"Bearer " + first}})
	var e graphReply
	decode(t, w, 401, &e)
	if e.Error.Code != "InvalidAuthenticationToken" || e.Error.Message != "Lifetime validation failed, the token is expired." {
		t.Errorf("expired token: %+v", e)
	}
}

func TestConsentAndSecretsChange(t *testing.T) {
	s, _ := newTestServer(t, testConfig())
	if err := s.SetConsent(strings.ToUpper(testClient)); err != nil {
		t.Fatal(err)
	}
	var e graphReply
	getJSON(t, s, listURL, 403, &e)
	var inner struct{ Message string }
	if err := json.Unmarshal([]byte(e.Error.Message), &inner); err != nil || e.Error.Code != "Forbidden" ||
		!strings.HasPrefix(inner.Message, "Application is not authorized to perform this operation. Application must have one of the following scopes: DeviceManagementManagedDevices.Read.All, ") {
		t.Errorf("without consent: %+v, %v", e, err)
	}
	if err := s.SetConsent(testClient, RoleReadWriteDevices); err != nil {
		t.Fatal(err)
	}
	getJSON(t, s, listURL, 200, nil)
	if err := s.SetSecrets(testClient, Secret{Value: "new"}); err != nil {
		t.Fatal(err)
	}
	if w := post(s, tokenURL, formType, tokenForm().Encode(), nil); w.Code != 401 {
		t.Errorf("replaced secret: %d", w.Code)
	}
	if s.SetConsent(numberedID(1)) == nil || s.SetSecrets(numberedID(1)) == nil {
		t.Error("an unknown app was changed")
	}
}

func TestBadTokens(t *testing.T) {
	s, h := newTestServer(t, testConfig())
	good := accessToken(t, s)
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
		"Bearer " + strings.Repeat("x", maxTokenText+1):                                                          "CompactToken parsing failed with error code: 80049217",
		"Bearer " + claims(jwt.SigningMethodHS256, []byte("k"), jwt.MapClaims{"exp": exp, "aud": GraphAudience}): "CompactToken validation failed with reason code: 80049228.",
		"Bearer " + claims(jwt.SigningMethodRS256, testKey(), jwt.MapClaims{"exp": exp, "aud": "https://x"}):     "Access token validation failure. Invalid audience.",
		"Bearer " + claims(jwt.SigningMethodRS256, testKey(), jwt.MapClaims{"aud": GraphAudience}):               "CompactToken parsing failed with error code: 80049217",
	}
	for authorization, want := range cases {
		w := get(s, listURL, http.Header{"Authorization": {authorization}})
		var e graphReply
		decode(t, w, 401, &e)
		if e.Error.Message != want || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%.20q: %q, want %q", authorization, e.Error.Message, want)
		}
	}
}

// A token survives a crash, because the signing key does.
func TestTokenAfterCrash(t *testing.T) {
	s, h := newTestServer(t, testConfig())
	bearer := http.Header{"Authorization": {"Bearer " + accessToken(t, s)}}
	again, err := New(h.Restart(), testConfig())
	if err != nil {
		t.Fatal(err)
	}
	if w := get(again, listURL, bearer); w.Code != 200 {
		t.Errorf("token of the boot before: %d %s", w.Code, w.Body)
	}
}

func TestInstanceDiscovery(t *testing.T) {
	s, _ := newTestServer(t, testConfig())
	ask := func(host, endpoint string, status int) string {
		t.Helper()
		w := get(s, "https://"+host+"/common/discovery/instance?api-version=1.1&authorization_endpoint="+url.QueryEscape(endpoint), nil)
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

func FuzzTokenBody(f *testing.F) {
	f.Add(formType, []byte(tokenForm().Encode()))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--b--\r\n"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\n\r\n"))
	f.Add("text/plain", []byte("x"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		values, err := parseTokenBody(contentType, body)
		if err != nil && values != nil && len(values) > 0 && contentType == "multipart/form-data" {
			t.Errorf("values %v and error %v", values, err)
		}
		size := 0
		for name, list := range values {
			size += len(name)
			for _, v := range list {
				size += len(v)
			}
		}
		if size > 3*maxTokenBody {
			t.Errorf("%d octets out of %d", size, len(body))
		}
	})
}
