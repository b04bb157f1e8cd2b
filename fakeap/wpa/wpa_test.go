package wpa

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"testing"
	"time"

	josecipher "github.com/go-jose/go-jose/v4/cipher"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/eapol"
	"nacsim/fakeap/ether"
)

var (
	aa    = ether.Addr{0x5c, 0x5b, 0x35, 0, 0, 1}
	spa   = ether.Addr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x15}
	start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	pmk   = bytes.Repeat([]byte{0x42}, PMKLen)
	group = [16]byte{1, 2, 3}
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// IEEE 802.11-2020 Annex J.3.2, PRF test vectors 1 to 3 (PRF-512).
func TestPRFVectors(t *testing.T) {
	tests := []struct{ key, prefix, data, want string }{
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "prefix", "Hi There",
			"bcd4c650b30b9684951829e0d75f9d54b862175ed9f00606e17d8da35402ffee75df78c3d31e0f889f012120c0862beb67753e7439ae242edb8373698356cf5a"},
		{"4a656665", "prefix", "what do ya want for nothing?",
			"51f4de5b33f249adf81aeb713a3c20f4fe631446fabdfa58244759ae58ef9009a99abf4eac2ca5fa87e692c440eb40023e7babb206d61de7b92f41529092b8fc"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "prefix", string(bytes.Repeat([]byte{0xdd}, 50)),
			"e1ac546ec4cb636f9976487be5c86be17a0252ca5d8d8df12cfb0473525249ce9dd8d177ead710bc9b590547239107aef7b4abd43d87f0a68f1cbd9e2b6f7607"},
	}
	for _, tt := range tests {
		if got := hex.EncodeToString(prf(unhex(t, tt.key), tt.prefix, []byte(tt.data), 64)); got != tt.want {
			t.Errorf("PRF-512(%s) = %s, want %s", tt.key, got, tt.want)
		}
	}
}

// IEEE 802.11-2020 Annex J.7.2, CCMP pairwise key derivation.
func TestPTKVector(t *testing.T) {
	p := DerivePTK(
		unhex(t, "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"),
		ether.Addr(unhex(t, "a0a1a1a3a4a5")), ether.Addr(unhex(t, "b0b1b2b3b4b5")),
		[32]byte(unhex(t, "e0e1e2e3e4e5e6e7e8e9f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405")),
		[32]byte(unhex(t, "c0c1c2c3c4c5c6c7c8c9d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5")))
	want := PTK{
		KCK: [16]byte(unhex(t, "379f9852d0199236b94e407ce4c00ec8")),
		KEK: [16]byte(unhex(t, "47c9edc01c2c6e5b4910caddfb3e51a7")),
		TK:  [16]byte(unhex(t, "b2360c79e9710fdd58bea93deaf06599")),
	}
	if p != want {
		t.Errorf("PTK %x, want %x", p, want)
	}
}

