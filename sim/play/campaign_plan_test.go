package play_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A plan is a random scenario before it is written down: a head that describes the world, and steps that can
// be left out one by one. What heals the world afterwards follows from the steps that are left.
type plan struct {
	seed    uint64
	head    string
	nas     []planNAS
	devices []string
	things  map[string]bool // devices without a supplicant
	users   map[string]bool // devices whose users have passwords
	revoked string          // how the NAC learns of revoked certificates
	steps   []planStep
	quiet   time.Duration
}

type planNAS struct {
	name  string
	ports bool // a switch
	old   bool // an access point that takes no part in CoA
}

// A planStep is one step, and what it does to what the following steps may do.
type planStep struct {
	after time.Duration
	text  string
	// They name the host or device that is crashed, restarted and so on; radio is one whose radio link changes, and again
	// one that counts as plugged in anew only when it is.
	crash, restart, enroll, retire, reissue, radio, again string
}

// policies that a plan chooses from: what each status leads to, and a known device without a supplicant, as VLAN or "" for
// a denial.
var campaignPolicies = map[string]struct{ compliant, noncompliant, unknown, thing string }{
	"seed.yaml":   {"750", "1", "1", "60"},
	"moved.yaml":  {"751", "1", "1", "61"},
	"strict.yaml": {"750", "", "1", ""},
	"three.yaml":  {"750", "666", "2", "60"},
}

// thingsKnown are the MAC addresses that policies call known.
const thingsKnown = "001cb3aabb"

// corporate VLANs are those that only a compliant device may be in.
func corporate(vlan string) bool { return vlan == "750" || vlan == "751" }

// policyText writes a policy of campaignPolicies.
func policyText(name string) string {
	p := campaignPolicies[name]
	var b strings.Builder
	b.WriteString("labels:\n")
	b.WriteString("  - {name: Compliant, type: match, match: mdm_status, values: [compliant]}\n")
	b.WriteString("  - {name: Non-Compliant, type: match, match: mdm_status, values: [noncompliant]}\n")
	b.WriteString("  - {name: Known, type: match, match: client_mac, values: [\"" + thingsKnown + "*\"]}\n")
	for i, v := range []string{p.compliant, p.noncompliant, p.unknown, p.thing} {
		if v != "" {
			fmt.Fprintf(&b, "  - {name: VLAN-%d, type: vlan, vlan: %s}\n", i, v)
		}
	}
	b.WriteString("rules:\n")
	rule := func(name, matching, vlan string, i int) {
		fmt.Fprintf(&b, "  - name: %s\n    action: %s\n", name, map[bool]string{true: "block", false: "allow"}[vlan == ""])
		if matching != "" {
			fmt.Fprintf(&b, "    matching: {%s}\n", matching)
		}
		if vlan != "" {
			fmt.Fprintf(&b, "    apply_tags: [VLAN-%d]\n", i)
		}
	}
	rule("Things", "auth_type: mab, nactags: [Known]", p.thing, 3)
	rule("Strangers", "auth_type: mab", "", 0)
	rule("Corp", "nactags: [Compliant]", p.compliant, 0)
	rule("Bad", "nactags: [Non-Compliant]", p.noncompliant, 1)
	rule("First", "", p.unknown, 2)
	return b.String()
}

// drawer draws the parts of a plan.
type drawer struct {
	*rand.Rand
	p        *plan
	down     map[string]bool
	place    map[string]string
	enrolled map[string]bool
	renames  int
}

func (d *drawer) chance(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d *drawer, of ...T) T { return of[d.IntN(len(of))] }

// span draws a duration evenly over its orders of magnitude.
func (d *drawer) span(from, to time.Duration) time.Duration {
	for from*2 < to && d.chance(75) {
		from *= 2
	}
	return from + time.Duration(d.Int64N(int64(from)+1)).Truncate(time.Millisecond)
}

// newPlan draws a plan from a seed.
func newPlan(seed uint64) *plan {
	p := &plan{seed: seed, things: map[string]bool{}, users: map[string]bool{}}
	d := &drawer{Rand: rand.New(rand.NewPCG(seed, 0xc4a05)), p: p, down: map[string]bool{}, place: map[string]string{}, enrolled: map[string]bool{}}
	var b strings.Builder
	fmt.Fprintf(&b, "title: campaign, plan %d\nseed: %d\npolicy: %s\n", seed, seed+1, pick(d, "seed.yaml", "seed.yaml", "moved.yaml", "strict.yaml", "three.yaml"))
	d.settings(&b)
	d.accessServers(&b)
	d.clients(&b)
	p.head = b.String()
	for range 3 + d.IntN(30) {
		d.step()
	}
	return p
}

