package live

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/internal/host"
)

// shutdownPatience is how long a machine's tasks may take to notice that it is down, and bootPatience how long
// a boot function may take that must not block.
const (
	shutdownPatience = 5 * time.Second
	bootPatience     = time.Minute // a large tenant takes seconds where others work too
)

// A machine is what stays through crashes: its name, address and boot function. Its stores stay in files, or in memory.
type machine struct {
	w    *World
	name string
	addr netip.Addr
	boot func(host.Host) error

	life sync.Mutex // held while booting, crashing and shutting down
	node atomic.Pointer[node]

	memoriesMu sync.Mutex
	memories   map[string]*memory // stores of a world without a folder, by name
}

// A node is one boot of a machine, from start to crash. It implements host.Host.
type node struct {
	m      *machine
	ctx    context.Context // done when the node is down
	cancel context.CancelFunc
	down   atomic.Bool

	mu      sync.Mutex
	tasks   map[*task]struct{}
	ended   chan struct{} // closed when the node is down and its tasks have ended
	timers  map[*timer]struct{}
	sockets map[socket]struct{}
	stores  map[string]*store

	client httpClient
}

var _ host.Host = (*node)(nil)

// A socket is anything of a node that holds a file descriptor. abort closes it as a crash does.
type socket interface {
	Close() error
	abort()
}

type task struct{ name string }

// start boots the machine.
func (m *machine) start() error {
	m.life.Lock()
	defer m.life.Unlock()
	return m.startLocked()
}

func (m *machine) startLocked() error {
	n := &node{
		m: m, tasks: map[*task]struct{}{}, ended: make(chan struct{}), timers: map[*timer]struct{}{},
		sockets: map[socket]struct{}{}, stores: map[string]*store{},
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	m.node.Store(n)
	m.w.mu.Lock()
	closed := m.w.closed
	m.w.mu.Unlock()
	if closed { // Close may have looked before the node was there
		n.cut(false)
		return host.ErrDown
	}
	done := make(chan error, 1)
	n.Go("boot", func() {
		err := fmt.Errorf("live: the boot function of %s did not return", m.name)
		defer func() { done <- err }()
		err = n.guard("boot", func() error { return m.boot(n) })
	})
	late := time.NewTimer(bootPatience)
	defer late.Stop()
	var err error
	select {
	case err = <-done:
	case <-n.ctx.Done():
		err = host.ErrDown
	case <-late.C:
		err = fmt.Errorf("live: the boot function of %s has not returned after %v; let it start a task instead of blocking", m.name, bootPatience)
	}
	if err != nil {
		err = errors.Join(err, m.stop(true, time.Now().Add(shutdownPatience)))
	}
	return err
}

func (m *machine) crash() error {
	m.life.Lock()
	defer m.life.Unlock()
	if m.node.Load() == nil {
		return fmt.Errorf("live: %s is down already", m.name)
	}
	m.w.emit(m.name, "crash")
	return m.stop(true, time.Now().Add(shutdownPatience))
}

func (m *machine) restart() error {
	m.life.Lock()
	defer m.life.Unlock()
	if m.node.Load() != nil {
		return fmt.Errorf("live: %s is running; crash it first", m.name)
	}
	m.w.emit(m.name, "restart")
	return m.startLocked()
}

// powerOff begins a shutdown: from now on every call of the machine's tasks returns ErrDown.
func (m *machine) powerOff() {
	if n := m.node.Load(); n != nil {
		n.cut(false)
	}
}

// shutDown completes it: stores are written out.
func (m *machine) shutDown(deadline time.Time) error {
	m.life.Lock()
	defer m.life.Unlock()
	return m.stop(false, deadline)
}

// stop takes the machine down, waits for its tasks and closes its stores, of which nothing is lost.
func (m *machine) stop(crash bool, deadline time.Time) error {
	n := m.node.Load()
	if n == nil {
		return nil
	}
	n.cut(crash)
	err := n.wait(deadline)
	n.mu.Lock()
	stores := n.stores
	n.stores = nil
	n.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		err = errors.Join(err, stores[name].close())
	}
	m.node.Store(nil)
	return err
}

// cut marks the node as down and closes what its tasks may wait for.
func (n *node) cut(crash bool) {
	n.mu.Lock()
	if !n.down.Swap(true) && len(n.tasks) == 0 {
		close(n.ended)
	}
	sockets, timers := n.sockets, n.timers
	n.sockets, n.timers = map[socket]struct{}{}, map[*timer]struct{}{}
	n.mu.Unlock()

	n.cancel()
	for t := range timers {
		t.t.Stop()
	}
	for s := range sockets {
		if crash {
			s.abort()
		} else {
			s.Close()
		}
	}
	n.client.close()
}

// wait waits for the tasks of a node that is down.
func (n *node) wait(deadline time.Time) error {
	late := time.NewTimer(time.Until(deadline))
	defer late.Stop()
	select {
	case <-n.ended:
		return nil
	case <-late.C:
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var names []string
	for t := range n.tasks {
		names = append(names, n.m.name+"/"+t.name)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("live: tasks still run %v after their machine went down: %s", shutdownPatience, strings.Join(names, ", "))
}

// begin registers a task; nil means that the node is down.
func (n *node) begin(name string) *task {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down.Load() {
		return nil
	}
	t := &task{name}
	n.tasks[t] = struct{}{}
	return t
}

func (n *node) end(t *task) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.tasks, t)
	if n.down.Load() && len(n.tasks) == 0 {
		close(n.ended)
	}
}

// guard runs f and makes a panic a fault of the world, which it returns.
func (n *node) guard(name string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("live: task %s/%s panicked: %v\n%s", n.m.name, name, r, debug.Stack())
			n.m.w.fail(err)
		}
	}()
	return f()
}

// Go starts a goroutine.
func (n *node) Go(name string, f func()) {
	t := n.begin(name)
	if t == nil {
		return
	}
	go func() {
		defer n.end(t)
		_ = n.guard(name, func() error { f(); return nil })
	}()
}

// own registers a socket, so that it is closed when the node goes down. It returns ErrDown, and the caller
// closes the socket, when the node is down already.
func (n *node) own(s socket) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down.Load() {
		return host.ErrDown
	}
	n.sockets[s] = struct{}{}
	return nil
}

func (n *node) disown(s socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.sockets, s)
}

func (n *node) Name() string     { return n.m.name }
func (n *node) Addr() netip.Addr { return n.m.addr }
func (n *node) Parallelism() int { return runtime.GOMAXPROCS(0) }

// Rand is the operating system's randomness for every stream.
func (n *node) Rand(string) io.Reader { return rand.Reader }

func (n *node) Trace(kind string, fields ...slog.Attr) {
	if !n.down.Load() {
		n.m.w.emit(n.m.name, kind, fields...)
	}
}

func (n *node) Tracing(kind string) bool {
	r := n.m.w.cfg.Recorder
	return r != nil && r.Wanted(kind)
}
