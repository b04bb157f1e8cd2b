package policy

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
)

// An Error is one mistake in a policy file, and Errors are all that were found.
type (
	Error  = yamltable.Error
	Errors = yamltable.Errors
)

// A reader reads one policy file.
type reader struct{ yamltable.Reader }

// Load reads a policy from the content of a YAML file. The name is used in errors only. The error is an
// [Errors] with every mistake that was found; nothing of a file with a mistake is used.
func Load(name string, data []byte) (*Policy, error) {
	r := &reader{yamltable.Reader{File: name, What: "policy", Keys: "labels and rules", Limit: maxFile}}
	var f fileNode
	if root := r.Parse(data); root != nil && yamltable.Object(&r.Reader, root, "the policy", fileProperties, &f) && len(r.Errs) == 0 {
		p := r.resolve(&f)
		if len(r.Errs) == 0 {
			return p, nil
		}
	}
	return nil, r.Errs
}

// The following are the file as written, before names are resolved.

type fileNode struct {
	labels []*labelNode
	rules  []*ruleNode
}

type labelNode struct {
	node    ast.Node
	name    string
	kind    string
	match   string
	all     bool
	values  []named
	vlan    string
	role    string
	timeout time.Duration
	// given has the node of each property that belongs to some types of labels only.
	given map[string]ast.Node
}

type ruleNode struct {
	node        ast.Node
	name        string
	action      string
	disabled    bool
	matching    criteriaNode
	notMatching criteriaNode
	apply       []named
	applyNode   ast.Node
}

type criteriaNode struct {
	authType  string
	portTypes []string
	labels    []named
}

// named is a text with its place.
type named struct {
	node ast.Node
	text string
}

var (
	authTypes  = []string{"cert", "device-auth", "eap-peap", "eap-teap", "eap-tls", "eap-ttls", "idp", "mab"}
	portTypes  = []string{"wired", "wireless"}
	actions    = []string{"allow", "block"}
	labelTypes = []string{"match", "radius_group", "session_timeout", "vlan"}
)

func matchNames() []string {
	var list []string
	for i := range matchKinds {
		list = append(list, string(matchKinds[i].match))
	}
	return list
}

var fileProperties = []yamltable.Property[fileNode]{
	{Name: "labels", Doc: "The labels that rules refer to by name: what to look at, and what to hand out. Mist's API calls them nactags.",
		Schema: yamltable.ArrayOf(labelSchema),
		Set: func(r *yamltable.Reader, n ast.Node, to *fileNode) {
			for _, entry := range r.List(n, "labels", maxLabels) {
				l := &labelNode{node: entry, given: map[string]ast.Node{}}
				if yamltable.Object(r, entry, "a label", labelProperties, l) {
					to.labels = append(to.labels, l)
				}
			}
		}},
	{Name: "rules", Required: true, Doc: "The rules in order; the first one that a client satisfies decides. A client that satisfies none is denied. Mist's API calls them nacrules.",
		Schema: yamltable.ArrayOf(ruleSchema),
		Set: func(r *yamltable.Reader, n ast.Node, to *fileNode) {
			for _, entry := range r.List(n, "rules", maxRules) {
				rule := &ruleNode{node: entry}
				if yamltable.Object(r, entry, "a rule", ruleProperties, rule) {
					to.rules = append(to.rules, rule)
				}
			}
		}},
}

