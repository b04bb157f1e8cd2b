package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"nacsim/nac/coa"
	"nacsim/nac/policy"
	"nacsim/nac/session"
)

var epoch = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// bench is an engine with clients that a test moves around.
type bench struct {
	t       *testing.T
	e       *Engine
	now     time.Time
	clients map[string]*Assessment
	log     []string
}

func newBench(t *testing.T, l Limits) *bench {
	return &bench{t: t, e: NewEngine(l), now: epoch, clients: map[string]*Assessment{}}
}

// vlan is an authorization.
func vlan(id string) policy.Authorization { return policy.Authorization{VLAN: id} }

// client adds a client that was authorized an hour ago.
func (b *bench) client(name, inForce, wanted string) *Assessment {
	a := &Assessment{Present: true, Session: session.Key{NAS: "ap-1", Client: name}, AuthorizedAt: b.now.Add(-time.Hour),
		InForce: vlan(inForce), Wanted: vlan(wanted)}
	b.clients[name] = a
	return a
}

func (b *bench) assess(client string) Assessment {
	if a := b.clients[client]; a != nil {
		return *a
	}
	return Assessment{}
}

// step runs the engine now and returns what it wants, as "client#attempt cause".
func (b *bench) step() string {
	var out []string
	for _, a := range b.e.Step(b.now, b.assess) {
		if a.Limited {
			out = append(out, fmt.Sprintf("%s limited until %s", a.Client, a.Until.Sub(epoch)))
			continue
		}
		out = append(out, fmt.Sprintf("%s#%d %s", a.Client, a.Attempt, a.Cause))
	}
	return strings.Join(out, ", ")
}

// run steps whenever the engine wants to until the end, answers each attempt at once with the outcome, and
// logs what happened when.
func (b *bench) run(until time.Duration, outcome func(client string) coa.Outcome) {
	b.t.Helper()
	for range 10000 {
		if next, ok := b.e.Next(); !ok || next.After(epoch.Add(until)) {
			return
		} else if next.After(b.now) {
			b.now = next
		}
		for _, a := range b.e.Step(b.now, b.assess) {
			if a.Limited {
				b.log = append(b.log, fmt.Sprintf("%s limited", b.now.Sub(epoch)))
				continue
			}
			b.log = append(b.log, b.now.Sub(epoch).String())
			b.e.Done(b.now, a.Client, outcome(a.Client))
		}
	}
	b.t.Fatal("the engine does not come to rest")
}

func (b *bench) want(got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("got  %q\nwant %q", got, want)
	}
}

func always(o coa.Outcome) func(string) coa.Outcome { return func(string) coa.Outcome { return o } }

func TestNothingDue(t *testing.T) {
	b := newBench(t, Limits{})
	b.client("a", "750", "750")
	b.e.Mark("a", "poll")
	b.e.Mark("nobody", "poll")
	b.want(b.step(), "")
	if _, ok := b.e.Next(); ok || b.e.Len() != 0 {
		t.Errorf("the engine remembers %d clients for which nothing is due", b.e.Len())
	}
}

func TestSendOnce(t *testing.T) {
	b := newBench(t, Limits{})
	a := b.client("a", "1", "750")
	b.e.Mark("a", "lookup")
	b.e.Mark("a", "poll")
	b.want(b.step(), "a#1 poll")
	b.e.Mark("a", "poll again")
	b.want(b.step(), "")

	// The client is authorized again before the acknowledgement is there.
	a.InForce, a.AuthorizedAt = vlan("750"), b.now
	b.e.Mark("a", "authorized")
	b.e.Done(b.now, "a", coa.Acked)
	b.want(b.step(), "")
	b.run(24*time.Hour, always(coa.Acked))
	b.want(strings.Join(b.log, " "), "")
	if b.e.Len() != 0 {
		t.Error("the client is not forgotten after an hour")
	}
}

// TestBackoff pins the times of the attempts for each outcome, from the first at 0s.
func TestBackoff(t *testing.T) {
	wide := Limits{PerHour: 1000}
	cases := []struct {
		name    string
		limits  Limits
		outcome coa.Outcome
		until   time.Duration
		want    string
	}{
		{"no answer", wide, coa.TimedOut, time.Hour, "0s 30s 1m30s 3m30s 7m30s 15m30s 30m30s 45m30s"},
		{"refused", wide, coa.Nacked, 10 * time.Minute, "0s 30s 1m30s 3m30s 7m30s"},
		{"promised and not kept", wide, coa.Acked, 10 * time.Minute, "0s 30s 1m30s 3m30s 7m30s"},
		{"promised, with a longer wait", Limits{AckWait: time.Minute, PerHour: 1000}, coa.Acked, 5 * time.Minute, "0s 1m0s 2m0s 4m0s"},
		{"takes no part", wide, coa.Skipped, 24 * time.Hour, "0s"},
		{"bounded", Limits{}, coa.TimedOut, 4 * time.Hour, "0s 30s 1m30s 3m30s 7m30s 15m30s 15m30s limited 1h15m30s 2h15m30s 3h15m30s"},
		{"one an hour", Limits{PerHour: 1}, coa.Acked, 2 * time.Hour, "0s 0s limited 1h0m0s 2h0m0s"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, c.limits)
			b.client("a", "1", "750")
			b.e.Mark("a", "lookup")
			b.run(c.until, always(c.outcome))
			b.want(strings.Join(b.log, " "), c.want)
		})
	}
}

