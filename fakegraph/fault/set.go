package fault

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/internal/host"
)

// A Request is what faults look at.
type Request struct {
	// Graph says that it is for Graph, and not for Entra ID, and InBatch that it is inside of a $batch.
	Graph, InBatch bool
	// Method and Path, canonical as in package wire, are of the request; Query is decoded.
	Method, Path, Query string
	// App tells the client id of the app that asks, or "". It is called only for a fault that wants to know; nil is nobody.
	App func() string
}

func (r *Request) app() string {
	if r.App == nil {
		return ""
	}
	return r.App()
}

// An activeFault is a fault with what is left of it.
type activeFault struct {
	Fault
	kind   *Kind
	number int
	skip   int
	left   int
	struck int
	until  time.Time // the zero time means never
}

// A Set holds the faults in force. It is safe for concurrent use.
type Set struct {
	h host.Host
	// watching is whether there is anything to look for in a request, so that no fault costs nothing.
	watching atomic.Bool

	mu     sync.Mutex // guards what follows
	active []*activeFault
	number int // of the latest
	outage bool
	scans  map[string]scan              // by app and path, while a fault asks for pages
	tails  map[string][]json.RawMessage // the last rows of the latest page of each list, while a fault repeats them
	random map[string]io.Reader
}

// A scan is where an app is in a list.
type scan struct {
	query string
	page  int
}

// NewSet returns one without faults.
func NewSet(h host.Host) *Set { return &Set{h: h} }

// Bounds of a set.
const (
	maxFaults = 100
	maxScans  = 1000
)

// Add puts a fault in force and returns its number for Clear.
func (s *Set) Add(f Fault) (int, error) {
	k, err := f.complete()
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.active) == maxFaults {
		return 0, fmt.Errorf("%d faults are in force already", maxFaults)
	}
	s.number++
	a := &activeFault{Fault: f, kind: k, number: s.number, skip: f.Skip, left: f.Count, until: f.Until}
	if f.For > 0 {
		begins := s.h.Now()
		if f.From.After(begins) {
			begins = f.From
		}
		if end := begins.Add(f.For); a.until.IsZero() || end.Before(a.until) {
			a.until = end
		}
	}
	s.active = append(s.active, a)
	s.changed()
	return s.number, nil
}

// An InForce is a fault in force.
type InForce struct {
	// Number is what Add returned.
	Number int
	Fault  Fault
	// Struck is how often it has struck, and Left how often it will at most, or 0 for no such end.
	Struck, Left int
}

// InForce lists the faults in force, oldest first.
func (s *Set) InForce() []InForce {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	list := make([]InForce, len(s.active))
	for i, a := range s.active {
		list[i] = InForce{a.number, a.Fault, a.struck, a.left}
	}
	return list
}

// Clear ends a fault and reports whether it was in force.
func (s *Set) Clear(number int) bool {
	return s.clear(func(a *activeFault) bool { return a.number == number }) > 0
}

// ClearNamed ends all faults of that name and tells how many there were.
func (s *Set) ClearNamed(name string) int {
	return s.clear(func(a *activeFault) bool { return a.Name == name })
}

// ClearAll ends all faults. An outage goes on.
func (s *Set) ClearAll() { s.clear(func(*activeFault) bool { return true }) }

func (s *Set) clear(which func(*activeFault) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.active)
	s.active = slices.DeleteFunc(s.active, which)
	s.changed()
	return before - len(s.active)
}

// Outage starts or ends an outage, in which every request is answered with 503. Devices go on checking in: they
// do not use Graph. An outage of the network is the world's affair.
func (s *Set) Outage(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = on
	s.changed()
}

// changed notes whether requests have to be looked at. The caller holds the lock.
func (s *Set) changed() {
	s.watching.Store(s.outage || len(s.active) > 0)
	if !slices.ContainsFunc(s.active, func(a *activeFault) bool { return a.Page > 0 }) {
		s.scans = nil
	}
	if !slices.ContainsFunc(s.active, repeats) {
		s.tails = nil
	}
}

