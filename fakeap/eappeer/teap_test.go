package eappeer

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/teap"
)

// sayTEAP says a message inside the tunnel and returns the answer.
func (s *server) sayTEAP(m teap.Message) teap.Message {
	s.t.Helper()
	reply, err := teap.Decode(s.say(m.Append(nil)))
	if err != nil {
		s.t.Fatal(err)
	}
	return reply
}

// teapKeys are the server's compound keys.
func (s *server) teapKeys() *teap.Keys {
	s.t.Helper()
	seed, err := s.tls.TEAPSeed()
	if err != nil {
		s.t.Fatal(err)
	}
	keys, err := teap.NewKeys(s.tls.State().CipherSuite, seed, outerTLVs, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return keys
}

// login has the peer send its password, whose keys are none.
func (s *server) login(as teap.Identity) (reply teap.Message, keys *teap.Keys) {
	s.t.Helper()
	prompt := "Password:"
	reply = s.sayTEAP(teap.Message{Ask: &prompt, Identity: as})
	keys = s.teapKeys()
	keys.Inner(nil, nil)
	return reply, keys
}

func bindingRequest(keys *teap.Keys) *teap.Binding {
	b := teap.NewBinding(teap.Version, [teap.NonceLen]byte{1, 2, 3})
	b.Flags = keys.Flags()
	return keys.Bind(b)
}

// RFC 7170 section 4.2.14 and 5: a password, bound to the tunnel.
func TestTEAPPassword(t *testing.T) {
	s := newServer(t, "teap-password", tls.VersionTLS12)
	s.start()
	reply, keys := s.login(teap.User)
	if p := reply.Password; p == nil || string(p.User) != "alice" || string(p.Password) != "clientPass" || reply.Identity != teap.User {
		t.Fatalf("%+v", reply)
	}
	binding := bindingRequest(keys)
	reply = s.sayTEAP(teap.Message{Result: teap.Success, Intermediate: teap.Success, Binding: binding})
	if reply.Result != teap.Success || reply.Intermediate != teap.Success || reply.Binding == nil {
		t.Fatalf("%+v, want success", reply)
	}
	if err := keys.CheckAnswer(binding, reply.Binding); err != nil {
		t.Error(err)
	}
	keys.Select(reply.Binding)
	msk, _ := keys.Session()
	if a := s.receive(success(s.id)); a.Outcome != Succeeded || !bytes.Equal(a.MSK, msk) || a.TLS != tls.VersionTLS12 {
		t.Errorf("%+v, want the server's MSK", a)
	}
}

// A server is believed only what it has bound to the tunnel (RFC 7170 section 7.4).
func TestTEAPWithoutBinding(t *testing.T) {
	for _, tt := range []struct {
		name    string
		message func(keys *teap.Keys) teap.Message
		reason  string
	}{
		{"no binding", func(*teap.Keys) teap.Message { return teap.Message{Result: teap.Success, Intermediate: teap.Success} }, "without binding"},
		{"wrong MAC", func(keys *teap.Keys) teap.Message {
			b := bindingRequest(keys)
			b.Nonce[0]++
			return teap.Message{Result: teap.Success, Intermediate: teap.Success, Binding: b}
		}, "crypto-binding"},
		{"refused", func(*teap.Keys) teap.Message {
			return teap.Message{Result: teap.Failure, Error: teap.ErrorUserPassword}
		}, "refuses the password"},
		{"refused for something else", func(*teap.Keys) teap.Message { return teap.Message{Result: teap.Failure, Error: 4711} }, "TEAP error 4711"},
	} {
		s := newServer(t, "teap-password", tls.VersionTLS12)
		s.start()
		_, keys := s.login(teap.Any)
		if reply := s.sayTEAP(tt.message(keys)); reply.Result != teap.Failure {
			t.Errorf("%s: %+v, want failure", tt.name, reply)
		}
		if a := s.receive(success(s.id)); a.Outcome != Undecided {
			t.Errorf("%s: believes in EAP-Success", tt.name)
		}
		if a := s.receive(failure(s.id)); a.Outcome != Failed || !strings.Contains(a.Reason, tt.reason) {
			t.Errorf("%s: %+v, want reason %q", tt.name, a, tt.reason)
		}
	}
}

// Success with the keys of no method, right after the handshake, proves nothing about the user.
func TestTEAPWithoutMethod(t *testing.T) {
	s := newServer(t, "teap-password", tls.VersionTLS12)
	s.start()
	keys := s.teapKeys()
	keys.Inner(nil, nil)
	if reply := s.sayTEAP(teap.Message{Result: teap.Success, Intermediate: teap.Success, Binding: bindingRequest(keys)}); reply.Result != teap.Failure {
		t.Errorf("%+v, want failure", reply)
	}
}

func TestTEAPAnswers(t *testing.T) {
	s := newServer(t, "teap-mschapv2", tls.VersionTLS12, func(c *Config) { c.Machine = &Machine{Identity: "host/laptop-1"} })
	s.start()
	if reply, _ := s.login(teap.User); reply.Password != nil || reply.Refused != teap.PasswordRequest {
		t.Errorf("a password is asked for in the clear: %+v, want NAK", reply)
	}
	for _, tt := range []struct {
		asked, as teap.Identity
		identity  string
	}{{teap.Machine, teap.Machine, "host/laptop-1"}, {teap.User, teap.User, "alice"}, {teap.Any, teap.Any, "alice"}} {
		reply := s.sayTEAP(teap.Message{Identity: tt.asked, EAP: request(5, eap.TypeIdentity, "")})
		p, err := eap.Parse(reply.EAP)
		if err != nil || string(p.Data) != tt.identity || reply.Identity != tt.as {
			t.Errorf("asked for the %v: %v as %v, %v", tt.asked, p, reply.Identity, err)
		}
	}
	unknown, err := teap.Decode(s.say(teap.TLV{Type: 77, Mandatory: true, Value: []byte("x")}.Append(nil)))
	if err != nil || unknown.Refused != 77 {
		t.Errorf("unknown mandatory TLV: %+v, %v, want NAK", unknown, err)
	}
}

func TestTEAPVersion(t *testing.T) {
	s := newServer(t, "teap-password", tls.VersionTLS12)
	if a := s.receive(request(2, eap.TypeTEAP, "\x20")); a.Response != nil || !strings.Contains(s.peer.Reason(), "version 0") {
		t.Errorf("a server of version 0 is answered by %x, reason %q", a.Response, s.peer.Reason())
	}
}
