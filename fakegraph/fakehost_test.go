package fakegraph

import (
	"container/heap"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
)

// testHost is a machine whose clock stands still until advance is called. It has what fakegraph uses of host.Host;
// the rest panics through the nil interface.
type testHost struct {
	host.Host
	t      *testing.T
	now    time.Time
	timers timerHeap
	seq    int
	stores map[string]*memoryStore
	down   bool
	traces []string
}

var start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func newTestHost(t *testing.T) *testHost {
	return &testHost{t: t, now: start, stores: map[string]*memoryStore{}}
}

func (h *testHost) Name() string     { return "graph" }
func (h *testHost) Addr() netip.Addr { return netip.MustParseAddr("10.0.0.2") }
func (h *testHost) Now() time.Time   { return h.now }

func (h *testHost) Sleep(d time.Duration) error {
	h.now = h.now.Add(d)
	return nil
}

func (h *testHost) Rand(stream string) io.Reader {
	return rand.NewChaCha8(sha256.Sum256([]byte(stream)))
}

func (h *testHost) Trace(kind string, fields ...slog.Attr) {
	var b strings.Builder
	b.WriteString(kind)
	for _, f := range fields {
		fmt.Fprintf(&b, " %s=%s", f.Key, f.Value)
	}
	h.traces = append(h.traces, b.String())
}

// traced reports whether a trace line has all of the parts.
func (h *testHost) traced(parts ...string) bool {
	return slices.ContainsFunc(h.traces, func(line string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) })
	})
}

func (h *testHost) ServeHTTP(netip.AddrPort, http.Handler, *tls.Config) (host.HTTPServer, error) {
	return nil, net.ErrClosed
}

func (h *testHost) AfterFunc(d time.Duration, f func()) host.Timer {
	h.seq++
	timer := &testTimer{at: h.now.Add(max(d, 0)), seq: h.seq, f: f}
	heap.Push(&h.timers, timer)
	return timer
}

// advance runs the timers of the next d in order and leaves the clock at their end.
func (h *testHost) advance(d time.Duration) {
	end := h.now.Add(d)
	for len(h.timers) > 0 && !h.timers[0].at.After(end) {
		timer := heap.Pop(&h.timers).(*testTimer)
		if timer.f == nil {
			continue
		}
		h.now = timer.at
		timer.f()
	}
	h.now = end
}

// crash forgets the timers and makes the stores refuse what the old boot still writes. It returns the machine after
// the restart.
func (h *testHost) crash() *testHost {
	h.down, h.timers = true, nil
	next := &testHost{t: h.t, now: h.now, stores: map[string]*memoryStore{}}
	for name, s := range h.stores {
		next.stores[name] = &memoryStore{h: next, m: s.m}
	}
	return next
}

func (h *testHost) Store(name string) (host.Store, error) {
	if h.stores[name] == nil {
		h.stores[name] = &memoryStore{h: h, m: map[string][]byte{}}
	}
	return h.stores[name], nil
}

type memoryStore struct {
	h *testHost
	m map[string][]byte
}

func (s *memoryStore) err() error {
	if s.h.down {
		return host.ErrDown
	}
	return nil
}

func (s *memoryStore) Get(key string) ([]byte, error) { return s.m[key], s.err() }

func (s *memoryStore) Put(key string, value []byte) error {
	if s.err() == nil {
		s.m[key] = slices.Clone(value)
	}
	return s.err()
}

func (s *memoryStore) Delete(key string) error {
	if s.err() == nil {
		delete(s.m, key)
	}
	return s.err()
}

func (s *memoryStore) Scan(prefix string, f func(string, []byte) bool) error {
	var keys []string
	for key := range s.m {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	for _, key := range keys {
		if !f(key, s.m[key]) {
			break
		}
	}
	return s.err()
}

type testTimer struct {
	at  time.Time
	seq int
	f   func()
}

func (t *testTimer) Stop() bool {
	stopped := t.f != nil
	t.f = nil
	return stopped
}

type timerHeap []*testTimer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)   { *h = append(*h, x.(*testTimer)) }
func (h *timerHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
