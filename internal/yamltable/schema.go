package yamltable

import "encoding/json"

// A Schema is a piece of JSON Schema. encoding/json writes its keys in alphabetical order. A value may be a function
// that returns a Schema, which puts off its evaluation until a document is written.
type Schema map[string]any

// Document returns the JSON Schema (draft 2020-12) of a file whose root is s.
func Document(title, description string, s Schema) []byte {
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = title
	s["description"] = description
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // the tables hold nothing that JSON cannot express
	}
	return append(b, '\n')
}

// ObjectSchema is the schema of a mapping that [Object] reads by the table.
func ObjectSchema[T any](table []Property[T]) Schema {
	properties := Schema{}
	var required []string
	for _, p := range table {
		one := Schema{"description": p.Doc}
		for k, v := range p.Schema { // order-free: copied into a map
			if f, ok := v.(func() Schema); ok {
				v = f()
			}
			one[k] = v
		}
		properties[p.Name] = one
		if p.Required {
			required = append(required, p.Name)
		}
	}
	s := Schema{"type": "object", "additionalProperties": false, "properties": properties}
	if required != nil {
		s["required"] = required
	}
	return s
}

// ArrayOf is the schema of a list. It puts off the evaluation of the items, which breaks the initialization cycle
// between tables.
func ArrayOf(items func() Schema) Schema { return Schema{"type": "array", "items": items} }

// Enum is the schema of a string out of a few.
func Enum(values ...string) Schema { return Schema{"enum": values} }
