package reconcile

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nacsim/nac/coa"
	"nacsim/nac/policy"
	"nacsim/nac/session"
)

// model is a network of a few clients that does to an engine what networks do: requests and answers are lost,
// NASes refuse or promise and do nothing, clients roam and leave, devices change their minds, the NAC crashes.
type model struct {
	t      *rapid.T
	e      *Engine
	limits Limits
	now    time.Time
	truth  map[string]*Assessment // what is durable: sessions and what they should have
	flying map[string]bool        // attempts that the network has not finished
	sent   map[string][]time.Time // since the last boot
}

func (m *model) assess(client string) Assessment {
	if a := m.truth[client]; a != nil {
		return *a
	}
	return Assessment{}
}

// wrong says in the model's own words that a client has not what it should.
func wrong(a *Assessment) bool { return a.Reject || a.InForce.VLAN != a.Wanted.VLAN }

// step runs the engine and checks what must hold of every attempt.
func (m *model) step() {
	for _, a := range m.e.Step(m.now, m.assess) {
		if a.Limited {
			continue
		}
		s := m.truth[a.Client]
		switch {
		case s == nil:
			m.t.Fatalf("attempt for %s, which has no session", a.Client)
		case m.flying[a.Client]:
			m.t.Fatalf("second attempt for %s while one is under way", a.Client)
		case !wrong(s):
			m.t.Fatalf("attempt for %s, which has what it should", a.Client)
		case m.now.Before(s.AuthorizedAt.Add(m.limits.Settle)):
			m.t.Fatalf("attempt for %s before its authorization has settled", a.Client)
		}
		m.flying[a.Client] = true
		m.sent[a.Client] = append(m.sent[a.Client], m.now)
		m.bounded(a.Client)
	}
	if n := len(m.flying); n > m.limits.InFlight || n != m.e.InFlight() {
		m.t.Fatalf("%d attempts are under way, the engine says %d, the limit is %d", n, m.e.InFlight(), m.limits.InFlight)
	}
}

// bounded checks that no window of an hour has more attempts than it may.
func (m *model) bounded(client string) {
	recent := 0
	for _, at := range m.sent[client] {
		if m.now.Sub(at) < window {
			recent++
		}
	}
	if recent > m.limits.PerHour {
		m.t.Fatalf("%d attempts for %s within an hour", recent, client)
	}
}

// authorize is what a re-authentication does: the policy decides on the facts of the moment.
func (m *model) authorize(client, nas string) {
	a := m.truth[client]
	if a.Reject {
		delete(m.truth, client)
		m.e.Mark(client, CauseEnded)
		return
	}
	a.Session.NAS, a.InForce, a.AuthorizedAt = nas, a.Wanted, m.now
	m.e.Mark(client, CauseAuthorized)
}

// finish ends the attempt for a client in one of the ways in which that happens.
func (m *model) finish(client, fate string) {
	delete(m.flying, client)
	present := m.truth[client] != nil
	outcome := coa.TimedOut
	switch fate {
	case "works":
		if present {
			m.authorize(client, m.truth[client].Session.NAS)
		}
		outcome = coa.Acked
	case "works, answer lost":
		if present {
			m.authorize(client, m.truth[client].Session.NAS)
		}
	case "promised, not kept":
		outcome = coa.Acked
	case "refused":
		outcome = coa.Nacked
	case "no such session":
		if present {
			delete(m.truth, client)
			m.e.Mark(client, CauseEnded)
		}
		outcome = coa.Nacked
	}
	m.e.Done(m.now, client, outcome)
}

func (m *model) boot() {
	m.e = NewEngine(m.limits)
	m.flying, m.sent = map[string]bool{}, map[string][]time.Time{}
	for _, c := range names {
		if m.truth[c] != nil {
			m.e.Mark(c, CauseRestart)
		}
	}
}

var (
	names = []string{"a", "b", "c", "d"}
	vlans = []string{"", "1", "750"}
	fates = []string{"works", "works, answer lost", "lost", "promised, not kept", "refused", "no such session"}
)

// change has something happen to a client.
func (m *model) change(client, what, to string) {
	a := m.truth[client]
	switch {
	case what == "connect":
		m.truth[client] = &Assessment{Present: true, Session: session.Key{NAS: "ap-" + to, Client: client},
			AuthorizedAt: m.now, InForce: policy.Authorization{VLAN: "1"}, Wanted: policy.Authorization{VLAN: to}}
		m.e.Mark(client, CauseAuthorized)
	case a == nil:
	case what == "fact":
		a.Wanted, a.Reject = policy.Authorization{VLAN: to}, to == ""
		m.e.Mark(client, "device record changed")
	case what == "leave":
		delete(m.truth, client)
		m.e.Mark(client, CauseEnded)
	case what == "authenticate":
		m.authorize(client, "ap-"+to)
	}
}

// TestReconcileModel holds two promises against everything the model can do. Safety: one attempt per client at a
// time, none without a difference, no more than the bounds allow. Liveness: once the world is quiet and the
// network works, everybody has what the policy gives.
func TestReconcileModel(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("3000"); err != nil { // a run takes 0.1 ms
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, now: epoch, truth: map[string]*Assessment{}, limits: Limits{
			PerHour:  rapid.IntRange(1, 6).Draw(t, "per hour"),
			InFlight: rapid.IntRange(1, 4).Draw(t, "in flight"),
		}.orDefault()}
		m.boot()
		t.Repeat(map[string]func(*rapid.T){
			"change": func(t *rapid.T) {
				m.change(rapid.SampledFrom(names).Draw(t, "client"),
					rapid.SampledFrom([]string{"connect", "fact", "fact", "leave", "authenticate"}).Draw(t, "what"),
					rapid.SampledFrom(vlans).Draw(t, "to"))
				m.step()
			},
			"finish": func(t *rapid.T) {
				if len(m.flying) == 0 {
					t.Skip("nothing is under way")
				}
				client := rapid.SampledFrom(slices.Sorted(maps.Keys(m.flying))).Draw(t, "client")
				m.finish(client, rapid.SampledFrom(fates).Draw(t, "fate"))
				m.step()
			},
			"wait": func(t *rapid.T) {
				m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 29 * time.Second, time.Minute, 20 * time.Minute, time.Hour}).Draw(t, "for"))
				m.step()
			},
			"crash": func(t *rapid.T) {
				m.boot()
				m.step()
			},
		})
		m.quiesce()
	})
}

// quiesce lets the network work from now on, and the time pass.
func (m *model) quiesce() {
	for range 200 {
		for _, c := range names {
			if m.flying[c] {
				m.finish(c, "works")
			}
		}
		m.step()
		if len(m.flying) > 0 {
			continue
		}
		next, ok := m.e.Next()
		if !ok {
			break
		}
		if next.After(m.now) {
			m.now = next
		}
	}
	for _, c := range names {
		if a := m.truth[c]; a != nil && wrong(a) {
			m.t.Fatalf("%s has %v and should have %v (reject %v)", c, a.InForce, a.Wanted, a.Reject)
		}
	}
	if m.e.Len() != 0 || m.e.InFlight() != 0 {
		m.t.Fatalf("the engine remembers %s", fmt.Sprint(m.e.Len(), " clients and ", m.e.InFlight(), " attempts"))
	}
}
