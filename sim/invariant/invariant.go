// Package invariant holds the trace of a run against what must be true of every run, whatever the scenario expects: that no
// client is in a VLAN on a state that Intune did not report for its device.
//
// A [Checker] follows what Intune has had on record, from the moment that a device enrols; what the NAC has heard of it; and what
// the NAC decides. It believes the trace of Microsoft and of the access servers, and the scenario file about who is who, but nothing
// that the NAC says about itself except when it has asked.
//
//   - Whenever the NAC takes a client's device for compliant, Intune has had that device in that state, in the time between what
//     the NAC last read and now. The device is one to which the client's address or certificates lead.
//   - Whatever the NAC writes into its database of devices, Intune has had at that time.
//   - A port is open in a VLAN only after a decision that said so.
package invariant

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"nacsim/nac/policy"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

// A Violation is a line of the trace that must not be.
type Violation struct {
	// Invariant is what it breaks, in words.
	Invariant string
	At        time.Duration
	Seq       uint64
	What      string
}

// Error says it all in one line.
func (v *Violation) Error() string {
	return fmt.Sprintf("%s: at %v, line %d of the trace: %s", v.Invariant, v.At, v.Seq, v.What)
}

// The invariants.
const (
	Reported = "compliance rests on what Intune reported for the device"
	Recorded = "the device database holds what Intune reported"
	Decided  = "no port is open without a decision"
)

// reuse is how long the NAC answers a lookup by MAC address from a list that it has read before (mdm.Config.ListReuse), and a little.
const reuse = 90 * time.Second

// maxViolations bounds what is kept; the first are the ones to read.
const maxViolations = 20

// A Checker reads the trace of one run.
type Checker struct {
	file    *scenario.File
	clients map[string]*client // by MAC address
	devices map[string]*device // by Intune device ID
	listing moment             // when the NAC began to read the list, since the latest end of a poll
	polled  moment             // when it began to read the latest list that was good
	found   []*Violation
}

// A moment is a time since the start, if it has come.
type moment struct {
	at   time.Duration
	come bool
}

func (m moment) orLater(o moment) moment {
	if !m.come || o.come && o.at > m.at {
		return o
	}
	return m
}

// New makes a checker of a scenario that is played with a seed.
func New(f *scenario.File, seed uint64) *Checker {
	c := &Checker{file: f, clients: map[string]*client{}, devices: map[string]*device{}}
	for i := range f.Devices {
		k := newClient(&f.Devices[i], seed)
		c.clients[k.mac] = k
	}
	return c
}

// Violations are those that the trace has shown so far, the first twenty.
func (c *Checker) Violations() []*Violation { return c.found }

func (c *Checker) fail(r *trace.Record, invariant, format string, args ...any) {
	if len(c.found) < maxViolations {
		c.found = append(c.found, &Violation{invariant, r.At, r.Seq, fmt.Sprintf(format, args...)})
	}
}

// Record takes in a line of the trace. The lines come in their order.
func (c *Checker) Record(r trace.Record) {
	k := c.clients[r.Field("client")]
	switch r.Kind {
	case "step":
		c.step(&r)
	case "device", "check_in":
		c.intune(&r)
	case "http":
		c.request(&r)
	case "poll":
		if r.Field("result") == "ok" && c.listing.come {
			c.polled = c.listing
		}
		c.listing = moment{}
	case "lookup":
		if k != nil && r.Field("result") != "error" {
			k.asked = moment{began(&r) - reuse, true}
		}
	case "ddb":
		c.database(&r)
	case "decision":
		if k != nil {
			c.decision(&r, k)
		}
	case "port":
		if k != nil {
			c.port(&r, k)
		}
	}
}

// request notices when the NAC begins to read the list of devices.
func (c *Checker) request(r *trace.Record) {
	at, err := url.Parse(r.Field("url"))
	if err != nil || c.listing.come || !strings.HasSuffix(at.Path, "/managedDevices") || strings.Contains(at.RawQuery, "$filter") {
		return
	}
	c.listing = moment{began(r), true}
}

