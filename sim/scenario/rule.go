package scenario

import (
	"fmt"
	"strings"
)

// A rule says what may stand at one place of a file: how it is read into a T, and the schema of it. Rules are
// combined in table.go; because both come from the same place, parser and schema cannot drift apart.
type rule[T any] struct {
	schema schema
	// read sets *into from n, or reports what is wrong with n. The label is the key that n stands under.
	read func(p *parser, n *node, label string, into *T)
}

// A field is a key of a mapping that is read into an S.
type field[S any] struct {
	name     string
	schema   schema
	required bool
	initial  *node // the default, or nil
	read     func(p *parser, n *node, into *S)
}

// An option refines a field.
type option func(*fieldOptions)

type fieldOptions struct {
	required bool
	initial  string
	examples []string
	words    string
}

// required makes a missing key an error.
func required() option { return func(o *fieldOptions) { o.required = true } }

// initially gives the value of a missing key, in YAML.
func initially(yaml string) option { return func(o *fieldOptions) { o.initial = yaml } }

// example adds an example to the schema, in YAML.
func example(yaml ...string) option {
	return func(o *fieldOptions) { o.examples = append(o.examples, yaml...) }
}

// otherwise says in words what a missing key means, for the description only.
func otherwise(words string) option { return func(o *fieldOptions) { o.words = words } }

// key makes a field: its name, its documentation, where its value goes and what it may be.
func key[S, V any](name, doc string, at func(*S) *V, r rule[V], options ...option) field[S] {
	return keyOf(name, doc, func(p *parser, n *node, into *S) { r.read(p, n, name, at(into)) }, r.schema, options...)
}

func keyOf[S any](name, doc string, read func(*parser, *node, *S), sch schema, options ...option) field[S] {
	var o fieldOptions
	for _, set := range options {
		set(&o)
	}
	f := field[S]{name: name, schema: sch, required: o.required, read: read}
	f.schema.Description = strings.Join(strings.Fields(doc), " ")
	if o.words != "" {
		f.schema.Description += " Default: " + o.words + "."
	}
	if o.initial != "" {
		f.initial = literal(o.initial)
	}
	if o.initial != "" && o.initial != "{}" { // of an empty mapping, the keys have the defaults
		f.schema.Default = f.initial.json()
		f.schema.Description += " Default: " + o.initial + "."
	}
	for _, e := range o.examples {
		f.schema.Examples = append(f.schema.Examples, literal(e).json())
	}
	return f
}

// literal parses YAML of the table. A mistake in it is one of this package.
func literal(text string) *node {
	p := newParser("table.go", []byte(text))
	n := readNode(p, []byte(text))
	if len(p.errs) > 0 || n == nil {
		panic("scenario: " + text + ": " + p.errs.Error())
	}
	return n
}

// A mapping is a rule for a mapping with known keys. Fields are read in the order of the table, not of the
// file, so that what names refer to is known first.
type mapping[S any] struct {
	fields []field[S]
	// before fills in what depends on other parts of the file; after checks what no single key can.
	before func(p *parser, n *node, into *S)
	after  func(p *parser, n *node, into *S)
	// dependent are constraints between keys, for the schema.
	schema schema
}

func (m mapping[S]) rule() rule[S] {
	s := m.schema
	s.Type = "object"
	s.AdditionalProperties = false
	for _, f := range m.fields {
		s.Properties = append(s.Properties, property{f.name, &f.schema})
		if f.required {
			s.Required = append(s.Required, f.name)
		}
	}
	return rule[S]{schema: s, read: m.read}
}

func (m mapping[S]) read(p *parser, n *node, label string, into *S) {
	if n.kind != mappingNode {
		p.wrong(n, label, "a mapping with the keys %s", m.names())
		return
	}
	if placed, ok := any(into).(interface{ setPos(Pos) }); ok {
		placed.setPos(n.pos)
	}
	if m.before != nil {
		m.before(p, n, into)
	}
	m.unknown(p, n)
	for i := range m.fields {
		f := &m.fields[i]
		value := n.entry(f.name)
		switch {
		case value != nil:
			f.read(p, value, into)
		case f.required:
			p.report(n.pos, n.width, "%s lacks the key %q", strings.TrimSuffix(label, ":"), f.name)
		case f.initial != nil:
			f.read(p, f.initial.at(n.pos), into)
		}
	}
	if m.after != nil {
		m.after(p, n, into)
	}
}

// unknown reports the keys of n that the table does not have.
func (m mapping[S]) unknown(p *parser, n *node) {
	for _, e := range n.entries {
		known := false
		for i := range m.fields {
			known = known || m.fields[i].name == e.key.text
		}
		if !known {
			names := make([]string, len(m.fields))
			for i := range m.fields {
				names[i] = m.fields[i].name
			}
			p.report(e.key.pos, e.key.width, "unknown key %q%s", e.key.text, suggest(e.key.text, "the keys here are", names))
		}
	}
}

func (m mapping[S]) names() string {
	names := make([]string, len(m.fields))
	for i := range m.fields {
		names[i] = m.fields[i].name
	}
	return strings.Join(names, ", ")
}

// names of hosts: what a key under nas and devices may look like.
const namePattern = `^[A-Za-z0-9]([A-Za-z0-9._-]{0,30}[A-Za-z0-9])?$`

