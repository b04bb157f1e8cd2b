package config

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fleet"
	"nacsim/fakegraph/intune"
	"nacsim/internal/yamltable"
)

// resolve looks up what the file refers to and puts the configuration together.
func (r *reader) resolve(f *file) fakegraph.Config {
	c := fakegraph.Config{
		Tenant:        f.tenant,
		TokenLifetime: f.service.tokenLifetime,
		Entra:         f.service.signIn.settings(),
		Directory:     directory.Config{DisplayName: f.name, Domains: f.domains, Apps: r.apps(f.apps)},
		Graph:         f.service.graph(),
		NAC:           f.service.nac,
		Intune: intune.Config{
			NoPolicyFails: f.compliance.noPolicy == intune.StateNoncompliant, Validity: f.compliance.validity,
			GraceEndsAtOnce: f.compliance.graceEnds == "at_once", CheckIn: f.checkIns.every, Jitter: f.checkIns.jitter, Delays: f.service.visibility,
		},
	}
	if f.checkIns.early == "none" {
		c.Intune.EarlyCheckIns = []time.Duration{}
	}
	every := f.checkIns.every
	if every == 0 {
		every = 8 * time.Hour
	}
	if f.checkIns.jitter >= every {
		r.whole("check_ins: jitter %v must be less than every %v", f.checkIns.jitter, every)
	}
	c.Directory.Users = r.users(f.users)
	c.Intune.Devices = r.devices(f.devices)
	if f.fleet != nil {
		r.fleet(f, &c)
	}
	c.Directory.Groups = r.groups(f.groups, c.Directory.Users)
	c.Intune.Policies = r.policies(f.compliance.policies, c.Directory.Groups)
	if f.fleet != nil && len(c.Intune.Policies) == 0 {
		c.Intune.Policies = fleet.Policies()
	}
	return c
}

// whole reports a mistake of the file as a whole.
func (r *reader) whole(format string, args ...any) { r.Errorf(&ast.NullNode{}, format, args...) }

// once reports what stands in the file twice, and remembers what stands in it.
func (r *reader) once(seen map[string]int, n ast.Node, what, value string) {
	if value == "" {
		return
	}
	folded := strings.ToLower(value)
	if first := seen[folded]; first != 0 {
		r.Errorf(n, "%s %.64q stands here and on line %d", what, value, first)
		return
	}
	seen[folded] = yamltable.Start(n).Position.Line
}

func (r *reader) apps(list []app) []directory.App {
	var apps []directory.App
	seen := map[string]int{}
	for i := range list {
		a := &list[i]
		r.once(seen, a.node, "client_id", a.ClientID)
		for j := range a.secrets {
			a.Secrets = append(a.Secrets, r.secret(&a.secrets[j]))
		}
		for _, file := range a.certificates {
			a.Certificates = append(a.Certificates, r.certificates(file)...)
		}
		apps = append(apps, a.App)
	}
	return apps
}

// secret reads one from where it is.
func (r *reader) secret(s *secret) directory.Secret {
	given := 0
	if s.Value != "" {
		given++
	}
	if s.file.node != nil {
		given++
		s.Value = r.fileText(s.file)
	}
	if s.env.node != nil {
		given++
		value, ok := r.env(s.env.text)
		if !ok || value == "" {
			r.Errorf(s.env.node, "the environment variable %s is not set", s.env.text)
		}
		s.Value = value
	}
	if given != 1 {
		r.Errorf(s.node, "a secret has one of value, file and env")
	}
	return s.Secret
}

// fileText is the content of a file without the line break at its end.
func (r *reader) fileText(file named) string {
	text := strings.TrimRight(string(r.read(file)), "\r\n")
	if text == "" && len(r.Errs) == 0 {
		r.Errorf(file.node, "file %s is empty", r.path(file.text))
	}
	return text
}

func (r *reader) read(file named) []byte {
	data, err := r.open(r.path(file.text))
	switch {
	case err != nil:
		r.Errorf(file.node, "cannot read the file: %v", err)
		return nil
	case len(data) > maxSecret:
		r.Errorf(file.node, "file %s has %d octets; %d are the most", r.path(file.text), len(data), maxSecret)
		return nil
	}
	return data
}

func (r *reader) certificates(file named) (found []*x509.Certificate) {
	data := r.read(file)
	if data == nil {
		return nil
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			r.Errorf(file.node, "file %s: %v", r.path(file.text), err)
			return nil
		}
		found = append(found, c)
	}
	if found == nil {
		r.Errorf(file.node, "file %s has no certificate in PEM", r.path(file.text))
	}
	return found
}

