// Package yamltable reads a YAML file by tables of the keys that it may have, and writes the JSON Schema of the file
// from the same tables, so that the two agree.
//
// A table is a list of [Property], each with the name of a key, its documentation, its schema, and a function that
// reads its value. Every mistake is reported with file, line and column, the line itself, and what was expected; see
// [Errors]. Anchors, aliases and tags are refused, and so is what would be read as something else than it looks like,
// such as an octal number where a text is expected.
//
//	r := yamltable.Reader{File: name, What: "policy", Keys: "labels and rules", Limit: 1 << 20}
//	var f file
//	if root := r.Parse(data); root != nil && yamltable.Object(&r, root, "the policy", table, &f) && len(r.Errs) == 0 {
//		return &f, nil
//	}
//	return nil, r.Errs
package yamltable

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"nacsim/internal/yamlerr"
)

// An Error is one mistake in a file.
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

// Errors are all mistakes found in a file, up to twenty.
type Errors []*Error

// MaxErrors is how many mistakes of a file are reported.
const MaxErrors = 20

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

// A Reader walks the syntax tree of one file and collects what is wrong with it.
type Reader struct {
	// File is the name of the file in errors.
	File string
	// What is what such a file is called, for example "policy", and Keys what an empty one lacks.
	What, Keys string
	// Limit is the most octets that a file may have.
	Limit int
	// Secrets are the keys whose values errors must not show.
	Secrets []string
	// Errs are the mistakes found so far.
	Errs Errors

	lines []string
}

// Parse returns the root node, or nil after an error.
func (r *Reader) Parse(data []byte) ast.Node {
	switch {
	case len(data) > r.Limit:
		return r.whole("the file has %d octets; a %s may have %d at most", len(data), r.What, r.Limit)
	case !utf8.Valid(data):
		return r.whole("the file is not encoded in UTF-8")
	}
	r.lines = strings.Split(string(data), "\n")
	if depth(data) > maxDepth {
		return r.whole("the file nests more than %d levels deep", maxDepth)
	}
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // Object reports them
	if err != nil {
		return r.syntax(err)
	}
	var root ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.NullType:
		case root != nil:
			r.at(doc.Start, len("---"), "a second document; a "+r.What+" file has one")
			return nil
		default:
			root = doc.Body
		}
	}
	if root == nil {
		return r.whole("the file is empty; a %s has the keys %s", r.What, r.Keys)
	}
	return root
}

// maxDepth bounds nesting, which the parser reads by recursion. No file needs ten levels.
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

func (r *Reader) whole(format string, args ...any) ast.Node {
	r.Errs = append(r.Errs, &Error{File: r.File, Message: fmt.Sprintf(format, args...)})
	return nil
}

func (r *Reader) syntax(err error) ast.Node {
	at, message := yamlerr.Explain(err)
	if at == nil {
		return r.whole("%s", message)
	}
	r.at(at, 1, message)
	return nil
}

// Errorf reports a mistake at a node.
func (r *Reader) Errorf(n ast.Node, format string, args ...any) {
	r.at(Start(n), width(n), fmt.Sprintf(format, args...))
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

// Start returns the token at which a node begins for a reader of the file.
func Start(n ast.Node) *token.Token {
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

func (r *Reader) at(t *token.Token, width int, message string) {
	if len(r.Errs) == MaxErrors {
		return
	}
	e := &Error{File: r.File, Message: message, Width: width}
	if t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
		if e.Line >= 1 && e.Line <= len(r.lines) {
			e.Source = r.hide(strings.TrimRight(r.lines[e.Line-1], "\r"))
		}
	}
	r.Errs = append(r.Errs, e)
}

// hide masks the values of secret keys in a line, up to what may be the end of the value or later: better too much than
// too little. The columns stay.
func (r *Reader) hide(line string) string {
	for _, key := range r.Secrets {
		rest := 0
		for {
			i := strings.Index(line[rest:], key)
			if i < 0 {
				break
			}
			begin := rest + i + len(key)
			begin += len(line[begin:]) - len(strings.TrimLeft(line[begin:], "\"': \t"))
			end := len(line)
			if j := strings.IndexAny(line[begin:], ",}"); j >= 0 && !strings.ContainsAny(line[begin:], "\"'") {
				end = begin + j
			}
			line = line[:begin] + strings.Repeat("*", utf8.RuneCountInString(line[begin:end])) + line[end:]
			rest = begin
		}
	}
	return line
}

// A Property is one key of a mapping: how it is read, and what the schema says of it.
type Property[T any] struct {
	Name     string
	Doc      string
	Required bool
	Schema   Schema
	Set      func(r *Reader, n ast.Node, to *T)
}

// SetDuration returns what reads a duration of some range into a field.
func SetDuration[T any](what string, low, high time.Duration, field func(to *T) *time.Duration) func(*Reader, ast.Node, *T) {
	return func(r *Reader, n ast.Node, to *T) { *field(to), _ = r.Duration(n, what, low, high) }
}

// Section is a property that is a mapping, read by a table of its own into a field.
func Section[T, S any](name, doc string, table []Property[S], field func(to *T) *S) Property[T] {
	return Property[T]{Name: name, Doc: doc, Schema: ObjectSchema(table),
		Set: func(r *Reader, n ast.Node, to *T) { Object(r, n, name, table, field(to)) }}
}

// Object reads a mapping by the table of its properties and reports whether it was one.
func Object[T any](r *Reader, n ast.Node, what string, table []Property[T], to *T) bool {
	pairs, ok := r.mapping(n, what)
	if !ok {
		return false
	}
	seen := make([]string, 0, len(table))
	for _, pair := range pairs {
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			r.Errorf(pair.Key, "a key of %s must be one of %s", what, names(table))
			continue
		}
		i := indexOf(table, key.Value)
		switch {
		case i < 0:
			r.unknownKey(pair.Key, key.Value, what, names(table))
			continue
		case slices.Contains(seen, key.Value):
			r.Errorf(pair.Key, "key %q stands in %s twice", key.Value, what)
			continue
		}
		seen = append(seen, key.Value)
		if _, null := pair.Value.(*ast.NullNode); null {
			r.Errorf(pair.Key, "%s has no value", key.Value)
			continue
		}
		table[i].Set(r, pair.Value, to)
	}
	for i := range table {
		if table[i].Required && !slices.Contains(seen, table[i].Name) {
			r.Errorf(n, "%s lacks the key %q", what, table[i].Name)
		}
	}
	return true
}

