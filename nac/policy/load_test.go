package policy

import (
	"errors"
	"strings"
	"testing"

	"nacsim/internal/yamltable"
)

const intune = `# yaml-language-server: $schema=schema/policy.schema.json
labels:
  - name: Intune-Compliant
    type: match
    match: mdm_status
    values: [Compliant]
  - {name: Intune-Non-Compliant, type: match, match: mdm_status, values: [Non Compliant]}
  - {name: Quarantine, type: vlan, vlan: 1}
  - {name: Corp VLAN, type: vlan, vlan: "750"}
  - {name: Staff, type: radius_group, radius_group: staff}
  - {name: Daily, type: session_timeout, session_timeout: 86400}
rules:
  - name: Corp Compliant
    action: allow
    matching: {auth_type: eap-tls, nactags: [Intune-Compliant]}
    apply_tags: [Corp VLAN, Staff, Daily]
  - name: Old rule
    action: block
    enabled: false
  - name: Corp Quarantine
    action: allow
    matching:
      auth_type: eap-tls
      port_types: [wired, wireless]
    apply_tags: [Quarantine]
`

func mustLoad(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Load("policy.yaml", []byte(text))
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return p
}

func TestLoad(t *testing.T) {
	p := mustLoad(t, intune)
	if got := strings.Join(p.Rules(), "|"); got != "Corp Compliant|Old rule|Corp Quarantine" {
		t.Errorf("rules are %s", got)
	}
	want := Authorization{VLAN: "750", Role: "staff", SessionTimeout: 24 * 3600e9}
	if got := p.rules[0].apply; got != want {
		t.Errorf("first rule applies %+v, want %+v", got, want)
	}
	if !p.rules[1].disabled || p.rules[2].disabled {
		t.Error("enabled: false was not taken for the second rule only")
	}
}

