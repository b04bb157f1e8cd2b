package testhost

import (
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
)

// A listener is a TCP listener.
type listener struct {
	m       *Machine
	at      netip.AddrPort
	backlog []*conn
	ready   *signal
	closed  bool
}

// Listen opens a TCP listener at the machine's address. What is sent arrives at once.
func (m *Machine) Listen(at netip.AddrPort) (net.Listener, error) {
	if m.down {
		return nil, host.ErrDown
	}
	if a := at.Addr(); !m.addr.IsValid() || a.IsValid() && !a.IsUnspecified() && a != m.addr {
		return nil, fmt.Errorf("testhost: %s is not the address of %s", at, m.name)
	}
	at = netip.AddrPortFrom(m.addr, at.Port())
	if at.Port() == 0 {
		at = m.ephemeral()
	}
	if m.listeners[at] != nil {
		return nil, fmt.Errorf("testhost: listen %s: %w", at, syscall.EADDRINUSE)
	}
	l := &listener{m: m, at: at, ready: &signal{m: m}}
	m.listeners[at] = l
	return l, nil
}

// ephemeral is a port that nobody has had.
func (m *Machine) ephemeral() netip.AddrPort {
	m.lastPort++
	return netip.AddrPortFrom(m.addr, m.lastPort)
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

func (l *listener) Accept() (net.Conn, error) {
	for {
		switch {
		case l.closed || l.m.down:
			return nil, host.ErrDown
		case len(l.backlog) > 0:
			c := l.backlog[0]
			l.backlog = l.backlog[1:]
			return c, nil
		}
		if err := l.ready.Wait(time.Time{}); err != nil {
			return nil, err
		}
	}
}

func (l *listener) Close() error {
	if l.closed {
		return nil
	}
	l.closed = true
	if l.m.listeners[l.at] == l {
		delete(l.m.listeners, l.at)
	}
	l.ready.Set()
	return nil
}

// Dial connects to the listener at an address, a machine's name or one of World.Name. It is refused or accepted at
// once.
func (m *Machine) Dial(to string, _ time.Duration) (net.Conn, error) {
	if m.down {
		return nil, host.ErrDown
	}
	at, err := m.resolve(to)
	if err != nil {
		return nil, fmt.Errorf("testhost: dial %s: %w", to, err)
	}
	l := m.listeners[at]
	if l == nil {
		return nil, fmt.Errorf("testhost: dial %s: %w", to, syscall.ECONNREFUSED)
	}
	near := &conn{m: m, local: m.ephemeral(), remote: at, ready: &signal{m: m}}
	far := &conn{m: l.m, local: at, remote: near.local, peer: near, ready: &signal{m: l.m}}
	near.peer = far
	m.conns, l.m.conns = append(m.conns, near), append(l.m.conns, far)
	l.backlog = append(l.backlog, far)
	l.ready.Set()
	return near, nil
}

func (w *World) resolve(to string) (netip.AddrPort, error) {
	name, service, err := net.SplitHostPort(to)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if a, err := netip.ParseAddr(name); err == nil {
		return netip.AddrPortFrom(a, uint16(port)), nil
	}
	if a, ok := w.names[strings.ToLower(name)]; ok {
		return netip.AddrPortFrom(a, uint16(port)), nil
	}
	for _, m := range w.machines {
		if strings.EqualFold(m.name, name) {
			return netip.AddrPortFrom(m.addr, uint16(port)), nil
		}
	}
	return netip.AddrPort{}, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// Name lets machines reach addr under a DNS name.
func (w *World) Name(dns string, addr netip.Addr) { w.names[strings.ToLower(dns)] = addr }

// A conn is one end of a TCP connection.
type conn struct {
	m             *Machine
	peer          *conn
	local, remote netip.AddrPort
	inbox         []byte
	ready         *signal
	eof, reset    bool // from the peer
	shut, closed  bool
	deadlines     [2]time.Time // of Read and Write
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) Read(b []byte) (int, error) {
	for {
		switch deadline := c.deadlines[0]; {
		case c.closed || c.m.down:
			return 0, host.ErrDown
		case len(c.inbox) > 0:
			n := copy(b, c.inbox)
			c.inbox = c.inbox[n:]
			return n, nil
		case c.reset:
			return 0, syscall.ECONNRESET
		case c.eof:
			return 0, io.EOF
		case !deadline.IsZero() && !c.m.now.Before(deadline):
			return 0, host.ErrTimeout
		}
		if err := c.ready.Wait(c.deadlines[0]); err != nil && err != host.ErrTimeout {
			return 0, err
		}
	}
}

func (c *conn) Write(b []byte) (int, error) {
	switch deadline := c.deadlines[1]; {
	case c.closed || c.m.down:
		return 0, host.ErrDown
	case c.shut:
		return 0, syscall.EPIPE
	case c.reset || c.peer.closed:
		return 0, syscall.ECONNRESET
	case !deadline.IsZero() && !c.m.now.Before(deadline):
		return 0, host.ErrTimeout
	}
	c.peer.inbox = append(c.peer.inbox, b...)
	c.peer.ready.Set()
	return len(b), nil
}

// CloseWrite tells the peer that nothing more will come.
func (c *conn) CloseWrite() error {
	if c.closed || c.m.down {
		return host.ErrDown
	}
	c.shut, c.peer.eof = true, true
	c.peer.ready.Set()
	return nil
}

func (c *conn) Close() error {
	if !c.closed && !c.m.down {
		_ = c.CloseWrite()
		c.closed = true
		c.ready.Set()
		c.m.conns = slices.DeleteFunc(c.m.conns, func(other *conn) bool { return other == c })
	}
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	c.deadlines[1] = t
	return c.SetReadDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.deadlines[0] = t
	c.ready.Set()
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.deadlines[1] = t
	return nil
}

// disconnect is what the network sees of a crash.
func (m *Machine) disconnect() {
	for _, c := range m.conns {
		c.peer.reset = true
		c.peer.ready.Set()
	}
	m.conns = nil
	for at, l := range m.listeners { // order-free: entries are removed
		if l.m == m {
			delete(m.listeners, at)
		}
	}
}
