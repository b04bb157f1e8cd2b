package pki

import (
	"bytes"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// TestCRL: what is issued is what crypto/x509 reads, with the signature of the authority, and the same in every run.
func TestCRL(t *testing.T) {
	a := authority(t, 1)
	leaf := client(t, a, Profile{Subject: "CN=x"}, Seeded(1, "x")).Leaf
	issue := func() []byte {
		r := a.Revocations()
		r.Revoke(Revocation{Serial: leaf.SerialNumber, At: during, Reason: 1})
		r.Revoke(Revocation{Serial: leaf.SerialNumber, At: during.Add(time.Hour), Reason: 4}) // it is already
		der, err := r.CRL(during, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	der := issue()
	if !bytes.Equal(der, issue()) {
		t.Error("two lists of the same content differ")
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(a.Certificate()); err != nil {
		t.Error(err)
	}
	if len(list.RevokedCertificateEntries) != 1 || !list.NextUpdate.Equal(during.Add(time.Hour)) {
		t.Fatalf("list has %v, next update %v", list.RevokedCertificateEntries, list.NextUpdate)
	}
	if e := list.RevokedCertificateEntries[0]; e.SerialNumber.Cmp(leaf.SerialNumber) != 0 || e.ReasonCode != 1 || !e.RevocationTime.Equal(during) {
		t.Errorf("entry is %+v", e)
	}
}

// TestResponder asks as a relying party does (RFC 6960 appendix A.1).
func TestResponder(t *testing.T) {
	a := authority(t, 1)
	a.Publish("http://pki.test/crl", "http://pki.test/ocsp")
	good := client(t, a, Profile{Subject: "CN=good"}, Seeded(1, "good")).Leaf
	bad := client(t, a, Profile{Subject: "CN=bad"}, Seeded(1, "bad")).Leaf
	if len(bad.OCSPServer) != 1 || len(bad.CRLDistributionPoints) != 1 {
		t.Fatalf("certificate names %v and %v", bad.OCSPServer, bad.CRLDistributionPoints)
	}
	r := a.Revocations()
	r.Revoke(Revocation{Serial: bad.SerialNumber, At: during})
	handler := r.Handler(func() time.Time { return during }, time.Hour)
	for _, c := range []struct {
		leaf *x509.Certificate
		want int
	}{{good, ocsp.Good}, {bad, ocsp.Revoked}} {
		request, err := ocsp.CreateRequest(c.leaf, a.Certificate(), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := ocsp.ParseResponseForCert(post(handler, request), c.leaf, a.Certificate())
		if err != nil {
			t.Fatal(err)
		}
		if answer.Status != c.want || !answer.NextUpdate.Equal(during.Add(time.Hour)) {
			t.Errorf("%s: status %d until %v, want %d", c.leaf.Subject, answer.Status, answer.NextUpdate, c.want)
		}
	}
	for _, broken := range [][]byte{nil, {0x30}, bytes.Repeat([]byte{1}, maxRequest+1)} {
		if _, err := ocsp.ParseResponse(post(handler, broken), nil); err == nil {
			t.Errorf("a request of %d octets is answered", len(broken))
		}
	}
}

func post(h http.Handler, request []byte) []byte {
	q := httptest.NewRequest("POST", "/ocsp", bytes.NewReader(request))
	q.Header.Set("Content-Type", "application/ocsp-request")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	return w.Body.Bytes()
}
