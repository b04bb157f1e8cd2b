package eapserver

import (
	"time"

	"nacsim/internal/eap"
)

// newMethod returns a fresh method, or nil for one that the server does not have.
func (c *Conversation) newMethod(t eap.Type) method {
	switch t {
	case eap.TypeTLS:
		return newTLSMethod(&c.config)
	case eap.TypeTTLS:
		return newTTLSMethod(&c.config, c.identity)
	case eap.TypePEAP:
		return newPEAPMethod(&c.config, c.identity)
	case eap.TypeTEAP:
		return newTEAPMethod(&c.config, c.identity)
	case eap.TypeMD5:
		if m := newMD5Method(c); m != nil {
			return m
		}
	}
	return nil
}

// A method is the server's side of one EAP method in one conversation.
type method interface {
	typ() eap.Type
	// begin returns the type-data of the first request.
	begin() []byte
	// handle takes the type-data of a response.
	handle(now time.Time, data []byte) outcome
	// resume goes on after a Waiting outcome whose answer has come.
	resume(now time.Time) outcome
	// authorize takes the caller's decision after an Authenticated outcome.
	authorize(accept bool) outcome
	// peer describes the client once it is authenticated, except for its identity.
	peer() *Peer
	close()
}

// A resumable method is one over TLS.
type resumable interface {
	// remember has the client, who has been let in, resume its TLS session later.
	remember(p *Peer, now time.Time)
	// forget has a client that was refused not resume again.
	forget()
}

// An outcome is what a method wants after a step.
type outcome struct {
	kind    Kind
	data    []byte            // type-data of the next request, with Challenge
	failure *Failure          // with Failed, and with a Challenge that tells the client of it
	why     string            // with Ignored
	wait    func(done func()) // with Waiting, see Result
}

// warn has a request carry the failure of which it tells the client.
func (o *outcome) warn(f *Failure) {
	if f != nil && o.kind == Challenge {
		o.failure = f
	}
}
