package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const testPolicy = `labels:
  - {name: Corp VLAN, type: vlan, vlan: 750}
rules:
  - {name: Corp Compliant, action: allow, apply_tags: [Corp VLAN]}
`

// parseText parses a scenario that is in a folder with the policy file policies/p.yaml.
func parseText(text string) (*File, error) {
	return parse("dir/test.yaml", []byte(text), func(path string) ([]byte, error) {
		switch filepath.ToSlash(path) {
		case "dir/policies/p.yaml":
			return []byte(testPolicy), nil
		case "dir/policies/broken.yaml":
			return []byte("rules:\n  - {nam: x, action: allow}\n"), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	})
}

func mustParse(t *testing.T, text string) *File {
	t.Helper()
	f, err := parseText(text)
	if err != nil {
		t.Fatalf("unexpected errors:\n%v", err)
	}
	return f
}

const fullScenario = `# yaml-language-server: $schema=schema/scenario.schema.json
title: Everything at once
shows: |
  Two lines
  of text.
covers: "A sentence."
start: 2026-03-01T10:00:00+02:00
seed: 0x10
policy: policies/p.yaml
settings: {poll: 1h, check_in: 4h, reauth: 30m, interim: 10m, coa: disconnect, coa_timeout: 1s, coa_retries: 0,
  coa_backoff: 1m, tls: {min: 1.3}, grace: 1d, lookup_retry: 2s, min_coa_firmware: 0.14, compliance: {in_grace_period: unknown, not_found: noncompliant}, max_duration: 60d}
network:
  delay: 2ms
  links:
    - {from: ap-1, to: nac, delay: 20ms, jitter: 5ms, loss: 1%, duplicate: 2.5%, reorder: 100%}
    - {both: [nac, graph], down: true}
nas:
  ap-1: {kind: ap, ssid: guest, firmware: 0.12, default_vlan: 10}
  sw-1: {kind: switch, ports: 4, reauth: 0s}
intune: {compliance: {minimum_patch_level: 2026-02-01}, page_size: 2, early_check_ins: true}
devices:
  laptop-1: &laptop
    mac: "00-1C-B3-09-85-15"
    name: ADAS-LAPTOP
    intune: {id: 3F2504E0-4F89-41D3-9A0C-0305E82C3301, os: macOS, antivirus: off, firewall: true, patch_level: 2026-01-01, ethernet_mac: none}
    certificate: {subject: "CN={{DeviceName}},O=Contoso", san_dns: [], san_uri: ["IntuneDeviceId://{{DeviceId}}"], issuer: foreign, not_before: -2d, not_after: -1h}
    supplicant: {identity: "{{UserPrincipalName}}", trust: foreign, server_name: other.example, tls: {max: "1.2"}, fragment: 500, retry: false}
  phone:
    <<: *laptop
    mac: "001cb3098516"
    randomize_mac: true
    intune: none
    certificate: none
steps:
  - connect: {device: laptop-1, to: ap-1}
  - at: 5s
    expect: {client: laptop-1, vlan: "750", state: authorized, rule: Corp Compliant, compliance: none, nas: ap-1}
    within: 5s
  - after: 1m30s
    expect: {event: NAC_CLIENT_PERMIT, client: laptop-1, where: {cert_cn: ADAS*, vlan: 750, random_mac: false}, not: true}
    for: 10m
  - connect: {device: phone, to: sw-1/3}
  - enroll: {device: phone, os: iOS, encryption: off}
  - posture: {device: laptop-1, antivirus: on, patch_level: 2026-02-28}
  - sync: {device: laptop-1}
  - rename: {device: laptop-1, name: NEW}
  - retire: {device: laptop-1}
  - enroll: {device: laptop-1}
  - certificate: {device: laptop-1, issuer: corp}
  - certificate: {device: phone}
  - policy: policies/p.yaml
  - policy: {file: policies/p.yaml}
  - graph: {status: down}
  - graph: {answer: 429, retry_after: 30s, count: 2}
  - graph: {status: up}
  - link: {both: [phone, sw-1], loss: 0%}
  - packet: {from: nac, to: ap-1, match: CoA-Request, action: delay, delay: 500ms, count: 3}
  - coa_answer: {nas: sw-1, nak: 503}
  - crash: {host: nac}
  - restart: {host: nac}
    note: The power is back
  - expect: {packet: CoA-NAK, from: sw-1, to: nac, count: 0}
  - expect: {lookup: found, key: san_dns, client: laptop-1, at_least: 2, since: start}
  - expect: {check_in: compliant, device: laptop-1}
  - expect: {record: drop, where: {reason: "unknown client"}}
  - disconnect: {device: phone}
`

func TestParseReadsEveryKey(t *testing.T) {
	f := mustParse(t, fullScenario)
	if f.Name != "test" || f.Title != "Everything at once" || f.Shows != "Two lines\nof text.\n" || f.Covers != "A sentence." || f.Seed != 16 {
		t.Errorf("head: %q %q %q %q %d", f.Name, f.Title, f.Shows, f.Covers, f.Seed)
	}
	if want := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC); !f.Start.Equal(want) || f.Start.Location() != time.UTC {
		t.Errorf("start is %v, want %v", f.Start, want)
	}
	if f.Policy.Written != "policies/p.yaml" || filepath.ToSlash(f.Policy.Path) != "dir/policies/p.yaml" || string(f.Policy.Data) != testPolicy || f.Policy.Line != 9 {
		t.Errorf("policy is %+v", f.Policy)
	}
	s := f.Settings
	if s.Poll != time.Hour || s.CheckIn != 4*time.Hour || s.Reauth != 30*time.Minute || s.Interim != 10*time.Minute || s.CoA != CoADisconnect ||
		s.CoATimeout != time.Second || s.CoARetries != 0 || s.CoABackoff != time.Minute || s.TLS.Min != "1.3" || s.TLS.Max != "1.3" ||
		s.Grace != 24*time.Hour || s.LookupRetry != 2*time.Second || s.MinCoAFirmware != "0.14" || s.Compliance.InGracePeriod != "unknown" || s.Compliance.NotFound != "noncompliant" || s.Compliance.Stale != "unknown" || s.MaxDuration != 60*24*time.Hour {
		t.Errorf("settings are %+v", s)
	}
	l := f.Network.Links[0]
	if f.Network.Delay != 2*time.Millisecond || l.From != "ap-1" || l.To != "nac" || l.Both || *l.Delay != 20*time.Millisecond ||
		*l.Jitter != 5*time.Millisecond || *l.Loss != 0.01 || *l.Duplicate != 0.025 || *l.Reorder != 1 || l.Down != nil {
		t.Errorf("link is %+v", l)
	}
	if l := f.Network.Links[1]; !l.Both || l.From != "nac" || l.To != "graph" || !*l.Down || l.Loss != nil {
		t.Errorf("link is %+v", l)
	}
	ap, sw := f.NASNamed("ap-1"), f.NASNamed("sw-1")
	if ap.Kind != KindAP || ap.SSID != "guest" || ap.Firmware != "0.12" || ap.DefaultVLAN != "10" || ap.Reauth != 30*time.Minute || ap.Ports != 0 {
		t.Errorf("ap-1 is %+v", ap)
	}
	if sw.Kind != KindSwitch || sw.Ports != 4 || sw.Reauth != 0 || sw.Interim != 10*time.Minute || sw.DefaultVLAN != "999" {
		t.Errorf("sw-1 is %+v", sw)
	}
	c := f.Intune.Compliance
	if !slices.Equal(c.Require, []string{"antivirus", "firewall", "encryption", "patch_level"}) || c.Grace != 24*time.Hour ||
		c.MinimumPatchLevel.Format(time.DateOnly) != "2026-02-01" || f.Intune.PageSize != 2 || !f.Intune.EarlyCheckIns {
		t.Errorf("intune is %+v", f.Intune)
	}
}

