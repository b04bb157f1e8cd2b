package eapserver

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/teap"
	"nacsim/nac/credential"
)

// Password is TEAP's way to ask for a password without an EAP method (Basic-Password-Auth), and EAPTLS has a certificate
// shown inside the tunnel. Only TEAP knows them.
const (
	Password Inner = "password"
	EAPTLS   Inner = "eap-tls"
)

// TEAP says how TEAP authenticates inside the tunnel.
type TEAP struct {
	// Inner are the ways to authenticate; Password is taken alone, without an EAP method beside it. Nil means
	// [DefaultTEAPInner].
	Inner []Inner
	// Identities are asked for one after the other: the machine's and the user's, who are chained by the tunnel
	// (RFC 7170 section 3.3.3). Nil asks for one, whichever the client has.
	Identities []teap.Identity
	// MachineOnly lets a machine in of which no user is logged on: one that answers as a machine again when the user
	// is asked for.
	MachineOnly bool
	// Authority is the server's Authority-ID; empty means "nac".
	Authority string
}

// DefaultTEAPInner is the default of TEAP.Inner.
var DefaultTEAPInner = []Inner{EAPTLS, EAPMSCHAPv2}

// teapStage is where TEAP stands in the tunnel.
type teapStage uint8

const (
	teapOpening  teapStage = iota // the handshake ends
	teapInside                    // a method inside is under way
	teapBinding                   // its Crypto-Binding is
	teapDeciding                  // all methods are done, the caller decides
	teapEnding                    // the result is under way
)

// teapMethod is TEAP version 1 (RFC 7170, RFC 9930) over TLS 1.2, as it is deployed. A connection cannot be resumed.
type teapMethod struct {
	tunnel
	ways    TEAP
	stage   teapStage
	own     []byte // the server's outer TLVs
	theirs  []byte // the client's
	version byte   // that the client speaks
	first   bool   // its first message has come

	keys    *teap.Keys
	eap     *innerEAP      // the EAP conversation inside
	asked   teap.Identity  // whose identity was asked for
	next    int            // in ways.Identities
	binding *teap.Binding  // request under way
	bound   bool           // the keys of the last method are bound
	proven  []provenClient // in the order of the methods
}

// A provenClient is one whose method inside has succeeded.
type provenClient struct {
	as     teap.Identity
	user   string
	inner  Inner
	groups []string
	chain  []*x509.Certificate
}

func newTEAPMethod(config *Config, outer string) *teapMethod {
	m := &teapMethod{ways: config.TEAP}
	m.tunnel = newTunnel(config, eap.TypeTEAP, outer, config.TEAP.Inner, DefaultTEAPInner, m)
	m.maxVersion, m.resumption.store, m.framer.Version = tls.VersionTLS12, nil, teap.Version
	authority := m.ways.Authority
	if authority == "" {
		authority = serverName
	}
	m.own = teap.Outer([]byte(authority))
	return m
}

func (m *teapMethod) begin() []byte { return teap.Start(m.own) }

// handle takes the outer TLVs out of the first message.
func (m *teapMethod) handle(now time.Time, data []byte) outcome {
	if !m.first {
		rest, outer, version, err := teap.SplitOuter(data)
		switch {
		case err != nil:
			return protocolError(err.Error())
		case version != teap.Version:
			return protocolError("client wants another version of TEAP")
		}
		m.first, m.theirs, m.version, data = true, slices.Clone(outer), version, rest
	}
	return m.tlsCore.handle(now, data)
}

func (m *teapMethod) close() {
	if t := m.innerTLS(); t != nil {
		t.method.close()
	}
	m.tlsCore.close()
}

func (m *teapMethod) established(out []byte) outcome { return m.send(out) }

// open begins with the methods inside.
func (m *teapMethod) open() outcome {
	seed, err := m.engine.TEAPSeed()
	if err == nil {
		m.keys, err = teap.NewKeys(m.engine.State().CipherSuite, seed, m.own, m.theirs)
	}
	if err != nil {
		return m.failed(&Failure{Reason: TLSFailure, Text: err.Error()})
	}
	return m.seal(m.request(teap.Message{}).Append(nil))
}

// request adds to a message the beginning of the next method.
func (m *teapMethod) request(msg teap.Message) teap.Message {
	m.stage, m.asked = teapInside, teap.Any
	if m.next < len(m.ways.Identities) {
		m.asked = m.ways.Identities[m.next]
	}
	msg.Identity = m.asked
	if m.allowed[0] == Password {
		prompt := ""
		msg.Ask = &prompt
		return msg
	}
	id := uint8(0)
	if m.eap != nil {
		id = m.eap.id + 1
	}
	if t := m.innerTLS(); t != nil {
		t.method.close()
	}
	m.eap = newInnerEAP(m.allowed, m.draw)
	m.eap.id, m.eap.tls = id, m.newInnerTLS
	msg.EAP = eap.Packet{Code: eap.Request, ID: id, Type: eap.TypeIdentity}.Append(nil)
	return msg
}