var labelProperties = []yamltable.Property[labelNode]{
	{Name: "name", Required: true, Doc: "Name of the label, unique in the file.",
		Schema: schema{"type": "string", "minLength": 1, "maxLength": maxName},
		Set:    func(r *yamltable.Reader, n ast.Node, to *labelNode) { to.name = name(r, n, "the name of a label") }},
	{Name: "type", Required: true, Doc: "What the label is for: match compares something of the client; the others are handed out by a rule that allows.",
		Schema: yamltable.Enum(labelTypes...),
		Set: func(r *yamltable.Reader, n ast.Node, to *labelNode) {
			to.kind, _ = r.OneOf(n, "the type of a label", labelTypes)
		}},
	{Name: "match", Doc: "What a label of type match looks at.",
		Schema: matchSchema(),
		Set: func(r *yamltable.Reader, n ast.Node, to *labelNode) {
			to.given["match"] = n
			to.match, _ = r.OneOf(n, "match", matchNames())
		}},
	{Name: "values", Doc: "What a label of type match compares with. One value that matches is enough, unless match_all is true. A value may end in * and then stands for everything that begins like it.",
		Schema: schema{"type": "array", "minItems": 1, "items": schema{"type": "string", "pattern": "^([^*]+\\*?|\\*)$"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *labelNode) {
			to.given["values"] = n
			to.values = texts(r, n, "values", "name what to compare with")
		}},
	{Name: "match_all", Doc: "Whether all values must match instead of one; for cert_san, cert_eku and idp_role, of which a client can have several.",
		Schema: schema{"type": "boolean", "default": false},
		Set: func(r *yamltable.Reader, n ast.Node, to *labelNode) {
			to.given["match_all"] = n
			to.all, _ = r.Boolean(n, "match_all")
		}},
	{Name: "vlan", Doc: "VLAN ID that a label of type vlan hands out.",
		Schema: schema{"anyOf": []schema{{"type": "integer", "minimum": 1, "maximum": 4094}, {"type": "string", "pattern": "^([1-9][0-9]{0,2}|[1-3][0-9]{3}|40[0-8][0-9]|409[0-4])$"}}, "examples": []any{750}},
		Set: func(r *yamltable.Reader, n ast.Node, to *labelNode) {
			to.given["vlan"] = n
			if v, ok := r.Number(n, "vlan", 1, 4094); ok {
				to.vlan = strconv.FormatUint(v, 10)
			}
		}},
	{Name: "radius_group", Doc: "Role that a label of type radius_group hands out (Filter-Id).",
		Schema: schema{"type": "string", "minLength": 1, "maxLength": 253},
		Set: func(r *yamltable.Reader, n ast.Node, to *labelNode) {
			to.given["radius_group"] = n
			to.role, _ = r.Text(n, "radius_group")
			if to.role == "" || len(to.role) > 253 {
				r.Errorf(n, "radius_group must have 1 to 253 octets")
			}
		}},
	{Name: "session_timeout", Doc: "Seconds after which the network has the client authenticate again, handed out by a label of type session_timeout.",
		Schema: schema{"type": "integer", "minimum": 1, "maximum": 4294967295},
		Set: func(r *yamltable.Reader, n ast.Node, to *labelNode) {
			to.given["session_timeout"] = n
			if v, ok := r.Number(n, "session_timeout", 1, 4294967295); ok {
				to.timeout = time.Duration(v) * time.Second
			}
		}},
}

var ruleProperties = []yamltable.Property[ruleNode]{
	{Name: "name", Required: true, Doc: "Name of the rule, unique in the file. Decisions and events show it.",
		Schema: schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *ruleNode) { to.name = name(r, n, "the name of a rule") }},
	{Name: "action", Required: true, Doc: "Whether the client is let in.",
		Schema: yamltable.Enum(actions...),
		Set: func(r *yamltable.Reader, n ast.Node, to *ruleNode) {
			to.action, _ = r.OneOf(n, "the action of a rule", actions)
		}},
	{Name: "enabled", Doc: "A rule that is not enabled is passed over.",
		Schema: schema{"type": "boolean", "default": true},
		Set: func(r *yamltable.Reader, n ast.Node, to *ruleNode) {
			if on, ok := r.Boolean(n, "enabled"); ok {
				to.disabled = !on
			}
		}},
	yamltable.Section("matching", "What the client must satisfy; all of it. Without it every client does.",
		criteriaProperties, func(to *ruleNode) *criteriaNode { return &to.matching }),
	yamltable.Section("not_matching", "What the client must not satisfy; none of it.",
		criteriaProperties, func(to *ruleNode) *criteriaNode { return &to.notMatching }),
	{Name: "apply_tags", Doc: "Names of the labels that an allowed client gets: at most one each of type vlan, radius_group and session_timeout.",
		Schema: schema{"type": "array", "minItems": 1, "items": schema{"type": "string"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *ruleNode) {
			to.applyNode, to.apply = n, texts(r, n, "apply_tags", "leave it out or name a label")
		}},
}

var criteriaProperties = []yamltable.Property[criteriaNode]{
	{Name: "auth_type", Doc: "Authentication method; cert stands for every method with a client certificate, idp for every one with a password that a directory has confirmed.",
		Schema: yamltable.Enum(authTypes...),
		Set: func(r *yamltable.Reader, n ast.Node, to *criteriaNode) {
			to.authType, _ = r.OneOf(n, "auth_type", authTypes)
		}},
	{Name: "port_types", Doc: "Kinds of access; one of them.",
		Schema: schema{"type": "array", "minItems": 1, "items": yamltable.Enum(portTypes...)},
		Set: func(r *yamltable.Reader, n ast.Node, to *criteriaNode) {
			for _, entry := range r.List(n, "port_types", maxValues) {
				if s, ok := r.OneOf(entry, "a port type", portTypes); ok {
					to.portTypes = append(to.portTypes, s)
				}
			}
		}},
	{Name: "nactags", Doc: "Names of labels of type match; each of them.",
		Schema: schema{"type": "array", "minItems": 1, "items": schema{"type": "string"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *criteriaNode) {
			to.labels = texts(r, n, "nactags", "leave it out or name a label")
		}},
}

// name reads the name of a label or a rule.
func name(r *yamltable.Reader, n ast.Node, what string) string {
	s, ok := r.Text(n, what)
	switch {
	case !ok:
	case strings.TrimSpace(s) == "":
		r.Errorf(n, "%s must not be empty", what)
	case strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || c == 0x7f }):
		r.Errorf(n, "%s must stand on one line and have no control characters", what)
	}
	return s
}

// texts reads a list of strings; an empty list is a mistake, because it would match nothing or do nothing. The advice
// says what to do instead.
func texts(r *yamltable.Reader, n ast.Node, what, advice string) []named {
	entries := r.List(n, what, maxValues)
	if seq, ok := n.(*ast.SequenceNode); ok && len(seq.Values) == 0 {
		r.Errorf(n, "%s is empty; %s", what, advice)
	}
	var out []named
	for _, entry := range entries {
		if s, ok := r.Text(entry, "an entry of "+what); ok {
			out = append(out, named{entry, s})
		}
	}
	return out
}

func tooLong(name string) bool { return utf8.RuneCountInString(name) > maxName }
