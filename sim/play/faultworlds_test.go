package play

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/intune"
	"nacsim/internal/host"
	"nacsim/sim/live"
	"nacsim/sim/network"
	"nacsim/sim/pki"
	"nacsim/sim/trace"
	"nacsim/sim/virtual"
)

// transportFaults are what a client of either world meets.
var transportFaults = []struct {
	fault fault.Fault
	want  string
}{
	{fault.Fault{Name: "reset"}, "reset"},
	{fault.Fault{Name: "half_body"}, "cut"},
	{fault.Fault{Name: "wrong_length"}, "cut"},
	{fault.Fault{Name: "wrong_length", Octets: -10}, "200 no JSON"},
	{fault.Fault{Name: "stall"}, "late"},
	{fault.Fault{Name: "stall", Delay: 10 * time.Millisecond}, "200"},
	{fault.Fault{Name: "slow"}, "late"},
	{fault.Fault{Name: "slow", Delay: 10 * time.Millisecond}, "200"},
	{fault.Fault{Name: "gzip_corrupted"}, "200 bad gzip"},
	{fault.Fault{Name: "bad_gateway"}, "502 no JSON"},
	{fault.Fault{Name: "redirect"}, "307 to https://graph.attacker.invalid/common/discovery/v2.0/keys"},
	{fault.Fault{Name: "goaway"}, "200"},
	{fault.Fault{Name: "status", Status: 500}, "500"},
}

// outcome puts into words what a request came to.
func outcome(resp *http.Response, err error) string {
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut"
	case errors.Is(err, host.ErrTimeout):
		return "late"
	case err != nil:
		return err.Error()
	}
	said := fmt.Sprint(resp.StatusCode)
	var body io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			return said + " bad gzip"
		}
	}
	text, err := io.ReadAll(body)
	switch {
	case err != nil:
		return said + " bad gzip"
	case resp.Header.Get("Location") != "":
		return said + " to " + resp.Header.Get("Location")
	case !json.Valid(text):
		return said + " no JSON"
	}
	return said
}

// faultyWorld has a fakegraph and asks it from another machine.
type faultyWorld struct {
	*testing.T
	world
	server *fakegraph.Server
	ca     *pki.Authority
}