func (d *drawer) settings(b *strings.Builder) {
	poll := pick(d, 2*time.Hour, 2*time.Hour, 30*time.Minute, 10*time.Minute)
	fmt.Fprintf(b, "settings:\n  poll: %s\n  check_in: %s\n  coa: %s\n", poll, pick(d, "8h", "1h", "15m"), pick(d, "reauth", "reauth", "disconnect"))
	fmt.Fprintf(b, "  reauth: %s\n  interim: %s\n", pick(d, "0s", "0s", "0s", "4h", "35m"), pick(d, "0s", "10m", "1h"))
	fmt.Fprintf(b, "  coa_timeout: %s\n  coa_retries: %d\n  coa_backoff: %s\n  lookup_retry: %s\n", pick(d, "2s", "500ms", "5s"), d.IntN(4), pick(d, "30s", "2s", "5m"), pick(d, "5s", "1s", "1m"))
	tls := pick(d, "1.2", "1.3")
	fmt.Fprintf(b, "  tls: {min: %q, max: %q}\n  compliance: {in_grace_period: %s}\n", tls, tls, pick(d, "compliant", "noncompliant", "unknown"))
	fmt.Fprintf(b, "intune:\n  page_size: %d\n  compliance: {require: [antivirus, firewall], grace: %s}\n", 1+d.IntN(4), pick(d, "0s", "0s", "3h"))
	d.p.revoked = pick(d, "none", "none", "crl", "ocsp")
	fmt.Fprintf(b, "authentication:\n  methods: [%s]\n  tickets: %s\n", pick(d, "tls, ttls, peap, teap", "teap, peap, ttls, tls"), pick(d, "0s", "1h", "1d"))
	fmt.Fprintf(b, "  revocation: {by: %s, hard_fail: %v, valid: %s}\n", d.p.revoked, d.chance(30), pick(d, "5m", "1h", "6h"))
	d.p.quiet = 30 * time.Hour
}

func (d *drawer) accessServers(b *strings.Builder) {
	b.WriteString("nas:\n")
	kinds := pick(d, "a", "s", "aa", "as", "aas", "ass")
	for i, k := range kinds {
		n := planNAS{name: fmt.Sprintf("sw-%d", i+1), ports: k == 's'}
		radius := pick(d, "udp", "udp", "udp", "radsec")
		if n.ports {
			fmt.Fprintf(b, "  %s: {kind: switch, ports: 8, radius: %s, mab: %s, mab_form: %s}\n", n.name, radius, pick(d, "first", "fallback"), pick(d, "pap", "chap", "eap-md5"))
		} else {
			n.name = fmt.Sprintf("ap-%d", i+1)
			firmware := "0.14.29411"
			if d.chance(8) {
				n.old, firmware = true, "0.12.1"
			}
			fmt.Fprintf(b, "  %s: {kind: ap, ssid: %s, firmware: %s, radius: %s}\n", n.name, pick(d, "corp", "corp", "other"), firmware, radius)
		}
		d.p.nas = append(d.p.nas, n)
	}
}

func (d *drawer) clients(b *strings.Builder) {
	b.WriteString("users:\n")
	for i := range maxClients {
		fmt.Fprintf(b, "  pc-%d@corp.example: {password: right}\n", i+1)
	}
	b.WriteString("devices:\n")
	for i := range 1 + d.IntN(maxClients) {
		name := fmt.Sprintf("pc-%d", i+1)
		d.p.devices = append(d.p.devices, name)
		fmt.Fprintf(b, "  %s:\n", name)
		if len(d.p.switches()) > 0 && d.chance(20) {
			d.thing(b, name, i)
			continue
		}
		if d.chance(15) {
			b.WriteString("    randomize_mac: true\n")
		}
		intune := []string{}
		if d.enrolled[name] = !d.chance(15); !d.enrolled[name] {
			intune = append(intune, "enrolled: false")
		}
		if d.chance(25) {
			intune = append(intune, "antivirus: off")
		}
		if d.chance(10) {
			intune = append(intune, "wifi_mac: none", "ethernet_mac: none")
		}
		if len(intune) > 0 {
			fmt.Fprintf(b, "    intune: {%s}\n", strings.Join(intune, ", "))
		}
		supplicant := []string{fmt.Sprintf("resume: %v", d.chance(30))}
		if d.p.users[name] = d.chance(25); d.p.users[name] {
			b.WriteString("    certificate: none\n")
			supplicant = append(supplicant, "method: "+pick(d, "ttls-pap", "ttls-mschapv2", "ttls-eap-gtc", "peap-mschapv2", "teap-mschapv2"))
		} else {
			fmt.Fprintf(b, "    certificate: {%s}\n", d.certificate())
		}
		if d.chance(10) {
			supplicant = append(supplicant, fmt.Sprintf("fragment: %d", 100+d.IntN(1200)))
		}
		fmt.Fprintf(b, "    supplicant: {%s}\n", strings.Join(supplicant, ", "))
	}
}

