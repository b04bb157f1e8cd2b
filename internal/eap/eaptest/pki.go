// Package eaptest is what tests of EAP need: certificates, and an EAP-TLS peer that can misbehave.
package eaptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// Now is the time at which the certificates of [CA.Issue] are valid, in the middle of their two years.
var Now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// year is half the validity of what is issued.
const year = 365 * 24 * time.Hour

// A CA issues certificates.
type CA struct {
	t     testing.TB
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	chain [][]byte // its own certificate and those above, without the root
	next  int64
}

// NewCA returns a root CA.
func NewCA(t testing.TB, name string) *CA {
	t.Helper()
	template := authority(name)
	key := newKey(t)
	return &CA{t: t, key: key, cert: sign(t, template, template, key, key), next: 1}
}

// Sub returns an intermediate CA.
func (ca *CA) Sub(name string) *CA {
	ca.t.Helper()
	key := newKey(ca.t)
	cert := sign(ca.t, authority(name), ca.cert, key, ca.key)
	return &CA{t: ca.t, key: key, cert: cert, chain: append([][]byte{cert.Raw}, ca.chain...), next: 1}
}

// Certificate is the CA's own.
func (ca *CA) Certificate() *x509.Certificate { return ca.cert }

// Pool holds the CA alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// Issue returns a certificate for a client or server with the common name and DNS name; change may alter it
// before it is signed.
func (ca *CA) Issue(name string, change ...func(*x509.Certificate)) tls.Certificate {
	ca.t.Helper()
	ca.next++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(ca.next),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    Now.Add(-year),
		NotAfter:     Now.Add(year),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, f := range change {
		f(template)
	}
	key := newKey(ca.t)
	leaf := sign(ca.t, template, ca.cert, key, ca.key)
	return tls.Certificate{Certificate: append([][]byte{leaf.Raw}, ca.chain...), PrivateKey: key, Leaf: leaf}
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             Now.Add(-10 * year),
		NotAfter:              Now.Add(10 * year),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// ServerTLS is the configuration of a server with a certificate of ca for radius.corp.example, which trusts the
// clients of ca.
func ServerTLS(ca *CA) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{ca.Issue("radius.corp.example")},
		ClientCAs:    ca.Pool(),
		ClientAuth:   tls.RequireAndVerifyClientCert,
		Time:         func() time.Time { return Now },
	}
}

// ClientTLS is the configuration of a client with the given certificates that trusts the servers of ca, restricted
// to one TLS version.
func ClientTLS(ca *CA, version uint16, certs ...tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: certs,
		RootCAs:      ca.Pool(),
		ServerName:   "radius.corp.example",
		MinVersion:   version,
		MaxVersion:   version,
		Time:         func() time.Time { return Now },
	}
}
