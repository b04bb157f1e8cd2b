// Package teap is what both ends of TEAP version 1 share (RFC 7170, as RFC 9930 has corrected it): the TLVs inside and
// outside of the tunnel, and the keys that bind the methods inside to it.
//
// TEAP is EAP over TLS with a conversation of TLVs in the tunnel. Each method inside, an EAP method or a password,
// ends in an exchange of Intermediate-Result and Crypto-Binding; the last one in Result:
//
//	keys := teap.NewKeys(suite, seed)       // seed: eap.TLS.TEAPSeed
//	// for each method inside:
//	keys.Inner(msk, emsk)                   // nil for what it does not give
//	request := keys.Bind(binding)           // server: into a Crypto-Binding TLV
//	err := keys.Check(response)             // and the peer's back
//	// in the end:
//	msk, emsk := keys.Session()
package teap

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Version is the version of TEAP.
const Version = 1

// A Type is that of a TLV (RFC 7170 section 4.2).
type Type uint16

// The TLVs.
const (
	AuthorityID        Type = 1
	IdentityType       Type = 2
	Result             Type = 3
	NAK                Type = 4
	Error              Type = 5
	ChannelBinding     Type = 6
	VendorSpecific     Type = 7
	RequestAction      Type = 8
	EAPPayload         Type = 9
	IntermediateResult Type = 10
	PAC                Type = 11
	CryptoBinding      Type = 12
	PasswordRequest    Type = 13 // Basic-Password-Auth-Req
	PasswordResponse   Type = 14 // Basic-Password-Auth-Resp
	PKCS7              Type = 15
	PKCS10             Type = 16
	TrustedServerRoot  Type = 17
)

const (
	mandatoryBit = 0x8000
	typeMask     = 0x3fff
	headerLen    = 4
	maxTLVs      = 64 // in one message
)

// ErrMalformed is that TLVs are not well-formed.
var ErrMalformed = errors.New("teap: malformed TLV")

// A TLV is one of either side's statements.
type TLV struct {
	Type      Type
	Mandatory bool // whoever does not know the type has to say so with a NAK
	Value     []byte
}

// Parse reads TLVs one after the other. Values alias b.
func Parse(b []byte) ([]TLV, error) {
	var tlvs []TLV
	for len(b) > 0 {
		if len(b) < headerLen {
			return nil, fmt.Errorf("%w: %d octets at the end", ErrMalformed, len(b))
		}
		first, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		t := TLV{Type: Type(first & typeMask), Mandatory: first&mandatoryBit != 0}
		switch {
		case n > len(b)-headerLen:
			return nil, fmt.Errorf("%w: type %d of %d octets, %d are there", ErrMalformed, t.Type, n, len(b)-headerLen)
		case len(tlvs) == maxTLVs:
			return nil, fmt.Errorf("%w: more than %d", ErrMalformed, maxTLVs)
		}
		t.Value, b = b[headerLen:headerLen+n:headerLen+n], b[headerLen+n:]
		tlvs = append(tlvs, t)
	}
	return tlvs, nil
}

// Append appends the TLV in wire format. The value must be shorter than 64 KiB.
func (t TLV) Append(b []byte) []byte {
	first := uint16(t.Type)
	if t.Mandatory {
		first |= mandatoryBit
	}
	b = binary.BigEndian.AppendUint16(b, first)
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.Value)))
	return append(b, t.Value...)
}

// Outer returns the outer TLVs of a server's first message: its Authority-ID.
func Outer(authority []byte) []byte { return TLV{Type: AuthorityID, Value: authority}.Append(nil) }
