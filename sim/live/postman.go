package live

import (
	"container/heap"
	"sync"
	"time"
)

// A postman runs functions at their times, in the order (time, order of asking), from one goroutine, so that
// packets with the same delay stay in order. The zero value is ready; the goroutine starts with the first
// delayed packet.
type postman struct {
	mu      sync.Mutex
	queue   letters
	seq     uint64
	wake    chan struct{}
	running chan struct{} // closed when the goroutine has ended
	stopped bool
}

type letter struct {
	at  time.Time
	seq uint64
	run func()
}

// after runs f, which must not block, after d. It reports false once the postman has been stopped.
func (p *postman) after(d time.Duration, f func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	if p.running == nil {
		p.wake = make(chan struct{}, 1)
		p.running = make(chan struct{})
		go p.deliver()
	}
	p.seq++
	heap.Push(&p.queue, letter{time.Now().Add(d), p.seq, f})
	p.nudge()
	return true
}

func (p *postman) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// stop ends the goroutine. What it had not delivered yet is run now, so that nobody waits for it.
func (p *postman) stop() {
	p.mu.Lock()
	p.stopped = true
	running := p.running
	if running != nil {
		p.nudge()
	}
	p.mu.Unlock()
	if running != nil {
		<-running
	}
	for _, l := range p.queue {
		l.run()
	}
	p.queue = nil
}

func (p *postman) deliver() {
	defer close(p.running)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due, next, stopped := p.take()
		if stopped {
			return
		}
		for _, l := range due {
			l.run()
		}
		if len(due) > 0 {
			continue
		}
		timer.Reset(next)
		select {
		case <-timer.C:
		case <-p.wake:
		}
	}
}

// take removes what is due, and says how long until the next is.
func (p *postman) take() (due []letter, next time.Duration, stopped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for len(p.queue) > 0 && !p.queue[0].at.After(now) {
		due = append(due, heap.Pop(&p.queue).(letter))
	}
	next = time.Hour
	if len(p.queue) > 0 {
		next = p.queue[0].at.Sub(now)
	}
	return due, next, p.stopped
}

// letters is a heap.
type letters []letter

func (q letters) Len() int { return len(q) }
func (q letters) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].seq < q[j].seq
}
func (q letters) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *letters) Push(x any)   { *q = append(*q, x.(letter)) }
func (q *letters) Pop() any {
	old := *q
	l := old[len(old)-1]
	old[len(old)-1] = letter{}
	*q = old[:len(old)-1]
	return l
}
