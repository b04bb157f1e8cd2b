package teap

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"errors"
	"fmt"
	"hash"
)

// Lengths of keys, in octets (RFC 7170 section 5).
const (
	SeedLen = 40 // of the session key seed and each S-IMCK
	KeyLen  = 64 // of the MSK and the EMSK
	macLen  = 20 // of a compound MAC and of a CMK
	imskLen = 32
)

// NonceLen is the length of a Crypto-Binding's nonce.
const NonceLen = 32

// bindingLen is the length of a Crypto-Binding's value: reserved, version, received version, flags and sub-type, the
// nonce and two compound MACs.
const bindingLen = 4 + NonceLen + 2*macLen

// The sub-types of a Crypto-Binding.
const (
	BindingRequest  = 0
	BindingResponse = 1
)

// Which compound MACs a Crypto-Binding has: its flags.
const (
	WithEMSK = 1
	WithMSK  = 2
	WithBoth = WithEMSK | WithMSK
)

// A Binding is a Crypto-Binding TLV (RFC 7170 section 4.2.13). [Keys] fills in the MACs.
type Binding struct {
	Version, Received byte
	Flags             byte // WithEMSK, WithMSK
	SubType           byte
	Nonce             [NonceLen]byte

	emskMAC, mskMAC [macLen]byte
}

// Answer is the response to a request: its nonce's last bit is set.
func (b Binding) Answer(flags byte) Binding {
	a := Binding{Version: Version, Received: b.Version, Flags: flags, SubType: BindingResponse, Nonce: b.Nonce}
	a.Nonce[NonceLen-1] |= 1
	return a
}

// NewBinding is a request with a nonce, whose last bit is cleared.
func NewBinding(received byte, nonce [NonceLen]byte) Binding {
	nonce[NonceLen-1] &^= 1
	return Binding{Version: Version, Received: received, SubType: BindingRequest, Nonce: nonce}
}

func parseBinding(t TLV) (*Binding, error) {
	v := t.Value
	if len(v) != bindingLen {
		return nil, short(t)
	}
	b := &Binding{Version: v[1], Received: v[2], Flags: v[3] >> 4, SubType: v[3] & 0x0f}
	copy(b.Nonce[:], v[4:])
	copy(b.emskMAC[:], v[4+NonceLen:])
	copy(b.mskMAC[:], v[4+NonceLen+macLen:])
	return b, nil
}

func (b *Binding) append(dst []byte) []byte {
	v := append([]byte{0, b.Version, b.Received, b.Flags<<4 | b.SubType&0x0f}, b.Nonce[:]...)
	v = append(v, b.emskMAC[:]...)
	v = append(v, b.mskMAC[:]...)
	return TLV{CryptoBinding, true, v}.Append(dst)
}

// ErrBinding is that a Crypto-Binding is wrong: somebody may be in the middle.
var ErrBinding = errors.New("teap: crypto-binding")

// Keys are the compound keys of a conversation over TLS 1.2 (RFC 7170 section 5).
type Keys struct {
	hash  func() hash.Hash
	outer []byte // the type of TEAP and the outer TLVs of both sides, which the MACs cover

	selected [SeedLen]byte // S-IMCK[j-1]
	msk      compound
	emsk     compound
	hasEMSK  bool
}

// A compound is an IMCK: the key that the next ones come from, and that of the MAC.
type compound struct {
	simck [SeedLen]byte
	cmk   [macLen]byte
}

// typeTEAP is the EAP type, which is part of what the MACs cover.
const typeTEAP = 55

// NewKeys begins with the session key seed of a connection with the given cipher suite, and the outer TLVs of the
// server's and the peer's first message.
func NewKeys(suite uint16, seed, serverOuter, peerOuter []byte) (*Keys, error) {
	if len(seed) != SeedLen {
		return nil, fmt.Errorf("teap: a seed of %d octets", len(seed))
	}
	k := &Keys{hash: sha256.New}
	switch suite {
	case tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
		k.hash = sha512.New384
	}
	copy(k.selected[:], seed)
	k.outer = append(append([]byte{typeTEAP}, serverOuter...), peerOuter...)
	return k, nil
}

