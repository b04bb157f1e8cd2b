package reconcile

import (
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/radius"
	"nacsim/nac/coa"
	"nacsim/nac/identity"
	"nacsim/nac/policy"
	"nacsim/nac/session"
)

// machine is a host whose clock stands still until the test moves it. Its tasks are goroutines, so the race
// detector sees what a live machine would do.
type machine struct {
	host.Host
	mu      sync.Mutex
	moved   *sync.Cond
	now     time.Time
	down    bool
	tasks   sync.WaitGroup
	records map[string][]byte
	lines   []string
}

func newMachine() *machine {
	m := &machine{now: epoch, records: map[string][]byte{}}
	m.moved = sync.NewCond(&m.mu)
	return m
}

func (m *machine) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *machine) Go(_ string, f func()) {
	m.tasks.Add(1)
	go func() {
		defer m.tasks.Done()
		f()
	}()
}

func (m *machine) Trace(kind string, fields ...slog.Attr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range fields {
		kind += " " + f.String()
	}
	m.lines = append(m.lines, kind)
}

// advance moves the clock and wakes whoever waits for it.
func (m *machine) advance(d time.Duration) {
	m.mu.Lock()
	m.now = m.now.Add(d)
	m.moved.Broadcast()
	m.mu.Unlock()
}

// stop takes the machine down and waits for its tasks.
func (m *machine) stop() {
	m.mu.Lock()
	m.down = true
	m.moved.Broadcast()
	m.mu.Unlock()
	m.tasks.Wait()
}

type signal struct {
	m   *machine
	set bool
}

func (m *machine) NewSignal() host.Signal { return &signal{m: m} }

func (s *signal) Set() {
	s.m.mu.Lock()
	s.set = true
	s.m.moved.Broadcast()
	s.m.mu.Unlock()
}

func (s *signal) Wait(deadline time.Time) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	for {
		switch {
		case s.m.down:
			return host.ErrDown
		case s.set:
			s.set = false
			return nil
		case !deadline.IsZero() && !s.m.now.Before(deadline):
			return host.ErrTimeout
		}
		s.m.moved.Wait()
	}
}

func (m *machine) Store(string) (host.Store, error) { return store{m}, nil }

type store struct{ m *machine }

func (s store) Get(k string) ([]byte, error) { return s.m.records[k], nil }
func (s store) Put(k string, v []byte) error { s.m.records[k] = v; return nil }
func (s store) Delete(k string) error        { delete(s.m.records, k); return nil }
func (s store) Scan(p string, f func(string, []byte) bool) error {
	for k, v := range s.m.records { // order-free: the tests have one record
		if !f(k, v) {
			break
		}
	}
	return nil
}

// network is a NAS as a reconciler sees it: each order waits until the test answers it.
type network struct {
	orders  chan coa.Order
	answers chan coa.Result
}

func (n *network) send(o coa.Order) (coa.Result, error) {
	n.orders <- o
	r, ok := <-n.answers
	if !ok {
		return coa.Result{}, host.ErrDown
	}
	return r, nil
}

// rig is a reconciler with one client in quarantine; wanted is what the policy gives.
type rig struct {
	m        *machine
	sessions *session.Table
	r        *Reconciler
	net      *network
	mu       sync.Mutex
	wanted   policy.Decision
}

const client = "00:1c:b3:09:85:15"

func quarantined() session.Session {
	return session.Session{
		Request: policy.Request{MAC: client, NAS: "ap-1", AuthType: "eap-tls", Certificate: &identity.Certificate{NotAfter: epoch.Add(4 * time.Hour)}},
		CoA:     netip.MustParseAddrPort("10.0.1.1:3799"), AcctSessionID: "A1", InForce: vlan("1"),
	}
}

