package fakegraph_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/intune"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	cases := []struct {
		change func(*fakegraph.Config)
		want   string
	}{
		{func(c *fakegraph.Config) { c.SigningKey = nil }, "no signing key"},
		{func(c *fakegraph.Config) { c.Tenant = "contoso" }, `tenant "contoso" is not a GUID`},
		{func(c *fakegraph.Config) { c.Directory.Apps[0].ClientID = "x" }, `client id "x" is not a GUID`},
		{func(c *fakegraph.Config) { c.Directory.Apps = append(c.Directory.Apps, c.Directory.Apps[0]) }, "used twice"},
		{func(c *fakegraph.Config) { c.Graph.PageSize = 1001 }, "page size 1001"},
		{func(c *fakegraph.Config) { c.Intune.CheckIn = -1 }, "check-in interval"},
		{func(c *fakegraph.Config) { c.TokenLifetime = 1 }, "token lifetime"},
		{func(c *fakegraph.Config) { c.Intune.EarlyCheckIns = []time.Duration{2, 1} }, "ascending"},
		{func(c *fakegraph.Config) {
			c.Intune.Policies = []intune.CompliancePolicy{{Require: []intune.Fact{"tpn"}}}
		}, `requires "tpn"`},
		{func(c *fakegraph.Config) {
			c.Intune.Policies = []intune.CompliancePolicy{{Require: []intune.Fact{intune.Firewall, intune.Firewall}}}
		}, "twice"},
		{func(c *fakegraph.Config) {
			c.Intune.Policies = []intune.CompliancePolicy{{Require: []intune.Fact{intune.PatchLevel}}}
		}, "no minimum"},
		{func(c *fakegraph.Config) { c.Intune.Policies = []intune.CompliancePolicy{{Grace: -1}} }, "negative grace"},
		{func(c *fakegraph.Config) { c.Intune.Devices = []intune.DeviceConfig{{}} }, "no name"},
		{func(c *fakegraph.Config) { c.Intune.Devices = []intune.DeviceConfig{{Name: "A"}, {Name: "A"}} }, `enrol "A": it is enrolled already`},
		{func(c *fakegraph.Config) { c.Intune.Devices = []intune.DeviceConfig{{Name: "A", WiFiMAC: "12:34"}} }, "has 4 digits, want 12"},
		{func(c *fakegraph.Config) { c.Intune.Devices = []intune.DeviceConfig{{Name: "A", ID: "1"}} }, `id "1" is not a GUID`},
		{func(c *fakegraph.Config) {
			c.Intune.Devices = []intune.DeviceConfig{{Name: "A", ID: fakegraphtest.NumberedID(1)}, {Name: "B", ID: fakegraphtest.NumberedID(1)}}
		}, `"A" has the id`},
		{func(c *fakegraph.Config) {
			c.Intune.MaxDevices = 1
			c.Intune.Devices = []intune.DeviceConfig{{Name: "A"}, {Name: "B"}}
		}, "1 devices are enrolled already"},
		{func(c *fakegraph.Config) { c.Intune.Devices = []intune.DeviceConfig{{Name: strings.Repeat("x", 257)}} }, "longer than 256"},
	}
	for _, c := range cases {
		cfg := fakegraphtest.Config()
		c.change(&cfg)
		if _, err := fakegraph.New(fakegraphtest.Machine(t), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New: %v, want %q", err, c.want)
		}
	}
}

func TestFaults(t *testing.T) {
	s, h := fakegraphtest.New(t, fakegraphtest.Config())
	bearer := http.Header{"Authorization": {"Bearer " + fakegraphtest.Token(t, s)}}
	set := func(f fault.Fault) int {
		t.Helper()
		n, err := s.Faults().Add(f)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	status := func(want int) *httptest.ResponseRecorder {
		t.Helper()
		w := fakegraphtest.Get(s, fakegraphtest.ListURL, bearer)
		if w.Code != want {
			t.Fatalf("status %d, want %d: %s", w.Code, want, w.Body)
		}
		return w
	}

	set(fault.Fault{Service: fault.Graph, Status: 429, RetryAfter: 2128 * time.Millisecond, RetryAfterAs: fault.RetryAfterFraction, Skip: 1, Count: 2})
	status(200)
	if w := status(429); w.Header().Get("Retry-After") != "2.128" || !strings.Contains(w.Body.String(), `"code":"TooManyRequests"`) {
		t.Errorf("throttled reply: %v %s", w.Header(), w.Body)
	}
	fakegraphtest.Token(t, s) // a fault of Graph is none of Entra ID
	status(429)
	status(200)

	set(fault.Fault{Path: "/V1.0/deviceManagement", Status: 502, Body: "<html>", Until: h.Now().Add(time.Minute)})
	if w := status(502); w.Body.String() != "<html>" || w.Header().Get("Content-Type") != "text/html" {
		t.Errorf("page of a proxy: %v %s", w.Header(), w.Body)
	}
	h.Advance(time.Minute)
	status(200)

	set(fault.Fault{Service: fault.Graph, Delay: 3 * time.Second, Count: 1})
	before := h.Now()
	h.Do(func() { status(200) })
	if h.Now().Sub(before) != 3*time.Second {
		t.Errorf("delay of %v, want 3s", h.Now().Sub(before))
	}

	n := set(fault.Fault{Service: fault.Entra, Status: 503})
	status(200)
	w := fakegraphtest.Post(s, fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm().Encode(), nil)
	var e struct {
		Error string `json:"error"`
		Codes []int  `json:"error_codes"`
	}
	fakegraphtest.Decode(t, w, 503, &e)
	if e.Error != "temporarily_unavailable" || e.Codes[0] != 90033 {
		t.Errorf("Entra ID out of order: %+v", e)
	}
	s.Faults().Clear(n)
	fakegraphtest.Token(t, s)

	s.Faults().Outage(true)
	status(503)
	s.Faults().Outage(false)
	set(fault.Fault{Status: 500})
	status(500)
	s.Faults().ClearAll()
	status(200)

	for _, f := range []fault.Fault{{}, {Status: 200}, {Status: 1000}} {
		if _, err := s.Faults().Add(f); err == nil {
			t.Errorf("Add(%+v) succeeded", f)
		}
	}
	if h.Traced("fault", "status=429", "retry_after=2.128") == 0 {
		t.Error("fault was not traced")
	}
}

// TestStatusErrorsParse holds that whatever status a fault asks for, the service's own error body comes.
func TestStatusErrorsParse(t *testing.T) {
	s, _ := fakegraphtest.New(t, fakegraphtest.Config())
	for _, status := range []int{400, 401, 403, 404, 429, 500, 502, 503, 504} {
		if _, err := s.Faults().Add(fault.Fault{Status: status, Count: 2}); err != nil {
			t.Fatal(err)
		}
		var e fakegraphtest.GraphError
		if w := fakegraphtest.Get(s, fakegraphtest.ListURL, nil); true {
			fakegraphtest.Decode(t, w, status, &e)
			if e.Error.Code == "" {
				t.Errorf("status %d: no code in %s", status, w.Body)
			}
		}
		w := fakegraphtest.Post(s, fakegraphtest.TokenURL, fakegraphtest.FormType, "", nil)
		said := "AADSTS"
		if status == http.StatusNotFound { // no error of the table is one
			said = "There is no such endpoint here."
		}
		if w.Code != status || !strings.Contains(w.Body.String(), said) {
			t.Errorf("status %d: %d %s", status, w.Code, w.Body)
		}
	}
}
