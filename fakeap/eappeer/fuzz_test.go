package eappeer

import (
	"crypto/tls"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/eap/peap"
	"nacsim/internal/eap/teap"
	"nacsim/internal/eap/ttls"
	"nacsim/internal/mschap"
)

// pieces cuts an input into pieces that are led by their length.
func pieces(b []byte) (all [][]byte) {
	for len(b) >= 2 && len(all) < 50 {
		n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
		all = append(all, b[2:2+n])
		b = b[2+n:]
	}
	return all
}

// joined is the inverse.
func joined(all ...[]byte) (b []byte) {
	for _, p := range all {
		b = binary.BigEndian.AppendUint16(b, uint16(len(p)))
		b = append(b, p...)
	}
	return b
}

// FuzzPeer gives each method arbitrary packets. No method over TLS is believed to succeed, for none gets so far.
func FuzzPeer(f *testing.F) {
	for i := range names {
		start := request(2, names[i].method, "\x20")
		f.Add(uint8(i), joined(request(1, eap.TypeIdentity, ""), start, request(3, names[i].method, "\xc0\x00\x00\x10\x00\x16\x03\x03"), success(4)))
	}
	f.Add(uint8(0), joined(request(2, eap.TypeTLS, "\x20"), request(3, eap.TypeTLS, "\x00\x15\x03\x03\x00\x02\x02\x28"), failure(3)))
	f.Add(uint8(len(names)-1), joined(request(2, eap.TypeMSCHAPv2, string(mschap.Packet{Op: mschap.OpChallenge, ID: 1, Name: "x"}.Append(nil)))))
	f.Fuzz(func(t *testing.T, method uint8, packets []byte) {
		n := names[int(method)%len(names)]
		p, err := New(Config{
			Identity: "alice", Password: "clientPass", Method: n.method, Inner: n.inner, Rand: rand.NewChaCha8([32]byte{}), Sessions: new(Session),
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for _, packet := range pieces(packets) {
			a := p.Receive(eaptest.Now, packet)
			if a.Response != nil {
				if _, err := eap.Parse(a.Response); err != nil {
					t.Fatalf("%s: answers %x by %x: %v", n.name, packet, a.Response, err)
				}
			}
			if a.Outcome == Succeeded && n.method != eap.TypeMD5 && n.method != eap.TypeGTC {
				t.Fatalf("%s: believes in %x", n.name, packets)
			}
		}
	})
}

// FuzzInside says arbitrary things inside the tunnels whose server has to prove that it knows the password. None is
// believed.
func FuzzInside(f *testing.F) {
	f.Add(uint8(0), joined(avp(nil, ttls.Microsoft, ttls.MSCHAP2Success, []byte("\x01S=0000000000000000000000000000000000000000"))))
	f.Add(uint8(1), joined(avp(nil, 0, ttls.EAPMessage, request(1, eap.TypeMSCHAPv2, string(mschap.Packet{Op: mschap.OpChallenge, Name: "x"}.Append(nil))))))
	challenge := eap.Packet{Type: eap.TypeMSCHAPv2, Data: mschap.Packet{Op: mschap.OpChallenge, ID: 9, Name: "nac"}.Append(nil)}
	result := peap.Wrap(eap.Packet{Code: eap.Request, ID: 1, Type: peap.TypeExtensions, Data: peap.Result(true).Append(nil)})
	f.Add(uint8(2), joined([]byte{1}, peap.Wrap(challenge), result))
	f.Add(uint8(3), joined([]byte{0}, request(1, eap.TypeTLS, "\x20")))
	f.Add(uint8(4), joined(teap.Message{EAP: request(1, eap.TypeIdentity, "")}.Append(nil), teap.Message{Result: teap.Success, Intermediate: teap.Success}.Append(nil)))
	f.Fuzz(func(t *testing.T, method uint8, inside []byte) {
		all := []string{"ttls-mschapv2", "ttls-eap-mschapv2", "peap-mschapv2", "peap-tls", "teap-mschapv2"}
		name := all[int(method)%len(all)]
		s := newServer(t, name, tls.VersionTLS13)
		s.start()
		for _, said := range pieces(inside) {
			if len(said) == 0 || s.answer.Outcome != Undecided {
				break
			}
			s.say(said)
		}
		if a := s.receive(success(s.id)); a.Outcome == Succeeded {
			t.Fatalf("%s: believes in a server without proof", name)
		}
	})
}
