package play

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"nacsim/internal/host"
	"nacsim/sim/decode"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

// A judge knows at every moment whether the expectations of a scenario hold. It counts matching records as
// they come in, so it needs no memory of the trace.
type judge struct {
	mu       sync.Mutex
	view     *view
	byKind   map[string][]*counter
	counters map[*scenario.Expect]*counter
	recent   recent

	// watched is the expectation that the runner waits for to become (or cease to be) true; changed is set when
	// that may have happened.
	watched *scenario.Expect
	held    bool
	changed host.Signal
}

// counter counts the records that match one expectation.
type counter struct {
	expect     *scenario.Expect
	conditions []condition
	all        int // since the start of the run
	sinceStep  int // since the last step that is not an expectation
}

// A condition is a field of a record and what it must be.
type condition struct {
	field *scenario.RecordField
	want  string
}

// conditions are what the keys of an expectation mean in the kind of record that it is about.
func conditions(e *scenario.Expect) []condition {
	kind := scenario.RecordKindNamed(e.Record)
	var list []condition
	for _, k := range []struct{ key, want string }{
		{"vlan", e.VLAN}, {"rule", e.Rule}, {"compliance", e.Compliance}, {"role", e.Role}, {"nas", e.NAS},
		{"key", e.Key}, {"from", e.From}, {"to", e.To},
	} {
		if k.want != "" {
			list = append(list, condition{kind.Keyed(k.key, e.Value), k.want})
		}
	}
	if e.Value != "" && kind.Principal != "" {
		list = append(list, condition{kind.Named(kind.Principal, ""), e.Value})
	}
	return list
}

// holds reports whether a record is as the condition says. A field that the kind lacks is never so.
func (c *condition) holds(r *trace.Record) bool {
	if c.field == nil {
		return false
	}
	got := field(r, c.field.Name)
	return got == c.want || c.field.List && slices.Contains(strings.Split(got, ","), c.want)
}

func newJudge(f *scenario.File, v *view) *judge {
	j := &judge{view: v, byKind: map[string][]*counter{}, counters: map[*scenario.Expect]*counter{}}
	for i := range f.Steps {
		e := f.Steps[i].Expect
		if e == nil || e.Record == "" {
			continue
		}
		c := &counter{expect: e, conditions: conditions(e)}
		j.counters[e] = c
		j.byKind[e.Record] = append(j.byKind[e.Record], c)
	}
	return j
}

// record takes in one line of the trace. It is called with the recorder locked.
func (j *judge) record(r trace.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.view.update(&r)
	for _, c := range j.byKind[r.Kind] {
		if j.matches(c, &r) {
			c.all++
			c.sinceStep++
		}
	}
	j.recent.add(j.view, &r)
	if j.watched != nil && j.holds(j.watched) != j.held {
		j.changed.Set()
	}
}

// alias makes a device known under another Intune device ID.
func (j *judge) alias(device, id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.view.byRecord[strings.ToLower(id)] = j.view.byDevice[device]
}

// act begins a new step that is not an expectation.
func (j *judge) act() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, counters := range j.byKind { // order-free: every counter is set to zero
		for _, c := range counters {
			c.sinceStep = 0
		}
	}
}

// watch reports whether e holds now, and has the signal set when that changes.
func (j *judge) watch(e *scenario.Expect) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.watched, j.held = e, j.holds(e)
	return j.held
}

func (j *judge) unwatch() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.watched = nil
}

// holds decides an expectation on what is known now.
func (j *judge) holds(e *scenario.Expect) bool {
	if e.Record == "" {
		return j.stateHolds(e) != e.Not
	}
	n := j.count(e)
	switch {
	case e.Not:
		return n == 0
	case e.Count != nil:
		return n == *e.Count
	case e.AtMost != nil && n > *e.AtMost:
		return false
	}
	return n >= e.AtLeast
}

func (j *judge) count(e *scenario.Expect) int {
	c := j.counters[e]
	if e.SinceStart {
		return c.all
	}
	return c.sinceStep
}

func (j *judge) stateHolds(e *scenario.Expect) bool {
	c := j.view.byDevice[e.Client]
	return (e.VLAN == "" || e.VLAN == c.vlan) &&
		(e.State == "" || e.State == c.state()) &&
		(e.Rule == "" || e.Rule == c.rule) &&
		(e.Role == "" || e.Role == c.role) &&
		(e.Compliance == "" || e.Compliance == c.compliance) &&
		(e.NAS == "" || e.NAS == c.nas) &&
		(e.Port == 0 || e.Port == c.port)
}

