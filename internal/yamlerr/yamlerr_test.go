package yamlerr

import (
	"errors"
	"testing"

	"github.com/goccy/go-yaml/parser"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		name, text   string
		line, column int
		want         string
	}{
		{"tab", "a:\n\t- b\n", 2, 1, "indent with spaces: YAML does not allow a tab here"},
		{"tab in a list", "a:\n- b\n\t- c\n", 3, 1, "indent with spaces: YAML does not allow a tab here"},
		{"colon in text", "a: b: c\n", 1, 4, `a "key: value" cannot stand here: check the indentation, and quote text that contains ": "`},
		{"indented less", "a:\n  - b: c\n   d: e\n", 3, 4, "this cannot stand here: check the indentation"},
		{"double quote", "a: \"b\n", 1, 4, "the quotation mark is not closed"},
		{"single quote", "a: 'b\nc: d\n", 1, 4, "the quotation mark is not closed"},
		{"bracket", "a: [b\n", 1, 4, `"[" is not closed`},
		{"brace", "a: {b: 1", 1, 4, `"{" is not closed`},
		{"inner bracket", "a: {b: [1, 2\n", 1, 8, `"[" is not closed`},
		{"closed by the wrong one", "a: [1, 2}\n", 1, 4, `"[" is not closed`},
		{"brace before another line", "a:\n  b: {c: d\n  e: {f: g}\n", 2, 6, `"{" is not closed before line 3`},
		{"bracket before another line", "a: [b\nc:\n  - d: [e]\n", 1, 4, `"[" is not closed before line 2`},
		{"brace over lines", "a: {\n  b: [1],\n  c: 2\nd: 3\n", 1, 4, `"{" is not closed before line 4`},
		{"reserved character", "a: @b\n", 1, 4, "not YAML: '@' is a reserved character"},
	} {
		_, err := parser.ParseBytes([]byte(c.text), 0)
		if err == nil {
			t.Errorf("%s: the library accepts it", c.name)
			continue
		}
		at, got := Explain(err)
		if got != c.want || at == nil || at.Position.Line != c.line || at.Position.Column != c.column {
			t.Errorf("%s: got %q at %v, want %q at %d:%d", c.name, got, at.Position, c.want, c.line, c.column)
		}
	}
}

func TestExplainWithoutPlace(t *testing.T) {
	if at, got := Explain(errors.New("too much\nof it")); at != nil || got != "not YAML: too much" {
		t.Errorf("got %q at %v", got, at)
	}
}
