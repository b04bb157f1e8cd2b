package fakegraph

import (
	"io"
	"sync"

	"nacsim/internal/guid"
)

// A guidSource draws random GUIDs (RFC 9562 section 5.4).
type guidSource struct {
	mu sync.Mutex
	r  io.Reader
}

func (g *guidSource) next() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return guid.New(g.r)
}
