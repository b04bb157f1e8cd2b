//go:build !linux

package live

import (
	"net"
	"net/netip"
)

// Elsewhere the operating system chooses the address that a socket on all addresses sends from.
const controlMax = 0

func tellLocal(*net.UDPConn, netip.AddrPort) bool { return false }
func localOf([]byte) (local, bool)                { return local{}, false }
func (local) control() []byte                     { return nil }
