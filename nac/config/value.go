package config

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
)

// entries reads a list of mappings; place notes the node of each.
func entries[T any](r *yamltable.Reader, n ast.Node, what, one string, limit int, table []yamltable.Property[T], to *[]T, place func(*T, ast.Node)) {
	for _, entry := range r.List(n, what, limit) {
		var t T
		place(&t, entry)
		if yamltable.Object(r, entry, one, table, &t) {
			*to = append(*to, t)
		}
	}
}

// fileName reads the name of a file.
func fileName(r *yamltable.Reader, n ast.Node, what string) named {
	s, ok := r.Text(n, what)
	if ok && strings.TrimSpace(s) == "" {
		r.Errorf(n, "%s is empty; expected the name of a file", what)
	}
	return named{n, s}
}

// names reads a list of names of files.
func names(r *yamltable.Reader, n ast.Node, what string) []named {
	var out []named
	for _, entry := range r.List(n, what, maxList) {
		out = append(out, fileName(r, entry, "an entry of "+what))
	}
	return out
}

// texts reads a list of texts that are not empty.
func texts(r *yamltable.Reader, n ast.Node, what string) []string {
	var out []string
	for _, entry := range r.List(n, what, maxList) {
		s, ok := r.Text(entry, "an entry of "+what)
		if ok && strings.TrimSpace(s) == "" {
			r.Errorf(entry, "an entry of %s is empty", what)
		}
		out = append(out, s)
	}
	return out
}

// address reads an IP address with a port.
func address(r *yamltable.Reader, n ast.Node, what string) netip.AddrPort {
	s, ok := r.Text(n, what)
	if !ok {
		return netip.AddrPort{}
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		r.Errorf(n, `%s is %q; expected an address of this computer and a port, such as "0.0.0.0:1812" or "[::]:1812"`, what, s)
	}
	return a
}

func addressSchema() yamltable.Schema {
	return yamltable.Schema{"type": "string", "examples": []string{"0.0.0.0:1812", "[::]:1812", "127.0.0.1:1812"}}
}

func textsSchema() yamltable.Schema {
	return yamltable.Schema{"type": "array", "items": yamltable.Schema{"type": "string", "minLength": 1}}
}

func durationSchema(standard string) yamltable.Schema {
	s := yamltable.Schema{"type": "string", "examples": []string{"30s", "1h30m", "2d"}}
	if standard != "" {
		s["default"] = standard
	}
	return s
}

// choices reads a list of texts out of a few, in the order given and each once, and hands on the index of each.
func choices(r *yamltable.Reader, n ast.Node, what, one string, allowed []string, take func(i int)) {
	list := r.List(n, what, maxList)
	if len(list) == 0 {
		r.Errorf(n, "%s is empty; leave it out or name one of %s", what, strings.Join(allowed, ", "))
	}
	seen := make([]bool, len(allowed))
	for _, entry := range list {
		s, ok := r.OneOf(entry, one, allowed)
		i := slices.Index(allowed, s)
		switch {
		case !ok:
		case seen[i]:
			r.Errorf(entry, "%s stands in %s twice", s, what)
		default:
			seen[i] = true
			take(i)
		}
	}
}

// choicesSchema is the schema of such a list.
func choicesSchema(allowed []string) yamltable.Schema {
	return yamltable.Schema{"type": "array", "minItems": 1, "uniqueItems": true, "items": yamltable.Enum(allowed...)}
}

// setNumber returns what reads a whole number into a field.
func setNumber[T any](what string, low, high uint64, field func(*T) *int) func(*yamltable.Reader, ast.Node, *T) {
	return func(r *yamltable.Reader, n ast.Node, to *T) {
		v, _ := r.Number(n, what, low, high)
		*field(to) = int(v)
	}
}

// setText returns what reads a text that is not empty into a field.
func setText[T any](what string, field func(*T) *string) func(*yamltable.Reader, ast.Node, *T) {
	return func(r *yamltable.Reader, n ast.Node, to *T) {
		s, ok := r.Text(n, what)
		if ok && strings.TrimSpace(s) == "" {
			r.Errorf(n, "%s is empty", what)
		}
		*field(to) = s
	}
}

// setSecret returns what reads a secret that is not empty into a field.
func setSecret[T any](what string, field func(*T) *string) func(*yamltable.Reader, ast.Node, *T) {
	return func(r *yamltable.Reader, n ast.Node, to *T) {
		s, ok := r.Secret(n, what)
		if ok && s == "" {
			r.Errorf(n, "%s is empty", what)
		}
		*field(to) = s
	}
}
