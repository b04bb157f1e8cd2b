package config

import (
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
	"nacsim/nac/revocation"
)

type revocationNode struct {
	on   bool
	crl  []named
	ocsp ocspNode
	revocation.Config
}

type ocspNode struct{ revocation.OCSP }

var failNames = []string{revocation.Soft, revocation.Hard}

var revocationProperties = []yamltable.Property[revocationNode]{
	{Name: "crl", Doc: "Certificate revocation lists, in DER or PEM: names of files, and http:// or https:// URLs. They are read again at intervals.",
		Schema: textsSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *revocationNode) { to.crl = names(r, n, "crl") }},
	yamltable.Section("ocsp", "Asking responders (OCSP). What a client staples to its certificate is believed in any case.",
		ocspProperties, func(to *revocationNode) *ocspNode { return &to.ocsp }),
	{Name: "fail", Doc: "What becomes of a client when nothing can be found out about its certificate: soft lets it in, hard refuses it.",
		Schema: yamltable.Schema{"enum": failNames, "default": failNames[0]},
		Set: func(r *yamltable.Reader, n ast.Node, to *revocationNode) {
			to.Fail, _ = r.OneOf(n, "fail", failNames)
		}},
	{Name: "refresh", Doc: "Interval at which lists are read again. The default is 1 minute for files, and 1 hour for URLs or when the next list is due.",
		Schema: durationSchema(""),
		Set:    yamltable.SetDuration("refresh", time.Second, 30*24*time.Hour, func(to *revocationNode) *time.Duration { return &to.Refresh })},
	{Name: "timeout", Doc: "How long a list or an answer may take.",
		Schema: durationSchema(revocation.DefaultTimeout.String()),
		Set:    yamltable.SetDuration("timeout", 100*time.Millisecond, time.Minute, func(to *revocationNode) *time.Duration { return &to.Timeout })},
}

var ocspProperties = []yamltable.Property[ocspNode]{
	{Name: "ask", Doc: "Whether the responder is asked that the certificate names.",
		Schema: yamltable.Schema{"type": "boolean", "default": false},
		Set:    func(r *yamltable.Reader, n ast.Node, to *ocspNode) { to.Ask, _ = r.Boolean(n, "ask") }},
	{Name: "url", Doc: "Responder that is asked instead, about every certificate.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set: func(r *yamltable.Reader, n ast.Node, to *ocspNode) {
			s, ok := r.Text(n, "url")
			if ok && !isURL(s) {
				r.Errorf(n, "url is %q; expected one such as http://ocsp.corp.example", s)
			}
			to.URL = s
		}},
	{Name: "max_age", Doc: "How long an answer is believed at most.",
		Schema: durationSchema(""),
		Set:    yamltable.SetDuration("max_age", time.Second, 30*24*time.Hour, func(to *ocspNode) *time.Duration { return &to.MaxAge })},
}

// isURL reports whether a name is that of something on a web server.
func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// list looks into the file of a list, which is read again while the NAC runs.
func (r *reader) list(file named) {
	data := r.read(file, "crl")
	if data == nil {
		return
	}
	if err := revocation.CheckLists(data); err != nil {
		r.Errorf(file.node, "crl: %s: %v", r.path(file.text), err)
	}
}

// revocation returns the settings for the checks, or nil if there are to be none. Files are looked for now, so that a
// mistake is found at once.
func (r *reader) revocation(n *revocationNode) *revocation.Config {
	if !n.on {
		return nil
	}
	c := n.Config
	c.OCSP = n.ocsp.OCSP
	for _, list := range n.crl {
		switch {
		case isURL(list.text):
			c.CRL = append(c.CRL, list.text)
		case strings.Contains(list.text, "://"):
			r.Errorf(list.node, "crl: %q is neither the name of a file nor an http:// or https:// URL", list.text)
		default:
			r.list(list)
			c.CRL = append(c.CRL, r.path(list.text))
		}
	}
	c.ReadFile = os.ReadFile
	return &c
}
