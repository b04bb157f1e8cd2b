package interop

import (
	"net/netip"
	"testing"
)

// radclient is a run of FreeRADIUS's radclient, which sends one request and checks the reply's authenticators.
type radclient struct {
	server  netip.AddrPort
	command string // auth, acct, coa or disconnect
	secret  string // empty means the right one
}

// run sends the attributes, given in FreeRADIUS's words, once and waits for two seconds.
func (c radclient) run(t *testing.T, attributes string) outcome {
	t.Helper()
	shared := secret
	if c.secret != "" {
		shared = c.secret
	}
	return run(t, patience, attributes+"\n", program(t, "radclient"), "-x", "-r", "1", "-t", "2", c.server.String(), c.command, shared)
}