// TestFlappingIsBounded has each CoA succeed at once and the device change its mind at once again.
func TestFlappingIsBounded(t *testing.T) {
	b := newBench(t, Limits{Settle: -1})
	a := b.client("a", "1", "750")
	for range 12 * 60 { // twelve hours, a change a minute
		a.Wanted = map[bool]policy.Authorization{true: vlan("1"), false: vlan("750")}[a.InForce == vlan("750")]
		b.e.Mark("a", "poll")
		b.run(b.now.Sub(epoch), func(string) coa.Outcome {
			a.InForce, a.AuthorizedAt = a.Wanted, b.now
			return coa.Acked
		})
		b.now = b.now.Add(time.Minute)
	}
	attempts := 0
	for _, l := range b.log {
		if !strings.Contains(l, "limited") {
			attempts++
		}
	}
	if want := 6 + 11; attempts != want {
		t.Errorf("%d attempts in twelve hours, want %d: %v", attempts, want, b.log)
	}
}

// TestBoundIsLifted holds that a client that was quiet for an hour has all its attempts again.
func TestBoundIsLifted(t *testing.T) {
	b := newBench(t, Limits{PerHour: 2})
	a := b.client("a", "1", "750")
	a.Review = epoch.Add(24 * time.Hour)
	b.e.Mark("a", "lookup")
	b.run(10*time.Minute, always(coa.TimedOut))
	b.want(strings.Join(b.log, " "), "0s 30s 30s limited")
	a.InForce = vlan("750") // connects anew by itself
	a.AuthorizedAt = b.now
	b.e.Mark("a", "authorized")
	b.run(3*time.Hour, always(coa.TimedOut))
	b.now, b.log = epoch.Add(3*time.Hour), nil
	a.Wanted = vlan("1")
	b.e.Mark("a", "poll")
	b.run(4*time.Hour, always(coa.TimedOut))
	b.want(strings.Join(b.log, " "), "3h0m0s 3h0m30s 3h0m30s limited")
}

func TestSettle(t *testing.T) {
	b := newBench(t, Limits{Settle: 2 * time.Second})
	a := b.client("a", "1", "750")
	a.AuthorizedAt = b.now
	b.e.Mark("a", "lookup")
	b.run(time.Minute, func(string) coa.Outcome {
		a.InForce = vlan("750")
		return coa.Acked
	})
	b.want(strings.Join(b.log, " "), "2s")
}

// TestSettleClockSetBack holds that a session authorized before the clock was set back is not left alone until the clock
// has caught up.
func TestSettleClockSetBack(t *testing.T) {
	b := newBench(t, Limits{Settle: 2 * time.Second})
	b.client("a", "1", "750").AuthorizedAt = b.now.Add(24 * time.Hour)
	b.e.Mark("a", "NAC restarted")
	b.want(b.step(), "a#1 NAC restarted")
}

// TestReauthorizedButDifferent holds that another authorization starts with a fresh back-off.
func TestReauthorizedButDifferent(t *testing.T) {
	b := newBench(t, Limits{})
	a := b.client("a", "1", "750")
	b.e.Mark("a", "lookup")
	b.run(time.Minute, always(coa.TimedOut))
	b.want(strings.Join(b.log, " "), "0s 30s")
	b.now = epoch.Add(time.Minute)
	a.Session.NAS, a.AuthorizedAt = "ap-2", b.now.Add(-10*time.Second) // roams, still in quarantine
	b.e.Mark("a", "authorized")
	b.want(b.step(), "a#1 authorized")
}

func TestSkippedUntilMarked(t *testing.T) {
	b := newBench(t, Limits{})
	a := b.client("a", "1", "750")
	a.Review, a.ReviewCause = epoch.Add(5*time.Hour), "expired"
	b.e.Mark("a", "lookup")
	b.run(4*time.Hour, always(coa.Skipped))
	b.want(strings.Join(b.log, " "), "0s")
	b.now = epoch.Add(4 * time.Hour)
	b.e.Mark("a", "poll")
	b.want(b.step(), "a#1 poll")
	b.e.Done(b.now, "a", coa.Skipped)
	b.want(b.step(), "")
	b.now = epoch.Add(5 * time.Hour)
	b.want(b.step(), "a#1 expired")
}

