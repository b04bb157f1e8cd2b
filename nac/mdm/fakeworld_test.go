package mdm

import (
	"container/heap"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
)

// testHost is a machine with a clock of its own and tasks that run one at a time: each is a coroutine that yields
// in Sleep and Wait. It has what mdm uses of host.Host; the rest panics through the nil interface.
type testHost struct {
	host.Host
	t      *testing.T
	now    time.Time
	seq    int
	events eventHeap
	tasks  map[*task]bool
	task   *task // the running one
	stores map[string]*memoryStore
	down   bool
	traces []string

	// serve answers round trips, each of which takes the latency.
	serve    func(*http.Request) (*http.Response, error)
	latency  time.Duration
	requests []string
}

type task struct {
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
}

var start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func newTestHost(t *testing.T) *testHost {
	h := &testHost{t: t, now: start, latency: time.Millisecond, stores: map[string]*memoryStore{}, tasks: map[*task]bool{}}
	t.Cleanup(func() { h.crash() })
	return h
}

func (h *testHost) Name() string     { return "nac" }
func (h *testHost) Addr() netip.Addr { return netip.MustParseAddr("10.0.0.1") }
func (h *testHost) Now() time.Time   { return h.now }

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

// traced counts the trace lines that have all of the parts.
func (h *testHost) traced(parts ...string) int {
	n := 0
	for _, line := range h.traces {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			n++
		}
	}
	return n
}

// requested counts the requests that contain a text, and forgets all.
func (h *testHost) requested(part string) int {
	n := 0
	for _, r := range h.requests {
		if strings.Contains(r, part) {
			n++
		}
	}
	h.requests = nil
	return n
}

func (h *testHost) Go(_ string, f func()) { h.at(h.now, func() { h.run(f) }) }

func (h *testHost) AfterFunc(d time.Duration, f func()) host.Timer {
	return h.at(h.now.Add(max(d, 0)), func() { h.run(f) })
}

// run starts a task and lets it run until it yields.
func (h *testHost) run(f func()) {
	t := &task{}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		f()
		delete(h.tasks, t)
	})
	h.tasks[t] = true
	h.resume(t)
}

func (h *testHost) resume(t *task) {
	outer := h.task
	h.task = t
	t.next()
	h.task = outer
}

// yield gives way to other tasks until the running one is resumed.
func (h *testHost) yield() error {
	if !h.task.yield(struct{}{}) || h.down {
		return host.ErrDown
	}
	return nil
}

func (h *testHost) Sleep(d time.Duration) error {
	if h.down {
		return host.ErrDown
	}
	t := h.task
	h.at(h.now.Add(max(d, 0)), func() { h.resume(t) })
	return h.yield()
}

func (h *testHost) NewSignal() host.Signal { return &testSignal{h: h} }

type testSignal struct {
	h       *testHost
	set     bool
	waiting *task
}

func (s *testSignal) Set() {
	if t := s.waiting; t != nil {
		s.waiting = nil
		s.h.at(s.h.now, func() { s.h.resume(t) })
		return
	}
	s.set = true
}

func (s *testSignal) Wait(time.Time) error {
	if s.set {
		s.set = false
		return nil
	}
	s.waiting = s.h.task
	return s.h.yield()
}

func (h *testHost) RoundTrip(r *http.Request, o host.HTTPOptions) (*http.Response, error) {
	line := r.Method + " " + r.URL.String()
	h.requests = append(h.requests, line)
	if id := r.Header.Get("client-request-id"); !isGUID(id) {
		h.t.Errorf("%s: client-request-id %q", line, id)
	}
	if o.Timeout <= 0 || o.MaxBody <= 0 {
		h.t.Errorf("%s: no limits in %+v", line, o)
	}
	if err := h.Sleep(h.latency); err != nil {
		return nil, err
	}
	return h.serve(r)
}

func (h *testHost) at(when time.Time, f func()) *event {
	h.seq++
	e := &event{at: when, seq: h.seq, f: f}
	heap.Push(&h.events, e)
	return e
}

// advance runs what happens in the next d.
func (h *testHost) advance(d time.Duration) {
	end := h.now.Add(d)
	for len(h.events) > 0 && !h.events[0].at.After(end) {
		e := heap.Pop(&h.events).(*event)
		if e.f != nil {
			h.now = e.at
			e.f()
		}
	}
	h.now = end
}

// do runs f as a task and advances the clock until it has ended.
func (h *testHost) do(f func()) {
	h.t.Helper()
	ended := false
	h.Go("test", func() { f(); ended = true })
	for range 10_000 {
		if ended {
			return
		}
		h.advance(time.Millisecond)
	}
	h.t.Fatal("a task did not end within ten seconds")
}

// crash stops all tasks and returns the machine after the restart.
func (h *testHost) crash() *testHost {
	h.down, h.events = true, nil
	next := &testHost{t: h.t, now: h.now, latency: h.latency, serve: h.serve, stores: map[string]*memoryStore{}, tasks: map[*task]bool{}}
	for name, s := range h.stores {
		next.stores[name] = &memoryStore{h: next, m: s.m}
	}
	for t := range h.tasks {
		h.task = t
		t.stop()
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

type event struct {
	at  time.Time
	seq int
	f   func()
}

func (e *event) Stop() bool {
	stopped := e.f != nil
	e.f = nil
	return stopped
}

type eventHeap []*event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(*event)) }
func (h *eventHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
