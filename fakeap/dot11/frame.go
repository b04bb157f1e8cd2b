// Package dot11 reads and writes the IEEE 802.11 frames that an association and the EAPOL exchange over it
// need, without FCS (link type 105 of capture files): open-system authentication, probing, association,
// disassociation, deauthentication, and data frames that carry EAPOL.
//
// Data frames are never encrypted: user traffic is not simulated, and EAPOL frames stay readable in a capture.
package dot11

import (
	"encoding/binary"
	"errors"
	"fmt"

	"nacsim/fakeap/ether"
)

// Kind is the type and subtype of a frame as they stand in the frame control field: subtype<<4 | type<<2.
type Kind uint8

// The kinds this package knows (IEEE 802.11-2020 table 9-1).
const (
	AssociationRequest  Kind = 0x00
	AssociationResponse Kind = 0x10
	ProbeRequest        Kind = 0x40
	ProbeResponse       Kind = 0x50
	Beacon              Kind = 0x80
	Disassociation      Kind = 0xa0
	Authentication      Kind = 0xb0
	Deauthentication    Kind = 0xc0
	Data                Kind = 0x08
	QoSData             Kind = 0x88
)

// String returns the name Wireshark and the trace use.
func (k Kind) String() string {
	switch k {
	case AssociationRequest:
		return "Association Request"
	case AssociationResponse:
		return "Association Response"
	case ProbeRequest:
		return "Probe Request"
	case ProbeResponse:
		return "Probe Response"
	case Beacon:
		return "Beacon"
	case Disassociation:
		return "Disassociation"
	case Authentication:
		return "Authentication"
	case Deauthentication:
		return "Deauthentication"
	case Data:
		return "Data"
	case QoSData:
		return "QoS Data"
	}
	return fmt.Sprintf("type %d subtype %d", k>>2&3, k>>4)
}

func (k Kind) isData() bool { return k == Data || k == QoSData }

const (
	headerLen = 24
	// MaxFrame bounds a frame: header, QoS control, and the largest MSDU (IEEE 802.11-2020 clause 9.2.4.8).
	MaxFrame = headerLen + 2 + 2304
)

// Frame is one management or data frame with three addresses.
type Frame struct {
	Kind         Kind
	ToDS, FromDS bool
	Retry        bool
	// Duration is the Duration/ID field, in microseconds.
	Duration uint16
	// Addr1 is the receiver, Addr2 the transmitter, Addr3 what is left: the BSSID, or the source or
	// destination behind the access point (table 9-30).
	Addr1, Addr2, Addr3 ether.Addr
	// Sequence is the sequence number, 0 to 4095.
	Sequence uint16
	// Body is what follows the header, and the QoS control field if there is one. It aliases the parsed slice.
	Body []byte
}

// Errors of Parse.
var (
	ErrShort       = errors.New("dot11: frame is shorter than its header")
	ErrLong        = errors.New("dot11: frame is longer than an MSDU allows")
	ErrVersion     = errors.New("dot11: protocol version is not 0")
	ErrUnsupported = errors.New("dot11: not a management or data frame of a supported kind")
	ErrProtected   = errors.New("dot11: frame is encrypted")
	ErrFragment    = errors.New("dot11: frame is a fragment")
	ErrAddressing  = errors.New("dot11: To DS and From DS do not suit the frame")
)

const (
	flagToDS      = 0x01
	flagFromDS    = 0x02
	flagMoreFrag  = 0x04
	flagRetry     = 0x08
	flagProtected = 0x40
	flagOrder     = 0x80
)

// Parse reads one frame.
func Parse(b []byte) (Frame, error) {
	if len(b) < headerLen {
		return Frame{}, ErrShort
	}
	if len(b) > MaxFrame {
		return Frame{}, ErrLong
	}
	flags := b[1]
	f := Frame{
		Kind:     Kind(b[0] &^ 3),
		ToDS:     flags&flagToDS != 0,
		FromDS:   flags&flagFromDS != 0,
		Retry:    flags&flagRetry != 0,
		Duration: binary.LittleEndian.Uint16(b[2:4]),
		Addr1:    ether.Addr(b[4:10]),
		Addr2:    ether.Addr(b[10:16]),
		Addr3:    ether.Addr(b[16:22]),
		Sequence: binary.LittleEndian.Uint16(b[22:24]) >> 4,
		Body:     b[headerLen:],
	}
	if err := f.check(b[0]&3, flags, b[22]&15); err != nil {
		return Frame{}, err
	}
	if f.Kind == QoSData {
		if len(f.Body) < 2 {
			return Frame{}, ErrShort
		}
		f.Body = f.Body[2:]
	}
	return f, nil
}

// check refuses what the rest of the package would misread.
func (f Frame) check(version, flags, fragment byte) error {
	switch {
	case version != 0:
		return ErrVersion
	case f.Kind.isData() && f.ToDS == f.FromDS:
		return ErrAddressing
	case !f.Kind.isData() && f.Kind>>2&3 != 0:
		return ErrUnsupported
	case !f.Kind.isData() && (f.ToDS || f.FromDS):
		return ErrAddressing
	case flags&flagProtected != 0:
		return ErrProtected
	case flags&flagMoreFrag != 0 || fragment != 0:
		return ErrFragment
	case flags&flagOrder != 0:
		return ErrUnsupported // +HTC: four more octets before the body
	}
	return nil
}

// Append writes the frame to dst and returns the extended slice. QoSData gets a zero QoS control field.
func (f Frame) Append(dst []byte) []byte {
	var flags byte
	for _, bit := range [...]struct {
		set  bool
		flag byte
	}{{f.ToDS, flagToDS}, {f.FromDS, flagFromDS}, {f.Retry, flagRetry}} {
		if bit.set {
			flags |= bit.flag
		}
	}
	dst = append(dst, byte(f.Kind), flags)
	dst = binary.LittleEndian.AppendUint16(dst, f.Duration)
	dst = append(dst, f.Addr1[:]...)
	dst = append(dst, f.Addr2[:]...)
	dst = append(dst, f.Addr3[:]...)
	dst = binary.LittleEndian.AppendUint16(dst, f.Sequence<<4)
	if f.Kind == QoSData {
		dst = append(dst, 0, 0)
	}
	return append(dst, f.Body...)
}

// BSSID returns the address of the BSS the frame belongs to.
func (f Frame) BSSID() ether.Addr {
	switch {
	case f.ToDS:
		return f.Addr1
	case f.FromDS:
		return f.Addr2
	}
	return f.Addr3
}
