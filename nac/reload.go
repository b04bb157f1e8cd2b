package nac

import "fmt"

// Reload takes up another configuration: clients, users, policy, certificates, ways to authenticate. The sessions that get
// another answer from it are re-authorized, and those of users who have no account any more are ended. Clients have to
// authenticate in full the next time. Of MDM it takes up what mdm.Service.Reload does: a renewed credential above all. Authentications under way go on with what they began with. What Config names as
// fixed stays as it is. An error leaves everything as it was, except that lists of revoked certificates may have been
// read again.
func (n *NAC) Reload(cfg Config) error {
	if err := cfg.complete(n.h.Addr()); err != nil {
		return err
	}
	n.reloading.Lock()
	defer n.reloading.Unlock()
	account := n.mdm != nil && cfg.MDM != nil
	if account {
		if err := cfg.MDM.Check(); err != nil {
			return fmt.Errorf("nac: mdm: %w", err)
		}
	}
	front, err := n.frontEnd(&cfg)
	if err != nil {
		return err
	}
	if err := n.radius.Reload(front.radius); err != nil {
		if front.revocation != nil && front.revocation != n.revocation {
			_ = front.revocation.Close() // it does not fail
		}
		return err
	}
	n.install(front, &cfg)
	if account {
		if err := n.mdm.Reload(*cfg.MDM); err != nil {
			return fmt.Errorf("nac: mdm: %w", err)
		}
		n.watchAccount()
	}
	n.reconsider()
	return nil
}
