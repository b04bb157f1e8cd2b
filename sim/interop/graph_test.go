package interop

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"nacsim/fakegraph/requestlog"
)

// What testdata/tenant.yaml has.
const (
	graphTenant = "7d1f5a52-43a8-4d0e-9a0b-6f2f0c6a1d11"
	graphClient = "2b0c7f8e-51d4-4c46-8b71-8d6f0b1f7a01"
	graphPublic = "2b0c7f8e-51d4-4c46-8b71-8d6f0b1f7a02"
	graphHelp   = "2b0c7f8e-51d4-4c46-8b71-8d6f0b1f7a03"
	graphPortal = "2b0c7f8e-51d4-4c46-8b71-8d6f0b1f7a04"
	graphSecret = "q~secret/+= 1"

	graphUser     = "ada@contoso.example"
	graphAdmin    = "root@contoso.example"
	graphPassword = "pass& word=1"
	graphRedirect = "https://nac.contoso.example/callback"
)

// nacApp signs in as the app that may read.
var nacApp = graphApp{tenant: graphTenant, client: graphClient, secret: graphSecret}

// graphRoles are what it may do in Graph.
var graphRoles = []string{"Application.Read.All", "DeviceManagementConfiguration.Read.All", "DeviceManagementManagedDevices.Read.All", "Directory.Read.All"}

// A graphFake is "nacsim fakegraph" as a process of its own, with testdata/tenant.yaml.
type graphFake struct {
	*server
	url   string // its origin, for Entra ID and Graph alike
	proxy string // URL of its proxy
	ca    string // file of the certificate to trust
	app   *clientCertificateRSA
	http  *http.Client // believes that the fake has every name, and follows no redirect
}

// graphState is the folder of a CA and a signing key that all fakes of a run share: making the key takes longer than the rest.
var graphState struct {
	sync.Mutex
	dir string
	app *clientCertificateRSA
}

// startGraph starts a fake. Edits are pairs of texts in the tenant file: the old and the new one.
func startGraph(t *testing.T, edits ...string) *graphFake {
	t.Helper()
	graphState.Lock()
	defer graphState.Unlock()
	if graphState.dir == "" {
		dir, err := graphBuildDir()
		if err != nil {
			t.Fatal(err)
		}
		graphState.app = newClientCertificateRSA(t)
		graphState.dir = filepath.Join(dir, "state")
	}
	file, err := os.ReadFile(filepath.Join("testdata", "tenant.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeFile(t, dir, "tenant.yaml", []byte(strings.NewReplacer(edits...).Replace(string(file))))
	writeFile(t, dir, "app.pem", graphState.app.pem())
	cmd := programCommand(t, dir, "fakegraph", "tenant.yaml", "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--state", graphState.dir)
	f := &graphFake{server: startCommand(t, cmd), ca: filepath.Join(graphState.dir, "ca.pem"), app: graphState.app}
	if !f.await("ready;", 1) {
		t.Fatalf("nacsim fakegraph does not start:\n%s", f)
	}
	f.url, f.proxy = f.says(t, `listening on (\S+)`), f.says(t, `proxy on (\S+)`)
	f.http = f.client(t)
	t.Cleanup(func() {
		f.process.Signal(syscall.SIGTERM) // it may have ended by itself
		<-f.ended
		if f.code() != 0 {
			t.Errorf("nacsim fakegraph ends with exit code %d:\n%s", f.code(), f)
		}
	})
	return f
}

// says is what the fake prints at its start.
func (f *graphFake) says(t *testing.T, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(f.String())
	if m == nil {
		t.Fatalf("nacsim fakegraph does not print %s:\n%s", pattern, f)
	}
	return m[1]
}

func (f *graphFake) client(t *testing.T) *http.Client {
	t.Helper()
	root, err := os.ReadFile(f.ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, f.address())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// address is host and port.
func (f *graphFake) address() string { return strings.TrimPrefix(f.url, "https://") }

// control asks the control API; body and into may be nil.
func (f *graphFake) control(t *testing.T, method, path string, body, into any) {
	t.Helper()
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, f.url+"/control"+path, content)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := f.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("status %d", reply.StatusCode)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s /control%s: %v: %s", method, path, err, text)
	}
}

// A graphFault is the JSON form of a fault.
type graphFault map[string]any

// fault injects a fault.
func (f *graphFake) fault(t *testing.T, fault graphFault) {
	t.Helper()
	f.control(t, http.MethodPost, "/faults", fault, nil)
}

// log is what the fake got so far whose path or query contains a text.
func (f *graphFake) log(t *testing.T, containing string) []requestlog.Entry {
	t.Helper()
	var log struct{ Value []requestlog.Entry }
	f.control(t, http.MethodGet, "/requests?max=1000&path="+escape(containing), nil, &log)
	return log.Value
}
