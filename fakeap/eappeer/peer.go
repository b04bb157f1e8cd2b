// Package eappeer is the client's side of EAP (RFC 3748 section 4): requests of a server go in, responses come
// out, whatever carries them. It plays EAP-TLS, EAP-TTLS, PEAP version 0 and TEAP with what is said inside them, and
// MD5-Challenge, GTC and EAP-MSCHAPv2 without a tunnel; see [MethodNames]. Package supplicant carries them over EAPOL; a load generator may put them into
// RADIUS directly.
//
// A [Peer] does no I/O, reads no clock and starts no goroutine that outlives Close. It is driven like this:
//
//	p, err := eappeer.New(config, func(c *tls.Config) *tls.Config { return h.TLS(label, c) })
//	defer p.Close()
//	for each EAP packet from the server {
//		a := p.Receive(now, packet)
//		if a.Response != nil {
//			send(a.Response)
//		}
//		switch a.Outcome {
//		case eappeer.Succeeded: // a.MSK
//		case eappeer.Failed:    // a.Reason
//		}
//	}
package eappeer

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"time"

	"nacsim/internal/eap"
)

// An Outcome is what a packet of the server meant for the authentication as a whole.
type Outcome uint8

// The outcomes.
const (
	Undecided Outcome = iota // it goes on
	Succeeded
	Failed
)

// String is the outcome in a word.
func (o Outcome) String() string {
	return [...]string{"undecided", "succeeded", "failed"}[o]
}

// An Answer is what a packet leads to.
type Answer struct {
	// Response is an EAP packet to send, or nil. Repeated marks one that was sent before.
	Response []byte
	Repeated bool
	// Outcome ends the authentication, unless it is Undecided.
	Outcome Outcome
	// MSK is the Master Session Key of 64 octets, with Succeeded, of methods that make one. MSK[0:32] is the PMK of
	// IEEE 802.11, and what the NAS receives as MS-MPPE-Recv-Key.
	MSK []byte
	// Reason says why, with Failed.
	Reason string
	// Method is the method that was played to its end, with Succeeded and Failed; zero if none began.
	Method eap.Type
	// Inner is how the user was authenticated inside a tunnel.
	Inner Inner
	// TLS is the version of TLS, if there was a handshake, and Resumed whether an earlier session was resumed.
	TLS     uint16
	Resumed bool
}

// A Peer is the client's side of one EAP conversation after the other, on one link. It speaks Identity,
// Notification and the method of its configuration. It is not safe for concurrent use. It must be closed.
type Peer struct {
	cfg     Config
	prepare func(*tls.Config) *tls.Config
	now     time.Time // of the last packet

	// The last request with its response, and the one before: a network that duplicates may deliver it late.
	last, before []byte
	lastResponse []byte
	active       bool // a request has been answered since the last outcome

	outer    exchange
	sessions sessions
}

// New returns a peer with a checked configuration. Prepare is called once for each handshake and returns the TLS
// configuration to use, for example that of host.Host.TLS with a label of its own; nil takes it as it is.
func New(cfg Config, prepare func(*tls.Config) *tls.Config) (*Peer, error) {
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("eappeer: %w", err)
	}
	if prepare == nil {
		prepare = func(c *tls.Config) *tls.Config { return c }
	}
	p := &Peer{cfg: cfg, prepare: prepare, sessions: sessions{kept: cfg.Sessions}}
	p.outer = exchange{
		identity: cfg.outerIdentity(), want: cfg.Method, expanded: cfg.ExpandedNAK,
		begin: func() method { return p.newMethod(cfg.Method, p.cfg.credentials(), false) },
	}
	return p, nil
}

// SetCertificate replaces the client certificate; handshakes that begin later present it. The session of the one
// before is not resumed if it is kept in a [Session].
func (p *Peer) SetCertificate(c tls.Certificate) {
	p.cfg.Certificate = c
	p.forget()
}

