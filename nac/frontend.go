package nac

import (
	"crypto/tls"
	"fmt"

	"nacsim/nac/eapserver"
	"nacsim/nac/radiusd"
	"nacsim/nac/revocation"
)

// frontEnd completes the settings of RADIUS with what the NAC makes itself.
func (n *NAC) frontEnd(cfg *Config) (radiusd.Config, error) {
	c := cfg.RADIUS
	c.EAP.TLS = func() *tls.Config { return cfg.TLS }
	c.EAP.Rand = n.h.Rand("eap")
	c.EAP.Sessions = n.tlsSessions
	if cfg.Resumption != nil {
		c.EAP.Sessions = eapserver.NewSessions(n.h.Rand("tls sessions"), *cfg.Resumption)
	}
	var err error
	if c.EAP.Directory, err = newDirectory(n.h, cfg); err != nil {
		return c, fmt.Errorf("nac: %w", err)
	}
	if cfg.PlainPasswords {
		c.PlainPasswords = c.EAP.Directory
	}
	checker, err := n.revocationChecker(cfg)
	if err != nil {
		return c, fmt.Errorf("nac: %w", err)
	}
	if checker != nil {
		c.EAP.Revocation = checker
	}
	return c, nil
}

// revocationChecker returns the one in force, with other settings if the configuration has any; nil if there is none.
func (n *NAC) revocationChecker(cfg *Config) (*revocation.Service, error) {
	switch {
	case cfg.Revocation == nil:
		return n.revocation, nil
	case n.revocation != nil:
		return n.revocation, n.revocation.Reload(*cfg.Revocation)
	}
	var err error
	n.revocation, err = revocation.New(n.h, *cfg.Revocation)
	return n.revocation, err
}
