package policy

import (
	"bytes"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestSchema holds that the schema compiles, accepts what Load accepts, and refuses what it can see is wrong.
func TestSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		text string
		ok   bool
	}{
		{intune, true},
		{"rules: []", true},
		{"labels: []", false},
		{"rules: [{name: R, action: permit}]", false},
		{"rules: [{name: R, action: allow, colour: red}]", false},
		{"labels: [{name: A, type: vlan, vlan: 4095}]\nrules: []", false},
		{"labels: [{name: A, type: vlan, vlan: '750'}]\nrules: []", true},
		{"labels: [{name: A, type: vlan, vlan: '4094'}]\nrules: []", true},
		{"labels: [{name: A, type: vlan, vlan: '4095'}]\nrules: []", false},
		{"labels: [{name: A, type: vlan, vlan: '9999'}]\nrules: []", false},
		{"labels: [{name: A, type: match, match: mdm_status, values: ['comp*']}]\nrules: []", false},
		{"labels: [{name: A, type: match, match: mdm_status, values: [Compliant]}]\nrules: []", true},
		{"labels: [{name: A, type: match, match: cert_eku, values: ['1.3.*']}]\nrules: []", false},
		{"labels: [{name: A, type: match, match: cert_cn, values: ['LAPTOP*']}]\nrules: []", true},
		{"labels: [{name: A, type: match, match: cert_cn, values: ['*']}]\nrules: []", true},
		{"labels: [{name: A, type: match, match: cert_cn, values: ['*x']}]\nrules: []", false},
		{"labels: [{name: A, type: match, match: cert_cn, values: []}]\nrules: []", false},
		{"labels: [{name: A, type: match, match: cert_san, values: [a], match_all: true}]\nrules: []", true},
		{"labels: [{name: A, type: match, match: ssid, values: [a], match_all: true}]\nrules: []", false},
		{"labels: [{name: A, type: vlan, vlan: 5}]\nrules: [{name: R, action: block, apply_tags: [A]}]", false},
		{"labels: [{name: A, type: vlan, vlan: 5}]\nrules: [{name: R, action: allow, apply_tags: [A]}]", true},
		{"rules: [{name: R, action: allow, apply_tags: []}]", false},
		{"rules: [{name: R, action: block}]", true},
		{"labels: [{name: A, type: vlan, match: ssid}]\nrules: []", false},
		{"labels: [{name: A, type: match, match: ssid}]\nrules: []", false},
		{"labels: [{name: A, type: match, match: colour, values: [a]}]\nrules: []", false},
		{"rules: [{name: R, action: allow, matching: {auth_type: eap_tls}}]", false},
	}
	for _, c := range cases {
		if _, err := Load("p.yaml", []byte(c.text)); (err == nil) != c.ok {
			t.Errorf("Load returns %v for\n%s", err, c.text)
		}
		json, err := yaml.YAMLToJSON([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(json))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); (err == nil) != c.ok {
			t.Errorf("the schema says %v for\n%s", err, c.text)
		}
	}
}
