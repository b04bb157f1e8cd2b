package live

import (
	"net/netip"
	"sync"
)

// sourcesMax bounds the peers whose requests are remembered; twice as many may be.
const sourcesMax = 8192

// sources remembers at which address of this computer each peer has sent its latest datagram. A socket on all addresses
// sends from there in return: the operating system would choose the address that is nearest to the peer, and a RADIUS
// client drops an answer that comes from another address than it has asked (RFC 2865 section 3, RFC 1122 section 4.1.3.5).
//
// Strangers can fill it. Then the peers that have not been heard of for the longest are forgotten, and the operating
// system chooses.
type sources struct {
	mu     sync.RWMutex
	recent map[netip.AddrPort]*origin // heard of since the last change of generation
	before map[netip.AddrPort]*origin // heard of in the one before
}

// local is an address of this computer. A link-local one is complete with the interface only.
type local struct {
	addr  netip.Addr
	iface uint32
}

// An origin is an address to send from, with the control message that does it.
type origin struct {
	local
	control []byte
}

// arrived takes note of a datagram from a peer to an address.
func (s *sources) arrived(peer netip.AddrPort, at local) {
	s.mu.RLock()
	known := s.recent[peer]
	s.mu.RUnlock()
	if known != nil && known.local == at {
		return
	}
	o := &origin{at, at.control()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recent == nil || len(s.recent) >= sourcesMax {
		s.recent, s.before = make(map[netip.AddrPort]*origin), s.recent
	}
	s.recent[peer] = o
}

// toward is the control message for a datagram to a peer; nil leaves the choice to the operating system.
func (s *sources) toward(peer netip.AddrPort) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.recent[peer]
	if o == nil {
		o = s.before[peer]
	}
	if o == nil {
		return nil
	}
	return o.control
}
