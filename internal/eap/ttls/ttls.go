// Package ttls is what both ends of EAP-TTLS (RFC 5281) need beyond the TLS connection: the attribute-value pairs
// inside the tunnel and the implicit challenges.
package ttls

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
)

// An AVP is an attribute-value pair, in the format of Diameter with the numbers of RADIUS (RFC 5281 section 10.1).
type AVP struct {
	Code      uint32
	Vendor    uint32 // SMI enterprise number, zero for the attributes of RADIUS itself
	Mandatory bool   // a receiver that does not know it must refuse
	Data      []byte
}

// The AVPs of RFC 5281 section 11 and 13. Those of Microsoft (RFC 2548) have Vendor [Microsoft].
const (
	UserName      = 1
	UserPassword  = 2
	CHAPPassword  = 3
	ReplyMessage  = 18
	CHAPChallenge = 60
	EAPMessage    = 79

	Microsoft       = 311
	MSCHAPResponse  = 1
	MSCHAPError     = 2
	MSCHAPChallenge = 11
	MSCHAP2Response = 25
	MSCHAP2Success  = 26
)

// Flags and lengths on the wire.
const (
	flagVendor    = 0x80
	flagMandatory = 0x40
	headerLen     = 8
	vendorLen     = 4
	maxLen        = 1<<24 - 1
	maxAVPs       = 256
)

// ErrAVP is wrapped by the errors of [Parse].
var ErrAVP = errors.New("ttls: malformed AVP")

// Append appends the AVP in wire format, padded to four octets.
func (a AVP) Append(b []byte) []byte {
	flags, n := byte(0), headerLen+len(a.Data)
	if a.Mandatory {
		flags |= flagMandatory
	}
	if a.Vendor != 0 {
		flags |= flagVendor
		n += vendorLen
	}
	b = binary.BigEndian.AppendUint32(b, a.Code)
	b = append(b, flags, byte(n>>16), byte(n>>8), byte(n))
	if a.Vendor != 0 {
		b = binary.BigEndian.AppendUint32(b, a.Vendor)
	}
	b = append(b, a.Data...)
	return append(b, make([]byte, -n&3)...)
}

// Parse reads the AVPs of a message. Their data aliases b. The padding of the last one may be missing, as some peers
// leave it out; what it holds does not matter.
func Parse(b []byte) ([]AVP, error) {
	var avps []AVP
	for len(b) > 0 {
		a, n, err := parseOne(b)
		if err != nil {
			return nil, err
		}
		if len(avps) == maxAVPs {
			return nil, fmt.Errorf("%w: more than %d in a message", ErrAVP, maxAVPs)
		}
		avps = append(avps, a)
		b = b[min(n+(-n&3), len(b)):]
	}
	return avps, nil
}

// parseOne reads the AVP at the start of b and returns its length without padding.
func parseOne(b []byte) (a AVP, n int, err error) {
	if len(b) < headerLen {
		return a, 0, fmt.Errorf("%w: %d octets", ErrAVP, len(b))
	}
	a.Code = binary.BigEndian.Uint32(b)
	flags := b[4]
	n = int(binary.BigEndian.Uint32(b[4:]) & maxLen)
	header := headerLen
	if flags&flagVendor != 0 {
		header += vendorLen
	}
	if n < header || n > len(b) {
		return a, 0, fmt.Errorf("%w: length %d, %d octets are there", ErrAVP, n, len(b))
	}
	if flags&flagVendor != 0 {
		a.Vendor = binary.BigEndian.Uint32(b[headerLen:])
	}
	a.Mandatory = flags&flagMandatory != 0
	a.Data = b[header:n:n]
	return a, n, nil
}

// Is reports whether the AVP is the one of that vendor and code.
func (a AVP) Is(vendor, code uint32) bool { return a.Vendor == vendor && a.Code == code }

// Challenge is the implicit challenge of RFC 5281 section 11.1: n octets that both ends know from the TLS handshake.
// CHAP takes 16 octets of it and one more as identifier, MS-CHAP 8 and one, MS-CHAP-V2 16 and one. With TLS 1.3 it
// is the exporter of RFC 9427 section 2.4, of the same name.
func Challenge(state tls.ConnectionState, n int) ([]byte, error) {
	if !state.HandshakeComplete {
		return nil, errors.New("ttls: no challenge before the TLS handshake is complete")
	}
	c, err := state.ExportKeyingMaterial("ttls challenge", nil, n)
	if err != nil {
		return nil, fmt.Errorf("ttls: challenge: %w", err)
	}
	return c, nil
}
