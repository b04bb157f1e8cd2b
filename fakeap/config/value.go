package config

import (
	"net/netip"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
)

// text reads a text that is not empty.
func text(r *yamltable.Reader, n ast.Node, what string) string {
	s, ok := r.Text(n, what)
	if ok && strings.TrimSpace(s) == "" {
		r.Errorf(n, "%s is empty", what)
	}
	return s
}

// secret reads a text that errors do not show.
func secret(r *yamltable.Reader, n ast.Node, what string) string {
	s, ok := r.Secret(n, what)
	if ok && s == "" {
		r.Errorf(n, "%s is empty", what)
	}
	return s
}

// vlan reads a VLAN, by number or name.
func vlan(r *yamltable.Reader, n ast.Node, what string) string {
	if _, ok := n.(*ast.IntegerNode); ok {
		if _, ok := r.Number(n, what, 1, 4094); !ok {
			return ""
		}
		return n.GetToken().Value
	}
	return text(r, n, what)
}

// serverAddress reads an IP address with or without a port.
func serverAddress(r *yamltable.Reader, n ast.Node, what string, port uint16) netip.AddrPort {
	s := text(r, n, what)
	if s == "" {
		return netip.AddrPort{}
	}
	a, err := ParseAddress(s, port)
	if err != nil {
		r.Errorf(n, `%s is %q; expected an IP address, with or without a port, such as "10.0.0.1" or "127.0.0.1:11812"`, what, s)
	}
	return a
}

// ParseAddress reads an IP address with a port, or without, which means the given one.
func ParseAddress(s string, port uint16) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return netip.AddrPortFrom(a, port), nil
	}
	return netip.ParseAddrPort(s)
}

func durationSchema(standard string) yamltable.Schema {
	s := yamltable.Schema{"type": "string", "examples": []string{"500ms", "30s", "1h30m"}}
	if standard != "" {
		s["default"] = standard
	}
	return s
}
