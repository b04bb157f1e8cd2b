package eappeer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"nacsim/internal/eap"
)

// Config is what a peer knows of itself, of the servers it believes, and how it behaves. The zero value of a
// setting means its default.
type Config struct {
	// Identity is the EAP identity, for example "host/LAPTOP-1"; at most 253 octets.
	Identity string
	// Anonymous is the identity that is said in the clear, for example "@corp.example" (RFC 7542 section 2.4).
	// Empty says Identity.
	Anonymous string
	// Method is the EAP method the peer wants: it refuses every other with a NAK that names this one. EAP-TLS by
	// default.
	Method eap.Type
	// Certificate is the client certificate with its chain and private key. Without one the peer presents an empty
	// certificate list, which a server that wants one refuses.
	Certificate tls.Certificate
	// RootCAs are the authorities a server certificate is verified with. Nil trusts none.
	RootCAs *x509.CertPool
	// ServerName is the name the server certificate must carry, as RFC 6125 matches it; empty takes any name.
	ServerName string
	// MinTLS and MaxTLS bound the TLS version, tls.VersionTLS12 and tls.VersionTLS13 by default.
	MinTLS, MaxTLS uint16
	// FragmentSize is the most TLS data sent in one EAP packet, in octets, 64 to 1398 (default).
	FragmentSize int
	// Sessions keeps TLS sessions for resumption; nil never resumes. Peers of different clients must not share one.
	Sessions tls.ClientSessionCache
}

// maxIdentity is the longest identity: it becomes a User-Name attribute.
const maxIdentity = 253

const defaultFragmentSize = 1398

// WithDefaults checks the configuration and fills in what is not set.
func (c Config) WithDefaults() (Config, error) {
	switch {
	case c.Identity == "" || len(c.Identity) > maxIdentity:
		return c, fmt.Errorf("EAP identity %q has %d octets, 1 to %d are possible", c.Identity, len(c.Identity), maxIdentity)
	case len(c.Anonymous) > maxIdentity:
		return c, fmt.Errorf("anonymous EAP identity %q has %d octets, at most %d are possible", c.Anonymous, len(c.Anonymous), maxIdentity)
	case c.FragmentSize != 0 && (c.FragmentSize < eap.MinFragment || c.FragmentSize > defaultFragmentSize):
		return c, fmt.Errorf("fragment size %d, %d to %d octets are possible", c.FragmentSize, eap.MinFragment, defaultFragmentSize)
	}
	setDefault(&c.Method, eap.TypeTLS)
	if c.Method != eap.TypeTLS {
		return c, fmt.Errorf("EAP method %v is not one a peer speaks", c.Method)
	}
	setDefault(&c.MinTLS, tls.VersionTLS12)
	setDefault(&c.MaxTLS, tls.VersionTLS13)
	if c.MinTLS > c.MaxTLS {
		return c, fmt.Errorf("lowest TLS version %s is above the highest, %s", tls.VersionName(c.MinTLS), tls.VersionName(c.MaxTLS))
	}
	setDefault(&c.FragmentSize, defaultFragmentSize)
	if c.RootCAs == nil {
		c.RootCAs = x509.NewCertPool() // nil would mean the authorities of the operating system
	}
	return c, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// outerIdentity is what the peer answers to an EAP-Request/Identity.
func (c *Config) outerIdentity() string {
	if c.Anonymous != "" {
		return c.Anonymous
	}
	return c.Identity
}

var errNoCertificate = errors.New("server sent no certificate")
