package cli

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"nacsim/sim/trace"
)

// TestNACLogIsPrintable holds that what devices are called in Intune, and the rest that comes from outside, does nothing to a terminal.
func TestNACLogIsPrintable(t *testing.T) {
	var out bytes.Buffer
	l := newNACLog(&out, false)
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, time.Local)
	l.record(trace.Record{Time: at, Kind: "lookup", Fields: []slog.Attr{slog.String("client", "c"), slog.String("result", "found"),
		slog.String("device", "A\x1b[2J\u009b31m\u202eB\nC"), slog.String("compliance", "compliant")}})
	if got, want := out.String(), "08:00:00.000  lookup   c found A\uFFFD[2J\uFFFD31m\uFFFDB\uFFFDC compliant\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
