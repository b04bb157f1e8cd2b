package graph

import (
	"net/http"
	"strings"
)

// compileDirectoryFilter makes the test of a $filter on directory objects, which are filtered by the rules of OData and not by
// those of Intune: and, or and not, and the operators of each property. What only the advanced queries can do needs a header,
// ConsistencyLevel: eventual, and $count=true. Everything else is refused.
func compileDirectoryFilter[T any](s *schema[T], e *filterExpr, advanced bool) (func(*T) bool, error) {
	switch e.op {
	case "and", "or":
		tests := make([]func(*T) bool, len(e.args))
		for i, a := range e.args {
			test, err := compileDirectoryFilter(s, a, advanced)
			if err != nil {
				return nil, err
			}
			tests[i] = test
		}
		return joined(e.op == "and", tests), nil
	case "not":
		test, err := compileDirectoryFilter(s, e.args[0], advanced)
		if err != nil {
			return nil, err
		}
		if !advanced {
			return nil, needsAdvanced("NotMatch")
		}
		return func(v *T) bool { return !test(v) }, nil
	}
	return directoryComparison(s, e, advanced)
}

// joined holds when all tests do, or one of them.
func joined[T any](all bool, tests []func(*T) bool) func(*T) bool {
	return func(v *T) bool {
		for _, test := range tests {
			if test(v) != all {
				return !all
			}
		}
		return all
	}
}

func directoryComparison[T any](s *schema[T], e *filterExpr, advanced bool) (func(*T) bool, error) {
	p := s.property(e.property)
	if p == nil {
		return nil, unsupportedQuery(refusef("Could not find a property named '%s' on type 'microsoft.graph.%s'.", e.property, s.name))
	}
	op := map[string]filterOps{"eq": opEq, "ne": opNe, "in": opIn, "startswith": opStartsWith, "endswith": opEndsWith}[e.op]
	if p.ops&op == 0 {
		return nil, unsupportedFilter(s.name, p.name)
	}
	switch {
	case op == opNe && !advanced:
		return nil, needsAdvanced("NotEqualsMatch")
	case op == opEndsWith && !advanced:
		return nil, needsAdvanced("EndsWith")
	}
	tests := make([]func(*T) bool, len(e.values))
	for i, v := range e.values {
		null := v.text == "null" && !v.quoted
		truth := v.text == "true" || v.text == "false"
		switch {
		case null:
			v.text = ""
		case p.kind == kindBool && (v.quoted || !truth), p.kind != kindBool && !v.quoted:
			return nil, unsupportedQuery(refusef("Invalid filter clause: the value %s does not have the type of '%s'.", v.text, p.name))
		}
		if op == opIn {
			tests[i] = textTest(p, opEq, v.text)
			continue
		}
		tests[i] = textTest(p, op, v.text)
	}
	return joined(false, tests), nil
}

func unsupportedQuery(err error) *failure {
	return &failure{status: http.StatusBadRequest, code: "Request_UnsupportedQuery", message: err.Error()}
}

func unsupportedFilter(resource, property string) *failure {
	return unsupportedQuery(refusef("Unsupported or invalid query filter clause specified for property '%s' of resource '%s'.", property, strings.ToUpper(resource[:1])+resource[1:]))
}

// needsAdvanced refuses an operator that only advanced queries have.
func needsAdvanced(operator string) *failure {
	return unsupportedQuery(refusef("Operator '%s' is not supported because the 'ConsistencyLevel:eventual' header is missing. Refer to https://aka.ms/graph-docs/advanced-queries for more information", operator))
}
