package event

import "log/slog"

// The types of events on the linked account as a whole. Mist has no events on it, only a status (facts: mist-and-peers 1.5).
const (
	MDMAccountLinked      Type = "NAC_MDM_ACCOUNT_LINKED"
	MDMAccountUnlinked    Type = "NAC_MDM_ACCOUNT_UNLINKED"
	MDMAccountHealthy     Type = "NAC_MDM_ACCOUNT_HEALTHY"
	MDMAccountUnhealthy   Type = "NAC_MDM_ACCOUNT_UNHEALTHY"
	MDMCredentialExpiring Type = "NAC_MDM_CREDENTIAL_EXPIRING"
	MDMCredentialExpired  Type = "NAC_MDM_CREDENTIAL_EXPIRED"
)

// Account returns an event on the linked account of a tenant. It is about no client, and so has no mac.
func Account(kind Type, tenant, text string) Event {
	return Event{Type: kind, fields: func() []slog.Attr {
		var f fields
		f.text("mdm_provider", "intune")
		f.text("mdm_tenant", tenant)
		f.text("text", text)
		return f
	}}
}
