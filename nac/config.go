package nac

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"time"

	"nacsim/nac/api"
	"nacsim/nac/coa"
	"nacsim/nac/credential"
	"nacsim/nac/eapserver"
	"nacsim/nac/link"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/reconcile"
	"nacsim/nac/revocation"
)

// A Config is everything a NAC is told. Zero values mean the defaults of the parts they belong to. Fixed while it runs are
// the addresses, the bounds on conversations and for how long they wait, most of MDM, Link, CredentialAlarm, API, CoA and
// MaxSessions; the rest, and of MDM the credential and what mdm.Service.Reload names beside it, can be changed with [NAC.Reload].
type Config struct {
	// RADIUS is the front end: its addresses, which are by default ports 1812 and 1813 of the machine, the access points
	// and switches that may ask, and how clients are authenticated. What follows below replaces the same in it.
	RADIUS radiusd.Config
	// TLS has the EAP server's certificate, the CAs for client certificates and the TLS versions.
	TLS *tls.Config
	// Resumption has clients resume TLS sessions within these limits; nil means that each handshake is a full one.
	Resumption *eapserver.SessionLimits
	// Revocation says where to learn which certificates of clients have been revoked; nil means that nobody is
	// asked.
	Revocation *revocation.Config
	// Users are those whose passwords the NAC knows; nil means none.
	Users *credential.UsersConfig
	// Entra is the Entra ID tenant that is asked about the passwords of users who are not among Users; nil means none.
	Entra *credential.EntraConfig
	// PlainPasswords lets users in by User-Password or CHAP-Password without EAP.
	PlainPasswords bool
	// Policy decides. It can be replaced with SetPolicy.
	Policy *policy.Policy
	// Compliance says what the states of Intune mean to the policy.
	Compliance policy.Mapping
	// MDM is the linked Intune account; nil means that there is none, and no device is known.
	MDM *mdm.Config
	// Link says how an account is linked by an administrator's consent; nil means that it cannot be. It needs the API,
	// which takes the callback.
	Link *link.Config
	// CredentialAlarm is how long before the end of MDM's credential the alarm begins; zero means 30 days, and less that
	// there is none.
	CredentialAlarm time.Duration
	// API is the HTTP API; nil means that there is none.
	API *api.Config
	// CoA is how changes of authorization are asked for.
	CoA CoA
	// MaxSessions bounds the sessions.
	MaxSessions int
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
	case len(c.RADIUS.Clients)+len(c.RADIUS.RadSec.Peers) == 0:
		return errors.New("nac: no RADIUS clients")
	}
	if !c.RADIUS.AuthAddr.IsValid() {
		c.RADIUS.AuthAddr = netip.AddrPortFrom(own, radiusd.DefaultAuthPort)
	}
	if !c.RADIUS.AcctAddr.IsValid() {
		c.RADIUS.AcctAddr = netip.AddrPortFrom(own, radiusd.DefaultAcctPort)
	}
	return nil
}
