package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/trace"
)

// listener is a TCP listener with logical addresses.
type listener struct {
	n    *node
	at   netip.AddrPort
	tcp  *net.TCPListener
	once sync.Once
}

func (n *node) Listen(at netip.AddrPort) (net.Listener, error) {
	l, err := n.listen(at)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (n *node) listen(at netip.AddrPort) (*listener, error) {
	if n.down.Load() {
		return nil, host.ErrDown
	}
	l := &listener{n: n}
	bound, err := n.bind(&n.m.w.tcp, at, func(real netip.AddrPort) (netip.AddrPort, func() error, error) {
		tcp, err := net.ListenTCP(family("tcp", real), net.TCPAddrFromAddrPort(real))
		if err != nil {
			return netip.AddrPort{}, nil, err
		}
		l.tcp = tcp
		return tcp.Addr().(*net.TCPAddr).AddrPort(), tcp.Close, nil
	})
	if err != nil {
		return nil, err
	}
	l.at = bound.logical
	if err := n.own(l); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.accept()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// accept waits for a connection. One from an address that is not in the world is closed unless external peers
// are allowed.
func (l *listener) accept() (*conn, error) {
	w := l.n.m.w
	for {
		tcp, err := l.tcp.AcceptTCP()
		if err != nil {
			if l.n.down.Load() || errors.Is(err, net.ErrClosed) {
				return nil, host.ErrDown
			}
			return nil, err
		}
		from, known := w.dialer(canonical(tcp.RemoteAddr().(*net.TCPAddr).AddrPort()))
		if !known && !w.cfg.AllowExternal {
			tcp.Close()
			continue
		}
		return l.n.newConn(tcp, l.at, from, false)
	}
}

// dialer is the logical address of the peer of an accepted connection.
func (w *World) dialer(real netip.AddrPort) (logical netip.AddrPort, known bool) {
	if logical, known = w.tcp.toLogical(real); known {
		return logical, true
	}
	// A connection can be accepted before the one who dialed has entered it in the book: the lock waits until
	// nobody is in between.
	w.dialing.Lock()
	logical, known = w.tcp.toLogical(real)
	w.dialing.Unlock()
	if !known {
		logical = real
	}
	return logical, known
}

func (l *listener) Close() error {
	l.once.Do(func() {
		l.n.m.w.tcp.remove(l.at)
		l.n.disown(l)
		l.tcp.Close()
	})
	return nil
}

func (l *listener) abort() { l.Close() }

// conn is one end of a TCP connection with logical addresses.
type conn struct {
	n             *node
	tcp           *net.TCPConn
	local, remote netip.AddrPort
	peer          string // the machine's name
	dialed        bool   // the near end is in the book

	closed        atomic.Bool
	gone          chan struct{} // closed with it
	writeDeadline atomic.Pointer[time.Time]
}

func (n *node) newConn(tcp *net.TCPConn, local, remote netip.AddrPort, dialed bool) (*conn, error) {
	c := &conn{n: n, tcp: tcp, local: local, remote: remote, dialed: dialed, peer: n.m.w.nameAt(remote.Addr()), gone: make(chan struct{})}
	if err := n.own(c); err != nil {
		tcp.Close()
		return nil, err
	}
	return c, nil
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) Read(b []byte) (int, error) {
	if c.n.down.Load() {
		return 0, host.ErrDown
	}
	n, err := c.tcp.Read(b)
	return n, c.failure(err)
}

func (c *conn) Write(b []byte) (int, error) {
	if c.n.down.Load() {
		return 0, host.ErrDown
	}
	if err := c.travel(); err != nil {
		return 0, err
	}
	n, err := c.tcp.Write(b)
	return n, c.failure(err)
}

// failure maps what a closed descriptor reports to ErrDown.
func (c *conn) failure(err error) error {
	if err != nil && (c.n.down.Load() || c.closed.Load()) {
		return host.ErrDown
	}
	return err
}

// travel waits as long as the network delays a segment to the peer.
func (c *conn) travel() error {
	if c.n.m.w.cfg.Network == nil {
		return nil
	}
	var deadline time.Time
	if d := c.writeDeadline.Load(); d != nil {
		deadline = *d
	}
	for again := retransmission; ; again *= 2 {
		d, arrives := c.n.segment(c.peer)
		if !arrives {
			d = again
		}
		if d > 0 {
			if err := c.pause(d, deadline); err != nil {
				return err
			}
		}
		if arrives {
			return nil
		}
		if again > retransmissionMax {
			return fmt.Errorf("write %s: %w", c.remote, syscall.ETIMEDOUT)
		}
	}
}

// pause waits for d, at most until the deadline, the end of the connection or that of the machine.
func (c *conn) pause(d time.Duration, deadline time.Time) error {
	end := c.n.Now().Add(d)
	timeout := !deadline.IsZero() && deadline.Before(end)
	if timeout {
		end = deadline
	}
	_, err := receive[struct{}](c.n, nil, c.gone, end)
	if err == host.ErrTimeout && !timeout {
		return nil
	}
	return err
}

// retransmission is what a lost TCP segment costs: the sender's initial retransmission timeout (RFC 6298 2.1
// says one second; deployed stacks use 200 ms). It doubles each time; beyond retransmissionMax the sender
// gives up.
const (
	retransmission    = 200 * time.Millisecond
	retransmissionMax = 60 * time.Second
)

// segment asks the network about a segment of a stream to another machine: how long it takes, or that it is
// lost. Segments are not written to the trace.
func (n *node) segment(to string) (time.Duration, bool) {
	w := n.m.w
	if w.cfg.Network == nil {
		return 0, true
	}
	d := w.plan(trace.Packet{Link: wireLink(n.m.name, to), FromHost: n.m.name, ToHost: to}, false)
	if len(d) == 0 {
		return 0, false
	}
	return d[0].Delay, true
}

func (c *conn) SetDeadline(t time.Time) error {
	c.writeDeadline.Store(&t)
	return c.failure(c.tcp.SetDeadline(c.n.m.w.clock.real(t)))
}

func (c *conn) SetReadDeadline(t time.Time) error {
	return c.failure(c.tcp.SetReadDeadline(c.n.m.w.clock.real(t)))
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writeDeadline.Store(&t)
	return c.failure(c.tcp.SetWriteDeadline(c.n.m.w.clock.real(t)))
}

// Carried is that of host.Tap. The sender of a packet records it, and the receiver what comes from outside of the world.
func (c *conn) Carried(sent bool, packet []byte) {
	w := c.n.m.w
	if w.cfg.Recorder == nil || !sent && c.peer != "" {
		return
	}
	there := c.peer
	if there == "" {
		there = c.remote.Addr().String()
	}
	p := trace.Packet{
		Time: w.Now(), Link: wireLink(c.n.m.name, there), From: c.local, To: c.remote, TLS: true,
		FromHost: c.n.m.name, ToHost: c.peer, Data: packet,
	}
	if !sent {
		p.From, p.To, p.FromHost, p.ToHost = p.To, p.From, p.ToHost, p.FromHost
	}
	w.cfg.Recorder.Packet(p)
}

// CloseWrite ends the direction to the peer only.
func (c *conn) CloseWrite() error { return c.failure(c.tcp.CloseWrite()) }

func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	close(c.gone)
	c.n.disown(c)
	if c.dialed {
		c.n.m.w.tcp.removeSource(c.local, canonical(c.tcp.LocalAddr().(*net.TCPAddr).AddrPort()))
	}
	c.tcp.Close()
	return nil
}

// abort resets the connection, as the peer of a machine without power learns sooner or later.
func (c *conn) abort() {
	_ = c.tcp.SetLinger(0)
	c.Close()
}

func (n *node) Dial(to string, timeout time.Duration) (net.Conn, error) {
	if n.down.Load() {
		return nil, host.ErrDown
	}
	if !n.m.addr.IsValid() {
		return nil, fmt.Errorf("dial %s: %s has no IP address", to, n.m.name)
	}
	ctx, cancel := n.ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(n.ctx, timeout)
	}
	defer cancel()
	c, err := n.dial(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", to, err)
	}
	return c, nil
}

