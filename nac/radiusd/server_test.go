package radiusd

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/host"
	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// A fakeHost has sockets made of channels and a clock that stands still. What a server does not use panics.
type fakeHost struct {
	host.Host
	wg sync.WaitGroup

	mu      sync.Mutex
	sockets map[netip.AddrPort]*fakeSocket
	refuse  netip.AddrPort // cannot be opened
	traces  []string
	timers  []func()
	armed   chan struct{} // gets a value for each timer
}

func (h *fakeHost) Now() time.Time                          { return eaptest.Now }
func (h *fakeHost) Sleep(time.Duration) error               { return nil }
func (h *fakeHost) Rand(string) io.Reader                   { return &counter{} }
func (h *fakeHost) TLS(_ string, c *tls.Config) *tls.Config { return c }
func (h *fakeHost) Parallelism() int                        { return 2 }
func (h *fakeHost) Go(_ string, f func())                   { h.wg.Go(f) }
func (h *fakeHost) AfterFunc(_ time.Duration, f func()) host.Timer {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timers = append(h.timers, f)
	h.armed <- struct{}{}
	return nil
}

func (h *fakeHost) Trace(kind string, fields ...slog.Attr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range fields {
		kind += " " + f.String()
	}
	h.traces = append(h.traces, kind)
}

func (h *fakeHost) ListenPacket(at netip.AddrPort) (host.PacketConn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at == h.refuse {
		return nil, errors.New("address in use")
	}
	s := &fakeSocket{at: at, in: make(chan datagram, 100), out: make(chan []byte, 100), down: make(chan struct{})}
	h.sockets[at] = s
	return s, nil
}

type datagram struct {
	b    []byte
	from netip.AddrPort
	err  error
}

type fakeSocket struct {
	at   netip.AddrPort
	in   chan datagram
	out  chan []byte
	once sync.Once
	down chan struct{}
}

func (s *fakeSocket) ReadFrom(b []byte, _ time.Time) (int, netip.AddrPort, error) {
	select {
	case d := <-s.in:
		return copy(b, d.b), d.from, d.err
	case <-s.down:
		return 0, netip.AddrPort{}, host.ErrDown
	}
}

func (s *fakeSocket) WriteTo(b []byte, _ netip.AddrPort) error {
	s.out <- bytes.Clone(b)
	return nil
}

func (s *fakeSocket) LocalAddr() netip.AddrPort { return s.at }
func (s *fakeSocket) Close() error              { s.once.Do(func() { close(s.down) }); return nil }

var (
	authAddr = netip.MustParseAddrPort("10.0.0.1:1812")
	acctAddr = netip.MustParseAddrPort("10.0.0.1:1813")
)

func startServer(t *testing.T) (*fakeHost, *bench, *Server) {
	t.Helper()
	b := newBench(t)
	h := &fakeHost{sockets: map[netip.AddrPort]*fakeSocket{}, armed: make(chan struct{}, 10)}
	config := b.engine.settings.Load().Config
	config.AuthAddr, config.AcctAddr = authAddr, acctAddr
	s, err := Start(h, config, b.handler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); h.wg.Wait() })
	return h, b, s
}

func TestServer(t *testing.T) {
	h, b, s := startServer(t)
	if s.AuthAddr() != authAddr || s.AcctAddr() != acctAddr {
		t.Errorf("server is at %v and %v", s.AuthAddr(), s.AcctAddr())
	}
	n := b.nas(tls.VersionTLS13, 1)
	auth, acct := h.sockets[authAddr], h.sockets[acctAddr]
	auth.in <- datagram{err: errors.New("a passing error")} // which does not end the server
	auth.in <- datagram{b: append(n.access(identity("x")), make([]byte, 20)...), from: apAddr}
	p, err := radius.ParseReply(<-auth.out, n.request, true)
	if err != nil || p.Code != lr.CodeAccessChallenge {
		t.Fatalf("got %v, error %v", p, err)
	}
	status, _ := radius.NewRequest(lr.CodeStatusServer, 1, secret, &counter{})
	wire, _ := radius.EncodeRequest(status)
	acct.in <- datagram{b: wire, from: apAddr}
	if p, err := radius.ParseReply(<-acct.out, status, true); err != nil || p.Code != lr.CodeAccountingResponse {
		t.Errorf("got %v, error %v", p, err)
	}
	if s.Engine().Conversations() != 1 {
		t.Errorf("%d conversations", s.Engine().Conversations())
	}
	s.Close()
	h.wg.Wait()
	if s.Engine().Conversations() != 0 {
		t.Error("conversations outlive the server")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.timers) != 1 {
		t.Fatalf("%d sweeps are pending, want 1", len(h.timers))
	}
	h.timers[0]() // the sweep after the end does nothing
}

