package virtual

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"nacsim/internal/host"
)

// A machine is what stays through crashes: its name, address, boot function and stores.
type machine struct {
	w      *World
	name   string
	addr   netip.Addr
	boot   func(host.Host) error
	boots  uint64
	stores map[string]*store
	wires  map[*machine]string // names of the paths to other machines, see wireTo
	node   *node               // nil while down
}

// A node is one boot of a machine, from start to crash. It implements host.Host.
type node struct {
	m    *machine
	down bool

	first, last *task // in order of start

	packets   map[uint16]*packetConn
	listeners map[uint16]*listener
	servers   map[uint16]*httpServer
	conns     []*conn
	ports     []*port
	ephemeral uint16

	streams map[string]*rand.ChaCha8
}

var _ host.Host = (*node)(nil)

// start boots the machine.
func (m *machine) start() error {
	m.boots++
	n := &node{
		m:         m,
		packets:   map[uint16]*packetConn{},
		listeners: map[uint16]*listener{},
		servers:   map[uint16]*httpServer{},
		ephemeral: 49151,
		streams:   map[string]*rand.ChaCha8{},
	}
	m.node = n
	var err error
	t := n.newTask("boot", func() { err = m.boot(n) })
	m.w.resume(t)
	failure := err
	if t.parked {
		failure = fmt.Errorf("%w (%s)", errBootBlocked, t)
	} else if err == nil {
		failure = m.w.failure
	}
	if failure != nil {
		n.crash()
		m.node = nil
	}
	return failure
}

// crash ends the boot: first everything that could still act is marked, then the tasks are unwound.
func (n *node) crash() {
	n.down = true
	for n.first != nil {
		t := n.first
		n.remove(t)
		t.stop()
	}
	n.closeSockets()
	n.streams = nil
}

func (n *node) add(t *task) {
	if n.last == nil {
		n.first = t
	} else {
		n.last.nextTask, t.prevTask = t, n.last
	}
	n.last = t
}

func (n *node) remove(t *task) {
	if t.prevTask == nil && n.first != t {
		return // removed by the crash
	}
	if t.prevTask != nil {
		t.prevTask.nextTask = t.nextTask
	} else {
		n.first = t.nextTask
	}
	if t.nextTask != nil {
		t.nextTask.prevTask = t.prevTask
	} else {
		n.last = t.prevTask
	}
	t.nextTask, t.prevTask = nil, nil
}

func (n *node) Name() string     { return n.m.name }
func (n *node) Addr() netip.Addr { return n.m.addr }
func (n *node) Now() time.Time   { return n.m.w.Now() }
func (n *node) Parallelism() int { return 1 }

func (n *node) Sleep(d time.Duration) error {
	err := n.park("sleeping", nil, n.Now().Add(max(d, 0)))
	if err == host.ErrTimeout {
		return nil
	}
	return err
}

func (n *node) Go(name string, f func()) {
	if n.down {
		return
	}
	w := n.m.w
	w.schedule(event{at: w.now, task: n.newTask(name, f)})
}

// timer is an AfterFunc.
type timer struct {
	n       *node
	f       func()
	stopped bool
	started bool
}

func (t *timer) Stop() bool {
	was := t.stopped || t.started
	t.stopped = true
	t.f = nil
	return !was && !t.n.down
}

func (n *node) AfterFunc(d time.Duration, f func()) host.Timer {
	t := &timer{n: n, f: f}
	n.m.w.after(d, func() {
		if t.stopped || n.down {
			return
		}
		t.started = true
		n.m.w.resume(n.newTask("timer", t.f))
	})
	return t
}

// signal is an auto-reset event.
type signal struct {
	n       *node
	set     bool
	waiting waiters
}

func (n *node) NewSignal() host.Signal { return &signal{n: n} }

func (s *signal) Set() {
	if !s.waiting.wakeOne() {
		s.set = true
	}
}

func (s *signal) Wait(deadline time.Time) error {
	if s.n.down {
		return host.ErrDown
	}
	if s.set {
		s.set = false
		return nil
	}
	return s.waiting.wait(s.n, "waiting for a signal", nil, deadline)
}

// Rand derives each stream from the world's seed by name, so that a new one shifts no other.
func (n *node) Rand(name string) io.Reader { return n.stream(name) }

func (n *node) stream(name string) *rand.ChaCha8 {
	if s := n.streams[name]; s != nil {
		return s
	}
	s := rand.NewChaCha8(n.m.w.derive("host", n.m.name, n.m.boots, name))
	if !n.down {
		n.streams[name] = s
	}
	return s
}

// derive makes the key of a random stream out of the world's seed and the stream's path.
func (w *World) derive(kind, name string, number uint64, stream string) [32]byte {
	h := sha256.New()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], w.cfg.Seed)
	h.Write(b[:])
	binary.BigEndian.PutUint64(b[:], number)
	h.Write(b[:])
	for _, s := range []string{kind, name, stream} {
		io.WriteString(h, s)
		h.Write([]byte{0})
	}
	return [32]byte(h.Sum(nil))
}

func (n *node) Trace(kind string, fields ...slog.Attr) {
	if !n.down {
		n.m.w.emit(n.m.name, kind, fields...)
	}
}

// Tracing is true, so that a run is numbered alike whoever listens.
func (n *node) Tracing(string) bool { return true }
