package eapserver

import (
	"nacsim/internal/eap"
	"nacsim/internal/eap/peap"
)

// peapMethod is PEAP version 0 ([MS-PEAP]), with TLS 1.3 as RFC 9427 has it. After the method inside both ends tell
// each other the result in the tunnel, as a setting with a Crypto-Binding TLV, which the client need not answer.
type peapMethod struct {
	tunnel
	eap     *innerEAP
	ending  bool     // the Result TLV is under way
	key     [32]byte // of the method inside, zero if it has none
	binding *peap.Binding
}

func newPEAPMethod(config *Config, outer string) *peapMethod {
	m := &peapMethod{}
	m.tunnel = newTunnel(config, eap.TypePEAP, outer, config.PEAPInner, DefaultPEAPInner, m)
	return m
}

func (m *peapMethod) established(out []byte) outcome {
	switch {
	case m.resuming():
		m.unsent = out
		o, lost := m.again()
		if lost != nil {
			return m.refuseInside(lost)
		}
		return o
	case !m.tls13():
		return m.send(out)
	}
	m.unsent = out
	return m.begin2()
}

// begin2 asks for the identity in the tunnel.
func (m *peapMethod) begin2() outcome {
	m.eap = newInnerEAP(m.allowed, m.draw)
	return m.packet(eap.Packet{Code: eap.Request, ID: m.eap.id, Type: eap.TypeIdentity})
}

func (m *peapMethod) packet(p eap.Packet) outcome { return m.seal(peap.Wrap(p)) }

func (m *peapMethod) received(data []byte, acknowledged bool) outcome {
	switch {
	case m.eap == nil && acknowledged:
		return m.begin2()
	case acknowledged:
		return m.failed(&Failure{Reason: Protocol, Text: "client sends nothing through the tunnel"})
	case len(data) == 0: // part of a record
		return m.send(nil)
	case m.eap == nil:
		return m.failed(&Failure{Reason: Protocol, Text: "client speaks first in the tunnel"})
	}
	p, err := peap.Unwrap(eap.Response, m.eap.id, data)
	if err != nil {
		return m.failed(&Failure{Reason: Protocol, Text: err.Error()})
	}
	if m.ending {
		return m.result(p)
	}
	return m.step(m.eap.handle(p))
}

// step does what the EAP method in the tunnel wants.
func (m *peapMethod) step(s innerStep) outcome {
	switch {
	case s.data != nil:
		o := m.packet(m.eap.request(s.data))
		o.warn(s.failure)
		return o
	case s.proof != nil:
		return m.ask(m.eap.inner, m.eap.question(s, m.outer))
	case s.done:
		if len(s.msk) == len(m.key) { // in the order of RFC 3079, the server's key to receive first
			half := len(s.msk) / 2
			copy(m.key[copy(m.key[:], s.msk[half:]):], s.msk[:half])
		}
		return m.authenticated()
	}
	return m.refuseInside(s.failure)
}

func (m *peapMethod) resumed() outcome { return m.step(m.eap.method.answered(m.answer())) }

// refuseInside tells the client in the tunnel; EAP-Failure follows whatever it says.
func (m *peapMethod) refuseInside(f *Failure) outcome {
	m.denial = m.about(f)
	return m.end(false)
}

// bind makes the binding of the tunnel and what was proven inside.
func (m *peapMethod) bind() *peap.Binding {
	if m.resuming() {
		return peap.ResumedBinding([eap.KeyLen]byte(m.msk))
	}
	return peap.NewBinding([eap.KeyLen]byte(m.msk), m.key)
}

// nonce is that of the server's Crypto-Binding TLV.
func (m *peapMethod) nonce() (n [peap.NonceLen]byte) {
	a, b := m.draw(), m.draw()
	copy(n[copy(n[:], a[:]):], b[:])
	return n
}

// end sends the Result TLV.
func (m *peapMethod) end(success bool) outcome {
	data := peap.Result(success).Append(nil)
	if success && m.config.CryptoBinding {
		m.binding = m.bind()
		data = m.binding.TLV(false, m.nonce()).Append(data)
	}
	m.ending = true
	if m.eap == nil { // in a resumed session
		m.eap = newInnerEAP(nil, nil)
	}
	m.eap.id++
	return m.packet(eap.Packet{Code: eap.Request, ID: m.eap.id, Type: peap.TypeExtensions, Data: data})
}

// result takes the client's Result TLV after the server's said success.
func (m *peapMethod) result(p eap.Packet) outcome {
	if p.Code != eap.Response || p.Type != peap.TypeExtensions {
		return m.failed(&Failure{Reason: Protocol, Text: "client sends " + p.Type.String() + " where the result is due"})
	}
	tlvs, err := peap.ParseTLVs(p.Data)
	if err != nil {
		return m.failed(&Failure{Reason: Protocol, Text: err.Error()})
	}
	if success, ok := peap.ResultOf(tlvs); !ok || !success {
		return m.failed(&Failure{Reason: Protocol, Text: "client does not agree to the success"})
	}
	for _, v := range tlvs {
		if m.binding == nil || v.Type != peap.TLVCryptoBinding {
			continue
		}
		if !m.binding.Check(v, true) {
			return m.failed(&Failure{Reason: Protocol, Text: "client's Crypto-Binding TLV does not match the tunnel"})
		}
		m.msk = m.binding.MSK()
		break
	}
	return outcome{kind: Success}
}

// authorize tells the client the decision in the tunnel.
func (m *peapMethod) authorize(accept bool) outcome {
	if !accept {
		return m.refuseInside(m.denied())
	}
	return m.end(true)
}