func (m *teapMethod) received(data []byte, acknowledged bool) outcome {
	switch {
	case m.stage == teapOpening && acknowledged:
		return m.open()
	case m.stage == teapDeciding:
		return outcome{kind: Ignored, why: "not before the decision"}
	case acknowledged:
		return m.failed(&Failure{Reason: Protocol, Text: "client sends nothing through the tunnel"})
	case len(data) == 0: // part of a record
		return m.send(nil)
	case m.stage == teapOpening:
		return m.failed(&Failure{Reason: Protocol, Text: "client speaks first in the tunnel"})
	}
	msg, err := teap.Decode(data)
	switch {
	case err != nil:
		return m.refuseInside(&Failure{Reason: Protocol, Text: err.Error()}, teap.UnexpectedTLVs)
	case msg.Unknown != 0:
		m.denial = m.about(&Failure{Reason: Protocol, Text: "client sends a mandatory TLV that is not known"})
		return m.seal(teap.Message{Result: teap.Failure, Refused: msg.Unknown}.Append(nil))
	case msg.Result == teap.Failure || msg.Intermediate == teap.Failure || msg.Refused != 0:
		return m.refuseInside(&Failure{Reason: InnerMethod, Text: "client gives up in the tunnel"}, 0)
	case m.stage == teapInside:
		return m.inside(msg)
	}
	return m.confirmed(msg)
}

// inside takes what the client says in a method.
func (m *teapMethod) inside(msg teap.Message) outcome {
	if msg.Identity != teap.Any && m.asked != teap.Any && msg.Identity != m.asked {
		if m.ways.MachineOnly && m.asked == teap.User && len(m.proven) > 0 {
			return m.decide()
		}
		return m.refuseInside(&Failure{Reason: InnerMethod, Text: "client answers as " + msg.Identity.String() + " where its " +
			m.asked.String() + " is asked for"}, teap.InnerMethodError)
	}
	if msg.Identity != teap.Any {
		m.asked = msg.Identity
	}
	switch {
	case m.allowed[0] == Password && msg.Password != nil:
		p := msg.Password
		return m.ask(Password, credential.Question{User: string(p.User), Outer: m.outer, Proof: credential.PAP{Password: p.Password}})
	case m.eap == nil || msg.EAP == nil:
		return m.refuseInside(&Failure{Reason: Protocol, Text: "client sends no answer to the method in the tunnel"}, teap.UnexpectedTLVs)
	}
	p, err := eap.Parse(msg.EAP)
	if err != nil || p.ID != m.eap.id {
		return m.refuseInside(&Failure{Reason: Protocol, Text: "client sends a malformed EAP packet in the tunnel"}, teap.UnexpectedTLVs)
	}
	if t := m.innerTLS(); t != nil {
		t.method.now = m.now
	}
	return m.step(m.eap.handle(p))
}

// step does what the EAP method in the tunnel wants.
func (m *teapMethod) step(s innerStep) outcome {
	switch {
	case s.wait != nil:
		return outcome{kind: Waiting, wait: s.wait}
	case s.data != nil:
		o := m.seal(teap.Message{EAP: m.eap.request(s.data).Append(nil)}.Append(nil))
		if s.failure != nil {
			o.warn(m.blame(s.failure))
		}
		return o
	case s.proof != nil:
		return m.ask(m.eap.inner, m.eap.question(s, m.outer))
	case s.done:
		c := provenClient{as: m.asked, user: m.user, inner: m.eap.inner, groups: m.groups, chain: s.chain}
		return m.succeeded(c, s.msk, s.emsk)
	}
	return m.refuseInside(s.failure, teap.InnerMethodError)
}

func (m *teapMethod) resumed() outcome {
	if t := m.innerTLS(); t != nil {
		return m.step(t.step(t.method.resume(m.now)))
	}
	a, refusal := m.answer()
	switch {
	case m.eap != nil:
		return m.step(m.eap.method.answered(a, refusal))
	case refusal != nil:
		code := teap.ErrorUserPassword
		if m.asked == teap.Machine {
			code = teap.ErrorMachinePassword
		}
		return m.refuseInside(refusal, code)
	}
	return m.succeeded(provenClient{as: m.asked, user: m.user, inner: Password, groups: a.Groups}, nil, nil)
}

// succeeded goes on after a method: with its binding and the next one, or to the caller's decision.
func (m *teapMethod) succeeded(c provenClient, msk, emsk []byte) outcome {
	m.keys.Inner(msk, emsk)
	m.proven, m.bound = append(m.proven, c), false
	m.user, m.groups = "", nil
	m.next++
	if m.next >= len(m.ways.Identities) {
		return m.decide()
	}
	m.stage = teapBinding
	return m.seal(m.bind(teap.Message{}).Append(nil))
}

