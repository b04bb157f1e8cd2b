// Package radiusd is the RADIUS front end of the NAC: authentication (RFC 2865, RFC 3579) and accounting (RFC 2866)
// over UDP. It knows its clients and their secrets, verifies what they send, recognizes retransmissions, conducts
// the EAP conversations and writes the replies. What an authenticated client may do, and what becomes of
// accounting records, is for its [Handler] to say.
//
// [Engine] does all of it without I/O: a datagram and the time go in, the reply or the reason to drop comes out.
// [Server] runs an engine on the sockets of a host.Host.
package radiusd

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"nacsim/nac/eapserver"
)

// Defaults and limits.
const (
	DefaultAuthPort = 1812
	DefaultAcctPort = 1813
	DefaultCoAPort  = 3799 // RFC 5176 section 2.2

	// DefaultConversationTTL is how long a conversation waits for the client's next response.
	DefaultConversationTTL = 30 * time.Second
	// DefaultMaxConversations bounds the conversations under way. One costs some 20 KiB.
	DefaultMaxConversations = 100_000
	// DefaultMaxWaiting bounds the requests that wait for somebody else.
	DefaultMaxWaiting = 10_000
	// DefaultDuplicateTTL is how long a request is remembered: longer than a NAS goes on retransmitting, and
	// shorter than it takes a busy one to come round to the same identifier.
	DefaultDuplicateTTL = 30 * time.Second
	// DefaultMaxDuplicates bounds the requests remembered on each port.
	DefaultMaxDuplicates = 100_000
)

// A Client is a NAS, or a network of them, that may send requests.
type Client struct {
	// Prefix holds the source addresses. The longest prefix that holds an address is its client.
	Prefix netip.Prefix
	// Name is for people.
	Name string
	// Secret is the shared secret.
	Secret []byte
	// OptionalMessageAuthenticator accepts Access-Requests without EAP that lack a Message-Authenticator. Only a
	// client that cannot send one should have it: it opens the door to forged replies (Blast-RADIUS).
	OptionalMessageAuthenticator bool
	// CoAPort is where the client listens for dynamic authorization; zero means DefaultCoAPort.
	CoAPort uint16
}

// Config configures an [Engine] and a [Server]. Zero values mean the defaults.
type Config struct {
	// AuthAddr and AcctAddr are where a Server listens. An unspecified address is the host's own, and port 0 is any
	// free port.
	AuthAddr, AcctAddr netip.AddrPort
	// Clients are those whose requests are answered. An unknown source gets no answer.
	Clients []Client
	// EAP is what each EAP conversation is made from. Its TLS is called for each, so that a renewed certificate is
	// taken up. Its FramedMTU is set from the request.
	EAP eapserver.Config

	ConversationTTL  time.Duration
	MaxConversations int
	// MaxWaiting bounds the requests that wait for somebody else, a directory or an OCSP responder, at the same time.
	// One that waits for longer than ConversationTTL is not answered.
	MaxWaiting    int
	DuplicateTTL  time.Duration
	MaxDuplicates int
}

// withDefaults returns the configuration with its zero values replaced, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if c.EAP.TLS == nil {
		return c, errors.New("radiusd: no TLS configuration")
	}
	seen := make(map[netip.Prefix]bool, len(c.Clients))
	for i, client := range c.Clients {
		switch {
		case !client.Prefix.IsValid():
			return c, fmt.Errorf("radiusd: client %d (%s) has no address prefix", i+1, client.Name)
		case len(client.Secret) == 0:
			return c, fmt.Errorf("radiusd: client %s (%s) has no shared secret", client.Prefix, client.Name)
		case seen[client.Prefix.Masked()]:
			return c, fmt.Errorf("radiusd: client %s (%s) is there twice", client.Prefix, client.Name)
		}
		seen[client.Prefix.Masked()] = true
	}
	orDefault(&c.ConversationTTL, DefaultConversationTTL)
	orDefault(&c.MaxConversations, DefaultMaxConversations)
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

// clientTable finds the client of an address by longest prefix.
type clientTable struct {
	bits    []int // prefix lengths in use, longest first
	clients map[netip.Prefix]*Client
}

func newClientTable(clients []Client) clientTable {
	t := clientTable{clients: make(map[netip.Prefix]*Client, len(clients))}
	var used [129]bool
	for i := range clients {
		c := clients[i]
		if c.CoAPort == 0 {
			c.CoAPort = DefaultCoAPort
		}
		t.clients[c.Prefix.Masked()] = &c
		used[c.Prefix.Bits()] = true
	}
	for bits := len(used) - 1; bits >= 0; bits-- {
		if used[bits] {
			t.bits = append(t.bits, bits)
		}
	}
	return t
}

func (t *clientTable) lookup(a netip.Addr) *Client {
	a = a.Unmap()
	for _, bits := range t.bits {
		if p, err := a.Prefix(bits); err == nil {
			if c := t.clients[p]; c != nil {
				return c
			}
		}
	}
	return nil
}
