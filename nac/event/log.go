package event

import (
	"sync"

	"nacsim/internal/host"
)

// DefaultKeep is how many events a Log keeps where its maker does not say.
const DefaultKeep = 10000

// A Log writes events to the trace of a machine and keeps the latest.
type Log struct {
	h     host.Host
	limit int

	mu sync.Mutex
	// ring grows up to limit; from then on oldest is the index of its oldest event, which the next one replaces.
	ring   []Event
	oldest int
}

// NewLog returns a log that keeps the latest events, at most keep of them; zero or less means DefaultKeep.
func NewLog(h host.Host, keep int) *Log {
	if keep <= 0 {
		keep = DefaultKeep
	}
	return &Log{h: h, limit: keep}
}

// Emit records an event. An event without a time gets the present one. A nil Log records nothing.
func (l *Log) Emit(e Event) {
	if l == nil {
		return
	}
	if e.At.IsZero() {
		e.At = l.h.Now()
	}
	l.mu.Lock()
	if len(l.ring) < l.limit {
		l.ring = append(l.ring, e)
	} else {
		l.ring[l.oldest] = e
		l.oldest = (l.oldest + 1) % l.limit
	}
	l.mu.Unlock()
	l.h.Trace("event", e.Attrs()...)
}

// Recent returns the kept events that satisfy want, the latest first, and at most limit of them. A nil want is
// satisfied by all.
func (l *Log) Recent(limit int, want func(*Event) bool) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Event
	for i := len(l.ring) - 1; i >= 0 && len(out) < limit; i-- {
		e := &l.ring[(l.oldest+i)%len(l.ring)]
		if want == nil || want(e) {
			out = append(out, *e)
		}
	}
	return out
}
