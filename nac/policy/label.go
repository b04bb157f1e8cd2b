package policy

import (
	"fmt"
	"net/netip"
	"strings"
)

// A Match is what a match label looks at, or the name of another criterion of a rule.
type Match string

// The kinds of match labels.
const (
	MDMStatus  Match = "mdm_status"
	CertCN     Match = "cert_cn"
	CertSAN    Match = "cert_san"
	CertIssuer Match = "cert_issuer"
	CertEKU    Match = "cert_eku"
	CertSerial Match = "cert_serial"
	CertSub    Match = "cert_sub"
	ClientMAC  Match = "client_mac"
	SSID       Match = "ssid"
	UserName   Match = "user_name"
	Realm      Match = "realm"
	NASIP      Match = "nas_ip"
	IdPRole    Match = "idp_role"
)

// A matchKind describes one kind of match label: what the schema says of it, how a value in the file is
// checked and brought into the form of comparison, and where the request has its value.
type matchKind struct {
	match Match
	doc   string
	// exact kinds take no wildcard.
	exact bool
	// several says that a request can have several values.
	several bool
	// normal checks a value of the file, without its wildcard, and returns it in normal form.
	normal func(value string, prefix bool) (string, error)
	// have fills in what the request has.
	have func(r *Request, c *Check)
}

const noCertificate = "the client has shown no certificate"

var matchKinds = []matchKind{
	{match: MDMStatus, exact: true, normal: normalStatus, have: haveStatus,
		doc: "Compliance of the device in Intune: compliant or noncompliant. A device whose compliance is not known matches no such label."},
	{match: CertCN, normal: fold, have: ofCertificate(func(r *Request, c *Check) { c.Have = r.Certificate.CN }),
		doc: "Common Name of the client certificate; with TEAP, of the user's, or of the machine's where the user has none. So are the other cert_ labels."},
	{match: CertSAN, several: true, normal: fold, have: ofCertificate(func(r *Request, c *Check) { c.HaveAll = r.Certificate.SAN() }),
		doc: "A name in the Subject Alternative Name: DNS name, e-mail address or user principal name."},
	{match: CertIssuer, normal: fold, have: ofCertificate(func(r *Request, c *Check) { c.Have = r.Certificate.Issuer }),
		doc: "Issuer of the client certificate, as in /C=US/O=Contoso/CN=Contoso Issuing CA."},
	{match: CertEKU, exact: true, several: true, normal: normalOID, have: ofCertificate(func(r *Request, c *Check) { c.HaveAll = r.Certificate.EKU }),
		doc: "Extended key usage as an object identifier, as in 1.3.6.1.5.5.7.3.2."},
	{match: CertSerial, normal: normalSerial, have: ofCertificate(func(r *Request, c *Check) { c.Have = r.Certificate.Serial }),
		doc: "Serial number of the client certificate in hexadecimal."},
	{match: CertSub, normal: fold, have: ofCertificate(func(r *Request, c *Check) { c.Have = r.Certificate.Subject }),
		doc: "Subject of the client certificate, as in /C=US/O=Contoso/CN=LAPTOP-1."},
	{match: ClientMAC, normal: normalMAC, have: func(r *Request, c *Check) { c.Have = r.MAC },
		doc: "MAC address of the client in any common notation, or its beginning, as in 001cb3*."},
	{match: SSID, normal: verbatim, have: func(r *Request, c *Check) { c.Have = r.SSID },
		doc: "Wireless network; the only match that distinguishes upper and lower case."},
	{match: UserName, normal: fold, have: func(r *Request, c *Check) { c.Have = r.UserName },
		doc: "User name: the one whose password was checked, or else the EAP identity."},
	{match: Realm, normal: fold, have: func(r *Request, c *Check) { c.Have = r.Realm() },
		doc: "Realm of the user name, as corp.example in user@corp.example."},
	{match: IdPRole, several: true, normal: fold, have: func(r *Request, c *Check) { c.HaveAll = r.Groups },
		doc: "A group that the directory has the user in."},
	{match: NASIP, normal: normalIP, have: haveIP,
		doc: "IP address of the access point or switch, a prefix such as 10.0.1.0/24, or its beginning, as in 10.0.*."},
}

func kindOf(m Match) *matchKind {
	for i := range matchKinds {
		if matchKinds[i].match == m {
			return &matchKinds[i]
		}
	}
	return nil
}

func ofCertificate(have func(*Request, *Check)) func(*Request, *Check) {
	return func(r *Request, c *Check) {
		if r.Certificate == nil {
			c.Why = noCertificate
			return
		}
		have(r, c)
	}
}

func haveStatus(r *Request, c *Check) {
	status := r.MDM.status()
	c.Have = string(status)
	if r.MDM.Known {
		c.SeenAt = r.MDM.SeenAt
	}
	if status == Unknown {
		c.Why = r.MDM.says()
	} else {
		c.From = r.MDM.says()
	}
}

func haveIP(r *Request, c *Check) {
	if r.NASIP.IsValid() {
		c.Have = r.NASIP.Unmap().String()
	}
}

// A label is a match label of the file, ready for comparison.
type label struct {
	name     string
	kind     *matchKind
	written  []string // the values as written, for explanations
	patterns []pattern
	all      bool
}

