package eap

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The flags octet that opens the data of EAP-TLS (RFC 5216 section 3.1), PEAP, EAP-TTLS and TEAP. The low
// three bits are reserved in EAP-TLS and the version in the others.
const (
	flagLength  = 0x80 // a four-octet TLS Message Length follows
	flagMore    = 0x40 // more fragments follow
	flagStart   = 0x20 // from the server only: begin
	versionMask = 0x07
)

// FrameOverhead is the most that framing adds to the TLS data of one fragment, in octets of EAP packet: EAP
// header 4, type 1, flags 1, message length 4.
const FrameOverhead = typedLen + 1 + 4

// MinFragment is the smallest fragment a [Framer] makes, in octets of TLS data.
const MinFragment = 64

// DefaultMaxMessage is the limit on a reassembled message, which is that of crypto/tls on a handshake message. A chain
// of four RSA-4096 certificates needs about 8 KiB. Only octets that have come take memory.
const DefaultMaxMessage = 64 << 10

// The ways the data of a TLS-based method can be wrong. Errors of [Framer.Receive] wrap one of them.
var (
	ErrFrame    = errors.New("eap: malformed TLS framing")
	ErrTooLong  = errors.New("eap: TLS message is too long")
	ErrSequence = errors.New("eap: data where an acknowledgement is due")
)

// A Framer cuts TLS messages into fragments and puts those of the other side together again, for the server
// or for the peer. It is not safe for concurrent use.
//
// EAP is lock-step: whoever gets a fragment with the M flag answers with an empty packet ([Framer.Ack]), upon
// which the sender sends the next one ([Framer.Next]).
type Framer struct {
	// Version is written to the low three bits of every flags octet. EAP-TLS has none: zero.
	Version byte
	// MaxMessage bounds a reassembled message in octets; zero means [DefaultMaxMessage].
	MaxMessage int

	fragment int

	in        []byte // fragments received so far
	declared  uint32 // their total as declared by the first
	receiving bool   // the M flag was set on the last one

	out   []byte // message being sent
	sent  int    // octets of it handed out
	begun bool   // its first fragment has been handed out
}

// NewFramer returns a framer that sends at most fragment octets of TLS data in one EAP packet, which is then
// at most [FrameOverhead] longer. A value below [MinFragment] means MinFragment.
func NewFramer(fragment int) *Framer {
	return &Framer{fragment: max(fragment, MinFragment)}
}

// frameHeader is the parsed front of a TLS-based method's data.
type frameHeader struct {
	flags   byte
	version byte
	length  uint32 // with flagLength
}

func splitHeader(data []byte) (h frameHeader, body []byte, err error) {
	if len(data) == 0 {
		return h, nil, fmt.Errorf("%w: no flags octet", ErrFrame)
	}
	h.flags, h.version, body = data[0]&^versionMask, data[0]&versionMask, data[1:]
	if h.flags&flagLength != 0 {
		if len(body) < 4 {
			return h, nil, fmt.Errorf("%w: L flag without a message length", ErrFrame)
		}
		h.length, body = binary.BigEndian.Uint32(body), body[4:]
	}
	return h, body, nil
}

// IsStart reports whether the data of a Request is the Start of a TLS-based method, and the version it
// proposes.
func IsStart(data []byte) (version byte, ok bool) {
	h, _, err := splitHeader(data)
	return h.version, err == nil && h.flags&flagStart != 0
}

// Start returns the data of the server's first Request.
func (f *Framer) Start() []byte { return []byte{flagStart | f.Version&versionMask} }

// Ack returns the data that acknowledges a fragment, or that says "I have nothing to send".
func (f *Framer) Ack() []byte { return []byte{f.Version & versionMask} }

