package play

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/network"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

// A Failure is an expectation that was not met.
type Failure struct {
	// Step is the step's position in the file, Source the line there.
	Step   scenario.Pos
	Index  int
	Source string
	// At is the world time since the start at which the expectation failed.
	At time.Duration
	// Want and Got put into words what was expected and what was there instead.
	Want, Got string
	// Within and For are the step's, for the text.
	Within, For time.Duration
	// Recent are the last events about the client in question, and Clients the devices by MAC address.
	Recent  []trace.Record
	Clients map[string]string
}

// Error says it all in one line.
func (f *Failure) Error() string {
	how := ""
	switch {
	case f.For > 0:
		how = fmt.Sprintf(" for %v", f.For)
	case f.Within > 0:
		how = fmt.Sprintf(" within %v", f.Within)
	}
	return fmt.Sprintf("%s: step %d: expected %s%s; at %v there was %s", f.Step, f.Index, f.Want, how, f.At, f.Got)
}

// run plays the steps. It is the task of the scenario's own machine.
func (p *player) run(h host.Host) error {
	p.judge.changed = h.NewSignal()
	start := h.Now()
	for i := range p.file.Steps {
		s := &p.file.Steps[i]
		if err := p.waitFor(h, start, s); err != nil {
			return err
		}
		if p.limit > 0 && h.Now().Sub(start) > p.limit {
			return inputError("%s: step %d begins %v after the start, beyond max_duration %v", s.Pos, s.Index, h.Now().Sub(start), p.limit)
		}
		if s.Note != "" {
			h.Trace("note", slog.String("text", s.Note))
		}
		if s.Expect != nil {
			failure, err := p.expect(h, start, s)
			if err != nil {
				return err
			}
			if failure != nil {
				p.failure = failure
				return nil
			}
			continue
		}
		if err := p.act(h, s); err != nil {
			return fmt.Errorf("%s: step %d (%s): %w", s.Pos, s.Index, s.Verb(), err)
		}
	}
	return nil
}

// waitFor lets the world's time come to where the step begins.
func (p *player) waitFor(h host.Host, start time.Time, s *scenario.Step) error {
	at := h.Now().Add(s.After)
	if s.At != nil {
		at = start.Add(*s.At)
	}
	if d := at.Sub(h.Now()); d > 0 {
		return h.Sleep(d)
	}
	return nil
}

// expect waits until an expectation holds, and then as long as it must go on holding.
func (p *player) expect(h host.Host, start time.Time, s *scenario.Step) (*Failure, error) {
	defer p.judge.unwatch()
	begun := h.Now()
	until, short := p.within(start, s.Deadline(begun))
	met, err := p.await(h, s.Expect, true, until)
	if err != nil {
		return nil, err
	}
	broken := false
	if met && s.For > 0 {
		until, short = p.within(start, h.Now().Add(s.For))
		if broken, err = p.await(h, s.Expect, false, until); err != nil {
			return nil, err
		}
	}
	if short && !broken && (!met || s.For > 0) {
		return nil, inputError("%s: step %d still waits at max_duration %v", s.Pos, s.Index, p.limit)
	}
	met = met && !broken
	result := "pass"
	if !met {
		result = "fail"
	}
	p.judge.mu.Lock()
	want, got := wanted(s.Expect), p.judge.found(s.Expect)
	recent := append([]trace.Record(nil), p.judge.recent.of(s.Expect.Client)...)
	p.judge.mu.Unlock()
	fields := []slog.Attr{slog.Int("index", s.Index), slog.Int("line", s.Line), slog.String("result", result),
		slog.String("want", want), slog.String("waited", h.Now().Sub(begun).String())}
	if met {
		h.Trace("expect", fields...)
		return nil, nil
	}
	h.Trace("expect", append(fields, slog.String("got", got))...)
	return &Failure{Step: s.Pos, Index: s.Index, Source: p.file.SourceLine(s.Pos), At: h.Now().Sub(start),
		Want: want, Got: got, Within: s.Within, For: s.For, Recent: recent, Clients: p.clients()}, nil
}

// clients are the devices by the MAC address that they use.
func (p *player) clients() map[string]string {
	byMAC := map[string]string{}
	for i := range p.file.Devices {
		d := &p.file.Devices[i]
		byMAC[d.Address(p.seed).String()] = d.Name
	}
	return byMAC
}

