package timeline

import (
	"log/slog"
	"strconv"
	"strings"

	"nacsim/sim/trace"
)

// news says whether a record that is not shown is to be counted.
type news int

const (
	ordinary news = iota
	quiet         // a poll or check-in that found nothing new
)

// describe puts a record into words. An empty text means that there is nothing to show at all; the actor is
// set where it is not the record's own.
func (t *Timeline) describe(r *trace.Record) (line, news) {
	switch r.Kind {
	case trace.KindPacket:
		return t.packet(r), ordinary
	case "scenario":
		return line{text: join(" — ", r.Field("name"), r.Field("title")), look: heading}, ordinary
	case "step":
		return line{text: first(r.Field("what"), r.Field("verb")), look: heading}, ordinary
	case "note":
		return line{text: r.Field("text")}, ordinary
	case "expect":
		return expectation(r), ordinary
	case "supplicant":
		return supplicant(r), ordinary
	case "port":
		return t.port(r), ordinary
	case "session":
		return t.session(r), ordinary
	case "decision":
		return t.decision(r), ordinary
	case "lookup":
		return t.lookup(r), ordinary
	case "coa":
		return t.coa(r), ordinary
	case "das":
		return t.das(r), ordinary
	case "event":
		return t.event(r), ordinary
	case "poll":
		return poll(r)
	case "intune":
		return intune(r)
	case "check_in":
		return checkIn(r)
	}
	return t.other(r), ordinary
}

// other describes the kinds of which one line in words says all, and those this package does not know.
func (t *Timeline) other(r *trace.Record) line {
	switch r.Kind {
	case "ddb":
		return deviceRecord(r)
	case "device":
		return device(r)
	case "token":
		return failureOnly(r, "token for "+r.Field("client_id"))
	case "http":
		return failureOnly(r, r.Field("method")+" "+r.Field("url"))
	case "drop":
		return line{text: "drops what " + first(r.Field("from"), "someone") + " sent: " + r.Field("reason"), look: fault}
	case "warning":
		return line{text: "warning about " + first(r.Field("from"), "someone") + ": " + r.Field("reason"), look: fault}
	case "revocation":
		return t.revocation(r)
	case "radsec":
		return connection(r)
	case "fault":
		return networkFault(r)
	case "crash":
		return line{text: "crashes", look: fault}
	case "restart":
		return line{text: "is up again", look: fault}
	case "consent":
		return consent(r)
	case "compliance_policy":
		return line{text: "measures devices by " + first(r.Field("policies"), "no compliance policy"), look: heading}
	case "credential":
		return line{text: r.Field("text"), look: bad}
	case "link":
		return line{text: "link " + list(r.Fields), look: fault}
	}
	return line{text: join(" ", r.Kind, list(r.Fields)), look: detail}
}

// packet shows what the network lost, doubled or delayed; the others only when verbose.
func (t *Timeline) packet(r *trace.Record) line {
	fate := r.Field("fate")
	if fate == "" || t.o.Verbose {
		return line{text: "→ " + first(r.Field("to"), "all") + ": " + r.Field("summary"), look: detail}
	}
	name := r.Field("name")
	if eap := r.Field("eap"); eap != "" && eap != name {
		name += " (" + eap + ")"
	}
	text := name + " to " + first(r.Field("to"), "all") + " is " + fate
	if note := r.Field("note"); note != "" && note != fate {
		text += ": " + note
	}
	return line{text: text, look: fault}
}

func expectation(r *trace.Record) line {
	want := first(r.Field("want"), r.Field("text"))
	if r.Field("result") == "pass" {
		return line{text: "✓ " + want, look: good}
	}
	return line{text: join(", but there was ", "✗ "+want, r.Field("got")), look: bad}
}