func start(t *testing.T, l Limits) *rig {
	t.Helper()
	g := &rig{m: newMachine(), net: &network{orders: make(chan coa.Order), answers: make(chan coa.Result)}}
	g.wanted = policy.Decision{Allow: true, Authorization: vlan("1")}
	var err error
	g.sessions, err = session.Open(g.m, session.Config{Changed: func(c session.Change) { g.r.SessionChanged(c) }})
	if err != nil {
		t.Fatal(err)
	}
	g.r = Start(g.m, Config{Sessions: g.sessions, Decide: g.decide, Send: g.net.send, Limits: l})
	t.Cleanup(func() {
		close(g.net.answers)
		g.m.stop()
	})
	g.authorize(t)
	return g
}

func (g *rig) authorize(t *testing.T) {
	t.Helper()
	g.m.advance(time.Millisecond)
	s := quarantined()
	s.InForce = g.decide(epoch, &s).Authorization
	if err := g.sessions.Authorize(s); err != nil {
		t.Fatal(err)
	}
}

func (g *rig) decide(now time.Time, s *session.Session) policy.Decision {
	g.mu.Lock()
	defer g.mu.Unlock()
	if expiry, ok := s.Request.Expiry(); ok && now.After(expiry) {
		return policy.Decision{Reason: "expired"}
	}
	return g.wanted
}

func (g *rig) want(d policy.Decision) {
	g.mu.Lock()
	g.wanted = d
	g.mu.Unlock()
}

