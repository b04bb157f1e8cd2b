package cli

import (
	"time"

	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

// A Runner runs one scenario. An expectation that is not met is part of the result. The error is a fault of nacsim,
// unless it is marked with [BadInput] or is one of the operating system (a port in use, a full disk).
type Runner interface {
	Run(f *scenario.File, o Options) (*Result, error)
}

// RunnerFunc is a function as a [Runner].
type RunnerFunc func(f *scenario.File, o Options) (*Result, error)

// Run calls the function.
func (r RunnerFunc) Run(f *scenario.File, o Options) (*Result, error) { return r(f, o) }

// Options are what the command line says about a run.
type Options struct {
	// Seed is the seed to use: the file's, or that of --seed.
	Seed uint64
	// Live asks for real sockets and real time.
	Live bool
	// Bind are the real addresses asked for in a live run.
	Bind []Bind
	// Dir is an existing folder for trace and capture.
	Dir string
	// Pace, unless it is nil, is called before the virtual clock moves by the given time, and waits.
	Pace func(time.Duration)
	// Subscribe are told of every record of the trace, in order and one at a time.
	Subscribe []func(trace.Record)
}

// A Result is the outcome of a scenario that ran to its end or to a failed expectation.
type Result struct {
	// Failure says, in one line, which expectation was not met; empty means that all were. Detail is all there is
	// to say about it, in several lines.
	Failure string
	Detail  string
	// Lasted is the world time that passed, Took the real time.
	Lasted time.Duration
	Took   time.Duration
	// Sum is the hash of the trace in hexadecimal, equal for equal runs.
	Sum string
}
