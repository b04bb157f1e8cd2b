package virtual

import "iter"

// A coroutine runs tasks, one after the other. Between resume and the yield that answers it, it has the
// processor to itself.
type coroutine struct {
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool // reports false once stop has been called
	task   *task               // the one it runs at the next resume
}

func newCoroutine() *coroutine {
	c := &coroutine{}
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for {
			c.task.run()
			c.task = nil
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return c
}

// idleMax bounds how many coroutines wait for another task. Most tasks are timers, requests and single
// exchanges, of which few overlap.
const idleMax = 64

// coroutines keeps those whose task has ended. A day in the virtual world is made of hundreds of thousands of
// short tasks, and growing the stack of a new coroutine would cost more than what most of them do.
type coroutines struct {
	idle   []*coroutine
	closed bool
}

func (p *coroutines) get() *coroutine {
	last := len(p.idle) - 1
	if last < 0 {
		return newCoroutine()
	}
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c
}

func (p *coroutines) put(c *coroutine) {
	if p.closed || len(p.idle) == idleMax {
		c.stop()
		return
	}
	p.idle = append(p.idle, c)
}

// close ends the idle coroutines and all that become so.
func (p *coroutines) close() {
	p.closed = true
	for _, c := range p.idle {
		c.stop()
	}
	p.idle = nil
}
