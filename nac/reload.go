package nac

// Reload takes the parts of a configuration that can be replaced while the NAC runs: the certificates, CAs and versions
// of TLS, and the policy. The sessions that get another answer from the policy are re-authorized. An error leaves
// everything as it was.
func (n *NAC) Reload(cfg Config) error {
	if err := cfg.complete(n.h.Addr()); err != nil {
		return err
	}
	n.tls.Store(cfg.TLS)
	n.SetPolicy(cfg.Policy)
	return nil
}
