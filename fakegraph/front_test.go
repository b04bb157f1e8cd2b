package fakegraph_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/requestlog"
)

// TestOrigin holds that links lead back to where the client has asked, however it wrote that.
func TestOrigin(t *testing.T) {
	public, err := url.Parse("https://lab.example/ignored")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		host, scheme string
		public       *url.URL
		want         string
	}{
		{"login.microsoftonline.com", "https", nil, "https://login.microsoftonline.com/"},
		{"login.microsoftonline.com:443", "https", nil, "https://login.microsoftonline.com/"},
		{"127.0.0.1:8443", "https", nil, "https://127.0.0.1:8443/"},
		{"[::1]:8443", "https", nil, "https://[::1]:8443/"},
		{"[::1]:443", "https", nil, "https://[::1]/"},
		{"localhost:80", "http", nil, "http://localhost/"},
		{"localhost:443", "http", nil, "http://localhost:443/"},
		{"127.0.0.1:8443", "http", public, "https://lab.example/"},
	}
	for _, c := range cases {
		cfg := fakegraphtest.Config()
		cfg.PublicURL = c.public
		s, _ := fakegraphtest.New(t, cfg)
		r := httptest.NewRequest("GET", c.scheme+"://"+c.host+"/contoso.example/v2.0/.well-known/openid-configuration", nil)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var reply struct {
			TokenEndpoint string `json:"token_endpoint"`
		}
		fakegraphtest.Decode(t, w, 200, &reply)
		if want := c.want + fakegraphtest.Tenant + "/oauth2/v2.0/token"; reply.TokenEndpoint != want {
			t.Errorf("%s: token endpoint %s, want %s", c.host, reply.TokenEndpoint, want)
		}
	}
}

// TestRequestsAreLogged holds that the log has every request with its outcome, and tells of it.
func TestRequestsAreLogged(t *testing.T) {
	var told []requestlog.Entry
	cfg := fakegraphtest.Config()
	cfg.Logged = func(e requestlog.Entry) { told = append(told, e) }
	s, h := fakegraphtest.New(t, cfg)
	fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL+"?$top=1", 200, nil)
	if _, err := s.Faults().Add(fault.Fault{Delay: 2 * time.Second, Status: 503, Count: 1}); err != nil {
		t.Fatal(err)
	}
	h.Do(func() { fakegraphtest.Get(s, fakegraphtest.ListURL, http.Header{"Client-Request-Id": {"mine"}}) })

	entries := s.Requests().Entries(requestlog.Filter{})
	if len(entries) != 3 || len(told) != 3 || told[2].Number != 3 {
		t.Fatalf("%d entries and %d told, want 3: %+v", len(entries), len(told), entries)
	}
	if e := entries[0]; e.Method != "POST" || e.Status != 200 || e.Bytes < 500 || e.Host != "login.microsoftonline.com" || !e.Time.Equal(fakegraphtest.Start) {
		t.Errorf("token request: %+v", e)
	}
	if e := entries[1]; e.Path != "/v1.0/deviceManagement/managedDevices?$top=1" || e.RequestID == "" || e.ClientRequestID != e.RequestID {
		t.Errorf("list: %+v", e)
	}
	if e := entries[2]; e.Status != 503 || e.Milliseconds != 2000 || e.ClientRequestID != "mine" {
		t.Errorf("struck by a fault: %+v", e)
	}
}

func TestLocalhostGetsNoStrictTransportSecurity(t *testing.T) {
	s, _ := fakegraphtest.New(t, fakegraphtest.Config())
	for host, want := range map[string]bool{"localhost:8443": false, "app.localhost": false, "graph.microsoft.com": true, "127.0.0.1:8443": true} {
		w := fakegraphtest.Get(s, "https://"+host+"/v1.0/me", nil)
		if got := w.Header().Get("Strict-Transport-Security") != ""; got != want {
			t.Errorf("%s: Strict-Transport-Security %v, want %v", host, got, want)
		}
	}
}

// TestReset holds that a reset brings back the tenant of a configuration, and survives one that cannot work.
func TestReset(t *testing.T) {
	cfg := fakegraphtest.Config()
	cfg.Intune.Devices = []intune.DeviceConfig{{Name: "A"}, {Name: "B"}}
	s, _ := fakegraphtest.New(t, cfg)
	if err := s.Intune().Remove("A"); err != nil {
		t.Fatal(err)
	}
	if err := s.Directory().SetSecrets(fakegraphtest.Client, directory.Secret{Value: "other"}); err != nil {
		t.Fatal(err)
	}
	s.Faults().Outage(true)
	names := func() string {
		var b strings.Builder
		for _, d := range s.Intune().Devices() {
			b.WriteString(d.Name)
		}
		return b.String()
	}

	bad := cfg
	bad.Intune.Devices = []intune.DeviceConfig{{Name: ""}}
	if err := s.Reset(bad); err == nil || !strings.Contains(err.Error(), "no name") {
		t.Errorf("reset to a tenant that cannot work: %v", err)
	}
	if got := names(); got != "AB" {
		t.Errorf("devices %q after a reset that failed, want those of the start", got)
	}
	fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL, 200, nil) // the outage and the other secret are gone

	cfg.Intune.Devices = []intune.DeviceConfig{{Name: "C"}}
	if err := s.Reset(cfg); err != nil {
		t.Fatal(err)
	}
	if got := names(); got != "C" {
		t.Errorf("devices %q after the reset, want C", got)
	}
	if n := len(s.Requests().Entries(requestlog.Filter{})); n != 0 {
		t.Errorf("%d requests in the log after the reset", n)
	}
}
