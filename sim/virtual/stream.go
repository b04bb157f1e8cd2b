package virtual

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/trace"
)

// windowMax bounds the octets of one direction that are under way or wait to be read.
const windowMax = 256 << 10

// backlogMax bounds the connections that wait to be accepted.
const backlogMax = 128

// listener is a TCP listener.
type listener struct {
	n       *node
	at      netip.AddrPort
	backlog []*conn
	waiting waiters
	closed  bool
}

func (n *node) Listen(at netip.AddrPort) (net.Listener, error) {
	if n.down {
		return nil, host.ErrDown
	}
	port, err := n.bind(at, n.tcpTaken)
	if err != nil {
		return nil, err
	}
	l := &listener{n: n, at: netip.AddrPortFrom(n.m.addr, port)}
	n.listeners[port] = l
	return l, nil
}

func (n *node) tcpTaken(p uint16) bool { return n.listeners[p] != nil || n.servers[p] != nil }

func (l *listener) String() string { return l.at.String() }
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

func (l *listener) Accept() (net.Conn, error) {
	for {
		if l.n.down || l.closed {
			return nil, host.ErrDown
		}
		if len(l.backlog) > 0 {
			c := l.backlog[0]
			l.backlog = l.backlog[1:]
			return c, nil
		}
		if err := l.waiting.wait(l.n, "accepting on", l, time.Time{}); err != nil {
			return nil, err
		}
	}
}

func (l *listener) Close() error {
	if l.closed || l.n.down {
		return nil
	}
	l.closed = true
	delete(l.n.listeners, l.at.Port())
	for _, c := range l.backlog {
		c.abort()
	}
	l.waiting.wakeAll()
	return nil
}

// conn is one end of a TCP connection.
type conn struct {
	n             *node
	peer          *conn
	local, remote netip.AddrPort

	inbox    []byte
	underWay int // octets sent to this end that have not arrived or not been read

	// Segments are numbered by their sender; one that overtakes another waits for it.
	segments uint64 // sent
	arrived  uint64 // taken in
	early    map[uint64]func(*conn)

	eof, reset bool
	closed     bool
	shut       bool // by CloseWrite

	readDeadline, writeDeadline time.Time
	readers, writers            waiters
}

// resolve finds the address of "host:port".
func (w *World) resolve(to string) (netip.AddrPort, error) {
	name, service, err := net.SplitHostPort(to)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("port %q is not a number from 0 to 65535", service)
	}
	addr, err := netip.ParseAddr(name)
	if err != nil {
		var known bool
		if addr, known = w.dns[strings.ToLower(name)]; !known || !addr.IsValid() {
			return netip.AddrPort{}, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
		}
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
}

func (n *node) Dial(to string, timeout time.Duration) (net.Conn, error) {
	if n.down {
		return nil, host.ErrDown
	}
	w := n.m.w
	at, err := w.resolve(to)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", to, err)
	}
	if !n.m.addr.IsValid() {
		return nil, fmt.Errorf("dial %s: %s has no IP address", to, n.m.name)
	}
	n.ephemeral++
	if n.ephemeral < 49152 {
		n.ephemeral = 49152
	}
	local := netip.AddrPortFrom(n.m.addr, n.ephemeral)
	c := &conn{n: n, local: local, remote: at, early: map[uint64]func(*conn){}}
	var result error
	done := false
	var waiting waiters
	finish := func(err error) {
		result, done = err, true
		waiting.wakeAll()
	}
	target := w.byAddr[at.Addr()]
	w.travel(n.m.name, nameOf(target), func() {
		err := c.connect(target, at)
		if err == errSilent {
			return
		}
		w.travel(nameOf(target), n.m.name, func() { finish(err) })
	})
	if timeout <= 0 {
		timeout = dialMax
	}
	deadline := n.Now().Add(timeout)
	for !done {
		if err := waiting.wait(n, "dialing "+to, nil, deadline); err != nil {
			if c.peer != nil {
				c.abort()
			}
			c.closed = true // a SYN that is still under way finds nobody to answer to
			return nil, fmt.Errorf("dial %s: %w", to, err)
		}
	}
	if result != nil {
		return nil, fmt.Errorf("dial %s: %w", to, result)
	}
	n.conns = append(n.conns, c)
	return c, nil
}

// dialMax is how long a Dial without a timeout tries, as Linux does with six retransmissions.
const dialMax = 127 * time.Second

// errSilent stands for a peer that is down: the SYN stays unanswered.
var errSilent = errors.New("no answer")

// connect is the arrival of a SYN.
func (c *conn) connect(target *machine, at netip.AddrPort) error {
	if target == nil || target.node == nil || c.closed {
		return errSilent
	}
	l := target.node.listeners[at.Port()]
	if l == nil || len(l.backlog) >= backlogMax {
		return syscall.ECONNREFUSED
	}
	s := &conn{n: target.node, local: at, remote: c.local, peer: c, early: map[uint64]func(*conn){}}
	c.peer = s
	target.node.conns = append(target.node.conns, s)
	l.backlog = append(l.backlog, s)
	l.waiting.wakeOne()
	return nil
}

func nameOf(m *machine) string {
	if m == nil {
		return ""
	}
	return m.name
}

// retransmission is what a lost TCP segment costs: the sender's initial retransmission timeout (RFC 6298 2.1
// says one second; deployed stacks use 200 ms).
const retransmission = 200 * time.Millisecond

// retransmissionMax is the longest interval between retransmissions; a segment that has waited that long and is
// lost once more is given up (RFC 9293 3.8.3 speaks of R2, at least 100 seconds in all).
const retransmissionMax = 60 * time.Second

