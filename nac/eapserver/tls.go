package eapserver

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"nacsim/internal/eap"
)

// tlsState is where EAP-TLS stands.
type tlsState uint8

const (
	handshaking tlsState = iota
	finishing            // TLS 1.2: the server's Finished is under way, the empty acknowledgement is due
	authorizing          // the client is authenticated, the caller decides
	confirming           // TLS 1.3: the success indication is under way, the empty acknowledgement is due
	refusing             // an alert is under way; EAP-Failure follows whatever the client says
)

// tlsMethod is EAP-TLS.
type tlsMethod struct {
	config  *Config
	framer  *eap.Framer
	engine  *eap.TLS // nil until the client's first message
	state   tlsState
	now     time.Time
	failure *Failure // while refusing
	msk     []byte
}

func newTLSMethod(config *Config) *tlsMethod {
	return &tlsMethod{config: config, framer: eap.NewFramer(config.fragment())}
}

func (m *tlsMethod) typ() eap.Type { return eap.TypeTLS }
func (m *tlsMethod) begin() []byte { return m.framer.Start() }

func (m *tlsMethod) close() {
	if m.engine != nil {
		m.engine.Close()
	}
}

// newEngine makes the TLS server. It waits for the first message, so that an idle conversation costs little.
func (m *tlsMethod) newEngine() *eap.TLS {
	c := m.config.TLS().Clone()
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if c.ClientCAs == nil {
		c.ClientCAs = x509.NewCertPool() // nil would mean the CAs of the operating system
	}
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.Time = func() time.Time { return m.now }
	return eap.NewTLSServer(c)
}

func (m *tlsMethod) handle(now time.Time, data []byte) outcome {
	m.now = now
	message, complete, err := m.framer.Receive(data)
	switch {
	case err != nil:
		return m.protocol(err.Error())
	case !complete:
		return outcome{kind: Challenge, data: m.framer.Ack()}
	case len(message) == 0 && m.framer.Pending():
		return m.next()
	}
	switch m.state {
	case refusing:
		return outcome{kind: Failed, failure: m.failure}
	case handshaking:
		return m.handshake(message)
	case finishing, confirming:
		return m.acknowledged(message)
	}
	return outcome{kind: Ignored, why: "not before the decision"}
}

// next sends the next fragment.
func (m *tlsMethod) next() outcome {
	data, _ := m.framer.Next()
	return outcome{kind: Challenge, data: data, failure: m.failure}
}

func (m *tlsMethod) protocol(text string) outcome {
	return outcome{kind: Failed, failure: &Failure{Reason: Protocol, Text: text}}
}

// handshake gives a TLS message to the engine.
func (m *tlsMethod) handshake(message []byte) outcome {
	if len(message) == 0 {
		return m.protocol("client acknowledges where a TLS message is due")
	}
	if m.engine == nil {
		m.engine = m.newEngine()
	}
	out, err := m.engine.Step(message)
	if err != nil {
		return m.broken(err, out)
	}
	if m.engine.Done() && m.engine.State().Version >= tls.VersionTLS13 {
		return m.authenticated()
	}
	if m.engine.Done() {
		m.state = finishing
	}
	if len(out) == 0 { // part of a record: let the client go on
		return outcome{kind: Challenge, data: m.framer.Ack()}
	}
	m.framer.Send(out)
	return m.next()
}

// broken ends a handshake that failed: with an alert for the client, if the engine wrote one, and with
// EAP-Failure in answer to its acknowledgement (RFC 5216 section 2.1.3).
func (m *tlsMethod) broken(err error, out []byte) outcome {
	f := classify(err, m.engine.State(), out, m.now)
	if f.FromPeer || len(out) == 0 {
		return outcome{kind: Failed, failure: f}
	}
	return m.refuse(f, out)
}

func (m *tlsMethod) refuse(f *Failure, alert []byte) outcome {
	m.state, m.failure = refusing, f
	m.framer.Send(alert)
	return m.next()
}

// acknowledged takes the client's answer to the server's last message, which must be empty.
func (m *tlsMethod) acknowledged(message []byte) outcome {
	if len(message) > 0 {
		if out, err := m.engine.Step(message); err != nil {
			return m.broken(err, out)
		}
		return m.protocol("client sends data where an acknowledgement is due")
	}
	if m.state == finishing {
		return m.authenticated()
	}
	return outcome{kind: Success}
}

func (m *tlsMethod) authenticated() outcome {
	msk, _, err := m.engine.Keys(eap.TypeTLS)
	if err != nil {
		return outcome{kind: Failed, failure: &Failure{Reason: TLSFailure, Text: err.Error()}}
	}
	m.state, m.msk = authorizing, msk
	return outcome{kind: Authenticated}
}

// authorize commits. With TLS 1.3 the client learns the decision inside the tunnel: the octet 0x00 promises
// EAP-Success (RFC 9190 section 2.1.1), an alert takes its place on refusal. With TLS 1.2 the handshake has said all
// there is.
func (m *tlsMethod) authorize(accept bool) outcome {
	denied := &Failure{Reason: Denied, Text: "not authorized", Chain: m.engine.State().PeerCertificates}
	if m.engine.State().Version < tls.VersionTLS13 {
		if accept {
			return outcome{kind: Success}
		}
		return outcome{kind: Failed, failure: denied}
	}
	if !accept {
		records, alert, err := m.engine.Deny()
		if err != nil {
			return outcome{kind: Failed, failure: denied}
		}
		denied.Alert, denied.HasAlert = alert, true
		return m.refuse(denied, records)
	}
	out, err := m.engine.WriteApp([]byte{0})
	if err != nil {
		return outcome{kind: Failed, failure: &Failure{Reason: TLSFailure, Text: err.Error()}}
	}
	m.state = confirming
	m.framer.Send(out)
	return m.next()
}

func (m *tlsMethod) peer() *Peer {
	state := m.engine.State()
	p := &Peer{Method: eap.TypeTLS, Chain: state.PeerCertificates, TLS: state, MSK: m.msk}
	if len(state.VerifiedChains) > 0 {
		p.Chain = state.VerifiedChains[0]
	}
	return p
}
