package policy

import "nacsim/internal/yamltable"

type schema = yamltable.Schema

// Schema returns the JSON Schema (draft 2020-12) of a policy file. It is generated from the table by which Load
// reads, so the two agree; what Load checks across keys (names that must exist, keys that belong to a type of
// label) is beyond the schema, except for the latter.
func Schema() []byte {
	return yamltable.Document("nacsim policy",
		"Who gets onto the network, and with what authorization: ordered rules over named labels, in the words of Juniper Mist Access Assurance.",
		yamltable.ObjectSchema(fileProperties))
}

func labelSchema() schema {
	s := yamltable.ObjectSchema(labelProperties)
	s["allOf"] = append(labelConditions(), matchConditions()...)
	return s
}

func ruleSchema() schema {
	s := yamltable.ObjectSchema(ruleProperties)
	s["if"] = schema{"properties": schema{"action": schema{"const": "block"}}, "required": []string{"action"}}
	s["then"] = schema{"properties": schema{"apply_tags": false}}
	return s
}

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
