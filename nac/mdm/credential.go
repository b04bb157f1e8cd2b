package mdm

import (
	"crypto/tls"
	"errors"
	"slices"
	"time"
)

// A credential is what shows Entra that the NAC is the app registration.
type credential struct {
	secret      string
	certificate tls.Certificate
	signature   string
	expires     time.Time // zero when it is not known
}

func (c *Config) credential() *credential {
	return &credential{c.ClientSecret, c.ClientCertificate, c.Signature, c.credentialExpires()}
}

// proves reports whether two credentials look the same to Entra.
func (c *credential) proves(o *credential) bool {
	return c.secret == o.secret && c.signature == o.signature &&
		slices.EqualFunc(c.certificate.Certificate, o.certificate.Certificate, slices.Equal[[]byte])
}

// Reload takes up what of a configuration can be changed while the NAC runs: the credential (ClientSecret, ClientCertificate,
// Signature, SecretExpires), MaxAge, StaleAfter, ShortList and ShortListAccept. The rest stays as it is; so does the
// credential where cfg is of another app registration or authority ([Config.SameApp]), to which it may not be shown. The next token is
// asked for with the new credential, and the present one is used to its end. A link that Entra has refused for its credential
// is tried at once. Reload does not block, and tells the observer of nothing that only follows from the new settings: its
// caller knows. An error leaves everything as it was.
func (s *Service) Reload(cfg Config) error {
	if err := cfg.complete(); err != nil {
		return err
	}
	g := &s.graph
	s.mu.Lock()
	s.cfg.MaxAge, s.cfg.StaleAfter = cfg.MaxAge, cfg.StaleAfter
	s.cfg.ShortList, s.cfg.ShortListAccept = cfg.ShortList, cfg.ShortListAccept
	s.watchAll()
	was, next := g.credential.Load(), cfg.credential()
	if !s.cfg.SameApp(&cfg) {
		next = was
	}
	g.credential.Store(next)
	again := false
	if !next.proves(was) {
		// What Entra has said was about the old one.
		g.tokens.turn()
		s.health.credentialExpired = false
		_, linked := s.linked()
		again = g.gate.forgive(refusedCredential) || refusedCredential(s.health.lastError) && s.health.state == Unhealthy
		if again = again && linked; again {
			s.lookUpPending()
		}
	}
	s.mu.Unlock()
	if again {
		s.PollNow()
	}
	return nil
}

// SameApp reports whether two configurations are of the same app registration at the same authority.
func (c *Config) SameApp(o *Config) bool {
	a, b := *c, *o
	a.completeServers()
	b.completeServers()
	return a.ClientID == b.ClientID && a.Authority == b.Authority
}

// lookUpPending has the lookups that wait to be repeated be made now, as if they had not failed. The caller holds the lock.
func (s *Service) lookUpPending() {
	for _, name := range s.pendingClients() {
		c := s.clients[name]
		c.failures = 0
		if c.retry != nil {
			c.retry.Stop()
			c.retry = nil
		}
		s.enqueue(name, c)
	}
}

// refusedCredential reports whether an error says that Entra gives no token for what the NAC has shown.
func refusedCredential(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Op == opToken && refusal(err)
}
