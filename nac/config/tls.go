package config

import (
	"crypto/tls"
	"strings"

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
	{Name: "ciphers", Doc: "Cipher suites of TLS 1.2 that are taken; those of TLS 1.3 are fixed.",
		Schema: yamltable.Schema{"type": "array", "minItems": 1, "items": yamltable.Enum(cipherNames()...)},
		Set: func(r *yamltable.Reader, n ast.Node, to *tlsNode) {
			for _, entry := range r.List(n, "ciphers", maxList) {
				if s, ok := r.OneOf(entry, "a cipher suite", cipherNames()); ok {
					to.ciphers = append(to.ciphers, cipher(s))
				}
			}
		}},
	{Name: "groups", Doc: "Key exchanges that are taken.",
		Schema: yamltable.Schema{"type": "array", "minItems": 1, "items": yamltable.Enum(groupNames()...)},
		Set: func(r *yamltable.Reader, n ast.Node, to *tlsNode) {
			for _, entry := range r.List(n, "groups", maxList) {
				s, _ := r.OneOf(entry, "a group", groupNames())
				for _, g := range groups {
					if g.name == s {
						to.groups = append(to.groups, g.id)
					}
				}
			}
		}},
}

var eapProperties = []yamltable.Property[eapNode]{
	{Name: "fragment_size", Doc: "Most TLS data in one EAP packet, in octets; the Framed-MTU of a request lowers it.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 64, "maximum": eapserver.MaxFragment, "default": eapserver.DefaultFragment},
		Set:    setNumber("fragment_size", 64, eapserver.MaxFragment, func(to *eapNode) *int { return &to.fragment })},
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

// cipherNames are the suites of TLS 1.2 that crypto/tls holds to be secure.
func cipherNames() []string {
	var out []string
	for _, s := range tls.CipherSuites() {
		if s.SupportedVersions[0] == tls.VersionTLS12 || len(s.SupportedVersions) > 1 {
			out = append(out, s.Name)
		}
	}
	return out
}

func cipher(name string) uint16 {
	for _, s := range tls.CipherSuites() {
		if s.Name == name {
			return s.ID
		}
	}
	return 0
}

func groupNames() []string {
	var out []string
	for _, g := range groups {
		out = append(out, g.name)
	}
	return out
}

// tlsConfig puts the settings of TLS together.
func (r *reader) tlsConfig(f *fileNode, c *Config) *tls.Config {
	for i := range f.certificates {
		if certificate, ok := r.certificate(&f.certificates[i]); ok {
			c.Certificates = append(c.Certificates, certificate)
		}
	}
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
