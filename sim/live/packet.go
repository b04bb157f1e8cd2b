package live

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/trace"
)

type datagram struct {
	from netip.AddrPort // logical
	data []byte
}

// packetConn is a UDP socket of a machine.
type packetConn struct {
	n     *node
	at    netip.AddrPort // logical
	wire  *wire
	inbox chan datagram

	once   sync.Once
	closed chan struct{}

	foreign, overflow atomic.Uint64 // datagrams dropped
}

func (n *node) ListenPacket(at netip.AddrPort) (host.PacketConn, error) {
	if n.down.Load() {
		return nil, host.ErrDown
	}
	w := n.m.w
	c := &packetConn{n: n, inbox: make(chan datagram, inboxMax), closed: make(chan struct{})}
	bound, err := n.bind(&w.udp, at, func(real netip.AddrPort) (netip.AddrPort, func() error, error) {
		wire, got, err := w.openWire(real)
		if err != nil {
			return got, nil, err
		}
		c.wire = wire
		return got, wire.conn.Close, nil
	})
	if err != nil {
		return nil, err
	}
	c.at = bound.logical
	go c.wire.pump(c.take)
	if err := n.own(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *packetConn) LocalAddr() netip.AddrPort { return c.at }

// take puts a datagram that has arrived where a reader finds it.
func (c *packetConn) take(b []byte, from netip.AddrPort) {
	w := c.n.m.w
	logical, known := w.udp.toLogical(from)
	if !known {
		if !w.cfg.AllowExternal {
			c.dropped(&c.foreign, from, "sender is not in the world")
			return
		}
		logical = from
	}
	if w.cfg.Recorder != nil && w.machineAt(logical.Addr()) == nil {
		// What machines of the world send is recorded when it is sent.
		w.cfg.Recorder.Packet(trace.Packet{
			Time: w.Now(), Link: wireLink(c.n.m.name, logical.Addr().String()),
			From: logical, To: c.at, Data: b, ToHost: c.n.m.name,
		})
	}
	select {
	case c.inbox <- datagram{logical, slices.Clone(b)}:
	default:
		c.dropped(&c.overflow, logical, "receive buffer is full")
	}
}

// dropped traces a drop, the more rarely the more there are, so that a flood does not flood the trace too.
func (c *packetConn) dropped(counter *atomic.Uint64, from netip.AddrPort, reason string) {
	if count := counter.Add(1); count&(count-1) == 0 {
		c.n.Trace("drop", slog.String("from", from.String()), slog.String("reason", reason), slog.Uint64("count", count))
	}
}

func (c *packetConn) ReadFrom(b []byte, deadline time.Time) (int, netip.AddrPort, error) {
	d, err := receive(c.n, c.inbox, c.closed, deadline)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	return copy(b, d.data), d.from, nil
}

func (c *packetConn) WriteTo(b []byte, to netip.AddrPort) error {
	if c.isDown() {
		return host.ErrDown
	}
	if len(b) > datagramMax {
		return fmt.Errorf("write %s: datagram of %d octets is too long", to, len(b))
	}
	w := c.n.m.w
	to = canonical(to)
	real, known := w.udp.toReal(to)
	deliveries := oneNow
	if w.cfg.Network != nil || w.cfg.Recorder != nil {
		p := trace.Packet{From: c.at, To: to, Data: b, FromHost: c.n.m.name}
		p.Link, p.ToHost = w.wireTo(c.n.m.name, to, known)
		deliveries = w.plan(p, true)
	}
	if !known {
		if real, known = w.outside(to); !known {
			return nil
		}
	}
	if err := c.wire.send(b, real, deliveries); err != nil {
		if c.isDown() {
			return host.ErrDown
		}
		return err
	}
	return nil
}

// outside is the real address for one that is not in the book: itself, where external peers are allowed and no
// machine of the world has it.
func (w *World) outside(to netip.AddrPort) (netip.AddrPort, bool) {
	return to, w.cfg.AllowExternal && to.IsValid() && w.machineAt(to.Addr()) == nil
}

func (c *packetConn) isDown() bool {
	if c.n.down.Load() {
		return true
	}
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

func (c *packetConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.n.m.w.udp.remove(c.at)
		c.n.disown(c)
		c.wire.close()
	})
	return nil
}

func (c *packetConn) abort() { c.Close() }
