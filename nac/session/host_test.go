package session

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"nacsim/internal/host"
)

// machine is a host of which a table needs the clock, the trace and the store. It can be down.
type machine struct {
	host.Host
	mu      sync.Mutex
	now     time.Time
	lines   []string
	records map[string]string
	down    bool
}

func newMachine() *machine {
	return &machine{now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), records: map[string]string{}}
}

func (m *machine) Now() time.Time { return m.now }

func (m *machine) Store(string) (host.Store, error) {
	if m.down {
		return nil, host.ErrDown
	}
	return m, nil
}

func (m *machine) Trace(kind string, fields ...slog.Attr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range fields {
		kind += " " + f.String()
	}
	m.lines = append(m.lines, kind)
}

// taken returns the trace lines of a kind since the last call.
func (m *machine) taken(kind string) []string {
	var out []string
	for _, l := range m.lines {
		if rest, ok := strings.CutPrefix(l, kind+" "); ok {
			out = append(out, rest)
		}
	}
	m.lines = nil
	return out
}

func (m *machine) Get(key string) ([]byte, error) { return []byte(m.records[key]), nil }

func (m *machine) Put(key string, value []byte) error {
	if m.down {
		return host.ErrDown
	}
	m.records[key] = string(value)
	return nil
}

func (m *machine) Delete(key string) error {
	if m.down {
		return host.ErrDown
	}
	delete(m.records, key)
	return nil
}

func (m *machine) Scan(prefix string, f func(string, []byte) bool) error {
	if m.down {
		return host.ErrDown
	}
	keys := make([]string, 0, len(m.records))
	for k := range m.records { // order-free: sorted below
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if strings.HasPrefix(k, prefix) && !f(k, []byte(m.records[k])) {
			break
		}
	}
	return nil
}
