package config

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"nacsim/nac/radiusd"
	"nacsim/nac/revocation"
)

// Summary says in a few lines what a NAC of this configuration will do, for the one who has started it.
func (c *Config) Summary(now time.Time) []string {
	out := []string{fmt.Sprintf("policy %s: %s", c.PolicyFile, count(len(c.NAC.Policy.Rules()), "rule"))}
	for i := range c.Certificates {
		leaf := c.Certificates[i].Leaf
		out = append(out, fmt.Sprintf("server certificate %q (%s, %s) until %s", name(leaf), keyKind(leaf),
			count(len(c.Certificates[i].Certificate), "certificate")+" sent", leaf.NotAfter.UTC().Format(time.DateOnly)))
	}
	var methods []string
	for _, m := range c.methods() {
		methods = append(methods, m.String())
	}
	if c.NAC.RADIUS.MAB != (radiusd.MAB{}) {
		methods = append(methods, "MAC authentication bypass")
	}
	if c.NAC.PlainPasswords {
		methods = append(methods, "plain passwords")
	}
	out = append(out, "authentication by "+strings.Join(methods, ", "))
	if c.NAC.Users != nil {
		out = append(out, count(len(c.NAC.Users.Users), "user"))
	}
	if c.NAC.Entra != nil {
		out = append(out, "passwords are checked with Entra ID, tenant "+c.NAC.Entra.Tenant)
	}
	out = append(out, count(len(c.CAs), "CA")+" for client certificates, "+count(len(c.NAC.RADIUS.Clients), "RADIUS client")+radsecPeers(c))
	if v := c.NAC.Revocation; v != nil {
		out = append(out, "revocation by "+count(len(v.CRL), "list")+" and OCSP, "+cmp.Or(v.Fail, revocation.Soft)+" fail")
	}
	if c.NAC.MDM != nil {
		if tenant := c.NAC.MDM.Tenant; tenant != "" {
			out = append(out, "Intune account of "+tenant)
		} else {
			out = append(out, "Intune account as it is linked")
		}
	}
	if c.NAC.API != nil {
		out = append(out, "HTTP API"+apiKind(c)+" on "+c.API.String())
	}
	if c.State == "" {
		return append(out, "sessions are forgotten at the end; set state to keep them")
	}
	return append(out, "sessions are kept in "+c.State)
}

// count is a number with its noun.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// keyKind names the key of a certificate.
func keyKind(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	}
	return c.PublicKeyAlgorithm.String()
}

// radsecPeers tells of those who connect over TLS.
func radsecPeers(c *Config) string {
	if n := len(c.NAC.RADIUS.RadSec.Peers); n > 0 {
		return ", " + count(n, "RadSec peer")
	}
	return ""
}

// apiKind tells HTTPS from HTTP.
func apiKind(c *Config) string {
	if c.NAC.API.TLS != nil {
		return " with TLS"
	}
	return ""
}
