package policy

import (
	"slices"
	"strings"

	"nacsim/internal/yamltable"
)

// A target is a label of the file after its own checks: either one to match or one to apply.
type target struct {
	node  *labelNode
	match *label
}

// resolve checks what takes more than one key to check, and puts the rules together.
func (r *reader) resolve(f *fileNode) *Policy {
	targets := make(map[string]*target, len(f.labels))
	for _, l := range f.labels {
		if first, ok := targets[l.name]; ok {
			r.Errorf(l.node, "label %q stands here and on line %d; names must be unique", l.name, yamltable.Start(first.node.node).Position.Line)
			continue
		}
		targets[l.name] = r.label(l)
	}
	p := &Policy{}
	seen := make(map[string]*ruleNode, len(f.rules))
	for _, n := range f.rules {
		if first, ok := seen[n.name]; ok {
			r.Errorf(n.node, "rule %q stands here and on line %d; names must be unique", n.name, yamltable.Start(first.node).Position.Line)
			continue
		}
		seen[n.name] = n
		rule := r.rule(n, targets)
		p.checks += rule.matching.len() + rule.notMatching.len()
		p.rules = append(p.rules, rule)
	}
	return p
}

// belongs says which keys a label of each type needs besides name and type, and which it may have.
var belongs = map[string]struct{ needs, may []string }{
	"match":           {needs: []string{"match", "values"}, may: []string{"match_all"}},
	"vlan":            {needs: []string{"vlan"}},
	"radius_group":    {needs: []string{"radius_group"}},
	"session_timeout": {needs: []string{"session_timeout"}},
}

func (r *reader) label(n *labelNode) *target {
	if tooLong(n.name) {
		r.Errorf(n.node, "the name of label %q has more than %d characters", n.name, maxName)
	}
	keys := belongs[n.kind]
	for _, key := range keys.needs {
		if n.given[key] == nil {
			r.Errorf(n.node, "label %q of type %s lacks the key %q", n.name, n.kind, key)
		}
	}
	for _, p := range labelProperties {
		node := n.given[p.Name]
		if node != nil && !slices.Contains(keys.needs, p.Name) && !slices.Contains(keys.may, p.Name) {
			r.Errorf(node, "label %q is of type %s, to which %s does not belong", n.name, n.kind, p.Name)
		}
	}
	t := &target{node: n}
	if n.kind == "match" && n.match != "" {
		t.match = r.matchLabel(n)
	}
	return t
}

func (r *reader) matchLabel(n *labelNode) *label {
	l := &label{name: n.name, kind: kindOf(Match(n.match)), all: n.all}
	if l.all && !l.kind.several {
		r.Errorf(n.given["match_all"], "match_all is for cert_san, cert_eku and idp_role; a client has one %s only", n.match)
	}
	for _, v := range n.values {
		p, err := newPattern(l.kind, v.text)
		if err != nil {
			r.Errorf(v.node, "label %q: %v", n.name, err)
			continue
		}
		if slices.ContainsFunc(l.patterns, func(have pattern) bool { return have == p }) {
			r.Errorf(v.node, "label %q: value %q stands there twice", n.name, v.text)
			continue
		}
		l.patterns = append(l.patterns, p)
		written := v.text
		if l.kind.match == MDMStatus {
			written = p.text
		}
		l.written = append(l.written, written)
	}
	return l
}

func (r *reader) rule(n *ruleNode, targets map[string]*target) rule {
	out := rule{name: n.name, disabled: n.disabled, allow: n.action == "allow"}
	out.matching = r.criteria(&n.matching, "matching", targets)
	out.notMatching = r.criteria(&n.notMatching, "not_matching", targets)
	if !out.allow && len(n.apply) > 0 {
		r.Errorf(n.applyNode, "rule %q blocks, so it has nothing to apply", n.name)
	}
	applied := make(map[string]string, 3)
	for _, name := range n.apply {
		t := r.lookup(name, targets)
		if t == nil {
			continue
		}
		if t.node.kind == "match" {
			r.Errorf(name.node, "label %q is of type match; apply_tags takes labels of type vlan, radius_group and session_timeout", name.text)
			continue
		}
		if other, ok := applied[t.node.kind]; ok {
			r.Errorf(name.node, "rule %q applies two labels of type %s: %q and %q", n.name, t.node.kind, other, name.text)
			continue
		}
		applied[t.node.kind] = name.text
		out.apply.add(t.node)
	}
	return out
}

func (a *Authorization) add(n *labelNode) {
	switch n.kind {
	case "vlan":
		a.VLAN = n.vlan
	case "radius_group":
		a.Role = n.role
	case "session_timeout":
		a.SessionTimeout = n.timeout
	}
}

func (r *reader) criteria(n *criteriaNode, where string, targets map[string]*target) criteria {
	out := criteria{portTypes: n.portTypes}
	if n.authType != "" {
		out.authType = []string{n.authType}
	}
	for i, name := range n.labels {
		t := r.lookup(name, targets)
		switch {
		case t == nil:
		case t.node.kind != "match":
			r.Errorf(name.node, "label %q is of type %s; %s takes labels of type match", name.text, t.node.kind, where)
		case slices.ContainsFunc(n.labels[:i], func(o named) bool { return o.text == name.text }):
			r.Errorf(name.node, "label %q stands in %s twice", name.text, where)
		default:
			out.labels = append(out.labels, t.match)
		}
	}
	return out
}

// lookup finds a label by name, or reports that there is none and which ones there are.
func (r *reader) lookup(name named, targets map[string]*target) *target {
	if t, ok := targets[name.text]; ok {
		return t
	}
	known := make([]string, 0, len(targets))
	for k := range targets { // order-free: sorted below
		known = append(known, k)
	}
	slices.Sort(known)
	switch {
	case len(known) == 0:
		r.Errorf(name.node, "no label is named %q; the file defines none", name.text)
	case len(known) > 12:
		r.Errorf(name.node, "no label is named %q; there are %s and %d more", name.text, strings.Join(known[:12], ", "), len(known)-12)
	default:
		r.Errorf(name.node, "no label is named %q; there are %s", name.text, strings.Join(known, ", "))
	}
	return nil
}
