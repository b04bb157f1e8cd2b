// Package config reads the file that describes a tenant: its app registrations, users, groups, devices and compliance
// policies, and how the services behave. [Schema] describes the file to editors.
package config

import (
	"os"
	"path/filepath"
	"time"

	"nacsim/fakegraph"
	"nacsim/internal/yamltable"
)

// An Error is one mistake in a file, and Errors are all that were found.
type (
	Error  = yamltable.Error
	Errors = yamltable.Errors
)

// Limits on what a file may say.
const (
	maxFile    = 64 << 20
	maxSecret  = 64 << 10 // octets of a file that is named in it
	maxList    = 10_000
	maxPeople  = 200_000
	maxDevices = 200_000
)

// DefaultTenant is the id of a tenant whose file does not say.
const DefaultTenant = "5f0c8a3e-1111-4222-8333-444455556666"

// Load reads the content of the file with the given name, and the files that it names. Ages of devices count from now. What it
// returns lacks what belongs to the machine: addresses, TLS and the signing key. The error is an [Errors].
func Load(name string, data []byte, now time.Time) (fakegraph.Config, error) {
	return parse(name, data, surroundings{now: now, open: os.ReadFile, env: os.LookupEnv})
}

// surroundings are what a file refers to.
type surroundings struct {
	now  time.Time
	open func(name string) ([]byte, error)
	env  func(name string) (string, bool)
}

// secretKeys are those whose values nobody may see.
var secretKeys = []string{"password", "value"}

func parse(name string, data []byte, around surroundings) (fakegraph.Config, error) {
	r := &reader{
		Reader:       yamltable.Reader{File: name, What: "tenant", Keys: "apps, users, devices and others, all of them optional", Limit: maxFile, Secrets: secretKeys},
		surroundings: around,
	}
	f := file{tenant: DefaultTenant}
	root := r.Parse(data)
	if root == nil || !yamltable.Object(&r.Reader, root, "the tenant", fileProperties, &f) || len(r.Errs) > 0 {
		return fakegraph.Config{}, r.Errs
	}
	c := r.resolve(&f)
	if len(r.Errs) > 0 {
		return fakegraph.Config{}, r.Errs
	}
	return c, nil
}

// A reader reads one file and what it refers to.
type reader struct {
	yamltable.Reader
	surroundings
}

// path is that of a file named in the file: relative to it.
func (r *reader) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(r.File), name)
}

// Schema returns the JSON Schema (draft 2020-12) of a tenant file. It comes from the tables by which Load reads, so the two
// agree; what Load checks across keys and in other files is beyond the schema.
func Schema() []byte {
	return yamltable.Document("nacsim tenant", "The tenant of a fakegraph that runs alone, nacsim fakegraph FILE.", yamltable.ObjectSchema(fileProperties))
}
