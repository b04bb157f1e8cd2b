package virtual

import "time"

// An event is one thing that will happen at a moment of virtual time. Events at the same moment happen in
// the order in which they were scheduled.
type event struct {
	at  time.Duration // since the world's start
	seq uint64

	// Exactly one of the two is set. A task event resumes a task; it is dropped when the task has meanwhile
	// been woken by something else (park differs).
	run  func()
	task *task
	park uint64
	// timeout tells a deadline from a wake-up.
	timeout bool
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// A queue is a binary heap of events. It is written out rather than built on container/heap because the
// event loop is the one hot path of the virtual world and events need not be boxed.
type queue []event

func (q *queue) push(e event) {
	h := append(*q, e)
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h[i].before(&h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
	*q = h
}

func (q *queue) pop() event {
	h := *q
	first := h[0]
	last := len(h) - 1
	h[0] = h[last]
	h[last] = event{}
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if r := child + 1; r < last && h[r].before(&h[child]) {
			child = r
		}
		if !h[child].before(&h[i]) {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	*q = h
	return first
}
