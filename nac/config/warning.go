package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"nacsim/internal/eap"
	"nacsim/nac/eapserver"
)

// soon is how long before its end a certificate should be renewed, and shortSecret below how many octets a secret can be
// guessed (RFC 2865 section 3 wants 16).
const (
	soon        = 30 * 24 * time.Hour
	shortSecret = 16
)

// Warnings are what works, but should not stay as it is, as of now.
func (c *Config) Warnings(now time.Time) []string {
	var out []string
	for i := range c.NAC.RADIUS.Clients {
		client := &c.NAC.RADIUS.Clients[i]
		who := client.Prefix.String()
		if client.Prefix.IsSingleIP() {
			who = client.Prefix.Addr().String()
		}
		if len(client.Secret) < shortSecret {
			out = append(out, fmt.Sprintf("client %s: the secret has %d characters; 16 random ones are hard to guess", who, len(client.Secret)))
		}
		if client.OptionalMessageAuthenticator {
			out = append(out, fmt.Sprintf("client %s: without message_authenticator answers can be forged (Blast-RADIUS, CVE-2024-3596)", who))
		}
	}
	for i := range c.Certificates {
		leaf := c.Certificates[i].Leaf
		out = append(append(out, aboutServer(leaf, now)...), aboutStaple(&c.Certificates[i], now)...)
	}
	methods := c.methods()
	if len(c.CAs) == 0 && slices.Contains(methods, eap.TypeTLS) {
		out = append(out, "client_cas is empty: no client certificate will be accepted")
	}
	for _, ca := range c.CAs {
		out = append(out, aboutAuthority(ca, now)...)
	}
	if slices.Contains(methods, eap.TypePEAP) {
		out = append(out, "peap is on: MS-CHAP-V2 rests on DES, and is safe only as long as every client checks the server's certificate")
	}
	for _, s := range tls.InsecureCipherSuites() {
		if slices.Contains(c.NAC.TLS.CipherSuites, s.ID) {
			out = append(out, "ciphers has "+s.Name+", which is off by default: its records are open to timing attacks (Lucky 13)")
		}
	}
	out = append(out, c.aboutAccount(now)...)
	out = append(out, c.aboutAPI(now)...)
	if c.NAC.PlainPasswords {
		out = append(out, "plain_passwords is on: RADIUS hides passwords with MD5 only")
	}
	for _, m := range c.NAC.RADIUS.EAP.Methods {
		if !slices.Contains(methods, m) {
			out = append(out, "methods has "+m.String()+", which is not on offer without users or a directory")
		}
	}
	return out
}

// asksForPasswords reports whether there is anybody who knows passwords.
func (c *Config) asksForPasswords() bool { return c.NAC.Users != nil || c.NAC.Entra != nil }

// methods are the EAP methods on offer.
func (c *Config) methods() []eap.Type {
	asked := c.NAC.RADIUS.EAP.Methods
	if asked == nil {
		asked = []eap.Type{eap.TypeTLS, eap.TypeTTLS}
	}
	var out []eap.Type
	for _, m := range asked {
		if m == eap.TypeTLS || c.asksForPasswords() || m == eap.TypeTEAP && slices.Equal(c.NAC.RADIUS.EAP.TEAP.Inner, []eapserver.Inner{eapserver.EAPTLS}) {
			out = append(out, m)
		}
	}
	return out
}

// aboutAuthority says why the certificates that a CA has issued will not be accepted, or soon will not.
func aboutAuthority(ca *x509.Certificate, now time.Time) []string {
	who := fmt.Sprintf("client_cas: %q", name(ca))
	switch left := ca.NotAfter.Sub(now); {
	case !ca.IsCA:
		return []string{who + " is not the certificate of a CA: no other certificate will be accepted for its sake"}
	case left <= 0:
		return []string{who + " has expired at " + ca.NotAfter.UTC().Format(time.RFC3339) + ": no certificate of this CA will be accepted"}
	case left < soon:
		return []string{fmt.Sprintf("%s expires in %d days", who, int(left/(24*time.Hour)))}
	}
	return nil
}

// aboutServer says why clients will not accept a certificate, or soon will not.
func aboutServer(leaf *x509.Certificate, now time.Time) []string {
	var out []string
	who := fmt.Sprintf("server certificate %q", name(leaf))
	switch left := leaf.NotAfter.Sub(now); {
	case left <= 0:
		out = append(out, who+" has expired at "+leaf.NotAfter.UTC().Format(time.RFC3339)+": clients will refuse it")
	case now.Before(leaf.NotBefore):
		out = append(out, who+" is not valid before "+leaf.NotBefore.UTC().Format(time.RFC3339)+": clients will refuse it")
	case left < soon:
		out = append(out, fmt.Sprintf("%s expires in %d days", who, int(left/(24*time.Hour))))
	}
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0 && !slices.ContainsFunc(leaf.ExtKeyUsage, func(u x509.ExtKeyUsage) bool {
		return u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageAny
	}) {
		out = append(out, who+" is not for servers (extended key usage): clients will refuse it")
	}
	return out
}
