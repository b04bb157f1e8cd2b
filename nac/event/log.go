package event

import "nacsim/internal/host"

// A Log writes events to the trace of a machine.
type Log struct{ h host.Host }

// NewLog returns a log for a machine.
func NewLog(h host.Host) *Log { return &Log{h} }

// Emit records an event. An event without a time gets the present one. A nil Log records nothing, and neither does one
// whose machine has nobody to read events: making up their fields takes longer than the rest of a small request.
func (l *Log) Emit(e Event) {
	if l == nil || !l.h.Tracing("event") {
		return
	}
	if e.At.IsZero() {
		e.At = l.h.Now()
	}
	l.h.Trace("event", e.Attrs()...)
}
