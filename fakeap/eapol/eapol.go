// Package eapol reads and writes EAPOL PDUs (IEEE 802.1X-2010 clause 11) and the RSN key descriptor they carry
// (IEEE 802.11-2020 clause 12.7.2).
package eapol

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Type is the packet type of a PDU.
type Type uint8

// Packet types (IEEE 802.1X-2010 table 11-3).
const (
	TypeEAP    Type = 0
	TypeStart  Type = 1
	TypeLogoff Type = 2
	TypeKey    Type = 3
)

// String returns the name Wireshark and the trace use.
func (t Type) String() string {
	switch t {
	case TypeEAP:
		return "EAP-Packet"
	case TypeStart:
		return "EAPOL-Start"
	case TypeLogoff:
		return "EAPOL-Logoff"
	case TypeKey:
		return "EAPOL-Key"
	}
	return fmt.Sprintf("EAPOL type %d", uint8(t))
}

// Version is the protocol version sent: 2, of 802.1X-2004, which every deployed peer understands. Version 3
// changes nothing about the four types above, and receivers take any version (clause 11.4).
const Version = 2

const headerLen = 4

// MaxBody bounds the body of a PDU: an EAP packet that fits the largest MTU of the access links, with room.
const MaxBody = 2300

// PDU is one EAPOL PDU.
type PDU struct {
	Version uint8
	Type    Type
	// Body aliases the parsed slice. Padding of the frame is cut off.
	Body []byte
}

// Errors of Parse.
var (
	ErrShort     = errors.New("eapol: PDU is shorter than its 4-octet header")
	ErrTruncated = errors.New("eapol: body is shorter than its length field")
	ErrLong      = errors.New("eapol: body is longer than 2300 octets")
)

// Parse reads a PDU from the payload of a frame. What follows the body is padding and is ignored.
func Parse(b []byte) (PDU, error) {
	if len(b) < headerLen {
		return PDU{}, ErrShort
	}
	n := int(binary.BigEndian.Uint16(b[2:4]))
	if n > MaxBody {
		return PDU{}, ErrLong
	}
	if len(b) < headerLen+n {
		return PDU{}, ErrTruncated
	}
	return PDU{Version: b[0], Type: Type(b[1]), Body: b[headerLen : headerLen+n : headerLen+n]}, nil
}

// Append writes the PDU to dst and returns the extended slice. A zero Version is written as [Version]. A body
// longer than the length field can say is a programming error and panics.
func (p PDU) Append(dst []byte) []byte {
	if len(p.Body) > MaxBody {
		panic("eapol: body too long")
	}
	version := p.Version
	if version == 0 {
		version = Version
	}
	dst = append(dst, version, byte(p.Type))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(p.Body)))
	return append(dst, p.Body...)
}
