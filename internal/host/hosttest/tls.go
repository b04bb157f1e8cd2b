package hosttest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/netip"
	"time"

	"nacsim/internal/host"
)

var tlsTests = []test{
	{"a mutual handshake over a stream", func(s *stage) {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			name := tls.VersionName(version)
			ends := s.tlsServer(name, version)
			s.host("client of "+name, func(h host.Host) error {
				s.task(h, "test", func() error {
					cert := ends.ca.issue("client", h.Now(), time.Hour)
					c, err := ends.dial(h, &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: ends.ca.pool(), ServerName: "server"})
					if err != nil {
						return err
					}
					defer c.Close()
					got, err := io.ReadAll(c)
					if err != nil || string(got) != "hello client" {
						return fmt.Errorf("read %q, %v", got, err)
					}
					if v := c.ConnectionState().Version; v != version {
						return fmt.Errorf("version %s", tls.VersionName(v))
					}
					return nil
				})
				return nil
			})
			s.finish()
		}
	}},
	{"certificates are checked on the machine's clock", func(s *stage) {
		ends := s.tlsServer("server", tls.VersionTLS13)
		s.client(func(h host.Host) error {
			expired := ends.ca.issue("client", h.Now().Add(-2*time.Hour), time.Hour)
			c, err := ends.dial(h, &tls.Config{Certificates: []tls.Certificate{expired}, RootCAs: ends.ca.pool(), ServerName: "server"})
			if err == nil {
				// With TLS 1.3 the client learns from its first Read.
				_, err = io.ReadAll(c)
				c.Close()
			}
			if err == nil {
				return errors.New("the server accepts an expired certificate")
			}
			if errors.Is(err, host.ErrTimeout) {
				return err
			}
			return nil
		})
	}},
	{"TLS leaves its argument alone and keeps what it says", func(s *stage) {
		s.solo(func(h host.Host) error {
			c := &tls.Config{ServerName: "x", MinVersion: tls.VersionTLS12}
			got := h.TLS("label", c)
			if got == c || c.Time != nil || c.KeyLogWriter != nil || c.Rand != nil {
				return errors.New("TLS changed the configuration it was given")
			}
			if got.ServerName != "x" || got.MinVersion != tls.VersionTLS12 || got.Time == nil {
				return fmt.Errorf("TLS returned %+v", got)
			}
			if d := got.Time().Sub(h.Now()).Abs(); d > time.Second {
				return fmt.Errorf("TLS time is off by %v", d)
			}
			return nil
		})
	}},
}

// tlsEnds is a TLS server that says hello to the common name of each client.
type tlsEnds struct {
	ca   *authority
	addr string
}

func (s *stage) tlsServer(name string, version uint16) *tlsEnds {
	s.t.Helper()
	ends := &tlsEnds{}
	s.host(name, func(h host.Host) error {
		ends.ca = newAuthority(h.Now())
		cert := ends.ca.issue("server", h.Now(), time.Hour)
		l, err := h.Listen(netip.AddrPortFrom(h.Addr(), 0))
		if err != nil {
			return err
		}
		ends.addr = l.Addr().String()
		h.Go("accept", func() {
			for n := 0; ; n++ {
				c, err := l.Accept()
				if err != nil {
					return
				}
				config := h.TLS(fmt.Sprintf("server/%d", n), &tls.Config{
					Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert,
					ClientCAs: ends.ca.pool(), MinVersion: version, MaxVersion: version,
				})
				h.Go("greet", func() { greet(h, tls.Server(c, config)) })
			}
		})
		return nil
	})
	return ends
}

func greet(h host.Host, c *tls.Conn) {
	defer c.Close()
	_ = c.SetDeadline(h.Now().Add(patience))
	if c.Handshake() == nil {
		fmt.Fprintf(c, "hello %s", c.ConnectionState().PeerCertificates[0].Subject.CommonName)
	}
}

func (e *tlsEnds) dial(h host.Host, config *tls.Config) (*tls.Conn, error) {
	raw, err := h.Dial(e.addr, patience)
	if err != nil {
		return nil, err
	}
	c := tls.Client(raw, h.TLS("client", config))
	err = first(c.SetDeadline(h.Now().Add(patience)), c.Handshake())
	if err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

// authority is a certification authority with keys that are the same in every run.
type authority struct {
	cert *x509.Certificate
	key  ed25519.PrivateKey
}

func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("hosttest " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func newAuthority(now time.Time) *authority {
	a := &authority{key: key("authority")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hosttest"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert = certificate(template, template, a.key, a.key)
	return a
}

// issue makes a certificate that is valid from one minute before from.
func (a *authority) issue(name string, from time.Time, validity time.Duration) tls.Certificate {
	k := key(name)
	cert := certificate(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: from.Add(-time.Minute), NotAfter: from.Add(validity), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, k, a.key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: k, Leaf: cert}
}

func certificate(template, parent *x509.Certificate, k, signer ed25519.PrivateKey) *x509.Certificate {
	// Ed25519 signatures take no randomness, so no reader is needed.
	der, err := x509.CreateCertificate(nil, template, parent, k.Public(), signer)
	if err == nil {
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(der); err == nil {
			return cert
		}
	}
	panic(err)
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}
