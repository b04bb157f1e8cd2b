package nac

import (
	"crypto/tls"
	"fmt"

	"nacsim/internal/eap"
	"nacsim/nac/eapserver"
	"nacsim/nac/radiusd"
	"nacsim/nac/revocation"
)

// frontEnd are the settings of RADIUS, completed with what the NAC makes itself.
type frontEnd struct {
	radius     radiusd.Config
	accounts   *accounts
	revocation *revocation.Service // nil if nobody is asked
}

// frontEnd makes what a configuration asks for. Nothing of it is in force yet, except for other settings of a revocation
// service that there is already.
func (n *NAC) frontEnd(cfg *Config) (*frontEnd, error) {
	f := &frontEnd{radius: cfg.RADIUS, accounts: &accounts{others: cfg.Entra != nil}}
	c := &f.radius
	c.EAP.TLS = func() *tls.Config { return cfg.TLS }
	c.EAP.Rand = n.h.Rand("eap")
	c.EAP.Chains = eap.NewChains(0) // for the CAs of this configuration
	if cfg.Resumption != nil {
		c.EAP.Sessions = eapserver.NewSessions(n.h.Rand("tls sessions"), *cfg.Resumption)
	}
	var err error
	if c.EAP.Directory, f.accounts.users, err = newDirectory(n.h, cfg); err != nil {
		return nil, fmt.Errorf("nac: %w", err)
	}
	if cfg.PlainPasswords {
		c.PlainPasswords = c.EAP.Directory
	}
	if f.revocation, err = n.revocationChecker(cfg); err != nil {
		return nil, fmt.Errorf("nac: %w", err)
	}
	if f.revocation != nil {
		c.EAP.Revocation = f.revocation
	}
	return f, nil
}

// revocationChecker returns the one in force, with the settings of the configuration, or a new one; nil if there is to be
// none.
func (n *NAC) revocationChecker(cfg *Config) (*revocation.Service, error) {
	switch {
	case cfg.Revocation == nil:
		return nil, nil
	case n.revocation != nil:
		return n.revocation, n.revocation.Reload(*cfg.Revocation)
	}
	return revocation.New(n.h, *cfg.Revocation)
}

// install puts what a front end has beside RADIUS into force.
func (n *NAC) install(f *frontEnd, cfg *Config) {
	if n.revocation != nil && f.revocation == nil {
		_ = n.revocation.Close() // it does not fail
	}
	n.revocation = f.revocation
	n.accounts.Store(f.accounts)
	n.clients.Store(&f.radius.Clients)
	n.compliance.Store(&cfg.Compliance)
	n.policy.Store(cfg.Policy)
}