// TestSweepTimer: it comes back as long as there are conversations.
func TestSweepTimer(t *testing.T) {
	h, b, s := startServer(t)
	n := b.nas(tls.VersionTLS13, 1)
	auth := h.sockets[authAddr]
	for range 3 {
		auth.in <- datagram{b: n.access(identity("x")), from: apAddr}
		<-auth.out
	}
	pending := func() int { h.mu.Lock(); defer h.mu.Unlock(); return len(h.timers) }
	<-h.armed // the reply goes out before the timer is set
	if pending() != 1 {
		t.Fatalf("%d sweeps are pending, want 1", pending())
	}
	h.timers[0]()
	if pending() != 2 {
		t.Error("the sweep does not come back while there are conversations")
	}
	s.Engine().Close()
	h.timers[1]()
	if pending() != 2 {
		t.Error("the sweep comes back without conversations")
	}
}

func TestDropsAreTraced(t *testing.T) {
	h, _, s := startServer(t)
	for range 300 {
		s.engine.Handle(eaptest.Now, Auth, Source{Addr: apAddr}, nil, func(Source, []byte, DropReason) {})
		s.traceDrop(apAddr, DropMalformed)
	}
	if h.traces[0] != "drop from=10.0.1.1:40000 reason=malformed count=1" {
		t.Errorf("trace is %q", h.traces[0])
	}
	if n := len(h.traces); n != 100+2 { // 128 and 256
		t.Errorf("300 drops make %d lines", n)
	}
}

func TestStartErrors(t *testing.T) {
	b := newBench(t)
	config := b.engine.settings.Load().Config
	config.AuthAddr, config.AcctAddr = authAddr, acctAddr
	for _, refused := range []netip.AddrPort{authAddr, acctAddr} {
		h := &fakeHost{sockets: map[netip.AddrPort]*fakeSocket{}, refuse: refused}
		if _, err := Start(h, config, b.handler); err == nil {
			t.Errorf("no error though %v cannot be opened", refused)
		}
		if s := h.sockets[authAddr]; s != nil {
			select {
			case <-s.down:
			default:
				t.Error("the other socket stays open")
			}
		}
	}
	if _, err := Start(&fakeHost{}, Config{}, b.handler); err == nil {
		t.Error("empty configuration is taken")
	}
}

// BenchmarkOnboarding is an authentication through the engine, with both ends of RADIUS and EAP; its neighbour is
// the TLS inside it alone.
func BenchmarkOnboarding(b *testing.B) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		x := newBench(b)
		n := x.nas(version, 1)
		b.Run("EAP-"+tls.VersionName(version), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n.state, n.sequence = nil, n.sequence[:0]
				n.authenticate()
				x.handler.accesses = x.handler.accesses[:0]
				if n.peer.Code != eap.Success {
					b.Fatal(n.peer.Code)
				}
			}
		})
		server := x.engine.settings.Load().Config.EAP.TLS()
		b.Run("bare "+tls.VersionName(version), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				client, server := eap.NewTLSClient(n.peer.TLS), eap.NewTLSServer(server)
				for m := []byte(nil); !server.Done(); {
					m, _ = client.Step(m)
					m, _ = server.Step(m)
					if server.Done() && len(m) > 0 {
						client.Step(m)
					}
				}
				client.Close()
				server.Close()
			}
		})
	}
}
