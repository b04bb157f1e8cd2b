package radiusd

import (
	"bytes"
	"crypto/tls"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/radius"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// TestHostileResponses sends odd responses in the middle of a conversation. What is dropped must not end it (RFC 3748
// section 4.1): the client that was meant goes on and is let in. After a refusal it can begin again.
func TestHostileResponses(t *testing.T) {
	// packet builds a response out of the request's identifier.
	packet := func(typ eap.Type, data ...byte) func(byte) []byte {
		return func(id byte) []byte {
			return eap.Packet{Code: eap.Response, ID: id, Type: typ, Data: data}.Append(nil)
		}
	}
	other := func(id byte, by byte, typ eap.Type) []byte {
		return eap.Packet{Code: eap.Response, ID: id + by, Type: typ, Data: []byte{0}}.Append(nil)
	}
	for _, c := range []struct {
		name string
		rule string
		odd  func(id byte) []byte
		drop DropReason // or
		code lr.Code
	}{
		{"identifier before", "RFC 3748 section 4.1", func(id byte) []byte { return other(id, 255, eap.TypeTLS) }, DropUnexpectedEAP, 0},
		{"identifier after", "RFC 3748 section 4.1", func(id byte) []byte { return other(id, 1, eap.TypeTLS) }, DropUnexpectedEAP, 0},
		{"identifier far off", "RFC 3748 section 4.1", func(id byte) []byte { return other(id, 128, eap.TypeTLS) }, DropUnexpectedEAP, 0},
		{"a Request", "RFC 3748 section 4.1", func(id byte) []byte { return []byte{1, id, 0, 6, 13, 0x20} }, DropUnexpectedEAP, 0},
		{"a Success", "RFC 3748 section 4.2", func(id byte) []byte { return []byte{3, id, 0, 4} }, DropUnexpectedEAP, 0},
		{"a Failure", "RFC 3748 section 4.2", func(id byte) []byte { return []byte{4, id, 0, 4} }, DropUnexpectedEAP, 0},
		{"cut", "RFC 3748 section 4.1", func(id byte) []byte { return []byte{2, id, 0, 60, 13, 0} }, DropUnexpectedEAP, 0},
		{"one octet", "RFC 3748 section 4.1", func(byte) []byte { return []byte{2} }, DropUnexpectedEAP, 0},
		{"another method", "RFC 3748 section 4.1", packet(eap.TypePEAP, 0), DropUnexpectedEAP, 0},
		{"an identity again", "RFC 3748 section 5.1", packet(eap.TypeIdentity, 'e', 'v', 'e'), DropUnexpectedEAP, 0},
		{"a Notification", "RFC 3748 section 5.2", packet(eap.TypeNotification), DropUnexpectedEAP, 0},
		{"NAK with nothing", "RFC 3748 section 5.3.1", packet(eap.TypeLegacyNAK), "", lr.CodeAccessReject},
		{"NAK with 0", "RFC 3748 section 5.3.1", packet(eap.TypeLegacyNAK, 0), "", lr.CodeAccessReject},
		{"NAK with types that are no methods", "RFC 3748 section 5.3.1", packet(eap.TypeLegacyNAK, 1, 2, 3, 254, 255), "", lr.CodeAccessReject},
		{"NAK with two hundred types", "RFC 3748 section 5.3.1", packet(eap.TypeLegacyNAK, bytes.Repeat([]byte{99}, 200)...), "", lr.CodeAccessReject},
		{"EAP-TLS without flags", "RFC 5216 section 3.1", packet(eap.TypeTLS), "", lr.CodeAccessReject},
		{"length flag without a length", "RFC 5216 section 3.1", packet(eap.TypeTLS, 0x80, 0, 0), "", lr.CodeAccessReject},
		{"total length of 4 GiB", "RFC 5216 section 2.1.5", packet(eap.TypeTLS, 0xc0, 255, 255, 255, 255, 22), "", lr.CodeAccessReject},
		{"more than the total length", "RFC 5216 section 2.1.5", packet(eap.TypeTLS, 0x80, 0, 0, 0, 1, 22, 3, 1), "", lr.CodeAccessReject},
		{"no TLS at all", "RFC 8446 section 5.1", packet(eap.TypeTLS, 0, 'G', 'E', 'T', ' ', '/', '\r', '\n'), "", lr.CodeAccessReject},
		{"empty TLS", "RFC 5216 section 2.1.5", packet(eap.TypeTLS, 0), "", lr.CodeAccessReject},
		{"an alert", "RFC 5216 section 2.1.3", packet(eap.TypeTLS, 0, 21, 3, 1, 0, 2, 2, 80), "", lr.CodeAccessReject},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			n := b.nas(tls.VersionTLS13, 1)
			request := n.exchange(identity("host/laptop"))
			state := n.state
			got := b.odd(n, c.odd(request[1]))
			if got.drop != c.drop {
				t.Fatalf("got drop %q and %v, want drop %q (%s)", got.drop, got.code, c.drop, c.rule)
			}
			if c.drop == "" {
				if got.code != c.code { // TLS says its alert before the end
					t.Fatalf("got %v, want %v (%s)", got.code, c.code, c.rule)
				}
				n.state = nil
				n.authenticate()
			} else {
				n.state = state
				for response := n.peer.Respond(request); response != nil; {
					response = n.peer.Respond(n.exchange(response))
				}
			}
			if n.peer.Code != eap.Success || len(b.handler.accesses) != 1 {
				t.Errorf("the client gets %v", n.peer.Code)
			}
			if b.engine.Conversations() != 0 {
				t.Errorf("%d conversations are left", b.engine.Conversations())
			}
		})
	}
}

