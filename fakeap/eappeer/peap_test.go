package eappeer

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/peap"
	"nacsim/internal/mschap"
)

// sayPEAP says a request inside the tunnel and returns the answer.
func (s *server) sayPEAP(typ eap.Type, data []byte) eap.Packet {
	s.t.Helper()
	said := s.say(peap.Wrap(eap.Packet{Code: eap.Request, ID: s.id + 1, Type: typ, Data: data}))
	if said == nil {
		return eap.Packet{}
	}
	p, err := peap.Unwrap(eap.Response, s.id, said)
	if err != nil {
		s.t.Fatalf("inside the tunnel %x: %v", said, err)
	}
	return p
}

// result says the server's verdict and returns the peer's.
func (s *server) result(success bool) (agreed bool) {
	s.t.Helper()
	p := s.sayPEAP(peap.TypeExtensions, peap.Result(success).Append(nil))
	tlvs, err := peap.ParseTLVs(p.Data)
	agreed, ok := peap.ResultOf(tlvs)
	if p.Type != peap.TypeExtensions || err != nil || !ok {
		s.t.Fatalf("the Result TLV is answered by %v, %v", p, err)
	}
	return agreed
}

// challenge plays the first half of EAP-MSCHAPv2 and returns the proof of a server with the password.
func (s *server) challenge(password string) string {
	s.t.Helper()
	c := mschap.Packet{Op: mschap.OpChallenge, ID: 9, Challenge: [16]byte{1, 2, 3}, Name: "nac"}
	p := s.sayPEAP(eap.TypeMSCHAPv2, c.Append(nil))
	r, err := mschap.ParsePacket(p.Data)
	if err != nil || r.Op != mschap.OpResponse || r.ID != 9 || r.Name != "alice" {
		s.t.Fatalf("the challenge is answered by %+v, %v", r, err)
	}
	return mschap.AuthenticatorResponse(c.Challenge, r.Challenge, "alice", mschap.NTHash([]byte(password)), r.Response)
}

func TestPEAP(t *testing.T) {
	for _, version := range versions {
		s := newServer(t, "peap-mschapv2", version)
		s.start()
		if p := s.sayPEAP(eap.TypeIdentity, nil); p.Type != eap.TypeIdentity || string(p.Data) != "alice" {
			t.Fatalf("identity inside the tunnel: %v", p)
		}
		if p := s.sayPEAP(eap.TypeGTC, nil); p.Type != eap.TypeLegacyNAK || string(p.Data) != "\x1a" {
			t.Errorf("another method is answered by %v", p)
		}
		proof := s.challenge("clientPass")
		if p := s.sayPEAP(eap.TypeMSCHAPv2, mschap.Packet{Op: mschap.OpSuccess, ID: 9, Message: proof + " M=OK"}.Append(nil)); string(p.Data) != "\x03" {
			t.Errorf("the proof is answered by %v", p)
		}
		if a := s.receive(success(s.id)); a.Outcome != Undecided {
			t.Fatal("believes in EAP-Success before the Result TLV")
		}
		if !s.result(true) {
			t.Error("does not agree to success")
		}
		if a := s.receive(success(s.id)); a.Outcome != Succeeded || !bytes.Equal(a.MSK, s.keys()) {
			t.Errorf("%+v, want the server's MSK", a)
		}
	}
}

// A server that says success without having proved that it knows the password is not believed.
func TestPEAPWithoutProof(t *testing.T) {
	s := newServer(t, "peap-mschapv2", tls.VersionTLS13)
	s.start()
	s.sayPEAP(eap.TypeIdentity, nil)
	s.challenge("clientPass")
	if s.result(true) {
		t.Error("agrees to success")
	}
	if a := s.receive(success(s.id)); a.Outcome != Undecided {
		t.Error("believes in EAP-Success")
	}
	if a := s.receive(failure(s.id)); !strings.Contains(a.Reason, "does not prove") {
		t.Errorf("reason %q", a.Reason)
	}
}