// revocation is a list that was read, or a responder that was asked. A failure that the line about the HTTP request has just
// told of is not told again.
func (t *Timeline) revocation(r *trace.Record) line {
	source := r.Field("source")
	if r.Field("result") == "error" {
		l := line{text: join(": ", "learns nothing about revoked certificates from "+source, r.Field("error")), look: bad}
		if url := source[strings.LastIndexByte(source, ' ')+1:]; t.last.at == r.At && t.last.look == bad && strings.Contains(t.last.text, " "+url+": ") {
			l.look = detail
		}
		return l
	}
	if status := r.Field("status"); status != "" {
		l := line{text: source + " has certificate " + r.Field("serial") + " as " + status, look: detail}
		if status != "good" {
			l.look = bad
		}
		return l
	}
	entries, _ := strconv.Atoi(r.Field("entries"))
	return line{text: "reads " + source + ": " + plural(entries, "revoked certificate", "revoked certificates"), look: detail}
}

func supplicant(r *trace.Record) line {
	to, reason := r.Field("to"), r.Field("reason")
	switch r.Field("state") {
	case "associating":
		return line{text: join(" ", "connects to", to)}
	case "failed":
		return line{text: join(": ", "fails to authenticate on "+to, reason), look: bad}
	case "disconnected":
		return line{text: join(": ", "is disconnected from "+to, reason)}
	}
	return line{text: join(": ", r.Field("state"), reason), look: detail}
}

func (t *Timeline) port(r *trace.Record) line {
	who, reason := t.names.of(r.Field("client")), r.Field("reason")
	switch r.Field("state") {
	case "authorized":
		text := who + " is on the network"
		if vlan := r.Field("vlan"); vlan != "" {
			text += ", VLAN " + vlan
		}
		return line{text: join(": ", text, reason)}
	case "unauthorized":
		if reason == "" {
			break
		}
		return line{text: who + " is off the network: " + reason}
	case "held":
		return line{text: join(": ", who+" is held off", reason), look: bad}
	}
	return line{text: who + " " + r.Field("state"), look: detail}
}

func (t *Timeline) session(r *trace.Record) line {
	l := line{text: join(": ", "session of "+t.names.of(r.Field("client"))+" on "+r.Field("nas")+" "+r.Field("state"), r.Field("reason"))}
	if r.Field("state") != "ended" {
		l.look = detail
	}
	return l
}

// decision says what was granted by which rule, and below it why the rules before that one did not match.
func (t *Timeline) decision(r *trace.Record) line {
	who := t.names.of(r.Field("client"))
	why := listOf(r, "explanation")
	if r.Field("result") != "accept" {
		reason := "no rule matches"
		if len(why) > 0 {
			reason, why = why[len(why)-1], why[:len(why)-1]
		}
		return line{text: "rejects " + who + ": " + reason, look: bad, more: why}
	}
	text := "accepts " + who
	if r.Field("resumed") == "true" {
		text += " (TLS session resumed)"
	}
	if vlan := r.Field("vlan"); vlan != "" {
		text += " into VLAN " + vlan
	}
	rule := r.Field("rule")
	if len(why) > 0 && strings.HasPrefix(why[len(why)-1], rule+": hit") { // the last rule tried is the one that matched
		reason := strings.TrimPrefix(why[len(why)-1], rule+": hit, ")
		return line{text: text + " by rule " + rule + ": " + reason, more: why[:len(why)-1]}
	}
	return line{text: join(" by rule ", text, rule), more: why}
}

// identityKeys are the ways a client is matched to a device record.
var identityKeys = map[string]string{"mac": "MAC address", "cn": "certificate CN", "san_dns": "certificate SAN DNS", "san_uri": "certificate SAN URI"}

