package virtual

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/network"
	"nacsim/sim/trace"
)

// medium is a cable or a radio channel with the ports attached to it, in order of attachment.
type medium struct {
	id        host.Medium
	link      string // its name in the trace
	ports     []*port
	byAddress map[address]*port
}

// address is the MAC address of a port, of which a medium has no two.
type address [6]byte

// group reports whether the address is that of a group.
func (a address) group() bool { return a[0]&1 != 0 }

func newMedium(id host.Medium) *medium {
	kind := "cable:"
	if id.Kind == host.Radio {
		kind = "radio:"
	}
	return &medium{id: id, link: kind + id.Name, byAddress: map[address]*port{}}
}

// port is one attachment.
type port struct {
	n       *node
	medium  *medium
	mac     address
	inbox   [][]byte // nil stands for the loss of carrier
	waiting waiters
	closed  bool
	// latest is when the last frame sent to this port arrives: carrier loss does not overtake it.
	latest time.Duration
}

func (n *node) Attach(id host.Medium, mac net.HardwareAddr) (host.Port, error) {
	if n.down {
		return nil, host.ErrDown
	}
	if len(mac) != 6 || mac[0]&1 != 0 {
		return nil, fmt.Errorf("attach %s: %q is not the MAC address of a station", id.Name, mac)
	}
	m := n.m.w.media[id]
	if m == nil {
		m = newMedium(id)
		n.m.w.media[id] = m
	}
	p := &port{n: n, medium: m, mac: address(mac)}
	if other := m.byAddress[p.mac]; other != nil {
		return nil, fmt.Errorf("attach: %s is on %s already, at %s", mac, id.Name, other.n.m.name)
	}
	m.byAddress[p.mac] = p
	m.ports = append(m.ports, p)
	n.ports = append(n.ports, p)
	return p, nil
}

func (p *port) String() string { return p.medium.id.Name }

func (p *port) ReadFrame(deadline time.Time) ([]byte, error) {
	for {
		switch {
		case p.n.down || p.closed:
			return nil, host.ErrDown
		case len(p.inbox) > 0:
			f := takeFirst(&p.inbox)
			if f == nil {
				return nil, host.ErrNoCarrier
			}
			return f, nil
		}
		if err := p.waiting.wait(p.n, "reading frames of", p, deadline); err != nil {
			return nil, err
		}
	}
}

func (p *port) WriteFrame(b []byte) error {
	if p.n.down || p.closed {
		return host.ErrDown
	}
	to, ok := destination(p.medium.id.Kind, b)
	if !ok {
		return fmt.Errorf("write on %s: frame of %d octets has no destination address", p.medium.id.Name, len(b))
	}
	// A broadcast is one transmission, whoever hears it: it is written down once.
	recorded := false
	if !to.group() {
		if q := p.medium.byAddress[to]; q != nil && q != p {
			p.send(q, b, true)
			recorded = true
		}
	} else {
		for _, q := range p.medium.ports {
			if q != p {
				p.send(q, b, !recorded)
				recorded = true
			}
		}
	}
	if !recorded {
		p.n.m.w.planFrame(p, nil, b, true)
	}
	return nil
}

// send puts a frame on its way to one port.
func (p *port) send(to *port, frame []byte, record bool) {
	w := p.n.m.w
	for _, d := range w.planFrame(p, to, frame, record) {
		to.latest = max(to.latest, w.now+d.Delay)
		data := bytes.Clone(frame) // each receiver may write to its own
		w.after(d.Delay, func() { to.deliver(data) })
	}
}

// planFrame decides what happens to a frame on its way to one port.
func (w *World) planFrame(from, to *port, frame []byte, record bool) []network.Delivery {
	p := trace.Packet{Link: from.medium.link, Medium: from.medium.id, Data: frame, FromHost: from.n.m.name}
	if to != nil {
		p.ToHost = to.n.m.name
	}
	if record {
		return w.plan(p)
	}
	p.Time = w.Now()
	if w.cfg.Network == nil {
		return oneNow
	}
	return w.cfg.Network.Plan(p)
}

// destination is the receiver's address of a frame: the first field of an Ethernet header, the second
// (address 1) of an 802.11 header.
func destination(kind host.MediumKind, b []byte) (address, bool) {
	at := 0
	if kind == host.Radio {
		at = 4
	}
	if len(b) < at+10 {
		return address{}, false
	}
	return address(b[at : at+6]), true
}

func (p *port) deliver(frame []byte) {
	if p.closed || p.n.down || len(p.inbox) >= inboxMax {
		return
	}
	p.inbox = append(p.inbox, frame)
	p.waiting.wakeOne()
}

func (p *port) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	m := p.medium
	delete(m.byAddress, p.mac)
	if i := slices.Index(m.ports, p); i >= 0 {
		m.ports = slices.Delete(m.ports, i, i+1)
	}
	if i := slices.Index(p.n.ports, p); i >= 0 {
		p.n.ports = slices.Delete(p.n.ports, i, i+1)
	}
	if m.id.Kind == host.Cable && len(m.ports) == 1 {
		other, w := m.ports[0], p.n.m.w
		w.after(other.latest-w.now, func() {
			// Also when somebody else is plugged in by now: the two must not be taken for one.
			other.inbox = append(other.inbox, nil)
			other.waiting.wakeOne()
		})
	}
	p.waiting.wakeAll()
	return nil
}
