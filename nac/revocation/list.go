package revocation

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxListSize bounds a file or a response with lists, in octets. A list of half a million certificates has about 20
// MiB.
const maxListSize = 64 << 20

// maxLists bounds the lists in one file.
const maxLists = 256

// maxIssuers bounds the keys that one list was checked with and is remembered for.
const maxIssuers = 16

// A list is a certificate revocation list, prepared for look-ups. It does not change, except for what it knows of
// the keys that signed it.
type list struct {
	source string
	raw    *x509.RevocationList
	scope  scope
	points []string            // URIs of the distribution point whose certificates it covers, with scope.point
	serial map[string]revoked  // by the octets of the serial number
	signed map[string]bool     // by the issuer's public key: whether it signed the list
	proven []*x509.Certificate // issuers that did
}

// revoked is one entry.
type revoked struct {
	at     time.Time
	reason int
}

// A scope is which certificates of its issuer a list covers (RFC 5280 section 5.2.5).
type scope struct {
	users, authorities bool // covers only these
	someReasons        bool // does not list all revoked ones
	point              string
}

// The extensions of lists that are looked at.
var (
	deltaIndicator    = asn1.ObjectIdentifier{2, 5, 29, 27}
	distributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
	listNumber        = asn1.ObjectIdentifier{2, 5, 29, 20}
	authorityKey      = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// errDelta is that a list holds changes only. It is skipped: the complete list says the same, later.
var errDelta = errors.New("a delta list")

// readLists reads what a file or a URL holds: one or more lists in DER, or in PEM blocks of type X509 CRL.
func readLists(source string, data []byte) ([]*list, error) {
	lists, err := parseLists(source, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return lists, nil
}

func parseLists(source string, data []byte) ([]*list, error) {
	if len(data) > maxListSize {
		return nil, fmt.Errorf("%d octets, at most %d are taken", len(data), maxListSize)
	}
	ders, err := split(data)
	if err != nil {
		return nil, err
	}
	var lists []*list
	for i, der := range ders {
		l, err := readList(source, der)
		if errors.Is(err, errDelta) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list %d: %w", i+1, err)
		}
		lists = append(lists, l)
	}
	return lists, nil
}

// CheckLists says what is wrong with the data of a file of revocation lists, so that a mistake is found before a client
// comes.
func CheckLists(data []byte) error {
	_, err := parseLists("", data)
	return err
}

// split takes a file apart.
func split(data []byte) (ders [][]byte, err error) {
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		for len(ders) <= maxLists {
			var block *pem.Block
			if block, data = pem.Decode(data); block == nil {
				break
			}
			if block.Type == "X509 CRL" {
				ders = append(ders, block.Bytes)
			}
		}
	} else {
		for len(data) > 0 && len(ders) <= maxLists {
			var v asn1.RawValue
			rest, err := asn1.Unmarshal(data, &v)
			if err != nil {
				return nil, errors.New("neither DER nor PEM")
			}
			ders, data = append(ders, v.FullBytes), rest
		}
	}
	switch {
	case len(ders) == 0:
		return nil, errors.New("no certificate revocation list in it, want DER or PEM (X509 CRL)")
	case len(ders) > maxLists:
		return nil, fmt.Errorf("more than %d lists", maxLists)
	}
	return ders, nil
}

func readList(source string, der []byte) (*list, error) {
	raw, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, errors.New(stripX509(err))
	}
	l := &list{source: source, raw: raw, serial: make(map[string]revoked, len(raw.RevokedCertificateEntries)), signed: map[string]bool{}}
	for _, e := range raw.Extensions {
		switch {
		case e.Id.Equal(deltaIndicator):
			return nil, errDelta
		case e.Id.Equal(distributionPoint):
			if l.scope, l.points, err = readScope(e.Value); err != nil {
				return nil, err
			}
		case e.Id.Equal(listNumber), e.Id.Equal(authorityKey):
		case e.Critical:
			return nil, fmt.Errorf("critical extension %v, which is not known", e.Id)
		}
	}
	for _, e := range raw.RevokedCertificateEntries {
		l.serial[string(e.SerialNumber.Bytes())] = revoked{e.RevocationTime, e.ReasonCode}
	}
	raw.RevokedCertificateEntries, raw.RevokedCertificates = nil, nil // the map has them
	return l, nil
}