func TestParseReadsDevices(t *testing.T) {
	f := mustParse(t, fullScenario)
	d := f.Device("laptop-1")
	if d.MAC.String() != "00:1c:b3:09:85:15" || d.DeviceName != "ADAS-LAPTOP" || d.RandomizeMAC {
		t.Errorf("laptop-1 is %+v", d)
	}
	in := d.Intune
	if !in.Enrolled || in.ID != "3f2504e0-4f89-41d3-9a0c-0305e82c3301" || in.OS != "macOS" || in.WiFiMAC.String() != "00:1c:b3:09:85:15" || in.EthernetMAC != nil {
		t.Errorf("record is %+v", in)
	}
	if p := in.Posture; *p.Antivirus || !*p.Firewall || !*p.Encryption || p.PatchLevel.Format(time.DateOnly) != "2026-01-01" {
		t.Errorf("posture is %v %v %v %v", *p.Antivirus, *p.Firewall, *p.Encryption, p.PatchLevel)
	}
	c := d.Certificate
	if c.Subject != "CN={{DeviceName}},O=Contoso" || len(c.SANDNS) != 0 || !slices.Equal(c.SANURI, []string{"IntuneDeviceId://{{DeviceId}}"}) ||
		c.Issuer != CAForeign || c.NotBefore != -48*time.Hour || c.NotAfter != -time.Hour || c.Key != "ecdsa-p256" {
		t.Errorf("certificate is %+v", c)
	}
	if s := d.Supplicant; s.Identity != "{{UserPrincipalName}}" || s.Trust != CAForeign || s.ServerName != "other.example" || s.TLS.Min != "1.2" || s.TLS.Max != "1.2" || s.Fragment != 500 || s.Retry {
		t.Errorf("supplicant is %+v", s)
	}
	phone := f.Device("phone")
	if phone.MAC.String() != "00:1c:b3:09:85:16" || phone.Certificate != nil || phone.Intune.Enrolled || phone.DeviceName != "ADAS-LAPTOP" || phone.Supplicant.Fragment != 500 {
		t.Errorf("phone is %+v", phone)
	}
	if a, b := phone.Address(1), phone.Address(2); a[0]&3 != 2 || slices.Equal(a, b) || !slices.Equal(a, phone.Address(1)) {
		t.Errorf("randomized addresses are %v and %v: want unicast, locally administered, and following the seed", a, b)
	}
	if !slices.Equal(d.Address(7), d.MAC) {
		t.Errorf("the address of laptop-1 is %v, want its MAC", d.Address(7))
	}
}

