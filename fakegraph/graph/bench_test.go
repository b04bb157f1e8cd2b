package graph_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/intune"
)

// many is a tenant with that many devices and no limits.
func many(b *testing.B, n int) (*fakegraph.Server, http.Header) {
	b.Helper()
	cfg := fakegraphtest.Config()
	cfg.Graph.Throttling = graph.Throttling{App: -1, Tenant: -1}
	for i := range n {
		id := fakegraphtest.NumberedID(i)
		cfg.Intune.Devices = append(cfg.Intune.Devices, intune.DeviceConfig{
			Name: "LAPTOP-" + id[28:], ID: id, AzureADDeviceID: fakegraphtest.NumberedID(1_000_000 + i), WiFiMAC: id[24:],
			SerialNumber: "S" + id[28:], UserPrincipalName: "user" + id[30:] + "@contoso.example", OSVersion: "10.0.22631.3737", Manufacturer: "Dell Inc.", Model: "Latitude 7440",
		})
	}
	s, _ := fakegraphtest.New(b, cfg)
	return s, http.Header{"Authorization": {"Bearer " + fakegraphtest.Token(b, s)}}
}

// selections are what clients ask for: all, or what a network access control needs.
var selections = map[string]string{"all": "", "selected": "?$select=id,deviceName,wiFiMacAddress,complianceState,managementState,lastSyncDateTime"}

// BenchmarkList renders one page of a thousand devices, with what HTTP and the check of the token cost.
func BenchmarkList(b *testing.B) {
	s, bearer := many(b, 1000)
	for name, query := range selections {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := fakegraphtest.Get(s, fakegraphtest.ListURL+query, bearer)
				b.SetBytes(int64(w.Body.Len()))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
		})
	}
}

// BenchmarkPoll reads a hundred thousand devices over TLS and decodes them. The metric ×decode is how much longer that takes than
// decoding alone.
func BenchmarkPoll(b *testing.B) {
	s, bearer := many(b, 100_000)
	server := httptest.NewTLSServer(s)
	defer server.Close()
	for name, query := range selections {
		for _, coding := range []string{"identity", "gzip"} {
			b.Run(name+"/"+coding, func(b *testing.B) {
				var decoding, all time.Duration
				for b.Loop() {
					began := time.Now()
					decoding += poll(b, server, "/v1.0/deviceManagement/managedDevices"+query, coding, bearer)
					all += time.Since(began)
				}
				b.ReportMetric(float64(all)/float64(decoding), "×decode")
				b.ReportMetric(100*float64(b.N)/all.Seconds(), "pages/s")
			})
		}
	}
}

// poll reads a list to its end and returns how long decoding took.
func poll(b *testing.B, server *httptest.Server, path, coding string, bearer http.Header) (decoding time.Duration) {
	devices := 0
	for address := server.URL + path; address != ""; {
		r, err := http.NewRequest("GET", address, nil)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", bearer.Get("Authorization"))
		r.Header.Set("Accept-Encoding", coding)
		body := read(b, server, r)
		began := time.Now()
		var page struct {
			NextLink string `json:"@odata.nextLink"`
			Value    []struct{ ID, DeviceName, WiFiMACAddress, ComplianceState, ManagementState, LastSyncDateTime string }
		}
		if err := json.Unmarshal(body, &page); err != nil {
			b.Fatal(err)
		}
		decoding += time.Since(began)
		devices += len(page.Value)
		address = page.NextLink
	}
	if devices != 100_000 {
		b.Fatalf("%d devices", devices)
	}
	return decoding
}

func read(b *testing.B, server *httptest.Server, r *http.Request) []byte {
	reply, err := server.Client().Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer reply.Body.Close()
	var from io.Reader = reply.Body
	if reply.Header.Get("Content-Encoding") == "gzip" {
		if from, err = gzip.NewReader(reply.Body); err != nil {
			b.Fatal(err)
		}
	}
	body, err := io.ReadAll(from)
	if err != nil || reply.StatusCode != http.StatusOK {
		b.Fatalf("%d, %v: %s", reply.StatusCode, err, body)
	}
	return body
}
