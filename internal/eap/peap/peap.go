// Package peap is what both ends of PEAP version 0 ([MS-PEAP], draft-kamath-pppext-peapv0) need beyond the TLS
// connection: how an EAP packet is carried in the tunnel, and the EAP Extensions method with its TLVs, in which the
// two ends tell each other the result.
package peap

import (
	"encoding/binary"
	"errors"
	"fmt"

	"nacsim/internal/eap"
)

// TypeExtensions is the EAP type of the Extensions method. It occurs inside of PEAP only.
const TypeExtensions eap.Type = 33

// Wrap is a packet as PEAP version 0 carries it: without code, identifier and length, which the outer packet has
// ([MS-PEAP] section 1.3.1), except for the Extensions method.
func Wrap(p eap.Packet) []byte {
	b := p.Append(nil)
	if p.Type == TypeExtensions || p.Code == eap.Success || p.Code == eap.Failure {
		return b
	}
	return b[4:]
}

// Unwrap is the inverse of Wrap at the receiver of code with identifier id. It takes a whole packet as well, as some
// peers send it.
func Unwrap(code eap.Code, id uint8, b []byte) (eap.Packet, error) {
	if len(b) > 4 && eap.Code(b[0]) == code && int(binary.BigEndian.Uint16(b[2:])) == len(b) {
		return eap.Parse(b)
	}
	// No method has the type 1 to 4 and a whole packet as its data, so what is left to tell apart are these two.
	if len(b) == 4 && (eap.Code(b[0]) == eap.Success || eap.Code(b[0]) == eap.Failure) && b[2] == 0 && b[3] == 4 {
		return eap.Parse(b)
	}
	if len(b) == 0 {
		return eap.Packet{}, eap.ErrShort
	}
	return eap.Packet{Code: code, ID: id, Type: eap.Type(b[0]), Data: b[1:]}, nil
}

// A TLVType is the type of a TLV ([MS-PEAP] section 2.2.8).
type TLVType uint16

// The TLVs.
const (
	TLVResult        TLVType = 3
	TLVNAK           TLVType = 4
	TLVCryptoBinding TLVType = 12
)

// A TLV is an element of the Extensions method.
type TLV struct {
	Type      TLVType
	Mandatory bool // a receiver that does not know it must answer with a NAK TLV
	Data      []byte
}

const (
	mandatory = 0x8000
	typeMask  = 0x3fff
	tlvHeader = 4
	maxTLVs   = 64
)

// Append appends the TLV in wire format.
func (v TLV) Append(b []byte) []byte {
	t := uint16(v.Type) & typeMask
	if v.Mandatory {
		t |= mandatory
	}
	b = binary.BigEndian.AppendUint16(b, t)
	b = binary.BigEndian.AppendUint16(b, uint16(len(v.Data)))
	return append(b, v.Data...)
}

// ErrTLV is wrapped by the errors of [ParseTLVs].
var ErrTLV = errors.New("peap: malformed TLV")

// ParseTLVs reads the type-data of the Extensions method. The data of the TLVs aliases b.
func ParseTLVs(b []byte) ([]TLV, error) {
	var tlvs []TLV
	for len(b) > 0 {
		if len(b) < tlvHeader {
			return nil, fmt.Errorf("%w: %d octets", ErrTLV, len(b))
		}
		t, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b)-tlvHeader {
			return nil, fmt.Errorf("%w: length %d, %d octets are there", ErrTLV, n, len(b)-tlvHeader)
		}
		if len(tlvs) == maxTLVs {
			return nil, fmt.Errorf("%w: more than %d in a message", ErrTLV, maxTLVs)
		}
		tlvs = append(tlvs, TLV{Type: TLVType(t & typeMask), Mandatory: t&mandatory != 0, Data: b[tlvHeader : tlvHeader+n : tlvHeader+n]})
		b = b[tlvHeader+n:]
	}
	return tlvs, nil
}

// Result is the Result TLV: success or failure of the whole authentication.
func Result(success bool) TLV {
	status := uint16(2)
	if success {
		status = 1
	}
	return TLV{Type: TLVResult, Mandatory: true, Data: binary.BigEndian.AppendUint16(nil, status)}
}

// ResultOf returns what the Result TLV among tlvs says. A status that is neither success nor failure, or two that
// differ, count as none.
func ResultOf(tlvs []TLV) (success, ok bool) {
	for _, v := range tlvs {
		if v.Type != TLVResult {
			continue
		}
		if len(v.Data) != 2 || v.Data[0] != 0 || v.Data[1] < 1 || v.Data[1] > 2 || ok && success != (v.Data[1] == 1) {
			return false, false
		}
		success, ok = v.Data[1] == 1, true
	}
	return success, ok
}
