package eapserver

import (
	"bytes"
	"crypto/subtle"
	"fmt"

	"nacsim/internal/eap"
	"nacsim/internal/eap/ttls"
	"nacsim/internal/mschap"
	"nacsim/nac/credential"
)

// ttlsMethod is EAP-TTLS version 0 (RFC 5281), with TLS 1.3 as RFC 9427 has it. There is no success indication in
// the tunnel after a full authentication (RFC 9427 section 6.2).
type ttlsMethod struct {
	tunnel
	eap       *innerEAP           // once the client has begun EAP
	ident     uint8               // of the implicit challenge
	challenge [16]byte            // the implicit one of MS-CHAP and MS-CHAP-V2
	v2        credential.MSCHAPv2 // the proof, with MS-CHAP-V2
	confirmed bool                // MS-CHAP2-Success has been sent
	indicated bool                // the success of a resumption has been sent
}

func newTTLSMethod(config *Config, outer string) *ttlsMethod {
	m := &ttlsMethod{}
	m.tunnel = newTunnel(config, eap.TypeTTLS, outer, config.TTLSInner, DefaultTTLSInner, m)
	return m
}

func (m *ttlsMethod) established(out []byte) outcome {
	if m.resuming() {
		m.unsent = out
		return m.resume2()
	}
	if data := m.engine.AppData(); len(data) > 0 {
		m.unsent = out
		return m.received(data, false)
	}
	return m.send(out)
}

func (m *ttlsMethod) received(data []byte, acknowledged bool) outcome {
	switch {
	case m.indicated && acknowledged:
		return outcome{kind: Success}
	case m.confirmed && len(data) == 0: // an empty message or, as some clients send it, an empty record
		return m.authenticated()
	case acknowledged:
		return m.failed(&Failure{Reason: Protocol, Text: "client sends nothing through the tunnel"})
	case len(data) == 0: // part of a record
		return m.send(nil)
	case m.indicated || m.confirmed:
		return m.failed(&Failure{Reason: Protocol, Text: "client goes on in the tunnel when all is proven"})
	}
	avps, err := ttls.Parse(data)
	if err != nil {
		return m.failed(&Failure{Reason: Protocol, Text: err.Error()})
	}
	c, err := readCredentials(avps)
	if err != nil {
		return m.failed(&Failure{Reason: Protocol, Text: err.Error()})
	}
	switch {
	case c.eap != nil:
		return m.message(c.eap)
	case m.eap != nil: // whose answer it is must not be in doubt
		return m.failed(&Failure{Reason: Protocol, Text: "client sends a password within an EAP conversation", User: c.user})
	}
	return m.password(c)
}

// resume2 goes on with a resumed session, which has nothing inside.
func (m *ttlsMethod) resume2() outcome {
	o, lost := m.again()
	switch {
	case lost == nil:
		return o
	case m.tls13():
		return m.deny(lost)
	}
	return m.failed(lost)
}

// authorize commits. What the client learns is EAP-Success or EAP-Failure, but a resumed session of TLS 1.3 has the
// protected indication of EAP-TLS (RFC 9427 section 6.2).
func (m *ttlsMethod) authorize(accept bool) outcome {
	protected := m.resuming() && m.tls13()
	switch {
	case !accept && protected:
		return m.deny(m.about(m.denied()))
	case !accept:
		return m.failed(m.denied())
	case protected:
		m.indicated = true
		return m.seal([]byte{0})
	}
	return outcome{kind: Success}
}

// message takes an EAP packet out of the tunnel (RFC 5281 section 11.2.1).
func (m *ttlsMethod) message(b []byte) outcome {
	p, err := eap.Parse(b)
	if err != nil {
		return m.failed(&Failure{Reason: Protocol, Text: err.Error()})
	}
	if m.eap == nil {
		m.eap = newInnerEAP(m.allowed, m.draw)
		m.eap.id = p.ID
	}
	if p.ID != m.eap.id {
		return m.failed(&Failure{Reason: Protocol, Text: "EAP response in the tunnel answers another request"})
	}
	return m.step(m.eap.handle(p))
}

