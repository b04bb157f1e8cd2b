package scenario

import (
	"strings"
	"testing"
	"time"
)

const authScenario = `title: Passwords, printers and revoked certificates
policy: policies/p.yaml
authentication:
  methods: [peap, ttls, teap]
  teap: {identities: [machine, user], machine_only: true, inner: [eap-tls, eap-gtc]}
  tickets: 0s
  mab: [chap]
  revocation: {by: ocsp, hard_fail: true, valid: 10m}
users:
  Ada@corp.example: {password: correct horse, groups: [staff, admins]}
  bob: {password: "x", disabled: true}
nas:
  sw-1: {kind: switch, radius: radsec, mab: fallback, mab_form: eap-md5}
devices:
  laptop-1:
    supplicant: {method: ttls-pap, user: ada@corp.example, anonymous: "@corp.example", profile: windows, resume: true}
  laptop-2:
    supplicant: {method: peap-mschapv2, user: bob, password: other, identity: bobby}
  laptop-3: {supplicant: {method: teap-gtc, machine: true, no_user: true}, certificate: {issuer: intermediate}}
  printer: {supplicant: none, certificate: none}
  tablet: {}
steps:
  - connect: {device: printer, to: sw-1/1}
  - user: {name: BOB, disabled: false, password: new}
  - password: {device: laptop-2, password: new}
  - revoke: {device: tablet, reason: keyCompromise}
  - crash: {host: pki}
`

func TestAuthentication(t *testing.T) {
	f := mustParse(t, authScenario)
	if err := valid(t, compiled(t), authScenario); err != nil {
		t.Errorf("the schema refuses it: %v", err)
	}
	a := f.Authentication
	if strings.Join(a.Methods, " ") != "peap ttls teap" || a.Tickets != 0 || len(a.MAB) != 1 || a.Revocation.By != RevocationOCSP ||
		!a.Revocation.Hard || a.Revocation.Valid != 10*time.Minute {
		t.Errorf("authentication is %+v", a)
	}
	if u := f.User("ADA@corp.example"); u == nil || u.Password != "correct horse" || len(u.Groups) != 2 || u.Disabled {
		t.Errorf("Ada is %+v", u)
	}
	if n := f.NAS[0]; n.RADIUS != OverTLS || n.MAB != MABFallback || n.MABForm != "eap-md5" {
		t.Errorf("switch is %+v", n)
	}
	s := f.Devices[0].Supplicant
	if s.Method != "ttls-pap" || s.Password != "correct horse" || s.Identity != "ada@corp.example" || s.Anonymous != "@corp.example" ||
		s.Profile != "windows" || !s.Resume {
		t.Errorf("the password of users is not taken: %+v", s)
	}
	if s := f.Devices[1].Supplicant; s.Password != "other" || s.Identity != "bobby" {
		t.Errorf("what is written does not count: %+v", s)
	}
	if p := f.Authentication.TEAP; strings.Join(p.Identities, " ") != "machine user" || !p.MachineOnly || strings.Join(p.Inner, " ") != "eap-tls eap-gtc" {
		t.Errorf("TEAP is %+v", p)
	}
	if d := f.Devices[2]; !d.Supplicant.Machine || !d.Supplicant.NoUser || d.Supplicant.UsesPassword() || d.Supplicant.Identity != "host/{{DeviceName}}" ||
		d.Certificate.Issuer != CAIntermediate {
		t.Errorf("the machine is %+v", d.Supplicant)
	}
	if f.Devices[3].Supplicant.Method != PeerNone || f.Devices[4].Supplicant.Method != PeerTLS {
		t.Errorf("printer %+v, tablet %+v", f.Devices[3].Supplicant, f.Devices[4].Supplicant)
	}
	if u := f.Steps[1].User; *u.Disabled || *u.Password != "new" || f.Steps[3].Revoke.Reason != 1 {
		t.Errorf("steps are %+v, %+v", u, f.Steps[3].Revoke)
	}
}
