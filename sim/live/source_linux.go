package live

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// controlMax is room for the control messages of one datagram.
const controlMax = 64

// tellLocal asks for the local address of each datagram on a socket, and reports whether it will be told.
func tellLocal(conn *net.UDPConn, real netip.AddrPort) bool {
	level, option := unix.IPPROTO_IP, unix.IP_PKTINFO
	if !real.Addr().Is4() {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	on := false
	err = raw.Control(func(fd uintptr) { on = unix.SetsockoptInt(int(fd), level, option, 1) == nil })
	return on && err == nil
}

// localOf reads the local address of a datagram from its control messages (ip(7), RFC 3542 section 6.2). A datagram to a
// group has none of its own.
func localOf(control []byte) (at local, ok bool) {
	for len(control) > 0 {
		head, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return at, false
		}
		switch {
		case head.Level == unix.IPPROTO_IP && head.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			return local{addr: netip.AddrFrom4([4]byte(data[4:8]))}, true // ipi_spec_dst
		case head.Level == unix.IPPROTO_IPV6 && head.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			at.addr = netip.AddrFrom16([16]byte(data[:16]))
			if at.addr.IsLinkLocalUnicast() {
				at.iface = binary.NativeEndian.Uint32(data[16:20])
			}
			return at, !at.addr.IsMulticast()
		}
		control = rest
	}
	return at, false
}

// control is the control message that has a datagram sent from an address.
func (l local) control() []byte {
	if l.addr.Is4() {
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: l.addr.As4()})
	}
	return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: l.addr.As16(), Ifindex: l.iface})
}
