package eappeer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"nacsim/internal/eap"
)

// tlsConfig is the configuration of one handshake, before the host has prepared it.
//
// The server's certificate is verified here and not by crypto/tls, for its rules are those of 802.1X and not of
// the web: a network has no host name to compare with or to send, and a resumed session is verified like a new one.
func (p *Peer) tlsConfig(typ eap.Type, certificate tls.Certificate, tunnelled bool) *tls.Config {
	c := &tls.Config{
		InsecureSkipVerify: true,
		VerifyConnection:   func(s tls.ConnectionState) error { return p.cfg.verify(s.PeerCertificates, p.now) },
		MinVersion:         p.cfg.MinTLS,
		MaxVersion:         p.cfg.MaxTLS,
		CurvePreferences:   p.cfg.Groups,
		Time:               func() time.Time { return p.now },
		// Supplicants present the certificate they are configured with, also to a server that names other
		// authorities; with Certificates, crypto/tls would present none.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil },
	}
	if typ == eap.TypeTEAP {
		c.MaxVersion = tls.VersionTLS12 // as it is deployed
	}
	if p.sessions.kept != nil && !tunnelled && typ != eap.TypeTEAP {
		c.ClientSessionCache = &p.sessions
	}
	return c
}

var errNoCertificate = errors.New("server sent no certificate")

// verify is the peer's verdict on the chain of a server.
func (c *Config) verify(chain []*x509.Certificate, now time.Time) error {
	if len(chain) == 0 {
		return &tls.CertificateVerificationError{Err: errNoCertificate}
	}
	if c.AnyServer {
		return nil
	}
	o := x509.VerifyOptions{Roots: c.RootCAs, DNSName: c.ServerName, CurrentTime: now, Intermediates: x509.NewCertPool()}
	for _, intermediate := range chain[1:] {
		o.Intermediates.AddCert(intermediate)
	}
	_, err := chain[0].Verify(o)
	if err == nil && c.ServerSuffix != "" && !nameUnder(chain[0], c.ServerSuffix) {
		err = x509.HostnameError{Certificate: chain[0], Host: c.ServerSuffix}
	}
	if err == nil {
		return nil
	}
	verdict := &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	if errors.As(err, new(x509.HostnameError)) && c.NameAlert != 0 {
		return &eap.Refusal{Alert: c.NameAlert, Err: verdict}
	}
	return verdict
}

// nameUnder reports whether the certificate has a DNS name that is the domain or one below it, label by label, as
// wpa_supplicant's domain_suffix_match wants.
func nameUnder(c *x509.Certificate, domain string) bool {
	domain = strings.ToLower(domain)
	for _, name := range c.DNSNames {
		if name = strings.ToLower(name); name == domain || strings.HasSuffix(name, "."+domain) {
			return true
		}
	}
	return false
}
