package nac

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	"nacsim/nac/api"
	"nacsim/nac/link"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/session"
)

// A manager does what the API is asked for.
type manager struct{ n *NAC }

func (m manager) Account() (mdm.Status, bool) {
	if m.n.mdm == nil {
		return mdm.Status{}, false
	}
	return m.n.mdm.Status(), true
}

// flow is where attempts to link an account are kept.
func (m manager) flow() (*link.Flow, error) {
	switch {
	case m.n.mdm == nil:
		return nil, api.ErrNoIntune
	case m.n.intune.flow == nil:
		return nil, api.ErrNoRedirect
	}
	return m.n.intune.flow, nil
}

func (m manager) BeginLink() (link.Start, error) {
	flow, err := m.flow()
	if err != nil {
		return link.Start{}, err
	}
	return flow.Begin(m.n.h.Now())
}

// FinishLink takes the consent of the tenant that the callback names, if that is the one for which Entra then gives a
// token. Another tenant than the one that is linked does not take its place by itself: with it go all records.
func (m manager) FinishLink(query string) (mdm.Status, error) {
	flow, err := m.flow()
	if err != nil {
		return mdm.Status{}, err
	}
	tenant, err := flow.Finish(m.n.h.Now(), query)
	if err == nil {
		err = m.link(tenant)
	}
	fields := []slog.Attr{slog.String("result", "ok"), slog.String("tenant", tenant)}
	if err != nil {
		fields[0] = slog.String("result", "error")
		fields = append(fields, slog.String("error", err.Error()))
		var refusal *link.Refusal
		if errors.As(err, &refusal) {
			fields = append(fields, slog.String("reason", string(refusal.Reason)))
		}
	}
	m.n.h.Trace("consent", fields...)
	return m.n.mdm.Status(), err
}

// Entra takes some seconds until all of it knows of a consent.
const (
	linkTries = 4
	linkPause = 2 * time.Second
)

// unsettled are the errors of an Entra that does not know of the consent yet: the app is not in the tenant.
var unsettled = []string{"AADSTS700016", "AADSTS7000229"}

// link links a tenant in which consent was just given. Where the configuration names the tenant by a domain that no token
// has been got for yet, it is that domain which is linked, and consent has to be that of its tenant.
func (m manager) link(tenant string) error {
	want := tenant
	linked, ok := m.n.mdm.Linked()
	switch {
	case ok && strings.Contains(linked, "."):
		want = linked
	case ok && !strings.EqualFold(linked, tenant):
		return api.ErrOtherTenant
	}
	for try := 1; ; try++ {
		err := m.n.mdm.Link(want)
		if err == nil || try == linkTries || !isUnsettled(err) {
			if linked, _ = m.n.mdm.Linked(); err == nil && !strings.EqualFold(linked, tenant) {
				return api.ErrOtherTenant
			}
			return err
		}
		if err := m.n.h.Sleep(linkPause); err != nil {
			return err
		}
	}
}

func isUnsettled(err error) bool {
	for _, code := range unsettled {
		if strings.Contains(err.Error(), code) {
			return true
		}
	}
	return false
}

func (m manager) Unlink() error {
	if err := m.unusable(); err != nil {
		return err
	}
	return m.n.mdm.Unlink()
}

// unusable is why there is no account to do something with, or nil.
func (m manager) unusable() error {
	if m.n.mdm == nil {
		return api.ErrNoIntune
	}
	if _, linked := m.n.mdm.Linked(); !linked {
		return api.ErrNotLinked
	}
	return nil
}

func (m manager) PollNow() error {
	if err := m.unusable(); err != nil {
		return err
	}
	m.n.mdm.PollNow()
	return nil
}

func (m manager) SessionClients() []string { return m.n.sessions.Clients() }

func (m manager) SessionOf(client string) (session.Session, bool) {
	return m.n.sessions.ByClient(client)
}

func (m manager) Explain(s *session.Session) (policy.Decision, policy.MDM) {
	return m.n.judge(m.n.h.Now(), s)
}

func (m manager) Devices() []mdm.Record {
	if m.n.mdm == nil {
		return nil
	}
	return m.n.mdm.Records()
}
