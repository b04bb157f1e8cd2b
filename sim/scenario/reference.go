package scenario

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The rules for names of things that are defined elsewhere in the file.

var nameForm = regexp.MustCompile(namePattern)

// declare notes the names that the file defines before anything refers to them, so that a mistake in a
// definition does not make every use of its name a mistake too.
func (p *parser) declare(root *node) {
	p.nasNames, p.nasKnown = declared(root, "nas")
	p.deviceNames, p.devicesKnown = declared(root, "devices")
}

// declared returns the keys of a section, and whether they are all there are.
func declared(root *node, section string) (names []string, known bool) {
	n := root.entry(section)
	if n == nil {
		return nil, true
	}
	for _, e := range n.entries {
		names = append(names, e.key.text)
	}
	return names, n.kind == mappingNode
}

// checkHostName checks a name under nas or devices.
func checkHostName(p *parser, key *node) bool {
	switch {
	case !nameForm.MatchString(key.text):
		p.report(key.pos, key.width, "name %q: want up to 32 letters, digits, dots, hyphens and underscores, such as laptop-1", key.text)
	case key.text == HostNAC || key.text == HostGraph:
		p.report(key.pos, key.width, "the name %q is taken: every scenario has a host with it", key.text)
	case slices.Contains(p.hosts, key.text):
		p.report(key.pos, key.width, "duplicate name %q: a NAS and a device cannot have the same", key.text)
	default:
		p.hosts = append(p.hosts, key.text)
		return true
	}
	return false
}

// refSchema is what a name looks like to an editor, which cannot know the names.
var refSchema = schema{Type: "string", Pattern: namePattern}

// reference is a rule for a name out of those that names returns, if these are known to be all.
func reference(what string, names func(p *parser) ([]string, bool)) rule[string] {
	return rule[string]{schema: refSchema, read: func(p *parser, n *node, label string, into *string) {
		if n.kind != scalarNode || n.text == "" {
			p.wrong(n, label, "the name of a %s", what)
			return
		}
		known, all := names(p)
		if slices.Contains(known, n.text) || !all && nameForm.MatchString(n.text) {
			*into = n.text
			return
		}
		hint := suggest(n.text, "there are", known)
		if len(known) == 0 {
			hint = "; the scenario defines none"
		}
		p.report(n.pos, n.width, "%s: unknown %s %s%s", label, what, n.describe(), hint)
	}}
}

var deviceRef = reference("device", func(p *parser) ([]string, bool) { return p.deviceNames, p.devicesKnown })

var nasRef = reference("NAS", func(p *parser) ([]string, bool) { return p.nasNames, p.nasKnown })

var hostRef = reference("host", func(p *parser) ([]string, bool) {
	return slices.Concat([]string{HostNAC, HostGraph}, p.nasNames, p.deviceNames), p.nasKnown && p.devicesKnown
})

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
	if !slices.Contains(p.nasNames, name) {
		if p.nasKnown {
			p.report(n.pos, n.width, "%s: unknown NAS %q%s", label, name, suggest(name, "there are", p.nasNames))
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