// step does what the EAP method in the tunnel wants.
func (m *ttlsMethod) step(s innerStep) outcome {
	switch {
	case s.data != nil:
		p := m.eap.request(s.data)
		o := m.seal(ttls.AVP{Code: ttls.EAPMessage, Mandatory: true, Data: p.Append(nil)}.Append(nil))
		o.warn(s.failure)
		return o
	case s.proof != nil:
		return m.ask(m.eap.inner, m.eap.question(s, m.outer))
	case s.done:
		return m.authenticated()
	}
	return m.failed(s.failure)
}

// password has the proof of a method that is not EAP checked (RFC 5281 sections 11.2.2 to 11.2.5).
func (m *ttlsMethod) password(c credentials) outcome {
	inner, proof, err := m.proof(c)
	switch {
	case err != nil:
		return m.failed(&Failure{Reason: Protocol, Text: err.Error(), User: c.user})
	case !allows(m.allowed, inner):
		return m.failed(&Failure{Reason: InnerMethod, Text: fmt.Sprintf("%s is not allowed in the tunnel", inner), User: c.user})
	}
	return m.ask(inner, credential.Question{User: c.user, Outer: m.outer, Proof: proof})
}

// proof makes of the attributes the proof they are, after it has checked that they answer the implicit challenge
// (RFC 5281 section 11.1).
func (m *ttlsMethod) proof(c credentials) (Inner, credential.Proof, error) {
	switch {
	case c.password != nil:
		return PAP, credential.PAP{Password: bytes.TrimRight(c.password, "\x00")}, nil
	case c.chap != nil:
		if err := m.implicit(16, c.chapChallenge, c.chap[0]); err != nil {
			return "", nil, err
		}
		return CHAP, credential.CHAP{ID: c.chap[0], Challenge: c.chapChallenge, Response: [16]byte(c.chap[1:])}, nil
	case c.mschap != nil:
		if err := m.implicit(8, c.mschapChallenge, c.mschap[0]); err != nil {
			return "", nil, err
		}
		if c.mschap[1] != 1 {
			return "", nil, fmt.Errorf("MS-CHAP-Response has only an LM response")
		}
		return MSCHAP, credential.MSCHAP{Challenge: [8]byte(c.mschapChallenge), Response: [24]byte(c.mschap[26:])}, nil
	}
	if err := m.implicit(16, c.mschapChallenge, c.mschap2[0]); err != nil {
		return "", nil, err
	}
	m.v2 = credential.MSCHAPv2{UserName: mschap.UserName(c.user), AuthenticatorChallenge: m.challenge,
		PeerChallenge: [16]byte(c.mschap2[2:]), Response: [24]byte(c.mschap2[26:])}
	return MSCHAPv2, m.v2, nil
}

// implicit compares what the client claims to have been asked with the implicit challenge of n octets.
func (m *ttlsMethod) implicit(n int, challenge []byte, ident byte) error {
	want, err := ttls.Challenge(m.engine.State(), n+1)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(want[:n], challenge) != 1 || want[n] != ident {
		return fmt.Errorf("client answers another challenge than the implicit one")
	}
	copy(m.challenge[:], want[:n])
	m.ident = ident
	return nil
}

// resumed goes on with the directory's answer.
func (m *ttlsMethod) resumed() outcome {
	a, refusal := m.answer()
	switch {
	case m.eap != nil:
		return m.step(m.eap.method.answered(a, refusal))
	case m.inner == MSCHAPv2 && a.OK:
		m.confirmed = true
		return m.tell(ttls.MSCHAP2Success, authenticatorResponse(m.v2, a))
	case m.inner == MSCHAPv2:
		m.denial = refusal
		return m.tell(ttls.MSCHAPError, refuseMSCHAP(a, m.challenge))
	case a.OK:
		return m.authenticated()
	}
	return m.failed(refusal)
}

// tell sends one of Microsoft's attributes, whose first octet is the identifier.
func (m *ttlsMethod) tell(code uint32, text string) outcome {
	return m.seal(ttls.AVP{Code: code, Vendor: ttls.Microsoft, Mandatory: true, Data: append([]byte{m.ident}, text...)}.Append(nil))
}
