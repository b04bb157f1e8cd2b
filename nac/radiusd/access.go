package radiusd

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"strings"

	"nacsim/internal/eap"
	"nacsim/internal/radius"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// access works on an Access-Request.
func (e *Engine) access(x *exchange) {
	response, isEAP := radius.EAPMessage(x.packet.Attributes)
	if !isEAP {
		e.plain(x)
		return
	}
	x.response = response
	if f := e.otherIdentity(x); f != nil {
		e.refuse(x, Access{Request: x.request, Identity: x.request.UserName}, f)
		return
	}
	c, drop := e.conversation(x)
	switch {
	case drop != "":
		e.finish(x, nil, drop)
		return
	case c == nil: // so that the NAS starts over at once
		e.finishReject(x)
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
		if c := e.conversations.find(x.request.Received, state(v), x.request.nasID()); c != nil {
			return c, ""
		}
	}
	if len(x.response) > 0 {
		parsed, err := eap.Parse(x.response)
		if err != nil {
			return nil, DropMalformedEAP
		}
		if parsed.Code != eap.Response || parsed.Type != eap.TypeIdentity {
			return nil, ""
		}
	}
	return e.begin(x)
}

// begin registers a new conversation.
func (e *Engine) begin(x *exchange) (*conversation, DropReason) {
	c := &conversation{}
	label, source := connectionLabel(x.request, x.packet), x.settings.EAP.TLS
	config := x.settings.EAP
	config.TLS = func() *tls.Config { return e.env.TLS(label, source()) } // keeps nothing of the request
	config.FramedMTU = int(min(x.request.FramedMTU, radius.MaxLength))
	x.settings.MAB.forMAB(&config, x.request, x.identity(), e.rand)
	c.eap = eapserver.New(config)
	return c, e.register(x, c)
}

// register enters a conversation into the table, in place of another where it must be.
func (e *Engine) register(x *exchange, c *conversation) DropReason {
	c.nas = x.request.nasID()
	if _, err := e.rand.Read(c.state[:]); err != nil {
		return DropNoRandomness
	}
	replaced, ok := e.conversations.add(x.request.Received, c)
	if replaced != nil {
		e.count(&e.counts.Replaced)
		e.end(replaced, DropAbandoned)
	}
	if !ok {
		return DropConversationsFull
	}
	return ""
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

// otherIdentity is the failure of a client whose User-Name is not its EAP identity, where the configuration wants
// them to be the same (RFC 3579 section 3).
func (e *Engine) otherIdentity(x *exchange) *eapserver.Failure {
	identity := x.identity()
	if !x.settings.RejectOtherIdentity || identity == x.request.UserName {
		return nil
	}
	return &eapserver.Failure{Reason: eapserver.Protocol,
		Text: fmt.Sprintf("User-Name is %.64q, but the EAP identity is %.64q", x.request.UserName, identity)}
}

// identity is what the client calls itself in the request: the EAP identity where it states one, or else User-Name.
func (x *exchange) identity() string {
	if p, err := eap.Parse(x.response); err == nil && p.Code == eap.Response && p.Type == eap.TypeIdentity {
		return string(p.Data)
	}
	return x.request.UserName
}

// refuse tells the handler of a client that is rejected, and rejects it.
func (e *Engine) refuse(x *exchange, a Access, f *eapserver.Failure) {
	e.handler.Rejected(a, *f)
	e.finishReject(x)
}

// finishReject answers with Access-Reject, and with EAP-Failure what came with an EAP-Response.
func (e *Engine) finishReject(x *exchange) {
	var failure []byte
	if x.response != nil {
		parsed, err := eap.Parse(x.response)
		if err != nil || parsed.Code != eap.Response {
			e.finish(x, nil, DropUnexpectedEAP)
			return
		}
		failure = eap.Packet{Code: eap.Failure, ID: parsed.ID}.Append(nil)
	}
	reply, drop := e.reject(x.packet, failure)
	e.finish(x, reply, drop)
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
		e.suspend(c, &wait{x, func(w *wait) { e.proceed(c, w.x, c.eap.Resume(e.env.Now())) }}, result.Wait)
		return
	}
	reply, drop := e.write(c, x, result)
	c.mu.Unlock()
	e.finish(x, reply, drop)
}

// write makes the reply out of a result. The caller holds the conversation's mutex.
func (e *Engine) write(c *conversation, x *exchange, result eapserver.Result) ([]byte, DropReason) {
	switch {
	case c.settled: // what came at the same time as the last response
		return nil, DropUnexpectedEAP
	case result.Kind == eapserver.Challenge:
		return e.challenge(c, x.packet, result)
	case result.Kind == eapserver.Success:
		c.settled = true
		e.conversations.remove(c)
		return e.settle(x, &c.verdict, granted{result.EAP, result.Peer.MSK, result.Peer.Identity})
	case result.Kind == eapserver.Failed:
		c.settled = true
		e.conversations.remove(c)
		if c.decided && !c.verdict.Accept {
			return e.settle(x, &c.verdict, granted{eap: result.EAP})
		}
		return e.reject(x.packet, result.EAP)
	}
	return nil, DropUnexpectedEAP
}

func authenticated(r *Request, peer *eapserver.Peer) Access {
	if peer.Method == eap.TypeMD5 {
		return Access{Request: r, Identity: peer.Identity, Method: "mab", Inner: "eap-md5"}
	}
	return Access{Request: r, Identity: peer.Identity, Method: methodName(peer.Method), User: peer.User, Inner: peer.Inner,
		Groups: peer.Groups, Chain: peer.Chain, As: peer.As, Machine: peer.Machine, MachineChain: peer.MachineChain, Resumed: peer.Resumed, TLSVersion: peer.TLS.Version}
}

func failed(r *Request, c *conversation, f *eapserver.Failure) Access {
	return Access{Request: r, Identity: c.eap.Identity(), Method: methodName(c.eap.Method()), Chain: f.Chain,
		As: f.As, Machine: f.Machine, MachineChain: f.MachineChain}
}

// methodName is an EAP method in the words of policies, for example "eap-tls"; empty before it came to one.
func methodName(t eap.Type) string {
	switch t {
	case 0:
		return ""
	case eap.TypeMD5:
		return "mab"
	case eap.TypePEAP, eap.TypeTEAP:
		return "eap-" + strings.ToLower(t.String())
	}
	return strings.ToLower(t.String())
}
