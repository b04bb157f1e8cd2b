package graph

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"nacsim/fakegraph/intune"
)

// Outcomes of compiling a filter that is not applied.
var (
	// errFilterIn answers a filter that uses in, which the real service fails on (facts 2.1).
	errFilterIn = errors.New("the operator in fails inside Intune")
	// errFilterUnsupported is wrapped by the reason why Intune does not support a filter.
	errFilterUnsupported = errors.New("filter is not supported")
)

// A predicate is a compiled $filter: all terms must hold.
type predicate struct {
	terms []term
	// name is a deviceName that every match has, and byName says that there is one.
	name   string
	byName bool
}

// A term holds when one of its tests does.
type term []func(*intune.Device) bool

func (p *predicate) match(d *intune.Device) bool {
	for _, t := range p.terms {
		if !t.match(d) {
			return false
		}
	}
	return true
}

func (t term) match(d *intune.Device) bool {
	for _, test := range t {
		if test(d) {
			return true
		}
	}
	return false
}

// compileFilter makes the predicate of a filter. Different properties may be joined with and, values of one
// property with or; each property allows the operators of its ops (facts 2.1). Anything else is
// errFilterUnsupported, and a value of the wrong type an error of its own.
func compileFilter(e *filterExpr) (*predicate, error) {
	if usesIn(e) {
		return nil, errFilterIn
	}
	p := &predicate{}
	if err := p.conjunct(e); err != nil {
		return nil, err
	}
	return p, nil
}

func usesIn(e *filterExpr) bool {
	for _, a := range e.args {
		if usesIn(a) {
			return true
		}
	}
	return e.op == "in"
}

func (p *predicate) conjunct(e *filterExpr) error {
	switch e.op {
	case "and":
		for _, a := range e.args {
			if err := p.conjunct(a); err != nil {
				return err
			}
		}
		return nil
	case "or":
		return p.disjunction(e)
	case "not":
		return fmt.Errorf("%w: not", errFilterUnsupported)
	}
	test, prop, err := comparisonTest(e)
	if err != nil {
		return err
	}
	if prop.name == "deviceName" && e.op == "eq" {
		p.name, p.byName = e.values[0].text, true
	}
	p.terms = append(p.terms, term{test})
	return nil
}

// disjunction compiles several values of one property.
func (p *predicate) disjunction(e *filterExpr) error {
	var t term
	var first *property[device]
	var add func(e *filterExpr) error
	add = func(e *filterExpr) error {
		if e.op == "or" {
			for _, a := range e.args {
				if err := add(a); err != nil {
					return err
				}
			}
			return nil
		}
		if e.op == "and" || e.op == "not" {
			return fmt.Errorf("%w: %s within or", errFilterUnsupported, e.op)
		}
		test, prop, err := comparisonTest(e)
		if err != nil {
			return err
		}
		if first == nil {
			first = prop
		}
		if prop != first {
			return fmt.Errorf("%w: or between %s and %s", errFilterUnsupported, first.name, prop.name)
		}
		if prop.ops&opOr == 0 {
			return fmt.Errorf("%w: or on %s", errFilterUnsupported, prop.name)
		}
		t = append(t, test)
		return nil
	}
	if err := add(e); err != nil {
		return err
	}
	p.terms = append(p.terms, t)
	return nil
}

// comparisonTest compiles one comparison or function.
func comparisonTest(e *filterExpr) (func(*intune.Device) bool, *property[device], error) {
	p := managedDevices.property(e.property)
	if p == nil {
		return nil, nil, refusef("Could not find a property named '%s' on type 'microsoft.graph.managedDevice'.", e.property)
	}
	v := e.values[0]
	op := map[string]filterOps{"eq": opEq, "ne": opNe, "contains": opContains, "lt": opLess, "gt": opGreater}[e.op]
	if op == opNe && p.ops&opEq != 0 && p.ops&opNe == 0 && p.ops&opOr != 0 {
		op = opEq // ne is taken for eq (facts 2.1)
	}
	if p.ops&op == 0 {
		return nil, p, fmt.Errorf("%w: %s on %s", errFilterUnsupported, e.op, p.name)
	}
	if p.kind == kindTime {
		test, err := timeTest(p, op, v)
		return test, p, err
	}
	if !v.quoted {
		return nil, p, refusef("A value of type 'Edm.String' was expected for '%s', not %s.", p.name, v.text)
	}
	if p.name == "userPrincipalName" && op == opEq && v.text == "" {
		return func(*intune.Device) bool { return true }, p, nil // returns all devices (facts 2.1)
	}
	return textTest(p, op, v.text), p, nil
}

// textTest compares without regard to case.
func textTest[T any](p *property[T], op filterOps, want string) func(*T) bool {
	text := p.text
	switch op {
	case opContains:
		want = strings.ToLower(want)
		return func(e *T) bool { return strings.Contains(strings.ToLower(text(e)), want) }
	case opStartsWith:
		want = strings.ToLower(want)
		return func(e *T) bool { return strings.HasPrefix(strings.ToLower(text(e)), want) }
	case opEndsWith:
		want = strings.ToLower(want)
		return func(e *T) bool { return strings.HasSuffix(strings.ToLower(text(e)), want) }
	case opNe:
		return func(e *T) bool { return !strings.EqualFold(text(e), want) }
	}
	return func(e *T) bool { return strings.EqualFold(text(e), want) }
}

func timeTest[T any](p *property[T], op filterOps, v literal) (func(*T) bool, error) {
	want, err := time.Parse(time.RFC3339, v.text)
	if err != nil {
		want, err = time.Parse(time.DateOnly, v.text)
	}
	if err != nil || v.quoted {
		return nil, refusef("A value of type 'Edm.DateTimeOffset' was expected for '%s', as in 2026-01-05T08:00:00Z.", p.name)
	}
	moment := p.moment
	if op == opLess {
		return func(e *T) bool { return moment(e).Before(want) }, nil
	}
	return func(e *T) bool { return moment(e).After(want) }, nil
}
