package reconcile

import (
	"container/heap"
	"time"

	"nacsim/nac/coa"
	"nacsim/nac/policy"
	"nacsim/nac/session"
)

// Limits bound how often clients are disturbed. The zero value is the default.
type Limits struct {
	// Backoff is the pause after a first attempt that did not help; it doubles with each further one up to
	// MaxBackoff. Defaults 30 s and 15 min.
	Backoff, MaxBackoff time.Duration
	// PerHour is how many attempts a client may have within an hour. From then on it has one an hour, until an
	// hour has passed without any. Default 6.
	PerHour int
	// AckWait is how long a client may take to be authorized again after its NAS has acknowledged. Default 30 s.
	AckWait time.Duration
	// Settle is for how long after an authorization no CoA is sent, since the NAS may still be putting it into
	// force and refuse a request about a session it does not have yet. Default 1 s; negative means none.
	Settle time.Duration
	// InFlight is how many attempts may be under way at the same time. Default 64.
	InFlight int
}

func (l Limits) orDefault() Limits {
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.Backoff, 30*time.Second)
	def(&l.MaxBackoff, 15*time.Minute)
	def(&l.AckWait, 30*time.Second)
	def(&l.Settle, time.Second)
	l.Settle = max(l.Settle, 0)
	if l.PerHour <= 0 {
		l.PerHour = 6
	}
	if l.InFlight <= 0 {
		l.InFlight = 64
	}
	return l
}

// window is what the bound on attempts refers to.
const window = time.Hour

// An Assessment is how a client stands at a moment.
type Assessment struct {
	// Present is false for a client without a session; nothing else counts then.
	Present bool
	// Session and AuthorizedAt name the authorization in force: another value of either means that the client
	// has been authorized since.
	Session      session.Key
	AuthorizedAt time.Time
	// InForce is what the session has. Wanted is what it should have, or Reject that it should not be.
	InForce, Wanted policy.Authorization
	Reject          bool
	// Review is when the assessment changes by itself, and ReviewCause why; zero means never.
	Review      time.Time
	ReviewCause string
}

// differs reports whether a CoA is due.
func (a *Assessment) differs() bool { return a.Reject || a.Wanted != a.InForce }

// An Action is something to do for a client.
type Action struct {
	Client string
	// Cause is what the client was marked for.
	Cause string
	// Attempt counts the attempts for the same authorization in force, from 1.
	Attempt int
	// Limited says that the bound on attempts has been reached: nothing is to be done before Until. Otherwise
	// a CoA is to be sent and its outcome reported by [Engine.Done].
	Limited bool
	Until   time.Time
	// Assessment is the difference to be removed.
	Assessment Assessment
}

// An Engine decides when to send a CoA to which client. It does not read clocks, and is not safe for
// concurrent use.
//
//	e.Mark(client, cause)                 whenever something a decision depends on has changed
//	for _, a := range e.Step(now, assess) carry out a; when an attempt ends, e.Done(now, client, result)
//	wait for a mark, an outcome, or the time that e.Next returns; then Step again
type Engine struct {
	limits   Limits
	clients  map[string]*entry
	queue    queue
	seq      uint64
	inFlight int
	waiting  []*entry // for a free place in flight, in order
}

// entry is what the engine knows of one client. It exists while there is something to remember: a mark, an
// attempt, a difference, a time to review, or attempts within the last hour.
type entry struct {
	client string
	// marked is set by Mark and taken back by the next evaluation; cause outlives it while the difference does.
	marked bool
	cause  string

	// at is when to evaluate next; valid while index >= 0.
	at    time.Time
	seq   uint64
	index int

	flying, waiting bool
	// session and authorizedAt name the authorization that the fields below are about.
	session      session.Key
	authorizedAt time.Time
	attempts     int
	notBefore    time.Time // end of the back-off
	skipped      bool      // the NAS takes no part; only a new mark has it tried again
	review       time.Time
	reviewCause  string

	// sent are the times of the attempts within the last hour, and limited says that they have been too many.
	sent    []time.Time
	limited bool
	told    bool // that it is limited
}

