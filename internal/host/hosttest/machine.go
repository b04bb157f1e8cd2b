package hosttest

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"

	"nacsim/internal/host"
)

var machineTests = []test{
	{"Name and Addr are those of AddHost", func(s *stage) {
		s.solo(func(h host.Host) error {
			if h.Name() != "solo" || h.Addr() != ip(1) {
				return fmt.Errorf("Name, Addr = %q, %v", h.Name(), h.Addr())
			}
			if h.Parallelism() < 1 {
				return fmt.Errorf("Parallelism = %d", h.Parallelism())
			}
			h.Trace("test", slog.String("field", "value"))
			return nil
		})
	}},
	{"a name or an address is given once", func(s *stage) {
		boot := func(host.Host) error { return nil }
		s.host("a", boot)
		if err := s.w.AddHost("a", s.next(), boot); err == nil {
			s.t.Error("AddHost accepts a name twice")
		}
		if err := s.w.AddHost("b", ip(1), boot); err == nil {
			s.t.Error("AddHost accepts an address twice")
		}
	}},
	{"an error of the boot function leaves the machine down", func(s *stage) {
		broken := errors.New("cannot boot")
		fail := true
		boot := func(h host.Host) error {
			if fail {
				return broken
			}
			s.task(h, "work", func() error { return nil })
			return nil
		}
		if err := s.w.AddHost("a", s.next(), boot); !errors.Is(err, broken) {
			s.t.Errorf("AddHost = %v, want %v", err, broken)
		}
		fail = false
		if err := s.w.Restart("a"); err != nil {
			s.t.Errorf("Restart = %v", err)
		}
		s.finish()
	}},
	{"Run returns what main returns", func(s *stage) {
		wrong := errors.New("wrong")
		err := s.w.Run("runner", func(h host.Host) error {
			return first(h.Sleep(1), wrong)
		})
		if !errors.Is(err, wrong) {
			s.t.Errorf("Run = %v, want %v", err, wrong)
		}
		if err := s.w.Run("runner-2", func(h host.Host) error { return h.Sleep(0) }); err != nil {
			s.t.Errorf("Run = %v", err)
		}
	}},
	{"a machine without an address has no sockets", func(s *stage) {
		err := s.w.AddHost("dumb", netip.Addr{}, func(h host.Host) error {
			if h.Addr().IsValid() {
				s.t.Errorf("Addr = %v, want none", h.Addr())
			}
			if _, err := h.ListenPacket(netip.AddrPort{}); err == nil {
				s.t.Error("ListenPacket works without an address")
			}
			if _, err := h.Listen(netip.AddrPort{}); err == nil {
				s.t.Error("Listen works without an address")
			}
			return nil
		})
		if err != nil {
			s.t.Error(err)
		}
	}},
	{"tasks start tasks", func(s *stage) {
		s.solo(func(h host.Host) error {
			done := h.NewSignal()
			h.Go("outer", func() {
				s.note("outer")
				h.Go("inner", func() {
					s.note("inner")
					done.Set()
				})
			})
			return done.Wait(h.Now().Add(patience))
		})
		if got := s.noted(); !slices.Equal(got, []string{"outer", "inner"}) {
			s.t.Errorf("tasks ran: %q", got)
		}
	}},
	{"a task that panics is a fault of the run, with its stack", func(s *stage) {
		s.faulty = true
		s.host("a", func(h host.Host) error {
			h.Go("faulty", func() {
				_ = h.Sleep(1)
				panicInTask()
			})
			return nil
		})
		err := s.w.RunUntil(func() bool { return false }, patience)
		s.wantFault(err, "the third wheel came off", "panicInTask")
	}},
	{"a timer that panics is a fault of the run", func(s *stage) {
		s.faulty = true
		s.host("a", func(h host.Host) error {
			h.AfterFunc(1, panicInTask)
			return nil
		})
		err := s.w.RunUntil(func() bool { return false }, patience)
		s.wantFault(err, "the third wheel came off", "panicInTask")
	}},
	{"a boot function that panics is an error of AddHost", func(s *stage) {
		s.faulty = true
		err := s.w.AddHost("a", s.next(), func(host.Host) error {
			panicInTask()
			return nil
		})
		s.wantFault(err, "the third wheel came off", "panicInTask")
	}},
}

func panicInTask() { panic("the third wheel came off") }

func (s *stage) wantFault(err error, parts ...string) {
	s.t.Helper()
	if err == nil || errors.Is(err, host.ErrTimeout) {
		s.t.Fatalf("a panic was reported as %v", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			s.t.Errorf("the fault does not mention %q:\n%v", p, err)
		}
	}
}
