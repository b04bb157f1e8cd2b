package eappeer

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// tlsConfig is the configuration of one handshake, before the host has prepared it.
//
// The server's certificate is verified here and not by crypto/tls, for its rules are those of 802.1X and not of
// the web: a network has no host name to compare with or to send, and a resumed session is verified like a new one.
func (p *Peer) tlsConfig() *tls.Config {
	now := func() time.Time { return p.now }
	return &tls.Config{
		InsecureSkipVerify: true,
		VerifyConnection:   func(s tls.ConnectionState) error { return p.cfg.verify(s.PeerCertificates, p.now) },
		MinVersion:         p.cfg.MinTLS,
		MaxVersion:         p.cfg.MaxTLS,
		ClientSessionCache: p.cfg.Sessions,
		Time:               now,
		// What deployed supplicants offer. Go's own first choice, X25519MLKEM768, makes the ClientHello exceed an
		// EAP packet and costs a round trip.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384},
		// Supplicants present the certificate they are configured with, also to a server that names other
		// authorities; with Certificates, crypto/tls would present none.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &p.cfg.Certificate, nil },
	}
}

// verify is the peer's verdict on the chain of a server.
func (c *Config) verify(chain []*x509.Certificate, now time.Time) error {
	if len(chain) == 0 {
		return &tls.CertificateVerificationError{Err: errNoCertificate}
	}
	o := x509.VerifyOptions{Roots: c.RootCAs, DNSName: c.ServerName, CurrentTime: now, Intermediates: x509.NewCertPool()}
	for _, intermediate := range chain[1:] {
		o.Intermediates.AddCert(intermediate)
	}
	if _, err := chain[0].Verify(o); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}
