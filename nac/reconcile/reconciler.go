package reconcile

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/radius"
	"nacsim/nac/coa"
	"nacsim/nac/policy"
	"nacsim/nac/session"
)

// Config is what a [Reconciler] works with.
type Config struct {
	Sessions *session.Table
	// Decide asks the policy about a session with the facts of now. It must not block, nor call the Reconciler
	// in any other way than by its Mark methods.
	Decide func(now time.Time, s *session.Session) policy.Decision
	// Send carries out an order and blocks meanwhile, as [coa.Sender.Send] does.
	Send func(coa.Order) (coa.Result, error)
	// Kind is how a session is changed that may stay; the default is [coa.Reauth]. One that may not is
	// always disconnected.
	Kind   coa.Kind
	Limits Limits
}

// Causes of marks that the reconciler makes itself.
const (
	CauseRestart            = "NAC restarted"
	CauseCertificateExpired = "client certificate expired"
	CauseAuthorized         = "session authorized"
	CauseEnded              = "session ended"
)

// A Reconciler runs an [Engine] on a machine. Its methods may be called from several tasks at once, also with
// locks held: they do not block and call nothing.
type Reconciler struct {
	h    host.Host
	c    Config
	wake host.Signal

	// marks are handed over to the loop, so that Mark needs no lock that is held while the policy is asked.
	marksMu sync.Mutex
	marks   []mark

	mu     sync.Mutex
	engine *Engine
}

type mark struct{ client, cause string }

// Start starts a reconciler. All clients with a session are marked, since nobody knows what has changed while
// the machine was down.
func Start(h host.Host, c Config) *Reconciler {
	if c.Kind == "" {
		c.Kind = coa.Reauth
	}
	r := &Reconciler{h: h, c: c, wake: h.NewSignal(), engine: NewEngine(c.Limits)}
	r.MarkAll(CauseRestart)
	h.Go("reconcile", r.run)
	return r
}

// Mark has the session of a client, if there is one, held against the policy soon. The cause says what has
// happened, for the trace and the events of a CoA that comes of it.
func (r *Reconciler) Mark(client, cause string) {
	r.marksMu.Lock()
	r.marks = append(r.marks, mark{client, cause})
	r.marksMu.Unlock()
	r.wake.Set()
}

// MarkSessions marks the clients of some sessions.
func (r *Reconciler) MarkSessions(sessions []session.Session, cause string) {
	if len(sessions) == 0 {
		return
	}
	r.marksMu.Lock()
	for i := range sessions {
		r.marks = append(r.marks, mark{sessions[i].Request.MAC, cause})
	}
	r.marksMu.Unlock()
	r.wake.Set()
}

// MarkAll marks all clients with a session, for example because the policy has changed.
func (r *Reconciler) MarkAll(cause string) {
	clients := r.c.Sessions.Clients()
	r.marksMu.Lock()
	for _, client := range clients {
		r.marks = append(r.marks, mark{client, cause})
	}
	r.marksMu.Unlock()
	r.wake.Set()
}

// SessionChanged takes a change of the table of sessions; give it to [session.Config].Changed.
func (r *Reconciler) SessionChanged(c session.Change) {
	switch c.State {
	case session.Authorized:
		r.Mark(c.Session.Request.MAC, CauseAuthorized)
	case session.Ended:
		r.Mark(c.Session.Request.MAC, CauseEnded)
	}
}

// run is the loop of the reconciler.
func (r *Reconciler) run() {
	for {
		actions, deadline := r.step()
		for i := range actions {
			r.act(actions[i])
		}
		if err := r.wake.Wait(deadline); err != nil && !errors.Is(err, host.ErrTimeout) {
			return
		}
	}
}

// step runs the engine once and returns when to run it again.
func (r *Reconciler) step() (actions []Action, deadline time.Time) {
	r.marksMu.Lock()
	marks := r.marks
	r.marks = nil
	r.marksMu.Unlock()

	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range marks {
		r.engine.Mark(m.client, m.cause)
	}
	now := r.h.Now()
	actions = r.engine.Step(now, func(client string) Assessment { return r.assess(now, client) })
	if next, ok := r.engine.Next(); ok {
		deadline = next
	}
	return actions, deadline
}

