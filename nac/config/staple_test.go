package config

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"nacsim/internal/eap/eaptest"
)

// TestStaple holds which OCSP responses a server can send along, and what is said of the others.
func TestStaple(t *testing.T) {
	f := newFiles(t)
	issuing := eaptest.NewCA(t, "corp").Sub("issuing")
	server := issuing.Issue("radius")
	f["server.pem"], f["server.key"] = chainOf(server), keyPEM(t, server.PrivateKey)
	leaf, err := x509.ParseCertificate(server.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	until := eaptest.Now.Add(time.Hour)
	respond := func(ca *eaptest.CA, status int, serial *big.Int) []byte {
		responder := ca.Issue("responder", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} })
		by, err := x509.ParseCertificate(responder.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		der, err := ocsp.CreateResponse(ca.Certificate(), by, ocsp.Response{Status: status, SerialNumber: serial, Certificate: by,
			ThisUpdate: eaptest.Now, NextUpdate: until}, responder.PrivateKey.(crypto.Signer))
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	good := respond(issuing, ocsp.Good, leaf.SerialNumber)
	text := strings.Replace(minimal, "key: server.key", "key: server.key, ocsp_staple: staple", 1)
	for _, c := range []struct {
		name    string
		file    []byte
		mistake string // empty: it is taken
	}{
		{"DER", good, ""},
		{"PEM", block("OCSP RESPONSE", good), ""},
		{"revoked", respond(issuing, ocsp.Revoked, leaf.SerialNumber), `does not say that "radius" is good`},
		{"another certificate", respond(issuing, ocsp.Good, big.NewInt(7)), "is no OCSP response for"},
		{"another CA", respond(eaptest.NewCA(t, "other"), ocsp.Good, leaf.SerialNumber), `is no OCSP response for "radius": bad`},
		{"an error", ocsp.TryLaterErrorResponse, "is no OCSP response for"},
		{"no response", []byte("-----BEGIN CERTIFICATE-----"), "is no OCSP response for"},
		{"empty", []byte{}, "is no OCSP response for"},
	} {
		f["staple"] = c.file
		got, err := parse("conf/nac.yaml", []byte(text), f.read)
		switch {
		case c.mistake == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.mistake != "" && (err == nil || !strings.Contains(err.Error(), c.mistake) || !strings.Contains(err.Error(), "conf/nac.yaml:2:")):
			t.Errorf("%s: error %v, want %q", c.name, err, c.mistake)
		case c.mistake == "" && !bytes.Equal(got.NAC.TLS.Certificates[0].OCSPStaple, good):
			t.Errorf("%s: the staple is %x", c.name, got.NAC.TLS.Certificates[0].OCSPStaple)
		}
		if err != nil {
			continue
		}
		for now, want := range map[time.Time]bool{until.Add(-time.Second): false, until: true} {
			if warned := strings.Contains(strings.Join(got.Warnings(now), "\n"), "ocsp_staple"); warned != want {
				t.Errorf("%s: at %v warned is %v", c.name, now, warned)
			}
		}
	}
}
