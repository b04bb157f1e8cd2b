package live

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"nacsim/sim/network"
)

// datagramMax is the largest payload of a UDP datagram over IPv4.
const datagramMax = 65507

// receiveBuffer is the size asked of the kernel for its receive buffer, and inboxMax how many frames wait in front of
// the reader of a link-layer port beyond it.
const (
	receiveBuffer = 4 << 20
	inboxMax      = 1024
)

// A wire is a real UDP socket, under a packet socket or a link-layer port. It stays open until the packets
// that the network delays have been sent, although its owner may have closed it.
type wire struct {
	w    *World
	conn *net.UDPConn
	// sources are set on a socket on all addresses, where the operating system tells at which one a datagram came in.
	sources *sources

	mu       sync.Mutex
	underWay int
	closed   bool
	pumped   chan struct{} // closed when pump has ended; nil without one
}

// openWire opens a socket on the real address.
func (w *World) openWire(real netip.AddrPort) (*wire, netip.AddrPort, error) {
	conn, err := net.ListenUDP(family("udp", real), net.UDPAddrFromAddrPort(real))
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	enlarge(conn)
	s := &wire{w: w, conn: conn}
	if real.Addr().IsUnspecified() && tellLocal(conn, real) {
		s.sources = &sources{}
	}
	return s, conn.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

// family is the network to listen on for an address: 0.0.0.0 stands for IPv4 only, [::] for both.
func family(proto string, real netip.AddrPort) string {
	if real.Addr().Is4() {
		return proto + "4"
	}
	return proto
}

// pump starts to hand each datagram to take, which must copy it, until the wire is closed.
func (s *wire) pump(take func(b []byte, from netip.AddrPort)) {
	s.pumped = make(chan struct{})
	go s.deliver(take)
}

func (s *wire) deliver(take func(b []byte, from netip.AddrPort)) {
	defer close(s.pumped)
	b := make([]byte, 1<<16)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(b)
		switch {
		case err == nil:
			take(b[:n], canonical(from))
		case s.isClosed() || errors.Is(err, net.ErrClosed):
			return
		default:
			// An ICMP error that the kernel reports here concerns a datagram sent earlier.
			time.Sleep(time.Millisecond)
		}
	}
}

func (s *wire) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// send carries out the deliveries of a datagram. Losses on the real network are not errors.
func (s *wire) send(b []byte, to netip.AddrPort, deliveries []network.Delivery) error {
	var kept []byte
	for _, d := range deliveries {
		if d.Delay <= 0 {
			if err := s.write(b, to); err != nil {
				return err
			}
			continue
		}
		if kept == nil {
			kept = slices.Clone(b)
		}
		s.mu.Lock()
		s.underWay++
		s.mu.Unlock()
		later := kept
		if !s.w.postman.after(d.Delay, func() { _ = s.write(later, to); s.landed() }) {
			s.landed()
		}
	}
	return nil
}

// read reads one datagram.
func (s *wire) read(b []byte) (size int, from netip.AddrPort, err error) {
	if s.sources == nil {
		size, from, err = s.conn.ReadFromUDPAddrPort(b)
		return size, canonical(from), err
	}
	var room [controlMax]byte
	size, n, _, from, err := s.conn.ReadMsgUDPAddrPort(b, room[:])
	from = canonical(from)
	if err == nil {
		if at, ok := localOf(room[:n]); ok {
			s.sources.arrived(from, at)
		}
	}
	return size, from, err
}

// write sends one datagram now. Only an error that says that the datagram itself is at fault, or that the
// socket is closed, is returned: no route, a full buffer or a refusal are losses to the sender of a datagram.
func (s *wire) write(b []byte, to netip.AddrPort) error {
	err := s.put(b, to)
	if errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EMSGSIZE) {
		return err
	}
	return nil
}

// put sends one datagram, from the address at which its receiver has sent one here.
func (s *wire) put(b []byte, to netip.AddrPort) error {
	if s.sources != nil {
		if control := s.sources.toward(to); control != nil {
			_, _, err := s.conn.WriteMsgUDPAddrPort(b, control, to)
			return err
		}
	}
	_, err := s.conn.WriteToUDPAddrPort(b, to)
	return err
}

// landed ends one delayed delivery.
func (s *wire) landed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay--
	if s.closed && s.underWay == 0 {
		s.conn.Close()
	}
}

// close ends reading at once and returns when nothing is pumped any more. The socket itself goes when nothing is under way
// any more.
func (s *wire) close() {
	s.mu.Lock()
	s.closed = true
	if s.underWay == 0 {
		s.conn.Close()
	} else {
		_ = s.conn.SetReadDeadline(time.Unix(1, 0))
	}
	s.mu.Unlock()
	if s.pumped != nil {
		<-s.pumped
	}
}
