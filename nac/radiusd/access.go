package radiusd

import (
	"crypto/tls"
	"encoding/hex"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/radius"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// access answers an Access-Request.
func (e *Engine) access(r *Request, p *lr.Packet) ([]byte, DropReason) {
	response, isEAP := radius.EAPMessage(p.Attributes)
	if !isEAP {
		e.handler.Rejected(Access{Request: r, Identity: r.UserName},
			eapserver.Failure{Reason: eapserver.NoMethod, Text: "request without EAP-Message"})
		return e.encode(radius.NewReply(p, lr.CodeAccessReject))
	}
	c, drop := e.conversation(r, p, response)
	if drop != "" {
		return nil, drop
	}
	if c == nil {
		return e.rejectStray(p, response)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.converse(c, r, p, response)
}

// conversation returns the conversation that a request continues or begins, or nil for one that does neither,
// which is what a client is left with when the server has restarted.
func (e *Engine) conversation(r *Request, p *lr.Packet, response []byte) (*conversation, DropReason) {
	// EAP-Start begins anew, whatever State says.
	if v := p.Get(rfc2865.State_Type); len(v) == stateLen && len(response) > 0 {
		if c := e.conversations.find(r.Received, state(v), r.NAS()); c != nil {
			return c, ""
		}
	}
	if len(response) > 0 {
		parsed, err := eap.Parse(response)
		if err != nil {
			return nil, DropMalformed
		}
		if parsed.Code != eap.Response || parsed.Type != eap.TypeIdentity {
			return nil, ""
		}
	}
	return e.begin(r, p)
}

// begin registers a new conversation.
func (e *Engine) begin(r *Request, p *lr.Packet) (*conversation, DropReason) {
	c := &conversation{nas: r.NAS()}
	if _, err := e.rand.Read(c.state[:]); err != nil {
		return nil, DropNoRandomness
	}
	label := connectionLabel(r, p)
	c.eap = eapserver.New(eapserver.Config{
		TLS:       func() *tls.Config { return e.env.TLS(label, e.config.TLS()) },
		Fragment:  e.config.Fragment,
		FramedMTU: int(min(r.FramedMTU, radius.MaxLength)),
		MaxRounds: e.config.MaxRounds,
	})
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
func (e *Engine) rejectStray(p *lr.Packet, response []byte) ([]byte, DropReason) {
	parsed, err := eap.Parse(response)
	if err != nil || parsed.Code != eap.Response {
		return nil, DropUnexpectedEAP
	}
	return e.reject(p, eap.Packet{Code: eap.Failure, ID: parsed.ID}.Append(nil))
}

// converse takes one step. The caller holds the conversation's mutex.
func (e *Engine) converse(c *conversation, r *Request, p *lr.Packet, response []byte) ([]byte, DropReason) {
	var result eapserver.Result
	if len(response) == 0 {
		result = c.eap.Start()
	} else {
		result = c.eap.Handle(r.Received, response)
	}
	if result.Kind == eapserver.Authenticated {
		c.judged, c.decided = true, true
		c.verdict = e.handler.Authorize(e.authenticated(r, result.Peer))
		result = c.eap.Authorize(c.verdict.Accept)
	}
	if result.Failure != nil && !c.judged {
		c.judged = true
		e.handler.Rejected(e.failed(r, c, result.Failure), *result.Failure)
	}
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

func (e *Engine) authenticated(r *Request, peer *eapserver.Peer) Access {
	return Access{Request: r, Identity: peer.Identity, Method: peer.Method, Chain: peer.Chain, TLSVersion: peer.TLS.Version}
}

func (e *Engine) failed(r *Request, c *conversation, f *eapserver.Failure) Access {
	return Access{Request: r, Identity: c.eap.Identity(), Method: c.eap.Method(), Chain: f.Chain}
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
