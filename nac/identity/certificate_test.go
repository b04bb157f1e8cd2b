package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// issue makes a certificate from a template and reads it back, as a server gets it.
func issue(t *testing.T, template *x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// otherName is the DER of a general name of the given type with a UTF-8 string.
func otherName(t testing.TB, kind asn1.ObjectIdentifier, value string) asn1.RawValue {
	t.Helper()
	text, err := asn1.MarshalWithParams(value, "utf8")
	if err != nil {
		t.Fatal(err)
	}
	oid, err := asn1.Marshal(kind)
	if err != nil {
		t.Fatal(err)
	}
	explicit, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: text})
	if err != nil {
		t.Fatal(err)
	}
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: append(oid, explicit...)}
}

func TestReadCertificate(t *testing.T) {
	upns, err := asn1.Marshal([]asn1.RawValue{
		{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(id1)},
		otherName(t, asn1.ObjectIdentifier{1, 2, 3}, "no UPN"),
		otherName(t, oidUPN, "user@corp.example"),
		{Class: asn1.ClassContextSpecific, Tag: 1, Bytes: []byte("mail@corp.example")},
	})
	if err != nil {
		t.Fatal(err)
	}
	until := time.Date(2027, 1, 5, 8, 0, 0, 0, time.UTC)
	c := issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(0xa1b2), NotBefore: until.AddDate(-1, 0, 0), NotAfter: until,
		Subject:         pkix.Name{CommonName: "LAPTOP-1", Organization: []string{"Contoso"}, Country: []string{"US"}},
		ExtKeyUsage:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{{Id: oidSubjectAltName, Value: upns}},
	})
	got := ReadCertificate(c)
	want := Certificate{
		CN: "LAPTOP-1", Subject: "/C=US/O=Contoso/CN=LAPTOP-1", Issuer: "/C=US/O=Contoso/CN=LAPTOP-1", Serial: "a1b2",
		NotBefore: until.AddDate(-1, 0, 0), NotAfter: until,
		SANDNS: []string{id1}, SANEmail: []string{"mail@corp.example"}, SANUPN: []string{"user@corp.example"},
		EKU: []string{"1.3.6.1.5.5.7.3.2"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if san := got.SAN(); !reflect.DeepEqual(san, []string{id1, "mail@corp.example", "user@corp.example"}) {
		t.Errorf("SAN is %v", san)
	}
}

// TestHostileCertificate holds that what a client writes into its certificate ends up bounded and printable.
func TestHostileCertificate(t *testing.T) {
	var many []string
	for range 1000 {
		many = append(many, strings.Repeat("é", 200))
	}
	names := pkix.Name{}
	for range 1000 {
		names.Names = append(names.Names, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{1, 2, 3}, Value: "x\r\ny"})
	}
	got := ReadCertificate(&x509.Certificate{
		Subject:  pkix.Name{CommonName: "a\r\nb\xff" + strings.Repeat("c", 10000), Names: append(names.Names, pkix.AttributeTypeAndValue{Value: 5})},
		Issuer:   names,
		DNSNames: many, EmailAddresses: many,
		UnknownExtKeyUsage: make([]asn1.ObjectIdentifier, 1000),
		Extensions:         []pkix.Extension{{Id: oidSubjectAltName, Value: []byte("garbage")}},
	})
	if len(got.CN) > maxValue+1 || !strings.HasPrefix(got.CN, "a��b�c") {
		t.Errorf("CN is %q", got.CN)
	}
	if len(got.Subject) > 1024 || strings.ContainsAny(got.Subject, "\r\n") {
		t.Errorf("subject is %q", got.Subject)
	}
	if len(got.SANDNS) != maxNames || len(got.SANEmail) != maxNames || len(got.EKU) != maxNames {
		t.Errorf("%d DNS names, %d e-mail addresses, %d usages", len(got.SANDNS), len(got.SANEmail), len(got.EKU))
	}
	if name := got.SANDNS[0]; len(name) > maxValue || strings.Contains(name, "\ufffd") {
		t.Errorf("a cut name is %q", name)
	}
	if keys := Extract("eap-tls", nil, &got); len(keys) != 0 {
		t.Errorf("keys are %v", keys)
	}
	if empty := ReadCertificate(&x509.Certificate{}); empty.CN != "" || len(empty.SAN()) != 0 {
		t.Errorf("an empty certificate reads as %+v", empty)
	}
}

func FuzzParseUPNs(f *testing.F) {
	seed, err := asn1.Marshal([]asn1.RawValue{otherName(f, oidUPN, "user@corp.example")})
	if err != nil {
		f.Fatal(err)
	}
	if got := parseUPNs(seed); !reflect.DeepEqual(got, []string{"user@corp.example"}) {
		f.Fatalf("the seed reads as %q", got)
	}
	f.Add(seed)
	f.Add([]byte("\x30\x00"))
	f.Add([]byte("\x30\x84\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, der []byte) {
		if upns := parseUPNs(der); len(upns) > maxNames {
			t.Fatalf("%d names", len(upns))
		}
	})
}

// A certificate for strong mapping has the account's SID in a second URI (facts: graph-and-entra 1.4).
func TestURIsOfCertificate(t *testing.T) {
	parse := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	c := ReadCertificate(issue(t, &x509.Certificate{SerialNumber: big.NewInt(1), URIs: []*url.URL{
		parse("tag:microsoft.com,2022-09-14:sid:S-1-5-21-1004336348-1177238915-682003330-512"), parse("IntuneDeviceId://" + id1)}}))
	if got := Extract("eap-tls", nil, &c); !reflect.DeepEqual(got, []Key{{SANURI, id1}}) {
		t.Errorf("keys %v of %q", got, c.SANURI)
	}
}
