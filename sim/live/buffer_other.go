//go:build !linux

package live

import "net"

// enlarge asks for a large receive buffer, so that a burst survives until a reader gets to it. The kernel gives what
// its limit allows; a smaller one only loses datagrams earlier.
func enlarge(conn *net.UDPConn) { _ = conn.SetReadBuffer(receiveBuffer) }