func (m *teapMethod) decide() outcome {
	m.stage = teapDeciding
	return outcome{kind: Authenticated}
}

// bind adds the result of a method and its Crypto-Binding to a message.
func (m *teapMethod) bind(msg teap.Message) teap.Message {
	nonce, second := m.draw(), m.draw()
	b := teap.NewBinding(m.version, [teap.NonceLen]byte(slices.Concat(nonce[:], second[:])))
	b.Flags = m.keys.Flags()
	m.binding = m.keys.Bind(b)
	msg.Intermediate, msg.Binding = teap.Success, m.binding
	return msg
}

// authorize tells the client the decision in the tunnel.
func (m *teapMethod) authorize(accept bool) outcome {
	if !accept {
		return m.refuseInside(m.denied(), 0)
	}
	m.stage = teapEnding
	msg := teap.Message{Result: teap.Success}
	if !m.bound {
		msg = m.bind(msg)
	}
	return m.seal(msg.Append(nil))
}

// confirmed takes the client's side of a Crypto-Binding and of the result.
func (m *teapMethod) confirmed(msg teap.Message) outcome {
	if !m.bound {
		if msg.Binding == nil {
			return m.refuseInside(&Failure{Reason: Protocol, Text: "client does not bind the method to the tunnel"}, teap.UnexpectedTLVs)
		}
		if err := m.keys.CheckAnswer(m.binding, msg.Binding); err != nil {
			return m.refuseInside(&Failure{Reason: Protocol, Text: err.Error()}, teap.TunnelCompromise)
		}
		m.keys.Select(msg.Binding)
		m.bound = true
	}
	switch {
	case m.stage == teapBinding:
		return m.seal(m.request(teap.Message{}).Append(nil))
	case msg.Result != teap.Success:
		return m.failed(&Failure{Reason: Protocol, Text: "client does not agree to the success"})
	}
	m.msk, _ = m.keys.Session()
	return outcome{kind: Success}
}

// refuseInside tells the client in the tunnel; EAP-Failure follows whatever it says.
func (m *teapMethod) refuseInside(f *Failure, code uint32) outcome {
	m.denial = m.blame(f)
	return m.seal(teap.Message{Result: teap.Failure, Error: code}.Append(nil))
}

// blame completes a failure with who was to authenticate, and who had.
func (m *teapMethod) blame(f *Failure) *Failure {
	if len(f.Chain) == 0 {
		f = m.about(f)
	}
	f.As = m.asked
	for _, c := range m.proven {
		if c.as == teap.Machine {
			f.Machine, f.MachineChain = c.user, c.chain
		}
	}
	return f
}

// peer describes the user, or the machine where there is none, and the machine beside it.
func (m *teapMethod) peer() *Peer {
	p := m.client()
	p.MSK = m.msk
	for i, c := range m.proven {
		if c.as == teap.Machine {
			p.Machine, p.MachineChain = c.user, c.chain
		}
		if i > 0 && c.as == teap.Machine { // after its user
			continue
		}
		if len(p.Chain) == 0 || c.chain != nil {
			p.Chain = c.chain
		}
		p.As, p.User, p.Inner, p.Groups = c.as, c.user, string(c.inner), c.groups
	}
	return p
}

// innerTLS is EAP-TLS as a method inside TEAP. Its sessions cannot be resumed.
type innerTLS struct{ method *tlsMethod }

func (m *teapMethod) newInnerTLS() innerMethod {
	t := newTLSMethod(m.config)
	t.now, t.resumption.store = m.now, nil
	return &innerTLS{t}
}

// innerTLS returns the method inside if it is EAP-TLS.
func (m *teapMethod) innerTLS() *innerTLS {
	if m.eap == nil {
		return nil
	}
	t, _ := m.eap.method.(*innerTLS)
	return t
}

func (t *innerTLS) begin() []byte { return t.method.begin() }

func (t *innerTLS) handle(_ uint8, data []byte) innerStep {
	return t.step(t.method.handle(t.method.now, data))
}

// answered is not called: the directory is not asked.
func (t *innerTLS) answered(credential.Answer, *Failure) innerStep {
	return innerFailure(Protocol, "no answer is due")
}

// step takes what EAP-TLS wants. Who it is is enough for now: the caller decides when all methods are done.
func (t *innerTLS) step(o outcome) innerStep {
	if o.kind == Authenticated {
		o = t.method.authorize(true)
	}
	switch o.kind {
	case Challenge:
		return innerStep{data: o.data, failure: o.failure}
	case Waiting:
		return innerStep{wait: o.wait}
	case Success:
		msk, emsk, err := t.method.engine.Keys(eap.TypeTLS)
		if err != nil {
			return innerFailure(TLSFailure, err.Error())
		}
		return innerStep{done: true, msk: msk, emsk: emsk, chain: t.method.client().Chain}
	case Failed:
		return innerStep{failure: o.failure}
	}
	return innerFailure(Protocol, o.why)
}
