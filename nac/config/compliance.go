package config

import (
	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
	"nacsim/nac/policy"
)

// statusNames are what a device can count as.
var statusNames = []string{string(policy.Compliant), string(policy.Noncompliant), string(policy.Unknown)}

// complianceProperties have a key for each way in which a device can stand in Intune.
var complianceProperties = func() []yamltable.Property[policy.Mapping] {
	var table []yamltable.Property[policy.Mapping]
	standings := policy.Standings()
	for i := range standings {
		s := &standings[i]
		table = append(table, yamltable.Property[policy.Mapping]{Name: s.Key, Doc: "What this counts as: " + s.Doc,
			Schema: yamltable.Schema{"enum": statusNames, "default": string(s.Default)},
			Set: func(r *yamltable.Reader, n ast.Node, to *policy.Mapping) {
				status, _ := r.OneOf(n, s.Key, statusNames)
				to.Set(s, policy.Status(status))
			}})
	}
	return table
}()
