package yamltable

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
)

type dish struct {
	name   string
	colour string
	size   uint64
	hot    bool
}

var dishTable = []Property[dish]{
	{Name: "name", Doc: "What it is called.", Required: true, Schema: Schema{"type": "string"},
		Set: func(r *Reader, n ast.Node, to *dish) { to.name, _ = r.Text(n, "name") }},
	{Name: "colour", Doc: "How it looks.", Schema: Enum("red", "green"),
		Set: func(r *Reader, n ast.Node, to *dish) { to.colour, _ = r.OneOf(n, "colour", []string{"red", "green"}) }},
	{Name: "size", Doc: "How big it is.", Schema: Schema{"type": "integer"},
		Set: func(r *Reader, n ast.Node, to *dish) { to.size, _ = r.Number(n, "size", 1, 10) }},
	{Name: "hot", Doc: "Whether it is.", Schema: Schema{"type": "boolean"},
		Set: func(r *Reader, n ast.Node, to *dish) { to.hot, _ = r.Boolean(n, "hot") }},
}

func read(text string) (dish, error) {
	r := Reader{File: "d.yaml", What: "dish", Keys: "name and size", Limit: 1000}
	var d dish
	if root := r.Parse([]byte(text)); root != nil {
		Object(&r, root, "the dish", dishTable, &d)
	}
	if len(r.Errs) > 0 {
		return d, r.Errs
	}
	return d, nil
}

func TestObject(t *testing.T) {
	got, err := read("name: soup\ncolour: red\nsize: 3\nhot: true\n")
	if want := (dish{"soup", "red", 3, true}); err != nil || got != want {
		t.Errorf("got %+v and %v, want %+v", got, err, want)
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "d.yaml: the file is empty; a dish has the keys name and size"},
		{"- a", "d.yaml:1:1: the dish must be a mapping of keys to values, not a list"},
		{"size: 3", `d.yaml:1:1: the dish lacks the key "name"`},
		{"name: soup\nnmae: soup", `d.yaml:2:1: unknown key "nmae" in the dish; expected one of name, colour, size, hot`},
		{"name: soup\nHot: true", `d.yaml:2:1: unknown key "Hot" in the dish; it is spelt hot`},
		{"name: soup\nname: soup", `d.yaml:2:1: key "name" stands in the dish twice`},
		{"name: 5", `d.yaml:1:7: name must be a text; write "5" in quotes`},
		{"name:", "d.yaml:1:1: name has no value"},
		{"name: soup\nsize: 11", `d.yaml:2:7: size is "11"; expected a number from 1 to 10`},
		{"name: soup\ncolour: blue", `d.yaml:2:9: colour is "blue"; expected one of red, green`},
		{"name: soup\nhot: 1", "d.yaml:2:6: hot must be true or false, not a number"},
		{"name: &a soup", "d.yaml:1:7: name must be a text, not an anchor or alias, which such a file does not have"},
		{"name: soup\n---\nname: soup", "d.yaml:2:1: a second document; a dish file has one"},
		{strings.Repeat("#", 1001), "d.yaml: the file has 1001 octets; a dish may have 1000 at most"},
		{"name: \xff", "d.yaml: the file is not encoded in UTF-8"},
		{"name: " + strings.Repeat("[", 40), "d.yaml: the file nests more than 32 levels deep"},
		{"name: [a", `d.yaml:1:7: "[" is not closed`},
	} {
		_, err := read(c.text)
		if err == nil {
			t.Errorf("%.40q: read, want %s", c.text, c.want)
			continue
		}
		if first, _, _ := strings.Cut(err.Error(), "\n"); first != c.want {
			t.Errorf("%.40q:\n got %s\nwant %s", c.text, first, c.want)
		}
	}
}

// TestErrorCutsLongLine holds that the line around the mistake is shown, and the caret still points at it.
func TestErrorCutsLongLine(t *testing.T) {
	_, err := read("{name: " + strings.Repeat("x", 200) + ", colour: purple, hot: true" + strings.Repeat(" ", 100) + "}")
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || len([]rune(lines[1])) > shown+6 || !strings.HasPrefix(lines[1], "    …xxx") || !strings.HasSuffix(lines[1], "…") {
		t.Fatalf("error is\n%v", err)
	}
	if at := []rune(lines[1])[strings.Index(lines[2], "^"):]; !strings.HasPrefix(string(at), "purple") {
		t.Errorf("the caret points at %q", string(at))
	}
}

// TestSecrets holds that no error shows the value of a secret key, whatever form it is in.
func TestSecrets(t *testing.T) {
	for _, line := range []string{
		"{pin: hunter2, nmae: x}", "{nmae: x, pin: hunter2}", `{pin: "hunter2, }hunter2", nmae: x}`, "{'pin': 'hunter2', nmae: x}", "{pin:   hunter2 hunter2}", "{pin: hunter2, pin: hunter2}",
	} {
		r := Reader{File: "d.yaml", What: "dish", Limit: 1000, Secrets: []string{"pin"}}
		root := r.Parse([]byte(line))
		var d dish
		table := append([]Property[dish]{{Name: "pin", Set: func(r *Reader, n ast.Node, to *dish) { to.name, _ = r.Secret(n, "pin") }}}, dishTable...)
		Object(&r, root, "the dish", table, &d)
		if len(r.Errs) == 0 {
			t.Errorf("%s: no error", line)
		}
		if got := r.Errs.Error(); strings.Contains(got, "hunter") || !strings.Contains(got, "*******") {
			t.Errorf("%s: the error is\n%s", line, got)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour} {
		if got, err := duration(text); err != nil || got != want {
			t.Errorf("%s is %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "30", "d", "-1d", "1.5d", "1d2", "99999999d", "1 d"} {
		if got, err := duration(text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}

// TestDocument holds that the schema has what the table has.
func TestDocument(t *testing.T) {
	var got struct {
		Schema     string `json:"$schema"`
		Title      string
		Required   []string
		Properties map[string]struct{ Description string }
		Closed     bool `json:"additionalProperties"`
	}
	if err := json.Unmarshal(Document("dish", "Food.", ObjectSchema(dishTable)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Title != "dish" || len(got.Required) != 1 || got.Required[0] != "name" || len(got.Properties) != len(dishTable) ||
		got.Properties["hot"].Description != "Whether it is." || got.Closed || !strings.Contains(got.Schema, "2020-12") {
		t.Errorf("got %+v", got)
	}
}
