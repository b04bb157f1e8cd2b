// Package ether reads and writes Ethernet II frames and MAC addresses, as the access links of the edge carry
// them: without preamble and FCS, padded to the minimum size.
package ether

import (
	"encoding/binary"
	"errors"
	"net"
)

// Addr is a 48-bit MAC address. Being an array it is comparable and can be a map key.
type Addr [6]byte

// Well-known addresses.
var (
	Broadcast = Addr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	// PAEGroup is the address EAPOL frames go to on a cable (IEEE 802.1X-2010 table 11-1). Bridges do not
	// forward it, so it always means the other end of the cable.
	PAEGroup = Addr{0x01, 0x80, 0xc2, 0x00, 0x00, 0x03}
)

// FromHardware converts a 6-octet net.HardwareAddr; ok is false for any other length.
func FromHardware(a net.HardwareAddr) (addr Addr, ok bool) {
	if len(a) != len(addr) {
		return Addr{}, false
	}
	return Addr(a), true
}

// Hardware returns the address as the standard library's type, in memory of its own.
func (a Addr) Hardware() net.HardwareAddr { return append(net.HardwareAddr(nil), a[:]...) }

// String returns the lower-case colon form, for example "00:1c:b3:09:85:15".
func (a Addr) String() string { return a.format(':', "0123456789abcdef") }

// Station returns the form of Called- and Calling-Station-Id, for example "00-1C-B3-09-85-15"
// (RFC 3580 section 3.20).
func (a Addr) Station() string { return a.format('-', "0123456789ABCDEF") }

func (a Addr) format(separator byte, digits string) string {
	var b [17]byte
	for i, octet := range a {
		if i > 0 {
			b[3*i-1] = separator
		}
		b[3*i], b[3*i+1] = digits[octet>>4], digits[octet&15]
	}
	return string(b[:])
}

// IsGroup reports whether the address is a multicast or broadcast address.
func (a Addr) IsGroup() bool { return a[0]&1 != 0 }

// Compare orders addresses by value.
func (a Addr) Compare(b Addr) int {
	for i := range a {
		if a[i] != b[i] {
			return int(a[i]) - int(b[i])
		}
	}
	return 0
}

// TypeEAPOL is the EtherType of IEEE 802.1X PDUs.
const TypeEAPOL = 0x888e

const (
	headerLen = 14
	// MinFrame and MaxFrame bound a frame without FCS (IEEE 802.3 clause 4.4.2).
	MinFrame = 60
	MaxFrame = 1514
)

// Frame is one Ethernet II frame.
type Frame struct {
	Dst, Src Addr
	Type     uint16
	// Payload aliases the parsed slice and may end in padding: the upper layer knows its length.
	Payload []byte
}

// Errors of Parse.
var (
	ErrShort  = errors.New("ether: frame is shorter than its 14-octet header")
	ErrLong   = errors.New("ether: frame is longer than 1514 octets")
	ErrLength = errors.New("ether: type field is a length, not an EtherType")
)

// Parse reads one frame.
func Parse(b []byte) (Frame, error) {
	if len(b) < headerLen {
		return Frame{}, ErrShort
	}
	if len(b) > MaxFrame {
		return Frame{}, ErrLong
	}
	f := Frame{Dst: Addr(b[0:6]), Src: Addr(b[6:12]), Type: binary.BigEndian.Uint16(b[12:14]), Payload: b[headerLen:]}
	if f.Type < 0x600 {
		return Frame{}, ErrLength
	}
	return f, nil
}

// Append writes the frame to dst, padded with zeros to MinFrame, and returns the extended slice.
func (f Frame) Append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, f.Dst[:]...)
	dst = append(dst, f.Src[:]...)
	dst = binary.BigEndian.AppendUint16(dst, f.Type)
	dst = append(dst, f.Payload...)
	for len(dst)-start < MinFrame {
		dst = append(dst, 0)
	}
	return dst
}
