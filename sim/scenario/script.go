package scenario

import (
	"slices"
	"strings"
	"time"

	"nacsim/fakegraph/intune"
)

// A script is what is known, while the steps are read one after the other, of the world they will act on.
// Only what the steps themselves decide is known, not what follows from it.
type script struct {
	clock     time.Duration // the earliest time at which the next step can begin
	steps     int
	late      bool                    // a step after max_duration has been reported
	records   map[string]DeviceIntune // each device's record and posture
	connected map[string]Connect      // where each device is
	taken     map[string]string       // which device is on a switch port
	down      map[string]int          // hosts that have crashed, and on which line
	wireless  map[string]bool         // devices that are ever connected to an access point
	wired     map[string]bool         // and to a switch
	left      map[string]int          // on which line a device was disconnected
	leaving   map[string]bool         // devices that are to be retired or wiped
	ids       map[string]string       // whose an ID in Intune or Entra ID is, after the kind of ID
}

func newScript() script {
	return script{
		records:   make(map[string]DeviceIntune),
		connected: make(map[string]Connect),
		taken:     make(map[string]string),
		down:      make(map[string]int),
		wireless:  make(map[string]bool),
		wired:     make(map[string]bool),
		left:      make(map[string]int),
		leaving:   make(map[string]bool),
		ids:       make(map[string]string),
	}
}

// claim notes the IDs of a device and reports those that another device has.
func (p *parser) claim(n *node, d string, r *DeviceIntune) {
	for _, id := range []struct{ key, kind, value string }{{"id", "Intune device ID", r.ID}, {"entra_id", "Entra device ID", r.EntraID}} {
		if id.value == "" || id.value == noGUID {
			continue
		}
		owner := id.kind + " " + id.value
		if other, taken := p.script.ids[owner]; taken && other != d {
			at := n
			if written := n.entry(id.key); written != nil {
				at = written
			}
			p.report(at.pos, at.width, "%s: %s and %s have the same %s, %s", id.key, other, d, id.kind, id.value)
			continue
		}
		p.script.ids[owner] = d
	}
}

// noGUID stands for an ID that Intune does not have.
const noGUID = "00000000-0000-0000-0000-000000000000"

// release forgets the IDs of a device.
func (p *parser) release(d string, r *DeviceIntune) {
	for _, owner := range []string{"Intune device ID " + r.ID, "Entra device ID " + r.EntraID} {
		if p.script.ids[owner] == d {
			delete(p.script.ids, owner)
		}
	}
}

// checkStep checks what a step says as a whole: its verb, its time, and what only an expectation has.
func checkStep(p *parser, n *node, s *Step) {
	p.script.steps++
	s.Index = p.script.steps
	checkVerb(p, n)
	p.checkTime(n, s)
	if s.Expect != nil {
		checkHowLong(p, n, s)
		return
	}
	for _, name := range []string{"within", "for"} {
		if v := n.entry(name); v != nil && n.entry("expect") == nil {
			p.report(v.pos, v.width, "%s: only an expect takes time; to let time pass, give the next step after: %s", name, strings.TrimSpace(v.text))
		}
	}
}

// checkVerb makes sure that a step does exactly one thing.
func checkVerb(p *parser, n *node) {
	var names []string
	var first *entry
	unknown := false
	for i := range n.entries {
		e := &n.entries[i]
		isVerb := slices.ContainsFunc(verbNames, func(name string) bool { return name == e.key.text })
		switch {
		case isVerb && first == nil:
			first = e
		case isVerb:
			p.report(e.key.pos, e.key.width, "a step does one thing, and this one already does %s; write another step", first.key.text)
		default:
			unknown = unknown || !slices.Contains(timeKeys, e.key.text)
		}
		names = append(names, e.key.text)
	}
	if first == nil && !unknown {
		p.report(n.pos, n.width, "the step does nothing; give one of %s", strings.Join(verbNames, ", "))
	}
}

// timeKeys are the keys of a step that are not verbs.
var timeKeys = []string{"at", "after", "within", "for", "note"}

// checkTime keeps the steps in chronological order.
func (p *parser) checkTime(n *node, s *Step) {
	at, after := n.entry("at"), n.entry("after")
	if at != nil && after != nil {
		p.report(after.pos, after.width, "a step has at or after, not both")
		return
	}
	if s.At != nil {
		if *s.At < p.script.clock {
			p.report(at.pos, at.width, "at: %s is out of order: the step before this one does not end before %s", FormatDuration(*s.At), FormatDuration(p.script.clock))
		}
		p.script.clock = max(p.script.clock, *s.At)
	}
	p.script.clock += s.After + s.For
	if limit := p.file.Settings.MaxDuration; limit > 0 && p.script.clock > limit && !p.script.late {
		p.script.late = true
		p.report(n.pos, n.width, "the scenario lasts at least %s, longer than settings.max_duration, %s", FormatDuration(p.script.clock), FormatDuration(limit))
	}
}