// TestReview holds that a decision that changes by itself is taken again at its time, with no mark.
func TestReview(t *testing.T) {
	b := newBench(t, Limits{})
	a := b.client("a", "750", "750")
	a.Review, a.ReviewCause = epoch.Add(4*time.Hour), "expired"
	b.e.Mark("a", "authorized")
	b.want(b.step(), "")
	if next, ok := b.e.Next(); !ok || !next.Equal(a.Review) {
		t.Fatalf("next is %v, %v", next, ok)
	}
	b.now = a.Review
	a.Reject = true
	b.want(b.step(), "a#1 expired")
	b.e.Done(b.now, "a", coa.TimedOut)
	b.want(b.step(), "")
	b.now = b.now.Add(30 * time.Second)
	b.want(b.step(), "a#2 expired")
}

// TestReviewDuringBackoff holds that a back-off does not hide the review, nor the review the back-off.
func TestReviewDuringBackoff(t *testing.T) {
	b := newBench(t, Limits{})
	a := b.client("a", "1", "750")
	a.Review, a.ReviewCause = epoch.Add(10*time.Second), "expired"
	b.e.Mark("a", "lookup")
	b.want(b.step(), "a#1 lookup")
	b.e.Done(b.now, "a", coa.TimedOut)
	b.want(b.step(), "")
	if next, _ := b.e.Next(); !next.Equal(a.Review) {
		t.Errorf("next is %v, want the review", next)
	}
	b.run(2*time.Minute, always(coa.TimedOut))
	b.want(strings.Join(b.log, " "), "30s 1m30s")
}

func TestGone(t *testing.T) {
	b := newBench(t, Limits{})
	b.client("a", "1", "750")
	b.e.Mark("a", "lookup")
	b.want(b.step(), "a#1 lookup")
	delete(b.clients, "a")
	b.e.Done(b.now, "a", coa.Nacked)
	b.want(b.step(), "")
	b.run(2*time.Hour, always(coa.Nacked))
	b.want(strings.Join(b.log, " "), "")
	if b.e.Len() != 0 {
		t.Error("a client that is gone is not forgotten")
	}
}

// TestInFlightLimit has three places for ten clients; all get their turn, and places are not lost to clients
// for which nothing is due any more.
func TestInFlightLimit(t *testing.T) {
	b := newBench(t, Limits{InFlight: 3})
	for i := range 10 {
		name := fmt.Sprint("c", i)
		b.client(name, "1", "750")
		b.e.Mark(name, "policy")
	}
	b.want(b.step(), "c0#1 policy, c1#1 policy, c2#1 policy")
	b.want(b.step(), "")
	for i := 3; i < 6; i++ {
		b.clients[fmt.Sprint("c", i)].InForce = vlan("750")
	}
	b.e.Mark("c9", "poll") // waits already
	b.clients["c0"].InForce = vlan("750")
	b.e.Done(b.now, "c0", coa.Acked)
	b.want(b.step(), "c6#1 policy")
	b.clients["c1"].InForce, b.clients["c2"].InForce = vlan("750"), vlan("750")
	b.e.Done(b.now, "c1", coa.Acked)
	b.e.Done(b.now, "c2", coa.Acked)
	b.want(b.step(), "c7#1 policy, c8#1 policy")
	b.e.Done(b.now, "c7", coa.TimedOut)
	b.want(b.step(), "c9#1 poll")
	if b.e.InFlight() != 3 {
		t.Errorf("%d in flight", b.e.InFlight())
	}
	b.e.Done(b.now, "c8", coa.TimedOut)
	b.want(b.step(), "") // c9 is under way already
}

func TestStrayOutcome(t *testing.T) {
	b := newBench(t, Limits{})
	b.e.Done(b.now, "nobody", coa.Acked)
	b.client("a", "1", "750")
	b.e.Mark("a", "lookup")
	b.e.Done(b.now, "a", coa.Acked)
	if b.e.InFlight() != 0 {
		t.Errorf("%d in flight", b.e.InFlight())
	}
	b.want(b.step(), "a#1 lookup")
}

func BenchmarkTenThousandSessions(b *testing.B) {
	e := NewEngine(Limits{})
	clients := make([]string, 10000)
	for i := range clients {
		clients[i] = fmt.Sprintf("00:1c:b3:00:%02x:%02x", i>>8, i&255)
	}
	a := Assessment{Present: true, InForce: vlan("750"), Wanted: vlan("750"), Review: epoch.Add(24 * time.Hour)}
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range clients {
			e.Mark(c, "policy")
		}
		e.Step(epoch, func(string) Assessment { return a })
	}
}