// order waits for the next order and describes it.
func (g *rig) order(t *testing.T) string {
	t.Helper()
	o := <-g.net.orders
	return fmt.Sprintf("%s %s wants %q has %q attempt %d: %s", o.Kind, o.Session.AcctSessionID, o.Wanted.VLAN, o.Session.InForce.VLAN, o.Attempt, o.Cause)
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestMovesClient plays the second half of the onboarding sequence: the record changes, the CoA is acknowledged,
// the client re-authenticates.
func TestMovesClient(t *testing.T) {
	g := start(t, Limits{Settle: -1})
	g.want(policy.Decision{Allow: true, Authorization: vlan("750")})
	g.r.Mark(client, "device record changed")
	same(t, g.order(t), `reauth A1 wants "750" has "1" attempt 1: device record changed`)
	g.authorize(t)
	g.net.answers <- coa.Result{Outcome: coa.Acked}

	g.want(policy.Decision{Allow: true, Authorization: vlan("1")})
	g.r.MarkAll("policy changed")
	same(t, g.order(t), `reauth A1 wants "1" has "750" attempt 1: policy changed`)
	g.net.answers <- coa.Result{Outcome: coa.TimedOut}
	g.idle()
	g.m.advance(30 * time.Second)
	same(t, g.order(t), `reauth A1 wants "1" has "750" attempt 2: policy changed`)
}

// idle waits until the reconciler has digested the latest outcome.
func (g *rig) idle() {
	for {
		g.r.mu.Lock()
		flying, next := g.r.engine.InFlight(), len(g.r.engine.queue) > 0 && g.r.engine.queue[0].at.After(g.m.Now())
		g.r.mu.Unlock()
		if flying == 0 && next {
			return
		}
	}
}

func TestRejectDisconnects(t *testing.T) {
	g := start(t, Limits{Settle: -1})
	g.idle()
	g.m.advance(4*time.Hour + 1)
	same(t, g.order(t), `disconnect A1 wants "" has "1" attempt 1: client certificate expired`)
}

// gone is the answer of a NAS that knows nothing of a session.
var gone = coa.Result{Outcome: coa.Nacked, ErrorCause: radius.SessionContextNotFound}

// TestNoSuchSession holds that the third Error-Cause 503 in a row ends the session: earlier ones may be passing, and a
// session that has been authorized again begins anew.
func TestNoSuchSession(t *testing.T) {
	g := start(t, Limits{Settle: -1})
	g.want(policy.Decision{Allow: true, Authorization: vlan("750")})
	g.r.Mark(client, "device record changed")
	g.order(t)
	g.m.advance(time.Second)
	g.want(policy.Decision{Allow: true, Authorization: vlan("2")})
	g.authorize(t)
	g.want(policy.Decision{Allow: true, Authorization: vlan("3")})
	g.net.answers <- gone
	for attempt, pause := range []time.Duration{30 * time.Second, time.Minute} {
		same(t, g.order(t), fmt.Sprintf(`reauth A1 wants "3" has "2" attempt %d: session authorized`, attempt+1))
		g.net.answers <- gone
		g.idle()
		if g.sessions.Len() != 1 {
			t.Fatalf("the session was ended by 503 number %d", attempt+1)
		}
		g.m.advance(pause)
	}
	same(t, g.order(t), `reauth A1 wants "3" has "2" attempt 3: session authorized`)
	g.net.answers <- gone
	g.empty()
}

// empty waits until the session has ended.
func (g *rig) empty() {
	for g.sessions.Len() > 0 {
		runtime.Gosched()
	}
}

// TestNotYetKnown holds that a NAS that knows nothing of a session is believed, however often it says so, only when it
// has had the time to get an Access-Accept that was lost, or has known the session before.
func TestNotYetKnown(t *testing.T) {
	for _, started := range []bool{false, true} {
		g := start(t, Limits{Settle: -1, Backoff: time.Second, MaxBackoff: time.Second, PerHour: 100})
		g.want(policy.Decision{Allow: true, Authorization: vlan("1")})
		g.authorize(t)
		s := quarantined()
		if started {
			if known, err := g.sessions.Start(session.Accounting{Key: s.Key(), AcctSessionID: "A1"}); !known || err != nil {
				t.Fatalf("Start returns %v, %v", known, err)
			}
		}
		g.want(policy.Decision{Allow: true, Authorization: vlan("750")})
		g.r.Mark(client, "device record changed")
		for range believed {
			g.order(t)
			g.net.answers <- gone
			if started && g.sessions.Len() == 0 {
				break
			}
			g.settled()
			g.m.advance(time.Second)
		}
		if started {
			g.empty()
			continue
		}
		if g.sessions.Len() != 1 {
			t.Fatal("the session was ended while its Access-Accept may be under way")
		}
		g.order(t)
		g.m.advance(acceptWait)
		g.net.answers <- gone
		g.empty()
	}
}

// settled waits until no attempt is under way.
func (g *rig) settled() {
	for {
		g.r.mu.Lock()
		flying := g.r.engine.InFlight()
		g.r.mu.Unlock()
		if flying == 0 {
			return
		}
		runtime.Gosched()
	}
}

// TestRestart holds that a fresh reconciler finds the difference that the sessions hold.
func TestRestart(t *testing.T) {
	g := start(t, Limits{Settle: -1})
	g.idle()
	g.m.stop()
	g.m.down = false
	g.want(policy.Decision{Allow: true, Authorization: vlan("750")})
	g.r = Start(g.m, Config{Sessions: g.sessions, Decide: g.decide, Send: g.net.send, Kind: coa.Disconnect})
	g.m.advance(time.Second)
	same(t, g.order(t), `disconnect A1 wants "750" has "1" attempt 1: NAC restarted`)
}

func TestLimitIsTraced(t *testing.T) {
	g := start(t, Limits{Settle: -1, PerHour: 1})
	g.want(policy.Decision{Allow: true, Authorization: vlan("750")})
	g.r.Mark(client, "poll")
	g.order(t)
	g.net.answers <- coa.Result{Outcome: coa.Nacked}
	want := "coa client=" + client + " session=A1 nas=ap-1 request=CoA-Request result=skipped attempt=1 " +
		"reason=too many within an hour, put off by 1h0m0s cause=poll wanted_vlan=750 have_vlan=1"
	for {
		g.m.mu.Lock()
		last := g.m.lines[len(g.m.lines)-1]
		g.m.mu.Unlock()
		if last == want {
			return
		}
	}
}
