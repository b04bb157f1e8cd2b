package policy

import (
	"log/slog"
	"strconv"
	"time"
)

// ImplicitDeny is the reason of a denial by no rule, in Mist's exact words (facts: mist-and-peers 1.3).
const ImplicitDeny = "No policy rules are hit, rejected by implicit deny"

// An Authorization is what an allowed client gets. Authorizations are comparable: two sessions with equal
// ones are treated alike by the network.
type Authorization struct {
	// VLAN is the VLAN ID in decimal, "1" to "4094"; empty leaves the choice to the NAS.
	VLAN string `json:"vlan,omitempty"`
	// Role is a name that the NAS knows (Filter-Id); empty means none.
	Role string `json:"role,omitempty"`
	// SessionTimeout is after how long the NAS re-authenticates the client; zero means never.
	SessionTimeout time.Duration `json:"session_timeout,omitempty"`
}

// A Decision is the answer to a request, with the reasons for it.
type Decision struct {
	Allow bool
	// Rule is the name of the rule that decided, or empty.
	Rule string
	// Authorization is empty unless Allow is true.
	Authorization
	// Reason says in a sentence why a request is denied; it is empty when Allow is true.
	Reason string
	// MDM is the status of the device that the decision was based on.
	MDM Status
	// At is the time of the decision.
	At time.Time
	// Trials are the rules that were tried, in order; the last one decided unless no rule did.
	Trials []Trial
}

// A Trial is one rule held against a request.
type Trial struct {
	Rule string
	// Disabled rules are passed over without looking at their criteria.
	Disabled bool
	// Hit says that all criteria passed.
	Hit bool
	// Checks are the criteria, all of them, in the order auth_type, port_types, nactags, of matching and then
	// of not_matching.
	Checks []Check
}

// A Check is one criterion held against a request.
type Check struct {
	// Label is the name of the label, empty for auth_type and port_types.
	Label string
	// Kind is what was compared: a label's match, "auth_type" or "port_type".
	Kind Match
	// Not says that the criterion stands in not_matching, so that it passes when it does not match.
	Not bool
	// Pass says that the criterion did not stand in the way of the rule.
	Pass bool
	// Want are the values of the label, or the methods or port types of the rule.
	Want []string
	// Have is the request's value, and HaveAll are its values where there can be several.
	Have    string
	HaveAll []string
	// From says what the value was made of, where that is something else, and Why why there is none, where that is not
	// obvious.
	From, Why string
	// SeenAt is when the value was learnt, where it can be old.
	SeenAt time.Time
}

// AppendTo appends the check in words, for example "Intune-Compliant: mdm_status is compliant, seen 1h58m ago".
func (c *Check) AppendTo(b []byte, now time.Time) []byte {
	if c.Label != "" {
		b = append(b, c.Label...)
		b = append(b, ": "...)
	}
	b = append(b, c.Kind...)
	b = c.appendValue(append(b, " is "...))
	if c.From != "" {
		b = append(b, " ("...)
		b = append(b, c.From...)
		b = append(b, ')')
	}
	if c.Why != "" {
		b = append(b, ": "...)
		b = append(b, c.Why...)
	}
	if !c.SeenAt.IsZero() {
		b = append(b, ", seen "...)
		b = append(b, age(now.Sub(c.SeenAt))...)
		b = append(b, " ago"...)
	}
	switch matched := c.Pass != c.Not; {
	case matched && c.Not:
		return append(b, ", which not_matching rules out"...)
	case matched || c.Why != "":
		return b
	}
	b = append(b, ", not "...)
	return appendList(b, c.Want, " or ")
}

func (c *Check) appendValue(b []byte) []byte {
	switch {
	case len(c.HaveAll) > 0:
		return appendList(b, c.HaveAll, " and ")
	case c.Have != "":
		return append(b, c.Have...)
	default:
		return append(b, "absent"...)
	}
}

// listed bounds the values of a list that are written out.
const listed = 4