func TestParseReadsSteps(t *testing.T) {
	f := mustParse(t, fullScenario)
	var verbs []string
	for i, s := range f.Steps {
		if s.Index != i+1 {
			t.Errorf("step %d has index %d", i+1, s.Index)
		}
		verbs = append(verbs, s.Verb())
	}
	want := "connect expect expect connect enroll posture sync rename retire enroll certificate certificate policy policy graph graph graph link packet coa_answer crash restart expect expect expect expect disconnect"
	if got := strings.Join(verbs, " "); got != want {
		t.Fatalf("verbs are\n%s, want\n%s", got, want)
	}
	if c := f.Steps[0].Connect; c.Device != "laptop-1" || c.NAS != "ap-1" || c.Port != 0 || c.To() != "ap-1" || f.SourceLine(f.Steps[0].Pos) != "  - connect: {device: laptop-1, to: ap-1}" {
		t.Errorf("connect is %+v on line %q", c, f.SourceLine(f.Steps[0].Pos))
	}
	s := f.Steps[1]
	if *s.At != 5*time.Second || s.Within != 5*time.Second || s.Expect.VLAN != "750" || s.Expect.State != StateAuthorized || s.Expect.Rule != "Corp Compliant" || s.Expect.Compliance != "none" || s.Expect.NAS != "ap-1" || s.Expect.Record != "" {
		t.Errorf("step 2 is %+v %+v", s, s.Expect)
	}
	s = f.Steps[2]
	if s.After != 90*time.Second || s.For != 10*time.Minute || s.Expect.Record != "event" || s.Expect.Value != "NAC_CLIENT_PERMIT" || !s.Expect.Not || s.Expect.SinceStart || s.Expect.AtLeast != 1 {
		t.Errorf("step 3 is %+v %+v", s, s.Expect)
	}
	if w := s.Expect.Where; len(w) != 3 || w[0].Name != "cert_cn" || !w[0].Match("ADAS-LAPTOP") || w[0].Match("X-ADAS") || !w[1].Match("750") || !w[2].Match("false") {
		t.Errorf("where is %+v", w)
	}
	if c := f.Steps[3].Connect; c.NAS != "sw-1" || c.Port != 3 || c.To() != "sw-1/3" {
		t.Errorf("connect is %+v", c)
	}
	if g := f.Steps[15].Graph; g.Fault.Status != 429 || g.Fault.RetryAfter != 30*time.Second || g.Fault.Count != 2 || g.Up || g.Down {
		t.Errorf("graph is %+v", g)
	}
	if p := f.Steps[18].Packet; p.From != "nac" || p.To != "ap-1" || p.Match != "CoA-Request" || p.Action != ActionDelay || p.Delay != 500*time.Millisecond || p.Count != 3 {
		t.Errorf("packet is %+v", p)
	}
	if a := f.Steps[19].CoAAnswer; a.NAS != "sw-1" || a.NAK != 503 || a.Count != 1 {
		t.Errorf("coa_answer is %+v", a)
	}
	if e := f.Steps[22].Expect; *e.Count != 0 || !e.SinceStart || e.Value != "CoA-NAK" || e.From != "sw-1" || e.To != "nac" {
		t.Errorf("expect is %+v", e)
	}
	if e := f.Steps[23].Expect; e.AtLeast != 2 || !e.SinceStart || e.Key != "san_dns" {
		t.Errorf("expect is %+v", e)
	}
	if e := f.Steps[24].Expect; e.Record != "check_in" || e.Value != "compliant" || e.Client != "laptop-1" {
		t.Errorf("expect is %+v", e)
	}
	if e := f.Steps[25].Expect; e.Record != "drop" || e.Value != "" {
		t.Errorf("expect is %+v", e)
	}
}

