// Package radiusd is the RADIUS front end of the NAC: authentication (RFC 2865, RFC 3579) and accounting (RFC 2866)
// over UDP and over TLS (RFC 6614). It knows its clients and their secrets, verifies what they send, recognizes
// retransmissions, conducts the EAP conversations and writes the replies in the attributes that the make of the client
// takes. Devices that cannot do EAP are let in by their MAC address ([MAB]), and users without EAP by a password, where
// the configuration says so. What an authenticated client may do, and what becomes of accounting records, is for its
// [Handler] to say.
//
// What the RFCs forbid is dropped, and each drop has a reason that is counted ([DropReason], [Counters]). A request whose
// answer depends on somebody else, a directory or an OCSP responder, waits without holding a task or a lock. All that a
// stranger can fill is bounded: conversations, of which each NAS has a share, requests that wait, and the replies that are
// kept for retransmissions.
//
// [Engine] does all of it without I/O: a datagram and the time go in, the reply or the reason to drop comes out.
// [Server] runs an engine on the sockets and connections of a host.Host.
package radiusd

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"nacsim/nac/credential"
	"nacsim/nac/eapserver"
)

// Defaults and limits.
const (
	DefaultAuthPort = 1812
	DefaultAcctPort = 1813
	DefaultCoAPort  = 3799 // RFC 5176 section 2.2

	// DefaultConversationTTL is how long a conversation waits for the client's next response.
	DefaultConversationTTL = 30 * time.Second
	// DefaultMaxConversations bounds the conversations under way. One that has been begun costs some 1.2 KiB, one in the
	// middle of a TLS handshake some 36 KiB, and so all of them 1 GiB. A client that sends as many fragments as it may costs
	// four times as much. A server that completes thousands of
	// authentications in a second has some hundreds under way.
	DefaultMaxConversations = 30_000
	// DefaultMaxWaiting bounds the requests that wait for somebody else.
	DefaultMaxWaiting = 10_000
	// DefaultDuplicateTTL is how long a request is remembered: longer than a NAS goes on retransmitting, and
	// shorter than it takes a busy one to come round to the same identifier.
	DefaultDuplicateTTL = 30 * time.Second
	// DefaultMaxDuplicates bounds the requests remembered on each port.
	DefaultMaxDuplicates = 100_000
)

// Config configures an [Engine] and a [Server]. Zero values mean the defaults.
type Config struct {
	// AuthAddr and AcctAddr are where a Server listens. An unspecified address is the host's own, and port 0 is any
	// free port.
	AuthAddr, AcctAddr netip.AddrPort
	// RadSec is RADIUS over TLS.
	RadSec RadSecConfig
	// Clients are those whose requests are answered. An unknown source gets no answer.
	Clients []Client
	// EAP is what each EAP conversation is made from. Its TLS is called for each, so that a renewed certificate is
	// taken up. Its FramedMTU is set from the request.
	EAP eapserver.Config

	// MAB says which forms of MAC authentication bypass are taken; the zero value takes none.
	MAB MAB
	// PlainPasswords is asked about User-Password and CHAP-Password of users without EAP; nil rejects them.
	PlainPasswords credential.Directory
	// RejectOtherIdentity rejects a client whose User-Name differs from its EAP identity. RFC 3579 section 3 leaves it
	// to the server; NASes copy one from the other, proxies rewrite it.
	RejectOtherIdentity bool
	// RequireNAS drops requests that name no NAS: RFC 2865 section 4.1 and RFC 2866 section 4.1 want NAS-IP-Address,
	// NAS-IPv6-Address or NAS-Identifier in each, which not all NASes know.
	RequireNAS bool

	// ConversationTTL is how long a conversation waits for the client's next response, and a request for somebody
	// else's answer.
	ConversationTTL time.Duration
	// MaxConversations bounds the conversations under way, MaxPerNAS those of one NAS; zero means a quarter of them.
	MaxConversations, MaxPerNAS int
	// MaxWaiting bounds the requests that wait for somebody else, a directory or an OCSP responder, at the same time.
	// One that waits for longer than ConversationTTL is not answered.
	MaxWaiting    int
	DuplicateTTL  time.Duration
	MaxDuplicates int
}

// settings are a configuration in use.
type settings struct {
	Config
	clients *clientTable
}

func newSettings(config Config) (*settings, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	return &settings{config, newClientTable(config.Clients)}, nil
}

// withDefaults returns the configuration with its zero values replaced, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if c.EAP.TLS == nil {
		return c, errors.New("radiusd: no TLS configuration")
	}
	if err := c.EAP.Check(); err != nil {
		return c, fmt.Errorf("radiusd: %w", err)
	}
	if err := checkClients(c.Clients); err != nil {
		return c, err
	}
	var err error
	if c.RadSec, err = c.RadSec.withDefaults(); err != nil {
		return c, err
	}
	orDefault(&c.ConversationTTL, DefaultConversationTTL)
	orDefault(&c.MaxConversations, DefaultMaxConversations)
	orDefault(&c.MaxPerNAS, max(c.MaxConversations/4, 1))
	orDefault(&c.MaxWaiting, DefaultMaxWaiting)
	orDefault(&c.DuplicateTTL, DefaultDuplicateTTL)
	orDefault(&c.MaxDuplicates, DefaultMaxDuplicates)
	return c, nil
}

func orDefault[T int | time.Duration](p *T, value T) {
	if *p <= 0 {
		*p = value
	}
}