func appendList(b []byte, values []string, join string) []byte {
	for i, v := range values {
		if i == listed && len(values) > listed+1 {
			b = append(b, join...)
			b = strconv.AppendInt(b, int64(len(values)-listed), 10)
			return append(b, " more"...)
		}
		if i > 0 {
			b = append(b, join...)
		}
		b = append(b, v...)
	}
	return b
}

// age writes a duration in two units at most: "40s", "1h58m", "3d2h".
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return d.Truncate(time.Millisecond).String()
	case d < time.Minute:
		return d.Truncate(time.Second).String()
	case d < time.Hour:
		return units(int64(d/time.Minute), "m", 0, "")
	case d < day:
		return units(int64(d/time.Hour), "h", int64(d%time.Hour/time.Minute), "m")
	}
	return units(int64(d/day), "d", int64(d%day/time.Hour), "h")
}

func units(major int64, unit string, minor int64, minorUnit string) string {
	s := strconv.FormatInt(major, 10) + unit
	if minor > 0 {
		s += strconv.FormatInt(minor, 10) + minorUnit
	}
	return s
}

// AppendTo appends the trial in words: the rule, whether it was hit, and either what made it hit or what stood
// in its way.
func (t *Trial) AppendTo(b []byte, now time.Time) []byte {
	b = append(b, t.Rule...)
	switch {
	case t.Disabled:
		return append(b, ": disabled"...)
	case t.Hit && len(t.Checks) == 0:
		return append(b, ": hit, it has no criteria"...)
	case t.Hit:
		b = append(b, ": hit, "...)
	default:
		b = append(b, ": no, "...)
	}
	first := true
	for i := range t.Checks {
		if t.Checks[i].Pass != t.Hit {
			continue
		}
		if !first {
			b = append(b, "; "...)
		}
		first = false
		b = t.Checks[i].AppendTo(b, now)
	}
	return b
}

// Explanation returns one line for each rule that was tried and, for a denial, the reason as the last one.
func (d *Decision) Explanation() []string {
	lines := make([]string, 0, len(d.Trials)+1)
	var buf [256]byte
	for i := range d.Trials {
		lines = append(lines, string(d.Trials[i].AppendTo(buf[:0], d.At)))
	}
	if d.Reason != "" {
		lines = append(lines, d.Reason)
	}
	return lines
}

// String returns the decision in a line of English, for example "accept, VLAN 750 by rule Corp Compliant:
// Intune-Compliant: mdm_status is compliant, seen 2s ago".
func (d *Decision) String() string {
	b := make([]byte, 0, 256)
	if !d.Allow {
		b = append(b, "reject: "...)
		return string(append(b, d.Reason...))
	}
	b = append(b, "accept"...)
	if d.VLAN != "" {
		b = append(b, ", VLAN "...)
		b = append(b, d.VLAN...)
	}
	if d.Role != "" {
		b = append(b, ", role "...)
		b = append(b, d.Role...)
	}
	b = append(b, " by rule "...)
	if n := len(d.Trials); n > 0 {
		b = d.Trials[n-1].AppendTo(b, d.At)
	} else {
		b = append(b, d.Rule...)
	}
	return string(b)
}

// Result is "accept" or "reject".
func (d *Decision) Result() string {
	if d.Allow {
		return "accept"
	}
	return "reject"
}

// Attrs returns the fields of the `decision` trace of this decision on r.
func (d *Decision) Attrs(r *Request) []slog.Attr {
	const more = 6 // with which this and callers go on
	attrs := append(make([]slog.Attr, 0, 9+more),
		slog.String("client", r.MAC),
		slog.String("user", r.UserName),
		slog.String("auth_type", r.AuthType),
		slog.String("nas", r.NAS),
		slog.String("result", d.Result()),
		slog.String("rule", d.Rule),
		slog.String("vlan", d.VLAN),
		slog.String("mdm", string(d.MDM)),
		slog.Any("explanation", d.Explanation()))
	if r.MDM.Standing != "" {
		attrs = append(attrs, slog.String("standing", r.MDM.Standing))
	}
	return attrs
}