func TestStepsInheritFromTheDevice(t *testing.T) {
	f := mustParse(t, fullScenario)
	r := f.Steps[4].Enroll.Record
	if !r.Enrolled || r.OS != "iOS" || *r.Posture.Encryption || !*r.Posture.Antivirus || r.ID != f.Device("phone").Intune.ID || r.EthernetMAC.String() != "00:1c:b3:09:85:16" || r.WiFiMAC != nil {
		t.Errorf("the phone enrols with %+v", r)
	}
	if *f.Device("phone").Intune.Posture.Encryption != true {
		t.Error("enrolment with a changed posture changed the device of the file")
	}
	r = f.Steps[9].Enroll.Record
	if !*r.Posture.Antivirus || r.Posture.PatchLevel.Format(time.DateOnly) != "2026-02-28" || r.OS != "macOS" {
		t.Errorf("laptop-1 enrols again with %+v, want the posture it has by then", r)
	}
	c := f.Steps[10].Certificate.Certificate
	if c.Subject != "CN={{DeviceName}},O=Contoso" || c.Issuer != CACorp || c.NotBefore != -time.Hour || c.NotAfter != 365*24*time.Hour {
		t.Errorf("the new certificate of laptop-1 is %+v: want its profile, another issuer and a fresh validity", c)
	}
	if f.Device("laptop-1").Certificate.Issuer != CAForeign {
		t.Error("a new certificate changed the device of the file")
	}
	if c := f.Steps[11].Certificate.Certificate; c.Subject != "CN={{DeviceName}}" || c.Issuer != CACorp {
		t.Errorf("the first certificate of the phone is %+v, want the default", c)
	}
}

