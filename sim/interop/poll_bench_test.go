package interop

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
	keys "nacsim/nac/identity"
	"nacsim/nac/mdm"
	"nacsim/sim/live"
)

// pollDevices is the size of the tenant of BenchmarkPoll.
const pollDevices = 100_000

// BenchmarkPoll has the NAC's Intune client poll a tenant of 100,000 devices from "nacsim fakegraph", which is a process of
// its own, over TLS. The reference, in the same rounds, is encoding/json reading the same bytes out of memory into the
// same fields, and nothing else. It prints
//
//	x-json     the time of a poll as a multiple of the reference's
//	live-MB    how much memory in use grew at most during a poll; one page is page-MB
//	pages/s    pages of fakegraph's list that a client reads that does nothing with them
//	start-ms   from the start of fakegraph with these devices until it serves
func BenchmarkPoll(b *testing.B) {
	graph := startPollGraph(b)
	pages, listed := graph.pages(b)
	service := graph.service(b)
	if err := service.Poll(); err != nil { // the first one makes the index, which the later ones replace
		b.Fatal(err)
	}
	var poll, reference time.Duration
	for b.Loop() {
		began := time.Now()
		if err := service.Poll(); err != nil {
			b.Fatal(err)
		}
		poll += time.Since(began)
		began = time.Now()
		if n := decodePages(b, pages); n < pollDevices {
			b.Fatalf("the reference read %d devices", n)
		}
		reference += time.Since(began)
	}
	b.StopTimer()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(poll.Milliseconds())/float64(b.N), "poll-ms")
	b.ReportMetric(float64(reference.Milliseconds())/float64(b.N), "json-ms")
	b.ReportMetric(float64(poll)/float64(reference), "x-json")
	b.ReportMetric(megabytes(growth(b, service.Poll)), "live-MB")
	b.ReportMetric(megabytes(uint64(len(pages[0]))), "page-MB")
	b.ReportMetric(float64(len(pages))/listed.Seconds(), "pages/s")
	b.ReportMetric(float64(graph.ready.Milliseconds()), "start-ms")
}

func megabytes(octets uint64) float64 { return float64(octets) / (1 << 20) }

// growth is how much memory in use grows at most while f runs. It is what the garbage collector finds in use, which it is
// made to look for often.
func growth(b *testing.B, f func() error) uint64 {
	b.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	ended := make(chan error)
	go func() { ended <- f() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for most := before; ; {
		select {
		case <-tick.C:
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
		case err := <-ended:
			if err != nil {
				b.Fatal(err)
			}
			return most - before
		}
	}
}

// pollGraph is nacsim fakegraph as a process of its own.
type pollGraph struct {
	url, tenant, client, secret string
	roots                       *x509.CertPool
	ready                       time.Duration
}

func startPollGraph(b *testing.B) *pollGraph {
	b.Helper()
	dir := b.TempDir()
	began := time.Now()
	cmd := programCommand(b, dir, "fakegraph", "--listen", "127.0.0.1:0", "--state", dir, "--devices", fmt.Sprint(pollDevices), "--log", "off")
	s := startCommand(b, cmd)
	if !s.await("listening on ", 1) {
		b.Fatalf("nacsim fakegraph does not start:\n%s", s)
	}
	g := &pollGraph{ready: time.Since(began), roots: x509.NewCertPool()}
	s.await("ready;", 1)
	said := func(what string) string {
		m := regexp.MustCompile(what + `(\S+)`).FindStringSubmatch(s.String())
		if m == nil {
			b.Fatalf("nacsim fakegraph does not say %q:\n%s", what, s)
		}
		return m[1]
	}
	g.url, g.tenant = said("listening on "), said("AZURE_TENANT_ID=")
	g.client, g.secret = said("AZURE_CLIENT_ID="), said("AZURE_CLIENT_SECRET=")
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil || !g.roots.AppendCertsFromPEM(ca) {
		b.Fatalf("the CA of fakegraph: %v", err)
	}
	return g
}

// selectedFields are the properties that the NAC asks for.
const selectedFields = "id,azureADDeviceId,deviceName,wiFiMacAddress,ethernetMacAddress,complianceState,managementState,lastSyncDateTime,operatingSystem,osVersion,manufacturer,model"

// pages reads the whole list as it is on the wire, and tells how long that took.
func (g *pollGraph) pages(b *testing.B) ([][]byte, time.Duration) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: g.roots}, DisableCompression: true}}
	reply, err := client.PostForm(g.url+"/"+g.tenant+"/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"},
		"client_id": {g.client}, "client_secret": {g.secret}, "scope": {"https://graph.microsoft.com/.default"}})
	if err != nil {
		b.Fatal(err)
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	err = errors.Join(json.NewDecoder(reply.Body).Decode(&token), reply.Body.Close())
	if err != nil {
		b.Fatal(err)
	}
	var pages [][]byte
	began := time.Now()
	next := regexp.MustCompile(`"@odata.nextLink":"([^"]+)"`)
	for address := g.url + "/v1.0/deviceManagement/managedDevices?$select=" + selectedFields; address != ""; {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token.AccessToken)
		reply, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(reply.Body)
		if err = errors.Join(err, reply.Body.Close()); err != nil || reply.StatusCode != http.StatusOK {
			b.Fatalf("%s: %v, %s", reply.Status, err, body)
		}
		pages = append(pages, body)
		address = ""
		if m := next.FindSubmatch(body[:min(len(body), 4096)]); m != nil {
			address = strings.ReplaceAll(string(m[1]), `\u0026`, "&")
		}
	}
	return pages, time.Since(began)
}

