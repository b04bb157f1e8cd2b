package intune

import (
	"container/heap"
	"time"

	"nacsim/internal/host"
)

// An agenda is the devices that something is to be done about, the next one first. One timer serves them all: a tenant has a
// hundred thousand.
type agenda struct {
	entries []*entry
	turns   uint64

	timer host.Timer
	wound int       // number of the latest winding, so that a timer that could not be stopped does nothing
	until time.Time // what the timer is wound to
}

func (a *agenda) Len() int { return len(a.entries) }

func (a *agenda) Less(i, j int) bool {
	x, y := a.entries[i], a.entries[j]
	if !x.due.Equal(y.due) {
		return x.due.Before(y.due)
	}
	return x.turn < y.turn
}

func (a *agenda) Swap(i, j int) {
	a.entries[i], a.entries[j] = a.entries[j], a.entries[i]
	a.entries[i].at, a.entries[j].at = i, j
}

// Push is for package heap.
func (a *agenda) Push(x any) {
	e := x.(*entry)
	e.at = len(a.entries)
	a.entries = append(a.entries, e)
}

// Pop is for package heap.
func (a *agenda) Pop() any {
	last := len(a.entries) - 1
	e := a.entries[last]
	a.entries[last], a.entries = nil, a.entries[:last]
	e.at = -1
	return e
}

// note puts a device on the agenda, or moves it.
func (a *agenda) note(e *entry, due time.Time) {
	a.turns++
	e.due, e.turn = due, a.turns
	if e.at < 0 {
		heap.Push(a, e)
		return
	}
	heap.Fix(a, e.at)
}

// strike takes a device off the agenda.
func (a *agenda) strike(e *entry) {
	if e.at >= 0 {
		heap.Remove(a, e.at)
	}
}

// next takes the first device off the agenda if it is due, or returns nil.
func (a *agenda) next(now time.Time) *entry {
	if len(a.entries) == 0 || now.Before(a.entries[0].due) {
		return nil
	}
	return heap.Pop(a).(*entry)
}

// wind sets the timer to the first device. The caller holds the lock.
func (s *Service) wind() {
	a := &s.agenda
	if s.closed || len(a.entries) == 0 {
		a.stop()
		return
	}
	due := a.entries[0].due
	if a.timer != nil && a.until.Equal(due) {
		return
	}
	a.stop()
	a.until = due
	number := a.wound
	a.timer = s.h.AfterFunc(max(due.Sub(s.h.Now()), 0), func() { s.ring(number) })
}

func (a *agenda) stop() {
	a.wound++
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// atOnce is how many devices are attended to before others may have the lock.
const atOnce = 256

// ring runs when the timer of winding number fires.
func (s *Service) ring(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.agenda.wound != number {
		return
	}
	s.agenda.timer = nil
	now := s.h.Now()
	for range atOnce {
		e := s.agenda.next(now)
		if e == nil {
			break
		}
		s.attend(e, now)
	}
	s.wind()
}
