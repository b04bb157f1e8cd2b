// Package live is the world in which machines are real: tasks are goroutines on all cores, time is the wall
// clock, randomness is crypto/rand, datagrams are UDP, streams are TCP, HTTPS is TLS, and stores are files or in
// memory.
//
// # Addresses
//
// Programs use the same logical addresses as in the virtual world, for example 10.0.0.1:1812. Each socket is
// bound to a real address, by default 127.0.0.1 and a port that the operating system picks, and the world's
// address book translates: a datagram written to 10.0.0.1:1812 goes to the real address of that socket, and
// its reader sees the logical address of the sender. [Config.Bind] gives sockets real addresses of the user's
// choice, [Config.Remote] gives logical addresses to programs outside, and [Config.AllowExternal] lets
// machines talk to any real address as it is. Without them nothing gets in or out: what comes from an address
// that is not in the book is dropped.
//
// Cables and radio channels are carried as UDP datagrams between loopback sockets, one for each port.
//
// # Differences to the virtual world
//
// Stores write with a delay of at most a twentieth of a second, which is what the end of this process (not a
// crash of a machine by [World.Crash]) can lose. Streams carry the delays of the network as waiting time of
// the writer.
//
// All methods of a World may be called from any goroutine, but a machine's own tasks must not crash it and
// no task may close the world: both wait for the tasks to end.
package live

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/network"
	"nacsim/sim/trace"
)

// Config describes a world. The zero value is a world on loopback, in which nothing is recorded, every packet
// arrives at once, and stores are in memory.
type Config struct {
	// Recorder receives everything observable.
	Recorder *trace.Recorder
	// Network decides what happens to each packet between machines.
	Network *network.Model
	// Secrets hands the secrets of the TLS connections that machines prepare with TLS to the recorder.
	Secrets bool

	// Dir is the folder of the stores, DIR/MACHINE/STORE.db. It is created when needed. Empty keeps them in memory, where
	// they survive a crash of their machine but not the world.
	Dir string

	// Bind gives logical addresses the real addresses that their sockets are bound to, for example
	// 10.0.0.1:1812 → 0.0.0.0:1812. It holds for UDP and TCP. Logical port 0 stands for the sockets that ask
	// for any free port.
	Bind map[netip.AddrPort]netip.AddrPort
	// Remote gives programs outside of the world logical addresses: logical → real. It holds for UDP and TCP.
	Remote map[netip.AddrPort]netip.AddrPort
	// AllowExternal lets machines send to, and hear from, any real address and resolve any DNS name. Sockets
	// with port 0 are then bound to all interfaces.
	AllowExternal bool

	// MovableClock lets [World.Advance] move the clock, which makes waiting a little dearer.
	MovableClock bool

	// RootCAs verify HTTPS servers where a round trip does not say; nil means those of the system.
	RootCAs *x509.CertPool
}

// A World holds machines and the network between them.
type World struct {
	cfg      Config
	clock    clock
	udp, tcp book
	postman  postman
	links    links
	dialing  sync.RWMutex // held for reading from dialing until the book knows who dialed

	mu       sync.Mutex
	machines []*machine
	byName   map[string]*machine
	byAddr   map[netip.Addr]*machine
	dns      map[string]netip.Addr
	fault    error
	closed   bool

	failed chan struct{} // closed with the first fault
	ending chan struct{} // closed when Close begins
}

// New returns an empty world. Close it to stop what runs in it.
func New(cfg Config) *World {
	w := &World{
		cfg:    cfg,
		byName: map[string]*machine{},
		byAddr: map[netip.Addr]*machine{},
		dns:    map[string]netip.Addr{},
		failed: make(chan struct{}),
		ending: make(chan struct{}),
		clock:  clock{movable: cfg.MovableClock},
	}
	w.udp.init("udp", cfg.Remote)
	w.tcp.init("tcp", cfg.Remote)
	w.links.init()
	return w
}

// Now is the world's time.
func (w *World) Now() time.Time { return w.clock.now() }

// Advance moves the clock of a world with MovableClock forward, from alarm to alarm: what was to happen on the way, such as a function of
// AfterFunc or the end of a Sleep, happens in its order, at its time, and each function has ended, or waits for something, before the
// next is started. Deadlines of reads and writes that wait already stay at their time of the wall clock.
// It returns host.ErrDown when the world is closed meanwhile.
func (w *World) Advance(d time.Duration) error { return w.clock.advance(d, w.ending) }

