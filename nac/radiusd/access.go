package radiusd

import (
	"crypto/tls"
	"encoding/hex"
	"strings"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/radius"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// access works on an Access-Request.
func (e *Engine) access(x *exchange) {
	response, isEAP := radius.EAPMessage(x.packet.Attributes)
	if !isEAP {
		e.handler.Rejected(Access{Request: x.request, Identity: x.request.UserName},
			eapserver.Failure{Reason: eapserver.NoMethod, Text: "request without EAP-Message"})
		reply, drop := e.encode(radius.NewReply(x.packet, lr.CodeAccessReject))
		e.finish(x, reply, drop)
		return
	}
	x.response = response
	c, drop := e.conversation(x)
	if drop != "" {
		e.finish(x, nil, drop)
		return
	}
	if c == nil {
		reply, drop := e.rejectStray(x)
		e.finish(x, reply, drop)
		return
	}
	c.mu.Lock()
	switch {
	case c.wait != nil:
		e.busy(c, x)
	case len(response) == 0:
		e.proceed(c, x, c.eap.Start())
	default:
		e.proceed(c, x, c.eap.Handle(x.request.Received, response))
	}
}

// conversation returns the conversation that a request continues or begins, or nil for one that does neither,
// which is what a client is left with when the server has restarted.
func (e *Engine) conversation(x *exchange) (*conversation, DropReason) {
	// EAP-Start begins anew, whatever State says.
	if v := x.packet.Get(rfc2865.State_Type); len(v) == stateLen && len(x.response) > 0 {
		if c := e.conversations.find(x.request.Received, state(v), x.request.NAS()); c != nil {
			return c, ""
		}
	}
	if len(x.response) > 0 {
		parsed, err := eap.Parse(x.response)
		if err != nil {
			return nil, DropMalformed
		}
		if parsed.Code != eap.Response || parsed.Type != eap.TypeIdentity {
			return nil, ""
		}
	}
	return e.begin(x.request, x.packet)
}

// begin registers a new conversation.
func (e *Engine) begin(r *Request, p *lr.Packet) (*conversation, DropReason) {
	c := &conversation{nas: r.NAS()}
	if _, err := e.rand.Read(c.state[:]); err != nil {
		return nil, DropNoRandomness
	}
	label := connectionLabel(r, p)
	config := e.config.EAP
	config.TLS = func() *tls.Config { return e.env.TLS(label, e.config.EAP.TLS()) }
	config.FramedMTU = int(min(r.FramedMTU, radius.MaxLength))
	c.eap = eapserver.New(config)
	if !e.conversations.add(r.Received, c) {
		return nil, DropConversationsFull
	}
	return c, ""
}

// connectionLabel names the TLS connection of a conversation by the client and the nonce of its first request, and
// not by a count, so that one client more changes the randomness of no other.
func connectionLabel(r *Request, p *lr.Packet) string {
	client := r.CallingStation
	if r.ClientMAC != nil {
		client = radius.FormatMAC(r.ClientMAC)
	}
	return "eap/" + client + "/" + hex.EncodeToString(p.Authenticator[:8])
}

// rejectStray refuses a response that belongs to no conversation, so that the NAS starts over at once.
func (e *Engine) rejectStray(x *exchange) ([]byte, DropReason) {
	parsed, err := eap.Parse(x.response)
	if err != nil || parsed.Code != eap.Response {
		return nil, DropUnexpectedEAP
	}
	return e.reject(x.packet, eap.Packet{Code: eap.Failure, ID: parsed.ID}.Append(nil))
}

// proceed answers a request with the result of a step, or has it wait. The caller holds the conversation's mutex,
// which is released.
func (e *Engine) proceed(c *conversation, x *exchange, result eapserver.Result) {
	if result.Kind == eapserver.Authenticated {
		c.judged, c.decided = true, true
		c.verdict = e.handler.Authorize(authenticated(x.request, result.Peer))
		result = c.eap.Authorize(c.verdict.Accept)
	}
	if result.Failure != nil && !c.judged {
		c.judged = true
		e.handler.Rejected(failed(x.request, c, result.Failure), *result.Failure)
	}
	if result.Kind == eapserver.Waiting {
		e.suspend(c, x, result.Wait)
		return
	}
	reply, drop := e.write(c, x.packet, result)
	c.mu.Unlock()
	e.finish(x, reply, drop)
}

// write makes the reply out of a result. The caller holds the conversation's mutex.
func (e *Engine) write(c *conversation, p *lr.Packet, result eapserver.Result) ([]byte, DropReason) {
	switch result.Kind {
	case eapserver.Challenge:
		return e.challenge(c, p, result)
	case eapserver.Success:
		e.conversations.remove(c)
		if c.tell() != nil {
			return e.reject(p, eap.Packet{Code: eap.Failure, ID: result.EAP[1]}.Append(nil))
		}
		return e.accept(c, p, result)
	case eapserver.Failed:
		e.conversations.remove(c)
		if !c.verdict.Accept {
			_ = c.tell() // it is rejected in any case
		}
		return e.reject(p, result.EAP)
	}
	return nil, DropUnexpectedEAP
}

// reject writes an Access-Reject with an EAP-Failure.
func (e *Engine) reject(p *lr.Packet, failure []byte) ([]byte, DropReason) {
	reply := radius.NewReply(p, lr.CodeAccessReject)
	radius.AddEAPMessage(reply, failure)
	return e.encode(reply)
}

func authenticated(r *Request, peer *eapserver.Peer) Access {
	return Access{Request: r, Identity: peer.Identity, Method: methodName(peer.Method), User: peer.User, Inner: peer.Inner,
		Groups: peer.Groups, Chain: peer.Chain, Resumed: peer.Resumed, TLSVersion: peer.TLS.Version}
}

func failed(r *Request, c *conversation, f *eapserver.Failure) Access {
	return Access{Request: r, Identity: c.eap.Identity(), Method: methodName(c.eap.Method()), Chain: f.Chain}
}

// methodName is an EAP method in the words of policies, for example "eap-tls"; empty before it came to one.
func methodName(t eap.Type) string {
	if t == 0 {
		return ""
	}
	return strings.ToLower(t.String())
}

func (e *Engine) challenge(c *conversation, p *lr.Packet, result eapserver.Result) ([]byte, DropReason) {
	reply := radius.NewReply(p, lr.CodeAccessChallenge)
	radius.AddEAPMessage(reply, result.EAP)
	reply.Add(rfc2865.State_Type, lr.Attribute(c.state[:]))
	return e.encode(reply)
}

// accept writes the Access-Accept. User-Name is the EAP identity unless the verdict gives another: a request's own
// User-Name is the NAS's copy of it, which is not to be believed where they differ (RFC 3579 section 3).
func (e *Engine) accept(c *conversation, p *lr.Packet, result eapserver.Result) ([]byte, DropReason) {
	v := &c.verdict
	reply := radius.NewReply(p, lr.CodeAccessAccept)
	radius.AddEAPMessage(reply, result.EAP)
	if err := radius.AddMPPEKeys(reply, result.Peer.MSK, e.rand); err != nil {
		return nil, DropNoRandomness
	}
	name := v.UserName
	if name == "" {
		name = result.Peer.Identity
	}
	addText(reply, rfc2865.UserName_Type, name)
	if v.VLAN != "" {
		radius.SetVLAN(reply, 0, v.VLAN)
	}
	addText(reply, rfc2865.FilterID_Type, v.Role)
	if v.SessionTimeout > 0 {
		reply.Add(rfc2865.SessionTimeout_Type, seconds(v.SessionTimeout))
		reply.Add(rfc2865.TerminationAction_Type, lr.NewInteger(uint32(rfc2865.TerminationAction_Value_RADIUSRequest)))
	}
	if v.InterimInterval > 0 {
		reply.Add(rfc2869.AcctInterimInterval_Type, seconds(v.InterimInterval))
	}
	if v.Class != nil {
		reply.Add(rfc2865.Class_Type, lr.Attribute(v.Class))
	}
	reply.Attributes = append(reply.Attributes, v.Attributes...)
	return e.encode(reply)
}

// addText adds a text attribute unless it would be empty, which RFC 2865 section 5 forbids.
func addText(p *lr.Packet, t lr.Type, s string) {
	if s != "" {
		p.Add(t, lr.Attribute(s))
	}
}

// seconds is a duration in whole seconds, rounded up so that it does not become 0, which would mean at once.
func seconds(d time.Duration) lr.Attribute {
	n := (d + time.Second - 1) / time.Second
	return lr.NewInteger(uint32(min(n, 1<<32-1)))
}
