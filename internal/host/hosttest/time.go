package hosttest

import (
	"fmt"
	"slices"
	"time"

	"nacsim/internal/host"
)

var timeTests = []test{
	{"Sleep takes its time", func(s *stage) {
		s.solo(func(h host.Host) error {
			for _, d := range []time.Duration{time.Nanosecond, time.Millisecond, 20 * time.Millisecond} {
				start := h.Now()
				if err := h.Sleep(d); err != nil {
					return err
				}
				if err := s.took(h, start, d); err != nil {
					return fmt.Errorf("Sleep(%v): %w", d, err)
				}
			}
			return nil
		})
	}},
	{"sleepers wake in the order of their times", func(s *stage) {
		s.host("a", func(h host.Host) error {
			for _, n := range []int{3, 1, 2} {
				s.task(h, "sleeper", func() error {
					start, d := h.Now(), time.Duration(n)*30*time.Millisecond
					if err := h.Sleep(d); err != nil {
						return err
					}
					s.note("%d", n)
					return s.took(h, start, d)
				})
			}
			return nil
		})
		s.finish()
		got := s.noted()
		if !s.exact() {
			// A busy machine may let two of them oversleep and run in any order.
			slices.Sort(got)
		}
		if !slices.Equal(got, []string{"1", "2", "3"}) {
			s.t.Errorf("woke in order %q", got)
		}
	}},
	{"tasks that are due at the same time run in the order in which they were started", func(s *stage) {
		if !s.exact() {
			s.t.Skip("the world runs tasks in parallel")
		}
		s.host("a", func(h host.Host) error {
			for n := range 5 {
				s.task(h, "sleeper", func() error {
					s.note("start %d", n)
					err := h.Sleep(time.Second)
					s.note("wake %d", n)
					return err
				})
			}
			return nil
		})
		s.finish()
		want := []string{"start 0", "start 1", "start 2", "start 3", "start 4", "wake 0", "wake 1", "wake 2", "wake 3", "wake 4"}
		if got := s.noted(); !slices.Equal(got, want) {
			s.t.Errorf("order %q", got)
		}
	}},
	{"a non-positive Sleep lets the others run", func(s *stage) {
		s.solo(func(h host.Host) error {
			h.Go("other", func() { s.note("ran") })
			for start := h.Now(); len(s.noted()) == 0; {
				if err := first(h.Sleep(0), h.Sleep(-time.Second)); err != nil {
					return err
				}
				if h.Now().Sub(start) > patience {
					return fmt.Errorf("the other task never ran")
				}
			}
			return nil
		})
	}},
	{"AfterFunc runs a task later", func(s *stage) {
		s.solo(func(h host.Host) error {
			start, done := h.Now(), h.NewSignal()
			timer := h.AfterFunc(15*time.Millisecond, func() {
				if err := first(s.took(h, start, 15*time.Millisecond), h.Sleep(time.Millisecond)); err != nil {
					s.note("%v", err)
				}
				done.Set()
			})
			if err := done.Wait(start.Add(patience)); err != nil {
				return err
			}
			if got := s.noted(); len(got) > 0 {
				return fmt.Errorf("in the timer: %q", got)
			}
			if timer.Stop() {
				return fmt.Errorf("Stop after the run = true")
			}
			return nil
		})
	}},
	{"Stop prevents the run, once", func(s *stage) {
		s.solo(func(h host.Host) error {
			timer := h.AfterFunc(20*time.Millisecond, func() { s.note("ran") })
			if !timer.Stop() {
				return fmt.Errorf("first Stop = false")
			}
			if timer.Stop() {
				return fmt.Errorf("second Stop = true")
			}
			if err := h.Sleep(40 * time.Millisecond); err != nil {
				return err
			}
			if got := s.noted(); len(got) > 0 {
				return fmt.Errorf("a stopped timer %q", got)
			}
			return nil
		})
	}},
}

// took checks that d has passed since start; an exact world must be exact.
func (s *stage) took(h host.Host, start time.Time, d time.Duration) error {
	got := h.Now().Sub(start)
	if got < d || (s.exact() && got != d) {
		return fmt.Errorf("%v passed, want %v", got, d)
	}
	return nil
}

var signalTests = []test{
	{"Set before Wait wakes the next to wait, once", func(s *stage) {
		s.solo(func(h host.Host) error {
			sig := h.NewSignal()
			sig.Set()
			sig.Set()
			if err := sig.Wait(time.Time{}); err != nil {
				return err
			}
			start := h.Now()
			err := sig.Wait(start.Add(10 * time.Millisecond))
			return first(expect("Wait on a signal that was reset", err, host.ErrTimeout),
				s.took(h, start, 10*time.Millisecond))
		})
	}},
	{"Set wakes one waiting task", func(s *stage) {
		s.host("a", func(h host.Host) error {
			sig, woke := h.NewSignal(), h.NewSignal()
			for range 3 {
				s.task(h, "waiter", func() error {
					err := sig.Wait(time.Time{})
					s.note("woke")
					woke.Set()
					return err
				})
			}
			s.task(h, "setter", func() error {
				for n := 1; n <= 3; n++ {
					// Time for a second, wrong waiter to come forward.
					if err := h.Sleep(5 * time.Millisecond); err != nil {
						return err
					}
					if got := len(s.noted()); got != n-1 {
						return fmt.Errorf("%d tasks woke after %d calls of Set", got, n-1)
					}
					sig.Set()
					if err := woke.Wait(h.Now().Add(patience)); err != nil {
						return err
					}
				}
				return nil
			})
			return nil
		})
		s.finish()
	}},
	{"a signal can be waited for again after a timeout", func(s *stage) {
		s.solo(func(h host.Host) error {
			sig := h.NewSignal()
			err := sig.Wait(h.Now().Add(time.Millisecond))
			if err := expect("Wait", err, host.ErrTimeout); err != nil {
				return err
			}
			h.AfterFunc(time.Millisecond, sig.Set)
			return sig.Wait(h.Now().Add(patience))
		})
	}},
	{"a deadline that has passed times out", func(s *stage) {
		s.solo(func(h host.Host) error {
			return expect("Wait", h.NewSignal().Wait(h.Now().Add(-time.Second)), host.ErrTimeout)
		})
	}},
}