// Name lets machines reach addr under a DNS name. Machines' own names are known without.
func (w *World) Name(dns string, addr netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dns[strings.ToLower(dns)] = addr
}

// AddHost adds a machine and boots it. The boot function opens the machine's sockets and starts its tasks; it
// must not block. Its error is returned and leaves the machine down. It runs again after each
// [World.Restart]. An invalid address makes a machine without IP.
func (w *World) AddHost(name string, addr netip.Addr, boot func(host.Host) error) error {
	m := &machine{w: w, name: name, addr: addr, boot: boot}
	if err := w.add(m); err != nil {
		return err
	}
	return m.start()
}

func (w *World) add(m *machine) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return host.ErrDown
	}
	if w.byName[m.name] != nil {
		return fmt.Errorf("live: machine %q exists already", m.name)
	}
	if m.addr.IsValid() {
		if other := w.byAddr[m.addr]; other != nil {
			return fmt.Errorf("live: %s and %s both have address %s", other.name, m.name, m.addr)
		}
		w.byAddr[m.addr] = m
		w.dns[strings.ToLower(m.name)] = m.addr
	}
	w.machines = append(w.machines, m)
	w.byName[m.name] = m
	return nil
}

func (w *World) machine(name string) (*machine, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m := w.byName[name]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("live: no machine %q", name)
}

// machineAt is the machine with an address, or nil.
func (w *World) machineAt(addr netip.Addr) *machine {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.byAddr[addr]
}

// Crash stops a machine: its tasks end with ErrDown, its sockets are gone, what it had not stored is lost. It returns when the tasks have ended, and with an error that names them
// when some have not after five seconds.
func (w *World) Crash(name string) error {
	m, err := w.machine(name)
	if err != nil {
		return err
	}
	return m.crash()
}

// Restart boots a machine that has crashed. Its stores are as they were.
func (w *World) Restart(name string) error {
	m, err := w.machine(name)
	if err != nil {
		return err
	}
	return m.restart()
}

// Run adds a machine of the given name, without IP, whose only task is main, and waits until that task has
// ended. It returns main's error, or the fault of a task that panicked.
func (w *World) Run(name string, main func(host.Host) error) error {
	done := make(chan error, 1)
	err := w.AddHost(name, netip.Addr{}, func(h host.Host) error {
		h.Go("main", func() { done <- main(h) })
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-w.failed:
		return w.Err()
	}
}

// RunUntil waits until cond is true, which it asks every few milliseconds from the calling goroutine. It
// returns a fault, or host.ErrTimeout when cond did not become true in time.
func (w *World) RunUntil(cond func() bool, max time.Duration) error {
	deadline := time.Now().Add(max)
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 5*time.Millisecond) {
		if err := w.Err(); err != nil {
			return err
		}
		if cond() {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return host.ErrTimeout
		}
		select {
		case <-time.After(min(pause, left)):
		case <-w.failed:
		}
	}
}

// Failed is closed when a task has panicked; Err says which.
func (w *World) Failed() <-chan struct{} { return w.failed }

// Err is the first fault: a task that panicked, with its stack. It is nil while there is none.
func (w *World) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault
}

func (w *World) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault == nil {
		w.fault = err
		close(w.failed)
	}
}

// Close shuts all machines down: tasks end with ErrDown, stores are written out, sockets are closed. It
// returns the first fault of the run, what could not be stored, and the names of tasks that have not ended
// after five seconds. Closing again does nothing.
func (w *World) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	close(w.ending)
	machines := slices.Clone(w.machines)
	w.mu.Unlock()

	for _, m := range machines {
		m.powerOff()
	}
	deadline := time.Now().Add(shutdownPatience)
	errs := []error{w.Err()}
	for _, m := range machines {
		errs = append(errs, m.shutDown(deadline))
	}
	w.postman.stop()
	return errors.Join(errs...)
}

// UDPAddr is the real address of the UDP socket with a logical address, for programs outside of the world.
func (w *World) UDPAddr(logical netip.AddrPort) (real netip.AddrPort, ok bool) {
	return w.udp.toReal(logical)
}

// TCPAddr is the real address of the TCP listener or HTTP server with a logical address.
func (w *World) TCPAddr(logical netip.AddrPort) (real netip.AddrPort, ok bool) {
	return w.tcp.toReal(logical)
}

func (w *World) emit(actor, kind string, fields ...slog.Attr) {
	if w.cfg.Recorder != nil {
		w.cfg.Recorder.Emit(w.Now(), actor, kind, fields...)
	}
}
