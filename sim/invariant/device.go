package invariant

import (
	"time"

	"nacsim/sim/trace"
)

// A device is a record in Intune, with all that it has been.
type device struct {
	states []state
}

// A state is what Intune has on record from a moment on.
type state struct {
	from                  time.Duration
	enrolled              bool
	id, entra, name, word string
	wifi, ethernet        string
}

// intune follows what Intune has on record.
func (c *Checker) intune(r *trace.Record) {
	id := r.Field("id")
	d := c.devices[id]
	if d == nil {
		d = &device{}
		c.devices[id] = d
	}
	s := state{id: id, word: "unknown"}
	if n := len(d.states); n > 0 {
		s = d.states[n-1]
	}
	s.from = r.At
	switch r.Field("change") {
	case "enrolled":
		s = state{from: r.At, enrolled: true, id: id, entra: r.Field("azureADDeviceId"), name: r.Field("device"), word: "unknown",
			wifi: bare(r.Field("wiFiMacAddress")), ethernet: bare(r.Field("ethernetMacAddress"))}
	case "renamed":
		s.name = r.Field("device")
	case "removed":
		s.enrolled = false
	}
	if word := r.Field("complianceState"); word != "" {
		s.word = word
	}
	d.states = append(d.states, s)
}

// reported tells whether Intune has had a record like that at any time between two moments.
func (c *Checker) reported(from, to time.Duration, like func(*state) bool) bool {
	for _, d := range c.devices { // order-free: any will do
		for i := range d.states {
			s := &d.states[i]
			over := i+1 < len(d.states) && d.states[i+1].from < from
			if !over && s.from <= to && s.enrolled && like(s) {
				return true
			}
		}
	}
	return false
}
