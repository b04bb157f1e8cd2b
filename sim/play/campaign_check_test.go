package play_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"nacsim/sim/pki"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

// A violation is an invariant that a run did not keep.
type violation struct {
	invariant string
	at        time.Duration
	seq       uint64
	what      string
}

func (v *violation) Error() string {
	return fmt.Sprintf("%s: at %v, line %d of the trace: %s", v.invariant, v.at, v.seq, v.what)
}

// stale is how long what the NAC reads of Intune may be under way, in polls that take several requests with
// their retries.
const stale = 10 * time.Minute

// A checker reads the trace of a run and holds it against the invariants.
type checker struct {
	file    *scenario.File
	clients map[string]*clientFacts // by MAC address
	order   []*clientFacts
	records map[string]*managed // by Intune device ID
	down    map[string]bool
	end     time.Duration
	unheard map[string]bool // access servers that gave up on an accounting record
	lost    []time.Duration // when a server forgot what it had answered

	policies []timed[string]
	polled   time.Duration // when the NAC last read the list of devices
	first    *violation
	packets  packetChecks
	proofs   proofChecks
	marks    map[string]int // how often something noteworthy happened
}

// timed is a value since a moment.
type timed[T any] struct {
	at time.Duration
	v  T
}

// clientFacts is what the trace has told of a client.
type clientFacts struct {
	device  *scenario.Device
	mac     string
	name    string // in Intune, and in the certificates to come
	certs   []timed[*clientCert]
	plugged string // where the steps have put it
	gaveUp  bool   // after a few refusals a supplicant waits for its user

	ports    map[string]port // by NAS
	sessions map[string]string
	verdicts []verdict
	accounts []timed[account] // of a user with a password
	looked   time.Duration    // when Intune last answered about it
	coa      string           // the request in flight
	sent     []time.Duration
}

type port struct {
	state, vlan string
	at          time.Duration
}

type verdict struct {
	at                time.Duration
	nas, result, vlan string
}

// managed is a device record in Intune.
type managed struct {
	id, wifi, ethernet string
	states             []timed[recordState]
}

type recordState struct {
	enrolled   bool
	name       string
	compliance string
}

func newChecker(f *scenario.File, seed uint64) *checker {
	c := &checker{file: f, clients: map[string]*clientFacts{}, records: map[string]*managed{}, down: map[string]bool{}, unheard: map[string]bool{}, marks: map[string]int{}}
	c.policies = []timed[string]{{0, f.Policy.Written}}
	for i := range f.Devices {
		d := &f.Devices[i]
		k := &clientFacts{device: d, name: d.DeviceName, mac: d.Address(seed).String(), ports: map[string]port{}, sessions: map[string]string{}}
		if d.Certificate != nil {
			k.issue(0, d.Certificate)
		} else { // nothing by which it could be found but its address
			k.certs = append(k.certs, timed[*clientCert]{0, &clientCert{Certificate: &scenario.Certificate{Issuer: scenario.CACorp, NotBefore: -time.Hour, NotAfter: forever}}})
		}
		if d.Supplicant.UsesPassword() {
			k.account(f, 0)
		}
		c.clients[k.mac] = k
		c.order = append(c.order, k)
	}
	c.packets.init()
	return c
}

func (c *checker) fail(r *trace.Record, invariant, format string, args ...any) {
	if c.first == nil {
		c.first = &violation{invariant, r.At, r.Seq, fmt.Sprintf(format, args...)}
	}
}

