package fakeap

import (
	"errors"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"nacsim/internal/host"
	"nacsim/internal/radius"
)

// conversation is one EAP conversation with the RADIUS server. Over UDP each has a socket of its own, as TLS sessions
// on one pair of ports are dissected wrongly by network analysers.
type conversation struct {
	line      line
	attrs     lr.Attributes // what every request of the conversation says
	state     lr.Attribute
	sessionID string
	user      string
	outcome   Outcome
}

// ask sends a client's EAP response to the server.
func (n *nas) ask(c *client, o authOutput) {
	if o.begin {
		if err := n.dial(c, o.identity); err != nil {
			c.auth.reset() // the client will try again
			return
		}
	}
	if c.talk != nil {
		n.askEAP(c, o.toServer)
	}
}

// askEAP sends an EAP response within the conversation that runs.
func (n *nas) askEAP(c *client, response []byte) {
	request := n.newRequest(c)
	if request == nil {
		return
	}
	radius.AddEAPMessage(request, response)
	n.exchange(c, request)
}

// newRequest is the next request of a conversation, or nil without randomness.
func (n *nas) newRequest(c *client) *lr.Packet {
	t := c.talk
	request, err := radius.NewRequest(lr.CodeAccessRequest, 0, n.cfg.RADIUS.Secret, n.nonces)
	if err != nil {
		c.auth.reset()
		return nil
	}
	request.Attributes = append(make(lr.Attributes, 0, len(t.attrs)+8), t.attrs...)
	return request
}

// exchange sends a request of a conversation in a task that waits for the reply.
func (n *nas) exchange(c *client, request *lr.Packet) {
	t := c.talk
	if t.state != nil {
		request.Add(rfc2865.State_Type, t.state)
	}
	n.h.Go("radius", func() {
		reply, err := t.line.access(request)
		if errors.Is(err, host.ErrDown) {
			return
		}
		n.reply(c, t, request, reply, err)
	})
}

// dial opens a new conversation.
func (n *nas) dial(c *client, identity string) error {
	n.hangUp(c)
	line, err := n.dialServer()
	if err != nil {
		return err
	}
	t := &conversation{line: line, user: identity}
	t.outcome = n.newOutcome(c, identity)
	if c.session != nil {
		t.sessionID = c.session.id
	} else if t.sessionID, err = n.newSessionID(); err != nil {
		line.close()
		return err
	}
	t.attrs = n.accessAttributes(c, t)
	c.talk = t
	return nil
}

// hangUp ends the conversation with the server, if there is one. A task waiting in it returns.
func (n *nas) hangUp(c *client) {
	if c.talk != nil {
		c.talk.line.close()
		c.talk = nil
	}
}

// abandon ends the conversation with the server and the 4-way handshake, if either is running.
func (n *nas) abandon(c *client) {
	n.hangUp(c)
	c.pending = nil
	if c.keys != nil {
		c.keys.Stop()
	}
}

// reply takes the server's reply, or the lack of one, to the last request of a conversation.
func (n *nas) reply(c *client, t *conversation, request, reply *lr.Packet, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.talk != t {
		return // abandoned meanwhile
	}
	now := n.h.Now()
	defer n.arm(c, now)
	if err != nil {
		n.deny(c, now, denial{result: NoReply, reason: err.Error(), vlan: n.cfg.ServerFailVLAN})
		return
	}
	t.outcome.RoundTrips++
	packet, _ := radius.EAPMessage(reply.Attributes)
	t.outcome.note(reply, packet)
	switch reply.Code {
	case lr.CodeAccessChallenge:
		t.state, _ = reply.Lookup(rfc2865.State_Type)
		n.challenge(c, now, packet)
	case lr.CodeAccessAccept:
		n.accept(c, now, newAuthorization(n.cfg, t, request, reply), packet)
	default:
		n.deny(c, now, denial{result: Rejected, packet: packet, reason: "Access-Reject", vlan: n.cfg.RejectVLAN})
	}
}

// challenge passes on the EAP request of an Access-Challenge.
func (n *nas) challenge(c *client, now time.Time, packet []byte) {
	if c.byMAC {
		n.challengeMAC(c, now, packet)
		return
	}
	o, ok := c.auth.challenge(packet, now)
	if !ok {
		n.deny(c, now, denial{reason: "Access-Challenge without an EAP request"})
		return
	}
	n.apply(c, o, now)
}
