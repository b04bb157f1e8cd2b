package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"nacsim/sim/trace"
)

// linesPerSecond is how many lines about clients the NAC prints in a second; the rest it counts.
const linesPerSecond = 20

// nacLog prints what the NAC does, a line for each decision, as long as there are few.
type nacLog struct {
	mu     sync.Mutex
	w      io.Writer
	quiet  bool
	second int64 // the current one, since 1970
	lines  int   // printed in it
	held   counts
	total  counts
	why    map[string]int // refusals by reason
}

// counts are what has happened.
type counts struct{ accepted, refused, other int }

// whyMax bounds the reasons that are counted one by one.
const whyMax = 100

func newNACLog(w io.Writer, quiet bool) *nacLog {
	return &nacLog{w: w, quiet: quiet, why: map[string]int{}}
}

// nacLogged are the kinds of records that a nacLog takes.
var nacLogged = []string{"decision", "session", "drop", "warning", "coa", "lookup", "config", "intune", "consent", "credential", "api"}

// record takes one record of the trace. It is cheap where nothing is to be printed.
func (l *nacLog) record(r trace.Record) {
	var one counts
	switch r.Kind {
	case "decision":
		if r.Field("result") == "accept" {
			one.accepted = 1
		} else {
			one.refused = 1
		}
	case "session":
		if r.Field("state") == "authorized" { // that is the line of the decision
			return
		}
		one.other = 1
	default:
		one.other = 1
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total.add(one)
	if one.refused > 0 {
		l.countReason(&r)
	}
	if l.quiet {
		return
	}
	if now := r.Time.Unix(); now != l.second {
		l.flush()
		l.second, l.lines = now, 0
	}
	if l.lines >= linesPerSecond {
		l.held.add(one)
		return
	}
	if text := printable(nacLine(&r)); text != "" { // much of it was made by clients, devices and servers
		l.lines++
		fmt.Fprintf(l.w, "%s  %s\n", r.Time.Local().Format("15:04:05.000"), text)
	}
}

func (l *nacLog) countReason(r *trace.Record) {
	why := r.Field("reason")
	if why == "" {
		why = "policy"
	}
	if _, known := l.why[why]; known || len(l.why) < whyMax {
		l.why[why]++
	}
}

// tick prints what has been held back, should nothing happen any more that would.
func (l *nacLog) tick(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Unix() != l.second {
		l.flush()
	}
}

// flush prints how much has been held back. The caller holds the mutex.
func (l *nacLog) flush() {
	if l.held == (counts{}) {
		return
	}
	fmt.Fprintf(l.w, "%s      … and %s more\n", time.Unix(l.second, 0).Local().Format("15:04:05"), l.held.text())
	l.held = counts{}
}

// summary is what has happened in all.
func (l *nacLog) summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	text := fmt.Sprintf("%d accepted, %d refused", l.total.accepted, l.total.refused)
	if len(l.why) == 0 {
		return text
	}
	var reasons []string
	for why, n := range l.why { // order-free: it is sorted
		reasons = append(reasons, fmt.Sprintf("%s %d", why, n))
	}
	slices.Sort(reasons)
	return text + " (" + strings.Join(reasons, ", ") + ")"
}

func (c *counts) add(d counts) {
	c.accepted += d.accepted
	c.refused += d.refused
	c.other += d.other
}

