// Package trace is the record of a run: an ordered list of what happened, each entry with its sequence
// number, world time, actor, kind and fields, and the packets and TLS secrets that go with it.
//
// A world owns one [Recorder] and feeds it: [Recorder.Emit] for what programs trace, [Recorder.Packet] for
// what the network carried, [Recorder.Secret] for lines of TLS key log. The recorder numbers the records and
// hands them, one at a time and in order, to its sinks (the JSONL file of this package, the capture of
// sim/capture) and to subscribers (the expectations of the runner, the timeline).
//
// The same sequence of calls gives the same bytes in every sink, so two runs can be compared by [JSONL.Sum].
package trace

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"nacsim/sim/decode"
)

// KindPacket is the kind of the records that [Recorder.Packet] makes.
const KindPacket = "packet"

// Packet is a datagram or frame as the network carried it. See [decode.Packet].
type Packet = decode.Packet

// A Record is one line of the trace.
type Record struct {
	// Seq numbers the records of a run from 1, without gaps.
	Seq uint64
	// Time is the world's time, and At the same as an offset from the start of the run.
	Time time.Time
	At   time.Duration
	// Actor is the machine's name, or "net" or "runner" where it is no machine's doing.
	Actor string
	// Kind says what Fields to expect, for example "decision".
	Kind string
	// Fields are in the order in which they are written. Receivers must not change them.
	Fields []slog.Attr
}

// Field returns the value of the named field as text, as it appears in the trace without quotes, or "" when
// there is none.
func (r *Record) Field(name string) string {
	for i := range r.Fields {
		if r.Fields[i].Key == name {
			return Text(r.Fields[i].Value)
		}
	}
	return ""
}

// A Sink receives everything a Recorder is given. Its methods are called one at a time, in order, with the
// recorder locked: they must not call the recorder. A sink that can fail keeps its first error and reports
// it when it is closed.
type Sink interface {
	// Record receives every record that is no packet.
	Record(Record)
	// Packet receives a packet and its record. p.Data is only valid during the call.
	Packet(Record, Packet)
	// Secret receives one line of TLS key log in the format of the SSLKEYLOGFILE (RFC 9850), without a line
	// end. Each line comes once, before the packets that need it.
	Secret(at time.Time, line string)
}

// secretsRemembered bounds the memory for lines of key log already seen. Both ends of a connection log the
// same lines within one handshake, so the memory needs to reach back only over the handshakes in progress.
const secretsRemembered = 8192

// A Recorder numbers what happens in a world and hands it to the sinks. It is safe for concurrent use; the
// order of concurrent calls is the order in which they get the lock.
type Recorder struct {
	start time.Time

	mu          sync.Mutex
	seq         uint64
	sinks       []Sink
	subscribers []subscriber
	nextID      int
	secrets     map[string]struct{}
	secretOrder []string // ring of the keys of secrets, oldest at secretNext once it is full
	secretNext  int
	exchanges   exchanges
}

type subscriber struct {
	id    int
	f     func(Record)
	kinds []string // that it wants; none means all but packets
	all   bool     // those too
}

func (s *subscriber) wants(kind string) bool {
	switch {
	case s.all:
		return true
	case len(s.kinds) > 0:
		return slices.Contains(s.kinds, kind)
	}
	return kind != KindPacket
}

// NewRecorder returns a recorder for a run that starts at the given world time.
func NewRecorder(start time.Time, sinks ...Sink) *Recorder {
	return &Recorder{start: start, sinks: sinks, secrets: map[string]struct{}{}}
}

// Start is the world time that offsets count from.
func (r *Recorder) Start() time.Time { return r.start }

// Seq is the number of records so far, which is the sequence number of the last one.
func (r *Recorder) Seq() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq
}

// Subscribe calls f for every record from now on, packets included, after the sinks have had it. It is
// called with the recorder locked: it must be quick and must not call the recorder; setting a flag or a
// host.Signal is what it is for. The returned function ends the subscription.
func (r *Recorder) Subscribe(f func(Record)) (cancel func()) {
	return r.subscribe(subscriber{f: f, all: true})
}