// checkHowLong checks within and for against what is expected.
func checkHowLong(p *parser, n *node, s *Step) {
	e := s.Expect
	if e.Record == "" {
		return
	}
	if v := n.entry("for"); v != nil && !e.Not && e.Count == nil && e.AtMost == nil {
		p.report(v.pos, v.width, "for: what has happened stays true; give not: true, count or at_most to say that it must not happen (again)")
	}
	if v := n.entry("within"); v != nil && e.Not {
		p.report(v.pos, v.width, "within: what must not happen has no time by which it must become true; write for")
	}
}

func checkCrash(p *parser, n *node, c *Crash) {
	if c.Host != "" && p.needUp(n, c.Host, "crash") {
		p.script.down[c.Host] = n.pos.Line
	}
}

func checkRestart(p *parser, n *node, r *Restart) { delete(p.script.down, r.Host) }

// needUp reports a host that a step is about and that has crashed.
func (p *parser) needUp(n *node, host, what string) bool {
	line, down := p.script.down[host]
	if down {
		p.report(n.pos, n.width, "%s cannot %s: it is down since line %d", host, what, line)
	}
	return !down
}

func checkSync(p *parser, n *node, s *Sync) {
	if p.needUp(n, s.Device, "check in") && p.needUp(n, HostGraph, "take a check-in") {
		p.needEnrolled(n, s.Device, "check in")
	}
}

func checkRename(p *parser, n *node, r *Rename) {
	if p.needUp(n, HostGraph, "rename a device") {
		p.needEnrolled(n, r.Device, "be renamed in Intune")
	}
}

func checkCoAAnswer(p *parser, n *node, a *CoAAnswer) { p.needUp(n, a.NAS, "be told how to answer") }

func checkConnect(p *parser, n *node, c *Connect) {
	if c.Device == "" || c.NAS == "" {
		return
	}
	p.script.leave(c.Device)
	if c.Port == 0 {
		p.script.wireless[c.Device] = true
	} else {
		p.script.wired[c.Device] = true
		if other, ok := p.script.taken[c.To()]; ok {
			p.report(n.pos, n.width, "to: %s is taken by %s since line %d", c.To(), other, p.script.connected[other].Line)
			return
		}
		p.script.taken[c.To()] = c.Device
	}
	p.script.connected[c.Device] = *c
}

// leave notes that a device is no longer where it was.
func (s *script) leave(device string) {
	if at, ok := s.connected[device]; ok {
		delete(s.taken, at.To())
		delete(s.connected, device)
	}
}

func checkDisconnect(p *parser, n *node, d *Disconnect) {
	_, connected := p.script.connected[d.Device]
	line, before := p.script.left[d.Device]
	switch {
	case d.Device == "":
		return
	case !connected && before:
		p.report(n.pos, n.width, "disconnect: %s is not connected: it has been disconnected on line %d", d.Device, line)
	case !connected:
		p.report(n.pos, n.width, "disconnect: %s is not connected: no step before this one connects it", d.Device)
	}
	p.script.leave(d.Device)
	p.script.left[d.Device] = d.Line
}

func checkPosture(p *parser, n *node, s *SetPosture) {
	if len(n.entries) < 2 {
		p.report(n.pos, n.width, "the posture does not change; give one of antivirus, firewall, encryption, patch_level or another fact")
	}
	if record, ok := p.script.records[s.Device]; ok {
		record.Posture = record.Posture.with(s.Posture)
		p.script.records[s.Device] = record
	}
}

// with returns the posture with what a change mentions replaced.
func (q Posture) with(change Posture) Posture {
	return Posture(intune.PostureChange(q).Then(intune.PostureChange(change)))
}

// startEnroll begins with the device's record as it is by now.
func startEnroll(p *parser, n *node, e *Enroll) {
	if device := n.entry("device"); device != nil {
		e.Record = p.script.records[device.text]
	}
	e.Record.Pos = n.pos
}

func checkEnroll(p *parser, n *node, e *Enroll) {
	if !p.needUp(n, HostGraph, "enrol a device") {
		return
	}
	record, ok := p.script.records[e.Device]
	if !ok {
		return
	}
	if record.Enrolled && !p.script.leaving[e.Device] {
		p.report(n.pos, n.width, "%s is enrolled already", e.Device)
	}
	delete(p.script.leaving, e.Device)
	p.release(e.Device, &record)
	p.claim(n, e.Device, &e.Record)
	e.Record.Enrolled = true
	p.script.records[e.Device] = e.Record
}