func newFaultyWorld(t *testing.T, w world) *faultyWorld {
	t.Helper()
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	ca, err := pki.NewAuthority("Root CA", w.Now().Add(-time.Hour), w.Now().Add(time.Hour), w.Rand("ca"))
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Server(append([]string{"127.0.0.1"}, graphNames...), w.Now().Add(-time.Hour), w.Now().Add(time.Hour), w.Rand("graph"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := virtualEntraKey()
	if err != nil {
		t.Fatal(err)
	}
	f := &faultyWorld{T: t, world: w, ca: ca}
	for _, name := range graphNames {
		w.Name(name, graphAddr)
	}
	if err := w.AddHost("graph", graphAddr, func(h host.Host) (err error) {
		f.server, err = fakegraph.New(h, fakegraph.Config{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}, SigningKey: key,
			Tenant: tenantID, Directory: directory.Config{Domains: []string{tenantDomain}, Apps: []directory.App{nacApp()}},
			Intune: intune.Config{Devices: []intune.DeviceConfig{{Name: "A"}, {Name: "B"}, {Name: "C"}}}})
		if err == nil {
			err = f.server.Start()
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return f
}

const keysURL = "https://login.microsoftonline.com/common/discovery/v2.0/keys"

func (f *faultyWorld) ask() {
	f.Helper()
	if err := f.AddHost("client", netip.MustParseAddr("10.0.0.9"), func(h host.Host) error { return nil }); err != nil {
		f.Fatal(err)
	}
	if err := f.world.Run("asks", func(h host.Host) error {
		for _, test := range transportFaults {
			if _, err := f.server.Faults().Add(test.fault); err != nil {
				return err
			}
			request, err := http.NewRequest(http.MethodGet, keysURL, nil)
			if err != nil {
				return err
			}
			o := host.HTTPOptions{RootCAs: f.ca.Pool(), Timeout: 500 * time.Millisecond}
			if got := outcome(h.RoundTrip(request, o)); got != test.want {
				f.Errorf("%s: %s, want %s", test.fault.Name, got, test.want)
			}
			f.server.Faults().ClearAll()
			if got := outcome(h.RoundTrip(request, o)); got != "200" {
				f.Errorf("after %s: %s", test.fault.Name, got)
			}
		}
		return nil
	}); err != nil {
		f.Fatal(err)
	}
}

// TestTransportFaults holds that a client meets the same in both worlds.
func TestTransportFaults(t *testing.T) {
	t.Run("virtual", func(t *testing.T) {
		start := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
		recorder := trace.NewRecorder(start)
		newFaultyWorld(t, virtual.New(virtual.Config{Start: start, Recorder: recorder, Network: network.New(1, network.Conditions{}, nil)})).ask()
	})
	t.Run("live", func(t *testing.T) {
		newFaultyWorld(t, liveWorld{live.New(live.Config{Recorder: trace.NewRecorder(time.Now()), Network: network.New(1, network.Conditions{}, nil)})}).ask()
	})
}

// freeAddress is a TCP address that nobody listens at.
func freeAddress(t *testing.T) netip.AddrPort {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

// TestGoAwayInHTTP2 holds that goaway ends a connection of HTTP/2 in good order, and reset in bad.
func TestGoAwayInHTTP2(t *testing.T) {
	address := freeAddress(t)
	f := newFaultyWorld(t, liveWorld{live.New(live.Config{Recorder: trace.NewRecorder(time.Now()), Network: network.New(1, network.Conditions{}, nil), AllowExternal: true,
		Bind: map[netip.AddrPort]netip.AddrPort{netip.AddrPortFrom(graphAddr, 443): address}})})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: f.ca.Pool()}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address.String())
		}}
	t.Cleanup(transport.CloseIdleConnections)
	ask := func() (version int, reused bool, err error) {
		request, err := http.NewRequest(http.MethodGet, keysURL, nil)
		if err != nil {
			t.Fatal(err)
		}
		request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }}))
		resp, err := transport.RoundTrip(request)
		if err != nil {
			return 0, reused, err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.ProtoMajor, reused, errors.Join(err, resp.Body.Close())
	}
	want := func(step string, wantReused bool) {
		t.Helper()
		if version, reused, err := ask(); version != 2 || reused != wantReused || err != nil {
			t.Errorf("%s: HTTP/%d, reused %v, %v; want HTTP/2, reused %v", step, version, reused, err, wantReused)
		}
	}
	want("first", false)
	want("second", true)
	if _, err := f.server.Faults().Add(fault.Fault{Name: "goaway", Count: 1}); err != nil {
		t.Fatal(err)
	}
	want("the one told to go away", true)
	want("behind it", false)
	if _, err := f.server.Faults().Add(fault.Fault{Name: "reset"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ask(); err == nil {
		t.Error("a reset connection has answered")
	}
	f.server.Faults().ClearAll()
	want("after a reset", false)
}

// TestFaultsWithManyClients lets many clients into a set of faults that changes under them. It is for the race detector, and holds that
// a count is kept to.
func TestFaultsWithManyClients(t *testing.T) {
	f := newFaultyWorld(t, liveWorld{live.New(live.Config{Recorder: trace.NewRecorder(time.Now()), Network: network.New(1, network.Conditions{}, nil)})})
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret}, "scope": {"https://graph.microsoft.com/.default"}}
	r := httptest.NewRequest(http.MethodPost, "https://login.microsoftonline.com/"+tenantID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	f.server.ServeHTTP(w, r)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &token); err != nil || token.AccessToken == "" {
		t.Fatalf("no token: %v %s", err, w.Body)
	}
	const count = 40
	faults := f.server.Faults()
	for _, one := range []fault.Fault{{Name: "forbidden", Count: count}, {Name: "rows_repeated"}} {
		if _, err := faults.Add(one); err != nil {
			t.Fatal(err)
		}
	}
	var forbidden atomic.Int32
	var group sync.WaitGroup
	for client := range 8 {
		group.Go(func() {
			for i := range 50 {
				r := httptest.NewRequest(http.MethodGet, fmt.Sprint("https://graph.microsoft.com/v1.0/deviceManagement/managedDevices?$top=", 1+i%4), nil)
				r.Header.Set("Authorization", "Bearer "+token.AccessToken)
				w := httptest.NewRecorder()
				if f.server.ServeHTTP(w, r); w.Code == http.StatusForbidden {
					forbidden.Add(1)
				} else if w.Code != http.StatusOK || !json.Valid(w.Body.Bytes()) {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				if client > 0 {
					continue
				}
				n, err := faults.Add(fault.Fault{Name: "short_page", Page: 1 + i%2, Probability: 0.5})
				if err != nil {
					t.Error(err)
				}
				faults.InForce()
				faults.Clear(n)
			}
		})
	}
	group.Wait()
	if n := forbidden.Load(); n != count {
		t.Errorf("%d requests were forbidden, want %d", n, count)
	}
}
