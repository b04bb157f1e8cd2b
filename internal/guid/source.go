package guid

import (
	"crypto/sha256"
	"io"
	"sync"
)

// A Source draws random GUIDs from a stream of random octets. It is safe for concurrent use.
type Source struct {
	mu sync.Mutex
	r  io.Reader
}

// NewSource returns the source that reads r.
func NewSource(r io.Reader) *Source { return &Source{r: r} }

// Next draws one.
func (s *Source) Next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return New(s.r)
}

// Derived is the same GUID for the same text, for what has a name but no identity of its own.
func Derived(text string) string {
	sum := sha256.Sum256([]byte(text))
	return Format([16]byte(sum[:16]), Random)
}
