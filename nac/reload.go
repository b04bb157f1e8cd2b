package nac

import (
	"errors"
)

// Reload takes the parts of a configuration that can be replaced while the NAC runs: clients, users, policy, and the
// certificates, CAs and versions of TLS. The sessions that get another answer from the policy are re-authorized; clients
// have to authenticate in full the next time. An error leaves everything as it was.
func (n *NAC) Reload(cfg Config) error {
	if err := cfg.complete(n.h.Addr()); err != nil {
		return err
	}
	if (cfg.Users == nil) != (n.cfg.Users == nil) {
		return errors.New("nac: whether there are users at all can change with a restart only")
	}
	if err := n.radius.Engine().SetClients(cfg.RADIUS.Clients); err != nil {
		return err
	}
	if err := n.directory.load(cfg.Users); err != nil {
		_ = n.radius.Engine().SetClients(*n.clients.Load()) // they were right before
		return err
	}
	n.clients.Store(&cfg.RADIUS.Clients)
	n.tls.Store(cfg.TLS)
	if n.resumption != nil {
		n.resumption.Clear()
	}
	n.SetPolicy(cfg.Policy)
	return nil
}