// record takes in a line of the trace.
func (c *checker) record(r trace.Record) {
	if c.down[r.Actor] && r.Kind != "restart" {
		c.fail(&r, "a machine that is down does nothing", "%s wrote %s", r.Actor, r.Kind)
	}
	c.end = r.At
	k := c.clients[r.Field("client")]
	switch r.Kind {
	case "step":
		c.step(&r)
	case "crash":
		c.crash(&r)
	case "restart":
		c.down[r.Actor] = false
	case "device", "check_in":
		c.intune(&r)
	case "poll":
		if r.Field("result") == "ok" {
			c.polled = r.At
		}
	case "lookup":
		if k != nil && r.Field("result") != "error" {
			k.looked = r.At
		}
	case "decision":
		if k != nil {
			c.decision(&r, k)
			c.proof(&r, k)
		}
	case "revocation":
		c.learn(&r)
	case "port":
		if k != nil {
			c.port(&r, k)
		}
	case "session":
		if k != nil {
			c.session(&r, k)
		}
	case "supplicant":
		if k != nil && strings.HasSuffix(r.Field("reason"), "giving up") {
			k.gaveUp = true
		}
	case "event":
		c.refusal(&r)
	case "coa":
		if k != nil {
			c.coa(&r, k)
		}
	case "drop":
		if strings.HasPrefix(r.Field("reason"), "accounting record not acknowledged") {
			c.unheard[r.Actor] = true
		}
		c.marks["drop: "+r.Actor+": "+r.Field("reason")]++
	case trace.KindPacket:
		c.packets.record(c, &r)
	}
}

func (c *checker) step(r *trace.Record) {
	var n int
	fmt.Sscan(r.Field("index"), &n)
	s := &c.file.Steps[n-1]
	c.marks["step: "+s.Verb()]++
	plug := func(device, to string) {
		for _, k := range c.order {
			if k.device.Name == device {
				k.plugged, k.gaveUp = to, false
			}
		}
	}
	switch {
	case s.Connect != nil:
		plug(s.Connect.Device, s.Connect.NAS)
	case s.Disconnect != nil:
		plug(s.Disconnect.Device, "")
	case s.Rename != nil:
		for _, k := range c.order {
			if k.device.Name == s.Rename.Device {
				k.name = s.Rename.To
			}
		}
	case s.Policy != nil:
		c.policies = append(c.policies, timed[string]{r.At, s.Policy.Written})
	case s.User != nil || s.Password != nil || s.Revoke != nil:
		c.credential(r, s)
	case s.Certificate != nil:
		for _, k := range c.order {
			if k.device.Name == s.Certificate.Device {
				k.issue(r.At, &s.Certificate.Certificate)
			}
		}
	}
}

func (c *checker) crash(r *trace.Record) {
	c.down[r.Actor] = true
	c.lost = append(c.lost, r.At)
	c.marks["crash: "+r.Actor]++
	for _, k := range c.order {
		delete(k.ports, r.Actor)
		if r.Actor == scenario.HostNAC {
			k.coa, k.sent = "", nil
		}
	}
	if r.Actor == scenario.HostNAC {
		c.proofs.forget()
	}
	c.packets.crash(r.Actor)
}

// intune follows what Intune has on record.
func (c *checker) intune(r *trace.Record) {
	id := r.Field("id")
	m := c.records[id]
	if m == nil {
		m = &managed{id: id}
		c.records[id] = m
	}
	var s recordState
	if n := len(m.states); n > 0 {
		s = m.states[n-1].v
	}
	switch r.Field("change") {
	case "enrolled":
		m.wifi, m.ethernet = r.Field("wiFiMacAddress"), r.Field("ethernetMacAddress")
		s = recordState{enrolled: true, name: r.Field("device"), compliance: "unknown"}
	case "renamed":
		s.name = r.Field("device")
	case "removed":
		s.enrolled = false
	case "":
		if r.Kind == "check_in" {
			s.compliance = r.Field("complianceState")
		}
	default:
		return
	}
	m.states = append(m.states, timed[recordState]{r.At, s})
}

// statuses are those that the records had between two moments to which the client's address and certificates lead.
func (c *checker) statuses(k *clientFacts, certs []timed[*clientCert], from, to time.Duration) map[string]bool {
	out := map[string]bool{}
	for _, at := range c.moments(from, to) {
		for i := range certs {
			out[c.statusAt(k, certs[i].v, at, true)] = true
			// A device that Intune lists, but of which only a request of its own tells the Ethernet address, may
			// stay unknown to a NAC that has looked for it before it was enrolled.
			out[c.statusAt(k, certs[i].v, at, false)] = true
		}
	}
	return out
}