// NewEngine returns an engine without clients.
func NewEngine(l Limits) *Engine {
	return &Engine{limits: l.orDefault(), clients: map[string]*entry{}}
}

// Mark says that something has changed that the decision on the client may depend on. The cause is given back
// with the action, if there is one. The next Step evaluates the client.
func (e *Engine) Mark(client, cause string) {
	c := e.clients[client]
	if c == nil {
		c = &entry{client: client, index: -1}
		e.clients[client] = c
	}
	c.marked, c.cause = true, cause
	if !c.flying && !c.waiting { // otherwise its turn comes with an outcome
		e.schedule(c, time.Time{})
	}
}

// Next returns when to call Step next; false means not before the next Mark or Done. A time that has passed,
// the zero time included, means now.
func (e *Engine) Next() (time.Time, bool) {
	if len(e.queue) == 0 {
		return time.Time{}, false
	}
	return e.queue[0].at, true
}

// Len is how many clients the engine remembers.
func (e *Engine) Len() int { return len(e.clients) }

// InFlight is how many attempts are under way.
func (e *Engine) InFlight() int { return e.inFlight }

// Step evaluates the clients that are due at now and returns what is to be done, in the order in which they
// became due. Assess tells how a client stands now; it must not call the engine.
func (e *Engine) Step(now time.Time, assess func(client string) Assessment) []Action {
	var actions []Action
	for {
		c := e.pop(now)
		if c == nil {
			return actions
		}
		actions = e.evaluate(actions, c, now, assess(c.client))
	}
}

// pop takes out the next client to evaluate: one that waits for a place in flight when there is one, or else
// one whose time has come.
func (e *Engine) pop(now time.Time) *entry {
	if len(e.waiting) > 0 && e.inFlight < e.limits.InFlight {
		c := e.waiting[0]
		e.waiting = e.waiting[1:]
		c.waiting = false
		return c
	}
	if len(e.queue) > 0 && !e.queue[0].at.After(now) {
		return heap.Pop(&e.queue).(*entry)
	}
	return nil
}

// evaluate holds what is in force against what is wanted.
func (e *Engine) evaluate(actions []Action, c *entry, now time.Time, a Assessment) []Action {
	marked := c.marked
	c.marked = false
	if !marked && c.cause == "" && !c.review.IsZero() && !now.Before(c.review) {
		c.cause, marked = c.reviewCause, true
	}
	c.renew(&a)
	if !a.Present || !a.differs() {
		c.cause, c.attempts, c.notBefore, c.skipped = "", 0, time.Time{}, false
		e.rest(c, now)
		return actions
	}
	if c.skipped && !marked {
		c.cause = ""
		e.rest(c, now)
		return actions
	}
	bound := c.bound(now, e.limits.PerHour)
	at := latest(c.notBefore, e.settled(now, &a), bound)
	switch {
	case now.Before(at):
		if bound.Equal(at) && !c.told {
			c.told = true
			actions = append(actions, Action{Client: c.client, Cause: c.cause, Attempt: c.attempts, Limited: true, Until: at, Assessment: a})
		}
		if c.review.After(now) && c.review.Before(at) {
			at = c.review
		}
		e.schedule(c, at)
		return actions
	case e.inFlight >= e.limits.InFlight:
		c.waiting = true
		e.waiting = append(e.waiting, c)
		return actions
	}
	return append(actions, e.attempt(c, now, a))
}

// clockStep is how far in the future an authorization must lie to have been made before the clock was set back.
const clockStep = time.Second

// settled is when the NAS has put the authorization into force. One from before the clock was set back is long in force.
func (e *Engine) settled(now time.Time, a *Assessment) time.Time {
	if a.AuthorizedAt.Sub(now) > clockStep {
		return now
	}
	return a.AuthorizedAt.Add(e.limits.Settle)
}

