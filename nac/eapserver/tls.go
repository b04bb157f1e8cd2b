package eapserver

import (
	"crypto/tls"

	"nacsim/internal/eap"
)

// tlsState is where EAP-TLS stands after the handshake.
type tlsState uint8

const (
	finishing   tlsState = iota // TLS 1.2: the server's Finished is under way, the empty acknowledgement is due
	authorizing                 // the client is authenticated, the caller decides
	confirming                  // TLS 1.3: the success indication is under way, the empty acknowledgement is due
)

// tlsMethod is EAP-TLS.
type tlsMethod struct {
	tlsCore
	state tlsState
	msk   []byte
}

func newTLSMethod(config *Config) *tlsMethod {
	m := &tlsMethod{}
	m.tlsCore = newTLSCore(config, eap.TypeTLS, tls.RequireAndVerifyClientCert, m)
	return m
}

func (m *tlsMethod) established(out []byte) outcome {
	if m.tls13() || len(out) == 0 { // nothing is left to say in a resumed handshake of TLS 1.2
		m.unsent = out
		return m.authenticated()
	}
	return m.send(out)
}

func (m *tlsMethod) received(_ []byte, acknowledged bool) outcome {
	switch {
	case m.state == authorizing:
		return outcome{kind: Ignored, why: "not before the decision"}
	case !acknowledged:
		return protocolError("client sends data where an acknowledgement is due")
	case m.state == finishing:
		return m.authenticated()
	}
	return outcome{kind: Success}
}

func (m *tlsMethod) resumed() outcome { return outcome{kind: Ignored, why: "nothing to wait for"} }

func (m *tlsMethod) authenticated() outcome {
	msk, _, err := m.engine.Keys(eap.TypeTLS)
	if err != nil {
		return outcome{kind: Failed, failure: &Failure{Reason: TLSFailure, Text: err.Error()}}
	}
	m.state, m.msk = authorizing, msk
	return outcome{kind: Authenticated}
}

// authorize commits. With TLS 1.3 the client learns the decision inside the tunnel: the octet 0x00 promises
// EAP-Success (RFC 9190 section 2.1.1). With TLS 1.2 the handshake has said all there is.
func (m *tlsMethod) authorize(accept bool) outcome {
	switch {
	case !accept:
		return m.deny(m.denied())
	case !m.tls13():
		return outcome{kind: Success}
	}
	m.state = confirming
	return m.seal([]byte{0})
}

func (m *tlsMethod) peer() *Peer {
	p := m.client()
	p.MSK = m.msk
	return p
}