func (t *Timeline) lookup(r *trace.Record) line {
	key := r.Field("key")
	text := "looks up " + t.names.of(r.Field("client")) + " in Intune by "
	if names, values := strings.Split(key, ","), strings.Split(r.Field("value"), ","); len(names) == len(values) {
		for i := range names {
			names[i] = join(" ", first(identityKeys[names[i]], names[i]), values[i])
		}
		text += strings.Join(names, ", ")
	} else {
		text += join(" ", first(identityKeys[key], key), r.Field("value"))
	}
	switch r.Field("result") {
	case "found":
		text += ": " + join(", ", r.Field("device"), r.Field("compliance"))
		if r.Field("conflict") == "true" {
			text += ", because several records match and disagree"
		}
		return line{text: text}
	case "not_found":
		return line{text: text + ": not found"}
	}
	return line{text: join(": ", text+": error", r.Field("error")), look: bad, recurs: true}
}

func (t *Timeline) coa(r *trace.Record) line {
	who, nas, request := t.names.of(r.Field("client")), r.Field("nas"), first(r.Field("request"), "CoA")
	switch r.Field("result") {
	case "sent":
		text := "sends " + request + " for " + who + " to " + nas
		if attempt := r.Field("attempt"); attempt != "" && attempt != "1" {
			return line{text: text + " again, attempt " + attempt}
		}
		if want := r.Field("wanted_vlan"); want != "" {
			text += ": VLAN " + join(" → ", r.Field("have_vlan"), want)
		}
		return line{text: join(", because ", text, r.Field("cause"))}
	case "ack":
		return line{text: nas + " acknowledges the " + request + " for " + who}
	case "nak":
		return line{text: join(": ", nas+" refuses the "+request+" for "+who, r.Field("error_cause")), look: bad}
	case "timeout":
		return line{text: nas + " does not answer the " + request + " for " + who, look: bad}
	}
	return line{text: join(": ", request+" for "+who+" "+r.Field("result"), first(r.Field("reason"), r.Field("cause"))), look: bad}
}

// das shows what a NAS did with a request only where the NAC's own line about the answer does not.
func (t *Timeline) das(r *trace.Record) line {
	text := r.Field("request") + " for " + t.names.of(r.Field("client")) + ": " + join(" ", r.Field("result"), r.Field("error_cause"))
	if r.Field("result") == "dropped" {
		return line{text: text, look: fault}
	}
	return line{text: text, look: detail}
}

// event shows the client events that no other record tells of: certificates refused by either side.
func (t *Timeline) event(r *trace.Record) line {
	kind := r.Field("type")
	about := r.Field("mdm_tenant")
	if mac := r.Field("mac"); mac != "" {
		about = t.names.of(mac)
	}
	text := join(": ", join(" ", kind, about), r.Field("text"))
	if strings.Contains(kind, "_CERT_") && !strings.HasSuffix(kind, "_SUCCESS") {
		return line{text: text, look: bad}
	}
	return line{text: text, look: detail}
}

// consent says what came of an administrator's visit to Entra.
func consent(r *trace.Record) line {
	if r.Field("result") == "ok" {
		return line{text: "has the consent of tenant " + r.Field("tenant"), look: good}
	}
	return line{text: join(": ", "has no consent", r.Field("error")), look: bad}
}

// intune says how the NAC's link to Intune is.
func intune(r *trace.Record) (line, news) {
	text := "Intune of tenant " + r.Field("tenant") + " is " + r.Field("health")
	switch r.Field("health") {
	case "unlinked":
		return line{text: "has no Intune account linked any more"}, ordinary
	case "unhealthy":
		return line{text: join(": ", text, r.Field("error")), look: bad}, ordinary
	}
	return line{text: text, look: detail}, quiet
}

func poll(r *trace.Record) (line, news) {
	if r.Field("result") == "error" {
		return line{text: join(": ", "polls Intune: error", r.Field("error")), look: bad, recurs: true}, ordinary
	}
	devices, _ := strconv.Atoi(r.Field("devices"))
	text := "polls Intune: " + plural(devices, "device", "devices") + ", " + r.Field("changed") + " changed"
	if changed := r.Field("changed"); changed == "" || changed == "0" {
		return line{text: text, look: detail}, quiet
	}
	return line{text: text}, ordinary
}

