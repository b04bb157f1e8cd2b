package eappeer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"nacsim/internal/eap"
)

// Config is what a peer knows of itself, of the servers it believes, and how it behaves. The zero value of a
// setting means that of its profile, or else its default.
type Config struct {
	// Identity is the EAP identity, for example "host/LAPTOP-1"; at most 253 octets.
	Identity string
	// Anonymous is the identity that is said in the clear, for example "@corp.example" (RFC 7542 section 2.4).
	// Empty says Identity.
	Anonymous string
	// Method is the EAP method the peer wants: it refuses every other with a NAK that names this one. EAP-TLS by
	// default.
	Method eap.Type
	// Inner is how the user is authenticated inside EAP-TTLS (PAP by default), PEAP or TEAP (EAP-MSCHAPv2 by default).
	Inner Inner
	// User is the name of the user, by default Identity, and Password the user's password.
	User, Password string
	// Certificate is the client certificate with its chain and private key. Without one the peer presents an empty
	// certificate list, which a server that wants one refuses.
	Certificate tls.Certificate
	// Machine is whom TEAP authenticates besides the user, when the server asks for it. NoUser tells that no user is
	// logged on: the machine answers for it.
	Machine *Machine
	NoUser  bool
	// RootCAs are the authorities a server certificate is verified with. Nil trusts none.
	RootCAs *x509.CertPool
	// AnyServer believes every server, as a client does that its user has not given an authority. Such a client can
	// be asked for its password by anybody.
	AnyServer bool
	// ServerName is the name the server certificate must carry, as RFC 6125 matches it. ServerSuffix is the domain
	// that name must be or be in, for example "corp.example". Empty takes any name.
	ServerName, ServerSuffix string
	// MinTLS and MaxTLS bound the TLS version, tls.VersionTLS12 and tls.VersionTLS13 by default.
	MinTLS, MaxTLS uint16
	// Groups are the groups offered for the key exchange, X25519, P-256 and P-384 by default.
	Groups []tls.CurveID
	// FragmentSize is the most TLS data sent in one EAP packet, in octets, 64 to 1398 (default).
	FragmentSize int
	// Lengths says which fragments state the length of the whole message; OnFirstOfSeveral by default.
	Lengths Lengths
	// BadServer is what is done about a server certificate that is not believed; SendAlert by default.
	BadServer BadServer
	// CryptoBinding is what is done about PEAP's Crypto-Binding TLV; NoBinding by default.
	CryptoBinding CryptoBinding
	// NameAlert is the alert for a server certificate with another name; certificate_unknown by default.
	NameAlert eap.Alert
	// ExpandedNAK answers methods of expanded type with an expanded NAK (RFC 3748 section 5.3.2), not a legacy one.
	ExpandedNAK bool
	// Sessions keeps TLS sessions for resumption, for example a [Session]; nil never resumes. Peers of different
	// clients must not share one.
	Sessions tls.ClientSessionCache
	// Rand is where MS-CHAP-V2 takes its challenges from, and a Crypto-Binding its nonce.
	Rand io.Reader
	// Profile is the name of the real supplicant whose habits fill in what is not set, see [ProfileNames].
	Profile string
}

// A Machine is a device with credentials of its own.
type Machine struct {
	// Identity is its EAP identity inside the tunnel, for example "host/laptop-1.corp.example".
	Identity string
	// Inner is how it is authenticated, by EAP-TLS unless something else is set.
	Inner       Inner
	Password    string
	Certificate tls.Certificate
}

// With returns the machine with another certificate. A nil machine, which is none, stays one.
func (m *Machine) With(c tls.Certificate) *Machine {
	if m == nil {
		return nil
	}
	other := *m
	other.Certificate = c
	return &other
}

func (m *Machine) credentials() credentials {
	return credentials{user: m.Identity, password: m.Password, certificate: m.Certificate, inner: m.Inner}
}

// credentials are those of the user.
func (c *Config) credentials() credentials {
	return credentials{user: c.User, password: c.Password, certificate: c.Certificate, inner: c.Inner}
}

// Lengths is a habit in stating the TLS Message Length, the L flag (RFC 5216 section 3.1).
type Lengths uint8

// The habits.
const (
	OnFirstOfSeveral Lengths = iota + 1 // on the first fragment of a message in several, where it must be
	OnFirst                             // also on messages in one piece
	OnAll                               // on every fragment
)

// BadServer is what a supplicant does about a server certificate that it does not believe.
type BadServer uint8

