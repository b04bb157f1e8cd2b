package nac

import (
	"log/slog"
	"sync"

	"nacsim/internal/host"
	"nacsim/nac/event"
	"nacsim/nac/link"
	"nacsim/nac/mdm"
)

// intune is what the NAC does about the linked Intune account beside asking it.
type intune struct {
	flow *link.Flow // nil if nothing can be linked

	mu    sync.Mutex // guards what follows
	watch *link.Watch
	timer host.Timer
}

// open prepares it, before the account is asked anything.
func (a *intune) open(n *NAC) (err error) {
	if n.cfg.Link != nil {
		if a.flow, err = link.New(*n.cfg.Link, n.h.Rand("link/state")); err != nil {
			return err
		}
	}
	status := n.mdm.Status()
	a.watch = link.NewWatch(condition(&status), n.cfg.CredentialAlarm)
	return nil
}

// condition is a status as a Watch looks at it.
func condition(s *mdm.Status) link.Account {
	a := link.Account{Tenant: s.Tenant, Healthy: s.Health != mdm.Unhealthy, CredentialExpires: s.CredentialExpires,
		CredentialEnded: s.CredentialExpired && s.CredentialExpires.IsZero()}
	if !a.Healthy && s.LastError != nil {
		a.Error = s.LastError.Error()
	}
	return a
}

// watchAccount tells the operator what has changed about the account, and comes again when the end of its credential is to
// be told of.
func (n *NAC) watchAccount() {
	a := &n.intune
	a.mu.Lock()
	now, status := n.h.Now(), n.mdm.Status()
	notices := a.watch.Look(now, condition(&status))
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	if next, ever := a.watch.Next(now); ever {
		a.timer = n.h.AfterFunc(next.Sub(now), n.watchAccount)
	}
	a.mu.Unlock()
	for i := range notices {
		notice := &notices[i]
		if notice.State == link.Expiring || notice.State == link.Expired {
			n.h.Trace("credential", slog.String("state", string(notice.State)), slog.String("text", notice.Text))
		}
		n.events.Emit(event.Account(accountEvents[notice.State], notice.Tenant, notice.Text))
	}
}

// accountEvents are the types of events on the account.
var accountEvents = map[link.State]event.Type{
	link.Linked: event.MDMAccountLinked, link.Unlinked: event.MDMAccountUnlinked, link.Healthy: event.MDMAccountHealthy,
	link.Unhealthy: event.MDMAccountUnhealthy, link.Expiring: event.MDMCredentialExpiring, link.Expired: event.MDMCredentialExpired,
}
