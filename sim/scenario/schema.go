package scenario

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// A schema is the part of JSON Schema (draft 2020-12) that the table needs. Descriptions, defaults and examples
// are what editors show.
type schema struct {
	Schema      string `json:"$schema,omitempty"`
	ID          string `json:"$id,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`

	Type      any         `json:"type,omitempty"` // a name or a list of names
	Const     any         `json:"const,omitempty"`
	Enum      []any       `json:"enum,omitempty"`
	Pattern   string      `json:"pattern,omitempty"`
	MinLength int         `json:"minLength,omitempty"`
	MaxLength int         `json:"maxLength,omitempty"`
	Minimum   json.Number `json:"minimum,omitempty"`
	Maximum   json.Number `json:"maximum,omitempty"`

	Items       *schema `json:"items,omitempty"`
	MinItems    int     `json:"minItems,omitempty"`
	MaxItems    int     `json:"maxItems,omitempty"`
	UniqueItems bool    `json:"uniqueItems,omitempty"`
	Contains    *schema `json:"contains,omitempty"`

	Properties           properties   `json:"properties,omitempty"`
	PropertyNames        *schema      `json:"propertyNames,omitempty"`
	AdditionalProperties any          `json:"additionalProperties,omitempty"` // false or a *schema
	MinProperties        int          `json:"minProperties,omitempty"`
	MaxProperties        int          `json:"maxProperties,omitempty"`
	Required             []string     `json:"required,omitempty"`
	DependentSchemas     properties   `json:"dependentSchemas,omitempty"`
	DependentRequired    dependencies `json:"dependentRequired,omitempty"`
	OneOf                []*schema    `json:"oneOf,omitempty"`
	AnyOf                []*schema    `json:"anyOf,omitempty"`
	AllOf                []*schema    `json:"allOf,omitempty"`
	Not                  *schema      `json:"not,omitempty"`
	If                   *schema      `json:"if,omitempty"`
	Then                 *schema      `json:"then,omitempty"`
	Else                 *schema      `json:"else,omitempty"`

	Default  any   `json:"default,omitempty"`
	Examples []any `json:"examples,omitempty"`

	never bool // the schema false: nothing is valid
}

// MarshalJSON writes the schema false for what is never valid.
func (s *schema) MarshalJSON() ([]byte, error) {
	if s.never {
		return []byte("false"), nil
	}
	type fields schema
	return encode((*fields)(s))
}

// jsonNumber is a number as it is to be written.
func jsonNumber(s string) json.Number { return json.Number(s) }

// encode is json.Marshal without escapes for HTML, which would make descriptions hard to read.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// properties are schemas by name, in the order to be shown.
type properties []property

type property struct {
	name   string
	schema *schema
}

// MarshalJSON writes an object in the order of the slice.
func (ps properties) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, p := range ps {
		if i > 0 {
			b = append(b, ',')
		}
		value, err := encode(p.schema)
		if err != nil {
			return nil, err
		}
		b = strconv.AppendQuote(b, p.name)
		b = append(append(b, ':'), value...)
	}
	return append(b, '}'), nil
}

// dependencies are names that one name requires.
type dependencies []dependency

type dependency struct {
	name  string
	needs []string
}

// MarshalJSON writes an object in the order of the slice.
func (ds dependencies) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, d := range ds {
		if i > 0 {
			b = append(b, ',')
		}
		value, err := json.Marshal(d.needs)
		if err != nil {
			return nil, err
		}
		b = strconv.AppendQuote(b, d.name)
		b = append(append(b, ':'), value...)
	}
	return append(b, '}'), nil
}

// excludes is a constraint for DependentSchemas: with the first key, none of the others may be there.
func excludes(name string, others ...string) property { return property{name, without(others...)} }

// without is the schema of a mapping that has none of the keys.
func without(keys ...string) *schema {
	s := &schema{}
	for _, k := range keys {
		s.Properties = append(s.Properties, property{k, &schema{never: true}})
	}
	return s
}

// is is the condition that a key has one of the values.
func is(name string, values ...any) *schema {
	return &schema{Properties: properties{{name, &schema{Enum: values}}}, Required: []string{name}}
}

// oneOfKeys is the condition that at least one of the keys is there.
func oneOfKeys(names ...string) *schema {
	s := &schema{}
	for _, n := range names {
		s.AnyOf = append(s.AnyOf, &schema{Required: []string{n}})
	}
	return s
}

// Schema returns the JSON Schema (draft 2020-12) of scenario files, indented, with a line break at the end. It
// accepts what [Parse] accepts, and beyond that only what it takes more than one key to see: whether names exist,
// times are in order, files are there, and what a few keys mean together.
func Schema() []byte {
	s := fileRule.schema
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "nacsim scenario"
	s.Description = "A small network around a NAC, a script of what happens in it, and what must be true."
	raw, err := encode(&s)
	if err != nil {
		panic(err) // the table is constant, so a test has seen it
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		panic(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// json returns a node of the table as a value for encoding/json.
func (n *node) json() any {
	switch n.kind {
	case scalarNode:
		switch n.scalar {
		case boolScalar:
			return n.text == "true"
		case intScalar, floatScalar:
			return json.Number(n.text)
		}
		return n.text
	case sequenceNode:
		out := []any{}
		for _, item := range n.items {
			out = append(out, item.json())
		}
		return out
	case mappingNode:
		out := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			out[e.key.text] = e.value.json()
		}
		return out
	}
	return nil
}

// at returns n as if it had been written at pos, for the errors of defaults.
func (n *node) at(pos Pos) *node {
	c := *n
	c.pos = pos
	return &c
}
