package scenario

import (
	"slices"
	"strings"
)

// This file checks expectations: what goes together, and whether there can be a record as expected.

var whereRule = rule[[]Field]{
	schema: schema{Type: "object", AdditionalProperties: &anyValue.schema, MinProperties: 1, MaxProperties: 32},
	read: func(p *parser, n *node, label string, into *[]Field) {
		if n.kind != mappingNode || len(n.entries) == 0 || len(n.entries) > 32 {
			p.wrong(n, label, "a mapping from up to 32 fields of the record to their values")
			return
		}
		for _, e := range n.entries {
			f := Field{Pos: e.key.pos, Name: e.key.text}
			anyValue.read(p, e.value, label+": "+e.key.text, &f.Value)
			*into = append(*into, f)
		}
	},
}

// clientFacts are the keys of an expectation that say something of a client.
var clientFacts = []string{"vlan", "state", "rule", "role", "compliance", "nas", "port"}

// recordOnly are the keys that make sense in an expectation about a record only.
var recordOnly = []string{"device", "key", "from", "to", "where", "count", "at_least", "at_most", "since"}

// anyRecord are the keys that an expectation about any kind of record can have.
var anyRecord = []string{"where", "count", "at_least", "at_most", "not", "since"}

// checkExpect makes sure that an expectation has one of its two forms.
func checkExpect(p *parser, n *node, e *Expect) {
	refuse := func(why string, keys ...string) {
		for _, k := range keys {
			if v := n.entry(k); v != nil {
				p.report(v.pos, v.width, "%s %s", k, why)
			}
		}
	}
	if n.entry("client") != nil {
		refuse("cannot stand beside client, which means the same", "device")
	}
	if e.Record == "" {
		checkState(p, n, e)
		refuse("is for an expectation about a record: event, packet, decision and so on", recordOnly...)
		return
	}
	refuse("is not a field of a record; write a step of its own for it", "state", "port")
	if kind := RecordKindNamed(e.Record); kind != nil {
		p.checkKeys(n, e, kind)
		p.checkWhere(n, e, kind)
	}
	if e.Record == "packet" {
		p.checkWay(n, e.Value, e.From, e.To)
	}
	if e.Count != nil {
		refuse("cannot stand beside count", "at_least", "at_most", "not")
		e.SinceStart = e.SinceStart || n.entry("since") == nil
		return
	}
	if e.Not {
		refuse("cannot stand beside not: true", "at_least", "at_most")
	}
	if e.AtMost != nil {
		e.SinceStart = e.SinceStart || n.entry("since") == nil
		return
	}
	e.AtLeast = max(1, e.AtLeast)
}

// checkKeys reports the keys that no such record can meet.
func (p *parser) checkKeys(n *node, e *Expect, kind *RecordKind) {
	for _, key := range fieldKeys {
		at := n.entry(key)
		if at == nil {
			continue
		}
		meant := key
		if key == "device" {
			meant = "client"
		}
		f := kind.Keyed(meant, e.Value)
		switch {
		case f == nil && kind.Keyed(meant, "") == nil:
			p.report(at.pos, at.width, "%s: a record of kind %s has none; the keys here are %s", key, kind.Name, strings.Join(slices.Concat(kind.keys(), anyRecord), ", "))
		case f == nil:
			p.report(at.pos, at.width, "%s: a record of kind %s with %s has none; those with %s do", key, kind.Name, e.Value, strings.Join(kind.with(func(f *RecordField) bool { return f.Key == meant }), ", "))
		case f.Values != nil && at.kind == scalarNode && !kind.possible(meant, e.Value, at.text):
			p.report(at.pos, at.width, "%s: in a record of kind %s it is one of %s, not %s", key, kind.Name, strings.Join(f.Values, ", "), at.text)
		}
	}
}

// possible reports whether a field that a key means can have the value.
func (k *RecordKind) possible(key, value, want string) bool {
	return k.find(value, func(f *RecordField) bool {
		return f.Key == key && (f.Values == nil || slices.Contains(f.Values, want))
	}) != nil
}

// with are the values of the principal field with which a record has a field.
func (k *RecordKind) with(is func(*RecordField) bool) []string {
	var list []string
	for i := range k.Fields {
		if is(&k.Fields[i]) {
			list = append(list, k.Fields[i].Of...)
		}
	}
	return list
}

// checkWhere reports the fields under where that no such record has.
func (p *parser) checkWhere(n *node, e *Expect, kind *RecordKind) {
	where := n.entry("where")
	if where == nil || where.kind != mappingNode {
		return
	}
	for _, entry := range where.entries {
		key := entry.key
		switch {
		case kind.Named(key.text, e.Value) != nil:
		case kind.Named(key.text, "") != nil:
			p.report(key.pos, key.width, "where: a record of kind %s with %s has no field %q; those with %s do", kind.Name, e.Value, key.text,
				strings.Join(kind.with(func(f *RecordField) bool { return f.Name == key.text }), ", "))
		default:
			p.report(key.pos, key.width, `where: a record of kind %s has no field %q%s (see "nacsim help records")`, kind.Name, key.text,
				suggest(key.text, "its fields are", kind.names()))
		}
	}
}

// checkState checks an expectation about a client.
func checkState(p *parser, n *node, e *Expect) {
	isFact := func(k string) bool { return n.entry(k) != nil }
	said := slices.ContainsFunc(clientFacts, isFact)
	for _, entry := range n.entries { // a misspelt key has been reported
		said = said || !slices.ContainsFunc(expectNames, func(name string) bool { return name == entry.key.text })
		for _, form := range recordForms {
			said = said || entry.key.text == form.name
		}
	}
	if !said {
		p.report(n.pos, n.width, "nothing is expected; give one of %s, or a record: event, packet, decision, lookup, coa, …", strings.Join(clientFacts, ", "))
		return
	}
	if n.entry("client") == nil && slices.ContainsFunc(clientFacts, isFact) {
		p.report(n.pos, n.width, "client is missing: whose %s?", firstOf(n, clientFacts))
	}
	p.checkPort(n, e)
}

// checkPort makes sure that there is such a port.
func (p *parser) checkPort(n *node, e *Expect) {
	at := n.entry("port")
	if at == nil || e.Port == 0 {
		return
	}
	if n.entry("nas") == nil {
		p.report(at.pos, at.width, "port needs nas: the switch that it is on")
		return
	}
	nas := p.file.NASNamed(e.NAS)
	switch {
	case nas == nil || nas.Kind == "": // its own error has been reported
	case nas.Kind == KindAP:
		p.report(at.pos, at.width, "port: %s is an access point and has no ports", nas.Name)
	case e.Port > nas.Ports:
		p.report(at.pos, at.width, "port: %s has no port %d; its ports are 1 to %d", nas.Name, e.Port, nas.Ports)
	}
}

// firstOf returns the first of the keys that n has.
func firstOf(n *node, keys []string) string {
	for _, k := range keys {
		if n.entry(k) != nil {
			return k
		}
	}
	return ""
}
