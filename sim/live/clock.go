package live

import (
	"runtime"
	"time"

	"nacsim/internal/host"
)

func (n *node) Now() time.Time { return n.m.w.Now() }

func (n *node) Sleep(d time.Duration) error {
	if n.down.Load() {
		return host.ErrDown
	}
	if d <= 0 {
		runtime.Gosched()
		return nil
	}
	due, stop := n.m.w.clock.after(d)
	defer stop()
	select {
	case <-due:
		return nil
	case <-n.ctx.Done():
		return host.ErrDown
	}
}

// timer is an AfterFunc.
type timer struct {
	n *node
	t interface{ Stop() bool }
}

func (n *node) AfterFunc(d time.Duration, f func()) host.Timer {
	t := &timer{n: n}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down.Load() {
		t.t = stopped{}
		return t
	}
	t.t = n.m.w.clock.afterFunc(d, func() {
		t.forget()
		task := n.begin("timer")
		if task == nil {
			return
		}
		defer n.end(task)
		_ = n.guard("timer", func() error { f(); return nil })
	})
	n.timers[t] = struct{}{}
	return t
}

// stopped is a timer that never runs.
type stopped struct{}

func (stopped) Stop() bool { return false }

func (t *timer) Stop() bool {
	t.forget()
	return t.t.Stop()
}

func (t *timer) forget() {
	t.n.mu.Lock()
	defer t.n.mu.Unlock()
	delete(t.n.timers, t)
}

// signal is an auto-reset event.
type signal struct {
	n   *node
	set chan struct{}
}

func (n *node) NewSignal() host.Signal { return &signal{n: n, set: make(chan struct{}, 1)} }

func (s *signal) Set() {
	select {
	case s.set <- struct{}{}:
	default:
	}
}

func (s *signal) Wait(deadline time.Time) error {
	_, err := receive(s.n, s.set, nil, deadline)
	return err
}

// receive waits for a value from a channel until the deadline, if there is one, the node goes down, or closed
// is closed. A value that is there already is taken even when the deadline has passed.
func receive[T any](n *node, from <-chan T, closed <-chan struct{}, deadline time.Time) (v T, err error) {
	if n.down.Load() {
		return v, host.ErrDown
	}
	select {
	case <-closed:
		return v, host.ErrDown
	default:
	}
	select {
	case v = <-from:
		return v, nil
	default:
	}
	var late <-chan time.Time
	if !deadline.IsZero() {
		d := deadline.Sub(n.Now())
		if d <= 0 {
			return v, host.ErrTimeout
		}
		due, stop := n.m.w.clock.after(d)
		defer stop()
		late = due
	}
	select {
	case v = <-from:
		return v, nil
	case <-late:
		return v, host.ErrTimeout
	case <-closed:
	case <-n.ctx.Done():
	}
	return v, host.ErrDown
}
