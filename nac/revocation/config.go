package revocation

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// What happens when nothing can be found out about a certificate.
const (
	Soft = "soft" // it is let in
	Hard = "hard" // it is refused
)

// Defaults of [Config].
const (
	DefaultRefreshFiles = time.Minute
	DefaultRefreshURLs  = time.Hour
	DefaultTimeout      = 5 * time.Second
	DefaultMaxAnswers   = 50_000
	DefaultMaxQueries   = 64
)

// Config says where to learn what has been revoked. The zero value believes what clients staple and asks nobody.
type Config struct {
	// CRL names files and http:// or https:// URLs with certificate revocation lists, in DER or PEM. A file must be
	// there at the start; it is looked at again at intervals. A URL is fetched at the start, at intervals and when
	// the next list is due.
	CRL []string
	// OCSP says whom to ask.
	OCSP OCSP
	// Fail is what happens when nothing can be found out about a certificate of the chain: Soft, the default, lets
	// it in, Hard refuses it. A responder that says "unknown" is believed in either case: it refuses.
	Fail string
	// Refresh is the interval at which lists are read again; zero means DefaultRefreshFiles and DefaultRefreshURLs.
	Refresh time.Duration
	// Timeout bounds one fetch of a list or one question; zero means DefaultTimeout.
	Timeout time.Duration

	// RootCAs verify https:// servers; nil means those of the machine.
	RootCAs *x509.CertPool
	// ReadFile reads the files. It must be set if CRL names one.
	ReadFile func(name string) ([]byte, error)
}

// OCSP says how responders are asked. Certificates of the chain are asked about one after the other, the client's
// first, the trusted CA's never.
type OCSP struct {
	// Ask asks the responder that a certificate names itself (RFC 5280 section 4.2.2.1).
	Ask bool
	// URL is asked instead, about every certificate.
	URL string
	// MaxAge is how long an answer is believed if it is valid for longer; zero means as long as it is valid, or not
	// beyond the moment if it does not say.
	MaxAge time.Duration
	// MaxAnswers bounds the answers kept, MaxQueries the questions under way at a time; zero means DefaultMaxAnswers
	// and DefaultMaxQueries. One question more is not asked.
	MaxAnswers int
	MaxQueries int
}

func (c *Config) complete() error {
	switch c.Fail {
	case "":
		c.Fail = Soft
	case Soft, Hard:
	default:
		return fmt.Errorf("fail: %.64q, want %s or %s", c.Fail, Soft, Hard)
	}
	for _, source := range c.CRL {
		switch {
		case source == "":
			return errors.New("crl: an empty name, want a file or an http:// URL")
		case isURL(source):
			if err := checkURL(source); err != nil {
				return fmt.Errorf("crl: %w", err)
			}
		case c.ReadFile == nil:
			return fmt.Errorf("crl: %s: files cannot be read here, want an http:// URL", source)
		}
	}
	if c.OCSP.URL != "" {
		if err := checkURL(c.OCSP.URL); err != nil {
			return fmt.Errorf("ocsp: %w", err)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"refresh", c.Refresh}, {"timeout", c.Timeout}, {"ocsp: max-age", c.OCSP.MaxAge}} {
		if d.value < 0 {
			return fmt.Errorf("%s: %v, want a positive duration", d.name, d.value)
		}
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.OCSP.MaxAnswers <= 0 {
		c.OCSP.MaxAnswers = DefaultMaxAnswers
	}
	if c.OCSP.MaxQueries <= 0 {
		c.OCSP.MaxQueries = DefaultMaxQueries
	}
	return nil
}

// refresh is the interval of a source.
func (c *Config) refresh(source string) time.Duration {
	switch {
	case c.Refresh > 0:
		return c.Refresh
	case isURL(source):
		return DefaultRefreshURLs
	}
	return DefaultRefreshFiles
}

func isURL(source string) bool { return strings.Contains(source, "://") }

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%.128q is not an http:// or https:// URL", s)
	}
	return nil
}
