// Package revocation finds out whether a client's certificate has been revoked: from certificate revocation lists
// (RFC 5280) and by the Online Certificate Status Protocol (RFC 6960), stapled or asked.
//
// [New] makes the checker that a [Config] describes. Each certificate of a chain is looked at, except for the trusted CA:
// in the lists of its issuer, in the OCSP response that the client stapled, among the answers that responders gave
// before. Only when none of them says anything a responder is asked, and somebody waits. A revocation counts wherever
// it is found, in an expired list too; what else is expired, signed by others or malformed counts for nothing.
package revocation

import (
	"crypto/x509"
	"time"
)

// A Status is what is known of a chain of certificates.
type Status uint8

const (
	// Good: no certificate of the chain is revoked, as far as the settings ask to know.
	Good Status = iota
	// Revoked: one is.
	Revoked
	// Undetermined: it could not be found out, and the setting is to refuse then (hard fail).
	Undetermined
)

// A Verdict is the outcome of a check.
type Verdict struct {
	Status Status
	// Certificate is the one that is revoked, or of which nothing could be found out.
	Certificate *x509.Certificate
	// RevokedAt is when, with Revoked, and Reason the CRLReason of RFC 5280 section 5.3.1.
	RevokedAt time.Time
	Reason    int
	// Source is where it was learnt, for example "crl corp.crl", "ocsp stapled", "ocsp http://ocsp.corp.example".
	Source string
	// BadStaple says, with Undetermined, that the client's own OCSP response cannot be believed.
	BadStaple bool
	// Text says it for people; with Good it may say what could not be found out (soft fail).
	Text string
}

// A Checker checks chains. It calls verdict exactly once, before Check returns or later, from any task. Check itself
// must not block.
type Checker interface {
	// Check looks at a chain, the client's certificate first and the trusted CA last, as of now. Staple is the OCSP
	// response that the client sent with its certificate, if any.
	Check(now time.Time, chain []*x509.Certificate, staple []byte, verdict func(Verdict))
}
