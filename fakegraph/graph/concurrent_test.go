package graph_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"nacsim/fakegraph/fakegraphtest"
)

// Clients read while others change what they read; the race detector looks on.
func TestConcurrentClients(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	bearer := "Bearer " + fakegraphtest.Token(t, s)
	device := "deviceManagement/managedDevices/" + fakegraphtest.NumberedID(3)
	var clients sync.WaitGroup
	for _, c := range []struct{ method, path, body string }{
		{"GET", "deviceManagement/managedDevices", ""}, {"GET", "deviceManagement/managedDevices?$filter=contains(deviceName,'c')", ""},
		{"GET", "devices", ""}, {"GET", "users/carol@contoso.example/memberOf", ""}, {"PATCH", device, `{"notes":"x"}`}, {"POST", device + "/syncDevice", ""},
		{"POST", "$batch", `{"requests":[{"id":"1","method":"GET","url":"` + device + `"},{"id":"2","method":"GET","url":"users"}]}`},
	} {
		clients.Go(func() {
			for range 20 {
				r := httptest.NewRequest(c.method, base+c.path, strings.NewReader(c.body))
				r.Header = http.Header{"Authorization": {bearer}, "Accept-Encoding": {"gzip"}}
				w := httptest.NewRecorder()
				if s.ServeHTTP(w, r); w.Code >= 300 {
					t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
				}
			}
		})
	}
	clients.Wait()
}
