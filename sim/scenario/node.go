package scenario

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	yamlparser "github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"nacsim/internal/yamlerr"
)

// Limits on the shape of a file, checked before and while it is taken apart, so that no small file can cost much.
const (
	maxLine     = 4096   // characters in a line
	maxBrackets = 200    // brackets and braces open at once, counted wherever they stand
	maxDepth    = 32     // levels of nesting, the depth of the language is 8
	maxValues   = 200000 // values of a file once its aliases are followed
	maxSiblings = 6000   // lines in a row at the same indentation; the YAML library takes time quadratic in it
)

type nodeKind int

const (
	nullNode nodeKind = iota
	scalarNode
	mappingNode
	sequenceNode
)

// kindName is what a node is called in an error.
func (k nodeKind) String() string {
	switch k {
	case nullNode:
		return "nothing"
	case mappingNode:
		return "a mapping"
	case sequenceNode:
		return "a list"
	default:
		return "a value"
	}
}

type scalarType int

const (
	stringScalar scalarType = iota
	boolScalar
	intScalar
	floatScalar
)

// A node is a value of the file, aliases followed and merge keys applied.
type node struct {
	pos   Pos
	width int
	kind  nodeKind

	text   string // of a scalar
	scalar scalarType

	entries []entry // of a mapping, no key twice
	items   []*node // of a sequence

	size int // values in it, aliases followed
}

type entry struct {
	key   *node
	value *node
	label string // how errors name the value
}

func (n *node) entry(key string) *node {
	for i := range n.entries {
		if n.entries[i].key.text == key {
			return n.entries[i].value
		}
	}
	return nil
}

// holds reports whether pos is that of n or of a value in it.
func (n *node) holds(pos Pos) bool {
	if n.pos == pos {
		return true
	}
	for _, item := range n.items {
		if item.holds(pos) {
			return true
		}
	}
	for _, e := range n.entries {
		if e.key.pos == pos || e.value.holds(pos) {
			return true
		}
	}
	return false
}

// A builder turns the syntax tree of the YAML library into nodes.
type builder struct {
	p       *parser
	anchors map[string]*node // nil while the anchored value is being built
	failed  bool             // an error that makes the rest meaningless
}

// readNode parses YAML. It returns nil after reporting an error that leaves nothing to look at.
func readNode(p *parser, data []byte) *node {
	if !checkText(p) {
		return nil
	}
	tree, err := yamlparser.ParseBytes(data, 0, yamlparser.AllowDuplicateMapKey())
	if err != nil {
		p.syntaxError(err)
		return nil
	}
	b := &builder{p: p, anchors: make(map[string]*node)}
	var root *node
	for _, doc := range tree.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if root != nil {
			p.report(p.position(doc.Start), 3, "a second YAML document begins here; write one scenario per file")
			return nil
		}
		if root = b.build(doc.Body, 0); b.failed {
			return nil
		}
	}
	if root == nil {
		p.report(Pos{p.name, 1, 1}, 1, "the file is empty; a scenario begins with title:")
	}
	return root
}

// checkText checks what must hold before the text is given to the YAML library.
func checkText(p *parser) bool {
	brackets := 0
	var rows siblings
	for i, line := range p.lines {
		at := Pos{p.name, i + 1, 1}
		if !utf8.ValidString(line) {
			for j, r := range line {
				if _, n := utf8.DecodeRuneInString(line[j:]); r == utf8.RuneError && n == 1 {
					at.Col = utf8.RuneCountInString(line[:j]) + 1
					break
				}
			}
			p.report(at, 1, "the file is not UTF-8 text")
			return false
		}
		if j := strings.IndexFunc(line, forbidden); j >= 0 {
			at.Col = utf8.RuneCountInString(line[:j]) + 1
			r, _ := utf8.DecodeRuneInString(line[j:])
			p.report(at, 1, "the file contains the control character %U", r)
			return false
		}
		if len(line) > maxLine {
			at.Col = maxLine
			p.report(at, 1, "the line has %d octets; at most %d are allowed", len(line), maxLine)
			return false
		}
		if rows.add(line) > maxSiblings {
			p.report(at, 1, "more than %d lines follow one another at the same indentation", maxSiblings)
			return false
		}
		for j := 0; j < len(line); j++ {
			switch line[j] {
			case '[', '{':
				brackets++
			case ']', '}':
				brackets = max(0, brackets-1)
			}
			if brackets > maxBrackets {
				at.Col = utf8.RuneCountInString(line[:j]) + 1
				p.report(at, 1, "more than %d brackets are open", maxBrackets)
				return false
			}
		}
	}
	return true
}

