package fakegraph

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/nacservice"
	"nacsim/internal/guid"
	"nacsim/internal/host"
)

// A tenant is the services of one.
type tenant struct {
	directory *directory.Directory
	entra     *entra.Authority
	intune    *intune.Service
	graph     *graph.API
	nac       *nacservice.Service

	toEntra, toGraph, toNAC fault.Front // with the faults in front
}

// openTenant makes the services, with what earlier boots have left in the stores.
func openTenant(h host.Host, cfg Config, faults *fault.Set) (*tenant, error) {
	if !guid.Valid(cfg.Tenant) {
		return nil, fmt.Errorf("tenant %q is not a GUID", cfg.Tenant)
	}
	if cfg.SigningKey == nil {
		return nil, errors.New("no signing key")
	}
	t := &tenant{}
	var err error
	if t.directory, err = directory.Open(h, strings.ToLower(cfg.Tenant), cfg.Directory); err != nil {
		return nil, err
	}
	if t.entra, err = entra.New(h, t.directory, entra.Config{SigningKey: cfg.SigningKey, TokenLifetime: cfg.TokenLifetime, Settings: cfg.Entra}); err != nil {
		return nil, err
	}
	if cfg.Intune.InGroup == nil {
		cfg.Intune.InGroup = t.inGroup
	}
	if t.intune, err = intune.Open(h, cfg.Intune); err != nil {
		return nil, err
	}
	if t.graph, err = graph.New(h, t.intune, t.directory, t.entra, cfg.Graph); err != nil {
		t.intune.Close()
		return nil, err
	}
	t.toGraph = fault.Front{Graph: true, Next: t.graph, App: t.graph.AppOf, Route: t.graph.RouteOf,
		Fail: func(w http.ResponseWriter, r *http.Request, status, _ int) { t.graph.Fail(w, r, status) }}
	t.graph.WrapItems(func(next http.Handler) http.Handler {
		item := t.toGraph
		item.Next, item.InBatch = next, true
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { faults.Serve(&item, w, r) })
	})
	t.nac = nacservice.New(h, t.intune, t.directory, t.entra, cfg.NAC)
	t.toNAC = fault.Front{Graph: true, Next: t.nac, App: t.nac.AppOf, Route: nacservice.RouteOf,
		Fail: func(w http.ResponseWriter, r *http.Request, status, _ int) { t.nac.Fail(w, r, status) }}
	t.toEntra = fault.Front{Next: t.entra, App: entra.AppOf, Route: t.entra.RouteOf,
		Fail: func(w http.ResponseWriter, _ *http.Request, status, number int) { t.entra.Fail(w, status, number) }}
	return t, nil
}

// inGroup tells whom a compliance policy is for.
func (t *tenant) inGroup(user, group string) bool {
	return slices.ContainsFunc(t.directory.TransitiveGroupsOf(user), func(g directory.Group) bool {
		return strings.EqualFold(g.ID, group) || strings.EqualFold(g.DisplayName, group)
	})
}

// stores are those of the services, which a reset empties.
var stores = []string{"directory", "entra", "intune"}

// Reset begins again with the tenant of a configuration: everything that has changed since the first boot is forgotten, and so
// are faults and the log of requests. Only what is said about the tenant is taken from the configuration. When the tenant cannot
// work, the one of before begins again.
func (s *Server) Reset(cfg Config) error {
	s.resetting.Lock()
	defer s.resetting.Unlock()
	cfg.SigningKey = s.cfg.SigningKey
	t, err := s.reopen(cfg)
	if err != nil {
		err = fmt.Errorf("fakegraph: reset: %w", err)
		var again error
		if t, again = s.reopen(s.fresh); again != nil {
			return errors.Join(err, again)
		}
		cfg = s.fresh
	}
	s.fresh = cfg
	s.tenant.Store(t)
	s.faults.ClearAll()
	s.faults.Outage(false)
	s.log.Clear()
	return err
}

// Restore begins again with the tenant that the configuration says now. It is the reset of the control API.
func (s *Server) Restore() error {
	if s.cfg.Restore == nil {
		s.resetting.Lock()
		cfg := s.fresh
		s.resetting.Unlock()
		return s.Reset(cfg)
	}
	cfg, err := s.cfg.Restore()
	if err != nil {
		return err
	}
	return s.Reset(cfg)
}

// reopen makes the services with empty stores.
func (s *Server) reopen(cfg Config) (*tenant, error) {
	s.Intune().Close()
	for _, name := range stores {
		if err := empty(s.h, name); err != nil {
			return nil, err
		}
	}
	return openTenant(s.h, cfg, s.faults)
}

// empty removes everything from a store.
func empty(h host.Host, name string) error {
	store, err := h.Store(name)
	if err != nil {
		return err
	}
	var keys []string
	if err := store.Scan("", func(key string, _ []byte) bool {
		keys = append(keys, key)
		return true
	}); err != nil {
		return err
	}
	for _, key := range keys {
		if err := store.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
