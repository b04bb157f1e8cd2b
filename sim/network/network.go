// Package network decides what happens to a packet on its way: how long it takes, and whether it is lost,
// duplicated, reordered or held back. Both worlds ask it, so a scenario's faults are the same in each.
//
// Every choice other than the ordinary one is made at a decision point with a label, such as
// "link/ap-1>nac/loss#3" (the third time that a loss was decided on that link in that direction), and is
// reported with it. The labels and the scenario together describe a run without its seed.
package network

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"nacsim/sim/decode"
)

// A Delivery is one arrival of a packet. Delay counts from when it was sent. Note says what was done to it,
// or is empty.
type Delivery struct {
	Delay time.Duration
	Note  string
}

// Fate sums up the deliveries of a packet for its line in the trace: "", "lost", "duplicated" or "delayed",
// and why.
func Fate(d []Delivery) (fate, note string) {
	switch {
	case len(d) == 0:
		return "lost", ""
	case len(d) > 1:
		return "duplicated", d[len(d)-1].Note
	case d[0].Note != "":
		return "delayed", d[0].Note
	}
	return "", ""
}

// PPM is a probability in parts per million.
type PPM uint32

// Conditions are the properties of one direction of a link.
type Conditions struct {
	// Delay is how long each packet takes; Jitter adds up to that much more, evenly distributed.
	Delay, Jitter time.Duration
	// Loss, Duplicate and Reorder are the chances of each packet. A reordered packet arrives after those
	// that are sent up to ten times the delay later.
	Loss, Duplicate, Reorder PPM
	// Down loses everything.
	Down bool
}

// An Action is what a Rule does to the packets it matches.
type Action int

const (
	Drop      Action = iota // lose the packet
	Duplicate               // deliver it twice
	Delay                   // deliver it late
)

func (a Action) String() string { return [...]string{"drop", "duplicate", "delay"}[a] }

// A Rule singles packets out by what they are, for example the next CoA-Request from nac to ap-1.
type Rule struct {
	// From and To are names of machines; empty is any.
	From, To string
	// Match is a packet's name as sim/decode gives it, for example "CoA-Request" or "EAPOL-Start".
	Match  string
	Action Action
	// Delay is how much later a delayed packet, or the second copy of a duplicated one, arrives.
	Delay time.Duration
	// Count is how many packets the rule is for; then it is spent. Zero is all of them.
	Count int
}

// A Model is the network of one world. It is safe for concurrent use.
type Model struct {
	seed uint64
	// onFault, when not nil, is told of every choice that is not the ordinary one.
	onFault func(p decode.Packet, fields ...slog.Attr)

	mu     sync.Mutex
	normal Conditions
	links  map[direction]*link
	rules  []*Rule
}

type direction struct{ from, to string }

// link is one direction of a path with its decision points.
type link struct {
	Conditions
	name   string
	seed   uint64
	points map[string]*point
}

// point is a decision point: a random stream and how often it was asked.
type point struct {
	*rand.Rand
	asked uint64
}

// New returns a network in which every link has the normal conditions. A seed of the live world may be
// random; that of a virtual world decides the run.
func New(seed uint64, normal Conditions, onFault func(p decode.Packet, fields ...slog.Attr)) *Model {
	return &Model{seed: seed, onFault: onFault, normal: normal, links: map[direction]*link{}}
}

// Set changes one direction of a link.
func (m *Model) Set(from, to string, change func(*Conditions)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.link(from, to).Conditions)
}

// Add puts a rule in force, after those that are there already.
func (m *Model) Add(r Rule) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rules = append(m.rules, &r)
}

func (m *Model) link(from, to string) *link {
	d := direction{from, to}
	l := m.links[d]
	if l == nil {
		l = &link{Conditions: m.normal, name: "link/" + from + ">" + to, seed: m.seed}
		m.links[d] = l
	}
	return l
}