// siblings counts the lines at each level of indentation since the last line further left.
type siblings []struct{ indent, lines int }

// add counts a line and returns how many there are at its level by now. Items of lists do not count: many of
// them cost little.
func (s *siblings) add(line string) int {
	text := strings.TrimLeft(line, " ")
	if text == "" || text[0] == '#' || text[0] == '-' {
		return 0
	}
	indent := len(line) - len(text)
	for len(*s) > 0 && (*s)[len(*s)-1].indent > indent {
		*s = (*s)[:len(*s)-1]
	}
	if len(*s) == 0 || (*s)[len(*s)-1].indent < indent {
		*s = append(*s, struct{ indent, lines int }{indent: indent})
	}
	last := &(*s)[len(*s)-1]
	last.lines++
	return last.lines
}

// forbidden reports whether YAML does not allow a character (YAML 1.2.2 section 5.1).
func forbidden(r rune) bool {
	return r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff
}

func (p *parser) position(t *token.Token) Pos {
	if t == nil || t.Position == nil {
		return Pos{p.name, 1, 1}
	}
	return Pos{p.name, max(1, t.Position.Line), max(1, t.Position.Column)}
}

// syntaxError reports an error of the YAML library in one line at its position.
func (p *parser) syntaxError(err error) {
	at, message := yamlerr.Explain(err)
	p.report(p.position(at), 1, "%s", message)
}

func (b *builder) fail(t *token.Token, format string, args ...any) *node {
	pos := b.p.position(t)
	b.p.report(pos, 1, format, args...)
	b.failed = true
	return &node{pos: pos}
}

func (b *builder) build(n ast.Node, depth int) *node {
	if n == nil {
		return &node{pos: Pos{b.p.name, 1, 1}, size: 1}
	}
	t := n.GetToken()
	if depth > maxDepth {
		return b.fail(t, "nested more than %d levels deep", maxDepth)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return b.mapping(n, depth)
	case *ast.SequenceNode:
		return b.sequence(n, depth)
	case *ast.AnchorNode:
		return b.anchor(n, depth)
	case *ast.AliasNode:
		return b.alias(n)
	case *ast.TagNode:
		return b.fail(t, "the tag %q means nothing here; write the value without it", t.Value)
	case *ast.NullNode:
		pos := b.p.position(t)
		if pos.Line <= len(b.p.lines) { // a missing value can have a position beyond the end of its line
			pos.Col = min(pos.Col, utf8.RuneCountInString(b.p.lines[pos.Line-1])+1)
		}
		return &node{pos: pos, width: 1, size: 1}
	case *ast.LiteralNode:
		return b.scalar(n.Value.Value, t, stringScalar)
	case *ast.StringNode:
		return b.scalar(n.Value, t, stringScalar)
	case *ast.BoolNode:
		return b.scalar(t.Value, t, boolScalar)
	case *ast.IntegerNode:
		return b.scalar(t.Value, t, intScalar)
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return b.scalar(t.Value, t, floatScalar)
	default:
		return b.fail(t, "this form of YAML is not used in scenarios: %s", n.Type().YAMLName())
	}
}

