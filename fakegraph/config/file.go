package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fleet"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/nacservice"
	"nacsim/internal/yamltable"
)

// The following are the file as written, before what it refers to is looked up.

type file struct {
	tenant, name string
	domains      []string
	apps         []app
	users        []user
	groups       []group
	compliance   compliance
	checkIns     checkIns
	devices      []device
	fleet        *fleetNode
	service      service
}

type app struct {
	node         ast.Node
	secrets      []secret
	certificates []named
	directory.App
}

type secret struct {
	node      ast.Node
	file, env named
	directory.Secret
}

type user struct {
	node         ast.Node
	passwordFile named
	mfa          string
	directory.User
}

type group struct {
	node    ast.Node
	members []named
	directory.Group
}

type compliance struct {
	noPolicy, graceEnds string
	validity            time.Duration
	policies            []policy
}

type policy struct {
	node ast.Node
	intune.CompliancePolicy
}

type checkIns struct {
	every, jitter time.Duration
	early         string
}

type device struct {
	node                 ast.Node
	enrolledAgo, syncAgo time.Duration
	owner, form          string
	patchLevel           time.Time
	intune.DeviceConfig
}

// healthyDevice is one that nothing bad has been said of.
func healthyDevice() device {
	return device{DeviceConfig: intune.DeviceConfig{Posture: intune.Healthy(time.Time{})}}
}

type fleetNode struct {
	count int
	seed  int
	fleet.Options
}

type service struct {
	tokenLifetime                time.Duration
	signIn                       signIn
	pageSize                     int
	filters, ethernet, count     string
	truncateFirst, truncateEvery int
	throttling                   throttling
	visibility                   intune.Delays
	policyStates                 string
	nac                          nacservice.Config
}

type throttling struct {
	app, tenant, appWrites, tenantWrites int
	off                                  bool
	window                               time.Duration
	retryAfter                           string
}

var fileProperties = []yamltable.Property[file]{
	id("tenant", "ID of the tenant. The default is "+DefaultTenant+".", func(f *file) *string { return &f.tenant }),
	text("name", "Name of the organization. The default is its first domain.", func(f *file) *string { return &f.name }, "Contoso"),
	checked(texts("domains", "Verified domains, by which the tenant can be named too.", func(f *file) *[]string { return &f.domains }, "contoso.example"),
		"a domain such as contoso.example", isDomain),
	list("apps", "App registrations.", "an app", maxList, appProperties, func(f *file, a app, n ast.Node) { a.node = n; f.apps = append(f.apps, a) }, func() app { return app{} }),
	list("users", "Users of the directory.", "a user", maxPeople, userProperties, func(f *file, u user, n ast.Node) { u.node = n; f.users = append(f.users, u) }, func() user { return user{} }),
	list("groups", "Groups of users.", "a group", maxList, groupProperties, func(f *file, g group, n ast.Node) { g.node = n; f.groups = append(f.groups, g) }, func() group { return group{} }),
	yamltable.Section("compliance", "How Intune judges devices.", complianceProperties, func(f *file) *compliance { return &f.compliance }),
	yamltable.Section("check_ins", "When devices check in.", checkInProperties, func(f *file) *checkIns { return &f.checkIns }),
	list("devices", "Managed devices. One that the file says nothing bad of is healthy.", "a device", maxDevices, deviceProperties,
		func(f *file, d device, n ast.Node) { d.node = n; f.devices = append(f.devices, d) }, healthyDevice),
	{Name: "fleet", Doc: "More devices, and users for them, made up from a seed: a company's usual mix, unless the keys say otherwise.", Schema: yamltable.ObjectSchema(fleetProperties),
		Set: func(r *yamltable.Reader, n ast.Node, f *file) {
			f.fleet = &fleetNode{seed: 1, Options: fleet.Usual(time.Time{})}
			yamltable.Object(r, n, "fleet", fleetProperties, f.fleet)
		}},
	yamltable.Section("service", "How Entra and Graph behave where the real ones do in several ways, or where it is not known.", serviceProperties, func(f *file) *service { return &f.service }),
}

