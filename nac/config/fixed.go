package config

import (
	"reflect"

	"nacsim/nac/api"
	"nacsim/nac/mdm"
)

// Fixed returns the keys with other values in next that a running NAC does not take up: it has to be started anew for
// them. With another intune.client_id or intune.authority, it does not take up the credential of that either.
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
		{"intune", (a.MDM == nil) == (b.MDM == nil)},
		{"intune.link", reflect.DeepEqual(a.Link, b.Link) || !sameApp(a.MDM, b.MDM)}, // it has both keys of the app, too
		{"intune.credential_alarm", a.CredentialAlarm == b.CredentialAlarm},
		{"api", c.API == next.API && sameAPI(a.API, b.API)},
		{"coa", a.CoA == b.CoA},
	} {
		if !k.same {
			keys = append(keys, k.name)
		}
	}
	if a.MDM != nil && b.MDM != nil {
		keys = append(keys, fixedOfAccount(a.MDM, b.MDM)...)
	}
	return keys
}

// fixedOfAccount are those of the section intune that are about the account.
func fixedOfAccount(a, b *mdm.Config) []string {
	var keys []string
	for _, k := range []struct {
		name string
		same bool
	}{
		{"intune.tenant", a.Tenant == b.Tenant},
		{"intune.client_id", a.ClientID == b.ClientID},
		{"intune.authority", a.Authority == b.Authority},
		{"intune.graph", a.Graph == b.Graph},
		{"intune.cas", (a.RootCAs == nil) == (b.RootCAs == nil) && (a.RootCAs == nil || a.RootCAs.Equal(b.RootCAs))},
		{"intune.poll", a.PollInterval == b.PollInterval},
		{"intune.timeout", a.Timeout == b.Timeout},
		{"intune.rate", a.Rate == b.Rate},
	} {
		if !k.same {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// sameApp reports whether two settings of Intune are of the same app registration.
func sameApp(a, b *mdm.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.SameApp(b)
}

// sameAPI reports whether two settings of the API are the same, but for its address and certificate.
func sameAPI(a, b *api.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Token == b.Token && (a.TLS == nil) == (b.TLS == nil)
}
