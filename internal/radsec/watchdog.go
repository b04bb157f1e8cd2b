package radsec

import "time"

// A watchdog is the algorithm of RFC 3539 section 3.4.1 as far as it is about one connection. Its owner keeps the
// deadline:
//
//	w.heard(now)                     // whenever a packet has come
//	switch w.expire(now) {           // when w.deadline has come
//	case probe:                      // send Status-Server
//	case dead:                       // close the connection
//	}
//
// A connection that is silent for the interval is asked for a sign of life; it is suspect when none has come after
// another, and dead after a third.
type watchdog struct {
	interval time.Duration
	// jitter is added to each interval, so that not all clients ask at the same time: from -2 to +2 seconds.
	jitter   func() time.Duration
	deadline time.Time
	unheard  int // intervals since the last sign of life
}

// A watchdogAction is what is due.
type watchdogAction uint8

const (
	wait watchdogAction = iota
	probe
	dead
)

func (w *watchdog) heard(now time.Time) {
	w.unheard = 0
	w.arm(now)
}

func (w *watchdog) arm(now time.Time) { w.deadline = now.Add(w.interval + w.jitter()) }

func (w *watchdog) expire(now time.Time) watchdogAction {
	if now.Before(w.deadline) {
		return wait
	}
	w.unheard++
	w.arm(now)
	switch w.unheard {
	case 1:
		return probe
	case 2:
		return wait
	}
	return dead
}