// TestLoadErrors holds that each mistake is found at its place and says what was expected.
func TestLoadErrors(t *testing.T) {
	const (
		label = "labels:\n  - {name: A, type: vlan, vlan: 5}\n"
		rules = "rules:\n  - {name: R, action: allow}\n"
		match = "labels:\n  - {name: A, type: match, match: "
	)
	cases := []struct{ name, text, want string }{
		{"empty file", "", "p.yaml: the file is empty"},
		{"comment only", "# nothing\n", "p.yaml: the file is empty"},
		{"not UTF-8", "rules: \xff", "p.yaml: the file is not encoded in UTF-8"},
		{"list at top", "- a\n", "p.yaml:1:1: the policy must be a mapping of keys to values, not a list"},
		{"text at top", "hello\n", "p.yaml:1:1: the policy must be a mapping of keys to values, not a text"},
		{"no rules", label, `p.yaml:1:1: the policy lacks the key "rules"`},
		{"rules without value", "rules:\n", "p.yaml:1:1: rules has no value"},
		{"rules a mapping", "rules: {a: b}\n", "p.yaml:1:8: rules must be a list, not a mapping"},
		{"unknown key", rules + "rulez: []\n", `p.yaml:3:1: unknown key "rulez" in the policy; expected one of labels, rules`},
		{"unknown key of a rule", "rules:\n  - name: R\n    action: allow\n    vlan: 5\n", `p.yaml:4:5: unknown key "vlan" in a rule; expected one of name, action, enabled, matching, not_matching, apply_tags`},
		{"number as key", "rules:\n  - {1: R}\n", "p.yaml:2:6: a key of a rule must be one of name, action"},
		{"duplicate key", "rules:\n  - name: R\n    name: S\n    action: allow\n", `p.yaml:3:5: key "name" stands in a rule twice`},
		{"tab", "rules:\n\t- name: R\n", "p.yaml:2:1: indent with spaces"},
		{"bad indentation", "rules:\n  - name: R\n   action: allow\n", "p.yaml:3:4:"},
		{"unclosed", "rules: [\n", `p.yaml:1:8: "[" is not closed`},
		{"unclosed before another line", "rules:\n  - {name: R, action: allow\n  - {name: S, action: allow}\n", `p.yaml:2:5: "{" is not closed before line 3`},
		{"nothing applied", "rules:\n  - {name: R, action: allow, apply_tags: []}\n", "apply_tags is empty; leave it out or name a label"},
		{"too deep", "rules: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), "p.yaml: the file nests more than 32 levels deep"},
		{"too many lists in a line", "rules: \n" + strings.Repeat("- ", 33), "p.yaml: the file nests more than 32 levels deep"},
		{"two documents", rules + "---\n" + rules, "p.yaml:3:1: a second document"},
		{"anchor", "labels: &x []\nrules: []\n", "p.yaml:1:9: labels must be a list, not an anchor or alias"},
		{"tag", "labels: !!seq []\nrules: []\n", "p.yaml:1:9: labels must be a list, not a tag"},
		{"action misspelt", "rules:\n  - {name: R, action: permit}\n", `p.yaml:2:23: the action of a rule is "permit"; expected one of allow, block`},
		{"action missing", "rules:\n  - name: R\n", `p.yaml:2:5: a rule lacks the key "action"`},
		{"name empty", "rules:\n  - {name: '', action: allow}\n", "p.yaml:2:12: the name of a rule must not be empty"},
		{"name a number", "rules:\n  - {name: 12, action: allow}\n", `p.yaml:2:12: the name of a rule must be a text; write "12" in quotes`},
		{"enabled a text", "rules:\n  - {name: R, action: allow, enabled: yes}\n", "p.yaml:2:39: enabled must be true or false, not a text"},
		{"rule twice", "rules:\n  - {name: R, action: allow}\n  - {name: R, action: block}\n", `p.yaml:3:5: rule "R" stands here and on line 2; names must be unique`},
		{"label twice", "labels:\n  - {name: A, type: vlan, vlan: 5}\n  - {name: A, type: vlan, vlan: 6}\n" + rules, `p.yaml:3:5: label "A" stands here and on line 2; names must be unique`},
		{"label too long", "labels:\n  - {name: " + strings.Repeat("é", 33) + ", type: vlan, vlan: 5}\n" + rules, "has more than 32 characters"},
		{"label without type", "labels:\n  - {name: A}\n" + rules, `p.yaml:2:5: a label lacks the key "type"`},
		{"label type unknown", "labels:\n  - {name: A, type: VLAN, vlan: 5}\n" + rules, `p.yaml:2:21: the type of a label is "VLAN"; expected one of match, radius_group, session_timeout, vlan`},
		{"vlan 0", "labels:\n  - {name: A, type: vlan, vlan: 0}\n" + rules, `p.yaml:2:33: vlan is "0"; expected a number from 1 to 4094`},
		{"vlan 4095", "labels:\n  - {name: A, type: vlan, vlan: 4095}\n" + rules, `p.yaml:2:33: vlan is "4095"; expected a number from 1 to 4094`},
		{"vlan octal", "labels:\n  - {name: A, type: vlan, vlan: 0750}\n" + rules, `p.yaml:2:33: vlan is "0750"`},
		{"vlan negative", "labels:\n  - {name: A, type: vlan, vlan: -1}\n" + rules, `p.yaml:2:33: vlan is "-1"`},
		{"vlan a list", "labels:\n  - {name: A, type: vlan, vlan: [1]}\n" + rules, "vlan must be a number from 1 to 4094, not a list"},
		{"vlan missing", "labels:\n  - {name: A, type: vlan}\n" + rules, `p.yaml:2:5: label "A" of type vlan lacks the key "vlan"`},
		{"vlan in a match label", match + "ssid, values: [x], vlan: 5}\n" + rules, `label "A" is of type match, to which vlan does not belong`},
		{"timeout with unit", "labels:\n  - {name: A, type: session_timeout, session_timeout: 1h}\n" + rules, `session_timeout is "1h"; expected a number from 1 to 4294967295`},
		{"role empty", "labels:\n  - {name: A, type: radius_group, radius_group: ''}\n" + rules, "radius_group must have 1 to 253 octets"},
		{"match missing", "labels:\n  - {name: A, type: match, values: [x]}\n" + rules, `label "A" of type match lacks the key "match"`},
		{"match unknown", match + "edr_health, values: [x]}\n" + rules, `match is "edr_health"; expected one of mdm_status, cert_cn`},
		{"values missing", match + "ssid}\n" + rules, `label "A" of type match lacks the key "values"`},
		{"values empty", match + "ssid, values: []}\n" + rules, "values is empty; name what to compare with"},
		{"values a text", match + "ssid, values: corp}\n" + rules, "values must be a list, not a text"},
		{"value a number", match + "client_mac, values: [010203040506]}\n" + rules, `an entry of values must be a text; write "010203040506" in quotes`},
		{"value twice", match + "ssid, values: [x, x]}\n" + rules, `label "A": value "x" stands there twice`},
		{"value empty", match + "ssid, values: ['']}\n" + rules, `label "A": a value must not be empty`},
		{"wildcard inside", match + "cert_cn, values: ['a*b']}\n" + rules, "a wildcard may stand at the end of a value only"},
		{"wildcard on a status", match + "mdm_status, values: ['comp*']}\n" + rules, "mdm_status takes no wildcard"},
		{"status unknown", match + "mdm_status, values: [unknown]}\n" + rules, `"unknown" is no compliance; expected compliant or noncompliant`},
		{"MAC too short", match + "client_mac, values: ['0102']}\n" + rules, `"0102" is no MAC address`},
		{"MAC not hexadecimal", match + "client_mac, values: ['zz*']}\n" + rules, `"zz" is no MAC address`},
		{"IP", match + "nas_ip, values: [10.0.0]}\n" + rules, `"10.0.0" is no IP address`},
		{"IP prefix", match + "nas_ip, values: [10.0.0.0/33]}\n" + rules, `"10.0.0.0/33" is no IP prefix`},
		{"EKU", match + "cert_eku, values: [clientAuth]}\n" + rules, `"clientAuth" is no object identifier`},
		{"serial", match + "cert_serial, values: [xyz]}\n" + rules, `"xyz" is no hexadecimal serial number`},
		{"match_all on SSID", match + "ssid, values: [x], match_all: true}\n" + rules, "match_all is for cert_san, cert_eku and idp_role"},
		{"unknown label", label + "rules:\n  - {name: R, action: allow, apply_tags: [B]}\n", `p.yaml:4:43: no label is named "B"; there are A`},
		{"unknown label without labels", "rules:\n  - {name: R, action: allow, matching: {nactags: [B]}}\n", `no label is named "B"; the file defines none`},
		{"vlan label in matching", label + "rules:\n  - {name: R, action: allow, matching: {nactags: [A]}}\n", `label "A" is of type vlan; matching takes labels of type match`},
		{"vlan label in not_matching", label + "rules:\n  - {name: R, action: allow, not_matching: {nactags: [A]}}\n", `label "A" is of type vlan; not_matching takes labels of type match`},
		{"match label applied", match + "ssid, values: [x]}\nrules:\n  - {name: R, action: allow, apply_tags: [A]}\n", `label "A" is of type match; apply_tags takes`},
		{"two VLANs applied", "labels:\n  - {name: A, type: vlan, vlan: 5}\n  - {name: B, type: vlan, vlan: 6}\nrules:\n  - {name: R, action: allow, apply_tags: [A, B]}\n", `rule "R" applies two labels of type vlan: "A" and "B"`},
		{"block applies", label + "rules:\n  - {name: R, action: block, apply_tags: [A]}\n", `rule "R" blocks, so it has nothing to apply`},
		{"auth_type misspelt", "rules:\n  - {name: R, action: allow, matching: {auth_type: eap_tls}}\n", `auth_type is "eap_tls"; expected one of cert, device-auth`},
		{"port type misspelt", "rules:\n  - {name: R, action: allow, matching: {port_types: [wifi]}}\n", `a port type is "wifi"; expected one of wired, wireless`},
		{"label twice in matching", match + "ssid, values: [x]}\nrules:\n  - {name: R, action: allow, matching: {nactags: [A, A]}}\n", `label "A" stands in matching twice`},
		{"too large", "rules: []\n" + strings.Repeat("# padding\n", 60000), "a policy may have 262144 at most"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := Load("p.yaml", []byte(c.text))
			if err == nil {
				t.Fatalf("Load accepts it: %+v", p)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is\n%v\nwant it to contain\n%s", err, c.want)
			}
			var one *Error
			if !errors.As(err, &one) {
				t.Errorf("the error holds no *Error")
			}
		})
	}
}

