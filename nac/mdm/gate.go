package mdm

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"nacsim/internal/host"
)

// A gate is what every request passes. It keeps the rate within what Intune grants, holds all requests back when Intune
// says that there are too many, and closes for a while, as a circuit breaker, when requests keep failing: a service that
// is in trouble is not helped by more of them.
type gate struct {
	cfg *Config

	mu sync.Mutex
	// sent are the times of the latest Rate requests, in a ring.
	sent []time.Time
	next int
	// failures counts those in a row; pause is how long the circuit was opened for the last time.
	failures int
	pause    time.Duration
	until    time.Time // nothing is sent before
	cause    error
	open     bool // the circuit is; until it is closed, one request at a time is sent after until
	probing  bool
}

// A Closed says that nothing was sent, because requests have failed before.
type Closed struct {
	// Until is when something may be sent again, and Cause the latest failure.
	Until time.Time
	Cause error
}

// Error says until when, and why.
func (c *Closed) Error() string {
	return fmt.Sprintf("Intune is not asked before %s: %v", c.Until.UTC().Format(time.TimeOnly), c.Cause)
}

// Unwrap returns the cause.
func (c *Closed) Unwrap() error { return c.Cause }

// enter asks for n requests to be let through. It returns how long they have to wait, or why they are not to be sent.
func (g *gate) enter(n int, now time.Time) (wait time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case now.Before(g.until):
		return 0, &Closed{g.until, g.cause}
	case g.open && g.probing:
		return 0, &Closed{now.Add(g.cfg.RetryMin), g.cause}
	case g.open:
		g.probing = true
	}
	if g.sent == nil {
		g.sent = make([]time.Time, g.cfg.Rate)
	}
	return g.slot(min(n, len(g.sent)), now).Sub(now), nil
}

// slot books n requests for the same time, the first at which they are within the rate, and not before those that were
// booked already.
func (g *gate) slot(n int, now time.Time) time.Time {
	at := now
	if latest := g.sent[(g.next+len(g.sent)-1)%len(g.sent)]; latest.After(at) {
		at = latest
	}
	if oldest := g.sent[(g.next+n-1)%len(g.sent)]; !oldest.IsZero() && oldest.Add(g.cfg.RatePer).After(at) {
		at = oldest.Add(g.cfg.RatePer)
	}
	for range n {
		g.sent[g.next] = at
		g.next = (g.next + 1) % len(g.sent)
	}
	return at
}

// left takes the outcome of what was let through. A nil error is a service that answers, whatever it says.
func (g *gate) left(err error, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	probe := g.probing
	g.probing = false
	if errors.Is(err, host.ErrDown) {
		return
	}
	if err == nil {
		g.failures, g.open, g.cause = 0, false, nil
		return
	}
	g.failures++
	g.cause = err
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusTooManyRequests && e.RetryAfter > 0 {
		g.hold(now.Add(e.RetryAfter))
	}
	switch {
	case g.cfg.BreakerFailures < 0:
	case probe:
		g.pause = min(2*g.pause, g.cfg.RetryMax)
		g.hold(now.Add(g.pause))
	case !g.open && g.failures >= g.cfg.BreakerFailures:
		g.open, g.pause = true, g.cfg.BreakerPause
		if refusal(err) {
			g.pause = g.cfg.RetryMax // nobody will have changed that in a hurry
		}
		g.hold(now.Add(g.pause))
	}
}

// hold has nothing be sent before a time.
func (g *gate) hold(until time.Time) {
	if until.After(g.until) {
		g.until = until
	}
}

// aside takes a request that says nothing about Graph, because another follows that does: it was for a token, or is
// made again with another one.
func (g *gate) aside() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
}

// reset lets everything through again.
func (g *gate) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures, g.open, g.probing, g.until, g.cause = 0, false, false, time.Time{}, nil
}

// forgive is reset where the latest failure is of a kind, and reports whether it was.
func (g *gate) forgive(kind func(error) bool) bool {
	g.mu.Lock()
	cause := g.cause
	g.mu.Unlock()
	if !kind(cause) {
		return false
	}
	g.reset()
	return true
}

// openUntil returns until when the circuit is open at least, zero when it is not.
func (g *gate) openUntil(now time.Time) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.open {
		return time.Time{}
	}
	if g.until.Before(now) {
		return now
	}
	return g.until
}

// trouble reports whether a status says that the service fails or refuses, and not that it did not like this
// one request.
func trouble(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// asked is how long an error asks to wait: until the circuit may be closed again, or what the service has said.
func asked(err error, now time.Time) time.Duration {
	var closed *Closed
	var e *Error
	switch {
	case errors.As(err, &closed):
		return closed.Until.Sub(now)
	case errors.As(err, &e):
		return e.RetryAfter
	}
	return 0
}

// passing reports whether an error is one after which the same request may well succeed.
func passing(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return !errors.Is(err, host.ErrDown)
	}
	return e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests || e.Status >= 500
}