// matches reports whether a record is one that an expectation speaks of.
func (j *judge) matches(c *counter, r *trace.Record) bool {
	e := c.expect
	if e.Client != "" {
		if c := j.view.of(r); c == nil || c.device != e.Client {
			return false
		}
	}
	if e.Value != "" && r.Kind == trace.KindPacket && !decode.FieldsMatch(r.Fields, e.Value) {
		return false
	}
	for i := range c.conditions {
		if !c.conditions[i].holds(r) {
			return false
		}
	}
	for _, w := range e.Where {
		if !w.Match(field(r, w.Name)) {
			return false
		}
	}
	return true
}

// field finds a field of a record, or its actor; a dot leads into a group.
func field(r *trace.Record, path string) string {
	if path == "actor" {
		return r.Actor
	}
	name, rest, nested := strings.Cut(path, ".")
	if v := r.Field(path); v != "" || !nested {
		return v
	}
	for _, a := range r.Fields {
		if a.Key == name {
			for _, b := range a.Value.Resolve().Group() {
				if b.Key == rest {
					return trace.Text(b.Value)
				}
			}
		}
	}
	return ""
}

// wanted puts an expectation into words.
func wanted(e *scenario.Expect) string {
	var s []string
	add := func(name, value string) {
		if value != "" {
			s = append(s, name+" "+value)
		}
	}
	if e.Record != "" {
		add(e.Record, orAny(e.Value))
		switch {
		case e.Not:
		case e.Count != nil:
			s[0] = "exactly " + times(*e.Count) + " " + s[0]
		case e.AtMost != nil && e.AtLeast > 0:
			s[0] = strconv.Itoa(e.AtLeast) + " to " + times(*e.AtMost) + " " + s[0]
		case e.AtMost != nil:
			s[0] = "at most " + times(*e.AtMost) + " " + s[0]
		case e.AtLeast > 1:
			s[0] = "at least " + times(e.AtLeast) + " " + s[0]
		}
	}
	add("client", e.Client)
	add("vlan", e.VLAN)
	add("state", e.State)
	add("rule", quoted(e.Rule))
	add("role", quoted(e.Role))
	add("compliance", e.Compliance)
	add("nas", e.NAS)
	if e.Port != 0 {
		add("port", strconv.Itoa(e.Port))
	}
	add("key", e.Key)
	add("from", e.From)
	add("to", e.To)
	for _, w := range e.Where {
		add(w.Name, w.Value)
	}
	text := strings.Join(s, ", ")
	if e.Not {
		return "not: " + text
	}
	return text
}

// found puts into words what was there instead.
func (j *judge) found(e *scenario.Expect) string {
	if e.Record != "" {
		since := "since the last action"
		if e.SinceStart {
			since = "since the start"
		}
		return fmt.Sprintf("%s %s", times(j.count(e)), since)
	}
	c := j.view.byDevice[e.Client]
	s := []string{"state " + c.state()}
	add := func(name, value string) {
		if value != "" {
			s = append(s, name+" "+value)
		}
	}
	add("vlan", c.vlan)
	add("rule", quoted(c.rule))
	add("role", quoted(c.role))
	add("compliance", c.compliance)
	if c.connected {
		at := c.nas
		if c.port != 0 {
			at += "/" + strconv.Itoa(c.port)
		}
		add("at", at)
	}
	return strings.Join(s, ", ")
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return strconv.Quote(s)
}

func orAny(s string) string {
	if s == "" {
		return "(any)"
	}
	return s
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

// recent remembers the last records that a reader of a failure wants to see: of the client in question, or
// all when there is none. Packets, which there are many of, are left out.
type recent struct {
	all      ring
	byClient map[string]*ring
}

const recentKept = 12

type ring []trace.Record

func (g *ring) add(r trace.Record) {
	if len(*g) == recentKept {
		copy(*g, (*g)[1:])
		(*g)[recentKept-1] = r
		return
	}
	*g = append(*g, r)
}

func (x *recent) add(v *view, r *trace.Record) {
	switch r.Kind {
	case trace.KindPacket, "step", "expect", "scenario", "http":
		return
	}
	x.all.add(*r)
	if c := v.of(r); c != nil {
		if x.byClient == nil {
			x.byClient = map[string]*ring{}
		}
		if x.byClient[c.device] == nil {
			x.byClient[c.device] = &ring{}
		}
		x.byClient[c.device].add(*r)
	}
}

// of returns the records about a client, or the last of all.
func (x *recent) of(client string) []trace.Record {
	if client == "" {
		return x.all
	}
	if g := x.byClient[client]; g != nil {
		return *g
	}
	return nil
}