// named is a rule for a mapping from names to values of one kind, read into a slice in the order of the file.
func named[S any](what string, most int, check func(p *parser, key *node) bool, setName func(*S, string), r rule[S]) rule[[]S] {
	sch := schema{
		Type:                 "object",
		PropertyNames:        &schema{Pattern: namePattern},
		MaxProperties:        most,
		AdditionalProperties: &r.schema,
	}
	return rule[[]S]{schema: sch, read: func(p *parser, n *node, label string, into *[]S) {
		if n.kind != mappingNode {
			p.wrong(n, label, "a mapping from the name of each %s to its settings", what)
			return
		}
		if len(n.entries) > most {
			p.report(n.pos, n.width, "%s: %d is too many; at most %d are allowed", label, len(n.entries), most)
			return
		}
		for _, e := range n.entries {
			if !check(p, e.key) {
				continue
			}
			var item S
			setName(&item, e.key.text)
			r.read(p, e.value, what+" "+e.key.text, &item)
			*into = append(*into, item)
		}
	}}
}

// list is a rule for a list of values of one kind.
func list[S any](what string, most int, r rule[S]) rule[[]S] {
	sch := schema{Type: "array", Items: &r.schema, MaxItems: most}
	return rule[[]S]{schema: sch, read: func(p *parser, n *node, label string, into *[]S) {
		if n.kind != sequenceNode {
			p.wrong(n, label, "a list of %s", what)
			return
		}
		if len(n.items) > most {
			p.report(n.pos, n.width, "%s: a list of %d is too long; at most %d are allowed", label, len(n.items), most)
			return
		}
		*into = make([]S, len(n.items))
		for i, item := range n.items {
			r.read(p, item, label, &(*into)[i])
		}
	}}
}

// atLeastOne refuses an empty list.
func atLeastOne[S any](r rule[[]S]) rule[[]S] {
	r.schema.MinItems = 1
	read := r.read
	r.read = func(p *parser, n *node, label string, into *[]S) {
		if n.kind == sequenceNode && len(n.items) == 0 {
			p.report(n.pos, n.width, "%s: the list is empty", label)
			return
		}
		read(p, n, label, into)
	}
	return r
}

// distinct makes a list of strings a set.
func distinct(r rule[[]string]) rule[[]string] {
	r.schema.UniqueItems = true
	read := r.read
	r.read = func(p *parser, n *node, label string, into *[]string) {
		read(p, n, label, into)
		for i, item := range n.items {
			for _, earlier := range n.items[:i] {
				if item.kind == scalarNode && earlier.kind == scalarNode && item.text == earlier.text {
					p.report(item.pos, item.width, "%s: %s is listed twice", label, item.describe())
				}
			}
		}
	}
	return r
}

// optional is a rule for what is read into a pointer, nil when the key is missing.
func optional[S any](r rule[S]) rule[*S] {
	return rule[*S]{schema: r.schema, read: func(p *parser, n *node, label string, into **S) {
		v := new(S) // never what *into points to, which may be shared with a default
		r.read(p, n, label, v)
		*into = v
	}}
}

// orNone accepts the word none beside what r accepts; it leaves *into as it is after calling none.
func orNone[S any](r rule[S], none func(into *S)) rule[S] {
	switch t := r.schema.Type.(type) {
	case string:
		r.schema.Type = []string{t, "string"}
		if t == "string" {
			r.schema.Type = "string"
		}
	}
	if r.schema.Pattern == "" {
		r.schema.Pattern = "^none$"
	} else {
		r.schema.Pattern = "^none$|" + r.schema.Pattern
	}
	read := r.read
	r.read = func(p *parser, n *node, label string, into *S) {
		if n.kind == scalarNode && n.text == "none" {
			none(into)
			return
		}
		if n.kind == scalarNode && r.schema.Properties != nil {
			p.wrong(n, label, "none, or a mapping")
			return
		}
		read(p, n, label, into)
	}
	return r
}

// scalar is a rule for a single value. The types are those of YAML that are accepted, and want completes "label:
// want …, got …".
func scalar[S any](sch schema, want string, accept func(scalarType) bool, convert func(p *parser, n *node, into *S) error) rule[S] {
	return rule[S]{schema: sch, read: func(p *parser, n *node, label string, into *S) {
		if n.kind != scalarNode || !accept(n.scalar) {
			p.wrong(n, label, "%s", want)
			return
		}
		if err := convert(p, n, into); err != nil {
			if reason := err.Error(); reason != "" {
				p.report(n.pos, n.width, "%s: %s: want %s, got %s", label, reason, want, n.describe())
				return
			}
			p.wrong(n, label, "%s", want)
		}
	}}
}

// plain is the error of a conversion that has nothing to add to what is wanted.
var plain = fmt.Errorf("")

// Which scalars of YAML a rule accepts.
func isString(t scalarType) bool       { return t == stringScalar }
func isInt(t scalarType) bool          { return t == intScalar }
func isBool(t scalarType) bool         { return t == boolScalar }
func isStringOrBool(t scalarType) bool { return t == stringScalar || t == boolScalar }
func isStringOrInt(t scalarType) bool  { return t == stringScalar || t == intScalar }
func isNumberOrText(t scalarType) bool { return t != boolScalar }
func isAnyScalar(scalarType) bool      { return true }
