package directory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph/directory"
	"nacsim/internal/host/testhost"
)

const (
	tenant = "5f0c8a3e-1111-4222-8333-444455556666"
	client = "9a8b7c6d-0000-4000-8000-0123456789ab"
)

func config() directory.Config {
	return directory.Config{
		Domains: []string{"contoso.example"},
		Apps: []directory.App{{ClientID: client, Secrets: []directory.Secret{{Value: "one"}},
			RequestedRoles: []string{directory.RoleReadDevices}, DelegatedScopes: []string{"User.Read"}}},
		Users: []directory.User{{UPN: "anna@contoso.example", Password: "pw"}, {UPN: "bob@contoso.example"}},
		Groups: []directory.Group{{DisplayName: "Staff", Members: []string{"anna@contoso.example", "Leads"}},
			{DisplayName: "Leads", Members: []string{"BOB@contoso.example"}}},
	}
}

func open(t *testing.T, h *testhost.Machine, cfg directory.Config) *directory.Directory {
	t.Helper()
	d, err := directory.Open(h, tenant, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func names(groups []directory.Group) string {
	list := make([]string, len(groups))
	for i, g := range groups {
		list[i] = g.DisplayName
	}
	return strings.Join(list, " ")
}

func TestLookups(t *testing.T) {
	d := open(t, testhost.New(t).Machine("graph", "10.0.0.2"), config())
	anna, ok := d.User("ANNA@contoso.example")
	if again, found := d.User(strings.ToUpper(anna.ObjectID)); !ok || !found || again != anna || anna.DisplayName != anna.UPN || anna.Mail != anna.UPN {
		t.Errorf("anna by name %+v, by id %+v", anna, again)
	}
	if _, ok := d.User("carl@contoso.example"); ok {
		t.Error("found a user who is not there")
	}
	if got := names(d.GroupsOf("bob@contoso.example")); got != "Leads" {
		t.Errorf("bob's groups: %s", got)
	}
	if got := names(d.TransitiveGroupsOf("bob@contoso.example")); got != "Leads Staff" {
		t.Errorf("bob's groups, transitively: %s", got)
	}
	if g, ok := d.Group("staff"); !ok || len(g.Members) != 2 || g.Members[0] != anna.ObjectID {
		t.Errorf("group: %+v", g)
	}
	for _, id := range []string{directory.GraphAppID, directory.IntuneAppID, strings.ToUpper(client)} {
		p, ok := d.ServicePrincipal(id)
		if byObject, found := d.ServicePrincipal(p.ObjectID); !ok || !found || byObject != p {
			t.Errorf("service principal %s: %+v, by object id %+v", id, p, byObject)
		}
	}
	for name, want := range map[string]bool{tenant: true, strings.ToUpper(tenant): true, "Contoso.example": true, "common": true, "other.example": false} {
		if d.Owns(name) != want {
			t.Errorf("owns %s: %v", name, !want)
		}
	}
	if len(d.Users()) != 2 || len(d.Groups()) != 2 || len(d.Apps()) != 1 || d.DisplayName() != "contoso.example" {
		t.Errorf("lists: %v %v %v", d.Users(), d.Groups(), d.Apps())
	}
}

// A crash keeps what was changed, and the configuration rules what was not.
func TestChangesAreDurable(t *testing.T) {
	h := testhost.New(t).Machine("graph", "10.0.0.2")
	cfg := config()
	d := open(t, h, cfg)
	now := h.Now()
	for _, err := range []error{
		d.Consent(client), d.ConsentScopes(client, "bob@contoso.example", "Mail.Read"), d.SetPassword("anna@contoso.example", "new", now),
		d.SetDisabled("bob@contoso.example", true, now), d.SetMembers("Leads", "anna@contoso.example"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h = h.Restart()
	cfg.Apps[0].Secrets = []directory.Secret{{Value: "two"}}
	cfg.Users[0].Password = "configured later"
	d = open(t, h, cfg)
	app, _ := d.App(client)
	if !slices.Equal(app.Roles, []string{directory.RoleReadDevices}) || !slices.Equal(app.ConsentedScopes, []string{"User.Read"}) {
		t.Errorf("consent after a crash: %+v", app)
	}
	if known, _ := app.CheckSecret("two", now); !known {
		t.Error("a secret that was not changed while running did not follow the configuration")
	}
	if got := d.ConsentedScopes(client, "bob@contoso.example"); !slices.Equal(got, []string{"User.Read", "Mail.Read"}) {
		t.Errorf("bob's consent: %v", got)
	}
	anna, _ := d.User("anna@contoso.example")
	bob, _ := d.User("bob@contoso.example")
	if anna.Password != "new" || !anna.SessionsValidFrom.Equal(now) || !bob.Disabled || names(d.GroupsOf(anna.ObjectID)) != "Staff Leads" {
		t.Errorf("users after a crash: %+v %+v", anna, bob)
	}
	if err := d.RevokeConsent(client); err != nil {
		t.Fatal(err)
	}
	d = open(t, h.Restart(), cfg)
	if app, _ = d.App(client); len(app.Roles) > 0 || len(d.ConsentedScopes(client, bob.ObjectID)) > 0 {
		t.Errorf("after consent was revoked: %+v", app)
	}
	if len(config().Apps[0].Roles) > 0 || len(cfg.Apps[0].Roles) > 0 {
		t.Error("a change reached the configuration")
	}
}

func TestUnknownNames(t *testing.T) {
	d := open(t, testhost.New(t).Machine("graph", "10.0.0.2"), config())
	for _, c := range []struct{ got, want error }{
		{d.SetSecrets("x"), directory.ErrNoApp}, {d.RevokeConsent("x"), directory.ErrNoApp}, {d.ConsentScopes("x", "y"), directory.ErrNoApp},
		{d.SetPassword("x", "", time.Time{}), directory.ErrNoUser}, {d.ConsentScopes(client, "y"), directory.ErrNoUser},
		{d.SetMembers("x"), directory.ErrNoGroup}, {d.SetMembers("Staff", "x"), directory.ErrNoUser},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for want, change := range map[string]func(*directory.Config){
		"is not a GUID":     func(c *directory.Config) { c.Apps[0].ClientID = "x" },
		"is used twice":     func(c *directory.Config) { c.Apps = append(c.Apps, c.Apps[0]) },
		"redirect URI":      func(c *directory.Config) { c.Apps[0].RedirectURIs = []string{"/back"} },
		"name@domain":       func(c *directory.Config) { c.Users[0].UPN = "anna" },
		"is there twice":    func(c *directory.Config) { c.Users[1].UPN = "Anna@contoso.example" },
		"neither a user":    func(c *directory.Config) { c.Groups[0].Members = []string{"carl@contoso.example"} },
		"GUID or nothing":   func(c *directory.Config) { c.Groups[0].ID = "x" },
		"group id":          func(c *directory.Config) { c.Groups[1].DisplayName = "Staff" },
		`object id "x" is `: func(c *directory.Config) { c.Users[0].ObjectID = "x" },
	} {
		cfg := config()
		change(&cfg)
		if _, err := directory.Open(testhost.New(t).Machine("graph", "10.0.0.2"), tenant, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestNeedsAdmin(t *testing.T) {
	for scope, want := range map[string]bool{
		"user.read.ALL": true, "devicemanagementApps.Read.All": true, "DIRECTORY.AccessAsUser": true, "user.readbasic.all": false,
		"User.Read": false, "User.ReadBasic.All": false, "User.Read.All": true, "DeviceManagementManagedDevices.Read.All": true, "Mail.Read": false} {
		if directory.NeedsAdmin(scope) != want {
			t.Errorf("%s: %v", scope, !want)
		}
	}
}
