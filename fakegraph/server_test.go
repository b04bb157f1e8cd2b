package fakegraph

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
	"time"

	"nacsim/internal/host/testhost"
)

const (
	testTenant = "5f0c8a3e-1111-4222-8333-444455556666"
	testClient = "9a8b7c6d-0000-4000-8000-0123456789ab"
	testSecret = "s3cr+t/=~"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func testConfig() Config {
	return Config{
		SigningKey: testKey(), Tenant: testTenant, Domains: []string{"contoso.example"},
		Apps: []App{{ClientID: testClient, DisplayName: "NAC", Secrets: []Secret{{Value: testSecret}}, Roles: []string{RoleReadDevices}}},
	}
}

// start is when the clock of a machine starts.
var start = testhost.Start

func newMachine(t testing.TB) *testhost.Machine { return testhost.New(t).Machine("graph", "10.0.0.2") }

func newTestServer(t *testing.T, cfg Config) (*Server, *testhost.Machine) {
	t.Helper()
	h := newMachine(t)
	s, err := New(h, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, h
}

// numberedID is a readable GUID.
func numberedID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func get(s *Server, address string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func post(s *Server, address, contentType, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func tokenForm(change ...string) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {testClient}, "client_secret": {testSecret}, "scope": {"https://graph.microsoft.com/.default"}}
	for i := 0; i+1 < len(change); i += 2 {
		if form.Del(change[i]); change[i+1] != "" {
			form.Set(change[i], change[i+1])
		}
	}
	return form
}

const (
	tokenURL = "https://login.microsoftonline.com/" + testTenant + "/oauth2/v2.0/token"
	formType = "application/x-www-form-urlencoded"
	listURL  = "https://graph.microsoft.com/v1.0/deviceManagement/managedDevices"
)

func accessToken(t *testing.T, s *Server) string {
	t.Helper()
	w := post(s, tokenURL, formType, tokenForm().Encode(), nil)
	var reply tokenReply
	decode(t, w, http.StatusOK, &reply)
	return reply.AccessToken
}

// getJSON makes an authorized GET and decodes the reply.
func getJSON(t *testing.T, s *Server, address string, status int, into any) *httptest.ResponseRecorder {
	t.Helper()
	w := get(s, address, http.Header{"Authorization": {"Bearer " + accessToken(t, s)}})
	decode(t, w, status, into)
	return w
}

func decode(t *testing.T, w *httptest.ResponseRecorder, status int, into any) {
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

type graphReply struct {
	Error struct {
		Code, Message string
		InnerError    map[string]string
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	cases := []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.SigningKey = nil }, "no signing key"},
		{func(c *Config) { c.Tenant = "contoso" }, `tenant "contoso" is not a GUID`},
		{func(c *Config) { c.Apps[0].ClientID = "x" }, `client id "x" is not a GUID`},
		{func(c *Config) { c.Apps = append(c.Apps, c.Apps[0]) }, "used twice"},
		{func(c *Config) { c.PageSize = 1001 }, "page size 1001"},
		{func(c *Config) { c.CheckIn = -1 }, "check-in interval"},
		{func(c *Config) { c.TokenLifetime = 1 }, "token lifetime"},
		{func(c *Config) { c.EarlyCheckIns = []time.Duration{2, 1} }, "ascending"},
		{func(c *Config) { c.Compliance = &CompliancePolicy{Require: []Fact{"tpm"}} }, `requires "tpm"`},
		{func(c *Config) { c.Compliance = &CompliancePolicy{Require: []Fact{Firewall, Firewall}} }, "twice"},
		{func(c *Config) { c.Compliance = &CompliancePolicy{Require: []Fact{PatchLevel}} }, "no minimum"},
		{func(c *Config) { c.Compliance = &CompliancePolicy{Grace: -1} }, "negative grace"},
		{func(c *Config) { c.Devices = []DeviceConfig{{}} }, "no name"},
		{func(c *Config) { c.Devices = []DeviceConfig{{Name: "A"}, {Name: "A"}} }, `enrol "A": it is enrolled already`},
		{func(c *Config) { c.Devices = []DeviceConfig{{Name: "A", WiFiMAC: "12:34"}} }, "has 4 digits, want 12"},
		{func(c *Config) { c.Devices = []DeviceConfig{{Name: "A", ID: "1"}} }, `id "1" is not a GUID`},
		{func(c *Config) {
			c.Devices = []DeviceConfig{{Name: "A", ID: numberedID(1)}, {Name: "B", ID: numberedID(1)}}
		}, `"A" has the id`},
		{func(c *Config) { c.MaxDevices = 1; c.Devices = []DeviceConfig{{Name: "A"}, {Name: "B"}} }, "1 devices are enrolled already"},
		{func(c *Config) { c.Devices = []DeviceConfig{{Name: strings.Repeat("x", 257)}} }, "longer than 256"},
	}
	for _, c := range cases {
		cfg := testConfig()
		c.change(&cfg)
		if _, err := New(newMachine(t), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New: %v, want %q", err, c.want)
		}
	}
}

func TestCanonicalPath(t *testing.T) {
	for path, want := range map[string]string{
		"//v1.0/deviceManagement//managedDevices/": "/v1.0/devicemanagement/manageddevices",
		"":                        "/",
		"/":                       "/",
		"/Beta/X":                 "/beta/x",
		strings.Repeat("/", 9999): "/",
	} {
		if got := canonicalPath(path); got != want {
			t.Errorf("canonicalPath(%.40q) = %q, want %q", path, got, want)
		}
	}
}

func TestUnknownRoutes(t *testing.T) {
	s, h := newTestServer(t, testConfig())
	cases := []struct {
		method, address string
		status          int
		code, message   string
	}{
		{"GET", "https://graph.microsoft.com/v2.0/deviceManagement", 404, "ResourceNotFound", "Invalid version: v2.0"},
		{"GET", "https://graph.microsoft.com/v1.0/deviceManagement/managedDevice", 400, "BadRequest", "Resource not found for the segment 'managedDevice'. Known here: managedDevices."},
		{"GET", "https://graph.microsoft.com/v1.0/Users", 400, "BadRequest", "Resource not found for the segment 'Users'. Known here: deviceManagement."},
		{"GET", "https://graph.microsoft.com/v1.0/deviceManagement", 400, "BadRequest", "Resource not found for the segment 'deviceManagement'. Known here: managedDevices."},
		{"GET", listURL + "/" + numberedID(1) + "/users", 400, "BadRequest", "Resource not found for the segment 'users'."},
		{"DELETE", listURL, 405, "Request_BadRequest", "Method DELETE is not supported here."},
		{"PATCH", listURL + "('" + numberedID(1) + "')", 405, "Request_BadRequest", "Method PATCH is not supported here."},
	}
	for _, c := range cases {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(c.method, c.address, nil))
		var e graphReply
		decode(t, w, c.status, &e)
		if e.Error.Code != c.code || e.Error.Message != c.message {
			t.Errorf("%s %s: %s %q, want %s %q", c.method, c.address, e.Error.Code, e.Error.Message, c.code, c.message)
		}
	}
	if h.Traced("drop", "reason=no such route", "path=/v1.0/Users") == 0 {
		t.Errorf("no trace of an unknown route in %q", h.Lines)
	}
	if w := get(s, "https://login.microsoftonline.com/x", nil); w.Code != 404 {
		t.Errorf("unknown path of the authority: %d, want 404", w.Code)
	}
}

