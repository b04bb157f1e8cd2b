package interop

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/intune"
	"nacsim/internal/host"
	"nacsim/sim/live"
)

// A graphFake is fakegraph on a loopback address.
type graphFake struct {
	*fakegraph.Server
	url string // its origin, for Entra ID and Graph alike
	ca  string // file of the certificate to trust

	mu       sync.Mutex
	requests []graphRequest
}

// A graphRequest is one that fakegraph got.
type graphRequest struct {
	method, path, query string
	header              http.Header
	status              int
}

const (
	graphTenant   = "7d1f5a52-43a8-4d0e-9a0b-6f2f0c6a1d11"
	graphClient   = "2b0c7f8e-51d4-4c46-8b71-8d6f0b1f7a01"
	graphPublic   = "2b0c7f8e-51d4-4c46-8b71-8d6f0b1f7a02" // an app without a secret
	graphSecret   = "q~secret/+= 1"
	graphRedirect = "https://nac.contoso.example/callback"

	graphUser     = "ada@contoso.example"
	graphAdmin    = "root@contoso.example"
	graphPassword = "pass& word=1"
)

// graphRoles are what the app may do in Graph.
var graphRoles = []string{directory.RoleReadApplications, directory.RoleReadDevices, "Directory.Read.All"}

// nacApp signs in as the app that may read devices.
var nacApp = graphApp{tenant: graphTenant, client: graphClient, secret: graphSecret}

// startGraph serves a tenant with the devices given.
func startGraph(t *testing.T, cfg fakegraph.Config) *graphFake {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cfg.SigningKey, cfg.Tenant = key, graphTenant
	f := &graphFake{}
	world := live.New(live.Config{})
	t.Cleanup(func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	})
	err = world.AddHost("graph", netip.MustParseAddr("10.0.0.2"), func(h host.Host) (err error) {
		f.Server, err = fakegraph.New(h, cfg)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	authority := newAuthority(t, "fakegraph")
	from, to := valid()
	certificate, err := authority.Server([]string{"localhost", "127.0.0.1", "login.microsoftonline.com", "graph.microsoft.com"}, from, to, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f.ca = writeRoot(t, t.TempDir(), "ca.pem", authority.Certificate())
	serving := httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	serving.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	serving.StartTLS()
	t.Cleanup(serving.Close)
	f.url = serving.URL
	return f
}

// serve answers a request and notes it.
func (f *graphFake) serve(w http.ResponseWriter, r *http.Request) {
	noted := &notedReply{ResponseWriter: w, status: http.StatusOK}
	f.Server.ServeHTTP(noted, r)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, graphRequest{r.Method, r.URL.Path, r.URL.RawQuery, r.Header, noted.status})
}

type notedReply struct {
	http.ResponseWriter
	status int
}

func (n *notedReply) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// log is what the fake got since the last call, of paths that contain a text.
func (f *graphFake) log(containing string) []graphRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []graphRequest
	for _, r := range f.requests {
		if strings.Contains(strings.ToLower(r.path), strings.ToLower(containing)) {
			found = append(found, r)
		}
	}
	return found
}

// smallTenant is a tenant with five devices of which one does not comply.
func smallTenant() fakegraph.Config {
	good := intune.Posture{Antivirus: true}
	return fakegraph.Config{
		Directory: directory.Config{Domains: []string{"contoso.example"}, Apps: []directory.App{{
			ClientID: graphClient, DisplayName: "NAC", RedirectURIs: []string{graphRedirect},
			Roles: append([]string{directory.RoleDeviceCompliance}, graphRoles...), RequestedRoles: graphRoles,
			DelegatedScopes: []string{"User.Read"}, ConsentedScopes: []string{"User.Read"},
			Secrets: []directory.Secret{{Value: graphSecret}, {Value: "expired", Expires: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}},
		}, {
			ClientID: graphPublic, DisplayName: "Phone", Public: true, DelegatedScopes: []string{"User.Read"}, ConsentedScopes: []string{"User.Read"},
		}},
			Users: []directory.User{
				{UPN: graphUser, DisplayName: "Ada", Password: graphPassword},
				{UPN: graphAdmin, DisplayName: "Root", Password: graphPassword, Admin: true},
			},
			Groups: []directory.Group{{DisplayName: "Staff", Members: []string{graphUser}}, {DisplayName: "Guests"}},
		},
		Intune: intune.Config{
			Policies: []intune.CompliancePolicy{{Require: []intune.Fact{intune.Antivirus}}},
			Devices: []intune.DeviceConfig{
				{Name: "LAPTOP-1", ID: "00000000-0000-4000-8000-000000000001", WiFiMAC: "A4:83:E7:00:00:01", EthernetMAC: "A4:83:E7:00:01:01", UserPrincipalName: "ada@contoso.example", Posture: good},
				{Name: "LAPTOP-2", ID: "00000000-0000-4000-8000-000000000002", WiFiMAC: "A4:83:E7:00:00:02", UserPrincipalName: "bob@contoso.example"},
				{Name: "PHONE-1", ID: "00000000-0000-4000-8000-000000000003", WiFiMAC: "A4:83:E7:00:00:03", OperatingSystem: "iOS", Posture: good},
				{Name: "PHONE-2", ID: "00000000-0000-4000-8000-000000000004", OperatingSystem: "iOS", Posture: good},
				{Name: "MAC-1", ID: "00000000-0000-4000-8000-000000000005", WiFiMAC: "A4:83:E7:00:00:05", OperatingSystem: "macOS", Posture: good},
			},
		},
	}
}
