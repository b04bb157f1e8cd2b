package graph

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A schema is an entity type as Graph shows it: its properties, in the order in which they are listed.
type schema[T any] struct {
	name       string // without "microsoft.graph."
	properties []property[T]
	index      map[string]int // by name in lower case: names are not case-sensitive (facts 2.1)
	standard   []int          // what a reply shows without $select
}

// A property is one of an entity type, with what Graph can do with it.
type property[T any] struct {
	name string
	// ops are what $filter supports; none for most.
	ops  filterOps
	kind valueKind
	// text and moment give the value that a filter compares; which of them is set depends on kind.
	text   func(*T) string
	moment func(*T) time.Time
	// json appends the value. Where it is nil the value is literal for every entity.
	json    func([]byte, *T) []byte
	literal string
	// detail marks the properties that a list shows as detailZero, and a single device only when $select names
	// them (facts 1.3).
	detail     bool
	detailZero string
	// hidden marks those that are shown only when $select names them.
	hidden bool
}

type valueKind int

const (
	kindText valueKind = iota
	kindEnum
	kindTime
	kindBool
)

// filterOps is a set of operators.
type filterOps int

const (
	opEq filterOps = 1 << iota
	opNe
	opContains
	opStartsWith
	opEndsWith
	opIn
	opLess
	opGreater
	opOr // several values of the property joined with or
)

func newSchema[T any](name string, properties ...property[T]) *schema[T] {
	s := &schema[T]{name: name, properties: properties, index: make(map[string]int, len(properties))}
	for i, p := range properties {
		s.index[strings.ToLower(p.name)] = i
		if !p.hidden {
			s.standard = append(s.standard, i)
		}
	}
	return s
}

// property finds one by its name.
func (s *schema[T]) property(name string) *property[T] {
	if i, ok := s.index[strings.ToLower(name)]; ok {
		return &s.properties[i]
	}
	return nil
}

// selected reads a $select: indexes in properties in ascending order, nil for an empty one.
func (s *schema[T]) selected(list string) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	var selected []int
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		index, ok := s.index[strings.ToLower(name)]
		if !ok {
			return nil, badRequest(fmt.Sprintf("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, s.name))
		}
		if !slices.Contains(selected, index) {
			selected = append(selected, index)
		}
	}
	slices.Sort(selected)
	return selected, nil
}

// names are those of the selected properties, as they stand in a context: "(id,deviceName)", or "" without a selection.
func (s *schema[T]) names(selected []int) string {
	if len(selected) == 0 {
		return ""
	}
	names := make([]string, len(selected))
	for i, index := range selected {
		names[i] = s.properties[index].name
	}
	return "(" + strings.Join(names, ",") + ")"
}

// A layout is which properties of an entity a reply shows, and how.
type layout[T any] []column[T]

// A column is one property in a layout, behind those before it that are the same for all entities: they are text already.
type column[T any] struct {
	text string
	json func([]byte, *T) []byte // nil in the last one when nothing follows its text
}

// layout makes the layout of the selected properties, or of the standard ones when none is selected. A property that
// adapt, if there is one, returns is shown instead of the one that it is given.
func (s *schema[T]) layout(selected []int, list bool, adapt func(property[T]) property[T]) layout[T] {
	chosen := len(selected) > 0
	if !chosen {
		selected = s.standard
	}
	var l layout[T]
	text := ""
	for i, index := range selected {
		p := s.properties[index]
		if adapt != nil {
			p = adapt(p)
		}
		if i > 0 {
			text += ","
		}
		text += `"` + p.name + `":`
		switch {
		case p.detail && (list || !chosen):
			text += p.detailZero
		case p.json == nil:
			text += p.literal
		default:
			l = append(l, column[T]{text, p.json})
			text = ""
		}
	}
	if text != "" {
		l = append(l, column[T]{text: text})
	}
	return l
}

// append appends an entity as members of a JSON object, without the braces.
func (l layout[T]) append(b []byte, entity *T) []byte {
	for i := range l {
		b = append(b, l[i].text...)
		if l[i].json != nil {
			b = l[i].json(b, entity)
		}
	}
	return b
}

func textOf[T any](name string, ops filterOps, text func(*T) string) property[T] {
	return property[T]{name: name, ops: ops, kind: kindText, text: text,
		json: func(b []byte, e *T) []byte { return appendJSONString(b, text(e)) }}
}

func enumOf[T any](name string, ops filterOps, text func(*T) string) property[T] {
	p := textOf(name, ops, text)
	p.kind = kindEnum
	return p
}

func timeOf[T any](name string, ops filterOps, moment func(*T) time.Time) property[T] {
	return property[T]{name: name, ops: ops, kind: kindTime, moment: moment,
		json: func(b []byte, e *T) []byte { return appendJSONTime(b, moment(e)) }}
}

func boolOf[T any](name string, ops filterOps, value func(*T) bool) property[T] {
	return property[T]{name: name, ops: ops, kind: kindBool,
		text: func(e *T) string { return string(appendJSONBool(nil, value(e))) },
		json: func(b []byte, e *T) []byte { return appendJSONBool(b, value(e)) }}
}

// nullable is a text that is null when it is empty.
func nullable[T any](name string, ops filterOps, text func(*T) string) property[T] {
	p := textOf(name, ops, text)
	p.json = func(b []byte, e *T) []byte {
		if t := text(e); t != "" {
			return appendJSONString(b, t)
		}
		return append(b, "null"...)
	}
	return p
}

func literalOf[T any](name, literal string) property[T] {
	return property[T]{name: name, literal: literal}
}

func detailOf[T any](name, literal string) property[T] {
	return property[T]{name: name, literal: literal, detail: true, detailZero: "null"}
}

// whenSelected makes a property be shown only when $select names it.
func whenSelected[T any](p property[T]) property[T] {
	p.hidden = true
	return p
}

// id is the value of the property id.
func (s *schema[T]) id(entity *T) string { return s.property("id").text(entity) }
