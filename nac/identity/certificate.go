package identity

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"time"
	"unicode/utf8"
)

// A Certificate is what the policy, the events and the lookup need of a client's certificate. It is kept with
// the session, so that both can be evaluated again long after the handshake.
type Certificate struct {
	CN string `json:"cn,omitempty"`
	// Subject and Issuer are written as "/C=US/O=Contoso/CN=LAPTOP-1", as Mist's labels do (facts:
	// mist-and-peers 1.4).
	Subject string `json:"subject,omitempty"`
	Issuer  string `json:"issuer,omitempty"`
	// Serial is the serial number in lower-case hexadecimal.
	Serial    string    `json:"serial,omitempty"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// SANDNS, SANEmail, SANUPN and SANURI are the names in the Subject Alternative Name in the order of the
	// certificate: dNSName, rfc822Name, otherName of type user principal name, and uniformResourceIdentifier.
	SANDNS   []string `json:"san_dns,omitempty"`
	SANEmail []string `json:"san_email,omitempty"`
	SANUPN   []string `json:"san_upn,omitempty"`
	SANURI   []string `json:"san_uri,omitempty"`
	// EKU are the extended key usages as object identifiers, for example "1.3.6.1.5.5.7.3.2".
	EKU []string `json:"eku,omitempty"`
}

// maxNames bounds each list of a Certificate; a certificate with more is cut, not refused.
const maxNames = 32

// ReadCertificate takes the fields out of a certificate. Values are made printable: control characters and
// bytes that are no UTF-8 are replaced by U+FFFD, and a value of more than 255 octets is cut.
func ReadCertificate(c *x509.Certificate) Certificate {
	return Certificate{
		// One octet more than a device name can have, so that a cut name is not taken for one.
		CN:        printableUpTo(c.Subject.CommonName, maxValue+1),
		Subject:   oneLine(c.Subject),
		Issuer:    oneLine(c.Issuer),
		Serial:    serial(c),
		NotBefore: c.NotBefore,
		NotAfter:  c.NotAfter,
		SANDNS:    printables(c.DNSNames),
		SANEmail:  printables(c.EmailAddresses),
		SANUPN:    printables(userPrincipalNames(c)),
		SANURI:    printables(uris(c)),
		EKU:       usages(c),
	}
}

// SAN returns all names of the Subject Alternative Name: DNS names, then e-mail addresses, then user principal
// names.
func (c *Certificate) SAN() []string {
	names := make([]string, 0, len(c.SANDNS)+len(c.SANEmail)+len(c.SANUPN))
	names = append(names, c.SANDNS...)
	names = append(names, c.SANEmail...)
	return append(names, c.SANUPN...)
}

func uris(c *x509.Certificate) []string {
	var texts []string
	for _, u := range c.URIs {
		if len(texts) < maxNames {
			texts = append(texts, u.String())
		}
	}
	return texts
}

func serial(c *x509.Certificate) string {
	if c.SerialNumber == nil {
		return ""
	}
	return printable(c.SerialNumber.Text(16))
}

// attributeNames are the short names of RFC 4514 section 3 and of common use.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.42": "GN",
	"1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}

// oneLine writes a distinguished name in the order of the certificate.
func oneLine(name pkix.Name) string {
	var b strings.Builder
	for i, a := range name.Names {
		if i == maxNames {
			break
		}
		b.WriteByte('/')
		oid := a.Type.String()
		if short, ok := attributeNames[oid]; ok {
			oid = short
		}
		b.WriteString(oid)
		b.WriteByte('=')
		if s, ok := a.Value.(string); ok {
			b.WriteString(s)
		}
	}
	return printableUpTo(b.String(), 1024)
}

var (
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	// oidUPN is the type of the otherName that holds a user principal name ([MS-WCCE] 2.2.2.7.7).
	oidUPN = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
)

// userPrincipalNames reads what crypto/x509 does not: the otherName entries of the Subject Alternative Name.
func userPrincipalNames(c *x509.Certificate) []string {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidSubjectAltName) {
			return parseUPNs(e.Value)
		}
	}
	return nil
}

// parseUPNs takes the value of a Subject Alternative Name extension (RFC 5280 section 4.2.1.6). What cannot be
// parsed ends the list.
func parseUPNs(der []byte) []string {
	var names asn1.RawValue
	if _, err := asn1.Unmarshal(der, &names); err != nil || names.Class != asn1.ClassUniversal || names.Tag != asn1.TagSequence {
		return nil
	}
	var upns []string
	for rest := names.Bytes; len(rest) > 0 && len(upns) < maxNames; {
		var name asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &name); err != nil {
			break
		}
		if name.Class != asn1.ClassContextSpecific || name.Tag != 0 {
			continue
		}
		if upn, ok := parseUPN(name.Bytes); ok {
			upns = append(upns, upn)
		}
	}
	return upns
}

// parseUPN takes the content of an otherName: its type, and the value under an explicit tag 0.
func parseUPN(der []byte) (string, bool) {
	var kind asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(der, &kind)
	if err != nil || !kind.Equal(oidUPN) {
		return "", false
	}
	var upn string
	if _, err := asn1.UnmarshalWithParams(rest, &upn, "explicit,tag:0,utf8"); err != nil {
		return "", false
	}
	return upn, upn != ""
}

// usageOIDs are the usages that crypto/x509 knows by name and a client's certificate may have.
var usageOIDs = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageAny:             "2.5.29.37.0",
	x509.ExtKeyUsageServerAuth:      "1.3.6.1.5.5.7.3.1",
	x509.ExtKeyUsageClientAuth:      "1.3.6.1.5.5.7.3.2",
	x509.ExtKeyUsageCodeSigning:     "1.3.6.1.5.5.7.3.3",
	x509.ExtKeyUsageEmailProtection: "1.3.6.1.5.5.7.3.4",
	x509.ExtKeyUsageIPSECEndSystem:  "1.3.6.1.5.5.7.3.5",
	x509.ExtKeyUsageIPSECTunnel:     "1.3.6.1.5.5.7.3.6",
	x509.ExtKeyUsageIPSECUser:       "1.3.6.1.5.5.7.3.7",
	x509.ExtKeyUsageTimeStamping:    "1.3.6.1.5.5.7.3.8",
	x509.ExtKeyUsageOCSPSigning:     "1.3.6.1.5.5.7.3.9",
}

func usages(c *x509.Certificate) []string {
	var oids []string
	for _, u := range c.ExtKeyUsage {
		if oid, ok := usageOIDs[u]; ok && len(oids) < maxNames {
			oids = append(oids, oid)
		}
	}
	for _, u := range c.UnknownExtKeyUsage {
		if len(oids) < maxNames {
			oids = append(oids, u.String())
		}
	}
	return oids
}

func printables(values []string) []string {
	var out []string
	for _, v := range values {
		if len(out) == maxNames {
			break
		}
		if v != "" {
			out = append(out, printable(v))
		}
	}
	return out
}

func printable(s string) string { return printableUpTo(s, maxValue) }

func printableUpTo(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if control(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// control reports the characters that have no place in a name: C0, DEL and C1 controls, and what is no character.
func control(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError }
