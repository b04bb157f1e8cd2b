package fakeap_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
)

// world has what connects machines: frames and datagrams take a millisecond.
type world struct {
	*testhost.World
	t     testing.TB
	udp   map[netip.AddrPort]*socket
	links map[host.Medium][]*linkPort
	// filter decides how often a frame or datagram arrives; nil means once.
	filter func(p packet) int
	seen   []packet
}

// packet is a frame or a datagram on its way.
type packet struct {
	radio, cable bool
	to           netip.AddrPort
	data         []byte
}

func newWorld(t testing.TB) *world {
	return &world{World: testhost.New(t), t: t, udp: map[netip.AddrPort]*socket{}, links: map[host.Medium][]*linkPort{}}
}

func (w *world) deliver(p packet, f func()) {
	w.seen = append(w.seen, packet{p.radio, p.cable, p.to, bytes.Clone(p.data)})
	n := 1
	if w.filter != nil {
		n = w.filter(p)
	}
	for range n {
		w.After(time.Millisecond, f)
	}
}

// count is the number of lines of a kind that contain all of the texts.
func (w *world) count(kind string, texts ...string) int {
	n := 0
	for _, l := range w.Lines {
		if l.Kind == kind && !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(l.Fields, s) }) {
			n++
		}
	}
	return n
}

// must fails the test unless there are exactly n lines of a kind that contain all of the texts.
func (w *world) must(n int, kind string, texts ...string) {
	w.t.Helper()
	if got := w.count(kind, texts...); got != n {
		w.t.Errorf("%d lines %s %q in the trace, want %d", got, kind, texts, n)
	}
}

// machine has sockets and ports in addition to what any machine of a test has.
type machine struct {
	*testhost.Machine
	w       *world
	ports   []*linkPort
	sockets []*socket
	next    uint16
}

func (w *world) machine(name, addr string) *machine {
	return &machine{Machine: w.Machine(name, addr), w: w, next: 50000}
}

// crash stops a machine for good.
func (m *machine) crash() {
	for _, p := range m.ports {
		p.Close()
	}
	for _, s := range m.sockets {
		s.Close()
	}
	m.Crash()
}

// inbox is where frames and datagrams wait.
type inbox[T any] struct {
	items  []T
	ready  host.Signal
	closed bool
}

func (q *inbox[T]) put(v T) {
	if !q.closed {
		q.items = append(q.items, v)
		q.ready.Set()
	}
}

func (q *inbox[T]) get(deadline time.Time) (v T, err error) {
	for {
		if q.closed {
			return v, host.ErrDown
		}
		if len(q.items) > 0 {
			v, q.items = q.items[0], q.items[1:]
			return v, nil
		}
		if err := q.ready.Wait(deadline); err != nil {
			return v, err
		}
	}
}

func (q *inbox[T]) close() {
	q.closed = true
	q.ready.Set()
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

type socket struct {
	inbox[datagram]
	w  *world
	at netip.AddrPort
}

func (m *machine) ListenPacket(at netip.AddrPort) (host.PacketConn, error) {
	if at.Port() == 0 {
		m.next++
		at = netip.AddrPortFrom(m.Addr(), m.next)
	}
	if m.w.udp[at] != nil {
		return nil, fmt.Errorf("%v is in use", at)
	}
	s := &socket{inbox: inbox[datagram]{ready: m.NewSignal()}, w: m.w, at: at}
	m.w.udp[at] = s
	m.sockets = append(m.sockets, s)
	return s, nil
}

func (s *socket) LocalAddr() netip.AddrPort { return s.at }

func (s *socket) ReadFrom(b []byte, deadline time.Time) (int, netip.AddrPort, error) {
	d, err := s.get(deadline)
	return copy(b, d.data), d.from, err
}

func (s *socket) WriteTo(b []byte, to netip.AddrPort) error {
	if s.closed {
		return host.ErrDown
	}
	d := datagram{s.at, bytes.Clone(b)}
	s.w.deliver(packet{to: to, data: d.data}, func() {
		if r := s.w.udp[to]; r != nil {
			r.put(d)
		}
	})
	return nil
}

func (s *socket) Close() error {
	delete(s.w.udp, s.at)
	s.close()
	return nil
}

type linkPort struct {
	inbox[[]byte]
	w      *world
	medium host.Medium
	mac    net.HardwareAddr
}

func (m *machine) Attach(medium host.Medium, mac net.HardwareAddr) (host.Port, error) {
	p := &linkPort{inbox: inbox[[]byte]{ready: m.NewSignal()}, w: m.w, medium: medium, mac: mac}
	m.w.links[medium] = append(m.w.links[medium], p)
	m.ports = append(m.ports, p)
	return p, nil
}

func (p *linkPort) ReadFrame(deadline time.Time) ([]byte, error) {
	f, err := p.get(deadline)
	if err == nil && f == nil {
		return nil, host.ErrNoCarrier
	}
	return f, err
}

func (p *linkPort) WriteFrame(b []byte) error {
	if p.closed {
		return host.ErrDown
	}
	at := 0
	if p.medium.Kind == host.Radio {
		at = 4
	}
	to, frame := net.HardwareAddr(b[at:at+6]), bytes.Clone(b)
	for _, q := range p.w.links[p.medium] {
		if q != p && (to[0]&1 == 1 || bytes.Equal(q.mac, to)) {
			p.w.deliver(packet{radio: at == 4, cable: at == 0, data: frame}, func() { q.put(bytes.Clone(frame)) })
		}
	}
	return nil
}

func (p *linkPort) Close() error {
	if p.closed {
		return nil
	}
	p.close()
	peers := slices.DeleteFunc(p.w.links[p.medium], func(q *linkPort) bool { return q == p })
	p.w.links[p.medium] = peers
	if p.medium.Kind == host.Cable {
		for _, q := range peers {
			q.put(nil)
		}
	}
	return nil
}
