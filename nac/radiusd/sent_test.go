package radiusd

import (
	"crypto/tls"
	"errors"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// TestSent: the handler learns that the NAS is told when it is, not when the verdict is given, and once only.
func TestSent(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		for _, accept := range []bool{true, false} {
			b := newBench(t)
			n := b.nas(version, 1)
			sent := 0
			b.handler.verdict.Accept = accept
			b.handler.verdict.Sent = func() error { sent++; return nil }
			for response := identity("x"); response != nil; {
				before := sent
				request := n.exchange(response)
				final := n.reply.Code != lr.CodeAccessChallenge
				if got := sent - before; got > 0 != final {
					t.Errorf("accept %v: %v sent, handler told %d times", accept, n.reply.Code, got)
				}
				if _, drop := b.handle(Auth, n.from, n.sent); drop != "" {
					t.Fatal(drop)
				}
				response = n.peer.Respond(request)
			}
			if sent != 1 {
				t.Errorf("accept %v: handler told %d times", accept, sent)
			}
		}
	})
}

// TestSentNever: a client that gets the success indication or the alert of TLS 1.3 (RFC 9190 sections 2.1.1 and 2.1.3)
// and does not acknowledge it leaves the NAS without an answer, so nothing has come into force.
func TestSentNever(t *testing.T) {
	for _, accept := range []bool{true, false} {
		b := newBench(t)
		n := b.nas(tls.VersionTLS13, 1)
		sent := 0
		b.handler.verdict.Accept = accept
		b.handler.verdict.Sent = func() error { sent++; return nil }
		for response := identity("x"); len(b.handler.accesses) == 0; {
			response = n.peer.Respond(n.exchange(response))
		}
		if n.reply.Code != lr.CodeAccessChallenge || sent != 0 {
			t.Errorf("accept %v: got %v, handler told %d times", accept, n.reply.Code, sent)
		}
		b.now = b.now.Add(DefaultConversationTTL)
		b.engine.Sweep(b.now)
		if sent != 0 {
			t.Errorf("accept %v: handler told of a conversation that was given up", accept)
		}
	}
}

func TestSentFails(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		b := newBench(t)
		n := b.nas(version, 1)
		b.handler.verdict.Sent = func() error { return errors.New("full") }
		n.authenticate()
		if n.reply.Code != lr.CodeAccessReject || n.peer.Code != eap.Failure {
			t.Errorf("got %v with EAP %v", n.reply.Code, n.peer.Code)
		}
		if _, _, err := radius.MPPEKeys(n.reply.Attributes, n.request); err == nil {
			t.Error("the reject has keys")
		}
	})
}
