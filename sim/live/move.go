package live

import (
	"container/heap"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/internal/host"
)

// A clock is the time of a world: the wall clock, or one that is ahead of it since somebody has moved it.
type clock struct {
	movable bool
	ahead   atomic.Int64 // nanoseconds

	moving sync.Mutex // held while somebody moves the clock

	mu      sync.Mutex // guards what follows
	pending alarms
	number  uint64
}

func (c *clock) now() time.Time {
	now := time.Now().UTC()
	if c.movable {
		now = now.Add(time.Duration(c.ahead.Load()))
	}
	return now
}

// real is a time of the world on the wall clock, for what the operating system waits for. A zero time stays one.
func (c *clock) real(t time.Time) time.Time {
	if !c.movable || t.IsZero() {
		return t
	}
	return t.Add(-time.Duration(c.ahead.Load()))
}

// world is a time on the wall clock in the world.
func (c *clock) world(t time.Time) time.Time {
	if !c.movable || t.IsZero() {
		return t
	}
	return t.Add(time.Duration(c.ahead.Load()))
}

// after returns a channel that receives after d, and what stops that.
func (c *clock) after(d time.Duration) (<-chan time.Time, func()) {
	if !c.movable {
		t := time.NewTimer(d)
		return t.C, func() { t.Stop() }
	}
	due := make(chan time.Time, 1)
	a := c.set(d, func() { due <- time.Time{} })
	return due, func() { a.Stop() }
}

// afterFunc runs f in a goroutine of its own after d.
func (c *clock) afterFunc(d time.Duration, f func()) interface{ Stop() bool } {
	if !c.movable {
		return time.AfterFunc(d, f)
	}
	return c.set(d, f)
}

// An alarm is something that a clock does at a time. A timer of the wall clock waits for it, and moving the clock comes before that
// timer.
type alarm struct {
	c      *clock
	at     time.Time
	number uint64 // in the order of their making
	index  int    // in the heap, -1 outside
	run    func()
	timer  *time.Timer
}

func (c *clock) set(d time.Duration, run func()) *alarm {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	a := &alarm{c: c, at: c.now().Add(d), number: c.number, run: run}
	heap.Push(&c.pending, a)
	a.timer = time.AfterFunc(d, func() {
		if a.claim() {
			a.run()
		}
	})
	return a
}

// claim reports whether the alarm was still pending, which it is not after that.
func (a *alarm) claim() bool {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if a.index < 0 {
		return false
	}
	heap.Remove(&a.c.pending, a.index)
	return true
}

func (a *alarm) Stop() bool {
	a.timer.Stop()
	return a.claim()
}

// errFixed is what moving a clock that cannot be moved leads to.
var errFixed = errors.New("live: the clock of this world cannot be moved")

// settlePatience is how long the next alarm waits for what the one before has started.
const settlePatience = time.Second

// advance moves the clock. It gives up when the world is closed.
func (c *clock) advance(d time.Duration, closed <-chan struct{}) error {
	if !c.movable {
		return errFixed
	}
	c.moving.Lock()
	defer c.moving.Unlock()
	for target := c.now().Add(d); ; {
		select {
		case <-closed:
			return host.ErrDown
		default:
		}
		a := c.next(target)
		if a == nil {
			return nil
		}
		a.timer.Stop()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			a.run()
		}()
		late := time.NewTimer(settlePatience)
		select {
		case <-ended:
		case <-late.C: // it waits for something, perhaps for the clock
		case <-closed:
		}
		late.Stop()
	}
}

// next takes out the first alarm until target and sets the clock to its time. Without one the clock is set to target, and what remains
// waits shorter.
func (c *clock) next(target time.Time) *alarm {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) > 0 && !c.pending[0].at.After(target) {
		a := heap.Pop(&c.pending).(*alarm)
		c.skip(a.at)
		return a
	}
	c.skip(target)
	now := c.now()
	for _, a := range c.pending {
		a.timer.Reset(a.at.Sub(now))
	}
	return nil
}

// skip sets the clock to a time, unless it is later already.
func (c *clock) skip(to time.Time) {
	if d := to.Sub(c.now()); d > 0 {
		c.ahead.Add(int64(d))
	}
}

// alarms is a heap by time.
type alarms []*alarm

func (q alarms) Len() int { return len(q) }
func (q alarms) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].number < q[j].number
}
func (q alarms) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *alarms) Push(x any) {
	a := x.(*alarm)
	a.index = len(*q)
	*q = append(*q, a)
}
func (q *alarms) Pop() any {
	old := *q
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	a.index = -1
	return a
}
