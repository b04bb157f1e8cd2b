package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
)

// A Revocation is a certificate that is no longer to be believed.
type Revocation struct {
	Serial *big.Int
	// At is when it was revoked and Reason why: the CRLReason of RFC 5280 section 5.3.1, 0 for unspecified.
	At     time.Time
	Reason int
}

// Revocations is what an authority has revoked, and how it tells. It is safe for concurrent use.
type Revocations struct {
	authority *Authority

	mu      sync.Mutex
	entries []Revocation
	number  int64 // of the last CRL
}

// Revocations returns an empty list of the authority's.
func (a *Authority) Revocations() *Revocations { return &Revocations{authority: a} }

// Revoke adds an entry, unless the certificate is revoked already.
func (r *Revocations) Revoke(entry Revocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.find(entry.Serial) == nil {
		r.entries = append(r.entries, entry)
	}
}

func (r *Revocations) find(serial *big.Int) *Revocation {
	for i := range r.entries {
		if r.entries[i].Serial.Cmp(serial) == 0 {
			return &r.entries[i]
		}
	}
	return nil
}

// CRL issues a certificate revocation list (RFC 5280 section 5) in DER, valid from now for the given time.
func (r *Revocations) CRL(now time.Time, valid time.Duration) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number++
	template := &x509.RevocationList{
		Number:     big.NewInt(r.number),
		ThisUpdate: now.UTC().Truncate(time.Second),
		NextUpdate: now.Add(valid).UTC().Truncate(time.Second),
	}
	for _, e := range r.entries {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: e.Serial, RevocationTime: e.At.UTC().Truncate(time.Second), ReasonCode: e.Reason})
	}
	der, err := x509.CreateRevocationList(nil, template, r.authority.certificate, steady{r.authority.key})
	if err != nil {
		return nil, fmt.Errorf("pki: CRL: %w", err)
	}
	return der, nil
}

// Status answers an OCSP request (RFC 6960) in DER, valid from now for the given time. A serial number that is not
// revoked is good, whether it was ever issued or not: the authority keeps no record of what it issued.
func (r *Revocations) Status(request []byte, now time.Time, valid time.Duration) ([]byte, error) {
	q, err := ocsp.ParseRequest(request)
	if err != nil {
		return nil, fmt.Errorf("pki: OCSP request: %w", err)
	}
	template := ocsp.Response{
		Status: ocsp.Good, SerialNumber: q.SerialNumber, IssuerHash: q.HashAlgorithm,
		ThisUpdate: now.UTC().Truncate(time.Second), NextUpdate: now.Add(valid).UTC().Truncate(time.Second),
	}
	r.mu.Lock()
	if e := r.find(q.SerialNumber); e != nil {
		template.Status, template.RevokedAt, template.RevocationReason = ocsp.Revoked, e.At.UTC(), e.Reason
	}
	r.mu.Unlock()
	issuer := r.authority.certificate
	der, err := ocsp.CreateResponse(issuer, issuer, template, steady{r.authority.key})
	if err != nil {
		return nil, fmt.Errorf("pki: OCSP response: %w", err)
	}
	return der, nil
}

// maxRequest is the longest OCSP request taken, in octets.
const maxRequest = 4 << 10

// Handler serves GET /crl and POST /ocsp over HTTP, as the distribution point and the responder that certificates name
// (RFC 5280 section 4.2.1.13, RFC 6960 appendix A.1). What it says is valid for the given time; the clock is the
// machine's.
func (r *Revocations) Handler(clock func() time.Time, valid time.Duration) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /crl", func(w http.ResponseWriter, q *http.Request) {
		der, err := r.CRL(clock(), valid)
		respond(w, "application/pkix-crl", der, err)
	})
	mux.HandleFunc("POST /ocsp", func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(io.LimitReader(q.Body, maxRequest+1))
		if err != nil || len(body) > maxRequest || !strings.HasPrefix(q.Header.Get("Content-Type"), "application/ocsp-request") {
			respond(w, "application/ocsp-response", ocsp.MalformedRequestErrorResponse, nil)
			return
		}
		der, err := r.Status(body, clock(), valid)
		if err != nil {
			der = ocsp.MalformedRequestErrorResponse
		}
		respond(w, "application/ocsp-response", der, nil)
	})
	return mux
}

func respond(w http.ResponseWriter, contentType string, body []byte, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(body) // a client that has gone is not the server's concern
}

// steady signs without randomness, whatever its caller offers: the same octets in every run (RFC 6979).
type steady struct{ key *ecdsa.PrivateKey }

func (s steady) Public() crypto.PublicKey { return s.key.Public() }

func (s steady) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.key.Sign(nil, digest, opts)
}

// Publish makes the certificates that the authority issues from now on name where their revocation can be learnt: the
// URL of the list (CRL distribution point) and of the responder (authority information access). An empty one is left
// out.
func (a *Authority) Publish(crl, responder string) { a.crl, a.responder = crl, responder }
