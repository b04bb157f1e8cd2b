package mdm

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"nacsim/internal/guid"
	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
)

// start is when the clock of a machine starts.
var start = testhost.Start

// A machine makes HTTP requests, which the test answers.
type machine struct {
	*testhost.Machine
	t *testing.T

	// serve answers round trips, each of which takes the latency.
	serve    func(*http.Request) (*http.Response, error)
	latency  time.Duration
	requests []string
}

func newMachine(t *testing.T) *machine {
	return &machine{Machine: testhost.New(t).Machine("nac", "10.0.0.1"), t: t, latency: time.Millisecond}
}

// restart crashes the machine and returns its next boot.
func (m *machine) restart() *machine {
	return &machine{Machine: m.Restart(), t: m.t, latency: m.latency, serve: m.serve}
}

// requested counts the requests that contain a text, and forgets all.
func (m *machine) requested(part string) int {
	n := 0
	for _, r := range m.requests {
		if strings.Contains(r, part) {
			n++
		}
	}
	m.requests = nil
	return n
}

func (m *machine) RoundTrip(r *http.Request, o host.HTTPOptions) (*http.Response, error) {
	line := r.Method + " " + r.URL.String()
	m.requests = append(m.requests, line)
	if id := r.Header.Get("client-request-id"); !guid.Valid(id) {
		m.t.Errorf("%s: client-request-id %q", line, id)
	}
	if o.Timeout <= 0 || o.MaxBody <= 0 {
		m.t.Errorf("%s: no limits in %+v", line, o)
	}
	if err := m.Sleep(m.latency); err != nil {
		return nil, err
	}
	return m.serve(r)
}
