package decode

import (
	"encoding/binary"
	"log/slog"
	"strconv"
)

const (
	etherTypeEAPOL = 0x888e
	etherTypeVLAN  = 0x8100 // IEEE 802.1Q customer tag
)

// ethernet reads an Ethernet II frame, with or without one VLAN tag.
func (d *decoded) ethernet(b []byte) {
	d.proto, d.name = protoEthernet, protoEthernet
	if len(b) < 14 {
		d.malformed = "Ethernet frame of " + strconv.Itoa(len(b)) + " octets"
		return
	}
	d.dst, d.src = macString(b[0:6]), macString(b[6:12])
	kind := binary.BigEndian.Uint16(b[12:])
	payload := b[14:]
	if kind == etherTypeVLAN {
		if len(payload) < 4 {
			d.malformed = "VLAN tag cut"
			return
		}
		d.add(slog.String("vlan_tag", strconv.Itoa(int(binary.BigEndian.Uint16(payload)&0xfff))))
		kind = binary.BigEndian.Uint16(payload[2:])
		payload = payload[4:]
	}
	if kind != etherTypeEAPOL {
		d.addDetail("type 0x" + strconv.FormatUint(uint64(kind), 16))
		return
	}
	switch d.eapol(payload) {
	case fromSupplicant:
		d.client = d.src
	case fromAuthenticator:
		if b[0]&1 == 0 { // not the PAE group address
			d.client = d.dst
		}
	}
}

// macString is the lower-case colon form.
func macString(b []byte) string {
	const digits = "0123456789abcdef"
	var s [17]byte
	for i, c := range b[:6] {
		s[3*i], s[3*i+1] = digits[c>>4], digits[c&15]
		if i < 5 {
			s[3*i+2] = ':'
		}
	}
	return string(s[:])
}
