package live_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/live"
	"nacsim/sim/trace"
)

// selfSigned is a certificate for graph.microsoft.com and a pool that trusts it.
func selfSigned(t testing.TB, seed byte) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), 32)))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "graph.microsoft.com"}, DNSNames: []string{"graph.microsoft.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// serve boots a machine with an HTTP server on addrB, known as graph.microsoft.com.
func serve(t testing.TB, w *live.World, port uint16, config *tls.Config, h http.HandlerFunc) {
	t.Helper()
	w.Name("graph.microsoft.com", addrB)
	w.Name("graph.example.com", addrB)
	add(t, w, "graph", addrB, func(m host.Host) error {
		_, err := m.ServeHTTP(netip.AddrPortFrom(addrB, port), h, config)
		return err
	})
}

func get(h host.Host, url string, o host.HTTPOptions) (string, error) {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return "", err
	}
	resp, err := h.RoundTrip(req, o)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestHTTPSIsRealTLS(t *testing.T) {
	cert, trusted := selfSigned(t, 1)
	_, other := selfSigned(t, 2)
	rec := trace.NewRecorder(time.Now())
	rs := record(rec)
	w := newWorld(t, live.Config{Recorder: rec, RootCAs: trusted})
	serve(t, w, 443, &tls.Config{Certificates: []tls.Certificate{cert}}, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, tls.VersionName(r.TLS.Version)+" "+r.TLS.ServerName+" "+r.RemoteAddr)
	})
	h := machine(t, w, "nac", addrA)
	for _, tt := range []struct {
		name, url string
		roots     *x509.CertPool
		fails     bool
	}{
		{"trusted", "https://graph.microsoft.com/", trusted, false},
		{"another root, after a connection was kept", "https://graph.microsoft.com/", other, true},
		{"the world's roots", "https://graph.microsoft.com/", nil, false},
		{"another name", "https://graph.example.com/", trusted, true},
		{"the address", "https://10.0.0.2/", trusted, true},
	} {
		got, err := get(h, tt.url, host.HTTPOptions{RootCAs: tt.roots})
		if tt.fails {
			if err == nil || errors.Is(err, host.ErrTimeout) {
				t.Errorf("%s: %q, %v; want an error of verification", tt.name, got, err)
			}
		} else if err != nil || !strings.HasPrefix(got, "TLS 1.3 graph.microsoft.com 10.0.0.1:") {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
	// The server's side of a failed handshake is in the trace.
	err := w.RunUntil(func() bool { return len(rs.of("drop")) == 3 }, 10*time.Second)
	if got := rs.of("drop"); err != nil || got[0].Actor != "graph" || !strings.Contains(got[0].Field("reason"), "TLS handshake error from 10.0.0.1:") {
		t.Errorf("drop: %+v", got)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	w := newWorld(t, live.Config{})
	serve(t, w, 80, nil, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) })
	h := machine(t, w, "nac", addrA)
	first, err := get(h, "http://graph.microsoft.com/", host.HTTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if again, err := get(h, "http://graph.microsoft.com/", host.HTTPOptions{}); err != nil || again != first {
			t.Errorf("the next request came from %s, %v; the first from %s", again, err, first)
		}
	}
	// A restart of the server ends them; the next request works without an error in between.
	if err := errors.Join(w.Crash("graph"), w.Restart("graph")); err != nil {
		t.Fatal(err)
	}
	if _, err := get(h, "http://graph.microsoft.com/", host.HTTPOptions{}); err != nil {
		t.Error(err)
	}
}

