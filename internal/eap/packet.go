// Package eap holds what both ends of an EAP conversation share: the packet codec (RFC 3748), the
// fragmentation of TLS messages that EAP-TLS, PEAP and EAP-TTLS have in common (RFC 5216 section 3), and
// crypto/tls as an engine that is stepped instead of run.
//
// Nothing here reads a clock, opens a socket or starts a goroutine that outlives its owner's Close. A server
// of a TLS-based method is driven like this, a peer the same way with the roles changed:
//
//	framer, bridge := eap.NewFramer(1024), eap.NewTLSServer(config)
//	defer bridge.Close()
//	// for each EAP-Response of the method:
//	message, complete, err := framer.Receive(response.Data)
//	switch {
//	case err != nil:           // malformed: fail or discard
//	case !complete:            // a fragment: answer with framer.Ack()
//	case framer.Pending():     // the peer acknowledged a fragment: answer with framer.Next()
//	default:
//		out, err := bridge.Step(message)
//		framer.Send(out)   // and answer with framer.Next()
//	}
package eap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// A Code is the first octet of an EAP packet (RFC 3748 section 4).
type Code uint8

// The codes of RFC 3748.
const (
	Request  Code = 1
	Response Code = 2
	Success  Code = 3
	Failure  Code = 4
)

// String returns the name RFC 3748 gives the code.
func (c Code) String() string {
	switch c {
	case Request:
		return "Request"
	case Response:
		return "Response"
	case Success:
		return "Success"
	case Failure:
		return "Failure"
	}
	return "Code(" + strconv.Itoa(int(c)) + ")"
}

// A Type is the type octet of an EAP Request or Response (IANA registry "Method Types").
type Type uint8

// Types that occur in 802.1X networks.
const (
	TypeIdentity     Type = 1
	TypeNotification Type = 2
	TypeLegacyNAK    Type = 3 // in a Response only: the peer refuses the method and names those it wants
	TypeMD5          Type = 4
	TypeOTP          Type = 5
	TypeGTC          Type = 6
	TypeTLS          Type = 13
	TypeLEAP         Type = 17
	TypeSIM          Type = 18
	TypeTTLS         Type = 21
	TypeAKA          Type = 23
	TypePEAP         Type = 25
	TypeMSCHAPv2     Type = 26
	TypeFAST         Type = 43
	TypePWD          Type = 52
	TypeTEAP         Type = 55
	TypeExpanded     Type = 254
	TypeExperimental Type = 255
)

var typeNames = map[Type]string{
	TypeIdentity: "Identity", TypeNotification: "Notification", TypeLegacyNAK: "NAK", TypeMD5: "MD5-Challenge", TypeOTP: "OTP",
	TypeGTC: "GTC", TypeTLS: "EAP-TLS", TypeLEAP: "LEAP", TypeSIM: "EAP-SIM", TypeTTLS: "EAP-TTLS", TypeAKA: "EAP-AKA", TypePEAP: "PEAP",
	TypeMSCHAPv2: "EAP-MSCHAPv2", TypeFAST: "EAP-FAST", TypePWD: "EAP-pwd", TypeTEAP: "TEAP", TypeExpanded: "Expanded",
	TypeExperimental: "Experimental",
}

// String returns the customary name of the type, for example "EAP-TLS".
func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}

// headerLen is the length of code, identifier and length; typedLen adds the type octet.
const (
	headerLen = 4
	typedLen  = 5
)

// MaxLen is the greatest length the two-octet length field can state.
const MaxLen = 65535

// A Packet is one EAP packet. Type and Data belong to Requests and Responses only.
type Packet struct {
	Code Code
	ID   uint8 // Identifier: a Response carries that of its Request
	Type Type
	Data []byte // Type-Data: what follows the type octet
}

// The ways a packet can be malformed. Errors of [Parse] wrap one of them.
var (
	ErrShort  = errors.New("eap: packet is shorter than its header")
	ErrLength = errors.New("eap: wrong length field")
	ErrCode   = errors.New("eap: unknown code")
)