// SetMachineCertificate replaces that of the machine that TEAP authenticates besides the user; methods that begin later
// present it, and do not resume.
func (p *Peer) SetMachineCertificate(c tls.Certificate) {
	p.cfg.Machine = p.cfg.Machine.With(c)
	p.forget()
}

// SetPassword replaces the password; methods that begin later use it, and do not resume.
func (p *Peer) SetPassword(password string) {
	p.cfg.Password = password
	p.forget()
}

func (p *Peer) forget() {
	if s, ok := p.cfg.Sessions.(*Session); ok {
		s.state = nil
	}
	p.sessions.new = nil
}

// Close releases what a running authentication holds. The peer stays usable.
func (p *Peer) Close() { p.outer.close() }

// Restart forgets everything, for a new connection.
func (p *Peer) Restart() {
	p.end()
	p.last, p.before, p.lastResponse = nil, nil, nil
}

// end finishes an authentication.
func (p *Peer) end() {
	p.Close()
	p.active = false
}

// Receive takes an EAP packet. Malformed packets are silently discarded (RFC 3748 section 4.1). The answer's slices
// must not be changed, and stay valid.
func (p *Peer) Receive(now time.Time, packet []byte) Answer {
	p.now = now
	q, err := eap.Parse(packet)
	if err != nil {
		return Answer{}
	}
	switch q.Code {
	case eap.Request:
		return p.request(q, packet[:q.Len()])
	case eap.Success:
		return p.success()
	case eap.Failure:
		return p.failure()
	}
	return Answer{}
}

// request answers a new request and repeats the response to a repeated one (RFC 3748 section 4.1).
func (p *Peer) request(q eap.Packet, packet []byte) Answer {
	switch {
	case p.lastResponse != nil && bytes.Equal(packet, p.last):
		return Answer{Response: p.lastResponse, Repeated: true}
	case p.before != nil && bytes.Equal(packet, p.before):
		return Answer{}
	}
	typ, data, ok := p.outer.respond(q)
	if !ok {
		if reason, final := p.outer.failure(); final {
			return p.failed(reason)
		}
		return Answer{}
	}
	p.before, p.last = p.last, bytes.Clone(packet)
	p.lastResponse = eap.Packet{Code: eap.Response, ID: q.ID, Type: typ, Data: data}.Append(nil)
	p.active = true
	return Answer{Response: p.lastResponse}
}

// success believes in EAP-Success only once the method has succeeded on this side (RFC 3748 section 4.2).
func (p *Peer) success() Answer {
	if !p.outer.succeeded() {
		return Answer{}
	}
	a := p.outcome(Succeeded)
	var err error
	if a.MSK, _, err = p.outer.method.keys(); err != nil {
		a.Outcome, a.Reason = Failed, err.Error()
	}
	p.sessions.end(a.Outcome == Succeeded)
	p.end()
	return a
}

// failure is final at any time after the first request, as the authenticator may end the conversation.
func (p *Peer) failure() Answer {
	if !p.active {
		return Answer{}
	}
	reason := p.Reason()
	if reason == "" {
		reason = "EAP-Failure"
	}
	return p.failed(reason)
}

func (p *Peer) failed(reason string) Answer {
	a := p.outcome(Failed)
	a.Reason = reason
	p.sessions.end(false)
	p.end()
	return a
}

// outcome is the answer that ends the authentication, without its keys and reason.
func (p *Peer) outcome(o Outcome) Answer {
	a := Answer{Outcome: o}
	if p.outer.method != nil {
		a.Method, a.Inner = p.cfg.Method, p.cfg.Inner
	}
	if t, ok := p.outer.method.(*tunnel); ok {
		a.TLS, a.Resumed = t.session()
	}
	return a
}

// Reason says why the running authentication has failed on this side, or will, as far as it is known; "" if it has
// not. It is for who gives up waiting for the server.
func (p *Peer) Reason() string {
	reason, _ := p.outer.failure()
	return reason
}
