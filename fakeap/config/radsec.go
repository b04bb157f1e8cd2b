package config

import (
	"crypto/tls"

	"github.com/goccy/go-yaml/ast"

	"nacsim/fakeap"
	"nacsim/internal/radsec"
	"nacsim/internal/yamltable"
)

// radsecNode is a server that is reached over TLS.
type radsecNode struct {
	node                                  ast.Node
	server, certificate, key, ca, name, v string
}

var radsecProperties = []yamltable.Property[radsecNode]{
	radsecText("server", true, "Name or address of the server, and a port if it is not 2083.", func(n *radsecNode) *string { return &n.server }),
	radsecText("certificate", true, "File with the certificate of the access point or switch, in PEM.", func(n *radsecNode) *string { return &n.certificate }),
	radsecText("key", false, "File with its private key, in PEM; by default that of the certificate.", func(n *radsecNode) *string { return &n.key }),
	radsecText("ca", true, "File with the authorities of the server's certificate, in PEM.", func(n *radsecNode) *string { return &n.ca }),
	radsecText("server_name", false, "Name that the server's certificate must carry; by default that in server.", func(n *radsecNode) *string { return &n.name }),
	{Name: "version", Doc: "RADIUS/1.1 (RFC 9765) drops MD5. It is used where the server has it, unless this says to use only 1.0 or only 1.1.",
		Schema: yamltable.Enum(radsecVersions...),
		Set: func(r *yamltable.Reader, n ast.Node, to *radsecNode) {
			if s := n.GetToken().Value; s == radsecVersions[0] || s == radsecVersions[1] {
				to.v = s // written as a number or as a text
				return
			}
			r.Errorf(n, `version is %q; expected "1.0" or "1.1"`, n.GetToken().Value)
		}},
}

var radsecVersions = []string{"1.0", "1.1"}

func radsecText(name string, required bool, doc string, field func(*radsecNode) *string) yamltable.Property[radsecNode] {
	return yamltable.Property[radsecNode]{Name: name, Doc: doc, Required: required, Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set: func(r *yamltable.Reader, n ast.Node, to *radsecNode) { *field(to) = text(r, n, name) }}
}

// radsec makes the settings of a server that is reached over TLS.
func (r *reader) radsec(s *serverNode) *fakeap.RadSecConfig {
	n := s.radsec
	c := &fakeap.RadSecConfig{Server: n.server, NoAccounting: s.noAcct}
	at := func(string) ast.Node { return n.node }
	c.TLS = &tls.Config{
		Certificates: []tls.Certificate{r.pair(at, n.certificate, n.key)},
		RootCAs:      r.authorities(n.node, []string{n.ca}),
		ServerName:   n.name,
		MinVersion:   tls.VersionTLS12,
	}
	switch n.v {
	case "1.0":
		c.Versions = radsec.Forbid11
	case "1.1":
		c.Versions = radsec.Require11
	}
	return c
}