// Receive takes the data (flags octet onwards) of one packet of the other side.
//
//   - complete with octets: a whole message, valid until the next Receive and possibly aliasing data.
//   - complete without octets: an acknowledgement (or a Start). If [Framer.Pending], send [Framer.Next].
//   - not complete: one more fragment was stored; answer with [Framer.Ack].
//
// The L flag is optional on a message in one piece and required on the first fragment; a declared length that
// is not met is an error, as are an empty fragment with the M flag, a message beyond MaxMessage, and data
// while own fragments await their acknowledgement. After an error the framer is as before the call.
func (f *Framer) Receive(data []byte) (message []byte, complete bool, err error) {
	h, body, err := splitHeader(data)
	if err != nil {
		return nil, false, err
	}
	switch {
	case len(body) == 0 && h.flags&flagMore != 0:
		return nil, false, fmt.Errorf("%w: M flag on an empty fragment", ErrFrame)
	case len(body) == 0 && !f.receiving && h.length == 0:
		return nil, true, nil
	case f.Pending():
		return nil, false, ErrSequence
	}
	if f.receiving {
		return f.receiveNext(h, body)
	}
	return f.receiveFirst(h, body)
}

func (f *Framer) maxMessage() int {
	if f.MaxMessage > 0 {
		return f.MaxMessage
	}
	return DefaultMaxMessage
}

func (f *Framer) receiveFirst(h frameHeader, body []byte) ([]byte, bool, error) {
	if int64(h.length) > int64(f.maxMessage()) || len(body) > f.maxMessage() {
		return nil, false, fmt.Errorf("%w: %d octets, at most %d", ErrTooLong, max(int64(h.length), int64(len(body))), f.maxMessage())
	}
	if h.flags&flagMore == 0 {
		if h.flags&flagLength != 0 && int64(h.length) != int64(len(body)) {
			return nil, false, fmt.Errorf("%w: %d octets declared, %d sent", ErrFrame, h.length, len(body))
		}
		return body, true, nil
	}
	if h.flags&flagLength == 0 {
		return nil, false, fmt.Errorf("%w: first fragment without a message length", ErrFrame)
	}
	if int64(len(body)) >= int64(h.length) {
		return nil, false, fmt.Errorf("%w: M flag on %d of %d octets", ErrFrame, len(body), h.length)
	}
	if f.in == nil { // trust a declaration only so far
		f.in = make([]byte, 0, min(int(h.length), 4*len(body)))
	}
	f.in = append(f.in[:0], body...)
	f.declared, f.receiving = h.length, true
	return nil, false, nil
}

func (f *Framer) receiveNext(h frameHeader, body []byte) ([]byte, bool, error) {
	if h.flags&flagLength != 0 && h.length != f.declared {
		return nil, false, fmt.Errorf("%w: message length changed from %d to %d", ErrFrame, f.declared, h.length)
	}
	total := int64(len(f.in)) + int64(len(body))
	last := h.flags&flagMore == 0
	if total > int64(f.declared) || last && total != int64(f.declared) || !last && total == int64(f.declared) {
		return nil, false, fmt.Errorf("%w: %d octets declared, %d sent", ErrFrame, f.declared, total)
	}
	f.in = append(f.in, body...)
	f.receiving = !last
	if !last {
		return nil, false, nil
	}
	return f.in, true, nil
}

// Receiving reports whether fragments of an incomplete message are stored.
func (f *Framer) Receiving() bool { return f.receiving }

// Send takes a message to be handed out by Next. The framer keeps message until it has been sent. An empty
// message becomes one empty packet, which is an acknowledgement. It replaces a message not yet sent.
func (f *Framer) Send(message []byte) { f.out, f.sent, f.begun = message, 0, false }

// Pending reports whether Next has something to hand out.
func (f *Framer) Pending() bool { return f.out != nil && (!f.begun || f.sent < len(f.out)) }

// Next returns the data of the next packet and whether it is the last one of the message. With nothing
// pending it returns an acknowledgement.
func (f *Framer) Next() (data []byte, last bool) {
	left := len(f.out) - f.sent
	n := min(left, f.fragment)
	flags := f.Version & versionMask
	if left > n {
		flags |= flagMore
	}
	data = make([]byte, 0, 5+n)
	if !f.begun && left > n {
		data = append(data, flags|flagLength)
		data = binary.BigEndian.AppendUint32(data, uint32(left))
	} else {
		data = append(data, flags)
	}
	data = append(data, f.out[f.sent:f.sent+n]...)
	f.sent += n
	f.begun = true
	if f.sent == len(f.out) {
		f.out, f.sent = nil, 0
	}
	return data, f.out == nil
}
