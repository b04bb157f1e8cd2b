package nac

import (
	"crypto/tls"
	"errors"
	"net/netip"

	"nacsim/nac/coa"
	"nacsim/nac/eapserver"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/reconcile"
)

// A Config is everything a NAC is told. Zero values mean the defaults of the parts they belong to.
type Config struct {
	// AuthAddr and AcctAddr are where RADIUS is served; the defaults are ports 1812 and 1813 of the machine.
	AuthAddr, AcctAddr netip.AddrPort
	// Clients are the access points and switches that may ask, with their secrets.
	Clients []radiusd.Client
	// TLS has the EAP server's certificate, the CAs for client certificates and the TLS versions.
	TLS *tls.Config
	// EAP says how clients are authenticated. Its TLS is the one above.
	EAP eapserver.Config
	// Policy decides. It can be replaced with SetPolicy.
	Policy *policy.Policy
	// Compliance says what the states of Intune mean to the policy.
	Compliance policy.Mapping
	// MDM is the linked Intune account; nil means that there is none, and no device is known.
	MDM *mdm.Config
	// CoA is how changes of authorization are asked for.
	CoA CoA
	// MaxSessions bounds the sessions, KeepEvents the client events kept for queries.
	MaxSessions, KeepEvents int
}

// CoA is how the NAC asks for changes of authorization.
type CoA struct {
	// Kind is how a session is changed that may stay: coa.Reauth, the default, or coa.Disconnect.
	Kind coa.Kind
	// Limits say how often it is tried.
	Limits reconcile.Limits
	// Timers are those of one request.
	Timers coa.Timers
	// MinFirmware and NoFallback are as in coa.Config.
	MinFirmware string
	NoFallback  bool
}

func (c *Config) complete(own netip.Addr) error {
	switch {
	case c.TLS == nil:
		return errors.New("nac: no TLS configuration")
	case c.Policy == nil:
		return errors.New("nac: no policy")
	case len(c.Clients) == 0:
		return errors.New("nac: no RADIUS clients")
	}
	if !c.AuthAddr.IsValid() {
		c.AuthAddr = netip.AddrPortFrom(own, radiusd.DefaultAuthPort)
	}
	if !c.AcctAddr.IsValid() {
		c.AcctAddr = netip.AddrPortFrom(own, radiusd.DefaultAcctPort)
	}
	return nil
}
