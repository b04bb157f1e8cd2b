package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"nacsim/fakegraph"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/nacservice"
)

var now = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// around are the surroundings of a test's file: two files and a variable.
func around(t testing.TB) surroundings {
	files := map[string][]byte{"tenants/secret.txt": []byte("from a file\n"), "tenants/empty.txt": {}, "tenants/nac.pem": certificate(t)}
	return surroundings{now: now,
		open: func(name string) ([]byte, error) {
			if data, ok := files[name]; ok {
				return data, nil
			}
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		},
		env: func(name string) (string, bool) { return "from a variable", name == "NAC_SECRET" },
	}
}

func certificate(t testing.TB) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// served is a server of what a file says.
func served(t testing.TB, text string) (fakegraph.Config, *fakegraph.Server) {
	t.Helper()
	c, err := parse("tenants/t.yaml", []byte(text), around(t))
	if err != nil {
		t.Fatal(err)
	}
	c.SigningKey = fakegraphtest.Key()
	s, err := fakegraph.New(fakegraphtest.Machine(t), c)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func TestExampleWorks(t *testing.T) {
	c, s := served(t, string(Example))
	states := map[string]string{}
	for _, d := range s.Intune().Devices() {
		states[d.Label] = d.ComplianceState
	}
	if len(states) != 4 || states["LAPTOP-1"] != intune.StateCompliant || states["LAPTOP-1 before"] != intune.StateNoncompliant {
		t.Errorf("devices are %v", states)
	}
	if app, ok := s.Directory().App("9A8B7C6D-0000-4000-8000-0123456789AB"); !ok || app.Secrets[0].Value != "nacsim-secret" || !app.Secrets[0].Expires.Equal(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("app is %+v", app)
	}
	if groups := s.Directory().GroupsOf("anna@contoso.example"); len(groups) != 1 || len(c.Directory.Users) != 3 {
		t.Errorf("Anna is in %v", groups)
	}
}

func TestEverythingIsRead(t *testing.T) {
	c, s := served(t, `
tenant: 5F0C8A3E-1111-4222-8333-444455556667
domains: [x.example]
apps: [{client_id: 9a8b7c6d-0000-4000-8000-0123456789ab, secrets: [{file: secret.txt}, {env: NAC_SECRET}], certificates: [nac.pem], public: true}]
users: [{upn: a@x.example, password_file: secret.txt, mfa: unregistered, locked: true}]
groups: [{name: g, members: [a@x.example, h]}, {name: h}]
compliance:
  no_policy: noncompliant
  validity: 10d
  grace_ends: at_once
  policies: [{name: p, platform: macOS, require: [threat_level, patch_level], maximum_threat: low, minimum_patch_level: 2026-01-01, grace: 2d, owner: personal, excluded: [g], outcome: error}]
check_ins: {every: 4h, jitter: 10m, early: none}
devices: [{name: m, os: macOS, mac_form: colon, wifi_mac: 001cb3000001, owner: personal, threat: high, jailbroken: true, tpm: false, patch_level: 2025-01-01, force_state: conflict, entra_id: 00000000-0000-0000-0000-000000000000}]
fleet: {count: 20, seed: 3, mix: {ios: 1}, unhealthy: 100%, twins: 0.5%}
service:
  token_lifetime: 5m
  sign_in: {show_passwords: true, error_layout: lines, continuous_access: 28h, publish_next_key: true, lockout_threshold: 3, lockout: 5m}
  page_size: 7
  unsupported_filter: strict
  ethernet_in_list: selected
  count: total
  truncate_after: 5
  omit_every: 3
  policy_states: devices
  nac: {list_interval: 1h, grace_fails: true}
  throttling: {app: 10, retry_after: date, window: 1m}
  visibility: {list: 10m, get: 5m, nac: 1h, entra: 2h}
`)
	if c.Tenant != "5f0c8a3e-1111-4222-8333-444455556667" || c.TokenLifetime != 5*time.Minute || len(c.Directory.Users) < 2 {
		t.Errorf("%+v", c)
	}
	if c.Entra != (entra.Settings{ErrorLayout: entra.ErrorLines, ContinuousAccess: 28 * time.Hour, PublishNextKey: true, LockoutThreshold: 3, LockoutDuration: 5 * time.Minute, ShowPasswords: true}) {
		t.Errorf("sign-in is %+v", c.Entra)
	}
	a := c.Directory.Apps[0]
	if a.Secrets[0].Value != "from a file" || a.Secrets[1].Value != "from a variable" || len(a.Certificates) != 1 || !a.Public {
		t.Errorf("app is %+v", a)
	}
	if u := c.Directory.Users[0]; u.Password != "from a file" || !u.MFARequired || !u.MFAUnregistered || !u.Locked {
		t.Errorf("user is %+v", u)
	}
	i := c.Intune
	if !i.NoPolicyFails || i.Validity != 10*day || !i.GraceEndsAtOnce || i.CheckIn != 4*time.Hour || i.Jitter != 10*time.Minute || i.EarlyCheckIns == nil ||
		i.Delays != (intune.Delays{List: 10 * time.Minute, Get: 5 * time.Minute, NAC: time.Hour, Entra: 2 * time.Hour}) {
		t.Errorf("intune is %+v", i)
	}
	if p := i.Policies[0]; p.Platform != "macOS" || len(p.Require) != 2 || p.MaximumThreat != "low" || p.Grace != 2*day || p.Assigned.Owner != "personal" || p.Outcome != "error" || p.Assigned.Excluded[0] != "g" {
		t.Errorf("policy is %+v", p)
	}
	d, _ := s.Intune().Device("m")
	if d.WiFiMAC != "00:1C:B3:00:00:01" || d.Owner() != "personal" || d.Posture.Threat != "high" || !d.Posture.Jailbroken || d.Posture.TPM || !d.Posture.Firewall || d.ComplianceState != "conflict" {
		t.Errorf("device is %+v", d)
	}
	if got := s.Intune().Count(intune.ViewGet); got != 21 {
		t.Errorf("%d devices", got)
	}
	if c.NAC != (nacservice.Config{ListInterval: time.Hour, GraceFails: true}) {
		t.Errorf("the service for NAC is %+v", c.NAC)
	}
	want := graph.Config{PageSize: 7, UnsupportedFilter: graph.FilterStrict, EthernetInList: graph.EthernetSelected, TotalCount: true, Truncation: graph.Truncation{First: 5, Every: 3},
		PolicyStatesOfDevices: true, Throttling: graph.Throttling{App: 10, Window: time.Minute, RetryAfter: graph.RetryAfterDate}}
	if !reflect.DeepEqual(c.Graph, want) {
		t.Errorf("graph is %+v", c.Graph)
	}
}

func TestMistakes(t *testing.T) {
	const app = "apps: [{client_id: 9a8b7c6d-0000-4000-8000-0123456789ab, secrets: ["
	for text, want := range map[string]string{
		"":                            "tenants/t.yaml: the file is empty",
		"tenant: contoso":             `1:9: tenant is "contoso"; expected a GUID`,
		"Domains: [a]":                `1:1: unknown key "Domains" in the tenant; it is spelt domains`,
		app + "{file: none.txt}]}]":   "1:75: cannot read the file: open tenants/none.txt: file does not exist",
		app + "{file: empty.txt}]}]":  "file tenants/empty.txt is empty",
		app + "{env: OTHER}]}]":       "the environment variable OTHER is not set",
		app + "{value: v, env: X}]}]": "a secret has one of value, file and env",
		app + "{}]}]":                 "a secret has one of value, file and env",
		"apps: [{name: x}]":           `1:8: an app lacks the key "client_id"`,
		"apps:\n- client_id: 9a8b7c6d-0000-4000-8000-0123456789ab\n- client_id: 9A8B7C6D-0000-4000-8000-0123456789AB": `3:3: client_id "9a8b7c6d-0000-4000-8000-0123456789ab" stands here and on line 2`,
		"apps: [{client_id: 9a8b7c6d-0000-4000-8000-0123456789ab, certificates: [secret.txt]}]":                       "file tenants/secret.txt has no certificate in PEM",
		"users: [{upn: a@x.example, mfa: on}]":                                            `mfa is "on"; expected one of none, required, unregistered`,
		"users: [{upn: a@x.example}, {upn: A@x.example}]":                                 `1:29: user "A@x.example" stands here and on line 1`,
		"users: [{upn: a@x.example, password: x, password_file: secret.txt}]":             "has both password and password_file",
		"domains: [x.example, not a domain]":                                              `1:22: domains is "not a domain"; expected a domain such as contoso.example`,
		"users: [{upn: anna}]":                                                            `1:15: upn is "anna"; expected a name such as anna@contoso.example`,
		"apps: [{client_id: 9a8b7c6d-0000-4000-8000-0123456789ab, redirect_uris: [foo]}]": `redirect_uris is "foo"; expected an address such as`,
		"groups: [{name: g, members: [b]}]":                                               `1:30: member "b" of group "g" is neither a user nor a group of this file`,
		"compliance: {policies: [{name: p, require: [tmp]}]}":                             `1:45: an entry of require is "tmp"; expected one of antivirus`,
		"compliance: {policies: [{name: p, require: [os_version]}]}":                      "1:25: compliance policy requires an OS version but has no minimum",
		"compliance: {policies: [{name: p, groups: [g]}]}":                                `policy "p" is for the group "g", which the file does not have`,
		"devices: [{name: d, wifi_mac: 12:34}]":                                           `MAC address "12:34" has 4 digits, want 12`,
		"devices: [{name: d}, {name: d}]":                                                 `label "d" stands here and on line 1; devices of the same name need a label`,
		"devices: [{name: d, antivirus: yes}]":                                            "antivirus must be true or false, not a text",
		"devices: [{name: d, last_sync_ago: 1w}]":                                         `last_sync_ago is "1w"; expected a duration`,
		"devices: [{name: d, patch_level: soon}]":                                         `patch_level is "soon"; expected a day`,
		"fleet: {count: 200001}":                                                          `count is "200001"; expected a number from 0 to 200000`,
		"fleet: {count: 1, mix: {}}":                                                      "mix has no operating system",
		"fleet: {count: 1, twins: 5}":                                                     "twins must be a text",
		"fleet: {count: 1, twins: 101%}":                                                  `twins is "101%"; expected a share such as 6% or 0.5%`,
		"fleet: {count: 1}\ndevices: [{name: d, label: fleet-000001}]":                    `device "fleet-000001" has a label that the fleet uses`,
		"check_ins: {every: 1m, jitter: 2m}":                                              "jitter 2m0s must be less than every 1m0s",
		"check_ins: {jitter: 9h}":                                                         "jitter 9h0m0s must be less than every 8h0m0s",
		"service: {page_size: 1001}":                                                      `1:22: page_size is "1001"; expected a number from 1 to 1000`,
	} {
		_, err := parse("tenants/t.yaml", []byte(text), around(t))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
		var all Errors
		if err != nil && !errors.As(err, &all) {
			t.Errorf("%s: the error is a %T", text, err)
		}
	}
}

// No error shows a secret.
func TestSecretsAreHidden(t *testing.T) {
	for _, text := range []string{
		"apps: [{client_id: x, secrets: [{value: hunter2, expire: 1}]}]", "users: [{upn: a, password: hunter2, adnim: true}]", "users: [{upn: [], password: 'hunter2'}]",
	} {
		if _, err := parse("t.yaml", []byte(text), around(t)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPercent(t *testing.T) {
	for text, want := range map[string]float64{"0%": 0, "6%": 0.06, "0.5%": 0.005, "12.345%": 0.12345, "100%": 1} {
		if got, ok := percent(text); !ok || got != want {
			t.Errorf("%s is %v %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "%", "5", "100.1%", "1.%", "-1%", "1e2%", ".5%", "1.2345%", "1234%"} {
		if got, ok := percent(text); ok {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]bool{
		"https://nac.contoso.example/link": true, "http://localhost:8080/x": true, "http://127.0.0.1/": true, "http://[::1]:1/": true, "msal9a8b://auth": true, "urn:ietf:wg:oauth:2.0:oob": true,
		"foo": false, "/x": false, "javascript:alert(1)": false, "JavaScript:alert(1)": false, "data:text/html,x": false, "http://nac.contoso.example/": false, "https:///x": false, "https://a/#x": false, "https://%": false,
	} {
		if isRedirect(text) != want {
			t.Errorf("%s is a redirect URI: %v", text, !want)
		}
	}
	for text, want := range map[string]bool{"contoso.example": true, "a-b.c1.example": true, "example": false, "a b.example": false, "-a.example": false, "a..example": false, "": false} {
		if isDomain(text) != want || isUPN("anna@"+text) != want {
			t.Errorf("%q is a domain: %v", text, !want)
		}
	}
	if isUPN("@contoso.example") || isUPN("contoso.example") || isUPN("a b@contoso.example") {
		t.Error("a name without user is one")
	}
}

// The schema is valid and takes what Load takes.
func TestSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("tenant.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("tenant.json")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(text string) error {
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		plain, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		again, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(again)
	}
	if err := valid(string(Example)); err != nil {
		t.Errorf("the example: %v", err)
	}
	for _, text := range []string{"Domains: [a]", "apps: [{name: x}]", "fleet: {}", "compliance: {policies: [{name: p, require: [tmp]}]}"} {
		if valid(text) == nil {
			t.Errorf("%s: the schema takes it", text)
		}
	}
}

func FuzzLoad(f *testing.F) {
	all := around(f)
	f.Add(Example)
	f.Add([]byte("apps: [{client_id: x, secrets: [{env: NAC_SECRET}, {file: secret.txt}], certificates: [nac.pem]}]\ngroups: [{name: g, members: [g]}]"))
	f.Add([]byte("fleet: {count: 3, twins: 100%, mix: {android: 1}}\ndevices: [{name: a, last_sync_ago: 1h, wifi_mac: 001c.b300.0001}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("count")) && len(data) > 2000 {
			return // a fleet of its own size takes its time
		}
		c, err := parse("tenants/t.yaml", data, all)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error without words")
			}
			return
		}
		if len(c.Intune.Devices) > 1000 {
			return
		}
		c.SigningKey = fakegraphtest.Key()
		if _, err := fakegraph.New(fakegraphtest.Machine(t), c); err != nil && !strings.HasPrefix(err.Error(), "fakegraph: ") {
			t.Fatal(err)
		}
	})
}
