package config

import (
	"errors"

	"nacsim/nac"
	"nacsim/nac/coa"
	"nacsim/nac/eapserver"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/reconcile"
)

// resolve reads what the file names and puts the configuration together.
func (r *reader) resolve(f *fileNode) *Config {
	c := &Config{Auth: f.listen.auth, Acct: f.listen.acct}
	if f.state != "" {
		c.State = r.path(f.state)
	}
	c.NAC = nac.Config{
		RADIUS:         r.frontEnd(f),
		Resumption:     f.tls.resumption(),
		Revocation:     r.revocation(&f.revocation),
		Users:          r.directory(&f.users),
		Entra:          r.entra(f.directory.entra),
		PlainPasswords: f.plain,
		Policy:         r.policy(f.policy),
		Compliance:     f.compliance,
		MDM:            r.mdm(f.intune),
		Link:           r.link(f.intune, f.api),
		API:            r.api(f.api, f.intune),
		MaxSessions:    f.limits.sessions,
		CoA: nac.CoA{
			Kind:        f.coa.kind,
			Limits:      reconcile.Limits{Backoff: f.coa.backoff, PerHour: f.coa.perHour},
			Timers:      coa.Timers{Initial: f.coa.timeout, Tries: f.coa.tries},
			MinFirmware: f.coa.minFirmware,
			NoFallback:  f.coa.noDisconnectAfter,
		},
	}
	if c.NAC.Entra != nil && c.NAC.Users == nil {
		onlyPlain(&c.NAC.RADIUS.EAP)
	}
	c.NAC.TLS = r.tlsConfig(f, c)
	c.NAC.RADIUS.RadSec = r.radsec(f.radsec, c.Certificates)
	c.RadSec = c.NAC.RADIUS.RadSec.Addr
	if len(c.NAC.RADIUS.Clients)+len(c.NAC.RADIUS.RadSec.Peers) == 0 && len(r.Errs) == 0 {
		r.Errorf(f.node, "the configuration has no clients; nobody could ask")
	}
	if f.intune != nil {
		c.NAC.CredentialAlarm = f.intune.alarm
	}
	if c.NAC.API != nil {
		c.API = c.NAC.API.Addr
	}
	c.PolicyFile = r.path(f.policy.text)
	return c
}

// frontEnd returns the settings of RADIUS.
func (r *reader) frontEnd(f *fileNode) radiusd.Config {
	return radiusd.Config{
		Clients: r.radiusClients(f.clients),
		EAP: eapserver.Config{
			Methods:                 f.eap.methods,
			TTLSInner:               f.eap.ttlsInner,
			PEAPInner:               f.eap.peapInner,
			TunnelClientCertificate: f.eap.tunnelCertificate,
			CryptoBinding:           f.eap.peapBinding,
			TEAP:                    f.eap.teap,
			Fragment:                f.eap.fragment,
			MaxRounds:               f.eap.rounds,
		},
		MAB:                 f.mab.bypass(),
		RejectOtherIdentity: f.eap.rejectOtherIdentity,
		ConversationTTL:     f.eap.timeout,
		MaxConversations:    f.limits.conversations,
		MaxPerNAS:           f.limits.perNAS,
		MaxWaiting:          f.limits.waiting,
	}
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