func (b *builder) scalar(text string, t *token.Token, typ scalarType) *node {
	width := utf8.RuneCountInString(text)
	switch t.Type {
	case token.SingleQuoteType, token.DoubleQuoteType:
		width += 2
	case token.LiteralType, token.FoldedType:
		width = 1
	}
	return &node{pos: b.p.position(t), width: width, kind: scalarNode, text: text, scalar: typ, size: 1}
}

func (b *builder) sequence(n *ast.SequenceNode, depth int) *node {
	out := &node{pos: b.p.position(n.GetToken()), width: 1, kind: sequenceNode, size: 1}
	for _, v := range n.Values {
		item := b.build(v, depth+1)
		if b.failed {
			return out
		}
		out.items = append(out.items, item)
		if out.size += item.size; !b.bounded(out, v.GetToken()) {
			return out
		}
	}
	return out
}

func (b *builder) mapping(n *ast.MappingNode, depth int) *node {
	out := &node{pos: b.p.position(n.GetToken()), width: 1, kind: mappingNode, size: 1}
	seen := make(map[string]*node, len(n.Values))
	var merged []*node
	for i, v := range n.Values {
		t := v.Key.GetToken()
		if i == 0 && !n.IsFlowStyle { // the library's position is that of the first colon
			out.pos = b.p.position(t)
		}
		value := b.build(v.Value, depth+1)
		if b.failed {
			return out
		}
		if out.size += value.size; !b.bounded(out, t) {
			return out
		}
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, value)
			continue
		}
		key := b.key(v.Key)
		if b.failed {
			return out
		}
		if first := seen[key.text]; first != nil {
			b.p.report(key.pos, key.width, "duplicate key %q; it is already on line %d", key.text, first.pos.Line)
			continue
		}
		seen[key.text] = key
		out.entries = append(out.entries, entry{key: key, value: value, label: key.text})
	}
	for _, m := range merged {
		b.merge(out, seen, m)
	}
	return out
}

// key returns the node of a plain or quoted key.
func (b *builder) key(n ast.MapKeyNode) *node {
	t := n.GetToken()
	switch n := n.(type) {
	case *ast.StringNode:
		return b.scalar(n.Value, t, stringScalar)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return b.scalar(t.Value, t, stringScalar)
	default:
		return b.fail(t, `write this key as a plain word, "key: value"`)
	}
}

// merge adds the entries of the value of a merge key ("<<: *base") that are not there yet.
func (b *builder) merge(out *node, seen map[string]*node, from *node) {
	if from.kind != mappingNode {
		b.p.report(from.pos, from.width, `"<<" must be given an alias of a mapping, such as *base`)
		return
	}
	for _, e := range from.entries {
		if seen[e.key.text] == nil {
			seen[e.key.text] = e.key
			out.entries = append(out.entries, e)
		}
	}
}

func (b *builder) anchor(n *ast.AnchorNode, depth int) *node {
	name := n.Name.GetToken().Value
	if _, dup := b.anchors[name]; dup {
		return b.fail(n.GetToken(), "the anchor &%s is defined twice", name)
	}
	b.anchors[name] = nil
	value := b.build(n.Value, depth)
	b.anchors[name] = value
	return value
}

func (b *builder) alias(n *ast.AliasNode) *node {
	name := n.Value.GetToken().Value
	value, ok := b.anchors[name]
	switch {
	case !ok:
		return b.fail(n.GetToken(), "the alias *%s has no anchor &%s before it", name, name)
	case value == nil:
		return b.fail(n.GetToken(), "the alias *%s stands inside its own anchor", name)
	}
	return value
}

// bounded checks the number of values under n.
func (b *builder) bounded(n *node, t *token.Token) bool {
	if n.size <= maxValues {
		return true
	}
	b.fail(t, "the file has more than %d values, counting each use of an alias", maxValues)
	return false
}

// describe returns how an error shows what was written.
func (n *node) describe() string {
	if n.kind != scalarNode {
		return n.kind.String()
	}
	text := n.text
	if len(text) > 40 {
		cut := 40
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	if n.scalar == stringScalar {
		return fmt.Sprintf("%q", text)
	}
	return text
}