// Plan decides what happens to a packet. No delivery means that it is lost. The slice is the caller's.
func (m *Model) Plan(p decode.Packet) []Delivery {
	m.mu.Lock()
	deliveries, faults := m.plan(p)
	m.mu.Unlock()
	if m.onFault != nil {
		for _, f := range faults {
			m.onFault(p, f...)
		}
	}
	return deliveries
}

func (m *Model) plan(p decode.Packet) ([]Delivery, [][]slog.Attr) {
	l := m.link(p.FromHost, p.ToHost)
	if l.Down {
		return nil, nil // the link step in the trace says it once for all packets
	}
	if r := m.ruleFor(p); r != nil {
		fault := []slog.Attr{slog.String("rule", r.Action.String()), slog.String("match", r.Match),
			slog.String("from", p.FromHost), slog.String("to", p.ToHost)}
		return r.apply(l.Delay), [][]slog.Attr{fault}
	}
	var faults [][]slog.Attr
	chance := func(what string, probability PPM) bool {
		label, yes := l.decide(what, probability)
		if yes {
			faults = append(faults, []slog.Attr{slog.String("decision", label)})
		}
		return yes
	}
	if chance("loss", l.Loss) {
		return nil, faults
	}
	first := Delivery{Delay: l.Delay + l.jitter()}
	if chance("reorder", l.Reorder) {
		first.Delay += time.Duration(1+l.point("reorder-by").Uint64N(9)) * max(l.Delay, time.Millisecond)
		first.Note = "reordered"
	}
	deliveries := []Delivery{first}
	if chance("duplicate", l.Duplicate) {
		deliveries = append(deliveries, Delivery{Delay: first.Delay + l.jitter(), Note: "duplicated"})
	}
	return deliveries, faults
}

// ruleFor finds the rule for a packet and counts it.
func (m *Model) ruleFor(p decode.Packet) *Rule {
	if len(m.rules) == 0 || len(p.Data) == 0 {
		return nil
	}
	for i, r := range m.rules {
		if r.From != "" && r.From != p.FromHost || r.To != "" && r.To != p.ToHost || !decode.Matches(p, r.Match) {
			continue
		}
		if r.Count > 0 {
			if r.Count--; r.Count == 0 {
				m.rules = append(append([]*Rule(nil), m.rules[:i]...), m.rules[i+1:]...)
			}
		}
		return r
	}
	return nil
}

func (r *Rule) apply(delay time.Duration) []Delivery {
	switch r.Action {
	case Duplicate:
		return []Delivery{{Delay: delay}, {Delay: delay + r.Delay, Note: "duplicated by the scenario"}}
	case Delay:
		return []Delivery{{Delay: delay + r.Delay, Note: fmt.Sprintf("delayed by %v by the scenario", r.Delay)}}
	}
	return nil
}

// decide draws at a decision point. Nothing is drawn where there is no choice, so that setting one property
// leaves the others' streams alone.
func (l *link) decide(what string, probability PPM) (string, bool) {
	if probability == 0 {
		return "", false
	}
	p := l.point(what)
	p.asked++
	if PPM(p.Uint32N(1_000_000)) >= probability {
		return "", false
	}
	return l.name + "/" + what + "#" + strconv.FormatUint(p.asked, 10), true
}

func (l *link) jitter() time.Duration {
	if l.Jitter <= 0 {
		return 0
	}
	return time.Duration(l.point("jitter").Int64N(int64(l.Jitter) + 1))
}

func (l *link) point(what string) *point {
	p := l.points[what]
	if p == nil {
		h := sha256.New()
		var seed [8]byte
		binary.BigEndian.PutUint64(seed[:], l.seed)
		h.Write(seed[:])
		h.Write([]byte(l.name + "/" + what))
		p = &point{Rand: rand.New(rand.NewChaCha8([32]byte(h.Sum(nil))))}
		if l.points == nil { // most links never decide anything
			l.points = map[string]*point{}
		}
		l.points[what] = p
	}
	return p
}
