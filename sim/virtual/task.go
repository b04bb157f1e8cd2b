package virtual

import (
	"fmt"
	"runtime/debug"
	"time"

	"nacsim/internal/host"
)

// A task is a function that runs on one boot of one machine, on a coroutine so that it can block.
type task struct {
	node *node
	name string

	f     func()
	co    *coroutine // nil before the first resume and after the end
	ended bool

	// parks counts how often the task has blocked. A wake-up names the one it is for, so that a late one
	// is told from a current one.
	parks    uint64
	parked   bool
	timedOut bool
	deadline time.Time
	reason   string       // why it is parked
	on       fmt.Stringer // and on what

	nextTask, prevTask *task // the node's list, in order of start
}

// String says who the task is and what it waits for.
func (t *task) String() string {
	s := t.node.m.name + "/" + t.name
	switch {
	case !t.parked:
		return s + " ready"
	case t.on != nil:
		s += " " + t.reason + " " + t.on.String()
	default:
		s += " " + t.reason
	}
	if !t.deadline.IsZero() {
		s += " until " + t.deadline.Sub(t.node.m.w.cfg.Start).String()
	}
	return s
}

// newTask makes a task of f. It does not run before it is resumed.
func (n *node) newTask(name string, f func()) *task {
	t := &task{node: n, name: name, f: f}
	n.add(t)
	return t
}

// run is the task's life, on a coroutine.
func (t *task) run() {
	defer func() {
		t.ended = true
		if r := recover(); r != nil {
			w := t.node.m.w
			w.fail(fmt.Errorf("virtual: task %s/%s panicked at %v: %v\n%s", t.node.m.name, t.name, w.now, r, debug.Stack()))
		}
	}()
	t.f()
}

// stop unwinds the task: what it is blocked in returns, and so will everything else that blocks.
func (t *task) stop() {
	if t.co != nil {
		t.co.stop()
		t.co = nil
	}
}

// resume runs a task until it blocks or ends. It may be called while another task runs (AddHost inside the
// scenario's task boots a machine), so the current task is put back afterwards.
func (w *World) resume(t *task) {
	if t.co == nil {
		t.co = w.coroutines.get()
		t.co.task = t
	}
	before := w.current
	w.current = t
	t.co.resume()
	w.current = before
	if t.ended {
		t.node.remove(t)
		w.coroutines.put(t.co)
		t.co = nil
	}
}

// due decides whether a popped event still concerns the task, and marks it woken.
func (t *task) due(e event) bool {
	if t.node.down || t.ended {
		return false
	}
	if e.timeout {
		if !t.parked || t.parks != e.park {
			return false
		}
		t.parked = false
		t.timedOut = true
		return true
	}
	return t.parks == e.park
}

// park blocks the running task until wake, the deadline (if any) or a crash.
func (n *node) park(reason string, on fmt.Stringer, deadline time.Time) error {
	if n.down {
		return host.ErrDown
	}
	w := n.m.w
	t := w.current
	if t == nil || t.node != n {
		panic("virtual: " + n.m.name + " blocks (" + reason + ") outside a task of its own")
	}
	t.parks++
	t.timedOut = false
	t.deadline = deadline
	if !deadline.IsZero() {
		at := deadline.Sub(w.cfg.Start)
		if at < w.now {
			at = w.now
		}
		w.schedule(event{at: at, task: t, park: t.parks, timeout: true})
	}
	t.parked, t.reason, t.on = true, reason, on
	if !t.co.yield(struct{}{}) || n.down {
		return host.ErrDown
	}
	if t.timedOut {
		return host.ErrTimeout
	}
	return nil
}

// A waiter is one park of one task.
type waiter struct {
	t    *task
	park uint64
}

// waiting reports whether the task is still in that park.
func (x waiter) waiting() bool { return x.t.parked && x.t.parks == x.park && !x.t.node.down }

// wake makes the task ready to run at this instant, after everything that is ready already.
func (x waiter) wake() {
	x.t.parked = false
	w := x.t.node.m.w
	w.schedule(event{at: w.now, task: x.t, park: x.park})
}

// waiters is a first-in, first-out list of parks.
type waiters []waiter

// wakeOne wakes the longest waiting task and reports whether there was one.
func (q *waiters) wakeOne() bool {
	for len(*q) > 0 {
		x := takeFirst((*[]waiter)(q))
		if x.waiting() {
			x.wake()
			return true
		}
	}
	return false
}

func (q *waiters) wakeAll() {
	for q.wakeOne() {
	}
}

// wait parks the running task on the list. Abandoned entries of tasks that timed out are dropped here so that
// a list that is only ever timed out on does not grow.
func (q *waiters) wait(n *node, reason string, on fmt.Stringer, deadline time.Time) error {
	if n.down {
		return host.ErrDown
	}
	if len(*q) > 0 {
		live := (*q)[:0]
		for _, x := range *q {
			if x.waiting() {
				live = append(live, x)
			}
		}
		*q = live
	}
	t := n.m.w.current
	if t != nil {
		*q = append(*q, waiter{t, t.parks + 1})
	}
	return n.park(reason, on, deadline)
}
