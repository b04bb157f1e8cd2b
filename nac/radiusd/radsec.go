package radiusd

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"nacsim/internal/radsec"
)

// Defaults and limits of [RadSecConfig].
const (
	DefaultRadSecPort     = radsec.Port
	DefaultMaxConnections = 1024
	DefaultMaxPerAddress  = 32
	DefaultMaxInFlight    = 256
	DefaultRadSecIdle     = 10 * time.Minute
)

// RadSecConfig configures RADIUS over TLS (RFC 6614). Zero values mean the defaults.
type RadSecConfig struct {
	// Addr is where the server listens for connections; invalid means that it does not.
	Addr netip.AddrPort
	// TLS returns the server's certificate and the CAs for the certificates of clients (ClientCAs). It is called for
	// each connection, so that a renewed certificate is taken up.
	TLS func() *tls.Config
	// Versions says whether RADIUS/1.1 (RFC 9765) may be used.
	Versions radsec.Versions
	// Peers are those who may connect, the first that fits. With none, whoever has a certificate of the CAs is the
	// client of its address, as over UDP.
	Peers []Peer

	// MaxConnections bounds the connections, MaxPerAddress those from one address, both from their handshake on.
	MaxConnections, MaxPerAddress int
	// MaxInFlight bounds the requests of one connection that wait for their answer; meanwhile no more are read.
	MaxInFlight int
	// HandshakeTimeout bounds the TLS handshake.
	HandshakeTimeout time.Duration
	// Idle is how long a connection may be without a packet before it is closed; negative means for ever. Clients with a
	// watchdog send Status-Server meanwhile.
	Idle time.Duration
}

// A Peer is a client known by its certificate (RFC 6614 section 2.4). All that is given must fit.
type Peer struct {
	// Client is whose requests come over the connection. Its Prefix is where it may connect from; the zero value is
	// anywhere. Its Secret is of no meaning, and nor is its Message-Authenticator setting, as TLS does the signing.
	Client Client
	// Names are what the certificate may be for: a DNS name, IP address or URI among its subject alternative names, or,
	// in a certificate without any DNS name, its common name. "*.example.com" stands for any one label.
	Names []string
	// Issuers are the distinguished names of CAs, as "CN=Site CA,O=Example", one of which must have issued it, directly
	// or not.
	Issuers []string
	// Fingerprints are SHA-256 hashes of certificates, of which it must be one.
	Fingerprints [][sha256.Size]byte
}

func (c RadSecConfig) withDefaults() (RadSecConfig, error) {
	if !c.Addr.IsValid() {
		return c, nil
	}
	if c.TLS == nil {
		return c, errors.New("radiusd: no TLS configuration for RadSec")
	}
	for i, p := range c.Peers {
		if p.Client.Format == nil && !p.Client.Vendor.known() {
			return c, fmt.Errorf("radiusd: RadSec client %d (%s) has vendor %q; expected one of %s", i+1, p.Client.Name, p.Client.Vendor, VendorNames())
		}
	}
	orDefault(&c.MaxConnections, DefaultMaxConnections)
	orDefault(&c.MaxPerAddress, DefaultMaxPerAddress)
	orDefault(&c.MaxInFlight, DefaultMaxInFlight)
	if c.Idle == 0 {
		c.Idle = DefaultRadSecIdle
	}
	return c, nil
}

// identify returns the client of a connection, or nil.
func (c *RadSecConfig) identify(e *Engine, from netip.Addr, chain []*x509.Certificate) *Client {
	if !c.Addr.IsValid() {
		return nil
	}
	if len(c.Peers) == 0 {
		if known := e.settings.Load().clients.lookup(from); known != nil {
			return overTLS(*known)
		}
		return nil
	}
	for i := range c.Peers {
		if p := &c.Peers[i]; p.fits(from, chain) {
			return overTLS(p.Client)
		}
	}
	return nil
}

// mayConnect reports whether an address can be that of a client, so that a handshake is worth while.
func (c *RadSecConfig) mayConnect(e *Engine, from netip.Addr) bool {
	if len(c.Peers) == 0 {
		return e.settings.Load().clients.lookup(from) != nil
	}
	return slices.ContainsFunc(c.Peers, func(p Peer) bool { return p.mayBeAt(from) })
}

// trusts reports whether a chain that was verified once leads to one of the CAs of today.
func (c *RadSecConfig) trusts(chain []*x509.Certificate, now time.Time) bool {
	options := x509.VerifyOptions{Roots: c.TLS().ClientCAs, Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if options.Roots == nil {
		return false
	}
	for _, issuer := range chain[1:] {
		options.Intermediates.AddCert(issuer)
	}
	_, err := chain[0].Verify(options)
	return err == nil
}

// overTLS is a client whose packets TLS protects: the secret is the one of RFC 6614 section 2.3, and forged replies
// (Blast-RADIUS) are not to be feared.
func overTLS(c Client) *Client {
	c.Secret = []byte(radsec.Secret)
	c.OptionalMessageAuthenticator, c.UnsignedProxyState = true, true
	return &c
}

func (p *Peer) mayBeAt(from netip.Addr) bool {
	return !p.Client.Prefix.IsValid() || p.Client.Prefix.Contains(from.Unmap().WithZone(""))
}

func (p *Peer) fits(from netip.Addr, chain []*x509.Certificate) bool {
	switch leaf := chain[0]; {
	case !p.mayBeAt(from):
		return false
	case len(p.Names) > 0 && !slices.ContainsFunc(p.Names, func(name string) bool { return isFor(leaf, name) }):
		return false
	case len(p.Issuers) > 0 && !slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return slices.Contains(p.Issuers, c.Issuer.String()) }):
		return false
	case len(p.Fingerprints) > 0 && !slices.Contains(p.Fingerprints, sha256.Sum256(leaf.Raw)):
		return false
	}
	return true
}

// isFor reports whether a certificate is for a name (RFC 6614 section 2.3 and RFC 6125 section 6.4).
func isFor(c *x509.Certificate, name string) bool {
	if addr, err := netip.ParseAddr(name); err == nil {
		for _, ip := range c.IPAddresses {
			if a, ok := netip.AddrFromSlice(ip); ok && a.Unmap() == addr.Unmap() {
				return true
			}
		}
		return false
	}
	for _, uri := range c.URIs {
		if uri.String() == name {
			return true
		}
	}
	if len(c.DNSNames) == 0 {
		return matches(c.Subject.CommonName, name)
	}
	return slices.ContainsFunc(c.DNSNames, func(have string) bool { return matches(have, name) })
}

// matches compares a name of a certificate with one of the configuration, in which a first label "*" is any. What the
// certificate claims with a "*" of its own is only equal to itself.
func matches(have, want string) bool {
	have, want = strings.TrimSuffix(have, "."), strings.TrimSuffix(want, ".")
	if domain, ok := strings.CutPrefix(want, "*."); ok {
		label, rest, found := strings.Cut(have, ".")
		return found && label != "" && label != "*" && strings.EqualFold(rest, domain)
	}
	return have != "" && strings.EqualFold(have, want)
}
