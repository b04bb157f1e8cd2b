package pki

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// attributes are the names that attribute types have in a subject (RFC 4514 section 3 and those that Windows uses),
// with the limit on the value's length in characters (RFC 5280 appendix A).
var attributes = []struct {
	name string
	oid  asn1.ObjectIdentifier
	most int
	ia5  bool
}{
	{"CN", asn1.ObjectIdentifier{2, 5, 4, 3}, 64, false},
	{"O", asn1.ObjectIdentifier{2, 5, 4, 10}, 64, false},
	{"OU", asn1.ObjectIdentifier{2, 5, 4, 11}, 64, false},
	{"C", asn1.ObjectIdentifier{2, 5, 4, 6}, 2, false},
	{"L", asn1.ObjectIdentifier{2, 5, 4, 7}, 128, false},
	{"ST", asn1.ObjectIdentifier{2, 5, 4, 8}, 128, false},
	{"S", asn1.ObjectIdentifier{2, 5, 4, 8}, 128, false},
	{"STREET", asn1.ObjectIdentifier{2, 5, 4, 9}, 128, false},
	{"SERIALNUMBER", asn1.ObjectIdentifier{2, 5, 4, 5}, 64, false},
	{"T", asn1.ObjectIdentifier{2, 5, 4, 12}, 64, false},
	{"SN", asn1.ObjectIdentifier{2, 5, 4, 4}, 64, false},
	{"G", asn1.ObjectIdentifier{2, 5, 4, 42}, 64, false},
	{"GN", asn1.ObjectIdentifier{2, 5, 4, 42}, 64, false},
	{"DC", asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, 64, true},
	{"UID", asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, 256, false},
	{"E", asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, 255, true},
}

// parseSubject reads a distinguished name in the notation of RFC 4514, in which values may contain variables, and
// returns it in the order of encoding, the last one written first. Variables are filled in after the notation has been
// read: a device's name cannot add attributes to its certificate.
func parseSubject(template string, v Variables) (pkix.RDNSequence, error) {
	if strings.TrimSpace(template) == "" {
		return nil, errors.New("the subject is empty; write for example CN={{DeviceName}}")
	}
	var written pkix.RDNSequence
	rest, more := template, true
	plus := false
	for more {
		var attribute pkix.AttributeTypeAndValue
		var end byte
		var err error
		if attribute, rest, end, err = nextAttribute(rest, v); err != nil {
			return nil, err
		}
		if plus {
			last := &written[len(written)-1]
			*last = append(*last, attribute)
		} else {
			written = append(written, pkix.RelativeDistinguishedNameSET{attribute})
		}
		plus, more = end == '+', end != 0
	}
	encoded := make(pkix.RDNSequence, 0, len(written))
	for i := len(written) - 1; i >= 0; i-- {
		encoded = append(encoded, written[i])
	}
	return encoded, nil
}

// nextAttribute reads "TYPE=value" and the character that ended it: ',' or '+' or 0 at the end.
func nextAttribute(s string, v Variables) (a pkix.AttributeTypeAndValue, rest string, end byte, err error) {
	name, tail, found := strings.Cut(s, "=")
	name = strings.TrimSpace(name)
	if !found || strings.ContainsAny(name, ",+") {
		return a, "", 0, fmt.Errorf("%q is not of the form TYPE=value, such as CN={{DeviceName}}", strings.TrimSpace(s))
	}
	raw, rest, end, err := cutValue(tail)
	if err != nil {
		return a, "", 0, fmt.Errorf("%s: %w", name, err)
	}
	value, err := Expand(raw, v)
	if err != nil {
		return a, "", 0, err
	}
	for _, known := range attributes {
		if !strings.EqualFold(known.name, name) {
			continue
		}
		n := utf8.RuneCountInString(value)
		switch {
		case n == 0:
			return a, "", 0, fmt.Errorf("%s has no value", name)
		case n > known.most:
			return a, "", 0, fmt.Errorf("%s has %d characters; at most %d are allowed (RFC 5280)", name, n, known.most)
		case !utf8.ValidString(value):
			return a, "", 0, fmt.Errorf("%s is not UTF-8", name)
		}
		a = pkix.AttributeTypeAndValue{Type: known.oid, Value: value}
		if known.ia5 {
			if strings.IndexFunc(value, func(r rune) bool { return r > 0x7e }) >= 0 {
				return a, "", 0, fmt.Errorf("%s may only contain ASCII characters", name)
			}
			a.Value = asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(value)}
		}
		return a, rest, end, nil
	}
	names := make([]string, len(attributes))
	for i := range attributes {
		names[i] = attributes[i].name
	}
	return a, "", 0, fmt.Errorf("unknown attribute type %q; there are %s", name, strings.Join(names, ", "))
}

// cutValue reads a value up to an unescaped ',', ';' or '+' (RFC 4514 section 3; ';' is the older form of ',') and removes
// its escapes. Unescaped space around it does not belong to it.
func cutValue(s string) (value, rest string, end byte, err error) {
	s = strings.TrimLeft(s, " ")
	if strings.HasPrefix(s, "#") {
		return "", "", 0, errors.New("values in hexadecimal (#…) are not supported")
	}
	if strings.HasPrefix(s, `"`) {
		return cutQuoted(s[1:])
	}
	var b []byte
	kept := 0 // length up to the last character that is not unescaped space
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			decoded, used, err := unescape(s[i:])
			if err != nil {
				return "", "", 0, err
			}
			b = append(b, decoded)
			kept = len(b)
			i += used - 1
		case ',', '+', ';':
			if c == ';' {
				c = ','
			}
			return string(b[:kept]), s[i+1:], c, nil
		case '"', '<', '>':
			return "", "", 0, fmt.Errorf(`%q must be written \%c`, string(c), c)
		default:
			b = append(b, c)
			if c != ' ' {
				kept = len(b)
			}
		}
	}
	return string(b[:kept]), "", 0, nil
}

// cutQuoted reads a value in double quotes (RFC 2253 section 4, still common).
func cutQuoted(s string) (value, rest string, end byte, err error) {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			decoded, used, err := unescape(s[i:])
			if err != nil {
				return "", "", 0, err
			}
			b = append(b, decoded)
			i += used - 1
		case '"':
			rest = strings.TrimLeft(s[i+1:], " ")
			if rest == "" {
				return string(b), "", 0, nil
			}
			if rest[0] != ',' && rest[0] != '+' {
				return "", "", 0, fmt.Errorf("%q after the closing quote", rest)
			}
			return string(b), rest[1:], rest[0], nil
		default:
			b = append(b, s[i])
		}
	}
	return "", "", 0, errors.New("the closing quote is missing")
}

// unescape decodes the escape that s begins with: a backslash and a special character, or two hexadecimal digits.
func unescape(s string) (decoded byte, used int, err error) {
	if len(s) >= 2 && strings.IndexByte(`,+"\<>;=# `, s[1]) >= 0 {
		return s[1], 2, nil
	}
	if len(s) >= 3 {
		if h, err := hex.DecodeString(s[1:3]); err == nil {
			return h[0], 3, nil
		}
	}
	return 0, 0, errors.New(`a backslash must be followed by one of , + " \ < > ; = # space, or by two hexadecimal digits`)
}

// CheckSubject reports what is wrong with a subject template for any device.
func CheckSubject(template string) error {
	_, err := parseSubject(template, sample)
	return err
}
