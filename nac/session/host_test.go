package session

import (
	"testing"

	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
)

// machine is a host of which a table needs the clock, the trace and the store.
type machine struct {
	*testhost.Machine
	store host.Store // that of the table
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	m := &machine{Machine: testhost.New(t).Machine("nac", "10.0.0.1")}
	var err error
	if m.store, err = m.Store("sessions"); err != nil {
		t.Fatal(err)
	}
	return m
}

// taken returns the trace lines of a kind since the last call.
func (m *machine) taken(kind string) []string {
	var out []string
	for _, l := range m.Lines {
		if l.Kind == kind {
			out = append(out, l.Fields)
		}
	}
	m.Lines = nil
	return out
}

// records counts what is stored; it is -1 if that cannot be read.
func (m *machine) records() int {
	n := 0
	if m.store.Scan("", func(string, []byte) bool { n++; return true }) != nil {
		return -1
	}
	return n
}
