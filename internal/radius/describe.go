package radius

import (
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"strconv"
	"time"

	"nacsim/internal/eap"

	lr "layeh.com/radius"
)

// Hidden is what [Describe] shows instead of passwords and keys.
const Hidden = "(hidden)"

// Describe decodes the attributes of a packet by their dictionary names for traces: one field for each name in
// the order of first appearance, repeated values joined by "; ". Integers with named values are shown by name, VSAs
// by the vendor's attribute names, EAP-Message as the EAP packet it carries, and passwords and keys as [Hidden].
func Describe(attrs lr.Attributes) []slog.Attr {
	d := description{fields: make([]slog.Attr, 0, len(attrs))}
	eapSeen := false
	for _, a := range attrs {
		switch a.Type {
		case typeEAPMessage:
			if !eapSeen {
				eapSeen = true
				d.add("EAP-Message", describeEAP(attrs))
			}
		case typeVendorSpecific:
			d.addVendor(a.Attribute)
		default:
			name, format := lookupAttribute(a.Type)
			d.add(name, formatValue(a.Type, format, a.Attribute))
		}
	}
	return d.fields
}

type description struct{ fields []slog.Attr }

func (d *description) add(name, value string) {
	for i := range d.fields {
		if d.fields[i].Key == name {
			d.fields[i].Value = slog.StringValue(d.fields[i].Value.String() + "; " + value)
			return
		}
	}
	d.fields = append(d.fields, slog.String(name, value))
}

// addVendor adds each attribute inside a vendor-specific one.
func (d *description) addVendor(v []byte) {
	if len(v) < 6 {
		d.add("Vendor-Specific", hex.EncodeToString(v))
		return
	}
	vendor := binary.BigEndian.Uint32(v)
	for b := v[4:]; len(b) > 0; b = b[b[1]:] {
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			d.add("Vendor-Specific", strconv.FormatUint(uint64(vendor), 10)+":"+hex.EncodeToString(b))
			return
		}
		a, ok := vendorAttributes[vendorKey{vendor, b[0]}]
		if !ok {
			a = attribute{"Vendor-" + strconv.FormatUint(uint64(vendor), 10) + "-Attr-" + strconv.Itoa(int(b[0])), octets}
		}
		d.add(a.name, formatValue(0, a.format, b[2:b[1]]))
	}
}

func describeEAP(attrs lr.Attributes) string {
	var room [MaxLength]byte
	b := AppendEAPMessage(room[:0], attrs)
	if len(b) == 0 {
		return "EAP-Start"
	}
	p, err := eap.Parse(b)
	if err != nil {
		return "malformed, " + strconv.Itoa(len(b)) + " octets"
	}
	return p.String()
}

// formatValue shows a value in its format, or in hex where it does not fit that.
func formatValue(t lr.Type, f format, v []byte) string {
	switch {
	case f == hidden:
		return Hidden
	case f == text:
		return formatText(v)
	case f == integer && len(v) == 4:
		return valueName(t, binary.BigEndian.Uint32(v))
	case f == tagged && len(v) == 4:
		tag, n, _ := taggedInteger(v)
		return tagSuffix(valueName(t, n), tag)
	case f == taggedText:
		tag, s := taggedString(v)
		return tagSuffix(formatText([]byte(s)), tag)
	case f == date && len(v) == 4:
		return time.Unix(int64(binary.BigEndian.Uint32(v)), 0).UTC().Format(time.RFC3339)
	case (f == ipv4 && len(v) == 4) || (f == ipv6 && len(v) == 16):
		a, _ := netip.AddrFromSlice(v)
		return a.String()
	case f == ipv6Prefix && len(v) >= 2 && len(v) <= 18 && v[1] <= 128:
		var a [16]byte
		copy(a[:], v[2:])
		return netip.PrefixFrom(netip.AddrFrom16(a), int(v[1])).String()
	case f == vlanID && len(v) == 4:
		return formatVLANID(binary.BigEndian.Uint32(v))
	case f == vlanName && len(v) >= 1:
		return vlanIndication(v[0]) + formatText(v[1:])
	}
	return hex.EncodeToString(v)
}

// formatText quotes a string that is not plain ASCII, as SSIDs and names a stranger chose may be.
func formatText(v []byte) string {
	for _, c := range v {
		if c < ' ' || c > '~' {
			return strconv.QuoteToASCII(string(v))
		}
	}
	return string(v)
}

func tagSuffix(s string, tag byte) string {
	if tag == 0 {
		return s
	}
	return s + " (tag " + strconv.Itoa(int(tag)) + ")"
}

func valueName(t lr.Type, n uint32) string {
	if t == typeErrorCause {
		return ErrorCause(n).String()
	}
	if name, ok := valueNames[t][n]; ok {
		return name
	}
	return strconv.FormatUint(uint64(n), 10)
}

// formatVLANID shows an Egress-VLANID (RFC 4675 section 2.1).
func formatVLANID(v uint32) string {
	return vlanIndication(byte(v>>24)) + strconv.FormatUint(uint64(v&0xfff), 10)
}

func vlanIndication(b byte) string {
	switch b {
	case '1':
		return "tagged "
	case '2':
		return "untagged "
	}
	return "indication " + strconv.Itoa(int(b)) + " "
}
