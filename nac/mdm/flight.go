package mdm

import (
	"sync"
	"time"

	"nacsim/internal/host"
)

// A flight lets several tasks that want the same share one run of it: the first to ask runs it, the others wait for its
// end and get its result. What is the same is told by a key.
type flight[T any] struct {
	mu      sync.Mutex
	current map[string]*flightRun[T]
}

type flightRun[T any] struct {
	waiting []host.Signal
	result  T
	err     error
}

func (f *flight[T]) do(h host.Host, key string, run func() (T, error)) (T, error) {
	f.mu.Lock()
	if r := f.current[key]; r != nil {
		landed := h.NewSignal()
		r.waiting = append(r.waiting, landed)
		f.mu.Unlock()
		if err := landed.Wait(time.Time{}); err != nil {
			var none T
			return none, err
		}
		return r.result, r.err
	}
	if f.current == nil {
		f.current = map[string]*flightRun[T]{}
	}
	r := &flightRun[T]{}
	f.current[key] = r
	f.mu.Unlock()

	r.result, r.err = run()
	f.mu.Lock()
	delete(f.current, key)
	f.mu.Unlock()
	for _, s := range r.waiting {
		s.Set()
	}
	return r.result, r.err
}
