package decode

import (
	"encoding/binary"
	"log/slog"
	"strconv"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// radiusCodes are the codes a scenario can name.
var radiusCodes = []lr.Code{
	lr.CodeAccessRequest, lr.CodeAccessAccept, lr.CodeAccessReject, lr.CodeAccessChallenge,
	lr.CodeAccountingRequest, lr.CodeAccountingResponse, lr.CodeStatusServer,
	lr.CodeDisconnectRequest, lr.CodeDisconnectACK, lr.CodeDisconnectNAK,
	lr.CodeCoARequest, lr.CodeCoAACK, lr.CodeCoANAK,
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
	d.name = radius.CodeName(lr.Code(b[0]))
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
		d.identifier = " id " + strconv.Itoa(int(b[1]))
	}
	d.radiusAttributes(b[:length])
}

// radiusAttributes reads the attributes of a packet without padding.
func (d *decoded) radiusAttributes(packet []byte) {
	r := d.room
	values, attrs := r.values[:0], r.attrs[:0]
	for b := packet[radiusHeader:]; len(b) > 0; b = b[b[1]:] {
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			d.malformed = "RADIUS attribute cut at octet " + strconv.Itoa(len(packet)-len(b))
			break
		}
		values = append(values, lr.AVP{Type: lr.Type(b[0]), Attribute: b[2:b[1]]})
	}
	for i := range values {
		attrs = append(attrs, &values[i])
	}
	r.values, r.attrs = values, attrs
	if _, present := attrs.Lookup(rfc2869.EAPMessage_Type); present {
		r.eap = radius.AppendEAPMessage(r.eap[:0], attrs)
		d.radiusEAP(r.eap)
	}
	if d.wantFields {
		d.describeAttributes(attrs)
	}
}

func (d *decoded) radiusEAP(eap []byte) {
	if len(eap) == 0 { // RFC 3579 section 2.1
		d.eap = "EAP-Start"
		d.add(slog.String("eap", d.eap))
		return
	}
	d.readEAP(eap)
}

func (d *decoded) describeAttributes(attrs lr.Attributes) {
	if station, ok := attrs.Lookup(rfc2865.CallingStationID_Type); ok {
		if mac, err := radius.CanonicalMAC(string(station)); err == nil {
			d.client = mac.String()
		}
	}
	described := radius.Describe(attrs)
	for _, a := range described {
		switch a.Key {
		case "Acct-Status-Type", "Error-Cause":
			d.addDetail(a.Value.String())
		}
	}
	if vlan, ok := radius.VLAN(attrs); ok {
		d.add(slog.String("vlan", vlan))
		d.addDetail("VLAN " + vlan)
	}
	if len(described) > 0 {
		d.add(slog.Attr{Key: "attributes", Value: slog.GroupValue(described...)})
	}
}