// Parse reads the packet at the start of b. Octets beyond the packet's own length are link-layer padding and
// are ignored (RFC 3748 section 4.1). Data aliases b.
func Parse(b []byte) (Packet, error) {
	if len(b) < headerLen {
		return Packet{}, fmt.Errorf("%w: %d octets", ErrShort, len(b))
	}
	p := Packet{Code: Code(b[0]), ID: b[1]}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n > len(b) {
		return Packet{}, fmt.Errorf("%w: %d, but only %d octets are there", ErrLength, n, len(b))
	}
	switch p.Code {
	case Request, Response:
		if n < typedLen {
			return Packet{}, fmt.Errorf("%w: %d, a %v has at least %d", ErrLength, n, p.Code, typedLen)
		}
		p.Type, p.Data = Type(b[4]), b[typedLen:n:n]
	case Success, Failure:
		if n != headerLen {
			return Packet{}, fmt.Errorf("%w: %d, a %v has %d", ErrLength, n, p.Code, headerLen)
		}
	default:
		return Packet{}, fmt.Errorf("%w %d", ErrCode, b[0])
	}
	return p, nil
}

// Len is the length of the packet on the wire, in octets.
func (p Packet) Len() int {
	if p.Code == Request || p.Code == Response {
		return typedLen + len(p.Data)
	}
	return headerLen
}

// Append appends the packet in wire format to dst. Data must be short enough for Len to be at most [MaxLen];
// the framer and the methods see to that.
func (p Packet) Append(dst []byte) []byte {
	n := p.Len()
	dst = append(dst, byte(p.Code), p.ID, byte(n>>8), byte(n))
	if n > headerLen {
		dst = append(dst, byte(p.Type))
		dst = append(dst, p.Data...)
	}
	return dst
}

// String describes the packet in a few words for traces and errors, for example
// "Response id=3 Identity host/laptop" or "Request id=5 EAP-TLS LM 1024/3120".
func (p Packet) String() string {
	b := make([]byte, 0, 64)
	b = append(b, p.Code.String()...)
	b = append(b, " id="...)
	b = strconv.AppendUint(b, uint64(p.ID), 10)
	if p.Code != Request && p.Code != Response {
		return string(b)
	}
	b = append(b, ' ')
	b = append(b, p.Type.String()...)
	return string(p.appendData(b))
}

// appendData appends the summary of the type-data, led by a space.
func (p Packet) appendData(b []byte) []byte {
	switch p.Type {
	case TypeIdentity, TypeNotification:
		if len(p.Data) > 0 {
			b = append(b, ' ')
			b = appendText(b, p.Data)
		}
	case TypeLegacyNAK:
		for i, t := range p.Data {
			if i == 8 {
				return append(b, " …"...)
			}
			b = append(b, ' ')
			b = append(b, Type(t).String()...)
		}
	case TypeTLS, TypeTTLS, TypePEAP, TypeTEAP, TypeFAST:
		b = appendFraming(b, p.Data)
	default:
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(len(p.Data)), 10)
		b = append(b, " octets"...)
	}
	return b
}

// appendText appends at most 64 octets of s, with whatever is not plain ASCII quoted.
func appendText(b, s []byte) []byte {
	if len(s) > 64 {
		s = s[:64]
	}
	for _, c := range s {
		if c < ' ' || c > '~' {
			return strconv.AppendQuoteToASCII(b, string(s))
		}
	}
	return append(b, s...)
}

// appendFraming appends the flags and lengths of a TLS-based method's data.
func appendFraming(b, data []byte) []byte {
	h, body, err := splitHeader(data)
	if err != nil {
		return append(b, " malformed"...)
	}
	if h.flags == 0 && len(body) == 0 {
		return append(b, " ack"...)
	}
	b = append(b, ' ')
	for _, f := range [...]struct {
		bit  byte
		name byte
	}{{flagLength, 'L'}, {flagMore, 'M'}, {flagStart, 'S'}} {
		if h.flags&f.bit != 0 {
			b = append(b, f.name)
		}
	}
	if h.flags != 0 {
		b = append(b, ' ')
	}
	b = strconv.AppendInt(b, int64(len(body)), 10)
	if h.flags&flagLength != 0 {
		b = append(b, '/')
		b = strconv.AppendUint(b, uint64(h.length), 10)
	}
	return b
}