// moments are those between which nothing changed in Intune.
func (c *checker) moments(from, to time.Duration) []time.Duration {
	at := []time.Duration{from}
	for _, m := range c.records { // order-free: a set
		for _, s := range m.states {
			if s.at > from && s.at <= to {
				at = append(at, s.at)
			}
		}
	}
	return at
}

// statusAt is what the NAC should know of a client's device, had it asked at that moment, also for its Ethernet address.
func (c *checker) statusAt(k *clientFacts, cert *clientCert, at time.Duration, ethernet bool) string {
	mac := strings.ToUpper(strings.ReplaceAll(k.mac, ":", ""))
	by := []func(m *managed, s *recordState) bool{
		func(m *managed, _ *recordState) bool {
			return !k.device.RandomizeMAC && (m.wifi == mac || ethernet && m.ethernet == mac)
		},
		func(_ *managed, s *recordState) bool {
			return slices.ContainsFunc(cert.cn, func(n string) bool { return strings.EqualFold(n, s.name) })
		},
		func(m *managed, _ *recordState) bool { return slices.Contains(cert.san, m.id) },
	}
	for _, match := range by {
		for _, m := range c.records { // order-free: names and addresses are unique
			s := m.at(at)
			if s != nil && s.enrolled && match(m, s) {
				return c.status(s.compliance)
			}
		}
	}
	return "unknown"
}

func (m *managed) at(at time.Duration) *recordState {
	var out *recordState
	for i := range m.states {
		if m.states[i].at <= at {
			out = &m.states[i].v
		}
	}
	return out
}

// status is how the NAC treats a complianceState.
func (c *checker) status(compliance string) string {
	switch compliance {
	case "compliant", "noncompliant":
		return compliance
	case "inGracePeriod":
		return string(c.file.Settings.Compliance.InGracePeriod)
	}
	return "unknown"
}

// A clientCert is a certificate with the names that it gives a device.
type clientCert struct {
	*scenario.Certificate
	cn, san []string
	revoked bool
}

// issue gives the client a certificate.
func (k *clientFacts) issue(at time.Duration, cert *scenario.Certificate) {
	v := k.device.Variables()
	v.DeviceName = k.name
	subject, _ := pki.Expand(cert.Subject, v)
	name, _, _ := strings.Cut(strings.TrimPrefix(subject, "CN="), ",")
	short, _, _ := strings.Cut(name, ".")
	c := &clientCert{Certificate: cert, cn: []string{name, short}}
	for _, s := range cert.SANDNS {
		id, _ := pki.Expand(s, v)
		c.san = append(c.san, id)
	}
	k.certs = append(k.certs, timed[*clientCert]{at, c})
}

// valid reports whether a certificate is good at a moment; near its limits either is right.
func valid(cert *timed[*clientCert], at time.Duration) (good, bad bool) {
	if cert.v.Issuer == scenario.CAForeign {
		return false, true
	}
	from, to := cert.at+cert.v.NotBefore, cert.at+cert.v.NotAfter
	good, bad = at > from && at < to, at < from || at > to
	if d := at - from; d > -time.Second && d < 2*time.Hour {
		bad = true // the supplicant has to try again first
	}
	if d := at - to; d > -time.Second && d < 2*time.Hour {
		good, bad = true, true
	}
	return good, bad
}

// decision checks that corporate access rests on what Intune said.
func (c *checker) decision(r *trace.Record, k *clientFacts) {
	v := verdict{r.At, r.Field("nas"), r.Field("result"), r.Field("vlan")}
	k.verdicts = append(k.verdicts, v)
	c.marks["decision: "+v.result+" "+v.vlan]++
	if v.result == "accept" && corporate(v.vlan) {
		read := max(c.polled, k.looked) - stale
		if !c.statuses(k, k.certs, max(read, 0), r.At)["compliant"] {
			c.fail(r, "corporate access rests on Intune", "%s is let into VLAN %s, and Intune had not reported %s compliant since %v",
				k.device.Name, v.vlan, k.device.Name, read)
		}
	}
}

