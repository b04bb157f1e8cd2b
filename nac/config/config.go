package config

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"os"
	"path/filepath"

	"nacsim/internal/yamltable"
	"nacsim/nac"
)

// A Config is what a configuration file says.
type Config struct {
	// NAC are the settings of the NAC itself, except for the addresses.
	NAC nac.Config
	// Auth and Acct are the addresses of this computer at which RADIUS is served, RadSec that for RADIUS over TLS. The
	// first two are invalid where the file does not say, and the last where it is not served. API is that of the HTTP API,
	// invalid if there is none.
	Auth, Acct, RadSec, API netip.AddrPort
	// State is the folder for what must survive a restart; empty means that nothing does.
	State string
	// PolicyFile is the name of the policy's file.
	PolicyFile string
	// Certificates are those that the NAC shows to its clients, as they are in NAC.TLS.
	Certificates []tls.Certificate
	// CAs are the certification authorities that may have issued the certificates of clients.
	CAs []*x509.Certificate
}

// An Error is one mistake in a file, and Errors are all that were found.
type (
	Error  = yamltable.Error
	Errors = yamltable.Errors
)

// Limits on what a file may say.
const (
	maxFile    = 1 << 20
	maxNamed   = 16 << 20 // octets of a file that is named in it
	maxClients = 10_000
	maxList    = 1000
	maxUsers   = 100_000
)

// Load reads the file with the given name and the files that it names. The error is an [Errors] with the mistakes that
// were found in them, or that of the operating system for the file itself.
func Load(name string) (*Config, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parse(name, data, os.ReadFile)
}

// parse reads a configuration from the content of a file. Other files are read by open.
func parse(name string, data []byte, open func(name string) ([]byte, error)) (*Config, error) {
	r := &reader{
		Reader: yamltable.Reader{File: name, What: "configuration", Keys: requiredKeys, Limit: maxFile, Secrets: secretKeys},
		open:   open,
	}
	var f fileNode
	root := r.Parse(data)
	if root != nil && yamltable.Object(&r.Reader, root, "the configuration", fileProperties, &f) {
		f.node = root
		c := r.resolve(&f)
		if len(r.Errs) == 0 {
			return c, nil
		}
	}
	return nil, r.Errs
}

// requiredKeys are those that a file cannot do without, and secretKeys those whose values nobody may see.
const requiredKeys = "clients, certificate and policy"

var secretKeys = []string{"secret", "password", "nt_hash", "token"}

// A reader reads one configuration file.
type reader struct {
	yamltable.Reader
	open func(name string) ([]byte, error)
}

// path is where a file is that the configuration names.
func (r *reader) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(r.File), name)
}