// readScope reads the IssuingDistributionPoint (RFC 5280 section 5.2.5). The points are the URIs it has.
func readScope(value []byte) (s scope, points []string, err error) {
	var p struct {
		Point               asn1.RawValue  `asn1:"optional,tag:0"`
		OnlyUsers           bool           `asn1:"optional,tag:1"`
		OnlyAuthorities     bool           `asn1:"optional,tag:2"`
		OnlySomeReasons     asn1.BitString `asn1:"optional,tag:3"`
		Indirect            bool           `asn1:"optional,tag:4"`
		OnlyAttributeHolder bool           `asn1:"optional,tag:5"`
	}
	if rest, err := asn1.Unmarshal(value, &p); err != nil || len(rest) > 0 {
		return s, nil, errors.New("malformed issuing distribution point")
	}
	switch {
	case p.Indirect:
		return s, nil, errors.New("an indirect list, which speaks for other issuers too: not taken")
	case p.OnlyAttributeHolder:
		return s, nil, errors.New("a list of attribute certificates only")
	}
	s = scope{users: p.OnlyUsers, authorities: p.OnlyAuthorities, someReasons: p.OnlySomeReasons.BitLength > 0,
		point: string(p.Point.FullBytes)}
	return s, readPoints(p.Point.Bytes), nil
}

// readPoints returns the URIs of a DistributionPointName (RFC 5280 section 4.2.1.13). Other names are left out.
func readPoints(b []byte) (points []string) {
	const fullName, uri = 0, 6
	var names asn1.RawValue
	if _, err := asn1.Unmarshal(b, &names); err != nil || names.Class != asn1.ClassContextSpecific || names.Tag != fullName {
		return nil
	}
	for rest := names.Bytes; len(rest) > 0; {
		var name asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &name); err != nil {
			return points
		}
		if name.Class == asn1.ClassContextSpecific && name.Tag == uri {
			points = append(points, string(name.Bytes))
		}
	}
	return points
}

// covers reports whether the list speaks of a certificate: its issuer has signed it and the scope fits. The caller
// holds the mutex that guards the list.
func (l *list) covers(cert, issuer *x509.Certificate) bool {
	switch {
	case !bytes.Equal(l.raw.RawIssuer, cert.RawIssuer):
		return false
	case l.scope.users && cert.IsCA, l.scope.authorities && !cert.IsCA:
		return false
	}
	return l.isSignedBy(issuer)
}

// isSignedBy reports whether an issuer has signed the list. The caller holds the mutex that guards the list.
func (l *list) isSignedBy(issuer *x509.Certificate) bool {
	key := string(issuer.RawSubjectPublicKeyInfo)
	good, known := l.signed[key]
	if !known {
		good = l.raw.CheckSignatureFrom(issuer) == nil
		if len(l.signed) < maxIssuers {
			l.signed[key] = good
			if good {
				l.proven = append(l.proven, issuer)
			}
		}
	}
	return good
}

// complete reports whether a certificate that is covered would be in the list if it were revoked: the list is of the
// distribution point that the certificate names (RFC 5280 section 6.3.3 (b) (2)), and leaves out no reasons.
func (l *list) complete(cert *x509.Certificate) bool {
	if l.scope.someReasons {
		return false
	}
	return l.scope.point == "" || slices.ContainsFunc(cert.CRLDistributionPoints, func(p string) bool { return slices.Contains(l.points, p) })
}

// current reports whether the list is valid at a time.
func (l *list) current(now time.Time) bool {
	return !now.Add(clockSkew).Before(l.raw.ThisUpdate) && (l.raw.NextUpdate.IsZero() || now.Before(l.raw.NextUpdate))
}

// replaces reports whether the list says anew what another one said.
func (l *list) replaces(old *list) bool {
	return bytes.Equal(l.raw.RawIssuer, old.raw.RawIssuer) && bytes.Equal(l.raw.AuthorityKeyId, old.raw.AuthorityKeyId) &&
		l.scope == old.scope && !l.raw.ThisUpdate.Before(old.raw.ThisUpdate)
}