func (c counts) text() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{c.accepted, "accepted"}, {c.refused, "refused"}, {c.other, "other"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

// nacLine puts a record into a line; empty means that it is not worth one.
func nacLine(r *trace.Record) string {
	switch r.Kind {
	case "decision":
		return decisionLine(r)
	case "drop":
		return join(" ", "drop    ", r.Field("from"), dropText(r.Field("reason")), times(r.Field("count")))
	case "warning":
		return join(" ", "warning ", r.Field("from"), r.Field("reason"), times(r.Field("count")))
	case "coa":
		return join(" ", "coa     ", r.Field("client"), r.Field("request"), "to", r.Field("nas"), r.Field("result"), r.Field("error_cause"), r.Field("reason"), r.Field("cause"))
	case "lookup":
		return join(" ", "lookup  ", r.Field("client"), r.Field("key"), r.Field("value"), r.Field("result"), r.Field("device"), r.Field("compliance"), r.Field("error"))
	case "session":
		return join(" ", "session ", r.Field("client"), "on", r.Field("nas"), r.Field("state"), r.Field("reason"))
	case "config":
		return join(" ", "config  ", r.Field("text"))
	case "intune":
		return join(" ", "intune  ", r.Field("health"), r.Field("tenant"), r.Field("error"))
	case "consent":
		return join(" ", "consent ", r.Field("tenant"), r.Field("result"), r.Field("error"))
	case "credential":
		return join(" ", "warning ", r.Field("text"))
	case "api":
		return join(" ", "api     ", r.Field("from"), r.Field("request"))
	}
	return ""
}

// decisionLine tells what was decided on whom, and why.
func decisionLine(r *trace.Record) string {
	who := join(" ", "", r.Field("client"), quoted(r.Field("user")), machineText(r.Field("machine")), "on", r.Field("nas"), r.Field("auth_type"))
	why := lastOf(r, "explanation")
	if r.Field("result") != "accept" {
		return join(" ", "refuse  ", who+":", bracketed(r.Field("reason")), why)
	}
	what := ""
	if vlan := r.Field("vlan"); vlan != "" {
		what = "VLAN " + vlan + " "
	}
	return join(" ", "accept  ", who+":", what+"by rule "+why)
}

// quoted marks what a client calls itself, which may be anything.
func quoted(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%.80q", s)
}

// machineText names the machine that TEAP has authenticated beside a user.
func machineText(name string) string {
	if name == "" {
		return ""
	}
	return "with machine " + quoted(name)
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return "[" + s + "]"
}

func times(count string) string {
	if count == "" || count == "1" {
		return ""
	}
	return "(" + count + " so far)"
}

// join puts the parts that are not empty together.
func join(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}

// lastOf is the last entry of a list.
func lastOf(r *trace.Record, name string) string {
	for _, f := range r.Fields {
		if list, ok := f.Value.Any().([]string); ok && f.Key == name && len(list) > 0 {
			return list[len(list)-1]
		}
	}
	return ""
}

// dropTexts say what is most often behind a datagram that gets no answer.
var dropTexts = map[string]string{
	"unknown_client":           "no client of the configuration has this address",
	"malformed":                "not a RADIUS packet, or its lengths do not fit",
	"unknown_code":             "not a request, or one for the other port",
	"bad_authenticator":        "the secret is another one here and there",
	"no_message_authenticator": "Message-Authenticator is missing; message_authenticator: optional allows that",
	"duplicate":                "repeated while it is worked on",
	"superseded":               "repeated in another packet while it waited",
	"abandoned":                "what it waited for did not come in time",
	"waiting_full":             "too many requests wait for a directory or a responder",
	"malformed_eap":            "its EAP-Messages are no EAP packet that a client sends",
	"unexpected_eap":           "an EAP packet with another identifier than the one that is due",
	"repeated_attribute":       "an attribute that may occur once, such as User-Name or Calling-Station-Id, occurs twice",
	"several_credentials":      "more than one of EAP-Message, User-Password and CHAP-Password",
	"unsigned_proxy_state":     "Proxy-State without Message-Authenticator; unsigned_proxy_state: true allows that",
	"no_nas":                   "neither NAS-Identifier nor NAS-IP-Address",
	"conversations_full":       "too many EAP conversations are open",
	"reply_too_long":           "the reply would be longer than a RADIUS packet can be",
	"api_token":                "who asked the HTTP API has not shown its token",
	"not_recorded":             "the accounting record could not be kept",
}

func dropText(reason string) string {
	if text, ok := dropTexts[reason]; ok {
		return reason + ": " + text
	}
	return reason
}
