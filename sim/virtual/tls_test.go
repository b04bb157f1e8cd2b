package virtual_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/virtual"
)

var start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// certificate is self-signed, for both roles.
func certificate(t *testing.T, seed string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	digest := sha256.Sum256([]byte(seed))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: seed}, DNSNames: []string{"peer"},
		NotBefore: start, NotAfter: start.Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// tapped remembers what a connection received.
type tapped struct {
	net.Conn
	seen *bytes.Buffer
}

func (c tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.seen.Write(b[:n])
	return n, err
}

// handshake returns every octet that a mutual handshake in a virtual world put on the wire.
func handshake(t *testing.T, seed uint64, version uint16) []byte {
	t.Helper()
	cert, pool := certificate(t, "peer")
	w := virtual.New(virtual.Config{Start: start, Seed: seed})
	defer w.Close()
	var wire [2]bytes.Buffer
	addr := netip.MustParseAddr("10.0.0.1")
	err := w.AddHost("server", addr, func(h host.Host) error {
		l, err := h.Listen(netip.AddrPortFrom(addr, 2083))
		if err != nil {
			return err
		}
		h.Go("accept", func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s := tls.Server(tapped{c, &wire[0]}, h.TLS("server", &tls.Config{
				Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: version, MaxVersion: version}))
			io.Copy(s, s)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.AddHost("client", netip.MustParseAddr("10.0.0.2"), func(h host.Host) error {
		h.Go("main", func() {
			c, err := h.Dial("server:2083", time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			s := tls.Client(tapped{c, &wire[1]}, h.TLS("client", &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "peer", MinVersion: version, MaxVersion: version}))
			if _, err := s.Write([]byte("hello")); err != nil {
				t.Error(err)
			}
			io.ReadFull(s, make([]byte, 5))
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.RunUntil(func() bool { return false }, time.Minute)
	if wire[1].Len() < 500 {
		t.Fatalf("the handshake did not take place: %d octets", wire[1].Len())
	}
	return append(wire[0].Bytes(), wire[1].Bytes()...)
}

// The guard for all that TLS in this package relies on: should a Go release change what crypto/tls draws from
// Config.Rand, or drop the GODEBUG setting cryptocustomrand, this fails first.
func TestTLSIsRepeatable(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			first := handshake(t, 1, version)
			for range 20 {
				if !bytes.Equal(first, handshake(t, 1, version)) {
					t.Fatal("the same seed gave different octets on the wire")
				}
			}
			if bytes.Equal(first, handshake(t, 2, version)) {
				t.Fatal("another seed gave the same octets: the randomness does not come from the seed")
			}
		})
	}
}
