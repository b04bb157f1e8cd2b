package nac

import (
	"slices"
	"testing"

	"nacsim/nac/credential"
	"nacsim/nac/eapserver"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/revocation"
)

const staffOnly = `
labels:
  - {name: Staff, type: match, match: idp_role, values: [staff]}
  - {name: Corp, type: vlan, vlan: "750"}
rules:
  - {name: Staff, action: allow, matching: {auth_type: idp, nactags: [Staff]}, apply_tags: [Corp]}
`

// TestReloadUsers holds what the policy makes of a running session when its user has changed since.
func TestReloadUsers(t *testing.T) {
	p, err := policy.Load("policy.yaml", []byte(staffOnly))
	if err != nil {
		t.Fatal(err)
	}
	anna := func(change func(*credential.User)) *credential.UsersConfig {
		u := credential.User{Name: "anna", Password: "horse", Groups: []string{"staff"}}
		change(&u)
		return &credential.UsersConfig{Users: []credential.User{u}, Realms: []string{"corp.example"}}
	}
	var cfg Config
	b := newBench(t, func(c *Config) {
		c.Policy, c.Users = p, anna(func(*credential.User) {})
		cfg = *c
	})
	a := radiusd.Access{Request: request("10.0.1.1", laptopMAC, "A1"), Method: "eap-ttls", User: "anna@corp.example", Inner: "pap", Groups: []string{"staff"}}
	if err := b.n.Authorize(a).Sent(); err != nil {
		t.Fatal(err)
	}
	entra := &credential.EntraConfig{Tenant: "t", ClientID: "c"}
	const disabled = `user "anna@corp.example": the account is disabled`
	for _, c := range []struct {
		name   string
		users  *credential.UsersConfig
		entra  *credential.EntraConfig
		reason string // of the refusal; empty means that the client stays
	}{
		{"as before", anna(func(*credential.User) {}), nil, ""},
		{"another password", anna(func(u *credential.User) { u.Password = "battery" }), nil, ""},
		{"no member any more", anna(func(u *credential.User) { u.Groups = []string{"guests"} }), nil, policy.ImplicitDeny},
		{"disabled", anna(func(u *credential.User) { u.Disabled = true }), nil, disabled},
		{"disabled, with another directory", anna(func(u *credential.User) { u.Disabled = true }), entra, disabled},
		{"removed", anna(func(u *credential.User) { u.Name = "bob" }), nil, `user "anna@corp.example": no such user`},
		{"perhaps the other directory's", anna(func(u *credential.User) { u.Name = "bob" }), entra, ""},
		{"no users", nil, nil, `user "anna@corp.example": no such user`},
		{"as before again", anna(func(*credential.User) {}), nil, ""},
	} {
		cfg.Users, cfg.Entra = c.users, c.entra
		if err := b.n.Reload(cfg); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		s, ok := b.n.sessions.ByClient(laptopMAC)
		if !ok {
			t.Fatalf("%s: the session is gone without the NAS having been told", c.name)
		}
		if d := b.n.decide(b.m.now, &s); d.Reason != c.reason || d.Allow != (c.reason == "") {
			t.Errorf("%s: allowed %v, reason %q, want %q", c.name, d.Allow, d.Reason, c.reason)
		}
		if !slices.Equal(s.Request.Groups, []string{"staff"}) {
			t.Errorf("%s: the record of the session has been changed: %q", c.name, s.Request.Groups)
		}
	}
}

// TestReloadTakesAway holds that what a configuration no longer has is not in force any more, and that what is wrong
// changes nothing.
func TestReloadTakesAway(t *testing.T) {
	var cfg Config
	b := newBench(t, func(c *Config) {
		c.Resumption, c.Revocation = &eapserver.SessionLimits{}, &revocation.Config{}
		c.Compliance = policy.Mapping{InGracePeriod: policy.Noncompliant}
		cfg = *c
	})
	if b.n.revocation == nil {
		t.Fatal("no revocation service")
	}
	wrong := cfg
	wrong.Resumption, wrong.Revocation, wrong.RADIUS.Clients = nil, nil, []radiusd.Client{{}}
	if err := b.n.Reload(wrong); err == nil || b.n.revocation == nil || string((*b.n.clients.Load())[0].Secret) != "secret" {
		t.Errorf("a wrong configuration has been taken up, error %v", err)
	}
	cfg.Resumption, cfg.Revocation, cfg.Compliance = nil, nil, policy.Mapping{}
	if err := b.n.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	front, err := b.n.frontEnd(&cfg)
	if err != nil || b.n.revocation != nil || front.radius.EAP.Revocation != nil || front.radius.EAP.Sessions != nil {
		t.Errorf("revocation %v, front end %+v, error %v", b.n.revocation, front, err)
	}
	if got := b.n.compliance.Load().Status("inGracePeriod"); got != policy.Compliant {
		t.Errorf("a device in its grace period is %s", got)
	}
	cfg.Revocation = &revocation.Config{}
	if err := b.n.Reload(cfg); err != nil || b.n.revocation == nil {
		t.Errorf("revocation is not back: %v", err)
	}
}
