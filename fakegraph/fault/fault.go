// Package fault makes requests to Entra ID and Graph fail, the way they have been seen to fail (facts: graph-and-entra
// 3, 7.3).
package fault

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"nacsim/fakegraph/wire"
	"nacsim/internal/host"
)

// A Service is one of the two that fakegraph plays.
type Service int

const (
	// AnyService is Entra ID and Graph.
	AnyService Service = iota
	// Entra is the authority: tokens and discovery.
	Entra
	// Graph is the Graph API.
	Graph
)

// A Fault makes requests fail. Of several that match a request the oldest decides.
type Fault struct {
	// Service and Prefix say which requests match. The prefix is compared with the path of the request in lower
	// case and without doubled slashes, for example "/v1.0/devicemanagement"; the empty prefix matches all.
	Service Service
	Prefix  string

	// Status is the HTTP status of the reply. Its body is what the service says for that status. 0 answers
	// normally, which with Delay is a slow reply.
	Status int
	// RetryAfter is the value of the Retry-After header, sent as it is: "2", "2.128", an HTTP date. Empty sends
	// none, as Intune often does (facts 3.3).
	RetryAfter string
	// Body and ContentType replace the service's own error body when Body is not empty, for example with the
	// HTML page of a proxy.
	Body        string
	ContentType string
	// Delay passes on the machine's clock before the reply.
	Delay time.Duration

	// Skip lets that many matching requests through first.
	Skip int
	// Count ends the fault after that many replies. 0 means no such end.
	Count int
	// Until ends the fault at that time on the machine's clock. The zero time means no such end.
	Until time.Time
}

// An activeFault is a fault with what is left of it.
type activeFault struct {
	Fault
	number int
	skip   int
	left   int
}

// A Set holds the faults in force. It is safe for concurrent use.
type Set struct {
	h host.Host

	mu     sync.Mutex // guards what follows
	active []*activeFault
	number int // of the latest
	outage bool
}

// NewSet returns one without faults.
func NewSet(h host.Host) *Set { return &Set{h: h} }

// maxFaults bounds the faults in force.
const maxFaults = 100

// Add puts a fault in force and returns its number for Clear.
func (s *Set) Add(f Fault) (int, error) {
	if f.Status != 0 && (f.Status < 300 || f.Status > 599) {
		return 0, fmt.Errorf("fault status %d is not within 300 to 599", f.Status)
	}
	if f.Status == 0 && f.Delay == 0 {
		return 0, fmt.Errorf("fault has neither a status nor a delay")
	}
	f.Prefix = strings.ToLower(f.Prefix)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.active) == maxFaults {
		return 0, fmt.Errorf("%d faults are in force already", maxFaults)
	}
	s.number++
	s.active = append(s.active, &activeFault{Fault: f, number: s.number, skip: f.Skip, left: f.Count})
	return s.number, nil
}

// Clear ends a fault. A number that is not in force does nothing.
func (s *Set) Clear(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(number)
}

// ClearAll ends all faults. An outage goes on.
func (s *Set) ClearAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = nil
}

// Outage starts or ends an outage, in which every request is answered with 503. Devices go on checking in: they
// do not use Graph. An outage of the network is the world's affair.
func (s *Set) Outage(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = on
}

func (s *Set) remove(number int) {
	for i, f := range s.active {
		if f.number == number {
			s.active = slices.Delete(s.active, i, i+1)
			return
		}
	}
}

// Take returns the fault that decides a request, if there is one, and counts it down.
func (s *Set) Take(graph bool, path string) (Fault, bool) {
	f, struck := s.take(graph, path)
	if struck {
		s.h.Trace("fault", slog.String("path", path), slog.Int("status", f.Status),
			slog.String("retry_after", f.RetryAfter), slog.String("delay", f.Delay.String()))
	}
	return f, struck
}

func (s *Set) take(graph bool, path string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outage {
		return Fault{Status: http.StatusServiceUnavailable}, true
	}
	now := s.h.Now()
	for i := 0; i < len(s.active); i++ {
		f := s.active[i]
		if !f.Until.IsZero() && !now.Before(f.Until) {
			s.remove(f.number)
			i--
			continue
		}
		if f.Service == Graph && !graph || f.Service == Entra && graph || !strings.HasPrefix(path, f.Prefix) {
			continue
		}
		if f.skip > 0 {
			f.skip--
			continue
		}
		if f.Count > 0 {
			if f.left--; f.left == 0 {
				s.remove(f.number)
			}
		}
		return f.Fault, true
	}
	return Fault{}, false
}

// Answer writes what the fault itself says and reports whether it did; otherwise the service answers for the Status.
func (f *Fault) Answer(w http.ResponseWriter) bool {
	if f.Status != 0 && f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Status == 0 || f.Body == "" {
		return false
	}
	contentType := f.ContentType
	if contentType == "" {
		contentType = "text/html"
	}
	wire.WriteBody(w, f.Status, contentType, []byte(f.Body))
	return true
}