// within cuts a deadline to what max_duration leaves, and reports whether it had to.
func (p *player) within(start, deadline time.Time) (time.Time, bool) {
	if end := start.Add(p.limit); p.limit > 0 && deadline.After(end) {
		return end, true
	}
	return deadline, false
}

// await waits until the expectation holds (or, with holds false, no longer holds), until the deadline.
func (p *player) await(h host.Host, e *scenario.Expect, holds bool, deadline time.Time) (bool, error) {
	for {
		if p.judge.watch(e) == holds {
			return true, nil
		}
		switch err := p.judge.changed.Wait(deadline); err {
		case nil:
		case host.ErrTimeout:
			return p.judge.watch(e) == holds, nil
		default:
			return false, err
		}
	}
}

// act does what a step says.
func (p *player) act(h host.Host, s *scenario.Step) error {
	p.judge.act()
	h.Trace("step", slog.Int("index", s.Index), slog.Int("line", s.Line), slog.String("verb", s.Verb()), slog.String("what", describe(s)))
	switch {
	case s.Connect != nil:
		return p.connect(s.Connect)
	case s.Disconnect != nil:
		return p.disconnect(s.Disconnect.Device)
	case s.Posture != nil:
		return p.setPosture(s.Posture)
	case s.Sync != nil:
		return p.sync(s.Sync.Device)
	case s.Enroll != nil:
		return p.enroll(s.Enroll)
	case s.Retire != nil:
		return p.retire(s.Retire)
	case s.Wipe != nil:
		return p.graph.Intune().Wipe(s.Wipe.Device)
	case s.ReEnroll != nil:
		return p.reEnroll(s.ReEnroll)
	case s.ForceState != nil:
		return p.graph.Intune().ForceState(s.ForceState.Device, s.ForceState.State)
	case s.Compliance != nil:
		return p.setCompliance(s.Compliance)
	case s.Rename != nil:
		return p.rename(s.Rename)
	case s.Certificate != nil:
		return p.reissue(h.Now(), s.Certificate)
	case s.Graph != nil:
		return p.changeGraph(h.Now(), s.Graph)
	case s.Link != nil:
		p.setLink(s.Link)
		return nil
	case s.Packet != nil:
		p.network.Add(rule(s.Packet))
		return nil
	case s.CoAAnswer != nil:
		return p.answerCoA(s.CoAAnswer)
	case s.Crash != nil:
		return p.crash(s.Crash.Host)
	case s.Restart != nil:
		return p.restart(s.Restart.Host)
	case s.Policy != nil:
		return p.setPolicy(s.Policy)
	case s.Revoke != nil:
		return p.revoke(h, s.Revoke)
	case s.User != nil:
		return p.setUser(s.User)
	case s.Password != nil:
		return p.setPassword(s.Password)
	}
	panic("play: a step without a verb")
}

// describe puts a step into words for the timeline.
func describe(s *scenario.Step) string {
	switch {
	case s.Connect != nil:
		return s.Connect.Device + " connects to " + s.Connect.To()
	case s.Disconnect != nil:
		return s.Disconnect.Device + " disconnects"
	case s.Posture != nil:
		return s.Posture.Device + " changes posture: " + posture(s.Posture.Posture)
	case s.Sync != nil:
		return s.Sync.Device + " checks in with Intune now"
	case s.Enroll != nil:
		return s.Enroll.Device + " enrols with Intune"
	case s.Retire != nil:
		return s.Retire.Device + " is retired from Intune"
	case s.Wipe != nil:
		return s.Wipe.Device + " is to be wiped"
	case s.ReEnroll != nil:
		return s.ReEnroll.Device + " enrols with Intune anew"
	case s.ForceState != nil:
		return describeForced(s.ForceState)
	case s.Compliance != nil:
		return describeCompliance(s.Compliance)
	case s.Rename != nil:
		return s.Rename.Device + " is renamed to " + s.Rename.To + " in Intune"
	case s.Certificate != nil:
		return s.Certificate.Device + " gets a new certificate"
	case s.Graph != nil:
		return describeGraph(s.Graph)
	case s.Link != nil:
		return describeLink(s.Link)
	case s.Packet != nil:
		return describePacket(s.Packet)
	case s.CoAAnswer != nil:
		return fmt.Sprintf("%s will answer the next %d requests with NAK, Error-Cause %d", s.CoAAnswer.NAS, s.CoAAnswer.Count, s.CoAAnswer.NAK)
	case s.Crash != nil:
		return s.Crash.Host + " crashes"
	case s.Restart != nil:
		return s.Restart.Host + " restarts"
	case s.Policy != nil:
		return "the policy becomes " + s.Policy.Written
	case s.Revoke != nil:
		return "the certificate of " + s.Revoke.Device + " is revoked"
	case s.User != nil:
		return describeUser(s.User)
	case s.Password != nil:
		return s.Password.Device + " uses another password"
	}
	return s.Verb()
}