// RFC 3394 section 4.1, for the library the key data is wrapped with.
func TestKeyWrapVector(t *testing.T) {
	block, err := aes.NewCipher(unhex(t, "000102030405060708090a0b0c0d0e0f"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := josecipher.KeyWrap(block, unhex(t, "00112233445566778899aabbccddeeff"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"; hex.EncodeToString(got) != want {
		t.Errorf("wrapped %x, want %s", got, want)
	}
}

func nonce(b byte) [32]byte { return [32]byte(bytes.Repeat([]byte{b}, 32)) }

func pair() (*Authenticator, *Supplicant) {
	rsn := dot11.WPA2Enterprise()
	return NewAuthenticator(aa, spa, rsn, rsn, group), NewSupplicant(aa, spa, rsn, rsn)
}

// shake carries PDUs between the two sides until nothing is sent any more.
func shake(a *Authenticator, s *Supplicant, out Output) Output {
	for out.Send != nil {
		answer := s.Receive(out.Send)
		if answer.Send == nil {
			break
		}
		out = a.Receive(answer.Send, start)
	}
	return out
}

func TestHandshake(t *testing.T) {
	a, s := pair()
	s.SetPMK(pmk, nonce(2))
	out := shake(a, s, a.Start(pmk, nonce(1), start))
	if out.State != Done || s.State() != Done || !out.Deadline.IsZero() {
		t.Fatalf("handshake ends in states %d and %d", out.State, s.State())
	}
	if a.TK() != s.TK() || a.TK() == ([16]byte{}) || s.GTK() != group {
		t.Errorf("keys differ: TK %x and %x, GTK %x", a.TK(), s.TK(), s.GTK())
	}
	first := a.TK()

	// Re-authentication: new PMK, same engines, counters go on.
	again := bytes.Repeat([]byte{0x43}, PMKLen)
	s.SetPMK(again, nonce(4))
	if out = shake(a, s, a.Start(again, nonce(3), start)); out.State != Done || s.State() != Done {
		t.Fatalf("second handshake ends in states %d and %d", out.State, s.State())
	}
	if a.TK() != s.TK() || a.TK() == first {
		t.Error("second handshake did not change the TK")
	}
}

// Clause 12.7.6.3: message 2 with a wrong MIC is discarded; the authenticator repeats and gives up with 15.
func TestWrongPMKTimesOut(t *testing.T) {
	a, s := pair()
	wrong := bytes.Clone(pmk)
	wrong[31] ^= 1
	s.SetPMK(wrong, nonce(2))
	out, now := a.Start(pmk, nonce(1), start), start
	sent := 0
	for out.State == Running {
		if out.Send != nil {
			sent++
			if answer := s.Receive(out.Send); answer.Send == nil {
				t.Fatal("supplicant does not answer message 1")
			} else if o := a.Receive(answer.Send, now); o.State != Running || o.Send != nil {
				t.Fatalf("message 2 with a wrong MIC is answered: %+v", o)
			}
		}
		now = out.Deadline
		out = a.Timeout(now)
	}
	if out.State != Failed || out.Reason != dot11.ReasonHandshakeTimeout || sent != 4 || a.Ignored() != 4 {
		t.Errorf("state %d, reason %d, %d transmissions, %d ignored; want failure with reason 15 after 4", out.State, out.Reason, sent, a.Ignored())
	}
	if took := now.Sub(start); took != 3100*time.Millisecond {
		t.Errorf("gave up after %v, want 3.1s", took)
	}
	if s.State() == Done || a.TK() != ([16]byte{}) {
		t.Error("keys installed although the PMKs differ")
	}
}

func TestLostMessages(t *testing.T) {
	for lost := 1; lost <= 4; lost++ {
		a, s := pair()
		s.SetPMK(pmk, nonce(2))
		out, now, message := a.Start(pmk, nonce(1), start), start, 1
		for out.State == Running {
			if out.Send == nil || message == lost {
				if out.Send != nil {
					message++
				}
				now = a.Deadline()
				out = a.Timeout(now)
				continue
			}
			answer := s.Receive(out.Send)
			message += 2
			if answer.Send == nil || message-1 == lost {
				now = a.Deadline()
				out = a.Timeout(now)
				continue
			}
			out = a.Receive(answer.Send, now)
		}
		if out.State != Done || s.State() != Done || a.TK() != s.TK() {
			t.Errorf("message %d lost: states %d and %d", lost, out.State, s.State())
		}
	}
}

// Clause 12.7.6.4: message 3 again, because message 4 was lost, is answered but installs nothing.
func TestRepeatedMessage3(t *testing.T) {
	a, s := pair()
	s.SetPMK(pmk, nonce(2))
	m1 := a.Start(pmk, nonce(1), start)
	m3 := a.Receive(s.Receive(m1.Send).Send, start)
	s.Receive(m3.Send)
	if out := s.Receive(m3.Send); out.Send != nil {
		t.Error("a replayed message 3 is answered")
	}
	again := a.Timeout(m3.Deadline)
	answer := s.Receive(again.Send)
	if answer.Send == nil || answer.State != Done {
		t.Fatal("a repeated message 3 is not answered")
	}
	if out := a.Receive(answer.Send, start); out.State != Done {
		t.Errorf("state %d after message 4, want Done", out.State)
	}
}

func TestSlowLinkAnswersCrossRetransmission(t *testing.T) {
	a, s := pair()
	s.SetPMK(pmk, nonce(2))
	m1 := a.Start(pmk, nonce(1), start)
	m2 := s.Receive(m1.Send)
	a.Timeout(m1.Deadline) // message 1 again while message 2 is on its way
	if out := a.Receive(m2.Send, start); out.Send == nil {
		t.Fatal("message 2 to the first transmission is ignored")
	}
}

func TestElementMismatch(t *testing.T) {
	rsn := dot11.WPA2Enterprise()
	other := bytes.Clone(rsn)
	other[len(other)-1] = 1
	a, s := NewAuthenticator(aa, spa, rsn, rsn, group), NewSupplicant(aa, spa, other, rsn)
	s.SetPMK(pmk, nonce(2))
	if out := a.Receive(s.Receive(a.Start(pmk, nonce(1), start).Send).Send, start); out.State != Failed || out.Reason != dot11.ReasonElementMismatch {
		t.Errorf("message 2 with a foreign RSN element: %+v, want failure with reason 17", out)
	}
	a, s = NewAuthenticator(aa, spa, rsn, rsn, group), NewSupplicant(aa, spa, rsn, other)
	s.SetPMK(pmk, nonce(2))
	m3 := a.Receive(s.Receive(a.Start(pmk, nonce(1), start).Send).Send, start)
	if out := s.Receive(m3.Send); out.State != Failed || out.Reason != dot11.ReasonElementMismatch {
		t.Errorf("message 3 with a foreign RSN element: %+v, want failure with reason 17", out)
	}
}

func TestTamperedFramesAreIgnored(t *testing.T) {
	a, s := pair()
	s.SetPMK(pmk, nonce(2))
	m1 := a.Start(pmk, nonce(1), start)
	m2 := s.Receive(m1.Send).Send
	for i := 4; i < len(m2); i++ {
		bad := bytes.Clone(m2)
		bad[i] ^= 0x80
		if out := a.Receive(bad, start); out.Send != nil || out.State != Running {
			t.Fatalf("message 2 with octet %d changed is taken: %+v", i, out)
		}
	}
	m3 := a.Receive(m2, start).Send
	for i := 4; i < len(m3); i++ {
		bad := bytes.Clone(m3)
		bad[i] ^= 0x40
		if out := s.Receive(bad); out.State == Done || (out.Send != nil && eapol.KeyMICField(bad) == nil) {
			t.Fatalf("message 3 with octet %d changed is taken: %+v", i, out)
		}
		// A cleared MIC bit makes it look like message 1: restore what the answer to it replaced.
		s.Receive(m1.Send)
	}
	if out := s.Receive(m3); out.State != Done {
		t.Errorf("the genuine message 3 is refused: %+v", out)
	}
}

func TestBeforePMK(t *testing.T) {
	a, s := pair()
	if out := s.Receive(a.Start(pmk, nonce(1), start).Send); out.Send != nil || s.Ignored() != 1 {
		t.Error("a supplicant without PMK answers")
	}
	idle, _ := pair()
	if out := idle.Timeout(start); out.State != Idle || out.Send != nil {
		t.Errorf("Timeout of an idle authenticator: %+v", out)
	}
}

func FuzzReceive(f *testing.F) {
	a, s := pair()
	s.SetPMK(pmk, nonce(2))
	m1 := a.Start(pmk, nonce(1), start).Send
	m2 := s.Receive(m1).Send
	m3 := a.Receive(m2, start).Send
	for _, m := range [][]byte{m1, m2, m3, s.Receive(m3).Send} {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, s := pair()
		s.SetPMK(pmk, nonce(2))
		m1 := a.Start(pmk, nonce(1), start).Send
		if out := s.Receive(b); out.State == Done {
			t.Fatalf("supplicant done after %x alone", b)
		}
		s.Receive(m1)
		if out := a.Receive(b, start); out.State == Done {
			t.Fatalf("authenticator done after %x alone", b)
		}
	})
}

func FuzzKeyData(f *testing.F) {
	f.Add(append(dot11.WPA2Enterprise(), 0xdd, 0))
	f.Add([]byte{0xdd, 22, 0, 0x0f, 0xac, 1, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Fuzz(func(t *testing.T, b []byte) {
		parseKeyData(b)
		unwrapKeyData([16]byte{}, b)
	})
}

func BenchmarkHandshake(b *testing.B) {
	for b.Loop() {
		a, s := pair()
		s.SetPMK(pmk, nonce(2))
		if shake(a, s, a.Start(pmk, nonce(1), start)).State != Done {
			b.Fatal("handshake failed")
		}
	}
}
