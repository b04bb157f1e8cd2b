package decode

import (
	"encoding/binary"
	"log/slog"
	"strconv"
)

// dot11Management are the management subtypes (IEEE 802.11-2020 table 9-1).
var dot11Management = [16]string{
	0: "Association Request", 1: "Association Response", 2: "Reassociation Request", 3: "Reassociation Response",
	4: "Probe Request", 5: "Probe Response", 8: "Beacon", 10: "Disassociation", 11: "Authentication",
	12: "Deauthentication", 13: "Action",
}

// dot11FixedFields is how many octets precede the elements of each management subtype.
var dot11FixedFields = [16]int{0: 4, 1: 6, 2: 10, 3: 6, 4: 0, 5: 12, 8: 12, 10: 2, 11: 6, 12: 2, 13: 1}

// reasonCodes are the ones met in practice (IEEE 802.11-2020 table 9-49).
var reasonCodes = map[uint16]string{
	1: "unspecified", 2: "authentication no longer valid", 3: "leaving the network", 4: "inactivity",
	5: "access point is full", 6: "class 2 frame from unauthenticated station",
	7: "class 3 frame from unassociated station", 8: "leaving the BSS", 9: "not authenticated", 13: "invalid element",
	14: "MIC failure", 15: "4-way handshake timeout", 16: "group key handshake timeout",
	17: "element differs in 4-way handshake", 23: "IEEE 802.1X authentication failed",
	34: "too many frames unacknowledged",
}

const (
	dot11TypeManagement = 0
	dot11TypeControl    = 1
	dot11TypeData       = 2

	dot11ToDS      = 0x01
	dot11FromDS    = 0x02
	dot11Protected = 0x40
	dot11Order     = 0x80
)

// dot11 reads an IEEE 802.11 frame without FCS.
func (d *decoded) dot11(b []byte) {
	d.proto, d.name = protoDot11, protoDot11
	if len(b) < 24 {
		d.malformed = "802.11 frame of " + strconv.Itoa(len(b)) + " octets"
		return
	}
	kind, subtype, flags := b[0]>>2&3, b[0]>>4, b[1]
	if version := b[0] & 3; version != 0 {
		d.malformed = "802.11 protocol version " + strconv.Itoa(int(version))
		return
	}
	switch kind {
	case dot11TypeManagement:
		d.dot11Addresses(b[4:10], b[10:16], b[16:22])
		d.dot11ManagementFrame(subtype, flags, b[24:])
	case dot11TypeControl:
		d.name = "802.11 control"
	case dot11TypeData:
		d.dot11Data(subtype, flags, b)
	default:
		d.malformed = "802.11 frame type 3"
	}
}

// dot11Addresses notes destination, source and BSSID; the client is the one of the two that is not the BSS.
func (d *decoded) dot11Addresses(dst, src, bssid []byte) {
	d.dst, d.src = macString(dst), macString(src)
	bss := macString(bssid)
	d.add(slog.String("bssid", bss))
	switch {
	case d.src != bss:
		d.client = d.src
	case d.dst != bss && dst[0]&1 == 0:
		d.client = d.dst
	}
}

func (d *decoded) dot11ManagementFrame(subtype, flags byte, body []byte) {
	d.name = dot11Management[subtype]
	if d.name == "" {
		d.name = "802.11 management " + strconv.Itoa(int(subtype))
		return
	}
	if flags&dot11Protected != 0 {
		d.addDetail("protected")
		return
	}
	fixed := dot11FixedFields[subtype]
	if len(body) < fixed {
		d.malformed = d.name + " with " + strconv.Itoa(len(body)) + " octets of body"
		return
	}
	switch subtype {
	case 1, 3:
		d.dot11Status(binary.LittleEndian.Uint16(body[2:]))
	case 10, 12:
		d.dot11Reason(binary.LittleEndian.Uint16(body))
	case 11:
		d.add(slog.Int("auth_sequence", int(binary.LittleEndian.Uint16(body[2:]))))
		d.dot11Status(binary.LittleEndian.Uint16(body[4:]))
	}
	if subtype != 13 { // what follows an Action's category is not a list of elements
		d.dot11Elements(body[fixed:])
	}
}

func (d *decoded) dot11Status(code uint16) {
	d.add(slog.Int("status", int(code)))
	if code != 0 {
		d.addDetail("status " + strconv.Itoa(int(code)))
	}
}

func (d *decoded) dot11Reason(code uint16) {
	d.add(slog.Int("reason", int(code)))
	detail := "reason " + strconv.Itoa(int(code))
	if text := reasonCodes[code]; text != "" {
		detail += " (" + text + ")"
	}
	d.addDetail(detail)
}

// dot11Elements walks over the elements and notes the SSID, of which there is at most one.
func (d *decoded) dot11Elements(b []byte) {
	named := false
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			d.malformed = "802.11 element cut"
			return
		}
		if id, value := b[0], b[2:2+int(b[1])]; id == 0 && !named {
			named = true
			d.add(slog.String("ssid", string(value)))
			if len(value) > 0 {
				d.addDetail("SSID " + quoteUnlessPlain(value))
			}
		}
		b = b[2+int(b[1]):]
	}
}

// dot11Data reads a data frame between a station and its access point as far as EAPOL goes.
func (d *decoded) dot11Data(subtype, flags byte, b []byte) {
	d.name = "Data"
	a1, a2, a3 := b[4:10], b[10:16], b[16:22]
	header := 24
	switch flags & (dot11ToDS | dot11FromDS) {
	case dot11ToDS:
		d.dot11Addresses(a3, a2, a1)
	case dot11FromDS:
		d.dot11Addresses(a1, a3, a2)
	case 0:
		d.dot11Addresses(a1, a2, a3)
	default: // between access points: a fourth address
		header += 6
	}
	if subtype&8 != 0 { // QoS
		header += 2
		if flags&dot11Order != 0 {
			header += 4
		}
	}
	switch {
	case len(b) < header:
		d.malformed = "802.11 header cut"
	case subtype&4 != 0:
		d.name = "Null Data"
	case flags&dot11Protected != 0:
		d.addDetail("protected")
	default:
		d.llc(b[header:])
	}
}

// llc reads LLC/SNAP (IEEE 802.2, RFC 1042) and the EAPOL in it.
func (d *decoded) llc(b []byte) {
	const snap = "\xaa\xaa\x03\x00\x00\x00"
	if len(b) < 8 || string(b[:6]) != snap {
		return
	}
	kind := binary.BigEndian.Uint16(b[6:])
	if kind != etherTypeEAPOL {
		d.addDetail("type 0x" + strconv.FormatUint(uint64(kind), 16))
		return
	}
	d.eapol(b[8:])
}
