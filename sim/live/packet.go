package live

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/trace"
)

// packetConn is a UDP socket of a machine. Its readers read the real socket themselves, one at a time: a task in
// between would cost a server more than its own work on a small request.
type packetConn struct {
	n    *node
	at   netip.AddrPort // logical
	wire *wire

	once   sync.Once
	closed chan struct{}

	reading chan struct{} // holds one token, which the reader has
	// armed is the read deadline of the real socket; who has the token owns it.
	armed time.Time

	foreign atomic.Uint64 // datagrams dropped
}

func (n *node) ListenPacket(at netip.AddrPort) (host.PacketConn, error) {
	if n.down.Load() {
		return nil, host.ErrDown
	}
	w := n.m.w
	c := &packetConn{n: n, closed: make(chan struct{}), reading: make(chan struct{}, 1)}
	c.reading <- struct{}{}
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
	if err := n.own(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *packetConn) LocalAddr() netip.AddrPort { return c.at }

func (c *packetConn) ReadFrom(b []byte, deadline time.Time) (int, netip.AddrPort, error) {
	if err := c.acquire(deadline); err != nil {
		return 0, netip.AddrPort{}, err
	}
	defer func() { c.reading <- struct{}{} }()
	for {
		size, real, err := c.read(b, deadline)
		if err != nil {
			return 0, netip.AddrPort{}, err
		}
		if from, ok := c.admit(b[:size], real); ok {
			return size, from, nil
		}
	}
}

// acquire waits for the right to read.
func (c *packetConn) acquire(deadline time.Time) error {
	if c.isDown() {
		return host.ErrDown
	}
	select {
	case <-c.reading:
		return nil
	default:
	}
	_, err := receive(c.n, c.reading, c.closed, deadline)
	return err
}

// read reads one datagram from the real socket. What is there already is read even when the deadline has passed.
func (c *packetConn) read(b []byte, deadline time.Time) (int, netip.AddrPort, error) {
	deadline = c.n.m.w.clock.real(deadline)
	for {
		c.arm(deadline)
		if c.isDown() { // after arm, which may have undone what wakes readers up
			return 0, netip.AddrPort{}, host.ErrDown
		}
		size, from, err := c.wire.read(b)
		switch {
		case err == nil:
			return size, from, nil
		case c.isDown() || errors.Is(err, net.ErrClosed):
			return 0, netip.AddrPort{}, host.ErrDown
		case errors.Is(err, os.ErrDeadlineExceeded):
			if !deadline.IsZero() && !time.Now().Before(deadline) {
				return 0, netip.AddrPort{}, host.ErrTimeout
			}
		default:
			// An ICMP error that the kernel reports here concerns a datagram sent earlier.
			time.Sleep(time.Millisecond)
		}
	}
}

// grace is for how long a deadline that has passed already is put off, as the socket would not even look for a
// datagram otherwise.
const grace = 50 * time.Microsecond

// arm sets the deadline of the real socket, unless it has an earlier one that has not passed: setting it costs as much
// as a small read, and most deadlines are those of answers that come long before.
func (c *packetConn) arm(deadline time.Time) {
	if c.armed.IsZero() && deadline.IsZero() {
		return
	}
	now := time.Now()
	if !c.armed.IsZero() && c.armed.After(now) && (deadline.IsZero() || !c.armed.After(deadline)) {
		return
	}
	c.armed = deadline
	if !deadline.IsZero() && deadline.Before(now.Add(grace)) {
		c.armed = now.Add(grace)
	}
	_ = c.wire.conn.SetReadDeadline(c.armed) // it fails on a closed socket only, and so does the read
}

// admit says where a datagram comes from in the world, and records one from outside: what machines of the world send
// is recorded when it is sent.
func (c *packetConn) admit(b []byte, real netip.AddrPort) (from netip.AddrPort, ok bool) {
	w := c.n.m.w
	from, known := w.udp.toLogical(real)
	if !known {
		if !w.cfg.AllowExternal {
			c.dropped(&c.foreign, real, "sender is not in the world")
			return from, false
		}
		from = real
	}
	if w.recordsPackets() && w.machineAt(from.Addr()) == nil {
		w.cfg.Recorder.Packet(trace.Packet{
			Time: w.Now(), Link: wireLink(c.n.m.name, from.Addr().String()),
			From: from, To: c.at, Data: b, ToHost: c.n.m.name,
		})
	}
	return from, true
}

// dropped traces a drop, the more rarely the more there are, so that a flood does not flood the trace too.
func (c *packetConn) dropped(counter *atomic.Uint64, from netip.AddrPort, reason string) {
	if count := counter.Add(1); count&(count-1) == 0 {
		c.n.Trace("drop", slog.String("from", from.String()), slog.String("reason", reason), slog.Uint64("count", count))
	}
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
	if w.cfg.Network != nil || w.recordsPackets() {
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
