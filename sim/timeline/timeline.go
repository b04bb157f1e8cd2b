// Package timeline prints a run for people: one line for each thing that a network engineer would want to
// know, as it happens, with the world's time, who did it, and what.
//
//	00:00:00.000  laptop-1    connects to ap-1
//	00:00:00.031  laptop-1    EAP-TLS over ap-1: TLS 1.3, 6 round trips
//	00:00:00.031  nac         accepts laptop-1: VLAN 1 by rule Quarantine Unknown: …
//	00:00:00.045  ap-1        laptop-1 is on the network, VLAN 1
//
// A [Timeline] reads the records of a trace.Recorder, to which it subscribes. It shows the steps of protocols
// that went as usual as one line, and repetitions as a count; verbose, it shows every record and packet. MAC
// addresses of devices that the run has named are replaced by the names.
package timeline

import (
	"io"
	"maps"
	"os"
	"strconv"
	"time"

	"golang.org/x/term"

	"nacsim/sim/trace"
)

// Options say how a timeline looks.
type Options struct {
	// Verbose shows every record and every packet.
	Verbose bool
	// Color marks results with ANSI colours. See [Color].
	Color bool
	// Fold keeps the lines back: [Timeline.Finish] then prints one line for a run that passed, and the last
	// lines with one that did not. It is for runs of many files.
	Fold bool
	// Keep is how many lines are kept back for a run that fails; zero means 30.
	Keep int
	// Names are the devices that are known from the start, by MAC address in lower-case colon form. Others are
	// learnt from what their supplicants say.
	Names map[string]string
}

const defaultKeep = 30

// An Outcome is how a run ended.
type Outcome struct {
	// Name of the scenario.
	Name   string
	Passed bool
	// Lasted is the world's time that passed, Took the real time.
	Lasted, Took time.Duration
	// Reason says why the run did not pass; it may have several lines.
	Reason string
}

// A Timeline writes the lines of one run. Its methods are called one at a time, as a recorder does.
type Timeline struct {
	w   io.Writer
	o   Options
	err error

	names   names
	logins  logins
	last    line
	repeats int // lines like last that were not printed
	quiet   int // polls and check-ins without news since the last line
	trouble trouble
	kept    ring
	buf     []byte
}

// New returns a timeline that writes to w. Pass its Record method to trace.Recorder.Subscribe.
func New(w io.Writer, o Options) *Timeline {
	if o.Keep <= 0 {
		o.Keep = defaultKeep
	}
	t := &Timeline{w: w, o: o, names: maps.Clone(names(o.Names)), logins: newLogins(), kept: ring{max: o.Keep}}
	if t.names == nil {
		t.names = names{}
	}
	return t
}

// Color reports whether a file wants colours: it is a terminal that has them, and the user has not set
// NO_COLOR (https://no-color.org).
func Color(f *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// A line is what there is to print about a record.
type line struct {
	at    time.Duration
	actor string
	text  string
	look  look
	// more are further lines below the text, in the same column.
	more []string
	// recurs marks a failure that comes again and again while its cause lasts.
	recurs bool
}

// look is how a line is marked.
type look int

const (
	plain   look = iota
	good         // an expectation that is met
	bad          // one that is not, a refusal, an error
	fault        // what the scenario or the network did to the programs
	heading      // a step of the scenario
	detail       // shown only when verbose
)

// Record takes one record.
func (t *Timeline) Record(r trace.Record) {
	t.names.learn(&r)
	if l, ok := t.login(&r); ok {
		t.show(l)
	}
	l, news := t.describe(&r)
	switch {
	case l.text == "":
		return
	case l.look == detail && !t.o.Verbose:
		if news == quiet {
			t.quiet++
		}
		if r.Kind == "poll" { // which went well
			t.endTrouble()
		}
		return
	}
	l.at = r.At
	if l.actor == "" {
		l.actor = r.Actor
	}
	t.show(l)
}

// Finish prints the end of the run and reports the first error of writing.
func (t *Timeline) Finish(o Outcome) error {
	t.settle()
	if t.o.Fold {
		t.fold(o)
	} else {
		t.end(o)
	}
	return t.err
}

// fold prints one line, and for a failure what led to it.
func (t *Timeline) fold(o Outcome) {
	b := t.verdict(t.buf[:0], o)
	if !o.Passed {
		if t.kept.dropped > 0 {
			b = append(b, "  … "...)
			b = strconv.AppendInt(b, int64(t.kept.dropped), 10)
			b = append(b, " earlier lines\n"...)
		}
		for _, kept := range t.kept.lines() {
			b = append(append(b, "  "...), kept...)
		}
		b = appendIndented(b, o.Reason)
	}
	t.write(b)
}

func (t *Timeline) end(o Outcome) {
	b := append(t.buf[:0], '\n')
	b = t.verdict(b, o)
	if !o.Passed {
		b = appendIndented(b, o.Reason)
	}
	t.write(b)
}

// verdict appends "✓ name  2h0m3s (12ms)".
func (t *Timeline) verdict(b []byte, o Outcome) []byte {
	mark, how := good, "✓ "
	if !o.Passed {
		mark, how = bad, "✗ "
	}
	b = t.paint(b, mark)
	b = append(append(b, how...), clean(o.Name)...)
	b = t.unpaint(b, mark)
	b = append(b, "  "...)
	b = append(b, o.Lasted.Round(time.Millisecond).String()...)
	b = append(b, " in "...)
	b = append(b, o.Took.Round(time.Millisecond).String()...)
	return append(b, '\n')
}

// show prints a line, or counts it when it repeats the last one, or a failure that lasts.
func (t *Timeline) show(l line) {
	if l.recurs && !t.o.Verbose && t.trouble.again(&l) {
		return
	}
	if l.look == heading {
		t.endTrouble()
	}
	if l.actor == t.last.actor && l.text == t.last.text && !t.o.Verbose && t.quiet == 0 {
		t.repeats++
		t.last.at = l.at
		return
	}
	t.settle()
	t.last = l
	t.print(l)
}

// settle prints what has only been counted.
func (t *Timeline) settle() {
	if t.repeats > 0 {
		t.print(line{at: t.last.at, text: "… " + strconv.Itoa(t.repeats) + " more like that", look: detail})
	}
	if t.quiet > 0 {
		t.print(line{at: -1, text: "… " + plural(t.quiet, "poll or check-in", "polls and check-ins") + " without news", look: detail})
	}
	t.repeats, t.quiet = 0, 0
	if t.trouble.counted > 0 {
		t.print(line{at: -1, text: "… " + plural(t.trouble.counted, "failure", "failures") + " like those above", look: detail})
	}
	t.trouble.counted = 0
}

// endTrouble shows failures anew from now on.
func (t *Timeline) endTrouble() {
	if t.trouble.counted > 0 {
		t.settle()
	}
	t.trouble.shown = t.trouble.shown[:0]
}

// print writes a line, or keeps it back.
func (t *Timeline) print(l line) {
	t.buf = t.appendLine(t.buf[:0], l)
	if t.o.Fold {
		t.kept.add(string(t.buf))
		return
	}
	t.write(t.buf)
}

func (t *Timeline) write(b []byte) {
	if t.err == nil {
		_, t.err = t.w.Write(b)
	}
}
