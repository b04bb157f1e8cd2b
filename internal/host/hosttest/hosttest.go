// Package hosttest checks that a world keeps the contract of package host. Both worlds of package sim run the
// same suite, so that a program cannot tell which one it is in.
//
//	func TestHost(t *testing.T) {
//		hosttest.Run(t, func(t *testing.T) hosttest.World { return live.New(live.Config{}) })
//	}
package hosttest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"nacsim/internal/host"
)

// A World is what the suite needs of a world under test.
type World interface {
	// AddHost adds a machine and boots it; boot's error is returned and leaves the machine down. An invalid
	// address makes a machine without IP.
	AddHost(name string, addr netip.Addr, boot func(host.Host) error) error
	// Name lets machines reach addr under a DNS name.
	Name(dns string, addr netip.Addr)
	// Crash stops a machine as a power failure does. It is called from the goroutine of the test only.
	Crash(name string) error
	// Restart boots a machine that has crashed.
	Restart(name string) error
	// Run adds a machine whose only task is main, and runs the world until it has ended.
	Run(name string, main func(host.Host) error) error
	// RunUntil runs the world until cond is true, for at most max of its time. It returns an error that is
	// host.ErrTimeout when cond did not become true, or the fault of a task that panicked.
	RunUntil(cond func() bool, max time.Duration) error
	// Close stops the world.
	Close() error
}

// Exact is implemented by a world whose clock moves only between events. Its tasks must wake at exactly the
// time they asked for and in that order; those of another world may wake late.
type Exact interface{ Exact() bool }

// patience bounds every wait of the suite in time of the world. It is reached only by a test that fails.
const patience = 20 * time.Second

// groups are the promises by subject.
var groups = []struct {
	name  string
	tests []test
}{
	{"Machine", machineTests},
	{"Time", timeTests},
	{"Signal", signalTests},
	{"Packet", packetTests},
	{"Stream", streamTests},
	{"HTTP", httpTests},
	{"Frame", frameTests},
	{"Rand", randTests},
	{"TLS", tlsTests},
	{"Store", storeTests},
	{"Crash", crashTests},
}

// Run checks every promise of package host in worlds made by newWorld, each in a subtest with a world of its
// own. The suite closes the worlds. A world that keeps only some of the promises names the groups, for example
// "Time" and "Store".
func Run(t *testing.T, newWorld func(t *testing.T) World, only ...string) {
	for _, group := range groups {
		if len(only) > 0 && !slices.Contains(only, group.name) {
			continue
		}
		t.Run(group.name, func(t *testing.T) {
			for _, tt := range group.tests {
				t.Run(tt.name, func(t *testing.T) {
					s := &stage{t: t, w: newWorld(t), newWorld: newWorld}
					tt.run(s)
					s.close()
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*stage)
}

// A stage is one world under test with the machines 10.9.0.1, 10.9.0.2, … and the tasks that must succeed.
type stage struct {
	t        *testing.T
	w        World
	newWorld func(t *testing.T) World
	hosts    byte
	faulty   bool // the test provokes a fault, so Close may report it

	mu       sync.Mutex
	open     int
	failures []string
	notes    []string
}

// host adds the next machine.
func (s *stage) host(name string, boot func(h host.Host) error) {
	s.t.Helper()
	if err := s.w.AddHost(name, s.next(), boot); err != nil {
		s.t.Fatalf("AddHost(%s): %v", name, err)
	}
}

// next is the address of the next machine.
func (s *stage) next() netip.Addr {
	s.hosts++
	return ip(s.hosts)
}

func ip(last byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 9, 0, last}) }

func at(last byte, port uint16) netip.AddrPort { return netip.AddrPortFrom(ip(last), port) }

// task starts a task that must end without error before the test does.
func (s *stage) task(h host.Host, name string, f func() error) {
	s.mu.Lock()
	s.open++
	s.mu.Unlock()
	h.Go(name, func() {
		err := f()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
		if err != nil {
			s.failures = append(s.failures, fmt.Sprintf("%s/%s: %v", h.Name(), name, err))
		}
	})
}

// solo runs a test that needs one machine and one task.
func (s *stage) solo(f func(h host.Host) error) {
	s.t.Helper()
	s.host("solo", func(h host.Host) error {
		s.task(h, "test", func() error { return f(h) })
		return nil
	})
	s.finish()
}

// finish runs the world until all tasks have ended, and reports what failed.
func (s *stage) finish() {
	s.t.Helper()
	err := s.w.RunUntil(func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.open == 0 || len(s.failures) > 0
	}, patience)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.failures {
		s.t.Error(f)
	}
	if err != nil {
		s.t.Fatalf("%d tasks have not ended: %v", s.open, err)
	}
	if s.t.Failed() {
		s.t.FailNow()
	}
}

// until runs the world until cond is true.
func (s *stage) until(what string, cond func() bool) {
	s.t.Helper()
	if err := s.w.RunUntil(cond, patience); err != nil {
		s.t.Fatalf("waiting until %s: %v", what, err)
	}
}

// settle lets d of world time pass.
func (s *stage) settle(d time.Duration) {
	s.t.Helper()
	if err := s.w.RunUntil(func() bool { return false }, d); !errors.Is(err, host.ErrTimeout) {
		s.t.Fatalf("RunUntil with a condition that is never true = %v, want ErrTimeout", err)
	}
}

// note adds to the list that the test looks at.
func (s *stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *stage) noted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.notes...)
}

// untilNotes runs the world until n notes have been taken.
func (s *stage) untilNotes(n int) {
	s.t.Helper()
	if err := s.w.RunUntil(func() bool { return len(s.noted()) >= n }, patience); err != nil {
		s.t.Fatalf("waiting for %d notes: %v; have %q", n, err, s.noted())
	}
}

func (s *stage) exact() bool {
	e, ok := s.w.(Exact)
	return ok && e.Exact()
}

func (s *stage) close() {
	s.t.Helper()
	if err := s.w.Close(); err != nil && !s.faulty {
		s.t.Errorf("Close: %v", err)
	}
}

// expect returns an error unless got is the error wanted.
func expect(what string, got, want error) error {
	if !errors.Is(got, want) || (want == nil && got != nil) {
		return fmt.Errorf("%s = %v, want %v", what, got, want)
	}
	return nil
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
