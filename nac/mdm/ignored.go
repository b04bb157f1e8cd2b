package mdm

import (
	"fmt"
	"log/slog"
	"time"
)

// noteIgnored remembers that Graph ignores filters by a property: it sent devices that do not match (facts:
// graph-and-entra 2.1). What a filter would find is looked for in the index of the list until the next poll or so.
// It is traced once each time.
func (g *graph) noteIgnored(property string, others int) {
	now := g.h.Now()
	g.mu.Lock()
	known := now.Before(g.ignored[property])
	if g.ignored == nil {
		g.ignored = map[string]time.Time{}
	}
	if !known {
		g.ignored[property] = now.Add(g.cfg.PollInterval)
	}
	g.mu.Unlock()
	if !known {
		g.h.Trace("drop", slog.String("from", "Intune"),
			slog.String("reason", fmt.Sprintf("the filter by %s was ignored: %d devices do not match it", property, others)))
	}
}

// ignores reports whether Graph has lately ignored filters by a property.
func (g *graph) ignores(property string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.h.Now().Before(g.ignored[property])
}