func checkRetire(p *parser, n *node, r *Retire) {
	if !p.needUp(n, HostGraph, "retire a device") {
		return
	}
	p.needEnrolled(n, r.Device, "be retired")
	if r.Pending {
		p.script.leaving[r.Device] = true
	} else if record, ok := p.script.records[r.Device]; ok {
		record.Enrolled = false
		p.script.records[r.Device] = record
	}
}

func checkWipe(p *parser, n *node, w *Wipe) {
	if p.needUp(n, HostGraph, "wipe a device") {
		p.needEnrolled(n, w.Device, "be wiped")
		p.script.leaving[w.Device] = true
	}
}

func checkReEnroll(p *parser, n *node, r *ReEnroll) {
	if p.needUp(n, HostGraph, "enrol a device") {
		p.needEnrolled(n, r.Device, "enrol anew")
	}
}

func checkForceState(p *parser, n *node, f *ForceState) {
	if p.needUp(n, HostGraph, "give a device a state") {
		p.needEnrolled(n, f.Device, "have a state")
	}
}

func checkSetCompliance(p *parser, n *node, s *SetCompliance) {
	if !p.needUp(n, HostGraph, "have other policies") {
		return
	}
	require, policies, restore := n.entry("require"), n.entry("policies"), n.entry("restore")
	given := 0
	for _, e := range []*node{require, policies, restore} {
		if e != nil {
			given++
		}
	}
	if given != 1 {
		p.report(n.pos, n.width, "the compliance policies become one of require, policies and restore")
	}
	for _, name := range []string{"minimum_patch_level", "grace"} {
		if e := n.entry(name); e != nil && require == nil {
			p.report(e.pos, e.width, "%s belongs to require, which is missing", name)
		}
	}
	if restore != nil && !s.Restore {
		p.report(restore.pos, restore.width, "restore: want true, or leave it out")
	}
	for _, fact := range s.Compliance.Require {
		switch {
		case fact == PosturePatchLevel && s.Compliance.MinimumPatchLevel.IsZero():
			p.report(n.pos, n.width, "require: patch_level needs minimum_patch_level")
		case fact == string(intune.OSVersion) || fact == string(intune.ThreatLevel):
			p.report(n.pos, n.width, "require: %s needs a minimum or maximum; write it under policies", fact)
		}
	}
	p.checkPolicies(n, s.Policies)
}

// needEnrolled reports a device that Intune does not know at this point of the script.
func (p *parser) needEnrolled(n *node, device, what string) {
	if record, ok := p.script.records[device]; ok && !record.Enrolled {
		p.report(n.pos, n.width, "%s cannot %s: Intune does not know it at this point", device, what)
	}
}

// startReissue begins with the device's certificate.
func startReissue(p *parser, n *node, r *Reissue) {
	r.Certificate = newCertificate(n.pos)
	if device := n.entry("device"); device != nil {
		if d := p.file.Device(device.text); d != nil && d.Certificate != nil {
			r.Certificate = *d.Certificate
		}
	}
	r.Certificate.Pos = n.pos
}

func checkReissue(p *parser, n *node, r *Reissue) {
	checkCertificate(p, n, &r.Certificate)
	if d := p.file.Device(r.Device); d != nil && d.Intune != nil && !p.broken(n) {
		p.checkIssue(n, "a certificate", &r.Certificate, d)
	}
}

func checkPacket(p *parser, n *node, f *PacketFault) {
	delay := n.entry("delay")
	switch {
	case f.Action == ActionDelay && delay == nil:
		p.report(n.pos, n.width, `action delay needs delay, for example "500ms"`)
	case f.Action == ActionDrop && delay != nil:
		p.report(delay.pos, delay.width, "delay: a dropped packet has none")
	}
	p.checkWay(n, f.Match, f.From, f.To)
}

// resolve completes what depends on all steps.
func (p *parser) resolve(root *node) {
	f := p.file
	for i := range f.Devices {
		if d := &f.Devices[i]; d.Intune != nil { // nil where no mapping could be read
			p.completeRecord(d.Intune, d)
		}
	}
	for i := range f.Steps {
		if e := f.Steps[i].Enroll; e != nil {
			if d := f.Device(e.Device); d != nil {
				p.completeRecord(&e.Record, d)
			}
		}
	}
	if p.unsure {
		return
	}
	for _, ref := range p.ruleRefs {
		if !slices.Contains(p.rules, ref.text) {
			p.report(ref.pos, ref.width, "rule: no policy of this scenario has a rule %s%s", ref.describe(), suggest(ref.text, "the rules are", p.rules))
		}
	}
}

// completeRecord decides on the MAC addresses on record.
func (p *parser) completeRecord(r *DeviceIntune, d *Device) {
	wired := p.script.wired[d.Name]
	r.WiFiMAC = r.wifi.address(d.MAC, p.script.wireless[d.Name] || !wired)
	r.EthernetMAC = r.ethernet.address(d.MAC, wired)
}
