package mdm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
	"nacsim/nac/identity"
)

// benchDevices is the size of the tenant that polls are measured with.
const benchDevices = 100_000

// A tenant replays the pages of a list over TLS, each made once.
type tenant struct {
	*httptest.Server
	pages  [][]byte
	octets int
}

func newTenant(tb testing.TB, devices int) *tenant {
	tb.Helper()
	t := &tenant{}
	t.Server = httptest.NewTLSServer(t)
	tb.Cleanup(t.Close)
	const top = 1000
	for from := 0; from < devices; from += top {
		page := map[string]any{"@odata.context": t.URL + "/v1.0/$metadata#deviceManagement/managedDevices", "@odata.count": top}
		if from+top < devices {
			page["@odata.nextLink"] = fmt.Sprintf("%s/v1.0/deviceManagement/managedDevices?$select=%s&$skiptoken=%d", t.URL, selected, from/top+1)
		}
		var rows []any
		for i := from; i < min(from+top, devices); i++ {
			rows = append(rows, map[string]any{
				"id": numberedID(i), "azureADDeviceId": fmt.Sprintf("00000000-0000-4000-9000-%012d", i), "deviceName": fmt.Sprintf("LAPTOP-%06d", i),
				"wiFiMacAddress": fmt.Sprintf("001CB3%06X", i), "ethernetMacAddress": nil, "complianceState": "compliant", "managementState": "managed",
				"lastSyncDateTime": "2026-01-05T08:00:00Z", "operatingSystem": "Windows", "osVersion": "10.0.22631.3737", "manufacturer": "Contoso",
				"model": "Latitude 7420",
			})
		}
		page["value"] = rows
		body, err := json.Marshal(page)
		if err != nil {
			tb.Fatal(err)
		}
		t.pages, t.octets = append(t.pages, body), t.octets+len(body)
	}
	return t
}

func (t *tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		_, _ = io.WriteString(w, `{"access_token":"a","expires_in":3599}`)
		return
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(t.pages[page])
}

// A caller is a machine with the network of the test's.
type caller struct {
	*testhost.Machine
	client *http.Client
}

func (c *caller) RoundTrip(r *http.Request, o host.HTTPOptions) (*http.Response, error) {
	reply, err := c.client.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	var body bytes.Buffer
	if reply.ContentLength > 0 {
		body.Grow(int(reply.ContentLength) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(io.LimitReader(reply.Body, o.MaxBody)); err != nil {
		return nil, err
	}
	reply.Body, reply.ContentLength = io.NopCloser(&body), int64(body.Len())
	return reply, nil
}

func (t *tenant) poller(tb testing.TB) *Service {
	tb.Helper()
	cfg := testConfig()
	cfg.Authority, cfg.Graph = t.URL, t.URL
	s, err := New(&caller{testhost.New(tb).Machine("nac", "10.0.0.1"), t.Client()}, cfg, &observations{})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range 1000 { // clients of every hundredth device
		s.remember(fmt.Sprint("client-", i), []identity.Key{cn(fmt.Sprintf("laptop-%06d", 100*i))})
	}
	return s
}

// BenchmarkPoll polls a large tenant over TLS.
func BenchmarkPoll(b *testing.B) {
	t := newTenant(b, benchDevices)
	s := t.poller(b)
	b.SetBytes(int64(t.octets))
	for b.Loop() {
		if err := s.Poll(); err != nil {
			b.Fatal(err)
		}
	}
	if n := len(s.Records()); n != 1000 {
		b.Errorf("%d records", n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchDevices, "ns/device")
}

// BenchmarkDecode reads the same pages without the network, by encoding/json and as a poll does.
func BenchmarkDecode(b *testing.B) {
	t := newTenant(b, benchDevices)
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(int64(t.octets))
		for b.Loop() {
			for _, body := range t.pages {
				var page referencePage
				if err := json.Unmarshal(body, &page); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("readPage", func(b *testing.B) {
		b.SetBytes(int64(t.octets))
		var rows []row
		for b.Loop() {
			for _, body := range t.pages {
				var err error
				if rows, _, err = readPage(body, rows[:0]); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// A referencePage is what encoding/json makes of a page.
type referencePage struct {
	Value []struct {
		ID              string    `json:"id"`
		AzureADDeviceID string    `json:"azureADDeviceId"`
		DeviceName      string    `json:"deviceName"`
		WiFiMAC         string    `json:"wiFiMacAddress"`
		EthernetMAC     *string   `json:"ethernetMacAddress"`
		ComplianceState string    `json:"complianceState"`
		ManagementState string    `json:"managementState"`
		LastSync        time.Time `json:"lastSyncDateTime"`
		OperatingSystem string    `json:"operatingSystem"`
		OSVersion       string    `json:"osVersion"`
		Manufacturer    string    `json:"manufacturer"`
		Model           string    `json:"model"`
	} `json:"value"`
	NextLink string `json:"@odata.nextLink"`
}

// The memory of a poll is bounded by a page, what the index keeps of each device, and the devices that were asked for.
func TestMemoryOfPoll(t *testing.T) {
	const devices = 20_000
	s := newTenant(t, devices).poller(t)
	if err := s.Poll(); err != nil {
		t.Fatal(err)
	}
	x := &s.index.table
	kept := cap(x.devices)*int(unsafe.Sizeof(indexed{})) + 4*(cap(x.wifi)+cap(x.wired)+cap(x.name)+cap(x.entra))
	if kept > 64*devices {
		t.Errorf("the index takes %d octets for %d devices", kept, devices)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := s.Poll(); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("a second poll leaves %d octets", grown)
	}
}
