package config

import _ "embed"

// Example is a tenant file to begin with.
//
//go:embed example.yaml
var Example []byte
