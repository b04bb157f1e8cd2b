package policy

import (
	"time"
)

// A Policy is an ordered list of rules. It is immutable; Load makes one.
type Policy struct {
	rules []rule
	// checks is how many criteria all rules have together.
	checks int
}

// Limits on a policy file.
const (
	maxFile   = 256 << 10
	maxLabels = 2000
	maxRules  = 1000
	maxValues = 2000
	// maxName is Mist's limit on the name of a label in characters (facts: mist-and-peers 1.4).
	maxName = 32
)

// A rule is a rule with its labels resolved.
type rule struct {
	name        string
	disabled    bool
	allow       bool
	matching    criteria
	notMatching criteria
	apply       Authorization
}

// criteria are the conditions of matching or of not_matching.
type criteria struct {
	authType  []string // none, or one
	portTypes []string
	labels    []*label
}

func (c *criteria) len() int {
	n := len(c.labels)
	if len(c.authType) > 0 {
		n++
	}
	if len(c.portTypes) > 0 {
		n++
	}
	return n
}

// Rules returns the names of the rules in order.
func (p *Policy) Rules() []string {
	names := make([]string, len(p.rules))
	for i := range p.rules {
		names[i] = p.rules[i].name
	}
	return names
}

// Decide returns the decision on r at time now. The first enabled rule decides of which every criterion in
// matching matches and none in not_matching does; a criterion with several values matches when one of them
// does. A client whose certificate has expired at now is denied before any rule is tried.
func (p *Policy) Decide(now time.Time, r Request) Decision {
	d := Decision{At: now, MDM: r.MDM.status()}
	if expiry, ok := r.Expiry(); ok && now.After(expiry) {
		d.Reason = "Client certificate expired at " + expiry.UTC().Format(time.RFC3339)
		return d
	}
	d.Trials = make([]Trial, 0, len(p.rules))
	checks := make([]Check, 0, p.checks)
	for i := range p.rules {
		rule := &p.rules[i]
		if rule.disabled {
			d.Trials = append(d.Trials, Trial{Rule: rule.name, Disabled: true})
			continue
		}
		start := len(checks)
		checks = rule.matching.check(checks, &r, false)
		checks = rule.notMatching.check(checks, &r, true)
		own := checks[start:len(checks):len(checks)]
		hit := passed(own)
		d.Trials = append(d.Trials, Trial{Rule: rule.name, Hit: hit, Checks: own})
		if hit {
			d.Rule = rule.name
			d.settle(rule)
			return d
		}
	}
	d.Reason = ImplicitDeny
	return d
}

func (d *Decision) settle(rule *rule) {
	if !rule.allow {
		d.Reason = "Blocked by policy rule " + rule.name
		return
	}
	d.Allow = true
	d.Authorization = rule.apply
}

func passed(checks []Check) bool {
	for i := range checks {
		if !checks[i].Pass {
			return false
		}
	}
	return true
}

// check appends the outcome of each criterion on r.
func (c *criteria) check(out []Check, r *Request, not bool) []Check {
	if len(c.authType) > 0 {
		out = append(out, Check{Kind: "auth_type", Not: not, Want: c.authType, Have: r.AuthType,
			Pass: matchAuthType(c.authType[0], r) != not})
	}
	if len(c.portTypes) > 0 {
		out = append(out, Check{Kind: "port_type", Not: not, Want: c.portTypes, Have: r.PortType,
			Pass: contains(c.portTypes, r.PortType) != not})
	}
	for _, l := range c.labels {
		k := l.check(r)
		k.Not, k.Pass = not, k.Pass != not
		out = append(out, k)
	}
	return out
}

// matchAuthType compares a rule's method with the client's. "cert" stands for every method with a client certificate, and
// "idp" for every one in which a directory has confirmed the user's password. Mist documents neither (facts:
// mist-and-peers 1.2, "[U]").
func matchAuthType(want string, r *Request) bool {
	switch want {
	case r.AuthType:
		return true
	case "cert":
		return r.Certificate != nil
	case "idp":
		return r.ByPassword()
	}
	return false
}

func contains(values []string, v string) bool {
	for _, have := range values {
		if have == v {
			return true
		}
	}
	return false
}