func TestFaults(t *testing.T) {
	s, h := newTestServer(t, testConfig())
	bearer := http.Header{"Authorization": {"Bearer " + accessToken(t, s)}}
	set := func(f Fault) int {
		t.Helper()
		n, err := s.SetFault(f)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	status := func(want int) *httptest.ResponseRecorder {
		t.Helper()
		w := get(s, listURL, bearer)
		if w.Code != want {
			t.Fatalf("status %d, want %d: %s", w.Code, want, w.Body)
		}
		return w
	}

	set(Fault{Service: Graph, Status: 429, RetryAfter: "2.128", Skip: 1, Count: 2})
	status(200)
	if w := status(429); w.Header().Get("Retry-After") != "2.128" || !strings.Contains(w.Body.String(), `"code":"TooManyRequests"`) {
		t.Errorf("throttled reply: %v %s", w.Header(), w.Body)
	}
	accessToken(t, s) // a fault of Graph is none of Entra ID
	status(429)
	status(200)

	set(Fault{Prefix: "/V1.0/deviceManagement", Status: 502, Body: "<html>", Until: h.Now().Add(time.Minute)})
	if w := status(502); w.Body.String() != "<html>" || w.Header().Get("Content-Type") != "text/html" {
		t.Errorf("page of a proxy: %v %s", w.Header(), w.Body)
	}
	h.Advance(time.Minute)
	status(200)

	set(Fault{Service: Graph, Delay: 3 * time.Second, Count: 1})
	before := h.Now()
	h.Do(func() { status(200) })
	if h.Now().Sub(before) != 3*time.Second {
		t.Errorf("delay of %v, want 3s", h.Now().Sub(before))
	}

	n := set(Fault{Service: Entra, Status: 503})
	status(200)
	w := post(s, tokenURL, formType, tokenForm().Encode(), nil)
	var e entraErrorBody
	decode(t, w, 503, &e)
	if e.Error != "temporarily_unavailable" || e.Codes[0] != 90033 {
		t.Errorf("Entra ID out of order: %+v", e)
	}
	s.ClearFault(n)
	accessToken(t, s)

	s.Outage(true)
	status(503)
	s.Outage(false)
	set(Fault{Status: 500})
	status(500)
	s.ClearFaults()
	status(200)

	for _, f := range []Fault{{}, {Status: 200}, {Status: 1000}} {
		if _, err := s.SetFault(f); err == nil {
			t.Errorf("SetFault(%+v) succeeded", f)
		}
	}
	if h.Traced("fault", "status=429", "retry_after=2.128") == 0 {
		t.Error("fault was not traced")
	}
}

func TestStatusErrorsParse(t *testing.T) {
	s, _ := newTestServer(t, testConfig())
	for _, status := range []int{400, 401, 403, 404, 429, 500, 502, 503, 504} {
		w := httptest.NewRecorder()
		s.statusError(w, httptest.NewRequest("GET", listURL, nil), status)
		var e graphReply
		decode(t, w, status, &e)
		if e.Error.Code == "" {
			t.Errorf("status %d: no code in %s", status, w.Body)
		}
		w = httptest.NewRecorder()
		s.entraStatusError(w, status)
		if !strings.Contains(w.Body.String(), "AADSTS") {
			t.Errorf("status %d: %s", status, w.Body)
		}
	}
}
