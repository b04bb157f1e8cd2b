package mdm

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

func (l *link) stands(k string) string {
	r, _, ok := l.State(keys(cn(k)))
	if !ok {
		return "none"
	}
	return r.Standing
}

// facts 1.2, 7.2: what each state of Intune comes to.
func TestStanding(t *testing.T) {
	cfg := testConfig()
	cfg.StaleAfter, cfg.MaxAge = 10*24*time.Hour, time.Hour
	l := newLink(t, cfg)
	fresh := Record{FetchedAt: start, LastSync: start, ManagementState: "managed", ComplianceState: "compliant"}
	for _, c := range []struct {
		name   string
		change func(*Record)
		want   string
	}{
		{"compliant", func(r *Record) {}, "compliant"},
		{"unknown", func(r *Record) { r.ComplianceState = "unknown" }, "unknown"},
		{"noncompliant", func(r *Record) { r.ComplianceState = "noncompliant" }, "noncompliant"},
		{"conflict", func(r *Record) { r.ComplianceState = "conflict" }, "conflict"},
		{"error", func(r *Record) { r.ComplianceState = "error" }, "error"},
		{"in grace period", func(r *Record) { r.ComplianceState = "inGracePeriod" }, "inGracePeriod"},
		{"configuration manager", func(r *Record) { r.ComplianceState = "configManager" }, "configManager"},
		{"a word of tomorrow", func(r *Record) { r.ComplianceState = "quarantined" }, "unknown"},
		{"no word", func(r *Record) { r.ComplianceState = "" }, "unknown"},
		{"other case", func(r *Record) { r.ComplianceState = "nonCompliant" }, "noncompliant"},
		{"retire pending", func(r *Record) { r.ManagementState = "retirePending" }, "retired"},
		{"wipe failed", func(r *Record) { r.ManagementState = "wipeFailed" }, "retired"},
		{"delete pending", func(r *Record) { r.ManagementState = "deletePending" }, "retired"},
		{"wipe taken back", func(r *Record) { r.ManagementState = "wipeCanceled" }, "compliant"},
		{"unhealthy agent", func(r *Record) { r.ManagementState = "unhealthy" }, "compliant"},
		{"stale", func(r *Record) { r.LastSync = start.Add(-11 * 24 * time.Hour) }, "stale"},
		{"stale to the moment", func(r *Record) { r.LastSync = start.Add(-10 * 24 * time.Hour) }, "compliant"},
		{"never synced", func(r *Record) { r.LastSync = time.Time{} }, "stale"},
		{"stale and noncompliant stays noncompliant", func(r *Record) { r.LastSync, r.ComplianceState = time.Time{}, "noncompliant" }, "noncompliant"},
		{"outdated", func(r *Record) { r.FetchedAt = start.Add(-time.Hour - 1) }, "outdated"},
		{"outdated and retired", func(r *Record) { r.FetchedAt, r.ManagementState = start.Add(-2*time.Hour), "wipeIssued" }, "outdated"},
		{"twins that disagree", func(r *Record) { r.Conflict = true }, "noncompliant"},
		{"retired twins", func(r *Record) { r.Conflict, r.ManagementState = true, "wipeIssued" }, "retired"},
	} {
		r := fresh
		c.change(&r)
		if got := l.standing(&r, start); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// While Graph is down the last known state counts until MaxAge, and the observer is told at that moment, once. When it is
// back, the record counts again, and that is told too.
func TestOutdated(t *testing.T) {
	cfg := testConfig()
	cfg.MaxAge = 5 * time.Hour
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant"}, &device{id: numberedID(2), name: "B", state: "compliant"})
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Hour)
	l.Enqueue("b", keys(cn("B")))
	l.Enqueue("missing", keys(cn("C")))
	l.h.Advance(time.Second)
	down := true
	l.in.answer = func(*http.Request) *http.Response {
		if down {
			return reply(503, "")
		}
		return nil
	}
	*l.obs = observations{}
	l.h.Advance(4*time.Hour - 2*time.Second)
	if l.stands("A") != "compliant" || len(l.obs.standings) != 0 {
		t.Errorf("before MaxAge: %s, %q", l.stands("A"), l.obs.standings)
	}
	l.h.Advance(2 * time.Second)
	const cause = "Intune has not confirmed for 5h0m0s what it said of the device: "
	if l.stands("A") != "outdated" || l.stands("B") != "compliant" || !slices.Equal(l.obs.standings, []string{cause + "a"}) {
		t.Errorf("after MaxAge: %s, %s, %q", l.stands("A"), l.stands("B"), l.obs.standings)
	}
	if _, notFound := l.Unknown("missing", keys(cn("C"))); !notFound {
		t.Error("a missing device is not missing any more")
	}
	l.h.Advance(time.Hour + time.Second)
	if l.stands("B") != "outdated" || !slices.Equal(l.obs.standings, []string{cause + "a", cause + "b missing"}) {
		t.Errorf("an hour later: %s, %q", l.stands("B"), l.obs.standings)
	}
	if why, notFound := l.Unknown("missing", keys(cn("C"))); notFound || why != "Intune has not confirmed for a long time that it has no such device" {
		t.Errorf("%s, %t", why, notFound)
	}
	down = false
	*l.obs = observations{}
	l.h.Advance(10 * time.Minute)
	if l.stands("A") != "compliant" || len(l.obs.changes) != 2 || l.obs.changes[0].Was.Standing != "outdated" || l.obs.changes[0].Record.Standing != "compliant" ||
		!slices.Equal(l.obs.standings, []string{"Intune has no such device: missing"}) {
		t.Errorf("after the outage: %s, %+v, %q", l.stands("A"), l.obs.changes, l.obs.standings)
	}
	*l.obs = observations{}
	l.h.Advance(100 * time.Hour)
	if len(l.obs.standings) != 0 || len(l.obs.changes) != 0 {
		t.Errorf("with polls every two hours: %q, %+v", l.obs.standings, l.obs.changes)
	}
}

func TestNeverOutdated(t *testing.T) {
	cfg := testConfig()
	cfg.MaxAge = -1
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant"})
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Second)
	l.in.answer = func(*http.Request) *http.Response { return reply(503, "") }
	l.h.Advance(1000 * time.Hour)
	if l.stands("A") != "compliant" || len(l.obs.standings) != 0 {
		t.Errorf("%s, %q", l.stands("A"), l.obs.standings)
	}
}