const minimal = `title: Minimal
policy: policies/p.yaml
nas:
  ap-1: {kind: ap}
  sw-1: {kind: switch}
devices:
  laptop-1: {}
  laptop-2: {}
steps:
  - connect: {device: laptop-1, to: sw-1/8}
`

func TestDefaults(t *testing.T) {
	f := mustParse(t, minimal)
	s := f.Settings
	if !f.Start.Equal(time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)) || f.Seed != 1 || s.Poll != 2*time.Hour || s.CheckIn != 8*time.Hour || s.Reauth != 0 || s.Interim != 0 ||
		s.CoA != CoAReauth || s.CoATimeout != 2*time.Second || s.CoARetries != 3 || s.CoABackoff != 30*time.Second || s.TLS.Min != "1.2" || s.TLS.Max != "1.3" ||
		s.Grace != 0 || s.LookupRetry != 5*time.Second || s.MinCoAFirmware != "0.14" || s.Compliance.InGracePeriod != "compliant" || s.MaxDuration != 30*24*time.Hour {
		t.Errorf("settings are %+v", s)
	}
	if f.Network.Delay != time.Millisecond || f.Intune.PageSize != 1000 || f.Intune.EarlyCheckIns || !slices.Equal(f.Intune.Compliance.Require, []string{"antivirus", "firewall", "encryption"}) {
		t.Errorf("network %+v, intune %+v", f.Network, f.Intune)
	}
	if ap := f.NAS[0]; ap.SSID != "corp" || ap.Firmware != "0.14.29411" || ap.DefaultVLAN != "999" {
		t.Errorf("ap-1 is %+v", ap)
	}
	d := f.Devices[0]
	if d.DeviceName != "LAPTOP-1" || d.MAC[0]&3 != 0 || slices.Equal(d.MAC, f.Devices[1].MAC) || d.Certificate.Subject != "CN={{DeviceName}}" || !slices.Equal(d.Certificate.SANDNS, []string{"{{DeviceId}}"}) {
		t.Errorf("laptop-1 is %+v", d)
	}
	if d.Intune.ID == f.Devices[1].Intune.ID || d.Intune.ID == d.Intune.EntraID || !guidForm.MatchString(d.Intune.ID) || d.Intune.Serial == "" || d.Intune.User != "laptop-1@corp.example" {
		t.Errorf("record is %+v", d.Intune)
	}
	if !slices.Equal(d.Intune.EthernetMAC, d.MAC) || d.Intune.WiFiMAC != nil {
		t.Errorf("a device on a cable has Wi-Fi MAC %v and Ethernet MAC %v on record, want only the latter", d.Intune.WiFiMAC, d.Intune.EthernetMAC)
	}
	if d2 := f.Devices[1]; !slices.Equal(d2.Intune.WiFiMAC, d2.MAC) || d2.Intune.EthernetMAC != nil {
		t.Errorf("a device that is never connected has %v and %v on record, want only the Wi-Fi MAC", d2.Intune.WiFiMAC, d2.Intune.EthernetMAC)
	}
	if s := d.Supplicant; s.Identity != "host/{{DeviceName}}" || s.ServerName != DefaultServerName || s.Fragment != 1398 || !s.Retry || s.Trust != CACorp {
		t.Errorf("supplicant is %+v", s)
	}
	if v := d.Variables(); v.DeviceName != "LAPTOP-1" || v.DeviceID != d.Intune.ID || v.EntraDeviceID != d.Intune.EntraID || v.UserName != "laptop-1" || v.FullyQualifiedDomainName != "LAPTOP-1.corp.example" || len(v.WiFiMACAddress) != 12 {
		t.Errorf("variables are %+v", v)
	}
}

