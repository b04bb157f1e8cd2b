package link

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

func words(notices []Notice) string {
	var list []string
	for _, n := range notices {
		list = append(list, strings.TrimSpace(string(n.State)+" "+n.Tenant+" "+n.Text))
	}
	return strings.Join(list, "; ")
}

// TestWatch goes through the life of an account.
func TestWatch(t *testing.T) {
	w := NewWatch(Account{}, 0)
	for _, c := range []struct {
		now  Account
		want string
	}{
		{Account{Error: "not linked"}, ""},
		{Account{Tenant: "t", Healthy: true}, "linked t"},
		{Account{Tenant: "t", Healthy: true}, ""},
		{Account{Tenant: "t", Error: "403"}, "unhealthy t 403"},
		{Account{Tenant: "t", Error: "503"}, ""},
		{Account{Tenant: "t", Error: "AADSTS7000222", CredentialEnded: true}, "expired t Entra says that the credential of the app registration has ended"},
		{Account{Tenant: "t", Error: "AADSTS7000222", CredentialEnded: true}, ""},
		{Account{Tenant: "t", Healthy: true}, "healthy t"},
		{Account{Tenant: "u", Error: "401"}, "linked u; unhealthy u 401"},
		{Account{}, "unlinked u"},
		{Account{Healthy: true}, ""},
	} {
		if got := words(w.Look(epoch, c.now)); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.now, got, c.want)
		}
	}
	// One that is linked from the start is not told of until something is wrong.
	w = NewWatch(Account{Tenant: "t"}, 0)
	if got := words(w.Look(epoch, Account{Tenant: "t", Healthy: true})); got != "" {
		t.Errorf("at the start: %q", got)
	}
	if _, ever := w.Next(epoch); ever {
		t.Error("it looks again though nothing can have changed")
	}
}

// TestCredentialAlarm holds that the end of a credential is told of 30 days before, from then on daily, and at once when
// it comes; and that waiting for Next is enough.
func TestCredentialAlarm(t *testing.T) {
	end := epoch.Add(32*day + 12*time.Hour)
	account := Account{Tenant: "t", Healthy: true, CredentialExpires: end}
	w := NewWatch(account, 0)
	var told []string
	now := epoch
	for range 40 {
		for _, n := range w.Look(now, account) {
			told = append(told, fmt.Sprintf("%s %s", now.Sub(epoch), n.State))
		}
		next, ever := w.Next(now)
		if !ever || !next.After(now) {
			t.Fatalf("at %v the next look is at %v", now.Sub(epoch), next.Sub(epoch))
		}
		now = next
	}
	want := []string{"60h0m0s expiring", "84h0m0s expiring"}
	if !slices.Equal(told[:2], want) {
		t.Errorf("begins with %q, want %q", told[:2], want)
	}
	first := slices.IndexFunc(told, func(s string) bool { return strings.HasSuffix(s, "expired") })
	if first != 30 || told[first] != "780h0m0s expired" || told[first+1] != "804h0m0s expired" {
		t.Errorf("alarms are %q", told)
	}
}

// TestCredentialRenewed holds that a new credential ends the alarm, and that there is none if it is not wanted.
func TestCredentialRenewed(t *testing.T) {
	account := Account{Tenant: "t", Healthy: true, CredentialExpires: epoch.Add(29*day + time.Hour)}
	w := NewWatch(account, 0)
	if got := words(w.Look(epoch, account)); got != "expiring t the credential of the app registration ends at 2026-02-03T09:00:00Z, in 29 days" {
		t.Errorf("got %q", got)
	}
	account.CredentialExpires = epoch.Add(-time.Hour)
	if got := words(w.Look(epoch, account)); got != "expired t the credential of the app registration has ended at 2026-01-05T07:00:00Z" {
		t.Errorf("got %q", got)
	}
	account.CredentialExpires = epoch.Add(300 * day)
	if got := words(w.Look(epoch, account)); got != "" {
		t.Errorf("got %q", got)
	}
	account.CredentialExpires = epoch.Add(time.Hour)
	for soon, want := range map[time.Duration]int{-1: 0, time.Minute: 0, 2 * time.Hour: 1} {
		w := NewWatch(account, soon)
		if got := w.Look(epoch, account); len(got) != want {
			t.Errorf("with %v: %q", soon, words(got))
		}
		if _, ever := w.Next(epoch); ever != (soon > 0) {
			t.Errorf("with %v it looks again: %v", soon, ever)
		}
	}
}
