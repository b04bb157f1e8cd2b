package policy

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// Load reads a policy from the content of a YAML file. The name is used in errors only. The error is an
// [Errors] with every mistake that was found; nothing of a file with a mistake is used.
func Load(name string, data []byte) (*Policy, error) {
	r := &reader{file: name}
	var f fileNode
	if root := r.parse(data); root != nil && object(r, root, "the policy", fileProperties, &f) && len(r.errs) == 0 {
		p := r.resolve(&f)
		if len(r.errs) == 0 {
			return p, nil
		}
	}
	return nil, r.errs
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

var fileProperties = []property[fileNode]{
	{name: "labels", doc: "The labels that rules refer to by name: what to look at, and what to hand out. Mist's API calls them nactags.",
		schema: arrayOf(func() schema { return objectSchema(labelProperties) }),
		set: func(r *reader, n ast.Node, to *fileNode) {
			for _, entry := range r.list(n, "labels", maxLabels) {
				l := &labelNode{node: entry, given: map[string]ast.Node{}}
				if object(r, entry, "a label", labelProperties, l) {
					to.labels = append(to.labels, l)
				}
			}
		}},
	{name: "rules", required: true, doc: "The rules in order; the first one that a client satisfies decides. A client that satisfies none is denied. Mist's API calls them nacrules.",
		schema: arrayOf(func() schema { return objectSchema(ruleProperties) }),
		set: func(r *reader, n ast.Node, to *fileNode) {
			for _, entry := range r.list(n, "rules", maxRules) {
				rule := &ruleNode{node: entry}
				if object(r, entry, "a rule", ruleProperties, rule) {
					to.rules = append(to.rules, rule)
				}
			}
		}},
}

var labelProperties = []property[labelNode]{
	{name: "name", required: true, doc: "Name of the label, unique in the file.",
		schema: schema{"type": "string", "minLength": 1, "maxLength": maxName},
		set:    func(r *reader, n ast.Node, to *labelNode) { to.name = r.name(n, "the name of a label") }},
	{name: "type", required: true, doc: "What the label is for: match compares something of the client; the others are handed out by a rule that allows.",
		schema: enum(labelTypes...),
		set: func(r *reader, n ast.Node, to *labelNode) {
			to.kind, _ = r.oneOf(n, "the type of a label", labelTypes)
		}},
	{name: "match", doc: "What a label of type match looks at.",
		schema: matchSchema(),
		set: func(r *reader, n ast.Node, to *labelNode) {
			to.given["match"] = n
			to.match, _ = r.oneOf(n, "match", matchNames())
		}},
	{name: "values", doc: "What a label of type match compares with. One value that matches is enough, unless match_all is true. A value may end in * and then stands for everything that begins like it.",
		schema: schema{"type": "array", "minItems": 1, "items": schema{"type": "string", "pattern": "^([^*]+\\*?|\\*)$"}},
		set: func(r *reader, n ast.Node, to *labelNode) {
			to.given["values"] = n
			to.values = r.texts(n, "values", "name what to compare with")
		}},
	{name: "match_all", doc: "Whether all values must match instead of one; for cert_san and cert_eku, of which a client can have several.",
		schema: schema{"type": "boolean", "default": false},
		set: func(r *reader, n ast.Node, to *labelNode) {
			to.given["match_all"] = n
			to.all, _ = r.boolean(n, "match_all")
		}},
	{name: "vlan", doc: "VLAN ID that a label of type vlan hands out.",
		schema: schema{"anyOf": []schema{{"type": "integer", "minimum": 1, "maximum": 4094}, {"type": "string", "pattern": "^([1-9][0-9]{0,2}|[1-3][0-9]{3}|40[0-8][0-9]|409[0-4])$"}}, "examples": []any{750}},
		set: func(r *reader, n ast.Node, to *labelNode) {
			to.given["vlan"] = n
			if v, ok := r.number(n, "vlan", 1, 4094); ok {
				to.vlan = strconv.FormatUint(v, 10)
			}
		}},
	{name: "radius_group", doc: "Role that a label of type radius_group hands out (Filter-Id).",
		schema: schema{"type": "string", "minLength": 1, "maxLength": 253},
		set: func(r *reader, n ast.Node, to *labelNode) {
			to.given["radius_group"] = n
			to.role, _ = r.text(n, "radius_group")
			if to.role == "" || len(to.role) > 253 {
				r.errorf(n, "radius_group must have 1 to 253 octets")
			}
		}},
	{name: "session_timeout", doc: "Seconds after which the network has the client authenticate again, handed out by a label of type session_timeout.",
		schema: schema{"type": "integer", "minimum": 1, "maximum": 4294967295},
		set: func(r *reader, n ast.Node, to *labelNode) {
			to.given["session_timeout"] = n
			if v, ok := r.number(n, "session_timeout", 1, 4294967295); ok {
				to.timeout = time.Duration(v) * time.Second
			}
		}},
}

var ruleProperties = []property[ruleNode]{
	{name: "name", required: true, doc: "Name of the rule, unique in the file. Decisions and events show it.",
		schema: schema{"type": "string", "minLength": 1},
		set:    func(r *reader, n ast.Node, to *ruleNode) { to.name = r.name(n, "the name of a rule") }},
	{name: "action", required: true, doc: "Whether the client is let in.",
		schema: enum(actions...),
		set: func(r *reader, n ast.Node, to *ruleNode) {
			to.action, _ = r.oneOf(n, "the action of a rule", actions)
		}},
	{name: "enabled", doc: "A rule that is not enabled is passed over.",
		schema: schema{"type": "boolean", "default": true},
		set: func(r *reader, n ast.Node, to *ruleNode) {
			if on, ok := r.boolean(n, "enabled"); ok {
				to.disabled = !on
			}
		}},
	{name: "matching", doc: "What the client must satisfy; all of it. Without it every client does.",
		schema: objectSchema(criteriaProperties),
		set: func(r *reader, n ast.Node, to *ruleNode) {
			object(r, n, "matching", criteriaProperties, &to.matching)
		}},
	{name: "not_matching", doc: "What the client must not satisfy; none of it.",
		schema: objectSchema(criteriaProperties),
		set: func(r *reader, n ast.Node, to *ruleNode) {
			object(r, n, "not_matching", criteriaProperties, &to.notMatching)
		}},
	{name: "apply_tags", doc: "Names of the labels that an allowed client gets: at most one each of type vlan, radius_group and session_timeout.",
		schema: schema{"type": "array", "minItems": 1, "items": schema{"type": "string"}},
		set: func(r *reader, n ast.Node, to *ruleNode) {
			to.applyNode, to.apply = n, r.texts(n, "apply_tags", "leave it out or name a label")
		}},
}

var criteriaProperties = []property[criteriaNode]{
	{name: "auth_type", doc: "Authentication method; cert stands for every method with a client certificate.",
		schema: enum(authTypes...),
		set: func(r *reader, n ast.Node, to *criteriaNode) {
			to.authType, _ = r.oneOf(n, "auth_type", authTypes)
		}},
	{name: "port_types", doc: "Kinds of access; one of them.",
		schema: schema{"type": "array", "minItems": 1, "items": enum(portTypes...)},
		set: func(r *reader, n ast.Node, to *criteriaNode) {
			for _, entry := range r.list(n, "port_types", maxValues) {
				if s, ok := r.oneOf(entry, "a port type", portTypes); ok {
					to.portTypes = append(to.portTypes, s)
				}
			}
		}},
	{name: "nactags", doc: "Names of labels of type match; each of them.",
		schema: schema{"type": "array", "minItems": 1, "items": schema{"type": "string"}},
		set: func(r *reader, n ast.Node, to *criteriaNode) {
			to.labels = r.texts(n, "nactags", "leave it out or name a label")
		}},
}

// name reads the name of a label or a rule.
func (r *reader) name(n ast.Node, what string) string {
	s, ok := r.text(n, what)
	switch {
	case !ok:
	case strings.TrimSpace(s) == "":
		r.errorf(n, "%s must not be empty", what)
	case strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || c == 0x7f }):
		r.errorf(n, "%s must stand on one line and have no control characters", what)
	}
	return s
}

// texts reads a list of strings; an empty list is a mistake, because it would match nothing or do nothing. The advice
// says what to do instead.
func (r *reader) texts(n ast.Node, what, advice string) []named {
	entries := r.list(n, what, maxValues)
	if seq, ok := n.(*ast.SequenceNode); ok && len(seq.Values) == 0 {
		r.errorf(n, "%s is empty; %s", what, advice)
	}
	var out []named
	for _, entry := range entries {
		if s, ok := r.text(entry, "an entry of "+what); ok {
			out = append(out, named{entry, s})
		}
	}
	return out
}

func tooLong(name string) bool { return utf8.RuneCountInString(name) > maxName }
