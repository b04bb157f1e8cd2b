package live

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/network"
	"nacsim/sim/trace"
)

// links are the cables and radio channels of a world and the ports on them.
type links struct {
	mu      sync.RWMutex
	ports   map[host.Medium][]*port
	sources map[netip.AddrPort]struct{} // real addresses of all ports there have been
}

func (l *links) init() {
	l.ports = map[host.Medium][]*port{}
	l.sources = map[netip.AddrPort]struct{}{}
}

// port is one attachment. Frames travel as datagrams between the sockets of ports; a port sends itself an
// empty datagram for the loss of carrier, so that it comes after the frames that were sent before.
type port struct {
	n      *node
	medium host.Medium
	mac    [6]byte
	wire   *wire
	real   netip.AddrPort
	inbox  chan []byte // nil stands for the loss of carrier

	once     sync.Once
	closed   chan struct{}
	overflow atomic.Uint64
	latest   atomic.Int64 // when the last delayed frame to it arrives, in nanoseconds since 1970
}

func (n *node) Attach(m host.Medium, mac net.HardwareAddr) (host.Port, error) {
	if n.down.Load() {
		return nil, host.ErrDown
	}
	if len(mac) != 6 || mac[0]&1 != 0 {
		return nil, fmt.Errorf("attach %s: %q is not the MAC address of a station", m.Name, mac)
	}
	p := &port{n: n, medium: m, mac: [6]byte(mac), inbox: make(chan []byte, inboxMax), closed: make(chan struct{})}
	wire, real, err := n.m.w.openWire(netip.AddrPortFrom(loopback, 0))
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", m.Name, err)
	}
	p.wire, p.real = wire, canonical(real)
	if err := n.m.w.links.add(p); err != nil {
		wire.conn.Close()
		return nil, err
	}
	wire.pump(p.take)
	if err := n.own(p); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (l *links) add(p *port) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	on := l.ports[p.medium]
	for _, q := range on {
		if q.mac == p.mac {
			return fmt.Errorf("attach: %s is on %s already, at %s", net.HardwareAddr(p.mac[:]), p.medium.Name, q.n.m.name)
		}
	}
	// A new slice, because receivers works on the old one without the lock.
	l.ports[p.medium] = append(slices.Clone(on), p)
	l.sources[p.real] = struct{}{}
	return nil
}

// remove takes a port off its medium and returns the one whose carrier is gone with it, or nil.
func (l *links) remove(p *port) *port {
	l.mu.Lock()
	defer l.mu.Unlock()
	on := slices.DeleteFunc(slices.Clone(l.ports[p.medium]), func(q *port) bool { return q == p })
	if len(on) == 0 {
		delete(l.ports, p.medium)
		return nil
	}
	l.ports[p.medium] = on
	if p.medium.Kind == host.Cable && len(on) == 1 {
		return on[0]
	}
	return nil
}

func (l *links) on(m host.Medium) []*port {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.ports[m]
}

func (l *links) knows(source netip.AddrPort) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, ok := l.sources[source]
	return ok
}

// take puts a frame that has arrived where ReadFrame finds it.
func (p *port) take(b []byte, from netip.AddrPort) {
	var frame []byte
	switch {
	case from == p.real: // the loss of carrier
	case len(b) == 0 || !p.n.m.w.links.knows(from):
		return
	default:
		frame = slices.Clone(b)
	}
	select {
	case p.inbox <- frame:
	default:
		if count := p.overflow.Add(1); count&(count-1) == 0 {
			p.n.Trace("drop", slog.String("from", p.medium.Name), slog.String("reason", "receive buffer is full"), slog.Uint64("count", count))
		}
	}
}

func (p *port) ReadFrame(deadline time.Time) ([]byte, error) {
	f, err := receive(p.n, p.inbox, p.closed, deadline)
	if err == nil && f == nil {
		return nil, host.ErrNoCarrier
	}
	return f, err
}

func (p *port) WriteFrame(b []byte) error {
	if p.isDown() {
		return host.ErrDown
	}
	to, ok := destination(p.medium.Kind, b)
	if !ok || len(b) > datagramMax {
		return fmt.Errorf("write on %s: frame of %d octets is too short for addresses or too long to send", p.medium.Name, len(b))
	}
	w := p.n.m.w
	heard := false
	for _, q := range w.links.on(p.medium) {
		if q == p || to[0]&1 == 0 && !bytes.Equal(q.mac[:], to) {
			continue
		}
		deliveries := w.plan(p.packet(q, b), !heard)
		heard = true
		if err := p.wire.send(b, q.real, deliveries); err != nil {
			if p.isDown() {
				return host.ErrDown
			}
			return err
		}
		q.expects(deliveries)
	}
	if !heard {
		w.plan(p.packet(nil, b), true)
	}
	return nil
}

// carrierLost tells the port that it is alone on its cable now, when the frames under way to it have arrived.
func (p *port) carrierLost() {
	wait := time.Until(time.Unix(0, p.latest.Load()))
	_ = p.wire.send(nil, p.real, []network.Delivery{{Delay: wait}})
}

// expects notes when the last of the deliveries, which have been sent, arrives.
func (p *port) expects(deliveries []network.Delivery) {
	for _, d := range deliveries {
		if d.Delay <= 0 {
			continue
		}
		at := time.Now().Add(d.Delay).UnixNano()
		for {
			latest := p.latest.Load()
			if at <= latest || p.latest.CompareAndSwap(latest, at) {
				break
			}
		}
	}
}

// packet describes a frame to one of its receivers, or to nobody.
func (p *port) packet(to *port, b []byte) trace.Packet {
	kind := "cable:"
	if p.medium.Kind == host.Radio {
		kind = "radio:"
	}
	t := trace.Packet{Link: kind + p.medium.Name, Medium: p.medium, Data: b, FromHost: p.n.m.name}
	if to != nil {
		t.ToHost = to.n.m.name
	}
	return t
}

// destination is the receiver's address of a frame: the first field of an Ethernet header, the second
// (address 1) of an 802.11 header.
func destination(kind host.MediumKind, b []byte) ([]byte, bool) {
	at := 0
	if kind == host.Radio {
		at = 4
	}
	if len(b) < at+10 {
		return nil, false
	}
	return b[at : at+6], true
}

func (p *port) isDown() bool {
	if p.n.down.Load() {
		return true
	}
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

func (p *port) Close() error {
	p.once.Do(func() {
		close(p.closed)
		if last := p.n.m.w.links.remove(p); last != nil {
			last.carrierLost()
		}
		p.n.disown(p)
		p.wire.close()
	})
	return nil
}

func (p *port) abort() { p.Close() }
