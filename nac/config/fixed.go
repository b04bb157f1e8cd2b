package config

import (
	"reflect"

	"nacsim/nac/api"
	"nacsim/nac/mdm"
)

// Fixed returns the keys with other values in next that a running NAC does not take up: it has to be started anew for
// them.
func (c *Config) Fixed(next *Config) []string {
	a, b := &c.NAC, &next.NAC
	var keys []string
	for _, k := range []struct {
		name string
		same bool
	}{
		{"listen.auth", c.Auth == next.Auth},
		{"listen.acct", c.Acct == next.Acct},
		{"radsec.listen", c.RadSec == next.RadSec},
		{"state", c.State == next.State},
		{"eap.timeout", a.RADIUS.ConversationTTL == b.RADIUS.ConversationTTL},
		{"limits.sessions", a.MaxSessions == b.MaxSessions},
		{"limits.conversations", a.RADIUS.MaxConversations == b.RADIUS.MaxConversations},
		{"limits.conversations_per_nas", a.RADIUS.MaxPerNAS == b.RADIUS.MaxPerNAS},
		{"intune", sameAccount(a.MDM, b.MDM) && reflect.DeepEqual(a.Link, b.Link) && a.CredentialAlarm == b.CredentialAlarm},
		{"api", c.API == next.API && sameAPI(a.API, b.API)},
		{"coa", a.CoA == b.CoA},
	} {
		if !k.same {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// sameAccount reports whether two settings of Intune are the same.
func sameAccount(a, b *mdm.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(b)
}

// sameAPI reports whether two settings of the API are the same, but for its address and certificate.
func sameAPI(a, b *api.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Token == b.Token && (a.TLS == nil) == (b.TLS == nil)
}
