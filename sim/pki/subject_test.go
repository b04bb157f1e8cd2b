package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"strings"
	"testing"
)

func TestSubject(t *testing.T) {
	tricky := laptop
	tricky.DeviceName = `A,B+C="D"\E`
	for _, c := range []struct {
		template string
		v        Variables
		want     string // as crypto/x509 writes it after encoding and decoding
	}{
		{"CN={{DeviceName}}", laptop, "CN=LAPTOP-1"},
		{"cn={{ devicename }}, o=Contoso", laptop, "CN=LAPTOP-1,O=Contoso"},
		{"CN={{AAD_Device_ID}}", laptop, "CN=9b2e4a10-7c55-4b0e-8d3f-6a1f0c2d4e5b"},
		{"CN={{AzureADDeviceId}}", laptop, "CN=9b2e4a10-7c55-4b0e-8d3f-6a1f0c2d4e5b"},
		{"CN={{DeviceID}}", laptop, "CN=3f2504e0-4f89-41d3-9a0c-0305e82c3301"},
		{"CN={{SerialNumber}};OU={{UserName}}", laptop, "CN=PF3K7M2Q,OU=ada"},
		{"CN=x,DC=corp,DC=example", laptop, "CN=x,DC=corp,DC=example"},
		{"CN=x+UID=y", laptop, "UID=y+CN=x"},
		// RFC 4514 section 4, examples of escapes.
		{`CN=James \"Jim\" Smith\, III,O=x`, laptop, `CN=James \"Jim\" Smith\, III,O=x`},
		{`CN=Before\0dAfter`, laptop, "CN=Before\rAfter"},
		{`CN=Lu\C4\8Di\C4\87`, laptop, "CN=Lučić"},
		{`CN="a, b",O=x`, laptop, `CN=a\, b,O=x`},
		{`CN=\ a\ `, laptop, `CN=\ a\ `},
		{`CN=  a  b  ,O=x`, laptop, `CN=a  b,O=x`},
		// A name cannot smuggle attributes into a certificate.
		{"CN={{DeviceName}},O=x", tricky, `CN=A\,B\+C=\"D\"\\E,O=x`},
	} {
		sequence, err := parseSubject(c.template, c.v)
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		der, err := asn1.Marshal(sequence)
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		var back pkix.RDNSequence
		if _, err := asn1.Unmarshal(der, &back); err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		got := strings.NewReplacer("0.9.2342.19200300.100.1.25=#1304636f7270", "DC=corp", "0.9.2342.19200300.100.1.25=#13076578616d706c65", "DC=example",
			"0.9.2342.19200300.100.1.1=#130179", "UID=y").Replace(back.String())
		if got != c.want && !(strings.Contains(c.want, "+") && sameSet(got, c.want)) {
			t.Errorf("%s gives %s, want %s", c.template, got, c.want)
		}
	}
}

// sameSet compares multi-valued names, whose values DER puts in an order of its own.
func sameSet(a, b string) bool {
	x, y := strings.Split(a, "+"), strings.Split(b, "+")
	return len(x) == 2 && len(y) == 2 && (x[0] == y[0] && x[1] == y[1] || x[0] == y[1] && x[1] == y[0])
}

// TestSubjectEncoding: the last part written comes first in DER (RFC 4514 section 2.1), CN is a PrintableString or UTF8String,
// and email and DC are IA5String (RFC 5280 appendix A, RFC 4519 section 2.4).
func TestSubjectEncoding(t *testing.T) {
	sequence, err := parseSubject("CN=a,O=é,DC=b", laptop)
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(sequence)
	if err != nil {
		t.Fatal(err)
	}
	const (
		dc = "3111" + "300f" + "060a0992268993f22c640119" + "160162"
		o  = "310b" + "3009" + "060355040a" + "0c02c3a9"
		cn = "310a" + "3008" + "0603550403" + "130161"
	)
	want := "302c" + dc + o + cn
	if got := hex.EncodeToString(der); got != want {
		t.Errorf("DER is\n%s, want\n%s", got, want)
	}
}

func TestSubjectErrors(t *testing.T) {
	for template, want := range map[string]string{
		"":                              "the subject is empty",
		"  ":                            "the subject is empty",
		"LAPTOP-1":                      `"LAPTOP-1" is not of the form TYPE=value`,
		"CN=a,":                         `"" is not of the form TYPE=value`,
		"CN=a,b":                        `"b" is not of the form TYPE=value`,
		"CN=":                           "CN has no value",
		"CN=,O=x":                       "CN has no value",
		"XX=1":                          `unknown attribute type "XX"; there are CN, O, OU`,
		"C=NLD":                         "C has 3 characters; at most 2 are allowed (RFC 5280)",
		"CN=" + strings.Repeat("a", 65): "CN has 65 characters; at most 64",
		`CN=a\`:                         "a backslash must be followed by",
		`CN=a\zz`:                       "a backslash must be followed by",
		`CN="a`:                         "the closing quote is missing",
		`CN="a"b`:                       `"b" after the closing quote`,
		`CN=a"b`:                        `must be written \"`,
		"CN=#0401":                      "values in hexadecimal",
		`CN=\ff`:                        "CN is not UTF-8",
		"DC=ü":                          "DC may only contain ASCII",
		"CN={{DeviceName":               "{{ without }} after it",
		"CN=DeviceName}}":               "}} without {{ before it",
		"CN={{}}":                       "unknown variable {{}}",
		"CN={{IMEI}}":                   "unknown variable {{IMEI}}; there are {{DeviceName}}",
	} {
		if err := CheckSubject(template); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", template, err, want)
		}
	}
}

func TestExpand(t *testing.T) {
	for template, want := range map[string]string{
		"":                              "",
		"host/{{DeviceName}}":           "host/LAPTOP-1",
		"{{USERPRINCIPALNAME}}":         "ada@corp.example",
		"{{UserName}}@{{DeviceName}}":   "ada@LAPTOP-1",
		"a { b } c":                     "a { b } c",
		"IntuneDeviceId://{{DeviceID}}": "IntuneDeviceId://" + laptop.DeviceID,
	} {
		if got, err := Expand(template, laptop); err != nil || got != want {
			t.Errorf("Expand(%q) = %q, %v; want %q", template, got, err, want)
		}
	}
	if got, err := Expand("{{DeviceName}}", Variables{DeviceName: "{{DeviceId}}"}); err != nil || got != "{{DeviceId}}" {
		t.Errorf("a value was expanded again: %q, %v", got, err)
	}
}

// FuzzSubject: a subject is refused or can be encoded, and is then one that crypto/x509 can read.
func FuzzSubject(f *testing.F) {
	f.Add("CN={{DeviceName}},O=Contoso")
	f.Add(`CN=James \"Jim\" Smith\, III+UID="x, y";C=NL`)
	f.Add(`E=\41,DC=a`)
	a, err := NewAuthority("root", notBefore, notAfter, Seeded(1, "root"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, template string) {
		if len(template) > 2000 || CheckSubject(template) != nil {
			return
		}
		c, err := a.Client(Profile{Subject: template}, sample, notBefore, notAfter, Seeded(1, "x"))
		if err != nil {
			t.Fatalf("%q is accepted and cannot be issued: %v", template, err)
		}
		if _, err := x509.ParseCertificate(c.Certificate[0]); err != nil {
			t.Fatalf("%q makes a certificate that cannot be read: %v", template, err)
		}
	})
}
