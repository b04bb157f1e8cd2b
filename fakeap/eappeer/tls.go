package eappeer

import (
	"crypto/tls"
	"errors"
	"io"

	"nacsim/internal/eap"
)

// tlsMethod is one run of EAP-TLS (RFC 5216, RFC 9190), from its Start on.
type tlsMethod struct {
	tls    *eap.TLS
	framer *eap.Framer
	typ    eap.Type
	reason string // why it has failed on this side, or what alert the server sent
}

func newTLSMethod(p *Peer) *tlsMethod {
	return &tlsMethod{tls: eap.NewTLSClient(p.prepare(p.tlsConfig())), framer: eap.NewFramer(p.cfg.FragmentSize), typ: p.cfg.Method}
}

func (m *tlsMethod) close() { m.tls.Close() }

// respond answers the data of a request. What is malformed is discarded.
func (m *tlsMethod) respond(data []byte) (response []byte, ok bool) {
	if _, start := eap.IsStart(data); start {
		return m.step(nil), true
	}
	message, complete, err := m.framer.Receive(data)
	switch {
	case err != nil:
		m.reason = err.Error()
		return nil, false
	case !complete:
		return m.framer.Ack(), true
	case len(message) == 0:
		next, _ := m.framer.Next()
		return next, true
	}
	return m.step(message), true
}

// step gives the TLS engine a message and returns the first fragment of what it has to say, or an
// acknowledgement.
func (m *tlsMethod) step(message []byte) []byte {
	out, err := m.tls.Step(message)
	if err != nil && m.reason == "" {
		m.reason = tlsReason(err)
	}
	m.framer.Send(out)
	data, _ := m.framer.Next()
	return data
}

// succeeded reports whether the method has succeeded on this side; with TLS 1.3 that takes the protected success
// indication (RFC 9190 section 2.1.1).
func (m *tlsMethod) succeeded() bool { return m.tls.SuccessIndicated() }

func (m *tlsMethod) keys() (msk []byte, err error) {
	msk, _, err = m.tls.Keys(m.typ)
	return msk, err
}

// session is the version of TLS, zero before the handshake is complete, and whether it was resumed.
func (m *tlsMethod) session() (version uint16, resumed bool) {
	if !m.tls.Done() {
		return 0, false
	}
	s := m.tls.State()
	return s.Version, s.DidResume
}

// tlsReason says whose verdict ended the handshake.
func tlsReason(err error) string {
	var verdict *tls.CertificateVerificationError
	if errors.As(err, &verdict) {
		return "server certificate refused: " + verdict.Err.Error()
	}
	if alert, ok := eap.RemoteAlert(err); ok {
		return "server sent TLS alert: " + alert.String()
	}
	if errors.Is(err, io.EOF) {
		return "server closed the TLS connection"
	}
	return err.Error()
}
