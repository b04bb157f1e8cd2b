package radiusd

import (
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/radius"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// granted is what an authentication adds to the final reply.
type granted struct {
	eap      []byte // EAP-Success or EAP-Failure; nil without EAP
	msk      []byte // nil for methods without keys
	identity string
}

// settle has the handler know that the NAS learns of the verdict now, and writes the reply: Access-Accept, or
// Access-Reject where the verdict or the handler says so.
func (e *Engine) settle(x *exchange, v *Verdict, g granted) ([]byte, DropReason) {
	var err error
	if v.Sent != nil {
		err = v.Sent()
	}
	switch {
	case !v.Accept:
		return e.reject(x.packet, g.eap)
	case err != nil && g.eap != nil:
		return e.reject(x.packet, eap.Packet{Code: eap.Failure, ID: g.eap[1]}.Append(nil))
	case err != nil:
		return e.reject(x.packet, nil)
	}
	return e.accept(x, v, g)
}

// reject writes an Access-Reject, with an EAP-Failure unless that is nil.
func (e *Engine) reject(p *lr.Packet, failure []byte) ([]byte, DropReason) {
	reply := radius.NewReply(p, lr.CodeAccessReject)
	if failure != nil {
		radius.AddEAPMessage(reply, failure)
	}
	return e.encode(reply)
}

func (e *Engine) challenge(c *conversation, p *lr.Packet, result eapserver.Result) ([]byte, DropReason) {
	reply := radius.NewReply(p, lr.CodeAccessChallenge)
	radius.AddEAPMessage(reply, result.EAP)
	reply.Add(rfc2865.State_Type, lr.Attribute(c.state[:]))
	return e.encode(reply)
}

// accept writes the Access-Accept. User-Name is the EAP identity unless the verdict gives another: a request's own
// User-Name is the NAS's copy of it, which is not to be believed where they differ (RFC 3579 section 3).
func (e *Engine) accept(x *exchange, v *Verdict, g granted) ([]byte, DropReason) {
	reply := radius.NewReply(x.packet, lr.CodeAccessAccept)
	format := x.request.Client.format()
	if g.eap != nil {
		radius.AddEAPMessage(reply, g.eap)
	}
	if g.msk != nil {
		if err := radius.AddMPPEKeys(reply, g.msk, e.rand); err != nil {
			return nil, DropNoRandomness
		}
	}
	name := v.UserName
	if name == "" {
		name = g.identity
	}
	addText(reply, rfc2865.UserName_Type, name)
	if v.VLAN != "" {
		radius.SetVLAN(reply, format.VLANTag, v.VLAN)
	}
	if err := format.addRole(reply, v.Role); err != nil {
		return nil, DropReplyTooLong
	}
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
