package virtual

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/trace"
)

// inboxMax bounds the datagrams and octets that wait to be read on one socket, as a kernel's receive buffer does.
const inboxMax = 4096

// datagram is one that has arrived.
type datagram struct {
	from netip.AddrPort
	data []byte
}

// packetConn is a UDP socket.
type packetConn struct {
	n       *node
	at      netip.AddrPort
	inbox   []datagram
	waiting waiters
	closed  bool
}

func (n *node) ListenPacket(at netip.AddrPort) (host.PacketConn, error) {
	if n.down {
		return nil, host.ErrDown
	}
	port, err := n.bind(at, func(p uint16) bool { return n.packets[p] != nil })
	if err != nil {
		return nil, err
	}
	c := &packetConn{n: n, at: netip.AddrPortFrom(n.m.addr, port)}
	n.packets[port] = c
	return c, nil
}

// bind checks the address of a new socket and picks its port.
func (n *node) bind(at netip.AddrPort, taken func(uint16) bool) (uint16, error) {
	if !n.m.addr.IsValid() {
		return 0, fmt.Errorf("listen %s: %s has no IP address", at, n.m.name)
	}
	if a := at.Addr(); a.IsValid() && !a.IsUnspecified() && a != n.m.addr {
		return 0, fmt.Errorf("listen %s: not an address of %s, which has %s", at, n.m.name, n.m.addr)
	}
	if at.Port() != 0 {
		if taken(at.Port()) {
			return 0, fmt.Errorf("listen %s:%d: address already in use", n.m.addr, at.Port())
		}
		return at.Port(), nil
	}
	for range 65536 - 49152 {
		if n.ephemeral == 65535 {
			n.ephemeral = 49151
		}
		n.ephemeral++
		if !taken(n.ephemeral) {
			return n.ephemeral, nil
		}
	}
	return 0, fmt.Errorf("listen %s: no free port", n.m.addr)
}

func (c *packetConn) String() string            { return c.at.String() }
func (c *packetConn) LocalAddr() netip.AddrPort { return c.at }

func (c *packetConn) ReadFrom(b []byte, deadline time.Time) (int, netip.AddrPort, error) {
	for {
		if c.n.down || c.closed {
			return 0, netip.AddrPort{}, host.ErrDown
		}
		if len(c.inbox) > 0 {
			d := takeFirst(&c.inbox)
			return copy(b, d.data), d.from, nil
		}
		if err := c.waiting.wait(c.n, "reading", c, deadline); err != nil {
			return 0, netip.AddrPort{}, err
		}
	}
}

func (c *packetConn) WriteTo(b []byte, to netip.AddrPort) error {
	if c.n.down || c.closed {
		return host.ErrDown
	}
	if len(b) > 65507 {
		return fmt.Errorf("write %s: datagram of %d octets is too long", to, len(b))
	}
	w := c.n.m.w
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	p := trace.Packet{Link: "wire", From: c.at, To: to, Data: slices.Clone(b), FromHost: c.n.m.name}
	target := w.byAddr[to.Addr()]
	if target != nil {
		p.ToHost = target.name
		p.Link = c.n.m.wireTo(target)
	}
	for _, d := range w.plan(p) {
		w.after(d.Delay, func() {
			if target != nil && target.node != nil {
				if s := target.node.packets[to.Port()]; s != nil {
					s.deliver(datagram{from: c.at, data: p.Data})
				}
			}
		})
	}
	return nil
}

// wireTo is the name of the path to another machine.
func (m *machine) wireTo(to *machine) string {
	link, ok := m.wires[to]
	if !ok {
		link = wireLink(m.name, to.name)
		m.wires[to] = link
	}
	return link
}

// wireLink names the path between two machines, the same in both directions.
func wireLink(a, b string) string {
	if b < a {
		a, b = b, a
	}
	return "wire:" + a + "/" + b
}

// takeFirst removes the first element of a queue that is not empty. The room of one that has been emptied is
// used again.
func takeFirst[E any](queue *[]E) E {
	q := *queue
	var none E
	first := q[0]
	q[0] = none
	if len(q) == 1 {
		*queue = q[:0]
	} else {
		*queue = q[1:]
	}
	return first
}

func (c *packetConn) deliver(d datagram) {
	if len(c.inbox) >= inboxMax {
		return // the kernel's buffer is full
	}
	c.inbox = append(c.inbox, d)
	c.waiting.wakeOne()
}

func (c *packetConn) Close() error {
	if c.closed || c.n.down {
		return nil
	}
	c.closed = true
	delete(c.n.packets, c.at.Port())
	c.waiting.wakeAll()
	return nil
}
