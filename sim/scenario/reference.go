package scenario

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The rules for names of things that are defined elsewhere in the file.

var nameForm = regexp.MustCompile(namePattern)

// names are the names under a section of the file.
type names struct {
	list []string // in the order of the file
	set  map[string]bool
	all  bool // whether there are no others; false when the section could not be read
}

// declare notes the names that the file defines before anything refers to them, so that a mistake in a
// definition does not make every use of its name a mistake too.
func (p *parser) declare(root *node) {
	p.nas, p.devices = declared(root, "nas"), declared(root, "devices")
}

func declared(root *node, section string) names {
	n := root.entry(section)
	if n == nil {
		return names{all: true}
	}
	out := names{set: make(map[string]bool, len(n.entries)), all: n.kind == mappingNode}
	for _, e := range n.entries {
		out.list = append(out.list, e.key.text)
		out.set[e.key.text] = true
	}
	return out
}

// checkHostName checks a name under nas or devices.
func checkHostName(p *parser, key *node) bool {
	switch {
	case !nameForm.MatchString(key.text):
		p.report(key.pos, key.width, "name %q: want up to 32 letters, digits, dots, hyphens and underscores, such as laptop-1", key.text)
	case key.text == HostNAC || key.text == HostGraph || key.text == HostPKI:
		p.report(key.pos, key.width, "the name %q is taken: every scenario can have a host with it", key.text)
	case p.hosts[key.text]:
		p.report(key.pos, key.width, "duplicate name %q: a NAS and a device cannot have the same", key.text)
	default:
		p.hosts[key.text] = true
		return true
	}
	return false
}

// refSchema is what a name looks like to an editor, which cannot know the names.
var refSchema = schema{Type: "string", Pattern: namePattern}

// reference is a rule for a name out of those of some sections, or one of the names that every scenario has.
func reference(what string, always []string, sections ...func(p *parser) *names) rule[string] {
	return rule[string]{schema: refSchema, read: func(p *parser, n *node, label string, into *string) {
		if n.kind != scalarNode || n.text == "" {
			p.wrong(n, label, "the name of a %s", what)
			return
		}
		known, all := slices.Contains(always, n.text), true
		for _, section := range sections {
			names := section(p)
			known = known || names.set[n.text]
			all = all && names.all
		}
		if known || !all && nameForm.MatchString(n.text) {
			*into = n.text
			return
		}
		list := slices.Clone(always)
		for _, section := range sections {
			list = append(list, section(p).list...)
		}
		hint := suggest(n.text, "there are", list)
		if len(list) == 0 {
			hint = "; the scenario defines none"
		}
		p.report(n.pos, n.width, "%s: unknown %s %s%s", label, what, n.describe(), hint)
	}}
}

// orPKI accepts the host pki too, in scenarios that have it.
func orPKI(r rule[string]) rule[string] {
	read := r.read
	r.read = func(p *parser, n *node, label string, into *string) {
		switch {
		case n.kind != scalarNode || n.text != HostPKI:
			read(p, n, label, into)
		case p.file.Authentication.Revocation.By == RevocationNone:
			p.report(n.pos, n.width, "%s: there is no host pki, as authentication.revocation.by is none", label)
		default:
			*into = HostPKI
		}
	}
	return r
}

func nasNames(p *parser) *names    { return &p.nas }
func deviceNames(p *parser) *names { return &p.devices }

var (
	deviceRef = reference("device", nil, deviceNames)
	nasRef    = reference("NAS", nil, nasNames)
	hostRef   = orPKI(reference("host", []string{HostNAC, HostGraph}, nasNames, deviceNames))
)

// ruleRef accepts the names of rules in the policies that the scenario uses. A policy that a later step brings in is
// not known yet, so the names are checked at the end.
var ruleRef = rule[string]{schema: line(128).schema, read: func(p *parser, n *node, label string, into *string) {
	line(128).read(p, n, label, into)
	if *into != "" {
		p.ruleRefs = append(p.ruleRefs, n)
	}
}}

// attachmentPattern is an access point, or a switch and a port.
const attachmentPattern = `^[A-Za-z0-9][A-Za-z0-9._-]{0,31}(/[1-9][0-9]{0,2})?$`

// attachmentRule reads where a device is connected to.
var attachmentRule = rule[Connect]{schema: schema{Type: "string", Pattern: attachmentPattern}, read: readAttachment}

func readAttachment(p *parser, n *node, label string, into *Connect) {
	if n.kind != scalarNode {
		p.wrong(n, label, "an access point such as ap-1 or a switch port such as sw-1/3")
		return
	}
	name, port, hasPort := strings.Cut(n.text, "/")
	if !p.nas.set[name] {
		if p.nas.all {
			p.report(n.pos, n.width, "%s: unknown NAS %q%s", label, name, suggest(name, "there are", p.nas.list))
		}
		return
	}
	nas := p.file.NASNamed(name)
	if nas == nil || nas.Kind == "" {
		return // its own error has been reported
	}
	number, err := strconv.Atoi(port)
	switch {
	case nas.Kind == KindAP && hasPort:
		p.report(n.pos, n.width, "%s: %s is an access point and has no ports; write %s", label, name, name)
	case nas.Kind == KindAP:
		into.NAS = name
	case !hasPort:
		p.report(n.pos, n.width, "%s: %s is a switch; write the port too, from %s/1 to %s/%d", label, name, name, name, nas.Ports)
	case err != nil || number < 1 || number > nas.Ports || strconv.Itoa(number) != port:
		p.report(n.pos, n.width, "%s: %s has no port %q; its ports are 1 to %d", label, name, port, nas.Ports)
	default:
		into.NAS, into.Port = name, number
	}
}