// repeats reports whether a fault has to do with the page before.
func repeats(a *activeFault) bool { return a.Name == "rows_repeated" }

// asksApp reports whether a fault wants to know the app of a request.
func asksApp(a *activeFault) bool { return a.App != "" || a.Page > 0 }

// expire ends the faults whose time is over. The caller holds the lock.
func (s *Set) expire() {
	now := s.h.Now()
	s.active = slices.DeleteFunc(s.active, func(a *activeFault) bool { return !a.until.IsZero() && !now.Before(a.until) })
	s.changed()
}

// outage answers everything with 503.
var outage = activeFault{Fault: Fault{Name: "outage", Status: http.StatusServiceUnavailable}, kind: &Kind{Name: "outage", strike: (*strike).fail}}

// take returns the fault that decides a request, or nil, and counts it down.
func (s *Set) take(r *Request) *activeFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outage {
		return &outage
	}
	if r.App != nil && slices.ContainsFunc(s.active, asksApp) {
		s.mu.Unlock() // it may be in a body that comes slowly
		app := r.App()
		s.mu.Lock()
		r.App = func() string { return app }
	}
	s.expire()
	page := s.pageOf(r)
	for i, a := range s.active {
		if !s.matches(a, r, page) {
			continue
		}
		if a.skip > 0 {
			a.skip--
			continue
		}
		if a.Probability > 0 && s.draw(a.Name) >= a.Probability {
			continue
		}
		a.struck++
		if a.Count > 0 {
			if a.left--; a.left == 0 {
				s.active = slices.Delete(s.active, i, i+1)
				s.changed()
			}
		}
		return a
	}
	return nil
}

func (s *Set) matches(a *activeFault, r *Request, page int) bool {
	service := a.Service
	if service == AnyService {
		service = a.kind.Service
	}
	switch {
	case service == Graph && !r.Graph, service == Entra && r.Graph,
		!strings.HasPrefix(r.Path, a.Path),
		a.Method != "" && !strings.EqualFold(a.Method, r.Method),
		a.Query != "" && !strings.Contains(strings.ToLower(r.Query), strings.ToLower(a.Query)),
		a.Page > 0 && a.Page != page,
		!a.From.IsZero() && s.h.Now().Before(a.From),
		r.InBatch && a.kind.breaks,
		!a.kind.befalls(r),
		a.App != "" && !strings.EqualFold(a.App, r.app()):
		return false
	}
	return true
}

// pageOf is the number of the page that a request asks for, or 0 when nobody wants to know or the beginning of the scan has
// not been seen. The caller holds the lock.
func (s *Set) pageOf(r *Request) int {
	if !isDeviceList(r) || !slices.ContainsFunc(s.active, func(a *activeFault) bool { return a.Page > 0 }) {
		return 0
	}
	key := r.app() + " " + r.Path
	at, known := s.scans[key]
	switch {
	case !strings.Contains(strings.ToLower(r.Query), "skiptoken="):
		at.page = 1
	case !known:
		return 0
	case at.query != r.Query:
		at.page++
	}
	at.query = r.Query
	if s.scans == nil || len(s.scans) >= maxScans {
		s.scans = map[string]scan{}
	}
	s.scans[key] = at
	return at.page
}

// draw is a number from 0 up to 1 from the stream of a fault. The caller holds the lock.
func (s *Set) draw(name string) float64 {
	if s.random == nil {
		s.random = map[string]io.Reader{}
	}
	if s.random[name] == nil {
		s.random[name] = s.h.Rand("fault/" + name)
	}
	var b [8]byte
	if _, err := io.ReadFull(s.random[name], b[:]); err != nil {
		return 1 // a machine that is down draws nothing
	}
	return float64(binary.BigEndian.Uint64(b[:])>>11) / math.Exp2(53)
}