// A fate is what became of a request.
type fate struct {
	drop DropReason
	code lr.Code
}

// odd sends a response, and acknowledges an alert that the server sends because of it.
func (b *bench) odd(n *nas, response []byte) fate {
	b.t.Helper()
	for range 2 {
		reply, drop := b.handle(Auth, n.from, n.access(response))
		if drop != "" {
			return fate{drop: drop}
		}
		p, err := radius.ParseReply(reply, n.request, true)
		if err != nil {
			b.t.Fatal(err)
		}
		if p.Code != lr.CodeAccessChallenge {
			return fate{code: p.Code}
		}
		request, _ := radius.EAPMessage(p.Attributes)
		n.state = p.Get(rfc2865.State_Type)
		response = eap.Packet{Code: eap.Response, ID: request[1], Type: eap.TypeTLS, Data: []byte{0}}.Append(nil)
	}
	return fate{code: lr.CodeAccessChallenge}
}

// TestEndlessFragments: a message in fragments that never ends is cut off by its length, and one of small fragments by the
// number of rounds.
func TestEndlessFragments(t *testing.T) {
	for _, size := range []int{1, 900} {
		b := newBench(t)
		n := b.nas(tls.VersionTLS13, 1)
		request := n.exchange(identity("host/laptop"))
		rounds := 0
		for n.reply.Code == lr.CodeAccessChallenge {
			if rounds++; rounds > 200 {
				t.Fatalf("fragments of %d octets go on for ever", size)
			}
			data := append([]byte{0x40}, make([]byte, size)...)
			request = n.exchange(eap.Packet{Code: eap.Response, ID: request[1], Type: eap.TypeTLS, Data: data}.Append(nil))
		}
		if n.reply.Code != lr.CodeAccessReject || len(b.handler.failures) != 1 || b.engine.Conversations() != 0 {
			t.Errorf("fragments of %d octets: got %v, failures %v", size, n.reply.Code, b.handler.failures)
		}
	}
}

// TestIdentifiersJump: the identifiers of RADIUS mean nothing from one request to the next (RFC 2865 section 3): the State says
// what belongs together.
func TestIdentifiersJump(t *testing.T) {
	b := newBench(t)
	n := b.nas(tls.VersionTLS12, 1)
	for response := identity("host/laptop"); response != nil; {
		n.id += 97
		response = n.peer.Respond(n.exchange(response))
	}
	if n.peer.Code != eap.Success {
		t.Errorf("the client gets %v", n.peer.Code)
	}
}
