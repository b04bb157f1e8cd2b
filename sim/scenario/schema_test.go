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

	apconfig "nacsim/fakeap/config"
	tenantconfig "nacsim/fakegraph/config"
	"nacsim/nac/config"
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

// TestSchemaAcceptsExpectations holds that the schema refuses no step that the parser takes.
func TestSchemaAcceptsExpectations(t *testing.T) {
	s := compiled(t)
	for _, step := range []string{
		"expect: {record: packet, from: nac, to: ap-1}",
		"expect: {record: packet, client: laptop-1, where: {attributes.Error-Cause: '*506*', actor: ap-1}, count: 0}",
		"expect: {packet: Access-Accept, client: laptop-1, vlan: 750}",
		"expect: {packet: CoA-ACK, client: laptop-1, from: sw-1, to: nac}",
		"expect: {packet: EAP-Response/Identity, from: laptop-1, to: ap-1}",
		"expect: {packet: EAP-Response/Identity, from: ap-1, to: nac}",
		"expect: {packet: EAPOL-Key 1/4, from: ap-1, to: laptop-1}",
		"expect: {packet: Deauthentication, from: laptop-1}",
		"expect: {event: NAC_CLIENT_PERMIT, client: laptop-1, rule: Corp Compliant, vlan: 750, nas: ap-1, role: staff, compliance: unknown}",
		"expect: {event: NAC_MDM_LOOKUP_SUCCESS, compliance: inGracePeriod}",
		"expect: {decision: accept, client: laptop-1, rule: Corp Compliant, vlan: 750, nas: ap-1, compliance: compliant, not: false, at_least: 2}",
		"expect: {lookup: found, client: laptop-1, key: mac, compliance: noncompliant, where: {device: LAPTOP-1}}",
		"expect: {record: lookup, key: cn}",
		"expect: {coa: sent, client: laptop-1, vlan: 1, nas: sw-1, since: start}",
		"expect: {das: nak, nas: ap-1, where: {error_cause: 503}}",
		"expect: {session: ended, client: laptop-1, vlan: 750, nas: ap-1}",
		"expect: {check_in: compliant, device: laptop-1, where: {was: unknown}}",
		"expect: {record: ddb, device: laptop-1, compliance: none}",
		"expect: {record: port, client: laptop-1, nas: ap-1, vlan: 1, role: staff}",
		"expect: {record: crash, where: {actor: nac}}",
		"expect: {record: http, where: {status: 503}, count: 3}",
		"expect: {record: http, where: {status: 503}, at_least: 1, at_most: 3}",
		"expect: {record: http, where: {status: 503}, at_most: 0, since: start}",
		"expect: {client: laptop-1, nas: sw-1, port: 4, role: staff}",
		"packet: {match: Access-Accept, action: duplicate}",
		"packet: {match: Access-Accept, action: duplicate, delay: 1s}",
		"link: {both: [nac, ap-1], down: false}",
		"graph: {answer: 503, retry_after: 1m30s}",
		"graph: {fault: throttled, retry_after: 2128ms, retry_after_as: fraction, probability: 30%, for: 10m}",
		"graph: {fault: bad_gateway, answer: 503, page: 2, skip: 1, count: 3}",
		"graph: {fault: wrong_count, value: 12}",
		"graph: {end: next_link_loop}",
		"graph: {secret: renewed}",
		"graph: {consent: granted}",
		"graph: {signing_key: rolled}",
	} {
		text := base + "settings: {reauth: 0s, interim: 1.5h, poll: 1s, check_in: 1d}\n" + steps + "  - " + step + "\n"
		if _, err := parseText(text); err != nil {
			t.Errorf("the parser refuses it: %v", err)
		}
		if err := valid(t, s, text); err != nil {
			t.Errorf("%s: the schema refuses it: %v", step, err)
		}
	}
}

func TestRecordReferenceNamesEveryKind(t *testing.T) {
	text := RecordReference()
	for _, k := range RecordKinds() {
		if !strings.Contains(text, k.Name+": "+k.Doc) || len(k.Doc) < 10 {
			t.Errorf("the reference says nothing of %s", k.Name)
		}
		for _, f := range k.Fields {
			if f.Doc == "" {
				t.Errorf("%s: the field %s is not described", k.Name, f.Name)
			}
			if f.Key != "" && len(f.Of) > 0 && k.Principal != "" && k.Keyed(f.Key, f.Of[0]) == nil {
				t.Errorf("%s: the key %s does not find its field", k.Name, f.Key)
			}
		}
		if k.Principal != "" && k.Named(k.Principal, "") == nil {
			t.Errorf("%s lacks its principal field %s", k.Name, k.Principal)
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
		{"../../scenarios/schema/nac.schema.json", "go run . schema --nac > scenarios/schema/nac.schema.json", config.Schema()},
		{"../../scenarios/schema/ap.schema.json", "go run . schema --ap > scenarios/schema/ap.schema.json", apconfig.Schema()},
		{"../../scenarios/schema/tenant.schema.json", "go run . schema --tenant > scenarios/schema/tenant.schema.json", tenantconfig.Schema()},
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
