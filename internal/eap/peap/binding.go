package peap

import (
	"crypto/hmac"
	"crypto/sha1"

	"nacsim/internal/eap"
)

// Lengths of the Crypto-Binding TLV and its keys, in octets ([MS-PEAP] sections 2.2.8.1.1 and 3.1.5.5.2).
const (
	NonceLen   = 32
	bindingLen = 4 + NonceLen + sha1.Size
	tempKeyLen = 40
	cmkLen     = 20
	cskLen     = 128
)

// A Binding ties what was proven inside the tunnel to the tunnel, so that nobody can carry the one into the other: both
// ends show, in the Crypto-Binding TLV, that they know the keys of both.
type Binding struct {
	ipmk []byte
	cmk  []byte
}

// NewBinding makes a binding of the MSK of the tunnel and the first 32 octets of the MSK of the method inside, zero for
// one that has none.
func NewBinding(tunnel [eap.KeyLen]byte, inside [32]byte) *Binding {
	k := expand(tunnel[:tempKeyLen], "Inner Methods Compound Keys"+string(inside[:]), tempKeyLen+cmkLen)
	return &Binding{ipmk: k[:tempKeyLen], cmk: k[tempKeyLen:]}
}

// ResumedBinding is that of a resumed session, which has no method inside.
func ResumedBinding(tunnel [eap.KeyLen]byte) *Binding {
	return &Binding{ipmk: tunnel[:tempKeyLen], cmk: tunnel[tempKeyLen : tempKeyLen+cmkLen]}
}

// TLV is the Crypto-Binding TLV of a request of the server, or of the client's response.
func (b *Binding) TLV(response bool, nonce [NonceLen]byte) TLV {
	data := make([]byte, 0, bindingLen)
	data = append(data, 0, 0, 0, subType(response))
	data = append(data, nonce[:]...)
	return TLV{Type: TLVCryptoBinding, Data: append(data, b.mac(append(data, make([]byte, sha1.Size)...))...)}
}

// Check reports whether v is the Crypto-Binding TLV of the other end that knows the keys.
func (b *Binding) Check(v TLV, response bool) bool {
	if v.Type != TLVCryptoBinding || len(v.Data) != bindingLen || v.Data[1] != 0 || v.Data[3] != subType(response) {
		return false
	}
	data := make([]byte, bindingLen)
	n := copy(data, v.Data[:bindingLen-sha1.Size])
	return hmac.Equal(v.Data[n:], b.mac(data))
}

func subType(response bool) byte {
	if response {
		return 1
	}
	return 0
}

// mac is the Compound MAC over the TLV with zeros in its place.
func (b *Binding) mac(data []byte) []byte {
	m := hmac.New(sha1.New, b.cmk)
	m.Write(TLV{Type: TLVCryptoBinding, Data: data}.Append(nil))
	m.Write([]byte{byte(eap.TypePEAP)})
	return m.Sum(nil)
}

// MSK is that of PEAP where both ends have sent the TLV. Where the client has not, it is the tunnel's.
func (b *Binding) MSK() []byte {
	return expand(b.ipmk, "Session Key Generating Function\x00", cskLen)[:eap.KeyLen]
}

// expand is PRF+ of [MS-PEAP] section 3.1.5.5.2.2.
func expand(key []byte, seed string, n int) []byte {
	var out, t []byte
	for i := byte(1); len(out) < n; i++ {
		m := hmac.New(sha1.New, key)
		m.Write(t)
		m.Write([]byte(seed))
		m.Write([]byte{i, 0, 0})
		t = m.Sum(nil)
		out = append(out, t...)
	}
	return out[:n]
}