// SubscribeEvents is Subscribe for records of some kinds, or, without any, of all kinds but packets. What nobody wants is
// not made up, and packets are not decoded, which is most of what a recorder costs.
func (r *Recorder) SubscribeEvents(f func(Record), kinds ...string) (cancel func()) {
	return r.subscribe(subscriber{f: f, kinds: kinds})
}

func (r *Recorder) subscribe(s subscriber) (cancel func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nextID++
	id := r.nextID
	s.id = id
	r.subscribers = append(r.subscribers, s)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i, s := range r.subscribers {
			if s.id == id {
				// A new slice, so that a delivery in progress is not disturbed.
				r.subscribers = append(append([]subscriber(nil), r.subscribers[:i]...), r.subscribers[i+1:]...)
				return
			}
		}
	}
}

// Emit records that something of the given kind happened. It keeps fields; the caller must not change them
// afterwards.
func (r *Recorder) Emit(t time.Time, actor, kind string, fields ...slog.Attr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.number(t, actor, kind, fields)
	for _, s := range r.sinks {
		s.Record(rec)
	}
	r.publish(rec)
}

// Packet records a datagram or frame with its decoding; an answer of RADIUS is about the client of its request. It does
// not keep p.Data. A recorder that nobody
// listens to only counts it.
func (r *Recorder) Packet(p Packet) {
	if r.unheard() {
		return
	}
	fields := decode.Fields(p)
	actor := p.FromHost
	if actor == "" {
		actor = "net"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fields = r.exchanges.complete(&p, fields)
	rec := r.number(p.Time, actor, KindPacket, fields)
	for _, s := range r.sinks {
		s.Packet(rec, p)
	}
	r.publish(rec)
}

// Secret passes on one line of TLS key log, unless it has been seen before. A line end is removed; an empty
// line is ignored. Secrets get no sequence number: they are not part of the trace, only of the capture.
func (r *Recorder) Secret(t time.Time, keylogLine string) {
	line := strings.TrimRight(keylogLine, "\r\n")
	if line == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.rememberSecret(line) {
		return
	}
	for _, s := range r.sinks {
		s.Secret(t, line)
	}
}

// Flush has the sinks that buffer write out what they hold, for those who watch a long run. It returns the first error.
func (r *Recorder) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var first error
	for _, s := range r.sinks {
		if f, ok := s.(interface{ Flush() error }); ok {
			if err := f.Flush(); first == nil {
				first = err
			}
		}
	}
	return first
}

// Wanted reports whether a sink or a subscriber wants records of the kind.
func (r *Recorder) Wanted(kind string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wanted(kind)
}

func (r *Recorder) wanted(kind string) bool {
	if len(r.sinks) > 0 {
		return true
	}
	for i := range r.subscribers {
		if r.subscribers[i].wants(kind) {
			return true
		}
	}
	return false
}

// unheard reports whether there is nobody to decode a packet for, and if so counts it.
func (r *Recorder) unheard() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wanted(KindPacket) {
		return false
	}
	r.seq++
	return true
}

func (r *Recorder) number(t time.Time, actor, kind string, fields []slog.Attr) Record {
	r.seq++
	return Record{Seq: r.seq, Time: t, At: t.Sub(r.start), Actor: actor, Kind: kind, Fields: fields}
}

func (r *Recorder) publish(rec Record) {
	for i := range r.subscribers {
		if s := &r.subscribers[i]; s.wants(rec.Kind) {
			s.f(rec)
		}
	}
}

// rememberSecret reports whether the line is new.
func (r *Recorder) rememberSecret(line string) bool {
	if _, seen := r.secrets[line]; seen {
		return false
	}
	r.secrets[line] = struct{}{}
	if len(r.secretOrder) < secretsRemembered {
		r.secretOrder = append(r.secretOrder, line)
		return true
	}
	delete(r.secrets, r.secretOrder[r.secretNext])
	r.secretOrder[r.secretNext] = line
	r.secretNext = (r.secretNext + 1) % secretsRemembered
	return true
}
