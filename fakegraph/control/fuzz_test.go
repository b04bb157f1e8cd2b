package control_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"nacsim/fakegraph"
	"nacsim/fakegraph/control"
	"nacsim/fakegraph/fakegraphtest"
)

// FuzzRequest holds that any request is answered, with JSON if with anything, and that an error says something.
func FuzzRequest(f *testing.F) {
	for _, seed := range []struct{ method, target, body string }{
		{"GET", "/control", ""},
		{"GET", "/control/devices?search=x&top=1", ""},
		{"POST", "/control/devices", `{"name": "X", "wifi_mac": "02:00:00:00:00:01", "patch_level": "2026-10-01"}`},
		{"PATCH", "/control/devices/LAPTOP-1", `{"firewall": false, "off": true, "force_state": "error"}`},
		{"PUT", "/control/policies", `{"policies": [{"name": "x", "require": ["tpm"], "grace": "1d"}], "at_once": true}`},
		{"POST", "/control/faults", `{"fault": "throttled", "count": 2}`},
		{"POST", "/control/clock", `{"to": "2027-01-01T00:00:00Z"}`},
		{"PUT", "/control/apps/x/certificates", `{"certificates": ["-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"]}`},
		{"GET", "/control/requests?max=-1", ""},
	} {
		f.Add(seed.method, seed.target, seed.body)
	}
	cfg := tenant()
	cfg.Intune.MaxDevices = 100
	h := fakegraphtest.Machine(f)
	s, err := fakegraph.New(h, cfg)
	if err != nil {
		f.Fatal(err)
	}
	api := control.New(h, s, control.Config{})
	f.Fuzz(func(t *testing.T, method, target, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.Contains(u.RawQuery, "follow") { // it does not end
			return
		}
		r := httptest.NewRequest("GET", "/control", strings.NewReader(body))
		r.Method, r.URL = method, u
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code == 204 {
			return
		}
		var reply struct{ Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
			t.Fatalf("%s %q: %d %q: %v", method, target, w.Code, w.Body, err)
		}
		if w.Code >= 400 && reply.Error == "" {
			t.Fatalf("%s %q: %d without a reason", method, target, w.Code)
		}
		if w.Code >= 500 {
			t.Fatalf("%s %q: %d %s", method, target, w.Code, w.Body)
		}
	})
}