// The habits.
const (
	SendAlert     BadServer = iota + 1 // tell the server by a TLS alert, and wait for its EAP-Failure
	StopAnswering                      // ask the user, who is not there: the server hears no more
)

// CryptoBinding is what a supplicant does about the binding of PEAP's tunnel to what is inside ([MS-PEAP] section
// 3.1.5.5).
type CryptoBinding uint8

// The habits.
const (
	NoBinding      CryptoBinding = iota + 1 // none, as wpa_supplicant does unless configured
	AnswerBinding                           // answer the server's, if it is right
	RequireBinding                          // refuse a server that sends none
)

// maxIdentity is the longest identity: it becomes a User-Name attribute.
const maxIdentity = 253

const defaultFragmentSize = 1398

// WithDefaults checks the configuration and fills in what is not set.
func (c Config) WithDefaults() (Config, error) {
	if c.Profile != "" {
		profile, ok := ProfileNamed(c.Profile)
		if !ok {
			return c, fmt.Errorf("profile %q is none of %s", c.Profile, strings.Join(ProfileNames(), ", "))
		}
		profile.fill(&c)
	}
	setDefault(&c.User, c.Identity)
	setDefault(&c.Method, eap.TypeTLS)
	switch c.Method {
	case eap.TypeTTLS:
		setDefault(&c.Inner, PAP)
	case eap.TypePEAP, eap.TypeTEAP:
		setDefault(&c.Inner, EAPMSCHAPv2)
	}
	if c.Machine != nil {
		m := *c.Machine
		setDefault(&m.Inner, EAPTLS)
		c.Machine = &m
	}
	setDefault(&c.MinTLS, tls.VersionTLS12)
	setDefault(&c.MaxTLS, tls.VersionTLS13)
	if c.Groups == nil {
		// What deployed supplicants offer. Go's own first choice, X25519MLKEM768, makes the ClientHello exceed an EAP
		// packet and costs a round trip.
		c.Groups = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}
	}
	setDefault(&c.FragmentSize, defaultFragmentSize)
	setDefault(&c.Lengths, OnFirstOfSeveral)
	setDefault(&c.BadServer, SendAlert)
	setDefault(&c.CryptoBinding, NoBinding)
	if c.RootCAs == nil {
		c.RootCAs = x509.NewCertPool() // nil would mean the authorities of the operating system
	}
	return c, c.check()
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// check looks for mistakes in a configuration that is filled in.
func (c *Config) check() error {
	for _, id := range []struct{ what, is string }{{"EAP identity", c.Identity}, {"anonymous EAP identity", c.Anonymous}, {"user name", c.User}} {
		if len(id.is) > maxIdentity {
			return fmt.Errorf("%s %q has %d octets, at most %d are possible", id.what, id.is, len(id.is), maxIdentity)
		}
	}
	switch {
	case c.Identity == "":
		return errors.New("EAP identity is empty")
	case MethodName(c.Method, c.Inner) == "":
		return fmt.Errorf("method %v with %q inside is not one a peer speaks", c.Method, c.Inner)
	case c.Machine != nil && MethodName(eap.TypeTEAP, c.Machine.Inner) == "":
		return fmt.Errorf("method %q is not one a machine is authenticated by inside TEAP", c.Machine.Inner)
	case c.Method == eap.TypeTEAP && c.MinTLS > tls.VersionTLS12:
		return errors.New("TEAP is played over TLS 1.2")
	case c.needsRand() && c.Rand == nil:
		return errors.New("MS-CHAP-V2 and Crypto-Binding need a source of randomness")
	case c.FragmentSize < eap.MinFragment || c.FragmentSize > defaultFragmentSize:
		return fmt.Errorf("fragment size %d, %d to %d octets are possible", c.FragmentSize, eap.MinFragment, defaultFragmentSize)
	case c.MinTLS > c.MaxTLS:
		return fmt.Errorf("lowest TLS version %s is above the highest, %s", tls.VersionName(c.MinTLS), tls.VersionName(c.MaxTLS))
	}
	return nil
}

func (c *Config) needsRand() bool {
	return c.Method == eap.TypeMSCHAPv2 || slices.Contains([]Inner{MSCHAPv2, EAPMSCHAPv2}, c.Inner) ||
		c.Machine != nil && c.Machine.Inner == EAPMSCHAPv2 || c.Method == eap.TypePEAP && c.CryptoBinding > NoBinding
}

// outerIdentity is what the peer answers to an EAP-Request/Identity.
func (c *Config) outerIdentity() string {
	if c.Anonymous != "" {
		return c.Anonymous
	}
	return c.Identity
}