// maxClients is how many devices a plan has at most.
const maxClients = 4

// thing draws a device without a supplicant, known or not.
func (d *drawer) thing(b *strings.Builder, name string, i int) {
	d.p.things[name] = true
	mac := fmt.Sprintf("00:1c:b3:aa:bb:%02x", i+1)
	if d.chance(30) {
		mac = fmt.Sprintf("00:1c:b3:aa:cc:%02x", i+1)
	}
	fmt.Fprintf(b, "    mac: %q\n    intune: none\n    certificate: none\n    supplicant: none\n", mac)
}

// switches are those of the plan.
func (p *plan) switches() []planNAS {
	return slices.DeleteFunc(slices.Clone(p.nas), func(n planNAS) bool { return !n.ports })
}

// offers are where a device can connect.
func (p *plan) offers(device string) []planNAS {
	if p.things[device] {
		return p.switches()
	}
	return p.nas
}

// certificate draws the fields of a certificate.
func (d *drawer) certificate() string {
	f := []string{pick(d, `subject: "CN={{DeviceName}}"`, `subject: "CN={{DeviceName}}.corp.example,O=Contoso"`, `subject: "CN={{UserPrincipalName}}"`),
		pick(d, `san_dns: ["{{DeviceId}}"]`, `san_dns: ["{{DeviceId}}"]`, `san_dns: ["nobody.example"]`)}
	switch d.IntN(12) {
	case 0:
		f = append(f, "issuer: "+pick(d, "foreign", "intermediate", "intermediate"))
	case 1:
		f = append(f, fmt.Sprintf("not_after: %s", d.span(10*time.Minute, 40*time.Hour).Round(time.Second)))
	case 2:
		f = append(f, fmt.Sprintf("not_before: %s", d.span(time.Minute, 20*time.Hour).Round(time.Second)))
	}
	return strings.Join(f, ", ")
}

// add appends a step.
func (d *drawer) add(s planStep, format string, args ...any) {
	s.text = fmt.Sprintf(format, args...)
	switch d.IntN(4) {
	case 0: // at once
	case 1:
		s.after = d.span(time.Millisecond, 200*time.Millisecond)
	case 2:
		s.after = d.span(200*time.Millisecond, 2*time.Minute)
	case 3:
		s.after = d.span(time.Minute, 3*time.Hour)
	}
	d.p.steps = append(d.p.steps, s)
}

// onAir are names of packets that a campaign singles out. Deauthentication is not among them: stations of real
// networks acknowledge it, and are told again when they send what they may not.
var onAir = []string{"Access-Request", "Access-Challenge", "Access-Accept", "Access-Reject", "Accounting-Request", "Accounting-Response",
	"CoA-Request", "CoA-ACK", "CoA-NAK", "Disconnect-Request", "Disconnect-ACK", "Disconnect-NAK", "EAP-Request", "EAP-Response",
	"EAP-Success", "EAP-Failure", "EAPOL-Start", "EAPOL-Key", "EAPOL-Key 1/4", "EAPOL-Key 2/4", "EAPOL-Key 3/4", "EAPOL-Key 4/4",
	"Association Request", "Association Response", "Authentication", "Probe Request", "Probe Response"}

