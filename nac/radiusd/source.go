package radiusd

import "net/netip"

// A Transport is how a request came.
type Transport uint8

const (
	UDP    Transport = iota
	RadSec           // RADIUS over TLS (RFC 6614)
)

// A Source is where a request came from and where its answer goes.
type Source struct {
	// Addr is the source of the datagram, or the other end of the connection.
	Addr netip.AddrPort
	// Transport is how it came.
	Transport Transport
	// Client is whose request it is, where the transport knows that by another means than the address, for example a
	// certificate. Nil means the client of Addr.
	Client *Client
}

// An Answer takes what becomes of one request: the reply to send, or else the reason for there being none. The reply
// must not be changed. It is called with no lock held and must not block.
type Answer func(to Source, reply []byte, drop DropReason)
