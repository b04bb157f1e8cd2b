package eapserver

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
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

// leastRSA is the length of the shortest RSA key that is taken, in bits. NIST SP 800-131A has disallowed shorter ones
// since 2014, and OpenSSL refuses them at security level 2, which distributions make the default; crypto/tls takes them.
const leastRSA = 2048

// weakest returns the first certificate below the root with a key that is too short, and the key's length, or nil.
func weakest(chain []*x509.Certificate) (*x509.Certificate, int) {
	for _, c := range chain[:max(1, len(chain)-1)] {
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < leastRSA {
			return c, key.N.BitLen()
		}
	}
	return nil, 0
}

// A certificateError is that a certificate, although its chain is right, cannot be taken.
type certificateError struct {
	reason Reason
	text   string
}

func (e certificateError) Error() string { return e.text }

// judgeKeys is the refusal of a client for what the certificates of its chain say of their keys, or nil.
func judgeKeys(chain []*x509.Certificate) error {
	leaf := chain[0]
	if !maySign(leaf) {
		return &eap.Refusal{Alert: eap.AlertUnsupportedCertificate,
			Err: certificateError{BadEKU, "certificate " + name(leaf.Subject) + " is not for digital signatures"}}
	}
	if weak, bits := weakest(chain); weak != nil {
		return &eap.Refusal{Alert: eap.AlertBadCertificate,
			Err: certificateError{Certificate, fmt.Sprintf("certificate %s has an RSA key of %d bits; the least is %d", name(weak.Subject), bits, leastRSA)}}
	}
	return nil
}

// trust verifies the certificates that a client has sent, now or when the session was made that it resumes, as of now.
// The chain does not change.
func (c *tlsCore) trust(sent []*x509.Certificate) (chain []*x509.Certificate, err error) {
	chain, err = c.config.Chains.Verify(sent, x509.VerifyOptions{
		Roots: c.roots, CurrentTime: c.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return nil, &tls.CertificateVerificationError{UnverifiedCertificates: sent, Err: err}
	}
	return chain, nil
}

// verify is crypto/tls's callback in a full handshake and in a resumed one. It verifies the chain, which crypto/tls would do
// without memory; what the chain says of revocation is asked for outside of the engine's coroutine.
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
	chain, err := c.trust(state.PeerCertificates)
	if err != nil {
		return err
	}
	if err := judgeKeys(chain); err != nil {
		return err
	}
	c.chain = chain
	if c.config.Revocation == nil {
		return nil
	}
	c.inquiry = &inquiry{chain: chain}
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
