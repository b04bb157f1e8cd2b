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
	id    host.Medium
	ports []*port
}

// port is one attachment.
type port struct {
	n         *node
	medium    *medium
	mac       net.HardwareAddr
	inbox     [][]byte
	noCarrier bool
	waiting   waiters
	closed    bool
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
		m = &medium{id: id}
		n.m.w.media[id] = m
	}
	for _, p := range m.ports {
		if bytes.Equal(p.mac, mac) {
			return nil, fmt.Errorf("attach: %s is on %s already, at %s", mac, id.Name, p.n.m.name)
		}
	}
	p := &port{n: n, medium: m, mac: slices.Clone(mac)}
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
			f := p.inbox[0]
			p.inbox[0] = nil
			p.inbox = p.inbox[1:]
			return f, nil
		case p.noCarrier:
			p.noCarrier = false
			return nil, host.ErrNoCarrier
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
	frame := slices.Clone(b)
	w := p.n.m.w
	heard := false
	for _, q := range slices.Clone(p.medium.ports) {
		if q == p || to[0]&1 == 0 && !bytes.Equal(q.mac, to) {
			continue
		}
		// A broadcast is one transmission, whoever hears it: it is written down once.
		deliveries := w.planFrame(p, q, frame, !heard)
		heard = true
		for _, d := range deliveries {
			q.latest = max(q.latest, w.now+d.Delay)
			w.after(d.Delay, func() { q.deliver(slices.Clone(frame)) })
		}
	}
	if !heard {
		w.planFrame(p, nil, frame, true)
	}
	return nil
}

// planFrame decides what happens to a frame on its way to one port.
func (w *World) planFrame(from, to *port, frame []byte, record bool) []network.Delivery {
	kind := "cable:"
	if from.medium.id.Kind == host.Radio {
		kind = "radio:"
	}
	p := trace.Packet{Link: kind + from.medium.id.Name, Medium: from.medium.id, Data: frame, FromHost: from.n.m.name}
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
func destination(kind host.MediumKind, b []byte) (net.HardwareAddr, bool) {
	at := 0
	if kind == host.Radio {
		at = 4
	}
	if len(b) < at+10 {
		return nil, false
	}
	return net.HardwareAddr(b[at : at+6]), true
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
	if i := slices.Index(m.ports, p); i >= 0 {
		m.ports = slices.Delete(m.ports, i, i+1)
	}
	if i := slices.Index(p.n.ports, p); i >= 0 {
		p.n.ports = slices.Delete(p.n.ports, i, i+1)
	}
	if m.id.Kind == host.Cable && len(m.ports) == 1 {
		other, w := m.ports[0], p.n.m.w
		w.after(other.latest-w.now, func() {
			other.noCarrier = len(m.ports) < 2
			other.waiting.wakeOne()
		})
	}
	p.waiting.wakeAll()
	return nil
}
