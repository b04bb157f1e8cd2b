package interop

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"nacsim/sim/trace"
)

// journal keeps the trace of a world and lets tests wait for lines of it.
type journal struct {
	recorder *trace.Recorder

	mu      sync.Mutex
	records []trace.Record
	grown   chan struct{} // closed and replaced when there are more
}

// newJournal returns a journal with a recorder that writes into it, and into the other sinks.
func newJournal(sinks ...trace.Sink) *journal {
	j := &journal{recorder: trace.NewRecorder(time.Now().UTC(), sinks...), grown: make(chan struct{})}
	j.recorder.Subscribe(j.add)
	return j
}

func (j *journal) add(r trace.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, r)
	close(j.grown)
	j.grown = make(chan struct{})
}

// A pattern is a kind of record followed by fields it must have, each as name=value.
type pattern []string

func (p pattern) matches(r *trace.Record) bool {
	if r.Kind != p[0] {
		return false
	}
	for _, field := range p[1:] {
		name, value, _ := strings.Cut(field, "=")
		if r.Field(name) != value {
			return false
		}
	}
	return true
}

// find returns the records that match.
func (j *journal) find(p ...string) []trace.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []trace.Record
	for i := range j.records {
		if pattern(p).matches(&j.records[i]) {
			found = append(found, j.records[i])
		}
	}
	return found
}

// await waits for the n-th record that matches, counted from 1.
func (j *journal) await(t *testing.T, n int, p ...string) trace.Record {
	t.Helper()
	deadline := time.After(patience)
	for {
		j.mu.Lock()
		grown := j.grown
		j.mu.Unlock()
		if found := j.find(p...); len(found) >= n {
			return found[n-1]
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("the trace has no %d × %q after %v:\n%s", n, p, patience, j)
		}
	}
}

// String is the trace without packets.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b strings.Builder
	for _, r := range j.records {
		if r.Kind == trace.KindPacket {
			continue
		}
		fmt.Fprintf(&b, "%v %s %s", r.At.Round(time.Millisecond), r.Actor, r.Kind)
		for _, f := range r.Fields {
			fmt.Fprintf(&b, " %s=%s", f.Key, trace.Text(f.Value))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
