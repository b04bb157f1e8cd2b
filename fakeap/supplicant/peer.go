package supplicant

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"

	"nacsim/internal/eap"
)

// result is what a packet of the server meant for the authentication as a whole.
type result uint8

const (
	undecided result = iota
	succeeded
	failed
)

// peer is the EAP peer (RFC 3748 section 4, RFC 5216, RFC 9190): requests go in, responses come out. It speaks
// Identity, Notification and EAP-TLS and refuses every other method with a NAK that names EAP-TLS.
//
// One peer serves all authentications of a connection; each Start of EAP-TLS begins a new handshake.
type peer struct {
	identity string
	fragment int
	// config makes the TLS configuration of one handshake.
	config func() *tls.Config

	// The last request with its response, and the one before: a network that duplicates may deliver it late.
	last, before []byte
	lastResponse []byte
	active       bool // a request has been answered since the last outcome

	tls    *eap.TLS
	framer *eap.Framer
	reason string // why the method has failed on this side, or what alert the server sent
}

// answer is what a packet leads to.
type answer struct {
	// response is an EAP packet to send, or nil. Repeated marks one that was sent before.
	response []byte
	repeated bool
	result   result
	msk      []byte // with succeeded
	reason   string // with failed
}

// close releases the TLS engine. The peer stays usable.
func (p *peer) close() {
	if p.tls != nil {
		p.tls.Close()
	}
	p.tls, p.framer = nil, nil
}

// restart forgets everything, for a new connection.
func (p *peer) restart() {
	p.end()
	p.last, p.before, p.lastResponse = nil, nil, nil
}

// end finishes an authentication.
func (p *peer) end() {
	p.close()
	p.reason, p.active = "", false
}

// receive takes an EAP packet. Malformed packets are silently discarded (RFC 3748 section 4.1).
func (p *peer) receive(packet []byte) answer {
	q, err := eap.Parse(packet)
	if err != nil {
		return answer{}
	}
	switch q.Code {
	case eap.Request:
		return p.request(q, packet[:q.Len()])
	case eap.Success:
		return p.success()
	case eap.Failure:
		return p.failure()
	}
	return answer{}
}

// request answers a new request and repeats the response to a repeated one (RFC 3748 section 4.1).
func (p *peer) request(q eap.Packet, packet []byte) answer {
	switch {
	case p.lastResponse != nil && bytes.Equal(packet, p.last):
		return answer{response: p.lastResponse, repeated: true}
	case p.before != nil && bytes.Equal(packet, p.before):
		return answer{}
	}
	typ, data, ok := p.respond(q)
	if !ok {
		return answer{}
	}
	p.before, p.last = p.last, bytes.Clone(packet)
	p.lastResponse = eap.Packet{Code: eap.Response, ID: q.ID, Type: typ, Data: data}.Append(nil)
	p.active = true
	return answer{response: p.lastResponse}
}

func (p *peer) respond(q eap.Packet) (typ eap.Type, data []byte, ok bool) {
	switch q.Type {
	case eap.TypeIdentity:
		return eap.TypeIdentity, []byte(p.identity), true
	case eap.TypeNotification:
		return eap.TypeNotification, nil, true
	case eap.TypeTLS:
		data, ok = p.method(q.Data)
		return eap.TypeTLS, data, ok
	}
	return eap.TypeLegacyNAK, []byte{byte(eap.TypeTLS)}, true
}

// method answers a request of EAP-TLS.
func (p *peer) method(data []byte) (response []byte, ok bool) {
	if _, start := eap.IsStart(data); start {
		p.close()
		p.reason = ""
		p.tls, p.framer = eap.NewTLSClient(p.config()), eap.NewFramer(p.fragment)
		return p.step(nil), true
	}
	if p.tls == nil {
		return nil, false
	}
	message, complete, err := p.framer.Receive(data)
	switch {
	case err != nil:
		p.reason = err.Error()
		return nil, false
	case !complete:
		return p.framer.Ack(), true
	case len(message) == 0:
		next, _ := p.framer.Next()
		return next, true
	}
	return p.step(message), true
}

// step gives the TLS engine a message and returns the first fragment of what it has to say, or an
// acknowledgement.
func (p *peer) step(message []byte) []byte {
	out, err := p.tls.Step(message)
	if err != nil && p.reason == "" {
		p.reason = tlsReason(err)
	}
	p.framer.Send(out)
	data, _ := p.framer.Next()
	return data
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

// success believes in EAP-Success only once the method has succeeded on this side; with TLS 1.3 that takes the
// protected success indication (RFC 3748 section 4.2, RFC 9190 section 2.1.1).
func (p *peer) success() answer {
	if p.tls == nil || !p.tls.SuccessIndicated() {
		return answer{}
	}
	msk, _, err := p.tls.Keys(eap.TypeTLS)
	p.end()
	if err != nil {
		return answer{result: failed, reason: err.Error()}
	}
	return answer{result: succeeded, msk: msk}
}

// failure is final at any time after the first request, as the authenticator may end the conversation.
func (p *peer) failure() answer {
	if !p.active {
		return answer{}
	}
	reason := p.reason
	if reason == "" {
		reason = "EAP-Failure"
	}
	p.end()
	return answer{result: failed, reason: reason}
}