// began is when that of which a record is the end began.
func began(r *trace.Record) time.Duration {
	took, err := time.ParseDuration(r.Field("took"))
	if err != nil {
		return r.At
	}
	return r.At - took
}

// step follows the steps that give devices other names.
func (c *Checker) step(r *trace.Record) {
	var n int
	if _, err := fmt.Sscan(r.Field("index"), &n); err != nil || n < 1 || n > len(c.file.Steps) {
		return
	}
	s := &c.file.Steps[n-1]
	for _, k := range c.clients { // order-free: at most one is meant
		switch {
		case s.Rename != nil && s.Rename.Device == k.device.Name:
			k.name = s.Rename.To
		case s.Certificate != nil && s.Certificate.Device == k.device.Name:
			k.issue(&s.Certificate.Certificate)
		}
	}
}

// decision checks what the NAC takes a client's device for.
func (c *Checker) decision(r *trace.Record, k *client) {
	if r.Field("result") == "accept" {
		k.accepted = append(k.accepted, accept{r.At, r.Field("nas"), r.Field("vlan")})
	}
	if r.Field("mdm") != string(policy.Compliant) {
		return
	}
	word := r.Field("standing")
	if c.file.Settings.Compliance.Status(word) != policy.Compliant {
		c.fail(r, Reported, "%s is taken for compliant while its device is %q", k.device.Name, word)
		return
	}
	if !graphWord(word) {
		return // as the settings have it
	}
	read := c.polled.orLater(k.asked)
	read.at -= c.lag()
	if !read.come {
		c.fail(r, Reported, "%s is taken for compliant before Intune has been asked", k.device.Name)
		return
	}
	if age := r.At - read.at - c.lag() - reuse; c.file.Settings.MaxAge > 0 && age > c.file.Settings.MaxAge {
		c.fail(r, Reported, "%s is taken for compliant on what was read %v ago, and counts for %v", k.device.Name, age, c.file.Settings.MaxAge)
		return
	}
	if !c.reported(read.at, r.At, func(s *state) bool { return s.word == word && k.is(s) }) {
		c.fail(r, Reported, "%s (rule %s, VLAN %s) is taken for compliant, and since %v Intune has not had a device of it as %s",
			k.device.Name, r.Field("rule"), r.Field("vlan"), read.at, word)
	}
}

// database checks what the NAC writes down.
func (c *Checker) database(r *trace.Record) {
	word, id := r.Field("compliance"), r.Field("id")
	if !graphWord(word) || word == "unknown" { // also what the NAC makes of a word that it does not know
		return
	}
	from := r.At - reuse
	if c.listing.come {
		from = min(from, c.listing.at)
	}
	from -= c.lag()
	if !c.reported(from, r.At, func(s *state) bool { return s.id == id && s.word == word }) {
		c.fail(r, Recorded, "%s (%s) is recorded as %s, and since %v Intune has not had it so", r.Field("device"), id, word, from)
	}
}

// lag is how far Graph's views lie behind what Intune has on record.
func (c *Checker) lag() time.Duration {
	return max(c.file.Intune.Visibility.List, c.file.Intune.Visibility.Get)
}

// port checks that what is in force on a port was decided.
func (c *Checker) port(r *trace.Record, k *client) {
	vlan := r.Field("vlan")
	if r.Field("state") != "authorized" {
		return
	}
	for _, a := range slices.Backward(k.accepted) {
		if a.nas == r.Actor && a.vlan == vlan && r.At-a.at < 5*time.Minute {
			return
		}
	}
	c.fail(r, Decided, "%s is in VLAN %s at %s", k.device.Name, vlan, r.Actor)
}

// graphWord reports whether a standing is what Intune says of a device, and not what the NAC makes of its age or its absence.
func graphWord(word string) bool {
	return slices.Contains([]string{"unknown", "compliant", "noncompliant", "conflict", "error", "inGracePeriod", "configManager"}, word)
}

func bare(mac string) string {
	return strings.ToUpper(strings.NewReplacer(":", "", "-", "", ".", "").Replace(mac))
}
