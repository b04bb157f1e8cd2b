package live

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// book is the address book of one transport protocol: which real address stands for which logical one.
type book struct {
	proto string

	mu      sync.RWMutex
	real    map[netip.AddrPort]netip.AddrPort // logical → real, of open sockets
	logical map[netip.AddrPort]source         // real → logical, also of sockets closed a short while ago
	closed  []netip.AddrPort                  // real addresses of closed sockets, in the order of their closing
	now     func() time.Time
}

// source is who sends from a real address.
type source struct {
	logical netip.AddrPort
	closed  time.Time // zero while the socket is open
}

// linger is for how long what a closed socket has sent may be under way. After that its real address may be that
// of a program outside of the world.
const linger = 5 * time.Second

func (b *book) init(proto string, remote map[netip.AddrPort]netip.AddrPort) {
	b.proto = proto
	b.real = map[netip.AddrPort]netip.AddrPort{}
	b.logical = map[netip.AddrPort]source{}
	b.now = time.Now
	for logical, real := range remote { // order-free: a map is built
		b.real[logical] = real
		b.logical[real] = source{logical: logical}
	}
}

// add enters an open socket. It reports false when the logical address is taken.
func (b *book) add(logical, real netip.AddrPort) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, taken := b.real[logical]; taken {
		return false
	}
	b.real[logical] = real
	b.logical[real] = source{logical: logical}
	return true
}

// addSource enters the real address of a socket that only sends, such as the client end of a stream.
func (b *book) addSource(logical, real netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.logical[real] = source{logical: logical}
}

// remove takes a closed socket out. What it has sent may still be under way, so its source address stays known for a
// while.
func (b *book) remove(logical netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if real, open := b.real[logical]; open {
		delete(b.real, logical)
		b.close(logical, real)
	}
}

// removeSource takes out a closed socket that addSource has entered.
func (b *book) removeSource(logical, real netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.logical[real]; ok && s.closed.IsZero() && s.logical == logical {
		b.close(logical, real)
	}
}

// close marks an address as that of a closed socket, and forgets those that closed so long ago that nothing of theirs
// is under way. The caller holds the mutex.
func (b *book) close(logical, real netip.AddrPort) {
	now := b.now()
	b.logical[real] = source{logical, now}
	b.closed = append(b.closed, real)
	gone := 0
	for ; gone < len(b.closed); gone++ {
		s, ok := b.logical[b.closed[gone]]
		switch {
		case !ok || s.closed.IsZero(): // the address is another socket's by now
		case now.Sub(s.closed) > linger:
			delete(b.logical, b.closed[gone])
		default:
			b.closed = slices.Delete(b.closed, 0, gone)
			return
		}
	}
	b.closed = b.closed[:0]
}

func (b *book) taken(logical netip.AddrPort) bool {
	_, taken := b.toReal(logical)
	return taken
}

func (b *book) toReal(logical netip.AddrPort) (netip.AddrPort, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	real, ok := b.real[logical]
	return real, ok
}

func (b *book) toLogical(real netip.AddrPort) (netip.AddrPort, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	s, ok := b.logical[real]
	if !ok || !s.closed.IsZero() && b.now().Sub(s.closed) > linger {
		return netip.AddrPort{}, false
	}
	return s.logical, true
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// canonical makes an address comparable: IPv4 addresses that a dual-stack socket shows as IPv6 become IPv4.
func canonical(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// reach is the address at which a socket bound to real is reached from this machine.
func reach(real netip.AddrPort) netip.AddrPort {
	if real = canonical(real); real.Addr().IsUnspecified() {
		return netip.AddrPortFrom(loopback, real.Port())
	}
	return real
}

// binding is the outcome of opening a socket: its logical address and the real one that stands for it.
type binding struct {
	logical netip.AddrPort
	close   func() error
}

// bind opens a socket for the logical address at, by calling open with the real address to bind to. open
// returns the address it got.
func (n *node) bind(b *book, at netip.AddrPort, open func(real netip.AddrPort) (netip.AddrPort, func() error, error)) (binding, error) {
	logical, err := n.bindable(at)
	if err != nil {
		return binding{}, fmt.Errorf("listen %s %s: %w", b.proto, at, err)
	}
	// With port 0 the real port serves as the logical one too, unless a socket with a fixed port has it.
	for range 100 {
		if logical.Port() != 0 && b.taken(logical) {
			return binding{}, fmt.Errorf("listen %s %s: address already in use", b.proto, logical)
		}
		want := n.m.w.realFor(logical)
		got, close, err := open(want)
		if err != nil {
			return binding{}, bindError(b.proto, logical, want, err)
		}
		as := logical
		if as.Port() == 0 {
			as = netip.AddrPortFrom(as.Addr(), got.Port())
		}
		if b.add(as, reach(got)) {
			return binding{as, close}, nil
		}
		close()
	}
	return binding{}, fmt.Errorf("listen %s %s: no free port", b.proto, logical)
}

// bindable checks that at is an address of the machine. Unspecified means its own.
func (n *node) bindable(at netip.AddrPort) (netip.AddrPort, error) {
	own := n.m.addr
	if !own.IsValid() {
		return at, fmt.Errorf("%s has no IP address", n.m.name)
	}
	if a := at.Addr(); a.IsValid() && !a.IsUnspecified() && a != own {
		return at, fmt.Errorf("not an address of %s, which has %s", n.m.name, own)
	}
	return netip.AddrPortFrom(own, at.Port()), nil
}

// realFor is the real address to bind a logical one to.
func (w *World) realFor(logical netip.AddrPort) netip.AddrPort {
	if real, ok := w.cfg.Bind[logical]; ok {
		return real
	}
	if w.cfg.AllowExternal && logical.Port() == 0 {
		return anywhere()
	}
	return netip.AddrPortFrom(loopback, 0)
}

// anywhere is the address of all interfaces, for IPv6 too where the operating system has it.
var anywhere = sync.OnceValue(func() netip.AddrPort {
	at := netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	c.Close()
	return at
})

// A BindError says in one line what could not be bound and what to do about it.
type BindError struct {
	Proto         string         // udp or tcp
	Logical, Real netip.AddrPort // the address in the world, and the one of this computer that stands for it
	Hint          string         // what to do, if it is known
	Err           error
}

func (e *BindError) Error() string {
	hint := ""
	if e.Hint != "" {
		hint = "; " + e.Hint
	}
	return fmt.Sprintf("listen %s %s (logical address %s): %v%s", e.Proto, e.Real, e.Logical, e.Err, hint)
}

func (e *BindError) Unwrap() error { return e.Err }

func bindError(proto string, logical, real netip.AddrPort, err error) error {
	var hint string
	var cause error = err
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		cause, hint = syscall.EADDRINUSE, "another program has it: stop that one or choose another port"
	case errors.Is(err, syscall.EACCES):
		cause, hint = syscall.EACCES, "ports below 1024 need privileges: choose another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		cause, hint = syscall.EADDRNOTAVAIL, "this computer has no such address: choose one of its own, or 0.0.0.0"
	}
	return &BindError{Proto: proto, Logical: logical, Real: real, Hint: hint, Err: cause}
}