// step draws one step.
func (d *drawer) step() {
	device := pick(d, d.p.devices...)
	nas := pick(d, d.p.offers(device)...)
	switch d.IntN(26) {
	case 0, 1, 2, 3:
		d.connect(device, nas)
	case 4:
		if d.place[device] != "" {
			delete(d.place, device)
			d.add(planStep{}, "disconnect: {device: %s}", device)
		}
	case 5, 6:
		if d.p.things[device] {
			break
		}
		d.add(planStep{}, "posture: {device: %s, %s: %s}", device, pick(d, "antivirus", "firewall"), pick(d, "on", "off"))
		if d.chance(70) {
			d.sync(device)
		}
	case 7:
		if !d.p.things[device] {
			d.record(device)
		}
	case 22, 23, 24:
		d.credential(device)
	case 8, 9:
		d.link(device, nas)
	case 10, 11, 12:
		d.packet(device, nas)
	case 13:
		if !d.down[nas.name] {
			d.add(planStep{}, "coa_answer: {nas: %s, nak: %d, count: %d}", nas.name, pick(d, 401, 403, 404, 405, 501, 504, 506), 1+d.IntN(3))
		}
	case 14:
		if d.down["graph"] {
			break
		}
		d.add(planStep{}, "graph: %s", pick(d, "{status: down}", "{status: up}", "{status: up}", "{answer: 503}", "{answer: 500, count: 3}",
			"{fault: next_link_loop, count: 2}", "{fault: list_truncated, count: 1}", "{fault: unauthorized, page: 1, count: 1}", "{fault: filter_ignored, count: 3}",
			"{fault: half_body, probability: 20%, for: 1h}", "{fault: throttled, retry_after: 90s, retry_after_as: date, count: 2}", "{fault: roles_missing, count: 1}",
			"{answer: 429, retry_after: 30s, count: 2}", "{answer: 401, count: 2}", "{answer: 404, count: 1}"))
	case 15, 16, 17:
		hosts := []string{"nac", "nac", "graph", nas.name, nas.name, device}
		if d.p.revoked != "none" {
			hosts = append(hosts, "pki", "pki")
		}
		d.power(pick(d, hosts...))
	case 18:
		d.add(planStep{}, "policy: %s", pick(d, "seed.yaml", "moved.yaml", "strict.yaml", "three.yaml"))
	case 19:
		if !d.p.things[device] && !d.p.users[device] {
			d.add(planStep{reissue: device}, "certificate: {device: %s, %s}", device, d.certificate())
		}
	default:
		d.sync(device)
	}
}

// credential changes what a device proves who it is by, on one side or the other.
func (d *drawer) credential(device string) {
	switch {
	case d.p.things[device]:
	case d.p.users[device] && d.chance(40):
		d.add(planStep{again: device}, "user: {name: %s@corp.example, disabled: %s}", device, pick(d, "true", "false"))
	case d.p.users[device] && d.chance(50):
		d.add(planStep{again: device}, "user: {name: %s@corp.example, password: %s}", device, pick(d, "right", "changed"))
	case d.p.users[device]:
		d.add(planStep{again: device}, "password: {device: %s, password: %s}", device, pick(d, "right", "changed"))
	case d.p.revoked != "none":
		d.add(planStep{again: device}, "revoke: {device: %s, reason: %s}", device, pick(d, "superseded", "keyCompromise"))
	}
}

func (d *drawer) sync(device string) {
	if !d.p.things[device] && !d.down["graph"] && !d.down[device] && d.enrolled[device] {
		d.add(planStep{}, "sync: {device: %s}", device)
	}
}

// at is where a device connects: each has a port of its own. Port 8 is whoever's comes first.
func (p *plan) at(device string, nas planNAS) string {
	if nas.ports {
		return fmt.Sprintf("%s/%d", nas.name, 1+slices.Index(p.devices, device))
	}
	return nas.name
}

func (d *drawer) connect(device string, nas planNAS) {
	delete(d.place, device)
	to := d.p.at(device, nas)
	if shared := nas.name + "/8"; nas.ports && d.chance(30) && !slices.Contains(slices.Collect(maps.Values(d.place)), shared) {
		to = shared
	}
	d.place[device] = to
	d.add(planStep{}, "connect: {device: %s, to: %s}", device, d.place[device])
}

// record changes a device's record in Intune.
func (d *drawer) record(device string) {
	switch {
	case d.down["graph"]:
	case !d.enrolled[device]:
		d.enrolled[device] = true
		d.add(planStep{enroll: device}, "enroll: {device: %s}", device)
	case d.chance(60):
		d.renames++
		d.add(planStep{}, "rename: {device: %s, name: %s}", device, pick(d, strings.ToUpper(device), fmt.Sprintf("OTHER-%d", d.renames)))
	default:
		d.enrolled[device] = false
		d.add(planStep{retire: device}, "retire: {device: %s}", device)
	}
}

// power crashes or restarts a host.
func (d *drawer) power(host string) {
	switch {
	case d.down[host]:
		delete(d.down, host)
		d.add(planStep{restart: host}, "restart: {host: %s}", host)
	case d.chance(50):
		d.add(planStep{restart: host}, "restart: {host: %s}", host)
	default:
		d.down[host] = true
		d.add(planStep{crash: host}, "crash: {host: %s}", host)
		if d.chance(60) {
			delete(d.down, host)
			d.add(planStep{restart: host}, "restart: {host: %s}", host)
		}
	}
}