func TestAServerBoundsWhatAStrangerCanFill(t *testing.T) {
	w := newWorld(t, live.Config{AllowExternal: true})
	serve(t, w, 80, nil, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		}
	})
	at, ok := w.TCPAddr(netip.AddrPortFrom(addrB, 80))
	if !ok {
		t.Fatal("no real address")
	}
	for _, tt := range []struct{ name, request, want string }{
		{"header", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", "HTTP/1.1 431 "},
		{"body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 17000000\r\n\r\n" + strings.Repeat("x", 17_000_000), "HTTP/1.1 413 "},
		{"nonsense", "\x16\x03\x01\r\n\r\n", "HTTP/1.1 400 "},
	} {
		c, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		go io.WriteString(c, tt.request) // ends with the connection
		got := make([]byte, len(tt.want))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != tt.want {
			t.Errorf("%s: answered %q, %v; want %q", tt.name, got, err, tt.want)
		}
		c.Close()
	}
}

func TestClosingAServerDoesNotWaitForConnections(t *testing.T) {
	w := newWorld(t, live.Config{AllowExternal: true})
	var server host.HTTPServer
	add(t, w, "graph", addrB, func(m host.Host) (err error) {
		server, err = m.ServeHTTP(netip.AddrPortFrom(addrB, 80), http.NotFoundHandler(), nil)
		return err
	})
	at, _ := w.TCPAddr(netip.AddrPortFrom(addrB, 80))
	for range 3 {
		c, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	done := make(chan error, 1)
	go func() { done <- server.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Close waits")
	}
}

// lines collects what a capture would be given.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Record(trace.Record)               {}
func (l *lines) Packet(trace.Record, trace.Packet) {}
func (l *lines) Secret(_ time.Time, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
}

func TestSecretsGoToTheRecorderIfAsked(t *testing.T) {
	cert, roots := selfSigned(t, 1)
	for _, secrets := range []bool{false, true} {
		sink := &lines{}
		w := newWorld(t, live.Config{Recorder: trace.NewRecorder(time.Now(), sink), Secrets: secrets})
		h := machine(t, w, "nac", addrA)
		var own strings.Builder
		a, b := net.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- tls.Server(a, h.TLS("server", &tls.Config{Certificates: []tls.Certificate{cert}})).Handshake()
		}()
		client := tls.Client(b, h.TLS("client", &tls.Config{RootCAs: roots, ServerName: "graph.microsoft.com", KeyLogWriter: &own, MaxVersion: tls.VersionTLS12}))
		if err := errors.Join(client.Handshake(), <-done); err != nil {
			t.Fatal(err)
		}
		a.Close()
		if !strings.HasPrefix(own.String(), "CLIENT_RANDOM ") {
			t.Errorf("the caller's own key log has %q", own.String())
		}
		want := 0
		if secrets {
			want = 1
		}
		if len(sink.all) != want || want == 1 && sink.all[0]+"\n" != own.String() {
			t.Errorf("Secrets = %v: the recorder got %q", secrets, sink.all)
		}
	}
}

func BenchmarkDatagramRoundTrip(b *testing.B) {
	w := newWorld(b, live.Config{})
	h, peer := machine(b, w, "nac", addrA), machine(b, w, "ap-1", addrB)
	c, s := listen(b, h, 0), listen(b, peer, 0)
	peer.Go("echo", func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := s.ReadFrom(buf, time.Time{})
			if err != nil {
				return
			}
			_ = s.WriteTo(buf[:n], from)
		}
	})
	buf := make([]byte, 2000)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.WriteTo(buf[:200], s.LocalAddr()); err != nil {
			b.Fatal(err)
		}
		if _, _, err := c.ReadFrom(buf, h.Now().Add(10*time.Second)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHTTPRoundTrip(b *testing.B) {
	w := newWorld(b, live.Config{})
	serve(b, w, 80, nil, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	h := machine(b, w, "nac", addrA)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := get(h, "http://graph.microsoft.com/", host.HTTPOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStorePut(b *testing.B) {
	s, err := open(b, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 300)
	keys := [...]string{"session/1", "session/2", "session/3", "session/4"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := s.Put(keys[i%len(keys)], value); err != nil {
			b.Fatal(err)
		}
	}
}
