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
	c.EAP.Sessions, c.EAP.Revocation = n.eap.Sessions, n.eap.Revocation
	if cfg.Resumption != nil {
		c.EAP.Sessions = eapserver.NewSessions(n.h.Rand("tls sessions"), *cfg.Resumption)
	}
	if cfg.Revocation != nil {
		checker, err := revocation.New(n.h, *cfg.Revocation)
		if err != nil {
			return c, fmt.Errorf("nac: %w", err)
		}
		c.EAP.Revocation = checker
	}
	var err error
	if c.EAP.Directory, err = newDirectory(n.h, cfg); err != nil {
		return c, fmt.Errorf("nac: %w", err)
	}
	if cfg.PlainPasswords {
		c.PlainPasswords = c.EAP.Directory
	}
	return c, nil
}
