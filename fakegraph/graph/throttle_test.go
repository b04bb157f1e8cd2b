package graph_test

import (
	"net/http"
	"testing"
	"time"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/graph"
)

// facts 3.3: a sliding window for each app and one for the tenant; refused requests count too.
func TestThrottling(t *testing.T) {
	cfg := tenant()
	cfg.Graph.Throttling = graph.Throttling{App: 3, Tenant: 5}
	s, h := fakegraphtest.New(t, cfg)
	get := func(status int) http.Header {
		t.Helper()
		return call(t, s, "GET", "deviceManagement/managedDevices?$top=1", "", status, nil)
	}
	get(200)
	h.Advance(10 * time.Second)
	get(200)
	get(200)
	if after := get(429).Values("Retry-After"); len(after) != 0 {
		t.Errorf("Retry-After %q, which Intune does not send", after)
	}
	call(t, s, "GET", "users", "", 200, nil) // is another service
	// Now the first request is out of the window, but the refused one is in it.
	h.Advance(10 * time.Second)
	get(429)
	h.Advance(10 * time.Second)
	get(200)
	h.Advance(20 * time.Second)
	for range 3 {
		get(200)
	}
	get(429)
}

func TestThrottlingOfTheTenantAndOfWrites(t *testing.T) {
	cfg := tenant()
	const other = "9a8b7c6d-0000-4000-8000-000000000002"
	cfg.Directory.Apps = append(cfg.Directory.Apps, directory.App{ClientID: other, Secrets: cfg.Directory.Apps[0].Secrets, Roles: cfg.Directory.Apps[0].Roles})
	cfg.Graph.Throttling = graph.Throttling{App: 3, Tenant: 4, Window: time.Minute}
	s, h := fakegraphtest.New(t, cfg)
	w := fakegraphtest.Post(s, fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm("client_id", other).Encode(), nil)
	var reply struct {
		AccessToken string `json:"access_token"`
	}
	fakegraphtest.Decode(t, w, 200, &reply)
	bearer := http.Header{"Authorization": {"Bearer " + reply.AccessToken}}
	for range 3 {
		call(t, s, "GET", "deviceManagement/managedDevices", "", 200, nil)
	}
	for i, want := range []int{200, 429} {
		if w := fakegraphtest.Get(s, fakegraphtest.ListURL, bearer); w.Code != want {
			t.Errorf("request %d of the other app: %d, want %d", i+1, w.Code, want)
		}
	}
	h.Advance(time.Minute)
	if w := fakegraphtest.Get(s, fakegraphtest.ListURL, bearer); w.Code != 200 {
		t.Errorf("after the window: %d", w.Code)
	}
}

func TestRetryAfter(t *testing.T) {
	for form, want := range map[graph.RetryAfterForm]string{
		graph.RetryAfterNone: "", graph.RetryAfterSeconds: "20", graph.RetryAfterFraction: "20.000", graph.RetryAfterDate: "Mon, 05 Jan 2026 08:00:21 GMT",
	} {
		cfg := tenant()
		cfg.Graph.Throttling = graph.Throttling{App: 1, RetryAfter: form}
		s, h := fakegraphtest.New(t, cfg)
		call(t, s, "GET", "deviceManagement/managedDevices", "", 200, nil)
		h.Advance(500 * time.Millisecond)
		var e fakegraphtest.GraphError
		got := call(t, s, "GET", "deviceManagement/managedDevices", "", 429, &e).Get("Retry-After")
		if got != want { // the refused request is in the window too
			t.Errorf("form %d: %q, want %q", form, got, want)
		}
		if e.Error.Code != "TooManyRequests" {
			t.Errorf("%+v", e)
		}
	}
}
