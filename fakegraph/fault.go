package fakegraph

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Service is one of the two that a Server plays.
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

// maxFaults bounds the faults in force.
const maxFaults = 100

// SetFault puts a fault in force and returns its number for ClearFault.
func (s *Server) SetFault(f Fault) (int, error) {
	if f.Status != 0 && (f.Status < 300 || f.Status > 599) {
		return 0, fmt.Errorf("fakegraph: fault status %d is not within 300 to 599", f.Status)
	}
	if f.Status == 0 && f.Delay == 0 {
		return 0, fmt.Errorf("fakegraph: fault has neither a status nor a delay")
	}
	f.Prefix = strings.ToLower(f.Prefix)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == maxFaults {
		return 0, fmt.Errorf("fakegraph: %d faults are in force already", maxFaults)
	}
	s.fault++
	s.faults = append(s.faults, &activeFault{Fault: f, number: s.fault, skip: f.Skip, left: f.Count})
	return s.fault, nil
}

// ClearFault ends a fault. A number that is not in force does nothing.
func (s *Server) ClearFault(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeFault(number)
}

// ClearFaults ends all faults. An outage goes on.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Outage starts or ends an outage, in which every request is answered with 503. Devices go on checking in: they
// do not use Graph. An outage of the network is the world's affair.
func (s *Server) Outage(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = on
}

func (s *Server) removeFault(number int) {
	for i, f := range s.faults {
		if f.number == number {
			s.faults = slices.Delete(s.faults, i, i+1)
			return
		}
	}
}

// takeFault returns the fault that decides a request and counts it down.
func (s *Server) takeFault(graph bool, path string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outage {
		return Fault{Status: http.StatusServiceUnavailable}, true
	}
	now := s.h.Now()
	for i := 0; i < len(s.faults); i++ {
		f := s.faults[i]
		if !f.Until.IsZero() && !now.Before(f.Until) {
			s.removeFault(f.number)
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
				s.removeFault(f.number)
			}
		}
		return f.Fault, true
	}
	return Fault{}, false
}

// answerFault applies the faults in force to a request and reports whether the reply has been written.
func (s *Server) answerFault(w http.ResponseWriter, r *http.Request, path string) bool {
	graph := isGraphRequest(r, path)
	f, ok := s.takeFault(graph, path)
	if !ok {
		return false
	}
	s.h.Trace("fault", slog.String("path", path), slog.Int("status", f.Status),
		slog.String("retry_after", f.RetryAfter), slog.String("delay", f.Delay.String()))
	if f.Delay > 0 && s.h.Sleep(f.Delay) != nil {
		return true
	}
	if f.Status == 0 {
		return false
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	switch {
	case f.Body != "":
		contentType := f.ContentType
		if contentType == "" {
			contentType = "text/html"
		}
		writeBody(w, f.Status, contentType, []byte(f.Body))
	case graph:
		s.statusError(w, r, f.Status)
	default:
		s.entraStatusError(w, f.Status)
	}
	return true
}
