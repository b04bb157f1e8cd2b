// Package virtual is the world in which a day passes in milliseconds: machines whose tasks are coroutines on
// one event loop, a virtual clock, seeded randomness and a network that can delay, lose, duplicate and
// reorder. The same seed gives the same run, byte for byte.
//
// # The loop
//
// Events are ordered by (time, sequence). One event resumes one task, which runs until it blocks in a method
// of [host.Host] or ends; only then is the next event taken. No two tasks ever run at the same time, so what
// the Go scheduler does cannot show. The clock moves only between events.
//
// A World is used from one goroutine.
package virtual

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/network"
	"nacsim/sim/trace"
)

// Config describes a world. Recorder and Network may be nil: then nothing is recorded and every packet
// arrives at once.
type Config struct {
	// Start is the time on every machine's clock when the world begins.
	Start time.Time
	// Seed is the source of all randomness of the world.
	Seed uint64
	// Recorder receives everything observable.
	Recorder *trace.Recorder
	// Network decides what happens to each packet.
	Network *network.Model
	// Pace, when set, is called before the clock moves and may wait, for demonstrations.
	Pace func(time.Duration)
	// EventsPerInstant and Events bound a run that never comes to rest: events without the clock moving, and
	// events in all. Zero means 1,000,000 and 2,000,000,000.
	EventsPerInstant, Events uint64
}

// A World holds machines and the network between them.
type World struct {
	cfg     Config
	now     time.Duration
	seq     uint64
	queue   queue
	events  uint64 // taken so far
	instant uint64 // taken since the clock last moved
	current *task

	coroutines coroutines

	machines []*machine
	byName   map[string]*machine
	byAddr   map[netip.Addr]*machine
	dns      map[string]netip.Addr
	media    map[host.Medium]*medium
	failure  error
}

// New returns an empty world.
func New(cfg Config) *World {
	if cfg.EventsPerInstant == 0 {
		cfg.EventsPerInstant = 1_000_000
	}
	if cfg.Events == 0 {
		cfg.Events = 2_000_000_000
	}
	return &World{
		cfg:    cfg,
		byName: map[string]*machine{},
		byAddr: map[netip.Addr]*machine{},
		dns:    map[string]netip.Addr{},
		media:  map[host.Medium]*medium{},
	}
}

// Now is the world's time.
func (w *World) Now() time.Time { return w.cfg.Start.Add(w.now) }

// Exact says that durations are exact in this world, and that it repeats itself.
func (w *World) Exact() bool { return true }

// Rand returns a random stream of the world itself, for making what exists before its machines do, such as
// their certificates. Two calls with one name return the same octets.
func (w *World) Rand(stream string) io.Reader {
	return rand.NewChaCha8(w.derive("world", "", 0, stream))
}

// Name lets machines reach addr under a DNS name.
func (w *World) Name(dns string, addr netip.Addr) { w.dns[strings.ToLower(dns)] = addr }

// AddHost adds a machine and boots it. The boot function opens the machine's sockets and starts its tasks; it
// must not block. It runs again after each [World.Restart]. An invalid address makes a machine without IP.
func (w *World) AddHost(name string, addr netip.Addr, boot func(host.Host) error) error {
	if w.byName[name] != nil {
		return fmt.Errorf("virtual: machine %q exists already", name)
	}
	if addr.IsValid() && w.byAddr[addr] != nil {
		return fmt.Errorf("virtual: %s and %s both have address %s", w.byAddr[addr].name, name, addr)
	}
	m := &machine{w: w, name: name, addr: addr, boot: boot,
		stores: map[string]*store{}, wires: map[*machine]string{}}
	w.machines = append(w.machines, m)
	w.byName[name] = m
	if addr.IsValid() {
		w.byAddr[addr] = m
	}
	w.dns[strings.ToLower(name)] = addr
	return m.start()
}

// Crash stops a machine: its tasks are gone, its sockets are closed (TCP peers are reset, all else just falls
// silent), what it had not stored is lost. Tasks of the machine itself must not call it.
func (w *World) Crash(name string) error {
	m := w.byName[name]
	if m == nil {
		return fmt.Errorf("virtual: no machine %q", name)
	}
	if m.node == nil {
		return fmt.Errorf("virtual: %s is down already", name)
	}
	w.emit(name, "crash")
	m.node.crash()
	m.node = nil
	return w.failure
}

// Restart boots a machine that has crashed. Its stores are as they were.
func (w *World) Restart(name string) error {
	m := w.byName[name]
	if m == nil {
		return fmt.Errorf("virtual: no machine %q", name)
	}
	if m.node != nil {
		return fmt.Errorf("virtual: %s is running; crash it first", name)
	}
	w.emit(name, "restart")
	return m.start()
}

