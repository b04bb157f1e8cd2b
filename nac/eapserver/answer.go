package eapserver

import "sync"

// An answer is whether somebody who was asked has answered. He may do so from another task than the one that drives
// the conversation.
type answer struct {
	mu   sync.Mutex
	came bool
}

func (a *answer) come() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.came = true
}

func (a *answer) there() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.came
}
