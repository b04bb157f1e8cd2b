package virtual_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/virtual"
)

// settled waits until the goroutines that have been told to end are gone, and returns how many there are. An
// iter.Pull coroutine counts as one.
func settled(want int) int {
	for range 1000 {
		if runtime.NumGoroutine() <= want {
			break
		}
		runtime.Gosched()
	}
	return runtime.NumGoroutine()
}

func TestCoroutinesAreUsedAgain(t *testing.T) {
	before := runtime.NumGoroutine()
	w := virtual.New(virtual.Config{Start: start})
	err := w.Run("main", func(h host.Host) error {
		for range 10_000 {
			h.Go("short", func() { h.Sleep(time.Millisecond) })
			if err := h.Sleep(2 * time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	})
	if n := runtime.NumGoroutine() - before; err != nil || n > 3 {
		t.Errorf("ten thousand short tasks, two at a time, left %d coroutines (%v)", n, err)
	}
	w.Close()
	if n := settled(before); n > before {
		t.Errorf("%d coroutines outlive their world", n-before)
	}
}

func TestIdleCoroutinesAreBounded(t *testing.T) {
	before := runtime.NumGoroutine()
	w := virtual.New(virtual.Config{Start: start})
	err := w.Run("main", func(h host.Host) error {
		for range 5000 {
			h.Go("at once", func() { h.Sleep(time.Second) })
		}
		return h.Sleep(time.Minute)
	})
	if n := settled(before+100) - before; err != nil || n > 100 {
		t.Errorf("%d coroutines wait for a task (%v)", n, err)
	}
	w.Close()
	if n := settled(before); n > before {
		t.Errorf("%d coroutines outlive their world", n-before)
	}
}

// A crash unwinds the tasks of the machine; none of them may run on, and none of their coroutines be used again
// while it is still being unwound.
func TestCoroutinesOfACrash(t *testing.T) {
	before := runtime.NumGoroutine()
	w := virtual.New(virtual.Config{Start: start})
	unwound := 0
	boot := func(h host.Host) error {
		for range 100 {
			h.Go("sleeper", func() {
				defer func() { unwound++ }()
				if err := h.Sleep(time.Hour); !errors.Is(err, host.ErrDown) {
					t.Errorf("Sleep returns %v in a crash", err)
				}
				if err := h.Sleep(time.Hour); !errors.Is(err, host.ErrDown) {
					t.Errorf("Sleep returns %v after a crash", err)
				}
			})
		}
		return nil
	}
	err := w.Run("main", func(h host.Host) error {
		for n := range 3 {
			name := "m" + strings.Repeat("x", n)
			if err := errors.Join(w.AddHost(name, h.Addr(), boot), h.Sleep(time.Second), w.Crash(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || unwound != 300 {
		t.Errorf("%d of 300 tasks were unwound: %v", unwound, err)
	}
	w.Close()
	if n := settled(before); n > before {
		t.Errorf("%d coroutines outlive their world", n-before)
	}
}
