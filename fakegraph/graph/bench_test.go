package graph_test

import (
	"fmt"
	"net/http"
	"testing"

	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/intune"
)

// BenchmarkList renders one page of a thousand devices, with what HTTP and the check of the token cost.
func BenchmarkList(b *testing.B) {
	cfg := fakegraphtest.Config()
	cfg.Graph.Throttling = graph.Throttling{App: -1, Tenant: -1}
	for i := range 1000 {
		cfg.Intune.Devices = append(cfg.Intune.Devices, intune.DeviceConfig{Name: fmt.Sprintf("LAPTOP-%05d", i), WiFiMAC: fmt.Sprintf("001CB3%06X", i)})
	}
	s, _ := fakegraphtest.New(b, cfg)
	bearer := http.Header{"Authorization": {"Bearer " + fakegraphtest.Token(b, s)}}
	for name, query := range map[string]string{"all": "", "selected": "?$select=id,deviceName,wiFiMacAddress,complianceState,managementState,lastSyncDateTime"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := fakegraphtest.Get(s, fakegraphtest.ListURL+query, bearer)
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}