// TestErrorShowsLine pins the layout: position, message, the line itself, a caret below the column.
func TestErrorShowsLine(t *testing.T) {
	_, err := Load("policies/a.yaml", []byte("rules:\n  - {name: é, action: permit}\n"))
	want := "policies/a.yaml:2:23: the action of a rule is \"permit\"; expected one of allow, block\n" +
		"      - {name: é, action: permit}\n" +
		"                          ^^^^^^"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// TestAllErrorsReported holds that one run finds every mistake of a file, up to the limit.
func TestAllErrorsReported(t *testing.T) {
	_, err := Load("p.yaml", []byte("rules:\n  - {name: A, action: x}\n  - {name: B, action: y}\n  - {name: C, action: z, foo: 1}\n"))
	var all Errors
	if !errors.As(err, &all) || len(all) != 4 {
		t.Errorf("got %d errors, want 4:\n%v", len(all), err)
	}
	_, err = Load("p.yaml", []byte("rules:\n"+strings.Repeat("  - {}\n", 100)))
	if !errors.As(err, &all) || len(all) != yamltable.MaxErrors {
		t.Errorf("got %d errors, want %d", len(all), yamltable.MaxErrors)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(intune))
	f.Add([]byte("labels: &a [*a]\nrules: {<<: *a}\n"))
	f.Add([]byte("rules: [{name: R, action: allow, matching: {nactags: [A]}}]\n---\nrules: []\n"))
	f.Add([]byte("labels: [{name: A, type: match, match: nas_ip, values: ['::1', 10.0.0.0/8, '10.*']}]\nrules: []\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Load("fuzz.yaml", data)
		if (p == nil) == (err == nil) {
			t.Fatalf("Load returns %v and %v", p, err)
		}
		if p == nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error without words")
			}
			return
		}
		d := p.Decide(epoch, compliantRequest())
		if d.Allow == (d.Reason != "") {
			t.Fatalf("allow is %v with the reason %q", d.Allow, d.Reason)
		}
		d.Explanation()
	})
}
