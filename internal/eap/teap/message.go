package teap

import (
	"encoding/binary"
	"fmt"
)

// A Status is the value of Result and Intermediate-Result.
type Status uint16

// The statuses of RFC 7170 section 4.2.4.
const (
	None    Status = 0 // there is no such TLV
	Success Status = 1
	Failure Status = 2
)

// An Identity says whose identity is meant.
type Identity uint16

// The identities of RFC 7170 section 4.2.3.
const (
	Any     Identity = 0 // there is no such TLV
	User    Identity = 1
	Machine Identity = 2
)

// String is "user" or "machine".
func (i Identity) String() string {
	switch i {
	case User:
		return "user"
	case Machine:
		return "machine"
	}
	return "any"
}

// Codes of the Error TLV (RFC 7170 section 4.2.6).
const (
	InnerMethodError     uint32 = 1001
	TunnelCompromise     uint32 = 2001 // what the Crypto-Binding says is not so
	UnexpectedTLVs       uint32 = 2002
	ErrorUserPassword    uint32 = 1032 // the password is wrong
	ErrorMachinePassword uint32 = 1033
)

// A Message is the TLVs of one message inside the tunnel, as far as they are known. Each may be there once.
type Message struct {
	Result       Status
	Intermediate Status
	Identity     Identity
	EAP          []byte // an EAP packet
	Binding      *Binding
	Ask          *string   // Basic-Password-Auth-Req: the prompt
	Password     *Password // Basic-Password-Auth-Resp
	Error        uint32
	Action       []byte // Request-Action
	Refused      Type   // the TLV that the other side does not know, by its NAK

	// Unknown is the first mandatory TLV that is not known here. A NAK is due, and nothing else of the message
	// counts (RFC 7170 section 4.2.1).
	Unknown Type
}

// A Password is what a peer answers to Basic-Password-Auth-Req.
type Password struct{ User, Password []byte }

// Decode reads a message.
func Decode(b []byte) (Message, error) {
	var m Message
	tlvs, err := Parse(b)
	if err != nil {
		return m, err
	}
	seen := map[Type]bool{}
	for _, t := range tlvs {
		if seen[t.Type] && t.Type <= TrustedServerRoot && t.Type != VendorSpecific && t.Type != NAK {
			return Message{}, fmt.Errorf("%w: type %d is there twice", ErrMalformed, t.Type)
		}
		seen[t.Type] = true
		if err := m.take(t); err != nil {
			return Message{}, err
		}
	}
	return m, nil
}

// take enters one TLV into the message.
func (m *Message) take(t TLV) (err error) {
	v := t.Value
	switch t.Type {
	case Result:
		m.Result, err = status(v)
	case IntermediateResult:
		m.Intermediate, err = status(v) // TLVs may follow; none that is known does
	case IdentityType:
		if len(v) < 2 {
			return short(t)
		}
		m.Identity = Identity(binary.BigEndian.Uint16(v))
	case EAPPayload:
		m.EAP = v
	case CryptoBinding:
		m.Binding, err = parseBinding(t)
	case PasswordRequest:
		prompt := string(v)
		m.Ask = &prompt
	case PasswordResponse:
		m.Password, err = parsePassword(t)
	case Error:
		if len(v) < 4 {
			return short(t)
		}
		m.Error = binary.BigEndian.Uint32(v)
	case RequestAction:
		m.Action = v
	case NAK:
		if len(v) < 6 {
			return short(t)
		}
		m.Refused = Type(binary.BigEndian.Uint16(v[4:])) & typeMask
	default:
		if t.Mandatory && m.Unknown == 0 {
			m.Unknown = t.Type
		}
	}
	return err
}

func short(t TLV) error {
	return fmt.Errorf("%w: type %d of %d octets", ErrMalformed, t.Type, len(t.Value))
}

func status(v []byte) (Status, error) {
	if len(v) < 2 {
		return None, fmt.Errorf("%w: a result of %d octets", ErrMalformed, len(v))
	}
	switch s := Status(binary.BigEndian.Uint16(v)); s {
	case Success, Failure:
		return s, nil
	default:
		return None, fmt.Errorf("%w: result %d", ErrMalformed, s)
	}
}

// parsePassword reads the user name and the password, each behind its length.
func parsePassword(t TLV) (*Password, error) {
	var p Password
	rest := t.Value
	for _, field := range []*[]byte{&p.User, &p.Password} {
		if len(rest) == 0 || len(rest)-1 < int(rest[0]) {
			return nil, short(t)
		}
		n := 1 + int(rest[0])
		*field, rest = rest[1:n:n], rest[n:]
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d octets behind the password", ErrMalformed, len(rest))
	}
	return &p, nil
}

// Append appends the message in wire format, in the order in which RFC 7170's examples have it. A user name and a
// password have at most 255 octets each.
func (m Message) Append(b []byte) []byte {
	number := func(t Type, mandatory bool, n uint16) {
		b = TLV{t, mandatory, binary.BigEndian.AppendUint16(nil, n)}.Append(b)
	}
	if m.Intermediate != None {
		number(IntermediateResult, true, uint16(m.Intermediate))
	}
	if m.Result != None {
		number(Result, true, uint16(m.Result))
	}
	if m.Binding != nil {
		b = m.Binding.append(b)
	}
	if m.Error != 0 {
		b = TLV{Error, true, binary.BigEndian.AppendUint32(nil, m.Error)}.Append(b)
	}
	if m.EAP != nil {
		b = TLV{EAPPayload, true, m.EAP}.Append(b)
	}
	if m.Ask != nil {
		b = TLV{PasswordRequest, true, []byte(*m.Ask)}.Append(b)
	}
	if p := m.Password; p != nil {
		v := append([]byte{byte(len(p.User))}, p.User...)
		b = TLV{PasswordResponse, true, append(append(v, byte(len(p.Password))), p.Password...)}.Append(b)
	}
	if m.Identity != Any {
		number(IdentityType, false, uint16(m.Identity))
	}
	if m.Action != nil {
		b = TLV{RequestAction, true, m.Action}.Append(b)
	}
	if m.Refused != 0 {
		b = TLV{NAK, true, binary.BigEndian.AppendUint16(make([]byte, 4), uint16(m.Refused))}.Append(b)
	}
	return b
}
