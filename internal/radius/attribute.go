package radius

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	lr "layeh.com/radius"
)

// Attribute types that this package itself handles.
const (
	typeUserPassword         lr.Type = 2   // RFC 2865
	typeCHAPPassword         lr.Type = 3   // RFC 2865
	typeState                lr.Type = 24  // RFC 2865
	typeVendorSpecific       lr.Type = 26  // RFC 2865
	typeProxyState           lr.Type = 33  // RFC 2865
	typeEventTimestamp       lr.Type = 55  // RFC 2869
	typeTunnelType           lr.Type = 64  // RFC 2868
	typeTunnelMediumType     lr.Type = 65  // RFC 2868
	typeTunnelPassword       lr.Type = 69  // RFC 2868
	typeEAPMessage           lr.Type = 79  // RFC 3579
	typeMessageAuthenticator lr.Type = 80  // RFC 3579
	typeTunnelPrivateGroupID lr.Type = 81  // RFC 2868
	typeErrorCause           lr.Type = 101 // RFC 5176
)

// maxValue is the longest value of one attribute.
const maxValue = 253

// AddEAPMessage adds an EAP packet, split over as many EAP-Message attributes as it takes (RFC 3579
// section 3.1). An empty packet becomes one attribute without a value, which is EAP-Start.
func AddEAPMessage(p *lr.Packet, eap []byte) {
	for len(eap) > maxValue {
		p.Add(typeEAPMessage, lr.Attribute(eap[:maxValue:maxValue]))
		eap = eap[maxValue:]
	}
	p.Add(typeEAPMessage, lr.Attribute(eap))
}

// EAPMessage joins the EAP-Message attributes, and reports whether there are any. Present and empty is
// EAP-Start. A packet in one attribute aliases it.
func EAPMessage(attrs lr.Attributes) (eap []byte, present bool) {
	parts, length := 0, 0
	for _, a := range attrs {
		if a.Type == typeEAPMessage {
			eap = a.Attribute
			parts++
			length += len(a.Attribute)
		}
	}
	if parts <= 1 {
		return eap, parts == 1
	}
	return AppendEAPMessage(make([]byte, 0, length), attrs), true
}

// AppendEAPMessage appends the values of the EAP-Message attributes to dst.
func AppendEAPMessage(dst []byte, attrs lr.Attributes) []byte {
	for _, a := range attrs {
		if a.Type == typeEAPMessage {
			dst = append(dst, a.Attribute...)
		}
	}
	return dst
}

// Vendors whose attributes are known here (IANA private enterprise numbers).
const (
	VendorCisco     uint32 = 9
	VendorMicrosoft uint32 = 311
	VendorJuniper   uint32 = 2636
	VendorAirespace uint32 = 14179
	VendorAruba     uint32 = 14823
	VendorPaloAlto  uint32 = 25461
)

// Vendor types of the attributes that carry a role.
const (
	ArubaUserRole     = 1
	AirespaceACLName  = 6
	PaloAltoUserGroup = 5
)

// AddVSA adds one vendor-specific attribute in the usual format (RFC 2865 section 5.26).
func AddVSA(p *lr.Packet, vendor uint32, typ byte, value []byte) error {
	if len(value) > maxValue-6 {
		return fmt.Errorf("radius: vendor attribute of %d octets, at most %d", len(value), maxValue-6)
	}
	a := make(lr.Attribute, 4, 6+len(value))
	binary.BigEndian.PutUint32(a, vendor)
	a = append(a, typ, byte(2+len(value)))
	p.Add(typeVendorSpecific, append(a, value...))
	return nil
}

// EachVSA calls f for every well-formed vendor-specific attribute, of which one RADIUS attribute may hold
// several, until f returns false. The value aliases the attribute.
func EachVSA(attrs lr.Attributes, f func(vendor uint32, typ byte, value []byte) bool) {
	for _, a := range attrs {
		if a.Type != typeVendorSpecific || len(a.Attribute) < 6 {
			continue
		}
		vendor := binary.BigEndian.Uint32(a.Attribute)
		for b := []byte(a.Attribute[4:]); len(b) >= 2 && b[1] >= 2 && int(b[1]) <= len(b); b = b[b[1]:] {
			if !f(vendor, b[0], b[2:b[1]]) {
				return
			}
		}
	}
}

// VSA returns the first attribute of a vendor with the given type.
func VSA(attrs lr.Attributes, vendor uint32, typ byte) (value []byte, ok bool) {
	EachVSA(attrs, func(v uint32, t byte, b []byte) bool {
		if v == vendor && t == typ {
			value, ok = b, true
		}
		return !ok
	})
	return value, ok
}

// ciscoAVPair is Cisco-AVPair, juniperAVPair is Juniper-AV-Pair.
const (
	ciscoAVPair   = 1
	juniperAVPair = 52
)

// AddCiscoAVPair adds a Cisco-AVPair, for example "subscriber:command=reauthenticate".
func AddCiscoAVPair(p *lr.Packet, pair string) error {
	return AddVSA(p, VendorCisco, ciscoAVPair, []byte(pair))
}

// CiscoAVPairs returns the values of all Cisco-AVPair attributes in order.
func CiscoAVPairs(attrs lr.Attributes) []string {
	var pairs []string
	EachVSA(attrs, func(v uint32, t byte, b []byte) bool {
		if v == VendorCisco && t == ciscoAVPair {
			pairs = append(pairs, string(b))
		}
		return true
	})
	return pairs
}

// firmwareKey introduces the access point's firmware version in a Juniper-AV-Pair. A Mist cloud learns the
// version over its management channel, which is not modelled and whose form is not public; this attribute of
// Access-Request stands for it.
const firmwareKey = "firmware-version="

// SetFirmware states the sender's firmware version, for example "0.14.29411".
func SetFirmware(p *lr.Packet, version string) error {
	return AddVSA(p, VendorJuniper, juniperAVPair, []byte(firmwareKey+version))
}

// Firmware returns the firmware version that the sender states.
func Firmware(attrs lr.Attributes) (version string, ok bool) {
	EachVSA(attrs, func(v uint32, t byte, b []byte) bool {
		if v == VendorJuniper && t == juniperAVPair {
			version, ok = strings.CutPrefix(string(b), firmwareKey)
		}
		return !ok
	})
	if !ok {
		return "", false
	}
	return version, true
}

// SetEventTimestamp states when the packet was made, to the second (RFC 2869 section 5.3).
func SetEventTimestamp(p *lr.Packet, t time.Time) {
	p.Set(typeEventTimestamp, lr.NewInteger(uint32(t.Unix())))
}

// EventTimestamp returns the time stated in the packet. A malformed attribute counts as none.
func EventTimestamp(attrs lr.Attributes) (t time.Time, ok bool) {
	a, ok := attrs.Lookup(typeEventTimestamp)
	if !ok || len(a) != 4 {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint32(a)), 0).UTC(), true
}

// ErrNoAttribute is returned where an attribute that is asked for is absent.
var ErrNoAttribute = errors.New("radius: no such attribute")