// Inner mixes in the keys of a method inside that has succeeded (section 5.2). A method without an EMSK, or without any
// key, as a password, gives nil.
func (k *Keys) Inner(msk, emsk []byte) {
	var imsk [imskLen]byte
	copy(imsk[:], msk)
	k.msk = k.compound(imsk)
	if k.hasEMSK = len(emsk) > 0; k.hasEMSK {
		copy(imsk[:], k.prf(emsk, "TEAPbindkey@ietf.org", []byte{0, 0, 64}, 64))
		k.emsk = k.compound(imsk)
	}
}

func (k *Keys) compound(imsk [imskLen]byte) (c compound) {
	imck := k.prf(k.selected[:], "Inner Methods Compound Keys", imsk[:], SeedLen+macLen)
	copy(c.simck[:], imck)
	copy(c.cmk[:], imck[SeedLen:])
	return c
}

// Flags are the MACs that can be made now.
func (k *Keys) Flags() byte {
	if k.hasEMSK {
		return WithBoth
	}
	return WithMSK
}

// Bind fills in the MACs that the flags of a request or response name, and zero for the others (section 5.3).
func (k *Keys) Bind(b Binding) *Binding {
	b.emskMAC, b.mskMAC = [macLen]byte{}, [macLen]byte{}
	covered := append(b.append(nil), k.outer...)
	if b.Flags&WithEMSK != 0 && k.hasEMSK {
		b.emskMAC = k.mac(k.emsk.cmk, covered)
	}
	if b.Flags&WithMSK != 0 {
		b.mskMAC = k.mac(k.msk.cmk, covered)
	}
	return &b
}

func (k *Keys) mac(cmk [macLen]byte, covered []byte) (m [macLen]byte) {
	h := hmac.New(k.hash, cmk[:])
	h.Write(covered)
	copy(m[:], h.Sum(nil))
	return m
}

// Check verifies the MACs of the other side's Crypto-Binding. At least one that can be verified must be there; those
// that are there and can be must be right.
func (k *Keys) Check(b *Binding) error {
	use := b.Flags & k.Flags()
	if b.Flags == 0 || b.Flags > WithBoth || use == 0 {
		return fmt.Errorf("%w: no MAC that can be verified (flags %d)", ErrBinding, b.Flags)
	}
	if b.Version != Version {
		return fmt.Errorf("%w: version %d", ErrBinding, b.Version)
	}
	want := k.Bind(*b)
	if use&WithEMSK != 0 && !hmac.Equal(want.emskMAC[:], b.emskMAC[:]) || use&WithMSK != 0 && !hmac.Equal(want.mskMAC[:], b.mskMAC[:]) {
		return fmt.Errorf("%w: the MAC is wrong", ErrBinding)
	}
	return nil
}

// CheckAnswer verifies the response to a request of one's own.
func (k *Keys) CheckAnswer(request, response *Binding) error {
	want := request.Answer(response.Flags)
	switch {
	case response.SubType != BindingResponse || response.Nonce != want.Nonce:
		return fmt.Errorf("%w: not the answer to the request", ErrBinding)
	case response.Received != request.Version:
		return fmt.Errorf("%w: the other side was offered version %d and saw %d", ErrBinding, request.Version, response.Received)
	}
	return k.Check(response)
}

// Select goes on with the keys that both sides have proven: the EMSK's if the last Crypto-Binding had its MAC. The
// response decides, on either side.
func (k *Keys) Select(response *Binding) {
	if response.Flags&WithEMSK != 0 && k.hasEMSK {
		k.selected = k.emsk.simck
	} else {
		k.selected = k.msk.simck
	}
}

// Session is the MSK and the EMSK of the conversation, after the last Select (section 5.4).
func (k *Keys) Session() (msk, emsk []byte) {
	return k.prf(k.selected[:], "Session Key Generating Function", nil, KeyLen),
		k.prf(k.selected[:], "Extended Session Key Generating Function", nil, KeyLen)
}

// prf is that of TLS 1.2 (RFC 5246 section 5) with the hash of the cipher suite.
func (k *Keys) prf(secret []byte, label string, seed []byte, n int) []byte {
	seed = append([]byte(label), seed...)
	h := hmac.New(k.hash, secret)
	sum := func(parts ...[]byte) []byte {
		h.Reset()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}
