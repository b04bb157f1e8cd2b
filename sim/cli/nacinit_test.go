package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"nacsim/nac/config"
	"nacsim/nac/policy"
)

// suggestion is a line of a new file that is a setting behind a comment sign, not a sentence.
var suggestion = regexp.MustCompile(`(?m)^( *)# (- \{|\w+: )(.*)$`)

// TestInitSuggestions holds that the files of --init are right, and stay so with each of the settings that they suggest, for
// the NAC and for an editor with the schema.
func TestInitSuggestions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab")
	if err := initNAC(dir, time.Now(), io.Discard); err != nil {
		t.Fatal(err)
	}
	schemas := map[string]*jsonschema.Schema{"nac.yaml": schemaOf(t, config.Schema()), "policy.yaml": schemaOf(t, policy.Schema())}
	for name, least := range map[string]int{"nac.yaml": 11, "policy.yaml": 5, "users.yaml": 1} {
		path := filepath.Join(dir, name)
		written := contents(t, path)
		text := written
		if name == "policy.yaml" { // a rule needs its label
			text = uncommented(text, func(line string) bool { return strings.Contains(line, "type: match") })
		}
		lines := suggestion.FindAllString(written, -1)
		if len(lines) < least {
			t.Errorf("%s suggests %d settings, fewer than %d", name, len(lines), least)
		}
		for _, line := range append([]string{""}, lines...) {
			changed := uncommented(text, func(l string) bool { return l == line })
			if line != "" && changed == written {
				t.Errorf("%s: %s changes nothing", name, line)
			}
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(filepath.Join(dir, "nac.yaml")); err != nil {
				t.Errorf("%s with %q: %v", name, line, err)
			}
			if s := schemas[name]; s != nil {
				if err := s.Validate(asJSON(t, changed)); err != nil {
					t.Errorf("%s with %q: the schema says %v", name, line, err)
				}
			}
		}
		if err := os.WriteFile(path, []byte(written), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// uncommented takes the comment sign from the suggestions that are wanted.
func uncommented(text string, wanted func(line string) bool) string {
	return suggestion.ReplaceAllStringFunc(text, func(line string) string {
		if !wanted(line) {
			return line
		}
		return suggestion.ReplaceAllString(line, "$1$2$3")
	})
}

func schemaOf(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("it.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("it.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is a YAML document as the schema sees it.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