// assess asks the policy about the session of a client.
func (r *Reconciler) assess(now time.Time, client string) Assessment {
	s, ok := r.c.Sessions.ByClient(client)
	if !ok {
		return Assessment{}
	}
	d := r.c.Decide(now, &s)
	a := Assessment{Present: true, Session: s.Key(), AuthorizedAt: s.AuthorizedAt,
		InForce: s.InForce, Wanted: d.Authorization, Reject: !d.Allow}
	if expiry, ok := s.Request.Expiry(); ok {
		// A certificate is valid up to and including the moment of its end (RFC 5280 section 4.1.2.5).
		a.Review, a.ReviewCause = expiry.Add(1), CauseCertificateExpired
	}
	return a
}

// act carries out an action.
func (r *Reconciler) act(a Action) {
	s, ok := r.c.Sessions.Get(a.Assessment.Session)
	if a.Limited {
		if ok {
			r.limited(&s, a)
		}
		return
	}
	order := coa.Order{Session: s, Kind: r.c.Kind, Cause: a.Cause, Attempt: a.Attempt,
		Wanted: a.Assessment.Wanted, Reject: a.Assessment.Reject}
	if order.Reject {
		order.Kind = coa.Disconnect
	}
	if !ok || !s.AuthorizedAt.Equal(a.Assessment.AuthorizedAt) { // overtaken by another task since the assessment
		r.done(a.Client, coa.Skipped)
		return
	}
	r.h.Go("coa "+a.Client, func() { r.send(order) })
}

// send carries out an order in a task of its own.
func (r *Reconciler) send(o coa.Order) {
	result, err := r.c.Send(o)
	if err != nil {
		return // the machine is going down; the difference will be found again
	}
	if result.Outcome == coa.Nacked && result.ErrorCause == radius.SessionContextNotFound &&
		o.Attempt >= believed && r.known(&o.Session) {
		r.c.Sessions.EndAuthorization(o.Session.Key(), o.Session.AuthorizedAt, "the NAS has no such session")
	}
	r.done(o.Session.Request.MAC, result.Outcome)
}

// believed is the attempt from which on a NAS is believed that it has no such session. A refusal can be a passing one, and
// to forget a session that is there would leave its client in the network out of reach.
const believed = 3

// acceptWait is for how long a NAS may go on asking before it gets an Access-Accept that was lost: as long as requests
// are remembered by a server (RFC 5080 section 2.2.2).
const acceptWait = 30 * time.Second

// known reports whether the NAS must know of a session: it has said so, or has had the time to. Until then it may be
// waiting for the Access-Accept still, and to forget the session would leave the client in the network for good with what
// it is about to get.
func (r *Reconciler) known(s *session.Session) bool {
	age := r.h.Now().Sub(s.AuthorizedAt)
	return !s.StartedAt.IsZero() || age >= acceptWait || age < -clockStep
}

func (r *Reconciler) done(client string, outcome coa.Outcome) {
	now := r.h.Now()
	r.mu.Lock()
	r.engine.Done(now, client, outcome)
	r.mu.Unlock()
	r.wake.Set()
}

// limited tells the trace that a CoA that is due is put off.
func (r *Reconciler) limited(s *session.Session, a Action) {
	wanted := a.Assessment.Wanted.VLAN
	if a.Assessment.Reject {
		wanted = "reject"
	}
	r.h.Trace("coa",
		slog.String("client", a.Client),
		slog.String("session", s.AcctSessionID),
		slog.String("nas", s.Request.NAS),
		slog.String("request", r.c.Kind.Request()),
		slog.String("result", string(coa.Skipped)),
		slog.Int("attempt", a.Attempt),
		slog.String("reason", "too many within an hour, put off by "+a.Until.Sub(r.h.Now()).String()),
		slog.String("cause", a.Cause),
		slog.String("wanted_vlan", wanted),
		slog.String("have_vlan", s.InForce.VLAN))
}
