package link

import (
	"fmt"
	"time"
)

// A State is what is worth telling of an account, in a word.
type State string

// The states.
const (
	Linked    State = "linked"    // an account has been linked
	Unlinked  State = "unlinked"  // it has been taken off
	Healthy   State = "healthy"   // it works again
	Unhealthy State = "unhealthy" // it does not work any more
	Expiring  State = "expiring"  // the credential of the app registration ends soon
	Expired   State = "expired"   // it has ended
)

// An Account is the state of the linked account as far as a Watch looks at it.
type Account struct {
	// Tenant is the one that is linked, empty if none is.
	Tenant string
	// Healthy says that it works as far as is known, and Error otherwise why it does not.
	Healthy bool
	Error   string
	// CredentialExpires is when the credential ends, zero if that is not known. CredentialEnded says that Entra has called
	// it expired then.
	CredentialExpires time.Time
	CredentialEnded   bool
}

// A Notice is something that an operator should know.
type Notice struct {
	State  State
	Tenant string
	Text   string
}

// A Watch notices what changes about an account, and that its credential is about to end. It is not safe for concurrent
// use.
type Watch struct {
	soon     time.Duration
	was      Account
	told     State // of the credential
	toldAt   time.Time
	toldTill time.Time
}

// DefaultSoon is how long before its end the alarm about a credential begins.
const DefaultSoon = 30 * 24 * time.Hour

// again is how often the alarm is raised.
const again = 24 * time.Hour

// NewWatch returns a Watch that begins with an account as it is, which is taken for healthy. Its alarm begins that long
// before a credential ends; zero means DefaultSoon, and less that there is none.
func NewWatch(a Account, soon time.Duration) *Watch {
	if soon == 0 {
		soon = DefaultSoon
	}
	a.Healthy = true
	return &Watch{soon: soon, was: a}
}

// Look compares an account with what it was when Look was last called, and returns what is worth telling.
func (w *Watch) Look(now time.Time, a Account) []Notice {
	var out []Notice
	was := w.was
	w.was = a
	switch {
	case a.Tenant == was.Tenant && a.Tenant == "":
	case a.Tenant == "":
		out = append(out, Notice{Unlinked, was.Tenant, ""})
	case was.Tenant != a.Tenant:
		out = append(out, Notice{Linked, a.Tenant, ""})
		if !a.Healthy {
			out = append(out, Notice{Unhealthy, a.Tenant, a.Error})
		}
	case was.Healthy && !a.Healthy:
		out = append(out, Notice{Unhealthy, a.Tenant, a.Error})
	case !was.Healthy && a.Healthy:
		out = append(out, Notice{Healthy, a.Tenant, ""})
	}
	if a.CredentialEnded && !was.CredentialEnded {
		out = append(out, Notice{Expired, a.Tenant, "Entra says that the credential of the app registration has ended"})
	}
	return append(out, w.alarm(now, &a)...)
}

// alarm tells of the credential, once a day.
func (w *Watch) alarm(now time.Time, a *Account) []Notice {
	end := a.CredentialExpires
	if end.IsZero() || w.soon < 0 {
		return nil
	}
	n := Notice{State: Expiring, Tenant: a.Tenant}
	switch left := end.Sub(now); {
	case left > w.soon:
		return nil
	case left > 0:
		n.Text = fmt.Sprintf("the credential of the app registration ends at %s, in %s", end.UTC().Format(time.RFC3339), DaysLeft(left))
	default:
		n.State, n.Text = Expired, "the credential of the app registration has ended at "+end.UTC().Format(time.RFC3339)
	}
	if w.told == n.State && w.toldTill.Equal(end) && now.Sub(w.toldAt) < again {
		return nil
	}
	w.told, w.toldAt, w.toldTill = n.State, now, end
	return []Notice{n}
}

// Next is when to look again even if nothing seems to have changed; false means never.
func (w *Watch) Next(now time.Time) (time.Time, bool) {
	end := w.was.CredentialExpires
	if end.IsZero() || w.soon < 0 {
		return time.Time{}, false
	}
	first := end.Add(-w.soon)
	switch {
	case now.Before(first):
		return first, true
	case now.Before(end) && end.Before(w.toldAt.Add(again)):
		return end, true
	}
	return w.toldAt.Add(again), true
}

// DaysLeft writes a time in whole days, or in hours if it is less than two days.
func DaysLeft(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%d hours", int(d/time.Hour))
	}
	return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
}
