package config

import (
	"errors"

	"nacsim/nac"
	"nacsim/nac/coa"
	"nacsim/nac/eapserver"
	"nacsim/nac/policy"
	"nacsim/nac/reconcile"
)

// resolve reads what the file names and puts the configuration together.
func (r *reader) resolve(f *fileNode) *Config {
	c := &Config{Auth: f.listen.auth, Acct: f.listen.acct}
	if f.state != "" {
		c.State = r.path(f.state)
	}
	c.NAC = nac.Config{
		Clients:     r.radiusClients(f.clients),
		Policy:      r.policy(f.policy),
		Compliance:  policy.Mapping{InGracePeriod: f.compliance.inGracePeriod},
		MDM:         r.mdm(f.intune),
		MaxSessions: f.limits.sessions,
		KeepEvents:  f.limits.events,
		CoA: nac.CoA{
			Kind:        f.coa.kind,
			Limits:      reconcile.Limits{Backoff: f.coa.backoff, PerHour: f.coa.perHour},
			Timers:      coa.Timers{Initial: f.coa.timeout, Tries: f.coa.tries},
			MinFirmware: f.coa.minFirmware,
			NoFallback:  f.coa.noDisconnectAfter,
		},
		EAP: eapserver.Config{Fragment: f.eap.fragment},
	}
	c.NAC.TLS = r.tlsConfig(f, c)
	c.PolicyFile = r.path(f.policy.text)
	return c
}

// policy reads the policy; the mistakes in it are reported as they are.
func (r *reader) policy(file named) *policy.Policy {
	data := r.read(file, "policy")
	if data == nil {
		return nil
	}
	p, err := policy.Load(r.path(file.text), data)
	var mistakes policy.Errors
	if errors.As(err, &mistakes) {
		r.Errs = append(r.Errs, mistakes...)
	}
	return p
}
