package eapserver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync"

	"nacsim/internal/eap"
	"nacsim/nac/revocation"
)

// errNoCertificate is that a client has no certificate where the method needs one.
var errNoCertificate = errors.New("client has no certificate")

// A revocationError is the verdict on a chain that is refused.
type revocationError struct{ verdict revocation.Verdict }

func (e *revocationError) Error() string { return e.verdict.Text }

// maySign reports whether a certificate's key may sign the handshake, as the client's must: the keyUsage extension
// allows it, or is not there (RFC 5280 section 4.2.1.3, RFC 8446 section 4.4.2.2). crypto/x509 does not look.
func maySign(c *x509.Certificate) bool {
	return c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageDigitalSignature != 0
}

// A usageError is that a certificate is for something else.
type usageError struct{ certificate *x509.Certificate }

func (e usageError) Error() string {
	return "certificate " + name(e.certificate.Subject) + " is not for digital signatures"
}

// verify is crypto/tls's callback in a full handshake and in a resumed one. The chain has been verified, at the time
// of this handshake in either case; what it says of revocation is asked for outside of the engine's coroutine.
func (c *tlsCore) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		if c.auth != tls.RequireAndVerifyClientCert {
			return nil
		}
		alert := eap.AlertHandshakeFailure
		if state.Version >= tls.VersionTLS13 {
			alert = eap.AlertCertificateRequired
		}
		return &eap.Refusal{Alert: alert, Err: errNoCertificate}
	}
	if leaf := state.PeerCertificates[0]; !maySign(leaf) {
		return &eap.Refusal{Alert: eap.AlertUnsupportedCertificate, Err: usageError{leaf}}
	}
	if c.config.Revocation == nil || len(state.VerifiedChains) == 0 {
		return nil
	}
	c.inquiry = &inquiry{chain: state.VerifiedChains[0]}
	if !state.DidResume { // else it is that of the first handshake
		c.inquiry.staple = state.OCSPResponse
	}
	if !c.engine.Pause() {
		return eap.ErrClosed
	}
	v, _ := c.inquiry.verdict()
	c.inquiry = nil
	return refusal(v)
}

// refusal is the error, with its alert, for a verdict on revocation, or nil.
func refusal(v revocation.Verdict) error {
	alert := eap.AlertCertificateUnknown
	switch {
	case v.Status == revocation.Good:
		return nil
	case v.Status == revocation.Revoked:
		alert = eap.AlertCertificateRevoked
	case v.BadStaple:
		alert = eap.AlertBadStatusResponse
	}
	return &eap.Refusal{Alert: alert, Err: &revocationError{v}}
}

// An inquiry is a question to the revocation checker, who may answer from another task.
type inquiry struct {
	chain  []*x509.Certificate
	staple []byte

	mu       sync.Mutex
	answered bool
	answer   revocation.Verdict
	done     func() // who waits for the answer
}

// ask puts the question, which must not be done inside of the engine: the checker may start tasks.
func (q *inquiry) ask(c *tlsCore) {
	c.config.Revocation.Check(c.now, q.chain, q.staple, func(v revocation.Verdict) {
		q.mu.Lock()
		q.answered, q.answer = true, v
		done := q.done
		q.mu.Unlock()
		if done != nil {
			done()
		}
	})
}

func (q *inquiry) verdict() (v revocation.Verdict, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.answer, q.answered
}

// wait calls done once the answer is there, at once if it is.
func (q *inquiry) wait(done func()) {
	q.mu.Lock()
	answered := q.answered
	if !answered {
		q.done = done
	}
	q.mu.Unlock()
	if answered {
		done()
	}
}
