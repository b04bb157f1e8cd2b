package interop

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"sync"
	"testing"
	"time"

	"nacsim/sim/pki"
)

const (
	serverName = "radius.corp.example"
	identity   = "host/LAPTOP-1"
)

// valid is the usual lifetime of a test's certificates: from an hour ago until in an hour.
func valid() (from, to time.Time) {
	now := time.Now()
	return now.Add(-time.Hour), now.Add(time.Hour)
}

func newAuthority(t *testing.T, name string) *pki.Authority {
	t.Helper()
	now := time.Now()
	a, err := pki.NewAuthority(name, now.Add(-48*time.Hour), now.Add(48*time.Hour), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// issuing adds an issuing CA, as most organisations have one, so that both ends send a chain.
func issuing(t *testing.T, a *pki.Authority) *pki.Authority {
	t.Helper()
	below, err := a.Intermediate("Contoso Issuing CA", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return below
}

func serverCertificate(t *testing.T, a *pki.Authority, from, to time.Time) tls.Certificate {
	t.Helper()
	c, err := a.Server([]string{serverName}, from, to, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// clientCertificate is written as an Intune SCEP profile writes one.
func clientCertificate(t *testing.T, a *pki.Authority, device string, from, to time.Time) tls.Certificate {
	t.Helper()
	profile := pki.Profile{Subject: "CN={{DeviceName}},O=Contoso", DNS: []string{"{{DeviceId}}"}}
	variables := pki.Variables{DeviceName: device, DeviceID: "b3ab8d14-9d1c-4f1e-9a0e-4d2a6f0a7f11"}
	c, err := a.Client(profile, variables, from, to, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rsaCredentials are a CA, a server and a client with RSA keys, as older deployments have.
type rsaCredentials struct {
	root           *x509.Certificate
	server, client tls.Certificate
	err            error
}

// newRSACredentials makes them once, since RSA keys take long to find.
var newRSACredentials = sync.OnceValue(func() (c rsaCredentials) {
	from, to := valid()
	var key *rsa.PrivateKey
	issue := func(serial int64, template *x509.Certificate) tls.Certificate {
		subject, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			c.err = err
			return tls.Certificate{}
		}
		template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(serial), from, to
		parent, signer := c.root, key
		if parent == nil {
			parent, signer, key = template, subject, subject
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &subject.PublicKey, signer)
		if err != nil {
			c.err = err
			return tls.Certificate{}
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			c.err = err
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: subject, Leaf: leaf}
	}
	c.root = issue(1, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Contoso RSA Root CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}).Leaf
	if c.err != nil {
		return c
	}
	leaf := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	c.server = issue(2, &x509.Certificate{
		Subject: pkix.Name{CommonName: serverName}, DNSNames: []string{serverName}, KeyUsage: leaf, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	c.client = issue(3, &x509.Certificate{
		Subject: pkix.Name{CommonName: "LAPTOP-1"}, KeyUsage: leaf, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return c
})

// writeCertificate writes a certificate with its chain, and its key, as PEM files.
func writeCertificate(t *testing.T, dir, name string, c tls.Certificate) (chain, key string) {
	t.Helper()
	var b []byte
	for _, der := range c.Certificate {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	chain = writeFile(t, dir, name+".pem", b)
	key = writeFile(t, dir, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return chain, key
}

// writeRoot writes the certificate of a root CA.
func writeRoot(t *testing.T, dir, name string, root *x509.Certificate) string {
	t.Helper()
	return writeFile(t, dir, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}))
}