// Run adds a machine of the given name whose only task is main, and runs the world until that task has ended.
// It returns main's error, or the fault that stopped the world: a task that panicked, a run that never
// came to rest, or tasks that all wait for each other.
func (w *World) Run(name string, main func(host.Host) error) error {
	var result error
	done := false
	err := w.AddHost(name, netip.Addr{}, func(h host.Host) error {
		h.Go("main", func() {
			result = main(h)
			done = true
		})
		return nil
	})
	if err != nil {
		return err
	}
	for !done {
		more, err := w.step()
		if err != nil {
			return err
		}
		if !more {
			return fmt.Errorf("virtual: at %v nothing is left to happen but %s waits for it; %s", w.now, name, w.pending())
		}
	}
	return result
}

// RunUntil runs the world until cond is true, at most for limit of virtual time. It reports a fault, or
// [host.ErrTimeout] when cond did not become true.
func (w *World) RunUntil(cond func() bool, limit time.Duration) error {
	end := w.now + limit
	for !cond() {
		if w.failure != nil {
			return w.failure
		}
		if len(w.queue) == 0 || w.queue[0].at > end {
			w.now = max(w.now, end)
			if cond() {
				return nil
			}
			return host.ErrTimeout
		}
		if _, err := w.step(); err != nil {
			return err
		}
	}
	return w.failure
}

// Close stops all tasks. The world is of no use afterwards.
func (w *World) Close() error {
	w.cfg.Recorder, w.cfg.Network = nil, nil // the end of the world is no part of the run
	for _, m := range slices.Backward(w.machines) {
		if m.node != nil {
			m.node.crash()
			m.node = nil
		}
	}
	w.coroutines.close()
	w.queue = nil
	return w.failure
}

// step takes one event. It reports whether there was one.
func (w *World) step() (bool, error) {
	if w.failure != nil {
		return false, w.failure
	}
	if len(w.queue) == 0 {
		return false, nil
	}
	e := w.queue.pop()
	if e.task != nil && !e.task.due(e) {
		return true, nil
	}
	if e.at > w.now {
		if w.cfg.Pace != nil {
			w.cfg.Pace(e.at - w.now)
		}
		w.now = e.at
		w.instant = 0
	}
	w.events++
	w.instant++
	if w.instant > w.cfg.EventsPerInstant || w.events > w.cfg.Events {
		w.failure = w.restless()
		return false, w.failure
	}
	if e.task != nil {
		w.resume(e.task)
	} else {
		e.run()
	}
	return true, w.failure
}

func (w *World) restless() error {
	if w.instant > w.cfg.EventsPerInstant {
		return fmt.Errorf("virtual: the world never comes to rest: %d events at %v without the clock moving; %s", w.instant-1, w.now, w.pending())
	}
	return fmt.Errorf("virtual: the world never comes to rest: %d events by %v; %s", w.events-1, w.now, w.pending())
}

// pending describes every task and what it waits for, for the reader of a run that got stuck.
func (w *World) pending() string {
	var lines []string
	for _, m := range w.machines {
		if m.node == nil {
			continue
		}
		for t := m.node.first; t != nil; t = t.nextTask {
			lines = append(lines, t.String())
		}
	}
	const shown = 40
	if len(lines) > shown {
		lines = append(lines[:shown], fmt.Sprintf("and %d more", len(lines)-shown))
	}
	if len(lines) == 0 {
		return "no task is left"
	}
	return "pending: " + strings.Join(lines, "; ")
}

// after schedules a plain function.
func (w *World) after(d time.Duration, f func()) {
	w.schedule(event{at: w.now + max(d, 0), run: f})
}

func (w *World) schedule(e event) {
	w.seq++
	e.seq = w.seq
	w.queue.push(e)
}

func (w *World) fail(err error) {
	if w.failure == nil {
		w.failure = err
	}
}

func (w *World) emit(actor, kind string, fields ...slog.Attr) {
	if w.cfg.Recorder != nil {
		w.cfg.Recorder.Emit(w.Now(), actor, kind, fields...)
	}
}

// plan asks the network what happens to a packet, and writes the packet to the trace.
func (w *World) plan(p trace.Packet) []network.Delivery {
	p.Time = w.Now()
	deliveries := oneNow
	if w.cfg.Network != nil {
		deliveries = w.cfg.Network.Plan(p)
	}
	if w.cfg.Recorder != nil {
		p.Fate, p.Note = network.Fate(deliveries)
		w.cfg.Recorder.Packet(p)
	}
	return deliveries
}

var oneNow = []network.Delivery{{}}

// errBootBlocked is returned when a machine's boot function blocked.
var errBootBlocked = errors.New("virtual: the boot function blocked; let it start a task instead")
