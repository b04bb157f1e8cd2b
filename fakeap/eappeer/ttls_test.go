package eappeer

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/ttls"
	"nacsim/internal/mschap"
)

// avps are the data of what the peer says inside EAP-TTLS, by vendor and code.
func avps(t *testing.T, said []byte) map[[2]uint32][]byte {
	t.Helper()
	list, err := ttls.Parse(said)
	if err != nil {
		t.Fatalf("the peer says %x: %v", said, err)
	}
	all := map[[2]uint32][]byte{}
	for _, a := range list {
		if !a.Mandatory {
			t.Errorf("AVP %d of vendor %d is not mandatory", a.Code, a.Vendor)
		}
		all[[2]uint32{a.Vendor, a.Code}] = a.Data
	}
	return all
}

// RFC 5281 section 11.2.5: a null-padded password, and the server's word is all there is.
func TestTTLSPAP(t *testing.T) {
	for _, version := range versions {
		s := newServer(t, "ttls-pap", version)
		got := avps(t, s.start())
		if user := got[[2]uint32{0, ttls.UserName}]; string(user) != "alice" {
			t.Errorf("User-Name %q", user)
		}
		if password := got[[2]uint32{0, ttls.UserPassword}]; string(password) != "clientPass\x00\x00\x00\x00\x00\x00" {
			t.Errorf("User-Password %q", password)
		}
		a := s.receive(success(s.id))
		if a.Outcome != Succeeded || !bytes.Equal(a.MSK, s.keys()) || a.Inner != PAP {
			t.Errorf("%+v, want the server's MSK", a)
		}
	}
	if n := len(padded(strings.Repeat("x", 16))); n != 16 {
		t.Errorf("a password of 16 octets is padded to %d", n)
	}
	if n := len(padded("")); n != 16 {
		t.Errorf("an empty password is padded to %d", n)
	}
}

// RFC 5281 sections 11.2.2 and 11.2.3: the challenges are those that both ends derive.
func TestTTLSChallenges(t *testing.T) {
	for _, version := range versions {
		s := newServer(t, "ttls-chap", version)
		got := avps(t, s.start())
		c, err := ttls.Challenge(s.tls.State(), 17)
		if err != nil {
			t.Fatal(err)
		}
		want := append([]byte{c[16]}, chapResponse(c[16], "clientPass", c[:16])...)
		if !bytes.Equal(got[[2]uint32{0, ttls.CHAPChallenge}], c[:16]) || !bytes.Equal(got[[2]uint32{0, ttls.CHAPPassword}], want) {
			t.Errorf("CHAP: %x, want challenge %x and password %x", got, c[:16], want)
		}
		s = newServer(t, "ttls-mschap", version)
		got = avps(t, s.start())
		if c, err = ttls.Challenge(s.tls.State(), 9); err != nil {
			t.Fatal(err)
		}
		response := mschap.Response([8]byte(c), mschap.NTHash([]byte("clientPass")))
		data := got[[2]uint32{ttls.Microsoft, ttls.MSCHAPResponse}]
		if len(data) != 50 || data[0] != c[8] || data[1] != 1 || !bytes.Equal(data[26:], response[:]) {
			t.Errorf("MS-CHAP: %x, want %x at its end", data, response)
		}
	}
}

// mschapv2Success is what a server that knows the password answers to the AVPs.
func mschapv2Success(t *testing.T, said []byte, password string) (ident byte, message string) {
	t.Helper()
	got := avps(t, said)
	challenge, data := got[[2]uint32{ttls.Microsoft, ttls.MSCHAPChallenge}], got[[2]uint32{ttls.Microsoft, ttls.MSCHAP2Response}]
	if len(challenge) != 16 || len(data) != 50 {
		t.Fatalf("MS-CHAP-V2: %x", got)
	}
	hash := mschap.NTHash([]byte(password))
	return data[0], mschap.AuthenticatorResponse([16]byte(challenge), [16]byte(data[2:18]), "alice", hash, [24]byte(data[26:]))
}

