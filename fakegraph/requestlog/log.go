// Package requestlog remembers the last requests to a server, with what became of them.
package requestlog

import (
	"slices"
	"strings"
	"sync"

	"nacsim/internal/host"
)

// Size is how many requests a Log remembers, and maxOctets how much room they take at most, since a $batch has many inside.
const (
	Size      = 10_000
	maxOctets = 32 << 20
)

// A Log has the last requests. It is safe for concurrent use.
type Log struct {
	tell func(Entry)

	mu       sync.Mutex // guards what follows
	entries  []Entry    // the oldest first, from first on
	first    int
	octets   int    // that they take
	number   uint64 // of the latest
	watching map[*Watch]struct{}
}

// New returns an empty log. It tells each new entry, unless tell is nil; tell is called in the order of the entries and must not
// block.
func New(tell func(Entry)) *Log { return &Log{tell: tell, watching: map[*Watch]struct{}{}} }

// Add numbers an entry and remembers it, for which it forgets the oldest.
func (l *Log) Add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	e.Number = l.number
	l.entries = append(l.entries, e)
	for l.octets += e.octets(); len(l.entries)-l.first > Size || l.octets > maxOctets; l.first++ {
		l.octets -= l.entries[l.first].octets()
		l.entries[l.first] = Entry{}
	}
	if l.first > len(l.entries)/2 { // which happens seldom enough to cost nothing
		n := copy(l.entries, l.entries[l.first:])
		clear(l.entries[n:])
		l.entries, l.first = l.entries[:n], 0
	}
	if l.tell != nil {
		l.tell(e)
	}
	for w := range l.watching { // order-free: each is woken up
		w.signal.Set()
	}
}

// Clear forgets all entries. Their numbers are not used again.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.first, l.octets = nil, 0, 0
}

// Last is the number of the latest entry.
func (l *Log) Last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.number
}

// A Filter says which entries are wanted. The zero value means all.
type Filter struct {
	// Since wants entries with a higher number.
	Since uint64
	// Max wants the latest so many, unless it is 0.
	Max int
	// App wants a client id, Status a status of the reply and Method a method.
	App    string
	Status int
	Method string
	// Path and Route want a text in the path and the route, in any case of letters.
	Path, Route string
	// Unmatched wants only requests that matched no route, and Fault only those that a fault has struck.
	Unmatched, Fault bool
}

// matches reports whether an entry, or one inside of it, is wanted.
func (f *Filter) matches(e *Entry) bool {
	for i := range e.Batch {
		if f.matches(&e.Batch[i]) {
			return true
		}
	}
	return (f.App == "" || strings.EqualFold(f.App, e.App)) &&
		(f.Status == 0 || f.Status == e.Status) &&
		(f.Method == "" || strings.EqualFold(f.Method, e.Method)) &&
		(f.Path == "" || contains(e.Path, f.Path)) &&
		(f.Route == "" || contains(e.Route, f.Route)) &&
		(!f.Unmatched || e.Unmatched) &&
		(!f.Fault || e.Fault != "")
}

func contains(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// Entries returns those that a filter wants, the oldest first.
func (l *Log) Entries(f Filter) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []Entry
	for i := len(l.entries) - 1; i >= l.first; i-- {
		e := &l.entries[i]
		if e.Number <= f.Since || f.Max > 0 && len(found) == f.Max {
			break
		}
		if f.matches(e) {
			found = append(found, *e)
		}
	}
	slices.Reverse(found)
	return found
}

// A Watch is told when there are new entries. Close it.
type Watch struct {
	l      *Log
	signal host.Signal
}

// maxWatches bounds those who watch at the same time.
const maxWatches = 32

// Watch begins to watch, or returns nil when too many do already.
func (l *Log) Watch(h host.Host) *Watch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.watching) == maxWatches {
		return nil
	}
	w := &Watch{l, h.NewSignal()}
	l.watching[w] = struct{}{}
	return w
}

// Signal is set with each new entry.
func (w *Watch) Signal() host.Signal { return w.signal }

// Close ends the watch.
func (w *Watch) Close() {
	w.l.mu.Lock()
	defer w.l.mu.Unlock()
	delete(w.l.watching, w)
}