func indexOf[T any](table []Property[T], name string) int {
	return slices.IndexFunc(table, func(p Property[T]) bool { return p.Name == name })
}

func names[T any](table []Property[T]) string {
	var list []string
	for i := range table {
		list = append(list, table[i].Name)
	}
	return strings.Join(list, ", ")
}

// unknownKey reports a key that no table has, most often one that is spelt with hyphens or capitals.
func (r *Reader) unknownKey(n ast.Node, key, what, known string) {
	meant := strings.ToLower(strings.ReplaceAll(key, "-", "_"))
	if slices.Contains(strings.Split(known, ", "), meant) {
		r.Errorf(n, "unknown key %q in %s; it is spelt %s", key, what, meant)
		return
	}
	r.Errorf(n, "unknown key %q in %s; expected one of %s", key, what, known)
}

func (r *Reader) mapping(n ast.Node, what string) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	r.Errorf(n, "%s must be a mapping of keys to values, not %s", what, kind(n))
	return nil, false
}

// List reads a list of at most limit entries.
func (r *Reader) List(n ast.Node, what string, limit int) []ast.Node {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		r.Errorf(n, "%s must be a list, not %s", what, kind(n))
		return nil
	}
	if len(seq.Values) > limit {
		r.Errorf(n, "%s has %d entries; the limit is %d", what, len(seq.Values), limit)
		return nil
	}
	return seq.Values
}

// Text reads a string. Numbers and the like are refused with the way to write them, because YAML would change
// them: 010203040506 is an octal number.
func (r *Reader) Text(n ast.Node, what string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimRight(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		r.Errorf(n, "%s must be a text; write %q in quotes", what, n.GetToken().Value)
	default:
		r.Errorf(n, "%s must be a text, not %s", what, kind(n))
	}
	return "", false
}

// Secret reads a text that errors do not show, though they may say what is wrong with it.
func (r *Reader) Secret(n ast.Node, what string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		r.at(Start(n), 1, what+" must be a text; write it in quotes")
	default:
		r.Errorf(n, "%s must be a text, not %s", what, kind(n))
	}
	return "", false
}

// Duration reads a duration such as 30s, 1h30m or 2d of at least low and at most high.
func (r *Reader) Duration(n ast.Node, what string, low, high time.Duration) (time.Duration, bool) {
	var s string
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode: // quotes alone would not help: the unit is missing
		s = n.GetToken().Value
	default:
		var ok bool
		if s, ok = r.Text(n, what); !ok {
			return 0, false
		}
	}
	d, err := duration(s)
	if err != nil || d < low || d > high {
		r.Errorf(n, "%s is %q; expected a duration such as 30s, 1h30m or 2d, from %v to %v", what, s, low, high)
		return 0, false
	}
	return d, true
}

// duration reads what time.ParseDuration does, and days.
func duration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	n, ok := decimal(days)
	if !ok || n > 36500 {
		return 0, errors.New("not a number of days")
	}
	total := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	return total + d, err
}

// OneOf reads a string out of a few.
func (r *Reader) OneOf(n ast.Node, what string, allowed []string) (string, bool) {
	s, ok := r.Text(n, what)
	if !ok {
		return "", false
	}
	if !slices.Contains(allowed, s) {
		r.Errorf(n, "%s is %q; expected one of %s", what, s, strings.Join(allowed, ", "))
		return "", false
	}
	return s, true
}

// Boolean reads true or false.
func (r *Reader) Boolean(n ast.Node, what string) (value, ok bool) {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		r.Errorf(n, "%s must be true or false, not %s", what, kind(n))
		return false, false
	}
	return b.Value, true
}

// Number reads a whole number in decimal, written plainly or in quotes.
func (r *Reader) Number(n ast.Node, what string, low, high uint64) (uint64, bool) {
	var s string
	switch n := n.(type) {
	case *ast.IntegerNode:
		s = n.GetToken().Value
	case *ast.StringNode:
		s = n.Value
	default:
		r.Errorf(n, "%s must be a number from %d to %d, not %s", what, low, high, kind(n))
		return 0, false
	}
	v, ok := decimal(s)
	if !ok || v < low || v > high {
		r.Errorf(n, "%s is %q; expected a number from %d to %d", what, s, low, high)
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
		return "an anchor or alias, which such a file does not have"
	case *ast.TagNode:
		return "a tag, which such a file does not have"
	}
	return "this"
}