// port checks that what is in force on a port was decided.
func (c *checker) port(r *trace.Record, k *clientFacts) {
	state, vlan := r.Field("state"), r.Field("vlan")
	k.ports[r.Actor] = port{state, vlan, r.At}
	if state != "authorized" {
		return
	}
	decided := false
	for _, v := range slices.Backward(k.verdicts) {
		if v.nas == r.Actor && v.result == "accept" && v.vlan == vlan && r.At-v.at < 5*time.Minute {
			decided = true
			break
		}
	}
	if !decided {
		c.fail(r, "no port is open without a decision", "%s is in VLAN %s at %s", k.device.Name, vlan, r.Actor)
	}
}

func (c *checker) session(r *trace.Record, k *clientFacts) {
	nas := r.Field("nas")
	switch r.Field("state") {
	case "ended":
		delete(k.sessions, nas)
	default:
		k.sessions[nas] = r.Field("vlan")
	}
}

// coa checks the transactions of the NAC.
func (c *checker) coa(r *trace.Record, k *clientFacts) {
	result := r.Field("result")
	c.marks["coa: "+result]++
	switch result {
	case "sent":
		if k.coa != "" {
			c.fail(r, "one CoA transaction per client", "a %s is sent while a %s is in flight for %s", r.Field("request"), k.coa, k.device.Name)
		}
		k.coa = r.Field("request")
		k.sent = append(k.sent, r.At)
		k.sent = slices.DeleteFunc(k.sent, func(t time.Duration) bool { return r.At-t >= time.Hour })
		// Six attempts, each of which may fall back to a Disconnect-Request.
		if len(k.sent) > 12 {
			c.fail(r, "CoA is bounded per client", "%d requests within an hour for %s", len(k.sent), k.device.Name)
		}
	case "skipped":
	default:
		k.coa = ""
	}
}

// finish checks what must be true after everything has been healed and has come to rest.
func (c *checker) finish() *violation {
	r := &trace.Record{At: c.end}
	settle := c.file.Settings.Poll + stale
	for _, k := range c.order {
		if k.plugged != "" {
			c.settled(r, k, settle)
		}
		c.agreed(r, k)
	}
	c.packets.finish(c, r)
	return c.first
}

// settled checks that a client is where the policy wants it.
func (c *checker) settled(r *trace.Record, k *clientFacts, settle time.Duration) {
	is := k.ports[k.plugged]
	have := "nowhere"
	if is.state == "authorized" {
		have = is.vlan
	}
	want := map[string]bool{}
	good, bad := valid(&k.certs[len(k.certs)-1], r.At)
	if bad || k.gaveUp || !c.proves(k) {
		want["nowhere"] = true
	}
	policy := campaignPolicies[c.policies[len(c.policies)-1].v]
	switch {
	case k.thing():
		if known := policy.thing; known != "" && k.known() {
			want[known] = true
		} else {
			want["nowhere"] = true
		}
	case good:
		for status := range c.statuses(k, k.certs[len(k.certs)-1:], r.At-settle, r.At) { // order-free: a set
			vlan := map[string]string{"compliant": policy.compliant, "noncompliant": policy.noncompliant, "unknown": policy.unknown}[status]
			if vlan == "" {
				vlan = "nowhere"
			}
			want[vlan] = true
		}
	}
	if !want[have] {
		c.fail(r, "a healed network comes to what the policy wants", "%s at %s is in %s (port %s since %v), wanted %v",
			k.device.Name, k.plugged, have, is.state, is.at, want)
	}
}

// agreed checks that the NAC and the access servers agree on who is connected.
func (c *checker) agreed(r *trace.Record, k *clientFacts) {
	for i := range c.file.NAS {
		nas := c.file.NAS[i].Name
		is := k.ports[nas]
		vlan, known := k.sessions[nas]
		switch {
		case nas != k.plugged && c.file.NAS[i].Kind == scenario.KindAP:
			// An access point does not see that a station has vanished, and has none to ask.
		case is.state == "authorized" && !known:
			c.fail(r, "the NAC knows every session", "%s is in VLAN %s at %s, and the NAC has no session", k.device.Name, is.vlan, nas)
		case is.state == "authorized" && vlan != is.vlan:
			c.fail(r, "the NAC knows every session", "%s is in VLAN %s at %s, and the NAC believes it in %s", k.device.Name, is.vlan, nas, vlan)
		case is.state != "authorized" && known && !c.unheard[nas]:
			c.fail(r, "the NAC has no session that is over", "%s is %q at %s, and the NAC believes it in VLAN %s", k.device.Name, is.state, nas, vlan)
		}
	}
}

