package wpa

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"errors"

	josecipher "github.com/go-jose/go-jose/v4/cipher"

	"nacsim/fakeap/eapol"
	"nacsim/fakeap/ether"
)

// PMKLen is the length of a pairwise master key: the first 32 octets of the EAP method's MSK
// (IEEE 802.11-2020 clause 12.7.1.3).
const PMKLen = 32

// PTK is the pairwise transient key of AKM 00-0F-AC:1 with CCMP.
type PTK struct {
	// KCK confirms EAPOL-Key frames, KEK encrypts their data, TK encrypts user traffic.
	KCK, KEK, TK [16]byte
}

// DerivePTK computes the pairwise transient key (clause 12.7.1.3) of an access point aa and a station spa.
func DerivePTK(pmk []byte, aa, spa ether.Addr, anonce, snonce [32]byte) PTK {
	var data [2*6 + 2*32]byte
	lowAddr, highAddr := aa[:], spa[:]
	if bytes.Compare(lowAddr, highAddr) > 0 {
		lowAddr, highAddr = highAddr, lowAddr
	}
	lowNonce, highNonce := anonce[:], snonce[:]
	if bytes.Compare(lowNonce, highNonce) > 0 {
		lowNonce, highNonce = highNonce, lowNonce
	}
	copy(data[0:], lowAddr)
	copy(data[6:], highAddr)
	copy(data[12:], lowNonce)
	copy(data[44:], highNonce)
	k := prf(pmk, "Pairwise key expansion", data[:], 48)
	return PTK{KCK: [16]byte(k[0:16]), KEK: [16]byte(k[16:32]), TK: [16]byte(k[32:48])}
}

// prf is the pseudorandom function of clause 12.7.1.2, with its result in octets.
func prf(key []byte, label string, data []byte, octets int) []byte {
	in := make([]byte, 0, len(label)+2+len(data))
	in = append(in, label...)
	in = append(in, 0)
	in = append(in, data...)
	in = append(in, 0)
	mac := hmac.New(sha1.New, key)
	out := make([]byte, 0, octets+sha1.Size)
	for i := byte(0); len(out) < octets; i++ {
		in[len(in)-1] = i
		mac.Reset()
		mac.Write(in)
		out = mac.Sum(out)
	}
	return out[:octets]
}

// sign fills in the MIC of an EAPOL-Key PDU whose MIC field is zero: HMAC-SHA1-128 (clause 12.7.3).
func sign(kck [16]byte, pdu []byte) {
	mac := hmac.New(sha1.New, kck[:])
	mac.Write(pdu)
	copy(eapol.KeyMICField(pdu), mac.Sum(nil)[:16])
}

// verify reports whether the MIC of a PDU is right. It leaves the PDU unchanged.
func verify(kck [16]byte, pdu []byte) bool {
	zeroed := bytes.Clone(pdu)
	field := eapol.KeyMICField(zeroed)
	if field == nil {
		return false
	}
	clear(field)
	sign(kck, zeroed)
	return subtle.ConstantTimeCompare(field, eapol.KeyMICField(pdu)) == 1
}

// gtkKDE is the key data encapsulation of a group key: element, length, OUI and data type, key ID, reserved.
const gtkKDELen = 8 + 16

var gtkSelector = []byte{0x00, 0x0f, 0xac, 0x01}

// wrapKeyData encrypts the key data of message 3: RSN element and group key (clause 12.7.2, key data field).
func wrapKeyData(kek [16]byte, rsn []byte, gtk [16]byte, keyID byte) ([]byte, error) {
	plain := make([]byte, 0, len(rsn)+gtkKDELen+8)
	plain = append(plain, rsn...)
	plain = append(plain, 0xdd, gtkKDELen-2)
	plain = append(plain, gtkSelector...)
	plain = append(plain, keyID&3, 0)
	plain = append(plain, gtk[:]...)
	if len(plain)%8 != 0 {
		plain = append(plain, 0xdd)
		for len(plain)%8 != 0 {
			plain = append(plain, 0)
		}
	}
	block, err := aes.NewCipher(kek[:])
	if err != nil {
		return nil, err
	}
	return josecipher.KeyWrap(block, plain)
}

var errKeyData = errors.New("wpa: key data of message 3 is malformed")

// unwrapKeyData decrypts and reads the key data of message 3.
func unwrapKeyData(kek [16]byte, data []byte) (rsn []byte, gtk [16]byte, err error) {
	// The unwrapping needs two blocks of plaintext at least (RFC 3394 section 2).
	if len(data) < 24 || len(data)%8 != 0 {
		return nil, gtk, errKeyData
	}
	block, err := aes.NewCipher(kek[:])
	if err != nil {
		return nil, gtk, err
	}
	plain, err := josecipher.KeyUnwrap(block, data)
	if err != nil {
		return nil, gtk, err
	}
	return parseKeyData(plain)
}

func parseKeyData(plain []byte) (rsn []byte, gtk [16]byte, err error) {
	found := false
	for len(plain) > 0 {
		if plain[0] == 0xdd && (len(plain) == 1 || plain[1] == 0) {
			break // padding
		}
		if len(plain) < 2 || len(plain) < 2+int(plain[1]) {
			return nil, gtk, errKeyData
		}
		element := plain[:2+int(plain[1])]
		switch {
		case element[0] == 48:
			rsn = element
		case len(element) == gtkKDELen && element[0] == 0xdd && bytes.Equal(element[2:6], gtkSelector):
			gtk, found = [16]byte(element[8:]), true
		}
		plain = plain[len(element):]
	}
	if !found || rsn == nil {
		return nil, gtk, errKeyData
	}
	return rsn, gtk, nil
}
