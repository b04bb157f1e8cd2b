package testhost

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"

	"nacsim/internal/host"
)

// A Machine is one boot of a machine in a world, whose methods it has too: a test with one machine needs no other
// variable.
type Machine struct {
	*World
	name    string
	addr    netip.Addr
	boot    int
	down    bool
	tasks   []*task
	conns   []*conn
	streams map[string]io.Reader
	stores  map[string]map[string][]byte // shared by all boots
}

var _ host.Host = (*Machine)(nil)

// Machine adds a machine. Without an address it has no IP.
func (w *World) Machine(name, addr string) *Machine {
	m := &Machine{World: w, name: name, streams: map[string]io.Reader{}, stores: map[string]map[string][]byte{}}
	if addr != "" {
		m.addr = netip.MustParseAddr(addr)
	}
	w.machines = append(w.machines, m)
	return m
}

// Crash takes the machine down: its timers are forgotten, its tasks see host.ErrDown and end, its stores refuse what
// they still write. A task must not crash its own machine.
func (m *Machine) Crash() {
	m.down = true
	m.disconnect()
	for _, t := range slices.Clone(m.tasks) {
		t.stop()
	}
	m.tasks = nil
}

// Restart crashes the machine, if it is up, and returns its next boot, which finds what was stored.
func (m *Machine) Restart() *Machine {
	m.Crash()
	next := &Machine{World: m.World, name: m.name, addr: m.addr, boot: m.boot + 1, streams: map[string]io.Reader{}, stores: m.stores}
	m.machines = append(m.machines, next)
	return next
}

// Do runs f as a task and lets the world go on until it has ended. The test fails if that takes more than an hour.
func (m *Machine) Do(f func()) {
	m.t.Helper()
	ended := false
	m.Go("test", func() { f(); ended = true })
	for end := m.now.Add(patience); !ended; {
		if !m.step(end) {
			m.t.Fatalf("a task did not end within %v", patience)
		}
	}
}

// Name is what World.Machine was given.
func (m *Machine) Name() string { return m.name }

// Addr is what World.Machine was given.
func (m *Machine) Addr() netip.Addr { return m.addr }

// Parallelism is 1.
func (m *Machine) Parallelism() int { return 1 }

// Rand returns a stream that depends on the machine's name, the boot and the stream's name.
func (m *Machine) Rand(stream string) io.Reader {
	r := m.streams[stream]
	if r == nil {
		r = rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%s/%d/%s", m.name, m.boot, stream)))
		m.streams[stream] = r
	}
	return r
}

// TLS makes certificates be checked on the world's clock. Handshakes are not repeatable.
func (m *Machine) TLS(_ string, c *tls.Config) *tls.Config {
	c = c.Clone()
	c.Time = m.Now
	return c
}

// Trace adds to the world's Lines.
func (m *Machine) Trace(kind string, fields ...slog.Attr) { m.trace(m.name, kind, fields) }

// Tracing is true: Lines has all kinds.
func (m *Machine) Tracing(string) bool { return true }

func unsupported(what string) error {
	return fmt.Errorf("testhost: %s: %w", what, errors.ErrUnsupported)
}

// ListenPacket is not supported.
func (m *Machine) ListenPacket(netip.AddrPort) (host.PacketConn, error) {
	return nil, unsupported("ListenPacket")
}

// ServeHTTP is not supported.
func (m *Machine) ServeHTTP(netip.AddrPort, http.Handler, *tls.Config) (host.HTTPServer, error) {
	return nil, unsupported("ServeHTTP")
}

// RoundTrip is not supported.
func (m *Machine) RoundTrip(*http.Request, host.HTTPOptions) (*http.Response, error) {
	return nil, unsupported("RoundTrip")
}

// Attach is not supported.
func (m *Machine) Attach(host.Medium, net.HardwareAddr) (host.Port, error) {
	return nil, unsupported("Attach")
}
