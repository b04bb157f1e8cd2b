package revocation

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
)

var epoch = testhost.Start

const day = 24 * time.Hour

// An authority issues certificates, lists and responses.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRoot(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	a.cert = a.sign(authorityTemplate(name), a.key, nil)
	return a
}

func authorityTemplate(name string) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotBefore: epoch.Add(-365 * day), NotAfter: epoch.Add(365 * day)}
}

// sign issues a certificate; for a self-signed one a has none yet.
func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey, change func(*x509.Certificate)) *x509.Certificate {
	a.t.Helper()
	if change != nil {
		change(template)
	}
	parent := a.cert
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// sub is an intermediate authority with serial number 2.
func (a *authority) sub(name string) *authority {
	a.t.Helper()
	key, template := newKey(a.t), authorityTemplate(name)
	template.SerialNumber = big.NewInt(2)
	return &authority{t: a.t, key: key, cert: a.sign(template, key, nil), next: 100}
}

func (a *authority) issue(change func(*x509.Certificate)) *x509.Certificate {
	a.t.Helper()
	a.next++
	return a.sign(&x509.Certificate{SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: "laptop"},
		NotBefore: epoch.Add(-day), NotAfter: epoch.Add(300 * day), KeyUsage: x509.KeyUsageDigitalSignature}, newKey(a.t), change)
}

// crl is a list with the serial numbers, valid for a day from at.
func (a *authority) crl(at time.Time, change func(*x509.RevocationList), serials ...*x509.Certificate) []byte {
	a.t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(at.Unix()), ThisUpdate: at, NextUpdate: at.Add(day)}
	for _, c := range serials {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: at.Add(-time.Hour), ReasonCode: ocsp.KeyCompromise})
	}
	if change != nil {
		change(l)
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

// response answers for a certificate, valid for an hour from at.
func (a *authority) response(cert *x509.Certificate, at time.Time, change func(*ocsp.Response)) []byte {
	a.t.Helper()
	return a.responseBy(a.cert, a.key, cert, at, change)
}

func (a *authority) responseBy(responder *x509.Certificate, key *ecdsa.PrivateKey, cert *x509.Certificate, at time.Time, change func(*ocsp.Response)) []byte {
	a.t.Helper()
	r := ocsp.Response{Status: ocsp.Good, SerialNumber: cert.SerialNumber, ThisUpdate: at, NextUpdate: at.Add(time.Hour)}
	if responder != a.cert {
		r.Certificate = responder
	}
	if change != nil {
		change(&r)
	}
	b, err := ocsp.CreateResponse(a.cert, responder, r, key)
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

func pemCRL(ders ...[]byte) []byte {
	var b bytes.Buffer
	for _, der := range ders {
		b.WriteString("some text\n")
		if err := pem.Encode(&b, &pem.Block{Type: "X509 CRL", Bytes: der}); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// A web is a machine whose files and web servers the test owns.
type web struct {
	*testhost.Machine
	files    map[string][]byte
	pages    map[string]func(*http.Request) ([]byte, int)
	requests []string
	latency  time.Duration
	running  int
	busiest  int
}

func newWeb(t *testing.T) *web {
	return &web{Machine: testhost.New(t).Machine("nac", "10.0.0.1"), files: map[string][]byte{}, pages: map[string]func(*http.Request) ([]byte, int){}}
}

func (w *web) read(name string) ([]byte, error) {
	if b, ok := w.files[name]; ok {
		return b, nil
	}
	return nil, errors.New(name + ": no such file")
}

func (w *web) RoundTrip(req *http.Request, o host.HTTPOptions) (*http.Response, error) {
	w.requests = append(w.requests, req.Method+" "+req.URL.String())
	w.running++
	w.busiest = max(w.busiest, w.running)
	err := w.Sleep(min(w.latency, o.Timeout))
	w.running--
	page := w.pages[req.URL.String()]
	if err != nil || page == nil || w.latency >= o.Timeout {
		return nil, host.ErrTimeout
	}
	body, status := page(req)
	if int64(len(body)) > o.MaxBody {
		return nil, errors.New("body is too long")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// service starts one that reads the web.
func (w *web) service(t *testing.T, c Config) *Service {
	t.Helper()
	c.ReadFile = w.read
	s, err := New(w, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// check waits for the verdict.
func (w *web) check(t *testing.T, s *Service, staple []byte, chain ...*x509.Certificate) Verdict {
	t.Helper()
	var got []Verdict
	w.Do(func() {
		s.Check(w.Now(), chain, staple, func(v Verdict) { got = append(got, v) })
		for len(got) == 0 {
			if w.Sleep(time.Second) != nil {
				return
			}
		}
	})
	if len(got) != 1 {
		t.Fatalf("%d verdicts", len(got))
	}
	return got[0]
}
