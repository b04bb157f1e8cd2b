package supplicant

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"time"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/ether"
	"nacsim/internal/host"
)

// Config describes a supplicant. The zero value of a setting means its default.
type Config struct {
	// MAC is the station's address on every link. A randomized one is just another address.
	MAC ether.Addr
	// Identity is the EAP identity, for example "host/LAPTOP-1"; at most 253 octets.
	Identity string
	// Certificate is the client certificate with its chain and private key. Without one the supplicant
	// presents an empty certificate list, which a server refuses.
	Certificate tls.Certificate
	// RootCAs are the authorities a server certificate is verified with. Nil trusts none.
	RootCAs *x509.CertPool
	// ServerName is the name the server certificate must carry; empty takes any name.
	ServerName string
	// MinTLS and MaxTLS bound the TLS version, tls.VersionTLS12 and tls.VersionTLS13 by default.
	MinTLS, MaxTLS uint16
	// FragmentSize is the most TLS data sent in one EAP packet, in octets, 64 to 1398 (default).
	FragmentSize int
	// NoRetry makes the supplicant give up at the first failure or loss of the link instead of trying again.
	NoRetry bool
	// MaxFailures is after how many refusals in a row the supplicant gives up; 3 by default, negative for never.
	MaxFailures int
	// Timers are the periods the supplicant waits.
	Timers Timers
}

// Timers are the periods of a supplicant.
type Timers struct {
	// Start is the period of EAPOL-Start on a cable and MaxStart how often it is sent (IEEE 802.1X-2010
	// clause 8.5: startPeriod 30 s, maxStart 3).
	Start    time.Duration
	MaxStart int
	// Auth is how long a started authentication may be silent; 30 s (authPeriod).
	Auth time.Duration
	// Held is the wait after a refusal; 60 s (heldPeriod).
	Held time.Duration
	// Associate is the wait for an answer to a management frame, and Handshake that for the end of the 4-way
	// handshake; 500 ms and 10 s. Each management frame is sent three times.
	Associate, Handshake time.Duration
	// RetryMin is the first wait after the loss of a link; it doubles with each vain attempt up to RetryMax.
	// 1 s and 30 s.
	RetryMin, RetryMax time.Duration
}

const (
	managementTries     = 3
	defaultMaxFailures  = 3
	defaultFragmentSize = 1398
)

// Link is a network to connect to.
type Link struct {
	// Medium is the cable to plug in or the radio channel to tune to.
	Medium host.Medium
	// SSID is the wireless network, at most 32 octets.
	SSID string
	// BSSID chooses one access point among those that offer the SSID; zero takes the first to answer.
	BSSID ether.Addr
	// Name says in the trace what is connected to; by default the medium's name.
	Name string
}

func (l Link) wireless() bool { return l.Medium.Kind == host.Radio }

func (l Link) check() error {
	switch {
	case l.Medium.Name == "":
		return errors.New("supplicant: link without a medium name")
	case l.wireless() && l.SSID == "":
		return errors.New("supplicant: wireless link without an SSID")
	case len(l.SSID) > dot11.MaxSSID:
		return fmt.Errorf("supplicant: SSID %s has %d octets, at most %d are possible", strconv.Quote(l.SSID), len(l.SSID), dot11.MaxSSID)
	}
	return nil
}

// withDefaults checks the configuration and fills in what is not set.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.MAC == ether.Addr{} || c.MAC.IsGroup():
		return c, fmt.Errorf("supplicant: MAC address %v is not a station's", c.MAC)
	case c.Identity == "" || len(c.Identity) > 253:
		return c, fmt.Errorf("supplicant: EAP identity %q has %d octets, 1 to 253 are possible", c.Identity, len(c.Identity))
	case c.FragmentSize != 0 && (c.FragmentSize < 64 || c.FragmentSize > defaultFragmentSize):
		return c, fmt.Errorf("supplicant: fragment size %d, 64 to %d octets are possible", c.FragmentSize, defaultFragmentSize)
	}
	setDefault(&c.MinTLS, tls.VersionTLS12)
	setDefault(&c.MaxTLS, tls.VersionTLS13)
	if c.MinTLS > c.MaxTLS {
		return c, fmt.Errorf("supplicant: lowest TLS version %s is above the highest, %s", tls.VersionName(c.MinTLS), tls.VersionName(c.MaxTLS))
	}
	setDefault(&c.FragmentSize, defaultFragmentSize)
	setDefault(&c.MaxFailures, defaultMaxFailures)
	t := &c.Timers
	setDefault(&t.Start, 30*time.Second)
	setDefault(&t.MaxStart, 3)
	setDefault(&t.Auth, 30*time.Second)
	setDefault(&t.Held, 60*time.Second)
	setDefault(&t.Associate, 500*time.Millisecond)
	setDefault(&t.Handshake, 10*time.Second)
	setDefault(&t.RetryMin, time.Second)
	setDefault(&t.RetryMax, 30*time.Second)
	return c, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// tlsConfig is the configuration of one handshake. Now is the station's clock.
func (c Config) tlsConfig(now func() time.Time) *tls.Config {
	roots := c.RootCAs
	if roots == nil {
		roots = x509.NewCertPool() // nil would mean the authorities of the operating system
	}
	t := &tls.Config{
		RootCAs:    roots,
		ServerName: c.ServerName,
		MinVersion: c.MinTLS,
		MaxVersion: c.MaxTLS,
		// What deployed supplicants offer. Go's own first choice, X25519MLKEM768, makes the ClientHello exceed an
		// EAP packet and costs a round trip (facts: radius-lab 6.5).
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384},
		// Supplicants present the certificate they are configured with, also to a server that names other
		// authorities; with Certificates, crypto/tls would present none.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.Certificate, nil },
	}
	if c.ServerName == "" {
		t.InsecureSkipVerify = true
		t.VerifyConnection = func(s tls.ConnectionState) error { return verifyAnyName(s, roots, now()) }
	}
	return t
}

// verifyAnyName is the verification of crypto/tls without that of the name.
func verifyAnyName(s tls.ConnectionState, roots *x509.CertPool, now time.Time) error {
	o := x509.VerifyOptions{Roots: roots, CurrentTime: now, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := s.PeerCertificates[0].Verify(o); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}
