package mdm

import (
	"sync"
	"time"

	"nacsim/internal/host"
)

// A flight lets several tasks share one run of something expensive: the first to ask runs it, the others wait for
// its end and get its error.
type flight struct {
	mu      sync.Mutex
	current *flightRun
}

type flightRun struct {
	waiting []host.Signal
	err     error
}

func (f *flight) do(h host.Host, run func() error) error {
	f.mu.Lock()
	if r := f.current; r != nil {
		landed := h.NewSignal()
		r.waiting = append(r.waiting, landed)
		f.mu.Unlock()
		if err := landed.Wait(time.Time{}); err != nil {
			return err
		}
		return r.err
	}
	r := &flightRun{}
	f.current = r
	f.mu.Unlock()

	r.err = run()
	f.mu.Lock()
	f.current = nil
	f.mu.Unlock()
	for _, s := range r.waiting {
		s.Set()
	}
	return r.err
}
