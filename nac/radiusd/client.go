package radiusd

import (
	"fmt"
	"net/netip"
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
	// client that cannot send one should have it: it opens the door to forged replies (Blast-RADIUS, CVE-2024-3596). The
	// server warns of each that comes.
	OptionalMessageAuthenticator bool
	// UnsignedProxyState accepts such requests also with Proxy-State, which the attack needs and only a proxy adds.
	UnsignedProxyState bool
	// Vendor says in which attributes the client takes its orders; empty means Generic.
	Vendor Vendor
	// Format, if not nil, is used in place of the vendor's.
	Format *Format
	// CoAPort is where the client listens for dynamic authorization; zero means DefaultCoAPort.
	CoAPort uint16
}

// checkClients returns what is wrong with a list of clients.
func checkClients(clients []Client) error {
	seen := make(map[netip.Prefix]bool, len(clients))
	for i, c := range clients {
		switch {
		case !c.Prefix.IsValid():
			return fmt.Errorf("radiusd: client %d (%s) has no address prefix", i+1, c.Name)
		case len(c.Secret) == 0:
			return fmt.Errorf("radiusd: client %s (%s) has no shared secret", c.Prefix, c.Name)
		case seen[c.Prefix.Masked()]:
			return fmt.Errorf("radiusd: client %s (%s) is there twice", c.Prefix, c.Name)
		case c.Format == nil && !c.Vendor.known():
			return fmt.Errorf("radiusd: client %s (%s) has vendor %q; expected one of %s", c.Prefix, c.Name, c.Vendor, VendorNames())
		}
		seen[c.Prefix.Masked()] = true
	}
	return nil
}

// clientTable finds the client of an address by longest prefix.
type clientTable struct {
	bits    []int // prefix lengths in use, longest first
	clients map[netip.Prefix]*Client
}

func newClientTable(clients []Client) *clientTable {
	t := &clientTable{clients: make(map[netip.Prefix]*Client, len(clients))}
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
	a = a.Unmap().WithZone("")
	for _, bits := range t.bits {
		if p, err := a.Prefix(bits); err == nil {
			if c := t.clients[p]; c != nil {
				return c
			}
		}
	}
	return nil
}
