// Package report writes what a run of scenarios came to, for people's tools: JUnit XML, which every CI system
// shows.
package report

import "time"

// An Outcome is how a scenario ended.
type Outcome int

const (
	// Passed means that every expectation was met.
	Passed Outcome = iota
	// Failed means that an expectation was not met.
	Failed
	// Fault means that nacsim or its surroundings broke: the scenario was not decided.
	Fault
)

// String returns "passed", "failed" or "fault".
func (o Outcome) String() string { return [...]string{"passed", "failed", "fault"}[o] }

// A Scenario is the result of one scenario.
type Scenario struct {
	// Name is the name of its output folder, File the path of its file, Title its title.
	Name  string
	File  string
	Title string
	// Seed is the seed it ran with, and Live says that it ran in real time, where the seed decides less.
	Seed uint64
	Live bool

	Outcome Outcome
	// Message is one line on why it did not pass, and Detail all there is to say, in several lines.
	Message string
	Detail  string

	// Steps is the number of its steps, Lasted the world time that passed, Took the real time.
	Steps  int
	Lasted time.Duration
	Took   time.Duration

	// Dir is the folder with its trace and capture, and Sum the hash of the trace in hexadecimal.
	Dir string
	Sum string
}

// A Run is the results of all scenarios of a run, in the order they ran.
type Run struct {
	// Version is that of nacsim.
	Version   string
	Scenarios []Scenario
	Took      time.Duration
}

// Count returns how many scenarios ended in an outcome.
func (r *Run) Count(o Outcome) int {
	n := 0
	for i := range r.Scenarios {
		if r.Scenarios[i].Outcome == o {
			n++
		}
	}
	return n
}
