// Package fakegraphtest has a tenant to test against, and the requests that tests make.
package fakegraphtest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/internal/host/testhost"
)

// The tenant, and the app registration in it.
const (
	Tenant = "5f0c8a3e-1111-4222-8333-444455556666"
	Client = "9a8b7c6d-0000-4000-8000-0123456789ab"
	Secret = "s3cr+t/=~"
)

// Key signs tokens.
var Key = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// Config is a tenant with one app and no devices.
func Config() fakegraph.Config {
	return fakegraph.Config{
		SigningKey: Key(), Tenant: Tenant,
		Directory: directory.Config{Domains: []string{"contoso.example"}, Apps: []directory.App{{
			ClientID: Client, DisplayName: "NAC", Secrets: []directory.Secret{{Value: Secret}}, Roles: []string{directory.RoleReadDevices}}}},
	}
}

// Start is when the clock of a machine starts.
var Start = testhost.Start

// Machine is one that a server runs on.
func Machine(t testing.TB) *testhost.Machine { return testhost.New(t).Machine("graph", "10.0.0.2") }

// New starts a server on a machine of its own.
func New(t testing.TB, cfg fakegraph.Config) (*fakegraph.Server, *testhost.Machine) {
	t.Helper()
	h := Machine(t)
	s, err := fakegraph.New(h, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, h
}

// NumberedID is a readable GUID.
func NumberedID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// Get makes a GET.
func Get(s *fakegraph.Server, address string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// Post makes a POST.
func Post(s *fakegraph.Server, address, contentType, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// TokenForm is a token request, with pairs of parameters changed; an empty value removes one.
func TokenForm(change ...string) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {Client}, "client_secret": {Secret}, "scope": {"https://graph.microsoft.com/.default"}}
	for i := 0; i+1 < len(change); i += 2 {
		if form.Del(change[i]); change[i+1] != "" {
			form.Set(change[i], change[i+1])
		}
	}
	return form
}

// Addresses of the real services, under which the server is asked.
const (
	TokenURL = "https://login.microsoftonline.com/" + Tenant + "/oauth2/v2.0/token"
	FormType = "application/x-www-form-urlencoded"
	ListURL  = "https://graph.microsoft.com/v1.0/deviceManagement/managedDevices"
)

// Token is an access token for Graph.
func Token(t testing.TB, s *fakegraph.Server) string {
	t.Helper()
	w := Post(s, TokenURL, FormType, TokenForm().Encode(), nil)
	var reply struct {
		AccessToken string `json:"access_token"`
	}
	Decode(t, w, http.StatusOK, &reply)
	return reply.AccessToken
}

// GetJSON makes an authorized GET and decodes the reply.
func GetJSON(t testing.TB, s *fakegraph.Server, address string, status int, into any) *httptest.ResponseRecorder {
	t.Helper()
	w := Get(s, address, http.Header{"Authorization": {"Bearer " + Token(t, s)}})
	Decode(t, w, status, into)
	return w
}

// Decode reads a reply as JSON, after its status.
func Decode(t testing.TB, w *httptest.ResponseRecorder, status int, into any) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
}

// A GraphError is the error envelope of Graph.
type GraphError struct {
	Error struct {
		Code, Message string
		InnerError    map[string]string
	}
}
