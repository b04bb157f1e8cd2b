package live

import (
	"net"
	"syscall"
)

// enlarge asks for a large receive buffer, so that a burst survives until a reader gets to it. Without the privilege to
// have one of any size the kernel gives what its limit allows; a smaller one only loses datagrams earlier.
func enlarge(conn *net.UDPConn) {
	forced := false
	if raw, err := conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			forced = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, receiveBuffer) == nil
		})
	}
	if !forced {
		_ = conn.SetReadBuffer(receiveBuffer)
	}
}
