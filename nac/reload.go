package nac

// Reload takes up another configuration: clients, users, policy, certificates, ways to authenticate. The sessions that get
// another answer from the policy are re-authorized, and clients have to authenticate in full the next time.
// Authentications under way go on with what they began with. Addresses, limits, the Intune account and how CoA is done
// stay as they are. An error leaves everything as it was, except that lists of revoked certificates may have been read
// again.
func (n *NAC) Reload(cfg Config) error {
	if err := cfg.complete(n.h.Addr()); err != nil {
		return err
	}
	n.reloading.Lock()
	defer n.reloading.Unlock()
	front, err := n.frontEnd(&cfg)
	if err != nil {
		return err
	}
	if err := n.radius.Reload(front); err != nil {
		return err
	}
	n.tlsSessions = front.EAP.Sessions
	n.clients.Store(&front.Clients)
	n.SetPolicy(cfg.Policy)
	return nil
}