func TestPEAPWrongProof(t *testing.T) {
	s := newServer(t, "peap-mschapv2", tls.VersionTLS13)
	s.start()
	s.sayPEAP(eap.TypeIdentity, nil)
	proof := s.challenge("another")
	s.sayPEAP(eap.TypeMSCHAPv2, mschap.Packet{Op: mschap.OpSuccess, ID: 9, Message: proof}.Append(nil))
	if a := s.answer; a.Outcome != Failed || !strings.Contains(a.Reason, "does not prove") || a.Response != nil {
		t.Errorf("%+v, want the end", a)
	}
}

func TestPEAPRefused(t *testing.T) {
	s := newServer(t, "peap-mschapv2", tls.VersionTLS12)
	s.start()
	s.sayPEAP(eap.TypeIdentity, nil)
	s.challenge("clientPass")
	message := mschap.Refusal{Code: mschap.PasswordExpired, Version: 3}.String()
	if p := s.sayPEAP(eap.TypeMSCHAPv2, mschap.Packet{Op: mschap.OpFailure, ID: 9, Message: message}.Append(nil)); string(p.Data) != "\x04" {
		t.Errorf("the refusal is answered by %v", p)
	}
	if s.result(false) {
		t.Error("answers failure with success")
	}
	if a := s.receive(failure(s.id)); a.Outcome != Failed || !strings.Contains(a.Reason, "password expired") {
		t.Errorf("%+v", a)
	}
}

// [MS-PEAP] section 2.2.8.1: a mandatory TLV that is not known gets a NAK TLV.
func TestPEAPUnknownTLV(t *testing.T) {
	s := newServer(t, "peap-gtc", tls.VersionTLS12)
	s.start()
	p := s.sayPEAP(peap.TypeExtensions, peap.TLV{Type: 77, Mandatory: true, Data: []byte("x")}.Append(nil))
	tlvs, err := peap.ParseTLVs(p.Data)
	if err != nil || len(tlvs) != 1 || tlvs[0].Type != peap.TLVNAK || !bytes.Equal(tlvs[0].Data, []byte{0, 0, 0, 0, 0, 77}) {
		t.Errorf("answered by %x, %v", p.Data, err)
	}
}

// A server cannot skip the user: nothing but the handshake is no authentication.
func TestPEAPNothingInside(t *testing.T) {
	for _, method := range []string{"peap-gtc", "ttls-eap-md5", "ttls-mschapv2"} {
		s := newServer(t, method, tls.VersionTLS12)
		s.start()
		if a := s.receive(success(s.id)); a.Outcome != Undecided {
			t.Errorf("%s: believes in EAP-Success after the handshake", method)
		}
	}
}

// [MS-PEAP] section 3.1.5.5: a server in the middle has not the keys of both the tunnel and the method inside.
func TestPEAPWrongBinding(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy CryptoBinding
		inside byte // of the key that the server binds
		agreed bool
	}{
		{"right", RequireBinding, 0, true}, {"wrong", AnswerBinding, 1, false}, {"wrong, not looked at", NoBinding, 1, true},
	} {
		s := newServer(t, "peap-gtc", tls.VersionTLS12, func(c *Config) { c.CryptoBinding = tt.policy })
		s.start()
		s.sayPEAP(eap.TypeGTC, []byte("Password:"))
		binding := peap.NewBinding([eap.KeyLen]byte(s.keys()), [32]byte{tt.inside})
		data := binding.TLV(false, [peap.NonceLen]byte{1}).Append(peap.Result(true).Append(nil))
		tlvs, err := peap.ParseTLVs(s.sayPEAP(peap.TypeExtensions, data).Data)
		if agreed, ok := peap.ResultOf(tlvs); err != nil || !ok || agreed != tt.agreed {
			t.Errorf("%s: the peer answers %v, %v", tt.name, tlvs, err)
		}
		want := s.keys()
		if tt.policy > NoBinding {
			want = binding.MSK()
		}
		if a := s.receive(success(s.id)); (a.Outcome == Succeeded) != tt.agreed || tt.agreed && !bytes.Equal(a.MSK, want) {
			t.Errorf("%s: %+v", tt.name, a)
		}
	}
}
