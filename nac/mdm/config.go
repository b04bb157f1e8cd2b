package mdm

import (
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// A Config describes the app registration and how Intune is asked. The zero value of an optional field means the
// default that its comment names.
type Config struct {
	// Authority is where tokens come from. The default is https://login.microsoftonline.com.
	Authority string
	// Graph is the Graph API. The default is https://graph.microsoft.com. Links to other pages are followed only
	// to this origin, because the token goes with them.
	Graph string
	// Tenant is the directory that is linked from the start: its ID, or a domain that it has verified. Empty means
	// that none is linked before [Service.Link]. What Link and Unlink have made of it outlasts a restart until
	// another Tenant is set here.
	Tenant string
	// ClientID is the application ID of the app registration. It is required.
	ClientID string
	// ClientSecret is a secret of the app registration. Either it or ClientCertificate is required.
	ClientSecret string
	// ClientCertificate is a certificate of the app registration with its RSA key, with which the NAC signs an
	// assertion in place of sending a secret (facts: graph-and-entra 4.2).
	ClientCertificate tls.Certificate
	// Signature is how assertions are signed: "PS256", the default, or "RS256".
	Signature string
	// SecretExpires is when ClientSecret ends, as Entra's portal shows it; zero when that is not known. Of a
	// certificate it is known.
	SecretExpires time.Time
	// RootCAs verify both servers; see host.HTTPOptions.
	RootCAs *x509.CertPool

	// PollInterval is the time from one poll to the next. The default is 2 h. Up to a hundredth of it, but not more than 30 s,
	// is added at random, so that not all who started together ask together.
	PollInterval time.Duration
	// FreshFor is the age up to which a record found by an earlier lookup of the same client answers a new one
	// without asking Graph. The default is PollInterval.
	FreshFor time.Duration
	// MaxAge is how long the last known state of a device counts while Intune cannot be asked for it; after that it is
	// [StandingOutdated]. The default is 24 h; negative means for ever.
	MaxAge time.Duration
	// StaleAfter is how long ago a device may have checked in with Intune for what it said then to count; after
	// that it is [StandingStale]. The default, 0, means for ever.
	StaleAfter time.Duration
	// ShortList is the share of the devices of the last list that a new one has to have at least to be believed
	// (facts: graph-and-entra 2.1: lists lose most of a tenant at times). The default is 0.5; negative means that
	// any is.
	ShortList float64
	// ShortListAccept is the number of refused lists of about equal size in a row after which such a one is
	// believed: the tenant has shrunk. The default, 0, means never.
	ShortListAccept int

	// Timeout bounds one HTTP request. The default is 10 s.
	Timeout time.Duration
	// RetryMin is the delay before a failed lookup or poll is repeated for the first time. It doubles up to RetryMax,
	// and up to a fifth of it is added at random. The defaults are 5 s and 5 min.
	RetryMin time.Duration
	RetryMax time.Duration
	// Rate is the number of requests that are sent at most in any RatePer. The defaults are 1000 and 20 s, half of
	// what Intune grants an app (facts: graph-and-entra 3.3).
	Rate    int
	RatePer time.Duration
	// BreakerFailures is the number of requests that have to fail in a row for the circuit to open. Then nothing is sent for
	// BreakerPause; the first request after that is a probe, and when it fails the pause doubles up to RetryMax. The
	// defaults are 5 and 15 s; negative means that the circuit never opens.
	BreakerFailures int
	BreakerPause    time.Duration

	// ListReuse is how long the list of all devices counts as current when a MAC address is not in it. The default
	// is 1 min.
	ListReuse time.Duration
	// EthernetReuse is how long an Ethernet address counts as current. Lists do not contain them, so they are
	// read device by device (facts: graph-and-entra 1.3). The default is 24 h.
	EthernetReuse time.Duration
	// EthernetBudget is the number of devices whose Ethernet address is read at most for one MAC address that the list does
	// not contain. The default is 500; negative means none.
	EthernetBudget int

	// Workers is the number of lookups at the same time. The default is 4.
	Workers int
	// MaxPages bounds the pages of one list. The default is 1000, which is a million devices.
	MaxPages int
	// MaxClients bounds the clients that are remembered, and MaxDevices the records of the DDB. A new client
	// replaces the one that has not authenticated for the longest time; a new record is refused. The defaults
	// are 100,000 each.
	MaxClients int
	MaxDevices int
}

// maxRate is what Graph grants all apps together (facts: graph-and-entra 3.3).
const maxRate = 130_000

// DefaultPoll is the default of PollInterval.
const DefaultPoll = 2 * time.Hour

// Check reports what cannot work.
func (c Config) Check() error { return c.complete() }

// complete fills in defaults and reports what cannot work.
func (c *Config) complete() error {
	c.completeServers()
	for _, address := range []*string{&c.Authority, &c.Graph} {
		u, err := url.Parse(*address)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil || u.Fragment != "" || !ascii(u.Host) {
			return fmt.Errorf("address %q is not like https://graph.microsoft.com", *address)
		}
	}
	if c.ClientID == "" {
		return errors.New("no client id")
	}
	if c.Tenant != "" {
		if err := checkTenant(c.Tenant); err != nil {
			return err
		}
	}
	if err := c.checkCredential(); err != nil {
		return err
	}
	if err := c.completeTimes(); err != nil {
		return err
	}
	setDefault(&c.ShortList, 0.5)
	setDefault(&c.Rate, 1000)
	setDefault(&c.BreakerFailures, 5)
	setDefault(&c.EthernetBudget, 500)
	setDefault(&c.Workers, 4)
	setDefault(&c.MaxPages, 1000)
	setDefault(&c.MaxClients, 100_000)
	setDefault(&c.MaxDevices, 100_000)
	for what, n := range map[string]int{"rate": c.Rate, "number of workers": c.Workers, "number of pages": c.MaxPages, // order-free: one is enough
		"number of clients": c.MaxClients, "number of devices": c.MaxDevices} {
		if n < 1 {
			return fmt.Errorf("the %s is less than 1", what)
		}
	}
	if c.Rate > maxRate {
		return fmt.Errorf("the rate is more than %d", maxRate)
	}
	return nil
}

// completeServers fills in the addresses of the servers, and writes them in one way.
func (c *Config) completeServers() {
	setDefault(&c.Authority, "https://login.microsoftonline.com")
	setDefault(&c.Graph, "https://graph.microsoft.com")
	c.Authority, c.Graph = strings.TrimRight(c.Authority, "/"), strings.TrimRight(c.Graph, "/")
}

func (c *Config) completeTimes() error {
	setDefault(&c.PollInterval, DefaultPoll)
	setDefault(&c.FreshFor, c.PollInterval)
	setDefault(&c.MaxAge, 24*time.Hour)
	setDefault(&c.Timeout, 10*time.Second)
	setDefault(&c.RetryMin, 5*time.Second)
	setDefault(&c.RetryMax, max(5*time.Minute, c.RetryMin))
	setDefault(&c.RatePer, 20*time.Second)
	setDefault(&c.BreakerPause, min(15*time.Second, c.RetryMax))
	setDefault(&c.ListReuse, time.Minute)
	setDefault(&c.EthernetReuse, 24*time.Hour)
	for _, d := range []time.Duration{c.PollInterval, c.FreshFor, c.Timeout, c.RetryMin, c.RetryMax, c.RatePer, c.BreakerPause,
		c.ListReuse, c.EthernetReuse} {
		if d < time.Millisecond {
			return fmt.Errorf("interval %v is shorter than a millisecond", d)
		}
	}
	return nil
}

// checkCredential reports what is wrong with the credential of the app registration.
func (c *Config) checkCredential() error {
	setDefault(&c.Signature, "PS256")
	certificate := &c.ClientCertificate
	switch {
	case len(certificate.Certificate) == 0 && c.ClientSecret == "":
		return errors.New("no client secret or certificate")
	case len(certificate.Certificate) == 0:
		return nil
	case c.ClientSecret != "":
		return errors.New("both a client secret and a client certificate")
	case c.Signature != "PS256" && c.Signature != "RS256":
		return fmt.Errorf("signature %q is neither PS256 nor RS256", c.Signature)
	}
	if certificate.Leaf == nil {
		leaf, err := x509.ParseCertificate(certificate.Certificate[0])
		if err != nil {
			return fmt.Errorf("client certificate: %w", err)
		}
		certificate.Leaf = leaf
	}
	signer, ok := certificate.PrivateKey.(crypto.Signer)
	if !ok {
		return errors.New("client certificate: it has no private key that signs")
	}
	if _, ok := signer.Public().(*rsa.PublicKey); !ok {
		return fmt.Errorf("client certificate: its key is %T, Entra takes RSA", signer.Public())
	}
	return nil
}

// credentialExpires is when the secret or the certificate ends, zero when that is not known.
func (c *Config) credentialExpires() time.Time {
	if c.ClientCertificate.Leaf != nil {
		return c.ClientCertificate.Leaf.NotAfter
	}
	return c.SecretExpires
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
