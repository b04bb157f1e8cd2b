// Package testhost is a minimal machine for the tests of programs and packages, which may not import package sim.
//
//	m := testhost.New(t).Machine("nac", "10.0.0.1")
//	s, err := mdm.New(m, config, observer)
//	m.Advance(time.Hour)
//	if m.Traced("poll", "result=ok") != 1 { … }
//
// It has a virtual clock that moves only when the test says so, tasks that are coroutines and run one at a time,
// timers, signals, streams of random bytes that are the same in each run, stores in memory that outlive a crash, and
// a trace that the test can read.
//
// Of the network it has TCP connections between its machines, on which everything arrives at once. What opens UDP
// sockets, link-layer ports and HTTP returns [errors.ErrUnsupported]: a test that needs one of them embeds a [Machine]
// in a type of its own and writes that method with [World.After] and signals. Tasks never run in parallel, and a task
// that panics panics in the test.
package testhost

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
)

// Start is what the clock of a new world says.
var Start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// patience bounds how long Do waits for a task, on the clock of the world.
const patience = time.Hour

// A World is a clock, what is going to happen by it, and the machines that share it. It belongs to the goroutine of
// one test, and to the tasks that this goroutine runs.
type World struct {
	// Lines is the trace of all machines. The test may cut it.
	Lines []Line

	t        testing.TB
	now      time.Time
	queue    []*event // by time; at the same time, in the order in which they were added
	running  *task
	machines []*Machine

	names     map[string]netip.Addr
	listeners map[netip.AddrPort]*listener
	lastPort  uint16
}

// A Line is one line of the trace.
type Line struct {
	At      time.Time
	Machine string
	Kind    string
	Fields  string // "key=value key=value"
}

// String is the kind and the fields.
func (l Line) String() string { return strings.TrimSuffix(l.Kind+" "+l.Fields, " ") }

// New returns a world without machines. At the end of the test it takes down those that it got, and shows the trace
// if the test has failed.
func New(t testing.TB) *World {
	w := &World{t: t, now: Start, names: map[string]netip.Addr{}, listeners: map[netip.AddrPort]*listener{}, lastPort: 49151}
	t.Cleanup(func() {
		if t.Failed() {
			for _, l := range w.Lines {
				t.Logf("%12v %-8s %v", l.At.Sub(Start), l.Machine, l)
			}
		}
		for _, m := range w.machines {
			m.Crash()
		}
	})
	return w
}

// Now is the time on the clock of all machines.
func (w *World) Now() time.Time { return w.now }

// After calls f after d, whatever becomes of the machines. It is no task: it may start one or set a signal, but not
// block.
func (w *World) After(d time.Duration, f func()) { w.at(w.now.Add(d), nil, f) }

// Advance runs what happens in the next d, and leaves the clock at its end. A negative d sets the clock back.
func (w *World) Advance(d time.Duration) {
	end := w.now.Add(d)
	for w.step(end) {
	}
	w.now = end
}

// Traced counts the lines of the trace that contain all of the parts.
func (w *World) Traced(parts ...string) int {
	n := 0
	for _, l := range w.Lines {
		line := l.String()
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			n++
		}
	}
	return n
}

func (w *World) trace(machine, kind string, fields []slog.Attr) {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%s", f.Key, f.Value)
	}
	w.Lines = append(w.Lines, Line{w.now, machine, kind, b.String()})
}

// An event is something that is going to happen. It is the host.Timer of what a machine does.
type event struct {
	at  time.Time
	m   *Machine // whose crash prevents it, or nil
	run func()   // nil once it has happened or was stopped
}

// Stop prevents the event.
func (e *event) Stop() bool {
	stopped := e.run != nil && (e.m == nil || !e.m.down)
	e.run = nil
	return stopped
}

func (w *World) at(when time.Time, m *Machine, run func()) *event {
	if when.Before(w.now) {
		when = w.now
	}
	e := &event{when, m, run}
	i := sort.Search(len(w.queue), func(i int) bool { return w.queue[i].at.After(when) })
	w.queue = slices.Insert(w.queue, i, e)
	return e
}

// step runs the next event, unless there is none until end.
func (w *World) step(end time.Time) bool {
	if len(w.queue) == 0 || w.queue[0].at.After(end) {
		return false
	}
	e := w.queue[0]
	w.queue = w.queue[1:]
	if e.run != nil && (e.m == nil || !e.m.down) {
		run := e.run
		e.run = nil
		w.now = e.at
		run()
	}
	return true
}
