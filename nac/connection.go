package nac

import (
	"net/netip"

	"nacsim/nac/coa"
	"nacsim/nac/session"
)

// connection is the one on which to ask the NAS of a session that came by RadSec, or nil. Right after a start the
// server may not be there yet, and then nor is the connection.
func (n *NAC) connection(s *session.Session) coa.Connection {
	server := n.connections.Load()
	if server == nil {
		return nil
	}
	if c := server.Connection(s.Request.NASIP, s.NASIdentifier, s.NASClient); c != nil {
		return c
	}
	return nil
}

// RadSecAddr is where RADIUS over TLS is served; invalid where it is not.
func (n *NAC) RadSecAddr() netip.AddrPort { return n.radius.RadSecAddr() }