func checkIn(r *trace.Record) (line, news) {
	state, was := r.Field("complianceState"), r.Field("was")
	text := r.Field("device") + " checks in with Intune: " + state
	if was == state {
		return line{text: text, look: detail}, quiet
	}
	if failing := r.Field("failing"); failing != "" {
		text += " (" + strings.ReplaceAll(failing, ",", ", ") + ")"
	}
	if was != "" {
		text += ", was " + was
	}
	return line{text: text}, ordinary
}

// device is a change of a device or of its record in Intune.
func device(r *trace.Record) line {
	name := r.Field("device")
	switch change := r.Field("change"); change {
	case "enrolled", "removed":
		return line{text: name + " is " + change}
	case "evaluated":
		l := line{text: name + " is now " + r.Field("complianceState") + ", was " + r.Field("was")}
		if failing := r.Field("failing"); failing != "" {
			l.text += " (" + failing + ")"
		}
		return l
	case "posture":
		return line{text: name + " changes: " + list(r.Fields, "device", "id", "change")}
	case "renamed":
		return line{text: r.Field("was") + " is renamed to " + name}
	default:
		return line{text: name + ": " + change}
	}
}

func deviceRecord(r *trace.Record) line {
	now, was := r.Field("compliance"), r.Field("was")
	l := line{text: "learns that " + r.Field("device") + " is " + now}
	if now == "none" {
		l.text = "learns that Intune has no " + r.Field("device") + " any more"
	}
	if was == "" || was == "none" || was == now { // the lookup's own line says it
		l.look = detail
	} else {
		l.text += ", was " + was
	}
	return l
}

// failureOnly is for exchanges of which only a failure is news.
func failureOnly(r *trace.Record, what string) line {
	if err := r.Field("error"); err != "" {
		return line{text: what + ": " + err, look: bad, recurs: true}
	}
	return line{text: join(" ", what, r.Field("status")+r.Field("result")), look: detail}
}

// networkFault shows faults of programs; those of the network show on the packets they strike.
func networkFault(r *trace.Record) line {
	l := line{text: join(" ", "fault", r.Field("fault")) + ": " + list(r.Fields, "fault"), look: fault, recurs: true}
	if r.Actor == "net" {
		l.look = detail
	}
	return l
}

// list renders fields as "key value, key value", leaving some out.
func list(fields []slog.Attr, except ...string) string {
	var b strings.Builder
next:
	for _, a := range fields {
		for _, e := range except {
			if a.Key == e {
				continue next
			}
		}
		value := trace.Text(a.Value)
		if value == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.Key)
		b.WriteByte(' ')
		b.WriteString(value)
	}
	return b.String()
}

// listOf is a field that is a list of strings.
func listOf(r *trace.Record, name string) []string {
	for _, a := range r.Fields {
		if a.Key == name {
			lines, _ := a.Value.Any().([]string)
			return lines
		}
	}
	return nil
}

// join joins the parts that are not empty.
func join(separator string, parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		if p == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(separator)
		}
		b.WriteString(p)
	}
	return b.String()
}

func first(parts ...string) string {
	for _, p := range parts {
		if p != "" {
			return p
		}
	}
	return ""
}

// connection is one for RADIUS over TLS, as the NAS or the NAC sees it.
func connection(r *trace.Record) line {
	peer := first(r.Field("nas"), r.Field("from"), r.Field("to"))
	why := first(r.Field("error"), r.Field("reason"))
	switch r.Field("state") {
	case "open":
		return line{text: "has a RadSec connection with " + peer + ": " + r.Field("tls") + ", RADIUS/" + r.Field("radius"), look: detail}
	case "closed":
		return line{text: "loses the RadSec connection with " + peer + ": " + why, look: fault}
	case "failed":
		return line{text: "cannot connect to " + peer + ": " + why, look: fault}
	}
	return line{text: "refuses the RadSec connection of " + peer + ": " + why, look: fault}
}