// A device that does not check in any more is stale at that moment, though Graph confirms what it said; when it checks in
// it is not.
func TestStale(t *testing.T) {
	cfg := testConfig()
	cfg.StaleAfter = 24 * time.Hour
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant", sync: start})
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(24 * time.Hour)
	if l.stands("A") != "compliant" {
		t.Errorf("before: %s", l.stands("A"))
	}
	l.h.Advance(2 * time.Second)
	if l.stands("A") != "stale" || !slices.Equal(l.obs.standings, []string{"the device has not checked in with Intune for 24h0m0s: a"}) {
		t.Errorf("after: %s, %q", l.stands("A"), l.obs.standings)
	}
	*l.obs = observations{}
	l.in.devices[0].sync = start.Add(24 * time.Hour)
	l.h.Advance(2 * time.Hour)
	if l.stands("A") != "compliant" || len(l.obs.changes) != 1 || l.obs.changes[0].Was.Standing != "stale" {
		t.Errorf("after a check-in: %s, %+v", l.stands("A"), l.obs.changes)
	}
}

// A restart goes on where the machine was: what got too old before it is told by the NAC's own start.
func TestOutdatedAfterRestart(t *testing.T) {
	cfg := testConfig()
	cfg.MaxAge = 5 * time.Hour
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", state: "compliant"})
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Hour)
	l.in.answer = func(*http.Request) *http.Response { return reply(503, "") }
	l.restart(cfg)
	l.h.Advance(4*time.Hour + time.Second)
	if l.stands("A") != "outdated" || len(l.obs.standings) != 1 {
		t.Errorf("%s, %q", l.stands("A"), l.obs.standings)
	}
}
