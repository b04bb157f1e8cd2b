package fakeap

import (
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"nacsim/fakeap/ether"
	"nacsim/internal/eap"
)

// Result is what became of an authentication.
type Result string

// Results of an authentication.
const (
	// Accepted: the server has agreed, and on a wireless network with keys the 4-way handshake has shown that both
	// sides have the same.
	Accepted Result = "accept"
	// Rejected: the server sent Access-Reject.
	Rejected Result = "reject"
	// NoReply: the server did not answer.
	NoReply Result = "no-reply"
	// NoClient: the client did not answer, or left.
	NoClient Result = "no-client"
	// Failed: the server's answer was of no use, or the 4-way handshake failed.
	Failed Result = "failed"
)

// Outcome tells of one authentication, as the NAS saw it.
type Outcome struct {
	Client ether.Addr
	// Port is its NAS-Port-Id.
	Port   string
	Result Result
	// Reason is why, if the client was not accepted.
	Reason string
	// User is the User-Name sent, ByMAC that it is the address.
	User  string
	ByMAC bool
	// Again means that the client had a session already.
	Again bool
	// Started is when the client's identity was there, Ended when the port was opened, or it was clear that it
	// will not be.
	Started, Ended time.Time
	// RoundTrips are the requests that the server has answered.
	RoundTrips int
	// Method is the EAP method of the server's last request; 0 without one.
	Method eap.Type

	// SessionID is the Acct-Session-Id, VLAN the one in force, of an accepted client.
	SessionID, VLAN string
	// FilterID, ReplyMessage, Class and SessionTimeout are those of the server's last answer.
	FilterID, ReplyMessage string
	Class                  [][]byte
	SessionTimeout         time.Duration
	// Keys are MS-MPPE-Recv-Key and MS-MPPE-Send-Key, which are the first 64 octets of the MSK.
	Keys []byte
}

func (n *nas) newOutcome(c *client, user string) Outcome {
	return Outcome{Client: c.mac, Port: c.port, User: user, ByMAC: c.byMAC, Again: c.session != nil, Started: n.h.Now()}
}

// note takes what a reply of the server says.
func (o *Outcome) note(reply *lr.Packet, packet []byte) {
	if p, err := eap.Parse(packet); err == nil && p.Code == eap.Request {
		o.Method = p.Type
	}
	if reply.Code == lr.CodeAccessChallenge {
		return
	}
	o.FilterID, o.ReplyMessage = rfc2865.FilterID_GetString(reply), rfc2865.ReplyMessage_GetString(reply)
	o.SessionTimeout = time.Duration(rfc2865.SessionTimeout_Get(reply)) * time.Second
	for _, a := range reply.Attributes {
		if a.Type == rfc2865.Class_Type {
			o.Class = append(o.Class, a.Attribute)
		}
	}
}

// conclude reports an authentication.
func (n *nas) conclude(o *Outcome, now time.Time, result Result, reason string) {
	if n.cfg.Outcome == nil {
		return
	}
	o.Ended, o.Result, o.Reason = now, result, reason
	n.cfg.Outcome(*o)
}

// concludeFailed reports an authentication that has failed before the server has granted anything.
func (n *nas) concludeFailed(c *client, now time.Time, d denial) {
	if c.pending != nil {
		n.conclude(c.pending.outcome, now, NoClient, d.reason)
		return
	}
	var o Outcome
	if c.talk != nil {
		o = c.talk.outcome
	} else {
		o = n.newOutcome(c, "")
	}
	if d.result == "" {
		d.result = Failed
	}
	n.conclude(&o, now, d.result, d.reason)
}
