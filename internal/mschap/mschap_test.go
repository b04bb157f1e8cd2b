package mschap

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectorsV2 is RFC 2759 section 9.2 and, for the keys, RFC 3079 section 3.5.3.
func TestVectorsV2(t *testing.T) {
	authenticator := [16]byte(unhex(t, "5B5D7C7D7B3F2F3E3C2C602132262628"))
	peer := [16]byte(unhex(t, "21402324255E262A28295F2B3A337C7E"))
	hash := NTHash([]byte("clientPass"))
	if want := unhex(t, "44EBBA8D5312B8D611474411F56989AE"); !bytes.Equal(hash[:], want) {
		t.Errorf("password hash is %X, want %X", hash, want)
	}
	response := ResponseV2(authenticator, peer, "User", hash)
	if want := unhex(t, "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"); !bytes.Equal(response[:], want) {
		t.Errorf("response is %X, want %X", response, want)
	}
	if got, want := AuthenticatorResponse(authenticator, peer, "User", hash, response), "S=407A5589115FD0D6209F510FE9C04566932CDA56"; got != want {
		t.Errorf("authenticator response is %s, want %s", got, want)
	}
	msk := MSK(hash, response)
	// The RFC has the key in which the server sends; the other end's use of it is the same.
	if want := unhex(t, "8B7CDC149B993A1BA118CB153F56DCCB"); !bytes.Equal(msk[16:32], want) {
		t.Errorf("send key is %X, want %X", msk[16:32], want)
	}
	if bytes.Equal(msk[:16], msk[16:32]) || !bytes.Equal(msk[32:], make([]byte, 32)) {
		t.Errorf("MSK is %X", msk)
	}
}

// TestVectorV1 is the example of RFC 2433 appendix B.
func TestVectorV1(t *testing.T) {
	response := Response([8]byte(unhex(t, "102DB5DF085D3041")), NTHash([]byte("MyPw")))
	if want := unhex(t, "4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61"); !bytes.Equal(response[:], want) {
		t.Errorf("response is %X, want %X", response, want)
	}
}

func TestUserName(t *testing.T) {
	for name, want := range map[string]string{`CORP\anna`: "anna", "anna@corp.example": "anna@corp.example", "": "", `a\b\c`: `b\c`} {
		if got := UserName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestHashOfAnyPassword(t *testing.T) {
	if NTHash([]byte("Grüße")) == NTHash([]byte("Gr\xfc\xdfe")) {
		t.Error("UTF-8 and Latin-1 have the same hash")
	}
	if got := NTHash(nil); hex.EncodeToString(got[:]) != "31d6cfe0d16ae931b73c59d7e0c089c0" {
		t.Errorf("the empty password has hash %x", got)
	}
}
