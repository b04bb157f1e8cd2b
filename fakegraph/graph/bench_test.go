package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/intune"
)

// many is a tenant with that many devices and no limits.
func many(b *testing.B, n int) (*fakegraph.Server, http.Header) {
	b.Helper()
	cfg := fakegraphtest.Config()
	cfg.Graph.Throttling = graph.Throttling{App: -1, Tenant: -1}
	for i := range 1000 {
		cfg.Directory.Users = append(cfg.Directory.Users, directory.User{UPN: fmt.Sprintf("user%d@contoso.example", i)})
	}
	for i := range n {
		id := fakegraphtest.NumberedID(i)
		cfg.Intune.Devices = append(cfg.Intune.Devices, intune.DeviceConfig{
			Name: "LAPTOP-" + id[28:], ID: id, AzureADDeviceID: fakegraphtest.NumberedID(1_000_000 + i), WiFiMAC: id[24:],
			SerialNumber: "S" + id[28:], UserPrincipalName: cfg.Directory.Users[i%1000].UPN, OSVersion: "10.0.22631.3737", Manufacturer: "Dell Inc.", Model: "Latitude 7440",
		})
	}
	s, _ := fakegraphtest.New(b, cfg)
	return s, http.Header{"Authorization": {"Bearer " + fakegraphtest.Token(b, s)}}
}

// BenchmarkList renders the pages of a list of a hundred thousand devices, one at a time, with what HTTP and the check of the
// token cost.
func BenchmarkList(b *testing.B) {
	s, bearer := many(b, 100_000)
	for name, query := range map[string]string{"all": "", "selected": "?$select=id,deviceName,wiFiMacAddress,complianceState,managementState,lastSyncDateTime"} {
		pages := addresses(b, s, fakegraphtest.ListURL+query, bearer)
		for _, coding := range []string{"identity", "gzip"} {
			header := bearer.Clone()
			header.Set("Accept-Encoding", coding)
			b.Run(name+"/"+coding, func(b *testing.B) {
				i := 0
				for b.Loop() {
					w := fakegraphtest.Get(s, pages[i%len(pages)], header)
					b.SetBytes(int64(w.Body.Len()))
					i++
				}
				b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "pages/s")
			})
		}
	}
}

// addresses are those of all pages of a list.
func addresses(b *testing.B, s *fakegraph.Server, first string, bearer http.Header) []string {
	var list []string
	for next := first; next != ""; {
		list = append(list, next)
		var page struct {
			NextLink string `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal(fakegraphtest.Get(s, next, bearer).Body.Bytes(), &page); err != nil {
			b.Fatal(err)
		}
		next = page.NextLink
	}
	if len(list) != 100 {
		b.Fatalf("%d pages, want 100", len(list))
	}
	return list
}

// BenchmarkDevice finds one of a hundred thousand devices, by id and by what a filter has to look for.
func BenchmarkDevice(b *testing.B) {
	s, bearer := many(b, 100_000)
	for name, address := range map[string]string{
		"id":              "/" + fakegraphtest.NumberedID(70_000),
		"deviceName":      "?$filter=deviceName%20eq%20'LAPTOP-00070000'",
		"azureADDeviceId": "?$filter=azureADDeviceId%20eq%20'" + fakegraphtest.NumberedID(1_070_000) + "'",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if w := fakegraphtest.Get(s, fakegraphtest.ListURL+address, bearer); w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
