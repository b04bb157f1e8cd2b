package decode

import (
	"encoding/binary"
	"log/slog"
	"strconv"

	lr "layeh.com/radius"
)

// radiusCodes are the codes a scenario can name.
var radiusCodes = []lr.Code{
	lr.CodeAccessRequest, lr.CodeAccessAccept, lr.CodeAccessReject, lr.CodeAccessChallenge,
	lr.CodeAccountingRequest, lr.CodeAccountingResponse, lr.CodeStatusServer,
	lr.CodeDisconnectRequest, lr.CodeDisconnectACK, lr.CodeDisconnectNAK,
	lr.CodeCoARequest, lr.CodeCoAACK, lr.CodeCoANAK,
}

func radiusCodeName(code lr.Code) string {
	for _, known := range radiusCodes {
		if known == code {
			return code.String()
		}
	}
	return "RADIUS code " + strconv.Itoa(int(code))
}

const radiusHeader = 20

// looksLikeRADIUS is for datagrams on ports of no meaning: a code that is known, and a length that is exact.
func looksLikeRADIUS(b []byte) bool {
	if len(b) < radiusHeader || int(binary.BigEndian.Uint16(b[2:])) != len(b) {
		return false
	}
	for _, code := range radiusCodes {
		if lr.Code(b[0]) == code {
			return true
		}
	}
	return false
}

// radius reads a RADIUS packet (RFC 2865 section 3); octets beyond its length are padding.
func (d *decoded) radius(b []byte) {
	d.proto, d.name = protoRADIUS, protoRADIUS
	if len(b) < radiusHeader {
		d.malformed = "RADIUS packet of " + strconv.Itoa(len(b)) + " octets"
		return
	}
	d.name = radiusCodeName(lr.Code(b[0]))
	d.add(slog.Int("code", int(b[0])))
	d.add(slog.Int("id", int(b[1])))
	length := int(binary.BigEndian.Uint16(b[2:]))
	if length < radiusHeader || length > len(b) {
		d.malformed = "RADIUS length " + strconv.Itoa(length) + " with " + strconv.Itoa(len(b)) + " octets there"
		return
	}
	if padding := len(b) - length; padding > 0 {
		d.add(slog.Int("padding", padding))
	}
	if d.wantFields {
		d.addDetail("id " + strconv.Itoa(int(b[1])))
	}
	d.radiusAttributes(b[:length])
}

// Attribute types this package reads itself.
const (
	attrCallingStationID = 31
	attrEAPMessage       = 79
)

func (d *decoded) radiusAttributes(packet []byte) {
	var eapRoom [1024]byte
	eap := eapRoom[:0]
	hasEAP := false
	for b := packet[radiusHeader:]; len(b) > 0; b = b[b[1]:] {
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			d.malformed = "RADIUS attribute cut at octet " + strconv.Itoa(len(packet)-len(b))
			return
		}
		value := b[2:b[1]]
		switch b[0] {
		case attrCallingStationID:
			d.client = stationMAC(value)
		case attrEAPMessage:
			hasEAP = true
			eap = append(eap, value...)
		}
	}
	switch {
	case hasEAP && len(eap) == 0: // RFC 3579 section 2.1
		d.eap = "EAP-Start"
		d.add(slog.String("eap", d.eap))
	case hasEAP:
		d.readEAP(eap)
	}
}

// stationMAC is the MAC address that a Calling-Station-Id (RFC 3580 section 3.21) begins with, in lower-case
// colon form, or "".
func stationMAC(b []byte) string {
	var mac [6]byte
	n := 0
	for _, c := range b {
		var digit byte
		switch {
		case c >= '0' && c <= '9':
			digit = c - '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			digit = (c | 0x20) - 'a' + 10
		case c == '-' || c == ':' || c == '.':
			continue
		default:
			return ""
		}
		if n == 12 {
			return ""
		}
		mac[n/2] = mac[n/2]<<4 | digit
		n++
	}
	if n != 12 {
		return ""
	}
	return macString(mac[:])
}
