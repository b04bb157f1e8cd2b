package testhost

import (
	"iter"
	"slices"
	"time"

	"nacsim/internal/host"
)

// A task is a coroutine that yields while it waits.
type task struct {
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
}

// Go starts f as a task, after those that are ready now.
func (m *Machine) Go(_ string, f func()) { m.at(m.now, m, func() { m.run(f) }) }

// AfterFunc runs f as a task after d.
func (m *Machine) AfterFunc(d time.Duration, f func()) host.Timer {
	return m.at(m.now.Add(d), m, func() { m.run(f) })
}

// run starts a task and lets it run until it waits for the first time.
func (m *Machine) run(f func()) {
	t := &task{}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		f()
		m.tasks = slices.DeleteFunc(m.tasks, func(other *task) bool { return other == t })
	})
	m.tasks = append(m.tasks, t)
	m.resume(t)
}

func (m *Machine) resume(t *task) {
	m.running = t
	t.next()
	m.running = nil
}

// current is the task that calls a blocking method.
func (m *Machine) current() *task {
	if m.running == nil {
		panic("testhost: a blocking method is called outside a task")
	}
	return m.running
}

// wait lets the others run until the task is resumed.
func (m *Machine) wait(t *task) error {
	if !t.yield(struct{}{}) || m.down {
		return host.ErrDown
	}
	return nil
}

// Sleep blocks the task for d.
func (m *Machine) Sleep(d time.Duration) error {
	if m.down {
		return host.ErrDown
	}
	t := m.current()
	m.at(m.now.Add(d), m, func() { m.resume(t) })
	return m.wait(t)
}

// NewSignal returns a signal for the tasks of this machine.
func (m *Machine) NewSignal() host.Signal { return &signal{m: m} }

type signal struct {
	m       *Machine
	set     bool
	waiting []*waiter // in the order in which they came
}

// A waiter is a task in Wait.
type waiter struct {
	task    *task
	timeout *event // nil without a deadline
	late    bool
}

func (s *signal) Set() {
	if len(s.waiting) == 0 {
		s.set = true
		return
	}
	w := s.waiting[0]
	s.waiting = s.waiting[1:]
	if w.timeout != nil {
		w.timeout.Stop()
	}
	s.m.at(s.m.now, s.m, func() { s.m.resume(w.task) })
}

func (s *signal) Wait(deadline time.Time) error {
	switch {
	case s.m.down:
		return host.ErrDown
	case s.set:
		s.set = false
		return nil
	}
	w := &waiter{task: s.m.current()}
	s.waiting = append(s.waiting, w)
	if !deadline.IsZero() {
		w.timeout = s.m.at(deadline, s.m, func() {
			w.late = true
			s.waiting = slices.DeleteFunc(s.waiting, func(other *waiter) bool { return other == w })
			s.m.resume(w.task)
		})
	}
	if err := s.m.wait(w.task); err != nil {
		return err
	}
	if w.late {
		return host.ErrTimeout
	}
	return nil
}
