package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"nacsim/internal/yamlerr"
)

// An Error is one mistake in a policy file.
type Error struct {
	File string
	// Line and Column count from 1; columns count characters. Both are 0 for a mistake of the file as a whole.
	Line, Column int
	Message      string
	// Source is the offending line, and Width the number of characters from Column on that are meant.
	Source string
	Width  int
}

// Error returns "file:line:column: message", the offending line, and carets under what is meant.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	s := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Source == "" {
		return s
	}
	line, column := excerpt(e.Source, e.Column)
	width := max(1, min(e.Width, utf8.RuneCountInString(line)-column+1))
	return s + "\n    " + line + "\n    " + indent(line, column) + strings.Repeat("^", width)
}

// shown is how many characters of a line an error shows.
const shown = 120

// excerpt cuts a long line to the part around a column, and returns the column in it.
func excerpt(line string, column int) (string, int) {
	runes := []rune(line)
	if len(runes) <= shown {
		return line, column
	}
	first := min(max(column-shown/2, 0), len(runes)-shown)
	part := string(runes[first : first+shown])
	column -= first
	if first > 0 {
		part, column = "…"+part, column+1
	}
	if first+shown < len(runes) {
		part += "…"
	}
	return part, column
}

// indent returns white space as wide as the first column-1 characters of the line.
func indent(line string, column int) string {
	var b strings.Builder
	n := 1
	for _, r := range line {
		if n == column {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// Errors are all mistakes found in a policy file, up to twenty.
type Errors []*Error

const maxErrors = 20

// Error returns the errors one below the other.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the single errors, for errors.As.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i := range e {
		out[i] = e[i]
	}
	return out
}

// A reader walks the syntax tree of one file and collects what is wrong with it.
type reader struct {
	file  string
	lines []string
	errs  Errors
}

// parse returns the root node, or nil after an error.
func (r *reader) parse(data []byte) ast.Node {
	switch {
	case len(data) > maxFile:
		return r.whole("the file has %d octets; a policy may have %d at most", len(data), maxFile)
	case !utf8.Valid(data):
		return r.whole("the file is not encoded in UTF-8")
	}
	r.lines = strings.Split(string(data), "\n")
	if depth(data) > maxDepth {
		return r.whole("the file nests more than %d levels deep", maxDepth)
	}
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // object reports them
	if err != nil {
		return r.syntax(err)
	}
	var root ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.NullType:
		case root != nil:
			r.at(doc.Start, len("---"), "a second document; a policy file has one")
			return nil
		default:
			root = doc.Body
		}
	}
	if root == nil {
		return r.whole("the file is empty; a policy has the keys labels and rules")
	}
	return root
}

// maxDepth bounds nesting, which the parser reads by recursion. A policy needs five levels.
const maxDepth = 32

// depth returns how deep flow collections nest at most, or how many entries of nested lists begin on one line
// where that is more. Brackets and hyphens inside of texts count too.
func depth(data []byte) int {
	deepest, flow, dashes := 0, 0, 0
	for i, c := range data {
		switch {
		case c == '[' || c == '{':
			flow++
			deepest = max(deepest, flow)
		case c == ']' || c == '}':
			flow = max(flow-1, 0)
		case c == '\n':
			dashes = 0
		case c == '-' && i+1 < len(data) && (data[i+1] == ' ' || data[i+1] == '\t'):
			dashes++
			deepest = max(deepest, dashes)
		}
	}
	return deepest
}

func (r *reader) whole(format string, args ...any) ast.Node {
	r.errs = append(r.errs, &Error{File: r.file, Message: fmt.Sprintf(format, args...)})
	return nil
}

func (r *reader) syntax(err error) ast.Node {
	at, message := yamlerr.Explain(err)
	if at == nil {
		return r.whole("%s", message)
	}
	r.at(at, 1, message)
	return nil
}

func (r *reader) errorf(n ast.Node, format string, args ...any) {
	r.at(start(n), width(n), fmt.Sprintf(format, args...))
}

// width returns how many characters a value takes that is written in one word, and 1 for any other.
func width(n ast.Node) int {
	t := n.GetToken()
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		w := utf8.RuneCountInString(t.Value)
		if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
			w += 2
		}
		return w
	}
	return 1
}