var appProperties = []yamltable.Property[app]{
	required(id("client_id", "Application (client) id.", func(a *app) *string { return &a.ClientID })),
	id("object_id", "ID of the service principal. The default is derived from the client_id.", func(a *app) *string { return &a.ObjectID }),
	text("name", "Name, shown in tokens and on consent pages. The default is the client_id.", func(a *app) *string { return &a.DisplayName }, "NAC"),
	list("secrets", "Client secrets.", "a secret", 100, secretProperties, func(a *app, s secret, n ast.Node) { s.node = n; a.secrets = append(a.secrets, s) }, func() secret { return secret{} }),
	places("certificates", "Files with certificates in PEM, by which client assertions are verified.", func(a *app) *[]named { return &a.certificates }, "nac.pem"),
	checked(texts("redirect_uris", "Where a browser may be sent back to.", func(a *app) *[]string { return &a.RedirectURIs }, "https://nac.contoso.example/link"),
		"an address such as https://nac.contoso.example/link, http://localhost/link, or one with the scheme of an app", isRedirect),
	flag("public", "Whether a user's token is given without a secret (allow public client flows).", false, func(a *app) *bool { return &a.Public }),
	texts("roles", "Application permissions that an administrator has consented to.", func(a *app) *[]string { return &a.Roles },
		directory.RoleReadDevices, directory.RoleReadWriteDevices, directory.RoleDeviceCompliance),
	texts("requested_roles", "Application permissions that consent adds.", func(a *app) *[]string { return &a.RequestedRoles }, directory.RoleReadDevices),
	texts("scopes", "Delegated permissions that the registration asks for.", func(a *app) *[]string { return &a.DelegatedScopes }, "User.Read"),
	texts("consented_scopes", "Delegated permissions that an administrator has consented to for all users.", func(a *app) *[]string { return &a.ConsentedScopes }, "User.Read"),
}

func required[T any](p yamltable.Property[T]) yamltable.Property[T] {
	p.Required = true
	return p
}

var secretProperties = []yamltable.Property[secret]{
	{Name: "value", Doc: "The secret itself.", Schema: textSchema(), Set: func(r *yamltable.Reader, n ast.Node, s *secret) {
		value, ok := r.Secret(n, "value")
		if ok && value == "" {
			r.Errorf(n, "value is empty")
		}
		s.Value = value
	}},
	place("file", "File with the secret, in place of value.", func(s *secret) *named { return &s.file }, "secret.txt"),
	place("env", "Environment variable with the secret, in place of value.", func(s *secret) *named { return &s.env }, "NAC_SECRET"),
	moment("expires", "When the secret ends. The default is never.", func(s *secret) *time.Time { return &s.Expires }),
}

// place is a text with its place.
func place[T any](name, doc string, field func(*T) *named, examples ...string) yamltable.Property[T] {
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: textSchema(examples...), Set: func(r *yamltable.Reader, n ast.Node, to *T) {
		*field(to) = named{n, readText(r, n, name)}
	}}
}

var userProperties = []yamltable.Property[user]{
	checked(required(text("upn", "User principal name.", func(u *user) *string { return &u.UPN }, "anna@contoso.example")),
		"a name such as anna@contoso.example", isUPN),
	id("id", "Object id. The default is derived from the upn.", func(u *user) *string { return &u.ObjectID }),
	text("name", "Name as it is shown. The default is the upn.", func(u *user) *string { return &u.DisplayName }, "Anna Bauer"),
	text("given_name", "Given name.", func(u *user) *string { return &u.GivenName }, "Anna"),
	text("surname", "Surname.", func(u *user) *string { return &u.Surname }, "Bauer"),
	text("mail", "Mail address. The default is the upn.", func(u *user) *string { return &u.Mail }, "anna.bauer@contoso.example"),
	{Name: "password", Doc: "Password. A user without one cannot sign in.", Schema: textSchema(), Set: func(r *yamltable.Reader, n ast.Node, u *user) {
		u.Password, _ = r.Secret(n, "password")
	}},
	place("password_file", "File with the password, in place of password.", func(u *user) *named { return &u.passwordFile }, "anna.txt"),
	flag("admin", "Whether the user can consent for the whole tenant.", false, func(u *user) *bool { return &u.Admin }),
	flag("disabled", "Whether the account is disabled.", false, func(u *user) *bool { return &u.Disabled }),
	flag("locked", "Whether the account is locked.", false, func(u *user) *bool { return &u.Locked }),
	flag("password_expired", "Whether a new password is due.", false, func(u *user) *bool { return &u.PasswordExpired }),
	choice("mfa", "Whether a second factor is required, and whether the user has registered one.", []string{"none", "required", "unregistered"}, func(u *user) *string { return &u.mfa }),
}

var groupProperties = []yamltable.Property[group]{
	required(text("name", "Name of the group.", func(g *group) *string { return &g.DisplayName }, "staff")),
	id("id", "Object id. The default is derived from the name.", func(g *group) *string { return &g.ID }),
	text("description", "What the group is for.", func(g *group) *string { return &g.Description }),
	places("members", "Users, by upn or id, and groups, by name or id.", func(g *group) *[]named { return &g.members }, "anna@contoso.example"),
}
