package trace

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// collector is a sink that remembers what it was given, as one line each.
type collector struct{ lines []string }

func (c *collector) Record(r Record) {
	c.lines = append(c.lines, fmt.Sprintf("%d %s %s %s", r.Seq, r.At, r.Actor, r.Kind))
}

func (c *collector) Packet(r Record, p Packet) {
	c.lines = append(c.lines, fmt.Sprintf("%d %s %s %s %x", r.Seq, r.At, r.Actor, r.Kind, p.Data))
}

func (c *collector) Secret(at time.Time, line string) {
	c.lines = append(c.lines, "secret "+line)
}

func TestRecorderNumbersInOrder(t *testing.T) {
	var sink collector
	r := NewRecorder(start, &sink)
	r.Emit(start, "nac", "decision", slog.String("result", "accept"))
	r.Secret(start, "CLIENT_RANDOM 00 01\n")
	r.Packet(Packet{Time: start.Add(time.Millisecond), FromHost: "ap-1", Data: []byte{1, 2}})
	r.Packet(Packet{Time: start.Add(time.Second), Data: []byte{3}})
	want := []string{
		"1 0s nac decision",
		"secret CLIENT_RANDOM 00 01",
		"2 1ms ap-1 packet 0102",
		"3 1s net packet 03",
	}
	if !slices.Equal(sink.lines, want) {
		t.Errorf("sink received\n%q\nwant\n%q", sink.lines, want)
	}
	if r.Seq() != 3 {
		t.Errorf("Seq() = %d, want 3", r.Seq())
	}
}

func TestRecorderPassesEachSecretOnce(t *testing.T) {
	var sink collector
	r := NewRecorder(start, &sink)
	for range 2 { // both ends of a connection log the same lines
		r.Secret(start, "CLIENT_TRAFFIC_SECRET_0 aa bb\n")
		r.Secret(start, "SERVER_TRAFFIC_SECRET_0 aa cc\r\n")
	}
	r.Secret(start, "\n")
	if want := []string{"secret CLIENT_TRAFFIC_SECRET_0 aa bb", "secret SERVER_TRAFFIC_SECRET_0 aa cc"}; !slices.Equal(sink.lines, want) {
		t.Errorf("sink received %q, want %q", sink.lines, want)
	}
}

func TestRecorderForgetsOldSecrets(t *testing.T) {
	r := NewRecorder(start)
	for i := range 3 * secretsRemembered {
		r.Secret(start, fmt.Sprint("line ", i))
	}
	if len(r.secrets) != secretsRemembered || len(r.secretOrder) != secretsRemembered {
		t.Errorf("remembers %d lines in a ring of %d, want %d", len(r.secrets), len(r.secretOrder), secretsRemembered)
	}
	if _, ok := r.secrets[fmt.Sprint("line ", 3*secretsRemembered-1)]; !ok {
		t.Error("the newest line is forgotten")
	}
}

func TestSubscribe(t *testing.T) {
	r := NewRecorder(start)
	var first, second []uint64
	cancel := r.Subscribe(func(rec Record) { first = append(first, rec.Seq) })
	r.Subscribe(func(rec Record) { second = append(second, rec.Seq) })
	r.Emit(start, "nac", "decision")
	r.Packet(Packet{Time: start})
	cancel()
	cancel()
	r.Emit(start, "nac", "session")
	if !slices.Equal(first, []uint64{1, 2}) || !slices.Equal(second, []uint64{1, 2, 3}) {
		t.Errorf("subscribers saw %v and %v, want [1 2] and [1 2 3]", first, second)
	}
}

// TestSubscribeEvents holds that such a subscriber hears of no packets, which are then not decoded either.
func TestSubscribeEvents(t *testing.T) {
	r := NewRecorder(time.Time{})
	var kinds []string
	r.SubscribeEvents(func(rec Record) { kinds = append(kinds, rec.Kind) })
	r.Emit(time.Time{}, "nac", "decision")
	r.Packet(Packet{Data: []byte("x")})
	if !r.unheard() {
		t.Error("packets are decoded for nobody")
	}
	cancel := r.Subscribe(func(Record) {})
	r.Packet(Packet{Data: []byte("x")})
	r.Emit(time.Time{}, "nac", "event")
	cancel()
	if got := strings.Join(kinds, " "); got != "decision event" || r.Seq() != 5 {
		t.Errorf("heard %q of %d records", got, r.Seq())
	}
}

// TestWanted holds that a recorder knows which kinds of records somebody wants, and hands out no others.
func TestWanted(t *testing.T) {
	r := NewRecorder(time.Time{})
	var heard []string
	r.SubscribeEvents(func(rec Record) { heard = append(heard, rec.Kind) }, "decision", "drop")
	for kind, want := range map[string]bool{"decision": true, "drop": true, "event": false, KindPacket: false} {
		if r.Wanted(kind) != want {
			t.Errorf("Wanted(%q) is not %v", kind, want)
		}
	}
	r.Emit(time.Time{}, "nac", "event")
	r.Emit(time.Time{}, "nac", "drop")
	if !slices.Equal(heard, []string{"drop"}) {
		t.Errorf("heard %q", heard)
	}
	if cancel := r.SubscribeEvents(func(Record) {}); !r.Wanted("event") || r.Wanted(KindPacket) {
		t.Error("a subscriber without kinds wants all but packets")
	} else {
		cancel()
	}
	if cancel := r.Subscribe(func(Record) {}); !r.Wanted(KindPacket) {
		t.Error("a subscriber to everything wants packets")
	} else {
		cancel()
	}
	if r.Wanted("event") || !NewRecorder(time.Time{}, NewJSONL(&strings.Builder{})).Wanted("event") {
		t.Error("a sink wants everything, and who has left nothing")
	}
}

// TestFlush holds that what has happened can be read while the run goes on.
func TestFlush(t *testing.T) {
	var b strings.Builder
	r := NewRecorder(time.Time{}, NewJSONL(&b))
	r.Emit(time.Time{}, "nac", "decision")
	if err := r.Flush(); err != nil || !strings.Contains(b.String(), "decision") {
		t.Errorf("got %q, %v", b.String(), err)
	}
}

func TestRecorderConcurrently(t *testing.T) {
	var sink collector
	r := NewRecorder(start, &sink)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				r.Emit(start, "nac", "event")
				r.Secret(start, "same")
				r.Packet(Packet{Time: start})
			}
		})
	}
	wg.Wait()
	if r.Seq() != 800 || len(sink.lines) != 801 {
		t.Errorf("%d records, %d lines; want 800 and 801", r.Seq(), len(sink.lines))
	}
}
