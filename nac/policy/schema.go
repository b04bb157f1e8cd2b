package policy

import "encoding/json"

// schema is a piece of JSON Schema. encoding/json writes its keys in alphabetical order.
type schema map[string]any

// Schema returns the JSON Schema (draft 2020-12) of a policy file. It is generated from the table by which Load
// reads, so the two agree; what Load checks across keys (names that must exist, keys that belong to a type of
// label) is beyond the schema, except for the latter.
func Schema() []byte {
	s := objectSchema(fileProperties)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "nacsim policy"
	s["description"] = "Who gets onto the network, and with what authorization: ordered rules over named labels, in the words of Juniper Mist Access Assurance."
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // the table holds nothing that JSON cannot express
	}
	return append(b, '\n')
}

func objectSchema[T any](table []property[T]) schema {
	properties := schema{}
	var required []string
	for _, p := range table {
		one := schema{"description": p.doc}
		for k, v := range p.schema { // order-free: copied into a map
			if f, ok := v.(func() schema); ok {
				v = f()
			}
			one[k] = v
		}
		properties[p.name] = one
		if p.required {
			required = append(required, p.name)
		}
	}
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if required != nil {
		s["required"] = required
	}
	switch any(table).(type) {
	case []property[labelNode]:
		s["allOf"] = append(labelConditions(), matchConditions()...)
	case []property[ruleNode]:
		s["if"] = schema{"properties": schema{"action": schema{"const": "block"}}, "required": []string{"action"}}
		s["then"] = schema{"properties": schema{"apply_tags": false}}
	}
	return s
}

// arrayOf puts off the evaluation of items, which breaks the initialization cycle between the tables.
func arrayOf(items func() schema) schema { return schema{"type": "array", "items": items} }

func enum(values ...string) schema { return schema{"enum": values} }

// matchSchema lists the kinds of matches with a description each.
func matchSchema() schema {
	var options []schema
	for i := range matchKinds {
		options = append(options, schema{"const": string(matchKinds[i].match), "description": matchKinds[i].doc})
	}
	return schema{"oneOf": options}
}

// matchConditions says which kinds of match labels take no wildcard, and which no match_all.
func matchConditions() []schema {
	var exact, single []string
	for i := range matchKinds {
		if matchKinds[i].exact {
			exact = append(exact, string(matchKinds[i].match))
		}
		if !matchKinds[i].several {
			single = append(single, string(matchKinds[i].match))
		}
	}
	of := func(matches []string) schema {
		return schema{"properties": schema{"match": schema{"enum": matches}}, "required": []string{"match"}}
	}
	return []schema{
		{"if": of(exact), "then": schema{"properties": schema{"values": schema{"items": schema{"pattern": "^[^*]*$"}}}}},
		{"if": of(single), "then": schema{"properties": schema{"match_all": schema{"const": false}}}},
	}
}

// labelConditions says for each type of label which keys belong to it.
func labelConditions() []schema {
	var out []schema
	for _, kind := range labelTypes {
		keys := belongs[kind]
		allowed := schema{"name": true, "type": true}
		for _, k := range append(keys.needs, keys.may...) {
			allowed[k] = true
		}
		out = append(out, schema{
			"if":   schema{"properties": schema{"type": schema{"const": kind}}, "required": []string{"type"}},
			"then": schema{"properties": allowed, "required": keys.needs, "additionalProperties": false},
		})
	}
	return out
}