// start returns the token at which a node begins for a reader of the file.
func start(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

func (r *reader) at(t *token.Token, width int, message string) {
	if len(r.errs) == maxErrors {
		return
	}
	e := &Error{File: r.file, Message: message, Width: width}
	if t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
		if e.Line >= 1 && e.Line <= len(r.lines) {
			e.Source = strings.TrimRight(r.lines[e.Line-1], "\r")
		}
	}
	r.errs = append(r.errs, e)
}

// A property is one key of a mapping: how it is read, and what the schema says of it.
type property[T any] struct {
	name     string
	doc      string
	required bool
	schema   schema
	set      func(r *reader, n ast.Node, to *T)
}

// object reads a mapping by the table of its properties and reports whether it was one.
func object[T any](r *reader, n ast.Node, what string, table []property[T], to *T) bool {
	pairs, ok := r.mapping(n, what)
	if !ok {
		return false
	}
	seen := make([]string, 0, len(table))
	for _, pair := range pairs {
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			r.errorf(pair.Key, "a key of %s must be one of %s", what, names(table))
			continue
		}
		i := slices.IndexFunc(table, func(p property[T]) bool { return p.name == key.Value })
		switch {
		case i < 0:
			r.errorf(pair.Key, "unknown key %q in %s; expected one of %s", key.Value, what, names(table))
			continue
		case slices.Contains(seen, key.Value):
			r.errorf(pair.Key, "key %q stands in %s twice", key.Value, what)
			continue
		}
		seen = append(seen, key.Value)
		if _, null := pair.Value.(*ast.NullNode); null {
			r.errorf(pair.Key, "%s has no value", key.Value)
			continue
		}
		table[i].set(r, pair.Value, to)
	}
	for i := range table {
		if table[i].required && !slices.Contains(seen, table[i].name) {
			r.errorf(n, "%s lacks the key %q", what, table[i].name)
		}
	}
	return true
}

func names[T any](table []property[T]) string {
	var list []string
	for i := range table {
		list = append(list, table[i].name)
	}
	return strings.Join(list, ", ")
}

func (r *reader) mapping(n ast.Node, what string) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	r.errorf(n, "%s must be a mapping of keys to values, not %s", what, kind(n))
	return nil, false
}

func (r *reader) list(n ast.Node, what string, limit int) []ast.Node {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		r.errorf(n, "%s must be a list, not %s", what, kind(n))
		return nil
	}
	if len(seq.Values) > limit {
		r.errorf(n, "%s has %d entries; the limit is %d", what, len(seq.Values), limit)
		return nil
	}
	return seq.Values
}

// text reads a string. Numbers and the like are refused with the way to write them, because YAML would change
// them: 010203040506 is an octal number.
func (r *reader) text(n ast.Node, what string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimRight(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		r.errorf(n, "%s must be a text; write %q in quotes", what, n.GetToken().Value)
	default:
		r.errorf(n, "%s must be a text, not %s", what, kind(n))
	}
	return "", false
}

// oneOf reads a string out of a few.
func (r *reader) oneOf(n ast.Node, what string, allowed []string) (string, bool) {
	s, ok := r.text(n, what)
	if !ok {
		return "", false
	}
	if !slices.Contains(allowed, s) {
		r.errorf(n, "%s is %q; expected one of %s", what, s, strings.Join(allowed, ", "))
		return "", false
	}
	return s, true
}

func (r *reader) boolean(n ast.Node, what string) (value, ok bool) {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		r.errorf(n, "%s must be true or false, not %s", what, kind(n))
		return false, false
	}
	return b.Value, true
}

// number reads a whole number in decimal, written plainly or in quotes.
func (r *reader) number(n ast.Node, what string, low, high uint64) (uint64, bool) {
	var s string
	switch n := n.(type) {
	case *ast.IntegerNode:
		s = n.GetToken().Value
	case *ast.StringNode:
		s = n.Value
	default:
		r.errorf(n, "%s must be a number from %d to %d, not %s", what, low, high, kind(n))
		return 0, false
	}
	v, ok := decimal(s)
	if !ok || v < low || v > high {
		r.errorf(n, "%s is %q; expected a number from %d to %d", what, s, low, high)
		return 0, false
	}
	return v, true
}

// decimal reads digits without sign and leading zero.
func decimal(s string) (uint64, bool) {
	if s == "" || len(s) > 10 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var v uint64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = v*10 + uint64(s[i]-'0')
	}
	return v, true
}

// kind names a node in words.
func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "nothing"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias, which a policy does not have"
	case *ast.TagNode:
		return "a tag, which a policy does not have"
	}
	return "this"
}
