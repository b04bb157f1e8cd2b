// Package directory is what Entra ID knows of a tenant: its domains and app registrations.
// The methods of [Directory] that change something are what an administrator does in the portal.
//
// Statements of fact refer to facts: graph-and-entra.
package directory

import (
	"strings"
	"sync"
)

// A Config is a directory at the start.
type Config struct {
	// Domains are verified domain names by which the tenant can be named too.
	Domains []string
	// Apps are the app registrations that can obtain tokens.
	Apps []App
}

// A Directory is one tenant's. All methods are safe for concurrent use.
type Directory struct {
	tenant  string
	domains []string

	mu   sync.RWMutex    // guards what follows
	apps map[string]*App // by lower-case client id
}

// New makes the directory of the tenant with that GUID.
func New(tenant string, cfg Config) (*Directory, error) {
	d := &Directory{tenant: tenant, domains: cfg.Domains, apps: map[string]*App{}}
	for _, a := range cfg.Apps {
		if err := d.addApp(a); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Tenant is the directory's GUID in lower case.
func (d *Directory) Tenant() string { return d.tenant }

// Owns reports whether the tenant segment of a path names this directory: by its GUID, by a domain, or as the home of the
// app.
func (d *Directory) Owns(tenant string) bool {
	switch tenant {
	case d.tenant, "common", "organizations":
		return true
	}
	for _, domain := range d.domains {
		if strings.EqualFold(domain, tenant) {
			return true
		}
	}
	return false
}
