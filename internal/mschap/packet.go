package mschap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// An Op is the first octet of the data of an EAP-MSCHAPv2 packet (draft-kamath-pppext-eap-mschapv2 section 2).
type Op uint8

// The operations. Success and Failure are requests of the server, which the client answers with the octet alone.
const (
	OpChallenge      Op = 1
	OpResponse       Op = 2
	OpSuccess        Op = 3
	OpFailure        Op = 4
	OpChangePassword Op = 7
)

// String names the operation as the draft does.
func (o Op) String() string {
	switch o {
	case OpChallenge:
		return "Challenge"
	case OpResponse:
		return "Response"
	case OpSuccess:
		return "Success"
	case OpFailure:
		return "Failure"
	case OpChangePassword:
		return "Change-Password"
	}
	return "Op(" + strconv.Itoa(int(o)) + ")"
}

// Lengths of what the packets hold, in octets.
const (
	packetHeader = 4  // operation, MS-CHAPv2-ID, length
	valueLen     = 49 // of a Response: peer challenge, reserved, NT response, flags
	maxName      = 253
)

// ErrPacket is wrapped by the errors of [ParsePacket].
var ErrPacket = errors.New("mschap: malformed EAP-MSCHAPv2 packet")

// A Packet is the type-data of an EAP-MSCHAPv2 request or response.
type Packet struct {
	Op Op
	ID uint8 // MS-CHAPv2-ID, that of the challenge; not in a one-octet answer

	Challenge [16]byte // with Challenge; the peer's one with Response
	Response  [24]byte // with Response: the NT response
	Name      string   // with Challenge the server's, with Response the user's
	Message   string   // with a server's Success ("S=…", see [AuthenticatorResponse]) and Failure ([Refusal])
	Answer    bool     // the one-octet answer to Success or Failure
}

// Append appends the packet in wire format. Name and Message must fit the length field.
func (p Packet) Append(b []byte) []byte {
	if p.Answer {
		return append(b, byte(p.Op))
	}
	start := len(b)
	b = append(b, byte(p.Op), p.ID, 0, 0)
	switch p.Op {
	case OpChallenge:
		b = append(b, byte(len(p.Challenge)))
		b = append(b, p.Challenge[:]...)
		b = append(b, p.Name...)
	case OpResponse:
		b = append(b, valueLen)
		b = append(b, p.Challenge[:]...)
		b = append(b, make([]byte, 8)...)
		b = append(b, p.Response[:]...)
		b = append(b, 0) // flags
		b = append(b, p.Name...)
	default:
		b = append(b, p.Message...)
	}
	binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start))
	return b
}

// ParsePacket reads the type-data of an EAP-MSCHAPv2 packet. A length that does not match is an error, except in the
// answers to Success and Failure, of which only the first octet counts. Change-Password is refused.
func ParsePacket(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, fmt.Errorf("%w: no operation", ErrPacket)
	}
	p := Packet{Op: Op(b[0])}
	if (p.Op == OpSuccess || p.Op == OpFailure) && len(b) < packetHeader {
		p.Answer = true
		return p, nil
	}
	if len(b) < packetHeader {
		return Packet{}, fmt.Errorf("%w: %d octets", ErrPacket, len(b))
	}
	p.ID = b[1]
	if n := int(binary.BigEndian.Uint16(b[2:])); n != len(b) {
		return Packet{}, fmt.Errorf("%w: length %d in %d octets", ErrPacket, n, len(b))
	}
	return p, p.parseBody(b[packetHeader:])
}

func (p *Packet) parseBody(b []byte) error {
	switch p.Op {
	case OpChallenge:
		value, name, err := splitValue(b, len(p.Challenge))
		if err != nil {
			return err
		}
		p.Challenge, p.Name = [16]byte(value), name
	case OpResponse:
		value, name, err := splitValue(b, valueLen)
		if err != nil {
			return err
		}
		p.Challenge, p.Response, p.Name = [16]byte(value), [24]byte(value[24:]), name
	case OpSuccess, OpFailure:
		p.Message = string(b)
	default:
		return fmt.Errorf("%w: %v", ErrPacket, p.Op)
	}
	return nil
}

// splitValue cuts a value with its length in front, which must be n, from the name behind it.
func splitValue(b []byte, n int) (value []byte, name string, err error) {
	if len(b) < 1+n || int(b[0]) != n {
		return nil, "", fmt.Errorf("%w: no value of %d octets", ErrPacket, n)
	}
	if len(b)-1-n > maxName {
		return nil, "", fmt.Errorf("%w: name of %d octets", ErrPacket, len(b)-1-n)
	}
	return b[1 : 1+n], string(b[1+n:]), nil
}
