// Package yamlerr puts what the YAML library finds wrong with a file into words for the author of the file.
package yamlerr

import (
	"errors"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/token"
)

// Explain returns where in a file the mistake is that err tells of, and what is wrong, in one line. The token is nil for
// an error that has no place.
func Explain(err error) (at *token.Token, message string) {
	var syntax yaml.Error
	if !errors.As(err, &syntax) {
		message, _, _ = strings.Cut(err.Error(), "\n")
		return nil, "not YAML: " + message
	}
	at, message = syntax.GetToken(), syntax.GetMessage()
	if i := strings.Index(message, " [level:"); i >= 0 { // the parser's own position, a repetition
		message = message[:i]
	}
	has := func(part string) bool { return strings.Contains(message, part) }
	switch {
	case has("tab character"), has("found character '\t'"):
		return at, "indent with spaces: YAML does not allow a tab here"
	case has("mapping value is not allowed"):
		return at, `a "key: value" cannot stand here: check the indentation, and quote text that contains ": "`
	case has("map key-value is pre-defined"):
		return at, "this line is indented more than the key before it, which already has a value"
	case has("value is not allowed in this context"):
		return at, "this cannot stand here: check the indentation"
	case has("could not find end character of"):
		return at, "the quotation mark is not closed"
	case has("sequence end token"), has("flow mapping end token"):
		return unclosed(at, at)
	case has("must be specified"):
		return unclosed(opening(at), at)
	}
	return at, "not YAML: " + message
}

// unclosed tells of a bracket that is not closed, or of a comma that is missing within a line.
func unclosed(open, at *token.Token) (*token.Token, string) {
	switch {
	case open == nil || open.Position == nil || at.Position == nil:
		return at, "a comma is missing here, or a closing bracket"
	case open == at:
		return at, strconv.Quote(open.Value) + " is not closed"
	case open.Position.Line == at.Position.Line:
		return at, "a comma is missing here, or what closes " + strconv.Quote(open.Value)
	}
	return open, strconv.Quote(open.Value) + " is not closed before line " + strconv.Itoa(at.Position.Line)
}

// opening returns the bracket or brace that is open where a token stands, or nil.
func opening(t *token.Token) *token.Token {
	closed := 0
	for t = t.Prev; t != nil; t = t.Prev {
		switch t.Type {
		case token.MappingEndType, token.SequenceEndType:
			closed++
		case token.MappingStartType, token.SequenceStartType:
			if closed == 0 {
				return t
			}
			closed--
		}
	}
	return nil
}