func (r *reader) users(list []user) []directory.User {
	var users []directory.User
	upns, ids := map[string]int{}, map[string]int{}
	for i := range list {
		u := &list[i]
		r.once(upns, u.node, "user", u.UPN)
		r.once(ids, u.node, "id", u.ObjectID)
		if u.passwordFile.node != nil {
			if u.Password != "" {
				r.Errorf(u.node, "user %.64q has both password and password_file", u.UPN)
			}
			u.Password = r.fileText(u.passwordFile)
		}
		u.MFARequired, u.MFAUnregistered = u.mfa == "required" || u.mfa == "unregistered", u.mfa == "unregistered"
		users = append(users, u.User)
	}
	return users
}

func (r *reader) groups(list []group, users []directory.User) []directory.Group {
	known := map[string]bool{}
	for _, u := range users {
		known[strings.ToLower(u.UPN)], known[u.ObjectID] = true, true
	}
	names := map[string]int{}
	for i := range list {
		g := &list[i]
		r.once(names, g.node, "group", g.DisplayName)
		known[strings.ToLower(g.DisplayName)], known[g.ID] = true, true
	}
	var groups []directory.Group
	for i := range list {
		g := &list[i]
		for _, m := range g.members {
			if !known[strings.ToLower(m.text)] {
				r.Errorf(m.node, "member %.64q of group %.64q is neither a user nor a group of this file", m.text, g.DisplayName)
			}
			g.Members = append(g.Members, m.text)
		}
		groups = append(groups, g.Group)
	}
	return groups
}

func (r *reader) policies(list []policy, groups []directory.Group) []intune.CompliancePolicy {
	var policies []intune.CompliancePolicy
	seen := map[string]int{}
	for i := range list {
		p := &list[i]
		r.once(seen, p.node, "policy", p.Name)
		if err := p.Check(); err != nil {
			r.Errorf(p.node, "%v", err)
		}
		for _, name := range append(slices.Clone(p.Assigned.Groups), p.Assigned.Excluded...) {
			if !slices.ContainsFunc(groups, func(g directory.Group) bool {
				return strings.EqualFold(g.DisplayName, name) || g.ID == strings.ToLower(name)
			}) {
				r.Errorf(p.node, "policy %.64q is for the group %.64q, which the file does not have", p.Name, name)
			}
		}
		policies = append(policies, p.CompliancePolicy)
	}
	return policies
}

func (r *reader) devices(list []device) []intune.DeviceConfig {
	devices := make([]intune.DeviceConfig, 0, len(list))
	labels, ids := make(map[string]int, len(list)), make(map[string]int, len(list))
	for i := range list {
		d := &list[i]
		d.complete(r.now)
		if d.Label == "" {
			d.Label = d.Name
		}
		if first := labels[d.Label]; first != 0 {
			r.Errorf(d.node, "label %.64q stands here and on line %d; devices of the same name need a label", d.Label, first)
		}
		labels[d.Label] = yamltable.Start(d.node).Position.Line
		r.once(ids, d.node, "id", d.ID)
		if err := d.Check(r.now); err != nil {
			r.Errorf(d.node, "device %.64q: %v", d.Name, err)
		}
		devices = append(devices, d.DeviceConfig)
	}
	return devices
}

// complete turns what is written into what Intune takes.
func (d *device) complete(now time.Time) {
	d.Personal, d.MACForm = d.owner == intune.OwnerPersonal, intune.MACForm(d.form)
	if d.Posture.PatchLevel = d.patchLevel; d.patchLevel.IsZero() {
		d.Posture.PatchLevel = now.UTC().Truncate(day)
	}
	if d.syncAgo > 0 {
		d.LastSync = now.Add(-d.syncAgo)
	}
	if ago := max(d.enrolledAgo, d.syncAgo); ago > 0 {
		d.EnrolledAt = now.Add(-ago)
	}
}

// fleet adds made-up devices and users.
func (r *reader) fleet(f *file, c *fakegraph.Config) {
	o := f.fleet.Options
	o.Now = r.now
	if o.Domain == "" && len(f.domains) > 0 {
		o.Domain = f.domains[0]
	}
	made := fleet.Generate(uint64(f.fleet.seed), f.fleet.count, o)
	taken := make(map[string]bool, len(c.Intune.Devices))
	for i := range c.Intune.Devices {
		taken[c.Intune.Devices[i].Label] = true
	}
	for i := range made.Devices {
		if taken[made.Devices[i].Label] {
			r.whole("device %q has a label that the fleet uses", made.Devices[i].Label)
		}
	}
	if n := len(c.Intune.Devices) + len(made.Devices); n > maxDevices {
		r.whole("the file has %d devices with those of the fleet; %d are the most", n, maxDevices)
	}
	c.Intune.Devices = append(c.Intune.Devices, made.Devices...)
	known := make(map[string]bool, len(c.Directory.Users))
	for _, u := range c.Directory.Users {
		known[strings.ToLower(u.UPN)] = true
	}
	for _, u := range made.Users {
		if !known[strings.ToLower(u.UPN)] {
			c.Directory.Users = append(c.Directory.Users, u)
		}
	}
}