func TestIdentifiersDoNotDependOnTheRestOfTheFile(t *testing.T) {
	a := mustParse(t, minimal)
	b := mustParse(t, strings.Replace(minimal, "  laptop-1: {}\n", "  another: {}\n  laptop-1: {}\n", 1))
	x, y := a.Device("laptop-1"), b.Device("laptop-1")
	if !slices.Equal(x.MAC, y.MAC) || x.Intune.ID != y.Intune.ID || x.Intune.Serial != y.Intune.Serial {
		t.Error("adding a device changed the identifiers of another")
	}
}

func TestSpanAndHurry(t *testing.T) {
	f := mustParse(t, minimal+`  - {expect: {client: laptop-1, vlan: 750}, within: 5s}
  - {at: 8h, sync: {device: laptop-1}}
  - {after: 1h, expect: {client: laptop-1, vlan: 750}, within: 2h, for: 1d}
`)
	least, most := f.Span()
	if least != 33*time.Hour || most != 35*time.Hour {
		t.Errorf("the scenario lasts %v to %v, want 33h to 35h", least, most)
	}
	h := f.Hurry(10 * time.Second)
	if least, most := h.Span(); least != 30*time.Second || most != 2*time.Hour+35*time.Second {
		t.Errorf("in a hurry it lasts %v to %v, want 30s to 2h0m35s", least, most)
	}
	if f.Steps[2].At == nil || f.Steps[3].For != 24*time.Hour {
		t.Error("Hurry changed the original")
	}
}

func TestParseReadsFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("policies/p.yaml", testPolicy)
	path := write("a.b.yaml", "\ufeff"+strings.ReplaceAll(minimal, "\n", "\r\n"))
	f, err := Parse(path)
	if err != nil {
		t.Fatalf("a file with a byte order mark and CRLF: %v", err)
	}
	if f.Name != "a.b" || f.Path != path || f.Steps[0].Line != 10 || f.SourceLine(f.Steps[0].Pos) != "  - connect: {device: laptop-1, to: sw-1/8}" {
		t.Errorf("name %q, step on %v: %q", f.Name, f.Steps[0].Pos, f.SourceLine(f.Steps[0].Pos))
	}
	for _, c := range []struct{ name, path string }{
		{"missing file", filepath.Join(dir, "none.yaml")},
		{"folder", dir},
		{"too large", write("large.yaml", "title: x\n"+strings.Repeat("# comment\n", MaxFileSize/10))},
	} {
		_, err := Parse(c.path)
		var pathError *fs.PathError
		if !errors.As(err, &pathError) || pathError.Path != c.path {
			t.Errorf("%s: got %v, want a PathError about it", c.name, err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := parseText(fullScenario); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleError_Detail() {
	_, err := parseText("title: x\npolicy: policies/p.yaml\nsettings: {pol: 2h}\nsteps:\n  - sync: {device: x}\n")
	fmt.Println(err)
	// Output:
	// dir/test.yaml:3:12: unknown key "pol"; did you mean "poll"?
	//     settings: {pol: 2h}
	//                ^^^
	// dir/test.yaml:5:20: device: unknown device "x"; the scenario defines none
	//       - sync: {device: x}
	//                        ^
}

// BenchmarkParseLarge is a file at the limits of the language.
func BenchmarkParseLarge(b *testing.B) {
	text := "title: x\npolicy: policies/p.yaml\nnas: {ap-1: {kind: ap}}\ndevices:\n" + numbered(MaxDevices, "  d%d: {}\n") + "steps:\n" +
		numbered(MaxDevices, "  - connect: {device: d%d, to: ap-1}\n  - restart: {host: nac}\n")
	for b.Loop() {
		if _, err := parseText(text); err != nil {
			b.Fatal(err)
		}
	}
}