// errSilent stands for a peer that does not answer.
var errSilent = errors.New("no answer")

// dial connects, and tries again while nobody answers, until the context is done.
func (n *node) dial(ctx context.Context, to string) (*conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()
	at, outside, err := n.m.w.resolve(to)
	if err != nil {
		return nil, err
	}
	for again := retransmission; ; again *= 2 {
		var tcp *net.TCPConn
		if outside {
			tcp, err = connect(ctx, to)
		} else {
			tcp, err = n.connect(ctx, at)
		}
		if err == nil {
			if outside {
				at = canonical(tcp.RemoteAddr().(*net.TCPAddr).AddrPort())
			}
			return n.dialed(tcp, at)
		}
		if err != errSilent || again > retransmissionMax {
			return nil, n.cause(ctx, err)
		}
		if _, err := receive[struct{}](n, nil, ctx.Done(), n.Now().Add(again)); err != host.ErrTimeout {
			return nil, n.cause(ctx, err)
		}
	}
}

// dialed is the near end of a connection that was dialed.
func (n *node) dialed(tcp *net.TCPConn, at netip.AddrPort) (*conn, error) {
	logical := n.source(tcp)
	c, err := n.newConn(tcp, logical, at, true)
	if err != nil {
		n.m.w.tcp.removeSource(logical, canonical(tcp.LocalAddr().(*net.TCPAddr).AddrPort()))
	}
	return c, err
}

