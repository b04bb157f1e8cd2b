package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"nacsim/fakeap"
	"nacsim/fakeap/eappeer"
	"nacsim/internal/eap"
)

// folder is one with a certificate that is its own authority, in one file with its key and in two.
func folder(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "LAPTOP-1"}, DNSNames: []string{"laptop-1.corp.example"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	dir := t.TempDir()
	for name, content := range map[string][]byte{"c.pem": chain, "k.pem": secret, "both.pem": append(bytes.Clone(chain), secret...), "text": []byte("hello")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t testing.TB, dir, text string) (*Config, error) {
	t.Helper()
	return Read(filepath.Join(dir, "ap.yaml"), []byte(text))
}

func TestMinimal(t *testing.T) {
	c, err := read(t, folder(t), "server: {auth: 10.0.0.1, secret: s}\nsupplicants:\n  - {certificate: both.pem, ca: c.pem}\n")
	if err != nil {
		t.Fatal(err)
	}
	r := c.RADIUS
	if r.Auth != netip.MustParseAddrPort("10.0.0.1:1812") || r.Acct != netip.MustParseAddrPort("10.0.0.1:1813") || string(r.Secret) != "s" || r.Retries != 2 {
		t.Errorf("RADIUS %+v", r)
	}
	if n := c.NAS[0]; len(c.NAS) != 1 || n.Kind != AccessPoint || n.AP.SSID != "corp" || n.AP.Name != "ap-1" || !n.AP.DAS.Disabled || n.AP.Open {
		t.Errorf("NAS %+v", c.NAS)
	}
	s := c.Supplicants[0]
	if s.Name != "device-1" || s.Method != "tls" || s.EAP.Identity != "host/laptop-1.corp.example" || s.Expect != (Expect{Result: fakeap.Accepted}) || s.MAC.String() != "00:1c:b3:00:00:01" {
		t.Errorf("supplicant %+v", s)
	}
}

const everything = `
server:
  auth: "[2001:db8::1]:11812"
  acct: none
  secret: "correct horse"
  timeout: 500ms
  retries: 0
  require_message_authenticator: true
nas:
  - name: first
    kind: switch
    ports: 48
    address: 10.0.0.2
    mac: 5c:5b:35:aa:00:00
    default_vlan: 4
    guest_vlan: guests
    reject_vlan: 6
    server_fail_vlan: 7
    framed_mtu: 1300
    reauth: 1h
    interim: 10m
    quiet: 30s
    das: {address: 127.0.0.1, port: 13799, secret: other, clients: [10.0.0.1, 10.1.0.0/16], require_event_timestamp: true, require_message_authenticator: true}
    mab: {mode: first, protocol: chap, notation: AA-BB-CC-DD-EE-FF, password: pw, wait: 5s}
  - {name: second, ssid: staff, firmware: "0.14.1"}
  - {name: third, ssid: things, mab: {mode: only}}
supplicants:
  - {name: "desk-{n}", count: 30, nas: first, port: 11, method: peap-mschapv2, identity: "user{n}", anonymous: "@corp", user: "u{n}", password: "p{n}", ca: [c.pem], expect: {result: reject}}
  - {name: last, nas: first, method: mab, mac: 001cb3098515, expect: {vlan: 20, filter_id: staff}}
  - {name: roamer, nas: second, certificate: c.pem, key: k.pem, ca: none, server_name: radius.corp, server_domain: corp, tls: {min: 1.2, max: "1.2"}, fragment: 100, profile: windows, expect: {result: no-reply}}
  - {name: both, nas: second, method: teap-tls, certificate: both.pem, ca: c.pem, machine: {certificate: both.pem}}
  - {name: alone, nas: second, method: teap-tls, ca: c.pem, machine: {identity: host/x, password: secret}}
  - {name: bulb, nas: third, method: mab}
`

func TestEverything(t *testing.T) {
	c, err := read(t, folder(t), everything)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.RADIUS; r.Auth != netip.MustParseAddrPort("[2001:db8::1]:11812") || r.Acct.IsValid() || r.Retries != -1 || r.Timeout != 500*time.Millisecond || !r.RequireMessageAuthenticator {
		t.Errorf("RADIUS %+v", r)
	}
	sw := c.NAS[0]
	s := sw.Switch.Settings
	if sw.Kind != Switch || sw.Switch.Ports != 48 || s.Address.String() != "10.0.0.2" || sw.Switch.MAC.String() != "5c:5b:35:aa:00:00" ||
		s.DefaultVLAN != "4" || s.GuestVLAN != "guests" || s.RejectVLAN != "6" || s.ServerFailVLAN != "7" || s.FramedMTU != 1300 || s.Reauth != time.Hour ||
		s.Interim != 10*time.Minute || s.Quiet != 30*time.Second || sw.Listen != netip.MustParseAddrPort("127.0.0.1:13799") {
		t.Errorf("switch %+v", sw.Switch)
	}
	if d := s.DAS; d.Disabled || string(d.Secret) != "other" || len(d.Clients) != 2 || d.Clients[0].Bits() != 32 || !d.RequireEventTimestamp || !d.RequireMessageAuthenticator {
		t.Errorf("das %+v", d)
	}
	if s.MAB != (fakeap.MABConfig{Mode: fakeap.MABFirst, Protocol: fakeap.MABCHAP, Notation: "AA-BB-CC-DD-EE-FF", Password: "pw", Wait: 5 * time.Second}) {
		t.Errorf("mab %+v", s.MAB)
	}
	if a := c.NAS[1].AP; a.SSID != "staff" || a.Firmware != "0.14.1" || a.Open || !c.NAS[2].AP.Open || c.NAS[2].AP.MAB.Mode != fakeap.MABOnly {
		t.Errorf("access points %+v %+v", a, c.NAS[2].AP)
	}
	desk := c.Supplicants[29]
	if desk.Name != "desk-30" || desk.Port != 40 || desk.EAP.Identity != "user30" || desk.EAP.User != "u30" || desk.EAP.Password != "p30" || desk.EAP.Anonymous != "@corp" ||
		desk.EAP.Inner != eappeer.EAPMSCHAPv2 || desk.EAP.Method != eap.TypePEAP || desk.Expect.Result != fakeap.Rejected || desk.MAC.String() != "00:1c:b3:00:00:1e" {
		t.Errorf("desk %+v %+v", desk, desk.EAP)
	}
	if last := c.Supplicants[30]; last.Port != 41 || last.EAP != nil || last.MAC.String() != "00:1c:b3:09:85:15" || last.Expect.VLAN != "20" || last.Expect.FilterID != "staff" {
		t.Errorf("last %+v", last)
	}
	e := c.Supplicants[31].EAP
	if !e.AnyServer || e.MaxTLS != tls.VersionTLS12 || e.FragmentSize != 100 || e.ServerName != "radius.corp" || e.ServerSuffix != "corp" || e.Profile != "windows" {
		t.Errorf("roamer %+v", e)
	}
	if e := c.Supplicants[32].EAP; e.Machine == nil || e.Machine.Identity != "host/laptop-1.corp.example" || e.NoUser {
		t.Errorf("both %+v", e)
	}
	if e := c.Supplicants[33].EAP; e.Machine.Inner != eappeer.EAPMSCHAPv2 || !e.NoUser || e.Identity != "host/x" {
		t.Errorf("alone %+v", e)
	}
}

func TestRadSec(t *testing.T) {
	c, err := read(t, folder(t), "server: {acct: none, radsec: {server: \"radius.corp.example:12083\", certificate: c.pem, key: k.pem, ca: c.pem, server_name: x, version: 1.0}}\nsupplicants:\n  - {certificate: both.pem, ca: c.pem}\n")
	if err != nil {
		t.Fatal(err)
	}
	if r := c.RADIUS.RadSec; r == nil || r.Server != "radius.corp.example:12083" || len(r.TLS.Certificates) != 1 || r.TLS.ServerName != "x" || !r.NoAccounting {
		t.Errorf("%+v", r)
	}
}

// Each mistake is told where it is. The text begins with server and supplicants that are right.
func TestMistakes(t *testing.T) {
	dir := folder(t)
	const server = "server: {auth: 10.0.0.1, secret: s}\n"
	one := func(s string) string { return server + "supplicants:\n  - {" + s + "}\n" }
	for _, tt := range []struct{ text, want string }{
		{"", "the file is empty"},
		{server, "supplicants"},
		{server + "supplicants: []\n", "2:14: supplicants is empty"},
		{"server: {secret: s}\nsupplicants: [{method: mab}]\n", "1:9: server has neither auth"},
		{"server: {auth: 10.0.0.1}\nsupplicants: [{method: mab}]\n", "1:9: server has no secret"},
		{"server: {auth: here, secret: s}\nsupplicants: [{method: mab}]\n", `1:16: auth is "here"; expected an IP address`},
		{"server: {auth: 10.0.0.1, secret: s, radsec: {server: a, certificate: both.pem, ca: c.pem}}\nsupplicants: [{method: mab}]\n", "radsec is in place of auth"},
		{one("method: tls"), "3:5: method tls needs a certificate"},
		{one("method: ttls-pap, ca: c.pem"), "method ttls-pap needs a password"},
		{one("name: x"), "no method, no certificate and no password"},
		{one("certificate: none.pem"), "3:19: certificate none.pem cannot be read: no such file"},
		{one("certificate: c.pem, ca: c.pem"), "3:19: certificate c.pem with key c.pem: "},
		{one("certificate: both.pem, ca: text"), "ca text has no certificates"},
		{one("certificate: both.pem, ca: ."), "it is not a file"},
		{one("method: mab, mac: \"01:1c:b3:09:85:15\""), "3:24: mac is \"01:1c:b3:09:85:15\", which is a group address"},
		{one("method: mab, mac: xyz"), "expected six octets"},
		{one("method: mab, nas: other"), `nas is "other"; there is none of that name`},
		{one("method: mab, port: 3"), "port is for switches"},
		{one("method: mab, count: 2, name: x"), "two supplicants called x"},
		{one("method: mab, name: ap-1"), "both a supplicant and a nas"},
		{one("method: mab, mac: 001cb3000002}\n  - {method: mab"), "both have the MAC address"},
		{one("method: mab}\n  - {certificate: both.pem, ca: c.pem"), "a wireless network is for one or the other"},
		{server + "nas: {kind: switch, ports: 2}\nsupplicants: [{method: mab, count: 3}]\n", "has 2 ports, but its clients need 3"},
		{server + "nas: {kind: switch}\nsupplicants: [{method: mab, count: 600}]\n", "would need port 600"},
		{server + "nas: [{name: a}, {name: a}]\nsupplicants: [{method: mab}]\n", "two called a"},
		{server + "nas: {mab: {notation: x}}\nsupplicants: [{method: mab}]\n", `notation is "x"`},
		{server + "nas: {das: {clients: [x]}}\nsupplicants: [{method: mab}]\n", `an entry of clients is "x"`},
		{one("method: mab, count: 3000"), "an access point can have 2007"},
		{one("method: teap-tls, certificate: both.pem, machine: {identity: x}"), "machine needs a certificate or a password"},
		{one("method: ttls-pap, password: p, identity: \"" + strings.Repeat("x", 254) + "\""), "254 octets"},
		{one("method: mab, tls: {min: 1.1}"), `min is "1.1"`},
		{one("method: mab, profile: amiga"), "amiga"},
		{one("method: mab, expect: {result: maybe}"), "maybe"},
	} {
		_, err := read(t, dir, tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\nerror %v, want one with %q", tt.text, err, tt.want)
		}
	}
}

func TestNoSecretInErrors(t *testing.T) {
	_, err := read(t, folder(t), "server: {auth: 10.0.0.1, secret: hunter2, x: 1}\nsupplicants:\n  - {password: hunter2, y: 1}\n")
	if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Count(err.Error(), "unknown key") != 2 {
		t.Errorf("error %v", err)
	}
}

// The schema takes what the reader takes, and refuses what it refuses for its form.
func TestSchema(t *testing.T) {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("ap.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("ap.json")
	if err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{
		strings.ReplaceAll(everything, "min: 1.2", `min: "1.2"`):                                        true,
		"server: {auth: a, secret: s}\nsupplicants: [{method: mab}]\n":                                  true,
		"server: {auth: a, secret: s}\nnas: {kind: ap}\nsupplicants: [{method: mab}]\n":                 true,
		"server: {auth: a, secret: s}\n":                                                                false,
		"server: {auth: a, secret: s}\nsupplicants: [{method: wep}]\n":                                  false,
		"server: {auth: a, secret: s}\nsupplicants: [{metod: mab}]\n":                                   false,
		"server: {auth: a, secret: s}\nsupplicants: [{method: mab, count: 0}]\n":                        false,
		"server: {auth: a, secret: s}\nnas: {mab: {mode: sometimes}}\nsupplicants: [{method: mab}]\n":   false,
		"server: {auth: a, secret: s}\nsupplicants: [{method: mab, expect: {result: accepted}}]\n":      false,
		"server: {auth: a, secret: s}\nnas: {kind: router}\nsupplicants: [{method: mab, count: 1}]\n":   false,
		"server: {auth: a, secret: s, radsec: {server: x}}\nsupplicants: [{method: mab, count: 1}]\n":   false,
		"server: {auth: a, secret: s, timeout: 2s, retries: 21}\nsupplicants: [{method: mab, port: 1}]": false,
	} {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(instance); (err == nil) != ok {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(everything)
	f.Add("server: {auth: 10.0.0.1, secret: s}\nsupplicants: [{method: mab, count: 3}]\n")
	f.Add("server: {radsec: {server: x, certificate: c.pem, ca: c.pem}}\nnas: [{kind: switch}]\nsupplicants: [{password: x, port: 5}]\n")
	dir := folder(f)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := read(t, dir, text); err == nil && (len(c.NAS) == 0 || len(c.Supplicants) == 0) {
			t.Errorf("an empty configuration of %q", text)
		}
	})
}
