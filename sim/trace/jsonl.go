package trace

import (
	"bufio"
	"crypto/sha256"
	"hash"
	"io"
	"strconv"
	"time"
)

// JSONL is a sink that writes the trace as text, one JSON object a line, with the keys in a fixed order: seq,
// t (RFC 3339, UTC, always nine digits), at (offset from the start of the run, as a Go duration), actor,
// kind, and then the record's fields in their own order. A field whose name is one of the five gets an
// underscore appended.
//
// Values: durations are Go duration strings, times are RFC 3339, groups are objects, []byte is hexadecimal.
// Secrets are not written.
type JSONL struct {
	w    *bufio.Writer
	hash hash.Hash
	line []byte
	err  error
}

// NewJSONL returns a sink that writes to w. The sink buffers; call Close at the end. A nil w only computes
// the sum.
func NewJSONL(w io.Writer) *JSONL {
	if w == nil {
		w = io.Discard
	}
	return &JSONL{w: bufio.NewWriterSize(w, 64<<10), hash: sha256.New(), line: make([]byte, 0, 1024)}
}

// Record writes one line.
func (j *JSONL) Record(r Record) {
	j.line = append(AppendJSON(j.line[:0], r), '\n')
	j.hash.Write(j.line)
	if j.err == nil {
		_, j.err = j.w.Write(j.line)
	}
}

// Packet writes the packet's record as one line.
func (j *JSONL) Packet(r Record, _ Packet) { j.Record(r) }

// Secret does nothing: secrets belong in the capture only.
func (j *JSONL) Secret(time.Time, string) {}

// Sum is the SHA-256 of all lines written so far. Equal sums mean equal traces.
func (j *JSONL) Sum() (sum [sha256.Size]byte) {
	j.hash.Sum(sum[:0])
	return sum
}

// Close writes out what is buffered and returns the first error of this or any earlier write. The writer stays
// open: it is the caller's.
func (j *JSONL) Close() error { return j.Flush() }

// Flush is Close in the midst of a run; see [Recorder.Flush].
func (j *JSONL) Flush() error {
	if j.err == nil {
		j.err = j.w.Flush()
	}
	return j.err
}

// AppendJSON appends the record to b as the JSON object that [JSONL] writes for it, without a line end.
func AppendJSON(b []byte, r Record) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, r.Seq, 10)
	b = append(b, `,"t":`...)
	b = appendTime(b, r.Time)
	b = append(b, `,"at":"`...)
	b = append(b, r.At.String()...)
	b = append(b, `","actor":`...)
	b = appendString(b, r.Actor)
	b = append(b, `,"kind":`...)
	b = appendString(b, r.Kind)
	for _, a := range r.Fields {
		b = append(b, ',')
		if reserved(a.Key) {
			a.Key += "_"
		}
		b = appendAttr(b, a, 0)
	}
	return append(b, '}')
}

func reserved(key string) bool {
	switch key {
	case "seq", "t", "at", "actor", "kind":
		return true
	}
	return false
}
