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
	"nacsim/fakegraph/nacservice"
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
	if e := entries[2]; e.Status != 503 || e.Milliseconds != 2000 || e.ClientRequestID != "mine" || e.Route != "GET /deviceManagement/managedDevices" {
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

// TestStruckRequestsAreNamed holds that the log has route and app of requests that no service has seen.
func TestStruckRequestsAreNamed(t *testing.T) {
	s, h := fakegraphtest.New(t, fakegraphtest.Config())
	bearer := http.Header{"Authorization": {"Bearer " + fakegraphtest.Token(t, s)}}
	if _, err := s.Faults().Add(fault.Fault{Name: "bad_gateway"}); err != nil {
		t.Fatal(err)
	}
	h.Do(func() {
		fakegraphtest.Get(s, fakegraphtest.ListURL, bearer)
		fakegraphtest.Get(s, "https://graph.microsoft.com/v1.0/nothing", bearer)
		fakegraphtest.Get(s, "https://fef.msub01.manage.microsoft.com"+nacservice.ComplianceRetrieval.Path+"/cisco/devices", bearer)
		fakegraphtest.Post(s, fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm().Encode(), nil)
	})
	for i, want := range [][2]string{
		{"GET /deviceManagement/managedDevices", fakegraphtest.Client},
		{"", fakegraphtest.Client},
		{"GET " + nacservice.ComplianceRetrieval.Path + "/cisco/devices", ""}, // a token for Graph is none for that
		{"/{tenant}/oauth2/v2.0/token", fakegraphtest.Client},
	} {
		e := s.Requests().Entries(requestlog.Filter{})[i+1]
		if e.Fault != "bad_gateway" || e.Status != 502 || e.Route != want[0] || e.App != want[1] {
			t.Errorf("%s: %+v, want route %q and app %q", e.Path, e, want[0], want[1])
		}
	}
}