// decodePages is the reference.
func decodePages(b *testing.B, pages [][]byte) (devices int) {
	b.Helper()
	type device struct {
		ID                 string    `json:"id"`
		AzureADDeviceID    string    `json:"azureADDeviceId"`
		DeviceName         string    `json:"deviceName"`
		WiFiMACAddress     string    `json:"wiFiMacAddress"`
		EthernetMACAddress *string   `json:"ethernetMacAddress"`
		ComplianceState    string    `json:"complianceState"`
		ManagementState    string    `json:"managementState"`
		LastSyncDateTime   time.Time `json:"lastSyncDateTime"`
		OperatingSystem    string    `json:"operatingSystem"`
		OSVersion          string    `json:"osVersion"`
		Manufacturer       string    `json:"manufacturer"`
		Model              string    `json:"model"`
	}
	for _, body := range pages {
		var page struct {
			Value    []device `json:"value"`
			NextLink string   `json:"@odata.nextLink"`
		}
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&page); err != nil {
			b.Fatal(err)
		}
		devices += len(page.Value)
	}
	return devices
}

// service is the NAC's client of that tenant, with one device that has authenticated.
func (g *pollGraph) service(b *testing.B) *mdm.Service {
	b.Helper()
	world := live.New(live.Config{AllowExternal: true})
	b.Cleanup(func() {
		if err := world.Close(); err != nil {
			b.Error(err)
		}
	})
	looked := make(lookups, 1)
	var service *mdm.Service
	err := world.AddHost("nac", netip.MustParseAddr("10.0.0.1"), func(h host.Host) (err error) {
		service, err = mdm.New(h, mdm.Config{Authority: g.url, Graph: g.url, Tenant: g.tenant, ClientID: g.client, ClientSecret: g.secret, RootCAs: g.roots,
			// The rate is for services that others use too.
			Rate: 100_000}, looked)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	service.Start()
	service.Enqueue("a4:83:e7:00:00:01", []keys.Key{{Kind: keys.CN, Value: "nobody"}})
	select {
	case <-looked:
	case <-time.After(patience):
		b.Fatal("no lookup ended")
	}
	return service
}

// lookups gets the ends of lookups.
type lookups chan mdm.Lookup

func (l lookups) DeviceChanged(mdm.Change)         {}
func (l lookups) PollDone(mdm.Poll)                {}
func (l lookups) StandingChanged([]string, string) {}
func (l lookups) LinkChanged(mdm.Status)           {}
func (l lookups) LookupDone(done mdm.Lookup) {
	select {
	case l <- done:
	default:
	}
}