// travel runs f when a segment of a reliable stream has arrived: losses delay it, a link that is down holds
// it back until the sender tries again. Segments are not written to the trace.
func (w *World) travel(from, to string, f func()) { w.travelOr(from, to, f, func() {}) }

// travelOr is travel for a sender that wants to know of a segment that never arrives.
func (w *World) travelOr(from, to string, f, lost func()) {
	w.travelTry(from, to, retransmission, f, lost)
}

func (w *World) travelTry(from, to string, again time.Duration, f, lost func()) {
	if w.cfg.Network == nil {
		w.after(0, f)
		return
	}
	d := w.cfg.Network.Plan(trace.Packet{Time: w.Now(), Link: wireLink(from, to), FromHost: from, ToHost: to})
	if len(d) > 0 {
		w.after(d[0].Delay, f)
		return
	}
	if again > retransmissionMax {
		lost()
		return
	}
	w.after(again, func() { w.travelTry(from, to, 2*again, f, lost) })
}

func (c *conn) String() string       { return c.local.String() + "-" + c.remote.String() }
func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) Read(b []byte) (int, error) {
	for {
		switch {
		case c.n.down || c.closed:
			return 0, host.ErrDown
		case len(c.inbox) > 0:
			k := copy(b, c.inbox)
			c.inbox = c.inbox[k:]
			c.underWay -= k
			c.peer.writers.wakeOne()
			return k, nil
		case c.reset:
			return 0, syscall.ECONNRESET
		case c.eof:
			return 0, io.EOF
		case len(b) == 0:
			return 0, nil
		case c.past(c.readDeadline):
			return 0, host.ErrTimeout
		}
		if err := c.readers.wait(c.n, "reading", c, c.readDeadline); err != nil {
			return 0, err
		}
	}
}

func (c *conn) past(deadline time.Time) bool {
	return !deadline.IsZero() && !c.n.Now().Before(deadline)
}

func (c *conn) Write(b []byte) (int, error) {
	sent := 0
	for {
		switch {
		case c.n.down || c.closed:
			return sent, host.ErrDown
		case c.shut:
			return sent, syscall.EPIPE
		case c.reset || c.peer.closed:
			return sent, syscall.ECONNRESET
		case len(b) == 0:
			return sent, nil
		case c.past(c.writeDeadline):
			return sent, host.ErrTimeout
		}
		if k := min(len(b), windowMax-c.peer.underWay); k > 0 {
			c.send(slices.Clone(b[:k]))
			b = b[k:]
			sent += k
			continue
		}
		if err := c.writers.wait(c.n, "writing", c, c.writeDeadline); err != nil {
			return sent, err
		}
	}
}

func (c *conn) send(b []byte) {
	c.peer.underWay += len(b)
	c.inOrder(func(p *conn) { p.inbox = append(p.inbox, b...) })
}

// inOrder applies f to the peer when a segment sent now has arrived there and all earlier ones have.
func (c *conn) inOrder(f func(peer *conn)) {
	p := c.peer
	number := c.segments
	c.segments++
	lost := func() {
		c.reset = true
		c.readers.wakeAll()
		c.writers.wakeAll()
	}
	c.n.m.w.travelOr(c.n.m.name, p.n.m.name, func() {
		p.early[number] = f
		for g := p.early[p.arrived]; g != nil; g = p.early[p.arrived] {
			delete(p.early, p.arrived)
			p.arrived++
			if !p.closed && !p.n.down {
				g(p)
			}
		}
		p.readers.wakeAll()
		p.writers.wakeAll()
	}, lost)
}

// Carried is that of host.Tap. The sender of a packet records it.
func (c *conn) Carried(sent bool, packet []byte) {
	w := c.n.m.w
	if !sent || w.cfg.Recorder == nil || c.n.down || c.closed {
		return
	}
	w.cfg.Recorder.Packet(trace.Packet{
		Time: w.Now(), Link: wireLink(c.n.m.name, c.peer.n.m.name), From: c.local, To: c.remote, TLS: true,
		FromHost: c.n.m.name, ToHost: c.peer.n.m.name, Data: packet,
	})
}

func (c *conn) Close() error {
	if c.closed || c.n.down {
		return nil
	}
	c.CloseWrite()
	c.drop()
	return nil
}

// CloseWrite tells the peer that nothing more will come; reading goes on. crypto/tls looks for it.
func (c *conn) CloseWrite() error {
	if c.n.down || c.closed {
		return host.ErrDown
	}
	if !c.shut {
		c.shut = true
		c.inOrder(func(p *conn) { p.eof = true })
	}
	return nil
}

// abort resets the connection.
func (c *conn) abort() {
	if c.closed {
		return
	}
	if c.peer != nil {
		c.inOrder(func(p *conn) { p.reset = true })
	}
	c.drop()
}

func (c *conn) drop() {
	c.closed = true
	if i := slices.Index(c.n.conns, c); i >= 0 {
		c.n.conns = slices.Delete(c.n.conns, i, i+1)
	}
	c.readers.wakeAll()
	c.writers.wakeAll()
}

func (c *conn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.readDeadline = t
	c.readers.wakeAll()
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writeDeadline = t
	c.writers.wakeAll()
	return nil
}

// closeSockets is what the network sees of a crash: TCP peers are reset, cables lose their carrier, everything
// else just falls silent.
func (n *node) closeSockets() {
	for _, c := range slices.Clone(n.conns) {
		c.abort()
	}
	for _, p := range slices.Clone(n.ports) {
		p.Close()
	}
	n.packets, n.listeners, n.servers = nil, nil, nil
}
