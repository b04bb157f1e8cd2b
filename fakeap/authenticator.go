package fakeap

import (
	"bytes"
	"time"

	"nacsim/internal/eap"
)

// authState is what the authenticator of a client waits for.
type authState uint8

const (
	authIdle     authState = iota // a reason to begin
	authIdentity                  // the client's identity
	authServer                    // the RADIUS server
	authClient                    // the client's answer to the server's request
	authHeld                      // the end of the quiet period
)

// A request that the client leaves unanswered is sent four times within 21 seconds: less than a server keeps a
// conversation, so that an answer to the last one still counts (RFC 3748 section 4.3).
const (
	requestTransmissions = 4
	requestFirstWait     = 3 * time.Second
	requestLaterWait     = 6 * time.Second
)

// authenticator is the 802.1X authenticator PAE of one client (IEEE 802.1X-2010 clause 8.6), which passes EAP
// through between the client and a RADIUS server (RFC 3748 section 2.3). It only says what to send: authorization is
// its owner's business. It is driven like this:
//
//	o := a.start(now)
//	for {
//		send o.toClient; ask the server with o.toServer; if o.silent give the client up
//		o = a.response(packet, now)    // EAP from the client
//		o = a.challenge(packet, now)   // EAP from the server, to be answered
//		o = a.finish(code, packet)     // the server's decision, or the lack of one
//		o = a.expire(now)              // when a.deadline has come
//	}
type authenticator struct {
	state    authState
	deadline time.Time
	request  []byte // sent to the client last
	id       uint8  // of request
	tries    int    // transmissions of request

	// patience is for how long the client may take to say who it is, across transmissions; zero means until all
	// are unanswered.
	patience time.Duration
	began    time.Time
}

// authOutput is what the authenticator wants done.
type authOutput struct {
	// toClient is an EAP packet for the client, or nil.
	toClient []byte
	// toServer is an EAP response for the server, or nil. With begin it is an identity and opens a new
	// conversation.
	toServer []byte
	begin    bool
	identity string
	// silent means that the client has not answered and the authentication has ended; unheard, that it has not
	// even answered who it is.
	silent, unheard bool
}

// start asks the client for its identity, and abandons an authentication that is running. If it has just asked,
// it asks the same again: both sides may have begun at the same time.
func (a *authenticator) start(now time.Time) authOutput {
	if a.state == authIdentity {
		return a.transmit(now)
	}
	a.began = now
	a.ask(authIdentity, eap.Packet{Code: eap.Request, ID: a.id + 1, Type: eap.TypeIdentity}.Append(nil))
	return a.transmit(now)
}

// ask takes over a new request.
func (a *authenticator) ask(s authState, request []byte) {
	a.state, a.request, a.id, a.tries = s, request, request[1], 0
}

func (a *authenticator) transmit(now time.Time) authOutput {
	a.tries++
	a.deadline = now.Add(requestLaterWait)
	if a.tries == 1 {
		a.deadline = now.Add(requestFirstWait)
	}
	if a.state == authIdentity && a.patience > 0 {
		a.deadline = earliest(a.deadline, a.began.Add(a.patience))
	}
	return authOutput{toClient: a.request}
}

// response takes an EAP packet of the client. What does not answer the outstanding request is silently discarded
// (RFC 3748 section 4.1).
func (a *authenticator) response(packet []byte, _ time.Time) authOutput {
	if a.state != authIdentity && a.state != authClient {
		return authOutput{}
	}
	p, err := eap.Parse(packet)
	if err != nil || p.Code != eap.Response || p.ID != a.id {
		return authOutput{}
	}
	o := authOutput{toServer: bytes.Clone(packet[:p.Len()])}
	if a.state == authIdentity {
		if p.Type != eap.TypeIdentity {
			return authOutput{}
		}
		o.begin, o.identity = true, string(p.Data)
	}
	a.state, a.deadline = authServer, time.Time{}
	return o
}

// challenge takes the EAP packet of an Access-Challenge. Ok is false when it is none that can be passed on.
func (a *authenticator) challenge(packet []byte, now time.Time) (o authOutput, ok bool) {
	p, err := eap.Parse(packet)
	if a.state != authServer || err != nil || p.Code != eap.Request {
		return authOutput{}, false
	}
	a.ask(authClient, bytes.Clone(packet[:p.Len()]))
	return a.transmit(now), true
}

// finish ends an authentication with the given code and returns the packet that tells the client: that of the
// server if it is of the same code, otherwise one made here (RFC 3579 section 2.6.3).
func (a *authenticator) finish(code eap.Code, packet []byte) authOutput {
	a.reset()
	if p, err := eap.Parse(packet); err == nil && p.Code == code {
		a.id = p.ID
		return authOutput{toClient: packet[:p.Len()]}
	}
	return authOutput{toClient: eap.Packet{Code: code, ID: a.id}.Append(nil)}
}

// reset abandons whatever is going on.
func (a *authenticator) reset() { a.state, a.deadline, a.request = authIdle, time.Time{}, nil }

// hold ignores the client until the quiet period has passed.
func (a *authenticator) hold(until time.Time) {
	a.reset()
	a.state, a.deadline = authHeld, until
}

// busy reports whether an authentication is running.
func (a *authenticator) busy() bool { return a.state != authIdle && a.state != authHeld }

// expire repeats an unanswered request or gives up, and ends the quiet period. Before the deadline it does nothing.
func (a *authenticator) expire(now time.Time) authOutput {
	if a.deadline.IsZero() || now.Before(a.deadline) {
		return authOutput{}
	}
	unheard := a.state == authIdentity
	impatient := unheard && a.patience > 0 && !now.Before(a.began.Add(a.patience))
	switch {
	case a.state == authHeld:
		a.reset()
		return authOutput{}
	case a.tries < requestTransmissions && !impatient:
		return a.transmit(now)
	}
	a.reset()
	return authOutput{silent: true, unheard: unheard}
}