// renew takes note of another authorization in force, after which attempts count anew.
func (c *entry) renew(a *Assessment) {
	if c.session != a.Session || !c.authorizedAt.Equal(a.AuthorizedAt) {
		c.session, c.authorizedAt = a.Session, a.AuthorizedAt
		c.attempts, c.notBefore, c.skipped = 0, time.Time{}, false
	}
	c.review, c.reviewCause = a.Review, a.ReviewCause
}

func (e *Engine) attempt(c *entry, now time.Time, a Assessment) Action {
	c.flying, c.skipped = true, false
	c.attempts++
	c.sent = append(c.sent, now)
	e.inFlight++
	if c.cause == "" {
		c.cause = "review"
	}
	return Action{Client: c.client, Cause: c.cause, Attempt: c.attempts, Assessment: a}
}

// Done reports the outcome of an attempt.
func (e *Engine) Done(now time.Time, client string, outcome coa.Outcome) {
	c := e.clients[client]
	if c == nil || !c.flying {
		return
	}
	c.flying = false
	e.inFlight--
	pause := e.backoff(c.attempts)
	switch outcome {
	case coa.Skipped:
		// Nothing was sent, so nothing counts.
		c.skipped = true
		c.attempts--
		c.sent = c.sent[:len(c.sent)-1]
	case coa.Acked:
		c.notBefore = now.Add(max(pause, e.limits.AckWait))
	default:
		c.notBefore = now.Add(pause)
	}
	e.schedule(c, now)
}

// backoff is the pause after the given number of attempts.
func (e *Engine) backoff(attempts int) time.Duration {
	d := e.limits.Backoff
	for range attempts - 1 {
		if d >= e.limits.MaxBackoff {
			break
		}
		d *= 2
	}
	return min(d, e.limits.MaxBackoff)
}

// bound returns the earliest time of the next attempt that the bound on attempts allows.
func (c *entry) bound(now time.Time, perHour int) time.Time {
	c.forget(now)
	if len(c.sent) >= perHour {
		c.limited = true
	}
	if !c.limited || len(c.sent) == 0 {
		return time.Time{}
	}
	return c.sent[len(c.sent)-1].Add(window)
}

// forget drops the attempts that are an hour old.
func (c *entry) forget(now time.Time) {
	n := 0
	for n < len(c.sent) && now.Sub(c.sent[n]) >= window {
		n++
	}
	c.sent = append(c.sent[:0], c.sent[n:]...)
}

// rest schedules a client for which nothing is due: for its review, and for the time at which its attempts are
// forgotten. Without either it is forgotten itself.
func (e *Engine) rest(c *entry, now time.Time) {
	c.forget(now)
	if len(c.sent) == 0 {
		c.limited, c.told = false, false
	}
	var at time.Time
	if c.review.After(now) {
		at = c.review
	}
	if n := len(c.sent); n > 0 {
		if end := c.sent[n-1].Add(window); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	if !at.IsZero() {
		e.schedule(c, at)
		return
	}
	delete(e.clients, c.client)
}

// schedule has the client evaluated at a time.
func (e *Engine) schedule(c *entry, at time.Time) {
	e.seq++
	c.at, c.seq = at, e.seq
	if c.index < 0 {
		heap.Push(&e.queue, c)
		return
	}
	heap.Fix(&e.queue, c.index)
}

func latest(times ...time.Time) time.Time {
	var out time.Time
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out
}

// queue is a heap of clients by time, and by the order in which they were scheduled for the same time.
type queue []*entry

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].seq < q[j].seq
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push and Pop implement [heap.Interface].
func (q *queue) Push(x any) {
	c := x.(*entry)
	c.index = len(*q)
	*q = append(*q, c)
}

func (q *queue) Pop() any {
	old := *q
	c := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	c.index = -1
	return c
}