func describeForced(f *scenario.ForceState) string {
	if f.State == "" {
		return f.Device + " has the compliance state that the policies give it"
	}
	return f.Device + " has the compliance state " + f.State + " in Intune, whatever its posture"
}

func describeCompliance(c *scenario.SetCompliance) string {
	when := ", from the next check-ins on"
	if c.AtOnce {
		when = ", for all devices at once"
	}
	switch {
	case c.Restore:
		return "the compliance policies in Intune are as before" + when
	case len(c.Policies) > 0:
		return fmt.Sprintf("%d compliance policies are in force in Intune%s", len(c.Policies), when)
	case len(c.Compliance.Require) == 0:
		return "no compliance policy is in force in Intune" + when
	}
	return "Intune requires " + strings.Join(c.Compliance.Require, ", ") + when
}

func describeUser(u *scenario.SetUser) string {
	var s []string
	if u.Password != nil {
		s = append(s, "has a new password")
	}
	if u.Disabled != nil && *u.Disabled {
		s = append(s, "is disabled")
	} else if u.Disabled != nil {
		s = append(s, "is enabled")
	}
	return "user " + u.Name + " " + strings.Join(s, " and ") + " in the directory"
}

func describeLink(l *scenario.Link) string {
	arrow := " > "
	if l.Both {
		arrow = " <> "
	}
	s := []string{"link " + l.From + arrow + l.To}
	if l.Down != nil && *l.Down {
		s = append(s, "down")
	} else if l.Down != nil {
		s = append(s, "up")
	}
	for _, d := range []struct {
		name string
		v    *time.Duration
	}{{"delay", l.Delay}, {"jitter", l.Jitter}} {
		if d.v != nil {
			s = append(s, d.name+" "+d.v.String())
		}
	}
	for _, c := range []struct {
		name string
		v    *float64
	}{{"loss", l.Loss}, {"duplicate", l.Duplicate}, {"reorder", l.Reorder}} {
		if c.v != nil {
			s = append(s, fmt.Sprintf("%s %g%%", c.name, *c.v*100))
		}
	}
	return strings.Join(s, ", ")
}

func describePacket(f *scenario.PacketFault) string {
	count := "every"
	if f.Count > 0 {
		count = fmt.Sprintf("the next %d", f.Count)
	}
	s := fmt.Sprintf("%s %s", count, f.Match)
	if f.From != "" {
		s += " from " + f.From
	}
	if f.To != "" {
		s += " to " + f.To
	}
	s += map[string]string{scenario.ActionDrop: ": lost", scenario.ActionDuplicate: ": duplicated", scenario.ActionDelay: ": delayed"}[f.Action]
	if f.Delay > 0 {
		s += " by " + f.Delay.String()
	}
	return s
}

// rule is a packet step in the network's terms.
func rule(f *scenario.PacketFault) network.Rule {
	action := map[string]network.Action{scenario.ActionDrop: network.Drop, scenario.ActionDuplicate: network.Duplicate,
		scenario.ActionDelay: network.Delay}[f.Action]
	return network.Rule{From: f.From, To: f.To, Match: f.Match, Action: action, Delay: f.Delay, Count: f.Count}
}

// setLink applies what a link says to one or both directions.
func (p *player) setLink(l *scenario.Link) {
	change := func(c *network.Conditions) {
		set(&c.Down, l.Down)
		set(&c.Delay, l.Delay)
		set(&c.Jitter, l.Jitter)
		setPPM(&c.Loss, l.Loss)
		setPPM(&c.Duplicate, l.Duplicate)
		setPPM(&c.Reorder, l.Reorder)
	}
	p.network.Set(l.From, l.To, change)
	if l.Both {
		p.network.Set(l.To, l.From, change)
	}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func setPPM(to *network.PPM, from *float64) {
	if from != nil {
		*to = network.PPM(*from*1e6 + 0.5)
	}
}
