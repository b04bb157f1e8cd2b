// Package directory is what Entra ID knows of a tenant: its domains, users, groups and app registrations, and the
// permissions that have been consented to. The methods of [Directory] that change something are what an administrator does in
// the portal, or a user on a consent page.
//
// A directory begins as its configuration says. Changes are durable, field by field: what was changed while running is found again
// after a restart, whatever the configuration says by then; what was not is taken from the configuration.
//
// Statements of fact refer to facts: graph-and-entra.
package directory

import (
	"fmt"
	"strings"
	"sync"

	"nacsim/internal/host"
)

// A Config is a directory at the start.
type Config struct {
	// DisplayName is the organization's. The default is the first domain, or else the tenant's GUID.
	DisplayName string
	// Domains are verified domain names by which the tenant can be named too.
	Domains []string
	// Apps are the app registrations that can obtain tokens.
	Apps []App
	// Users are those who can sign in.
	Users []User
	// Groups have users as members.
	Groups []Group
}

// A Directory is one tenant's. All methods are safe for concurrent use.
type Directory struct {
	tenant, name string
	domains      []string

	mu      sync.RWMutex // guards what follows
	store   host.Store
	apps    index[App]
	users   index[User]
	groups  index[Group]
	of      map[string][]*Group // groups by the object id of a direct member, user or group
	byUPN   map[string]*User    // by lower-case user principal name
	consent map[string][]string // delegated permissions by app and user, see consentKey
}

// An index finds objects by lower-case id and keeps the order of the configuration.
type index[T any] struct {
	byID  map[string]*T
	order []*T
}

func (x *index[T]) add(id string, v *T) bool {
	if x.byID[id] != nil {
		return false
	}
	x.byID[id], x.order = v, append(x.order, v)
	return true
}

// Open makes the directory of the tenant with that GUID, with the changes of earlier boots of the machine.
func Open(h host.Host, tenant string, cfg Config) (*Directory, error) {
	store, err := h.Store("directory")
	if err != nil {
		return nil, fmt.Errorf("open the directory store: %w", err)
	}
	d := &Directory{
		tenant: strings.ToLower(tenant), name: cfg.DisplayName, domains: cfg.Domains, store: store,
		apps: index[App]{byID: map[string]*App{}}, users: index[User]{byID: map[string]*User{}}, groups: index[Group]{byID: map[string]*Group{}},
		of: map[string][]*Group{}, byUPN: map[string]*User{}, consent: map[string][]string{},
	}
	if d.name == "" {
		d.name = append(d.domains, d.tenant)[0]
	}
	return d, d.fill(&cfg)
}

// fill takes the objects of the configuration, and then what was changed in earlier boots.
func (d *Directory) fill(cfg *Config) error {
	for _, a := range cfg.Apps {
		if err := d.addApp(a); err != nil {
			return err
		}
	}
	for _, u := range cfg.Users {
		if err := d.addUser(u); err != nil {
			return err
		}
	}
	for _, g := range cfg.Groups {
		if err := d.addGroup(g); err != nil {
			return err
		}
	}
	if err := d.resolveMembers(); err != nil {
		return err
	}
	return d.restore()
}

// Tenant is the directory's GUID in lower case.
func (d *Directory) Tenant() string { return d.tenant }

// DisplayName is the name of the organization.
func (d *Directory) DisplayName() string { return d.name }

// Domains are the verified domain names.
func (d *Directory) Domains() []string { return d.domains }

// Owns reports whether the tenant segment of a path names this directory: by its GUID, by a domain, or as the home of the
// app.
func (d *Directory) Owns(tenant string) bool {
	if strings.EqualFold(tenant, d.tenant) {
		return true
	}
	switch strings.ToLower(tenant) {
	case "common", "organizations":
		return true
	}
	for _, domain := range d.domains {
		if strings.EqualFold(domain, tenant) {
			return true
		}
	}
	return false
}