// cause says why an operation bound by a context has failed: ErrDown and ErrTimeout come before what the
// operation itself reports.
func (n *node) cause(ctx context.Context, err error) error {
	switch {
	case n.down.Load():
		return host.ErrDown
	case ctx.Err() != nil:
		return host.ErrTimeout
	}
	return err
}

// resolve finds the address of "host:port", or that it has to be looked up outside of the world.
func (w *World) resolve(to string) (at netip.AddrPort, outside bool, err error) {
	name, service, err := net.SplitHostPort(to)
	if err != nil {
		return at, false, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return at, false, fmt.Errorf("port %q is not a number from 0 to 65535", service)
	}
	addr, err := netip.ParseAddr(name)
	if err == nil {
		at = canonical(netip.AddrPortFrom(addr, uint16(port)))
		_, known := w.tcp.toReal(at)
		_, outside = w.outside(at)
		return at, outside && !known, nil
	}
	w.mu.Lock()
	addr, known := w.dns[strings.ToLower(name)]
	w.mu.Unlock()
	if known && addr.IsValid() {
		return netip.AddrPortFrom(addr, uint16(port)), false, nil
	}
	if w.cfg.AllowExternal && name != "" {
		return at, true, nil
	}
	return at, false, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// connect dials a logical address once.
func (n *node) connect(ctx context.Context, at netip.AddrPort) (*net.TCPConn, error) {
	w := n.m.w
	delay, arrives := n.segment(w.nameAt(at.Addr()))
	if !arrives {
		return nil, errSilent
	}
	if delay > 0 {
		if _, err := receive[struct{}](n, nil, ctx.Done(), n.Now().Add(delay)); err != host.ErrTimeout {
			return nil, err
		}
	}
	real, known := w.tcp.toReal(at)
	if !known {
		if m := w.machineAt(at.Addr()); m == nil || m.node.Load() == nil {
			return nil, errSilent
		}
		return nil, syscall.ECONNREFUSED
	}
	w.dialing.RLock()
	defer w.dialing.RUnlock()
	tcp, err := connect(ctx, real.String())
	if err == nil {
		n.source(tcp)
	}
	return tcp, err
}

func connect(ctx context.Context, real string) (*net.TCPConn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", real)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// source enters the near end of a connection in the book, so that its peer knows who it is.
func (n *node) source(tcp *net.TCPConn) netip.AddrPort {
	real := canonical(tcp.LocalAddr().(*net.TCPAddr).AddrPort())
	if !n.m.addr.IsValid() {
		n.m.w.tcp.addSource(real, real)
		return real
	}
	logical := netip.AddrPortFrom(n.m.addr, real.Port())
	n.m.w.tcp.addSource(logical, real)
	return logical
}