// A pattern is one value: a text, the beginning of one, or an IP prefix.
type pattern struct {
	text   string
	prefix bool
	net    netip.Prefix
}

func newPattern(kind *matchKind, value string) (pattern, error) {
	text, prefix := strings.CutSuffix(value, "*")
	if prefix && kind.exact {
		return pattern{}, fmt.Errorf("%s takes no wildcard", kind.match)
	}
	if strings.Contains(text, "*") {
		return pattern{}, fmt.Errorf("a wildcard may stand at the end of a value only")
	}
	if text == "" && !prefix {
		return pattern{}, fmt.Errorf("a value must not be empty")
	}
	if kind.match == NASIP && strings.Contains(text, "/") {
		net, err := netip.ParsePrefix(text)
		if err != nil || prefix {
			return pattern{}, fmt.Errorf("%q is no IP prefix such as 10.0.1.0/24", value)
		}
		return pattern{text: text, net: net.Masked()}, nil
	}
	normal, err := kind.normal(text, prefix)
	return pattern{text: normal, prefix: prefix}, err
}

// check holds the label against a request.
func (l *label) check(r *Request) Check {
	c := Check{Label: l.name, Kind: l.kind.match, Want: l.written}
	l.kind.have(r, &c)
	c.Pass = l.matches(r, &c)
	return c
}

func (l *label) matches(r *Request, c *Check) bool {
	for i := range l.patterns {
		hit := l.patterns[i].matchesAny(l.kind, r, c)
		if hit != l.all {
			return hit
		}
	}
	return l.all
}

func (p *pattern) matchesAny(kind *matchKind, r *Request, c *Check) bool {
	if !kind.several {
		return p.matches(kind, r, c.Have)
	}
	for _, v := range c.HaveAll {
		if p.matches(kind, r, v) {
			return true
		}
	}
	return false
}

func (p *pattern) matches(kind *matchKind, r *Request, have string) bool {
	if have == "" {
		return false
	}
	if p.net.IsValid() {
		return p.net.Contains(r.NASIP.Unmap())
	}
	switch kind.match {
	case SSID:
		return p.text == have || p.prefix && strings.HasPrefix(have, p.text)
	case ClientMAC:
		have = bareMAC(have)
	}
	if !p.prefix {
		return strings.EqualFold(p.text, have)
	}
	return len(have) >= len(p.text) && strings.EqualFold(have[:len(p.text)], p.text)
}

func verbatim(v string, _ bool) (string, error) { return v, nil }

// fold leaves the value as it is: these kinds are compared without regard to case.
func fold(v string, _ bool) (string, error) { return v, nil }

// normalStatus takes the spellings of the portal, of the API's filters and of Graph.
func normalStatus(v string, _ bool) (string, error) {
	switch strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(v)) {
	case "compliant":
		return string(Compliant), nil
	case "noncompliant", "notcompliant":
		return string(Noncompliant), nil
	}
	return "", fmt.Errorf("%q is no compliance; expected compliant or noncompliant", v)
}

func normalOID(v string, _ bool) (string, error) {
	digits := false
	for i := range len(v) {
		switch {
		case v[i] >= '0' && v[i] <= '9':
			digits = true
		case v[i] == '.' && digits && i < len(v)-1:
			digits = false
		default:
			return "", fmt.Errorf("%q is no object identifier such as 1.3.6.1.5.5.7.3.2", v)
		}
	}
	return v, nil
}

func normalSerial(v string, prefix bool) (string, error) {
	s := strings.ToLower(strings.ReplaceAll(v, ":", ""))
	if !hex(s) {
		return "", fmt.Errorf("%q is no hexadecimal serial number", v)
	}
	// crypto/x509 and this package write serial numbers without leading zeros.
	if s = strings.TrimLeft(s, "0"); s == "" && !prefix {
		s = "0"
	}
	return s, nil
}

func normalMAC(v string, prefix bool) (string, error) {
	s := bareMAC(v)
	if !hex(s) || len(s) > 12 || !prefix && len(s) != 12 {
		return "", fmt.Errorf("%q is no MAC address such as 00:1c:b3:09:85:15, nor the beginning of one such as 001cb3*", v)
	}
	return s, nil
}

func bareMAC(v string) string {
	if len(v) == 17 && v[2] == ':' { // the form of Request.MAC
		var b [12]byte
		for i, j := 0, 0; i < 12; i, j = i+2, j+3 {
			b[i], b[i+1] = v[j], v[j+1]
		}
		return string(b[:])
	}
	return strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "").Replace(v))
}

func normalIP(v string, prefix bool) (string, error) {
	if prefix {
		for i := range len(v) {
			if c := v[i]; c != '.' && c != ':' && !hex(v[i:i+1]) {
				return "", fmt.Errorf("%q is no beginning of an IP address", v)
			}
		}
		return strings.ToLower(v), nil
	}
	a, err := netip.ParseAddr(v)
	if err != nil {
		return "", fmt.Errorf("%q is no IP address", v)
	}
	return a.Unmap().String(), nil
}

// hex reports whether s has no other characters than hexadecimal digits; so does an empty one.
func hex(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}
