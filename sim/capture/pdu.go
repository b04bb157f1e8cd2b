package capture

import (
	"encoding/binary"
	"net/netip"
)

// Tags in front of an exported PDU (Wireshark, wsutil/exported_pdu_tlvs.h).
const (
	pduEnd       = 0
	pduDissector = 12 // name
	pduIPv4From  = 20
	pduIPv4To    = 21
	pduIPv6From  = 22
	pduIPv6To    = 23
	pduPortType  = 24
	pduPortFrom  = 25
	pduPortTo    = 26

	pduPortTCP = 2
)

// radiusPDU is a RADIUS packet as Wireshark exports one that it has found inside of a TLS connection, with the addresses
// of that.
func radiusPDU(from, to netip.AddrPort, packet []byte) []byte {
	b := make([]byte, 0, 80+len(packet))
	b = appendTag(b, pduDissector, []byte("radius\x00\x00")) // padded to a multiple of four
	source, target := from.Addr().Unmap(), to.Addr().Unmap()
	if source.Is4() && target.Is4() {
		b = appendTag(b, pduIPv4From, source.AsSlice())
		b = appendTag(b, pduIPv4To, target.AsSlice())
	} else {
		s16, t16 := source.As16(), target.As16()
		b = appendTag(b, pduIPv6From, s16[:])
		b = appendTag(b, pduIPv6To, t16[:])
	}
	b = appendTag(b, pduPortType, binary.BigEndian.AppendUint32(nil, pduPortTCP))
	b = appendTag(b, pduPortFrom, binary.BigEndian.AppendUint32(nil, uint32(from.Port())))
	b = appendTag(b, pduPortTo, binary.BigEndian.AppendUint32(nil, uint32(to.Port())))
	b = appendTag(b, pduEnd, nil)
	return append(b, packet...)
}

func appendTag(b []byte, tag uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, tag)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}
