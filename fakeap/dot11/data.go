package dot11

import (
	"bytes"

	"nacsim/fakeap/ether"
)

// snapEAPOL is the LLC/SNAP header (IEEE 802.2, RFC 1042) of EtherType 0x888E.
var snapEAPOL = []byte{0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00, 0x88, 0x8e}

// NewEAPOLToDS carries an EAPOL PDU from a station to its access point.
func NewEAPOLToDS(station, bssid ether.Addr, pdu []byte) []byte {
	return data(Frame{Kind: Data, ToDS: true, Addr1: bssid, Addr2: station, Addr3: bssid}, pdu)
}

// NewEAPOLFromDS carries an EAPOL PDU from an access point to a station.
func NewEAPOLFromDS(station, bssid ether.Addr, pdu []byte) []byte {
	return data(Frame{Kind: Data, FromDS: true, Addr1: station, Addr2: bssid, Addr3: bssid}, pdu)
}

func data(f Frame, pdu []byte) []byte {
	b := f.Append(make([]byte, 0, headerLen+len(snapEAPOL)+len(pdu)))
	b = append(b, snapEAPOL...)
	return append(b, pdu...)
}

// EAPOL returns the EAPOL PDU of a data frame; ok is false for any other frame.
func EAPOL(f Frame) (pdu []byte, ok bool) {
	if !f.Kind.isData() {
		return nil, false
	}
	return bytes.CutPrefix(f.Body, snapEAPOL)
}