// RFC 5281 section 11.2.4: the client verifies the server's proof, and does without EAP-Success until it has it.
func TestTTLSMSCHAPv2(t *testing.T) {
	for _, version := range versions {
		s := newServer(t, "ttls-mschapv2", version)
		ident, message := mschapv2Success(t, s.start(), "clientPass")
		if a := s.receive(success(s.id)); a.Outcome != Undecided {
			t.Fatal("believes in EAP-Success before the server's proof")
		}
		if said := s.say(avp(nil, ttls.Microsoft, ttls.MSCHAP2Success, append([]byte{ident}, message...))); said != nil || s.answer.Response == nil {
			t.Errorf("answers the proof with %x, want an acknowledgement", said)
		}
		if a := s.receive(success(s.id)); a.Outcome != Succeeded {
			t.Errorf("%+v, want success", a)
		}
	}
}

func TestTTLSMSCHAPv2Refused(t *testing.T) {
	prove := func(password string) func(t *testing.T, said []byte) []byte {
		return func(t *testing.T, said []byte) []byte {
			ident, message := mschapv2Success(t, said, password)
			return avp(nil, ttls.Microsoft, ttls.MSCHAP2Success, append([]byte{ident}, message...))
		}
	}
	fixed := func(vendor, code uint32, data string) func(*testing.T, []byte) []byte {
		return func(*testing.T, []byte) []byte { return avp(nil, vendor, code, []byte(data)) }
	}
	for name, tt := range map[string]struct {
		answer func(t *testing.T, said []byte) []byte
		reason string
		at     Outcome // before EAP-Failure
	}{
		"server with another password": {prove("another"), "does not prove", Failed},
		"another identifier": {func(t *testing.T, said []byte) []byte {
			ident, message := mschapv2Success(t, said, "clientPass")
			return avp(nil, ttls.Microsoft, ttls.MSCHAP2Success, append([]byte{ident + 1}, message...))
		}, "does not prove", Failed},
		"empty proof":           {fixed(ttls.Microsoft, ttls.MSCHAP2Success, ""), "does not prove", Failed},
		"error":                 {fixed(ttls.Microsoft, ttls.MSCHAPError, "\x07E=691 R=0 V=3"), "MS-CHAP error 691", Undecided},
		"account disabled":      {fixed(ttls.Microsoft, ttls.MSCHAPError, "\x07E=647 R=0 V=3"), "account disabled", Undecided},
		"unknown mandatory AVP": {fixed(0, 4711, "x"), "mandatory AVP 4711", Failed},
		"no AVP":                {func(*testing.T, []byte) []byte { return []byte("x") }, "AVP", Failed},
	} {
		s := newServer(t, "ttls-mschapv2", tls.VersionTLS12)
		s.say(tt.answer(t, s.start()))
		a := s.answer
		if a.Outcome != tt.at {
			t.Errorf("%s: %+v, want %v", name, a, tt.at)
		}
		if a.Outcome == Undecided {
			s.receive(success(s.id))
			a = s.receive(failure(s.id))
		}
		if a.Outcome != Failed || !strings.Contains(a.Reason, tt.reason) {
			t.Errorf("%s: %+v, want reason %q", name, a, tt.reason)
		}
	}
}

// RFC 5281 section 11.2.1: inside is EAP, as if the server had asked for the identity.
func TestTTLSEAP(t *testing.T) {
	s := newServer(t, "ttls-eap-gtc", tls.VersionTLS12)
	inside := func(said []byte) eap.Packet {
		t.Helper()
		p, err := eap.Parse(avps(t, said)[[2]uint32{0, ttls.EAPMessage}])
		if err != nil || p.Code != eap.Response {
			t.Fatalf("inside the tunnel %v, %v", p, err)
		}
		return p
	}
	if p := inside(s.start()); p.Type != eap.TypeIdentity || string(p.Data) != "alice" {
		t.Errorf("first words %v", p)
	}
	ask := func(packet []byte) []byte { return s.say(avp(nil, 0, ttls.EAPMessage, packet)) }
	if p := inside(ask(request(7, eap.TypeMD5, "\x01x"))); p.Type != eap.TypeLegacyNAK || p.ID != 7 || string(p.Data) != "\x06" {
		t.Errorf("another method inside is answered by %v", p)
	}
	if a := s.receive(success(s.id)); a.Outcome != Undecided {
		t.Error("believes in EAP-Success before the inner method")
	}
	if p := inside(ask(request(8, eap.TypeGTC, "Password:"))); p.Type != eap.TypeGTC || string(p.Data) != "clientPass" {
		t.Errorf("GTC is answered by %v %q", p, p.Data)
	}
	if a := s.receive(success(s.id)); a.Outcome != Succeeded {
		t.Errorf("%+v, want success", a)
	}
}