// link draws what becomes of a link.
func (d *drawer) link(device string, nas planNAS) {
	a, b := nas.name, "nac"
	switch d.IntN(5) {
	case 0:
		a = device
		b = nas.name
	case 1:
		a = "graph"
	}
	ends := fmt.Sprintf("both: [%s, %s]", a, b)
	if d.chance(40) {
		if d.chance(50) {
			a, b = b, a
		}
		ends = fmt.Sprintf("from: %s, to: %s", a, b)
	}
	what := pick(d, "down: true", "down: true", "down: false", fmt.Sprintf("loss: %d%%", 1+d.IntN(60)),
		fmt.Sprintf("loss: %d%%, duplicate: %d%%, reorder: %d%%", d.IntN(30), d.IntN(50), d.IntN(50)),
		fmt.Sprintf("duplicate: %d%%", 1+d.IntN(100)), fmt.Sprintf("reorder: %d%%", 1+d.IntN(100)),
		fmt.Sprintf("delay: %s, jitter: %s", d.span(time.Millisecond, 8*time.Second).Round(time.Millisecond), d.span(time.Millisecond, time.Second).Round(time.Millisecond)))
	s := planStep{}
	if !nas.ports && (a == device || b == device) {
		s.radio = device
	}
	d.add(s, "link: {%s, %s}", ends, what)
}

// packet draws what befalls the next packets of a kind.
func (d *drawer) packet(device string, nas planNAS) {
	match := pick(d, onAir...)
	switch action := pick(d, "drop", "drop", "duplicate", "delay"); action {
	case "drop":
		d.add(planStep{}, "packet: {match: %s, action: drop, count: %d}", match, 1+d.IntN(3))
	default:
		d.add(planStep{}, "packet: {match: %s, action: %s, delay: %s, count: %d}", match, action, d.span(time.Millisecond, 30*time.Second).Round(time.Millisecond), 1+d.IntN(3))
	}
}

// text writes the scenario with the steps whose numbers keep contains, and the healing.
func (p *plan) text(keep []int) string {
	var b strings.Builder
	b.WriteString(p.head)
	b.WriteString("steps:\n")
	down, retired, again := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, i := range keep {
		s := &p.steps[i]
		fmt.Fprintf(&b, "  - %s\n", s.text)
		if s.after > 0 {
			fmt.Fprintf(&b, "    after: %s\n", s.after)
		}
		down[s.crash] = true
		delete(down, s.restart)
		retired[s.retire] = true
		delete(retired, s.enroll)
		again[s.reissue], again[s.radio], again[s.again] = true, true, true
	}
	b.WriteString("  # from here on nothing is broken any more\n")
	b.WriteString("  - graph: {status: up}\n    after: 1s\n")
	for _, link := range p.links() {
		fmt.Fprintf(&b, "  - link: {both: [%s], down: false, delay: 1ms, jitter: 0s, loss: 0%%, duplicate: 0%%, reorder: 0%%}\n", link)
	}
	hosts := []string{"nac", "graph", "pki"}
	for _, n := range p.nas {
		hosts = append(hosts, n.name)
	}
	for _, host := range append(hosts, p.devices...) {
		if down[host] {
			fmt.Fprintf(&b, "  - restart: {host: %s}\n", host)
		}
	}
	for i, device := range p.devices {
		// Half of the devices are plugged in again, the others have to find back by themselves. A new certificate
		// counts from the next authentication on, an old access point does not ask for one, and a station that has
		// missed a Deauthentication does not know.
		if nas := p.home(i); p.seed>>i&1 == 0 || again[device] || p.old() {
			fmt.Fprintf(&b, "  - connect: {device: %s, to: %s}\n    after: 1m\n", device, p.at(device, nas))
		}
	}
	fmt.Fprintf(&b, "  - graph: {status: up}\n    after: %s\n", p.quiet)
	for range 2 { // what is found out after an old access point has let a client in counts from the next time on
		if !p.old() {
			break
		}
		for i, device := range p.devices {
			fmt.Fprintf(&b, "  - connect: {device: %s, to: %s}\n    after: 5m\n", device, p.at(device, p.home(i)))
		}
		b.WriteString("  - graph: {status: up}\n    after: 10m\n")
	}
	return b.String()
}

// home is where the i-th device is plugged in at the end.
func (p *plan) home(i int) planNAS {
	offers := p.offers(p.devices[i])
	return offers[(int(p.seed)+i)%len(offers)]
}

func (p *plan) old() bool {
	return slices.ContainsFunc(p.nas, func(n planNAS) bool { return n.old })
}

// links are the pairs of hosts that have one.
func (p *plan) links() []string {
	links := []string{"nac, graph"}
	for _, n := range p.nas {
		links = append(links, n.name+", nac")
		for _, device := range p.devices {
			links = append(links, device+", "+n.name)
		}
	}
	return links
}
