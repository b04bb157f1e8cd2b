package config

import (
	"crypto/tls"
	"net/netip"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
	"nacsim/nac/api"
	"nacsim/nac/link"
)

type apiNode struct {
	node         ast.Node
	listen       netip.AddrPort
	token        string
	tokenFile    named
	certificates []certificateNode
}

var apiProperties = []yamltable.Property[apiNode]{
	{Name: "listen", Required: true, Doc: "Address and port for HTTP, or for HTTPS with a certificate.",
		Schema: yamltable.Schema{"type": "string", "examples": []string{"127.0.0.1:8444", "[::]:8444"}},
		Set:    func(r *yamltable.Reader, n ast.Node, to *apiNode) { to.listen = address(r, n, "listen") }},
	{Name: "token", Doc: "What users of the API have to show, 16 characters at least.",
		Schema: yamltable.Schema{"type": "string", "minLength": api.MinToken},
		Set:    setSecret("token", func(to *apiNode) *string { return &to.token })},
	{Name: "token_file", Doc: "File with the token, in place of token.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *apiNode) { to.tokenFile = fileName(r, n, "token_file") }},
	{Name: "certificate", Doc: "The certificate for HTTPS, or a list of them. Without it the API speaks HTTP, which is for this computer only, or for a proxy on it.",
		Schema: certificatesSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *apiNode) { to.certificates = certificates(r, n) }},
}

// api returns the settings of the HTTP API, or nil if there is to be none.
func (r *reader) api(n *apiNode, intune *intuneNode) *api.Config {
	if n == nil {
		return nil
	}
	c := &api.Config{Addr: n.listen, Token: r.secretFrom(n.node, "api", "token", n.token, n.tokenFile), Authority: link.DefaultAuthority}
	if intune != nil && intune.Authority != "" {
		c.Authority = intune.Authority
	}
	if n.certificates != nil {
		c.TLS = &tls.Config{Certificates: r.certificates(n.certificates), MinVersion: tls.VersionTLS12}
	}
	if err := c.Check(); err != nil && len(r.Errs) == 0 {
		r.Errorf(n.node, "%v", err)
	}
	return c
}