// packetChecks are the invariants of packets as the trace describes them.
type packetChecks struct {
	accounting map[string]*accounting // by NAS and Acct-Session-Id
	crashes    map[string]int
}

// accounting is an accounting session as its NAS reports it.
type accounting struct {
	nas, client      string
	started, stopped bool
	crashes          int
}

func (p *packetChecks) init() {
	p.accounting, p.crashes = map[string]*accounting{}, map[string]int{}
}

func (p *packetChecks) crash(host string) { p.crashes[host]++ }

func (p *packetChecks) record(c *checker, r *trace.Record) {
	if r.Field("proto") != "RADIUS" {
		return
	}
	if m := r.Field("malformed"); m != "" {
		c.fail(r, "no packet is malformed", "%s", m)
	}
	if r.Field("name") == "Accounting-Request" {
		p.account(c, r)
	}
	code := r.Field("code")
	if code != "2" && code != "3" && code != "11" {
		return
	}
	for i := range r.Fields {
		if r.Fields[i].Key == "attributes" {
			g := r.Fields[i].Value.Resolve().Group()
			eap := slices.ContainsFunc(g, func(a slog.Attr) bool { return a.Key == "EAP-Message" })
			if eap && g[0].Key != "Message-Authenticator" {
				c.fail(r, "Message-Authenticator comes first", "%s begins with %s", r.Field("name"), g[0].Key)
			}
		}
	}
}

// account follows accounting sessions.
func (p *packetChecks) account(c *checker, r *trace.Record) {
	text := func(name string) string { return attribute(r, name) }
	status, id := text("Acct-Status-Type"), text("Acct-Session-Id")
	if status == "Accounting-On" || status == "Accounting-Off" {
		return
	}
	key := r.Actor + "/" + id
	a := p.accounting[key]
	if a == nil {
		a = &accounting{nas: r.Actor, client: text("Calling-Station-Id"), crashes: p.crashes[r.Actor]}
		p.accounting[key] = a
	}
	switch status {
	case "Start":
		if a.stopped {
			c.fail(r, "accounting is balanced", "Start after Stop of session %s", id)
		}
		a.started = true
	case "Stop":
		if !a.started {
			c.fail(r, "accounting is balanced", "Stop without Start of session %s", id)
		}
		a.stopped = true
	case "Interim-Update":
		if !a.started || a.stopped {
			c.fail(r, "accounting is balanced", "Interim-Update outside of session %s", id)
		}
	}
}

// finish checks that every session that is over was reported so.
func (p *packetChecks) finish(c *checker, r *trace.Record) {
	open := map[string]int{}
	for _, a := range p.accounting { // order-free: counts
		if a.started && !a.stopped && a.crashes == p.crashes[a.nas] {
			open[a.nas+" "+strings.ToLower(strings.ReplaceAll(a.client, "-", ":"))]++
		}
	}
	for _, k := range c.order {
		for i := range c.file.NAS {
			nas := c.file.NAS[i].Name
			want := 0
			if k.ports[nas].state == "authorized" {
				want = 1
			}
			if nas != k.plugged && c.file.NAS[i].Kind == scenario.KindAP || c.file.NAS[i].RADIUS == scenario.OverTLS {
				continue // see agreed; and what goes through TLS is not in the trace
			}
			if n := open[nas+" "+k.mac]; n != want {
				c.fail(r, "accounting is balanced", "%d sessions of %s at %s are open in accounting, %d on the port", n, k.device.Name, nas, want)
			}
		}
	}
}

// attribute is a RADIUS attribute of a packet.
func attribute(r *trace.Record, name string) string {
	for i := range r.Fields {
		if r.Fields[i].Key == "attributes" {
			for _, a := range r.Fields[i].Value.Resolve().Group() {
				if a.Key == name {
					return trace.Text(a.Value)
				}
			}
		}
	}
	return ""
}
