package config

import (
	"crypto/tls"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
	"nacsim/nac/eapserver"
)

// versionNames are the versions of TLS, and tlsVersions the same to crypto/tls.
var (
	versionNames = []string{"1.2", "1.3"}
	tlsVersions  = []uint16{tls.VersionTLS12, tls.VersionTLS13}
)

// groups are the key exchanges by their names in the registry of TLS.
var groups = []struct {
	name string
	id   tls.CurveID
}{
	{"x25519mlkem768", tls.X25519MLKEM768}, {"x25519", tls.X25519}, {"secp256r1", tls.CurveP256}, {"secp384r1", tls.CurveP384}, {"secp521r1", tls.CurveP521},
}

var tlsProperties = []yamltable.Property[tlsNode]{
	{Name: "min", Doc: "Oldest version of TLS that is taken.",
		Schema: yamltable.Schema{"enum": versionNames, "default": versionNames[0]},
		Set:    setVersion("min", func(to *tlsNode) *uint16 { return &to.min })},
	{Name: "max", Doc: "Newest version of TLS that is taken.",
		Schema: yamltable.Schema{"enum": versionNames, "default": versionNames[1]},
		Set:    setVersion("max", func(to *tlsNode) *uint16 { return &to.max })},
	{Name: "ciphers", Doc: "Cipher suites of TLS 1.2 that are taken; those of TLS 1.3 are fixed. The default are those that are secure.",
		Schema: choicesSchema(cipherNames()),
		Set: func(r *yamltable.Reader, n ast.Node, to *tlsNode) {
			choices(r, n, "ciphers", "a cipher suite", cipherNames(), func(i int) { to.ciphers = append(to.ciphers, cipherSuites()[i].ID) })
		}},
	{Name: "groups", Doc: "Key exchanges that are taken.",
		Schema: choicesSchema(groupNames()),
		Set: func(r *yamltable.Reader, n ast.Node, to *tlsNode) {
			choices(r, n, "groups", "a group", groupNames(), func(i int) { to.groups = append(to.groups, groups[i].id) })
		}},
	{Name: "resumption", Doc: "Whether clients may resume TLS sessions, which is faster; the policy decides again, and certificates are checked again.",
		Schema: yamltable.Schema{"type": "boolean", "default": true},
		Set: func(r *yamltable.Reader, n ast.Node, to *tlsNode) {
			on, ok := r.Boolean(n, "resumption")
			to.noTickets = ok && !on
		}},
	{Name: "resumption_lifetime", Doc: "For how long a client may resume after it was authenticated in full.",
		Schema: durationSchema("1d"),
		Set:    yamltable.SetDuration("resumption_lifetime", time.Second, 7*24*time.Hour, func(to *tlsNode) *time.Duration { return &to.resumeFor })},
	{Name: "resumption_limit", Doc: "How many sessions are remembered for that.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 10_000_000, "default": eapserver.DefaultMaxTLSSessions},
		Set:    setNumber("resumption_limit", 1, 10_000_000, func(to *tlsNode) *int { return &to.resumeMax })},
}

// setVersion returns what reads a version of TLS, written as a text or as a number.
func setVersion(what string, field func(*tlsNode) *uint16) func(*yamltable.Reader, ast.Node, *tlsNode) {
	return func(r *yamltable.Reader, n ast.Node, to *tlsNode) {
		s := n.GetToken().Value
		for i, name := range versionNames {
			switch n.(type) {
			case *ast.StringNode, *ast.FloatNode:
				if s == name {
					*field(to) = tlsVersions[i]
					to.node = n
					return
				}
			}
		}
		r.Errorf(n, "%s is %q; expected one of %s", what, s, strings.Join(versionNames, ", "))
	}
}

// cipherSuites are the suites of TLS 1.2 that can be named: those that crypto/tls holds to be secure, and then those with
// ephemeral keys that it has off by default, for old clients. RC4 (RFC 7465) and 3DES are not among them.
func cipherSuites() []*tls.CipherSuite {
	var out []*tls.CipherSuite
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		weak := s.Insecure && (!strings.Contains(s.Name, "_ECDHE_") || strings.Contains(s.Name, "_RC4_") || strings.Contains(s.Name, "_3DES_"))
		if slices.Contains(s.SupportedVersions, tls.VersionTLS12) && !weak {
			out = append(out, s)
		}
	}
	return out
}

func cipherNames() []string {
	var out []string
	for _, s := range cipherSuites() {
		out = append(out, s.Name)
	}
	return out
}

func groupNames() []string {
	var out []string
	for _, g := range groups {
		out = append(out, g.name)
	}
	return out
}

// resumption returns the limits of resumption, or nil if there is to be none.
func (n *tlsNode) resumption() *eapserver.SessionLimits {
	if n.noTickets {
		return nil
	}
	return &eapserver.SessionLimits{Lifetime: n.resumeFor, Max: n.resumeMax}
}

// tlsConfig puts the settings of TLS together.
func (r *reader) tlsConfig(f *fileNode, c *Config) *tls.Config {
	c.Certificates = r.certificates(f.certificates)
	t := &tls.Config{Certificates: c.Certificates, MinVersion: f.tls.min, MaxVersion: f.tls.max, CipherSuites: f.tls.ciphers, CurvePreferences: f.tls.groups}
	t.ClientCAs, c.CAs = r.authorities(f.clientCAs)
	if t.MinVersion == 0 {
		t.MinVersion = tls.VersionTLS12
	}
	if t.MaxVersion != 0 && t.MinVersion > t.MaxVersion {
		r.Errorf(f.tls.node, "tls: min is newer than max")
	}
	return t
}
