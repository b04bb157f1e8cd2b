package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// staple reads the OCSP response for a certificate, which the server sends along with it (RFC 6066 section 8, RFC 8446
// section 4.4.2.1). One that no client can believe is a mistake; one that is too old is not, and is warned of.
func (r *reader) staple(file named, c *tls.Certificate, chain []*x509.Certificate) {
	if file.node == nil {
		return
	}
	data := r.read(file, "ocsp_staple")
	if data == nil {
		return
	}
	if block, _ := pem.Decode(data); block != nil && block.Type == "OCSP RESPONSE" {
		data = block.Bytes
	}
	var issuer *x509.Certificate // of the server's certificate; without it the signature is for the clients to check
	if len(chain) > 1 {
		issuer = chain[1]
	}
	response, err := ocsp.ParseResponseForCert(data, chain[0], issuer)
	switch {
	case err != nil:
		r.Errorf(file.node, "ocsp_staple: %s is no OCSP response for %q: %s", r.path(file.text), name(chain[0]), strings.TrimPrefix(err.Error(), "ocsp: "))
	case response.SerialNumber.Cmp(chain[0].SerialNumber) != 0:
		r.Errorf(file.node, "ocsp_staple: %s is about certificate %x, not about %q, which is %x", r.path(file.text), response.SerialNumber, name(chain[0]), chain[0].SerialNumber)
	case response.Status != ocsp.Good:
		r.Errorf(file.node, "ocsp_staple: %s does not say that %q is good", r.path(file.text), name(chain[0]))
	default:
		c.OCSPStaple = data
	}
}

// aboutStaple says why clients will not believe the OCSP response of a server certificate.
func aboutStaple(c *tls.Certificate, now time.Time) []string {
	if c.OCSPStaple == nil {
		return nil
	}
	response, err := ocsp.ParseResponse(c.OCSPStaple, nil)
	if err != nil || response.NextUpdate.IsZero() || now.Before(response.NextUpdate) {
		return nil
	}
	return []string{fmt.Sprintf("ocsp_staple of %q has expired at %s: clients that insist on one will refuse the server; put a new one there and send SIGHUP",
		name(c.Leaf), response.NextUpdate.UTC().Format(time.RFC3339))}
}
