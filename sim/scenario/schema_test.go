package scenario

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"nacsim/nac/policy"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("scenario.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("scenario.schema.json")
	if err != nil {
		t.Fatalf("the schema is not a schema: %v", err)
	}
	return s
}

// valid reports whether the schema accepts a YAML text, read by the YAML library itself and not by this package.
func valid(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not YAML: %v\n%s", err, text)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestSchemaAgreesWithTheParser(t *testing.T) {
	s := compiled(t)
	for name, text := range map[string]string{"full": fullScenario, "minimal": minimal} {
		if err := valid(t, s, text); err != nil {
			t.Errorf("the schema refuses the %s scenario: %v", name, err)
		}
	}
	for _, m := range mistakes {
		if !m.schema {
			continue
		}
		if valid(t, s, m.file()) == nil {
			t.Errorf("%s: the parser refuses it and the schema does not:\n%s", m.name, m.file())
		}
	}
}

func TestShippedScenariosAreValid(t *testing.T) {
	files, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no scenarios")
	}
	s := compiled(t)
	for _, path := range files {
		f, err := Parse(path)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := valid(t, s, string(text)); err != nil {
			t.Errorf("%s: the schema refuses what the parser accepts: %v", path, err)
		}
		const modeline = "# yaml-language-server: $schema=schema/scenario.schema.json"
		if first := f.SourceLine(Pos{Line: 1}); first != modeline {
			t.Errorf("%s:1:1: the first line is %q, want %q, so that editors find the schema", path, first, modeline)
		}
		if f.Shows == "" || f.Covers == "" {
			t.Errorf("%s: lacks shows or covers", path)
		}
	}
}

func TestShippedSchemasAreFresh(t *testing.T) {
	for _, c := range []struct {
		path, command string
		want          []byte
	}{
		{"../../scenarios/schema/scenario.schema.json", "go run . schema > scenarios/schema/scenario.schema.json", Schema()},
		{"../../scenarios/schema/policy.schema.json", "go run . schema --policy > scenarios/schema/policy.schema.json", policy.Schema()},
	} {
		got, err := os.ReadFile(c.path)
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(got, c.want) {
			t.Errorf("%s is not what this program accepts; run: %s", c.path, c.command)
		}
	}
}

// TestEveryKeyIsDocumented walks the schema: every key has a description and, unless its values are listed or it holds
// further keys, an example or a default for editors to offer.
func TestEveryKeyIsDocumented(t *testing.T) {
	var walk func(path string, s *schema)
	walk = func(path string, s *schema) {
		if s == nil {
			return
		}
		for _, p := range s.Properties {
			at := path + "." + p.name
			q := p.schema
			if len(q.Description) < 8 || !strings.HasSuffix(q.Description, ".") {
				t.Errorf("%s: description %q: want a sentence", at, q.Description)
			}
			boolean := q.Type == "boolean"
			if len(q.Examples) == 0 && q.Default == nil && len(q.Enum) == 0 && len(q.Properties) == 0 && !boolean && q.Type != "array" &&
				!strings.HasSuffix(at, ".device") && !strings.HasSuffix(at, ".host") && !strings.HasSuffix(at, ".nas") && p.name != "shows" && p.name != "covers" {
				t.Errorf("%s: no example", at)
			}
			walk(at, q)
		}
		walk(path+"[]", s.Items)
		if more, ok := s.AdditionalProperties.(*schema); ok {
			walk(path+".*", more)
		}
	}
	walk("", &fileRule.schema)
}

func TestExamplesAndDefaultsFitTheSchema(t *testing.T) {
	c := jsonschema.NewCompiler()
	var walk func(path string, s *schema)
	walk = func(path string, s *schema) {
		if s == nil {
			return
		}
		for _, p := range s.Properties {
			at := path + "." + p.name
			values := append([]any(nil), p.schema.Examples...)
			if p.schema.Default != nil {
				values = append(values, p.schema.Default)
			}
			check(t, c, at, p.schema, values)
			walk(at, p.schema)
		}
		walk(path+"[]", s.Items)
		if more, ok := s.AdditionalProperties.(*schema); ok {
			walk(path+".*", more)
		}
	}
	walk("", &fileRule.schema)
}

func check(t *testing.T, c *jsonschema.Compiler, at string, s *schema, values []any) {
	t.Helper()
	if len(values) == 0 {
		return
	}
	raw, err := encode(s)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource("x"+at+".json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("x" + at + ".json")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(doc); err != nil {
			t.Errorf("%s: the example or default %s does not fit: %v", at, raw, err)
		}
	}
}
