package config

import (
	"net/netip"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
	"nacsim/nac/radiusd"
)

type clientNode struct {
	node     ast.Node
	prefix   netip.Prefix
	name     string
	secret   string
	vendor   radiusd.Vendor
	optional bool
	proxied  bool
	coaPort  int
}

var authenticatorNames = []string{"required", "optional"}

var vendorNames = strings.Split(radiusd.VendorNames(), ", ")

var clientProperties = []yamltable.Property[clientNode]{
	{Name: "address", Required: true, Doc: "IP address of the client, or network of clients in the form 10.0.0.0/8.",
		Schema: yamltable.Schema{"type": "string", "examples": []string{"192.0.2.1", "10.0.0.0/8", "2001:db8::/32"}},
		Set:    func(r *yamltable.Reader, n ast.Node, to *clientNode) { to.prefix = prefix(r, n, "address") }},
	{Name: "secret", Required: true, Doc: "Shared secret. It should be random and have 16 characters at least.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setSecret("secret", func(to *clientNode) *string { return &to.secret })},
	{Name: "name", Doc: "Name of the client, for people.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setText("name", func(to *clientNode) *string { return &to.name })},
	{Name: "message_authenticator", Doc: "Whether Access-Requests without EAP must carry a Message-Authenticator. Optional is for old devices that cannot send one; it lets an attacker in between forge answers (Blast-RADIUS, CVE-2024-3596).",
		Schema: yamltable.Schema{"enum": authenticatorNames, "default": authenticatorNames[0]},
		Set: func(r *yamltable.Reader, n ast.Node, to *clientNode) {
			s, _ := r.OneOf(n, "message_authenticator", authenticatorNames)
			to.optional = s == "optional"
		}},
	{Name: "unsigned_proxy_state", Doc: "Whether, with message_authenticator: optional, requests that came through a proxy are taken too. The known attack needs them.",
		Schema: yamltable.Schema{"type": "boolean", "default": false},
		Set: func(r *yamltable.Reader, n ast.Node, to *clientNode) {
			to.proxied, _ = r.Boolean(n, "unsigned_proxy_state")
		}},
	{Name: "vendor", Doc: "Make of the client, which says in which attributes it takes a role or a VLAN.",
		Schema: yamltable.Schema{"enum": vendorNames, "default": string(radiusd.Generic)},
		Set: func(r *yamltable.Reader, n ast.Node, to *clientNode) {
			s, _ := r.OneOf(n, "vendor", vendorNames)
			to.vendor = radiusd.Vendor(s)
		}},
	{Name: "coa_port", Doc: "UDP port at which the client takes changes of authorization.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 65535, "default": radiusd.DefaultCoAPort},
		Set:    setNumber("coa_port", 1, 65535, func(to *clientNode) *int { return &to.coaPort })},
}

// prefix reads an IP address or a network of them.
func prefix(r *yamltable.Reader, n ast.Node, what string) netip.Prefix {
	s, ok := r.Text(n, what)
	if !ok {
		return netip.Prefix{}
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		r.Errorf(n, "%s is %q; expected an IP address such as 192.0.2.1, or a network such as 10.0.0.0/8", what, s)
	case p.Masked() != p:
		r.Errorf(n, "%s is %q, which has bits beyond its length; the network is %s", what, s, p.Masked())
	}
	return p
}

// radiusClients checks the clients against each other.
func (r *reader) radiusClients(nodes []clientNode) []radiusd.Client {
	var out []radiusd.Client
	seen := make(map[netip.Prefix]*clientNode, len(nodes))
	for i := range nodes {
		c := &nodes[i]
		if !c.prefix.IsValid() {
			continue
		}
		if first := seen[c.prefix]; first != nil {
			r.Errorf(c.node, "client %s stands here and on line %d", c.prefix, yamltable.Start(first.node).Position.Line)
			continue
		}
		seen[c.prefix] = c
		out = append(out, radiusd.Client{Prefix: c.prefix, Name: c.name, Secret: []byte(c.secret),
			Vendor: c.vendor, OptionalMessageAuthenticator: c.optional, UnsignedProxyState: c.proxied, CoAPort: uint16(c.coaPort)})
	}
	return out
}
