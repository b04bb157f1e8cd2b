// Package event records what happens to clients, and to the linked account, as Juniper Mist's NAC client events.
//
// An [Event] has one of Mist's types and Mist's field names (facts: mist-and-peers 1.7). [Log.Emit] writes it
// to the trace as kind `event`. MAC addresses are twelve bare lower-case
// hexadecimal digits and the timestamp is in milliseconds since 1970, both as Mist's webhooks have them. A
// field without a value is left out.
//
// Constructors are pure functions. A Log may be used from several tasks at once.
package event

import (
	"log/slog"
	"strings"
	"time"
)

// A Type is the name of a kind of event in Mist's API.
type Type string

// The types that this NAC emits.
const (
	ClientPermit Type = "NAC_CLIENT_PERMIT"
	ClientDeny   Type = "NAC_CLIENT_DENY"

	SessionStarted Type = "NAC_SESSION_STARTED"
	SessionEnded   Type = "NAC_SESSION_ENDED"

	AccountingStart  Type = "NAC_ACCOUNTING_START"
	AccountingUpdate Type = "NAC_ACCOUNTING_UPDATE"
	AccountingStop   Type = "NAC_ACCOUNTING_STOP"

	ClientCertCheckSuccess Type = "NAC_CLIENT_CERT_CHECK_SUCCESS"
	ClientCertCheckFailure Type = "NAC_CLIENT_CERT_CHECK_FAILURE"
	ClientCertExpired      Type = "NAC_CLIENT_CERT_EXPIRED"
	ClientCertRevoked      Type = "NAC_CLIENT_CERT_REVOKED"

	// The same of TEAP, which asks for the user's certificate and for the machine's.
	ClientUserCertCheckSuccess    Type = "NAC_CLIENT_USER_CERT_CHECK_SUCCESS"
	ClientUserCertCheckFailure    Type = "NAC_CLIENT_USER_CERT_CHECK_FAILURE"
	ClientUserCertExpired         Type = "NAC_CLIENT_USER_CERT_EXPIRED"
	ClientUserCertRevoked         Type = "NAC_CLIENT_USER_CERT_REVOKED"
	ClientMachineCertCheckSuccess Type = "NAC_CLIENT_MACHINE_CERT_CHECK_SUCCESS"
	ClientMachineCertCheckFailure Type = "NAC_CLIENT_MACHINE_CERT_CHECK_FAILURE"
	ClientMachineCertExpired      Type = "NAC_CLIENT_MACHINE_CERT_EXPIRED"
	ClientMachineCertRevoked      Type = "NAC_CLIENT_MACHINE_CERT_REVOKED"

	ServerCertValidationSuccess Type = "NAC_SERVER_CERT_VALIDATION_SUCCESS"
	ServerCertValidationFailure Type = "NAC_SERVER_CERT_VALIDATION_FAILURE"

	IdPAuthcSuccess Type = "NAC_IDP_AUTHC_SUCCESS"
	IdPAuthcFailure Type = "NAC_IDP_AUTHC_FAILURE"
	IdPUserDisabled Type = "NAC_IDP_USER_DISABLED"
	IdPUnreachable  Type = "NAC_IDP_UNREACHABLE"

	MDMLookupSuccess     Type = "NAC_MDM_LOOKUP_SUCCESS"
	MDMLookupFailure     Type = "NAC_MDM_LOOKUP_FAILURE"
	MDMDeviceNotEnrolled Type = "NAC_MDM_DEVICE_NOT_ENROLLED"

	CoAReauth     Type = "NAC_CLIENT_COA_REAUTH"
	CoADisconnect Type = "NAC_CLIENT_COA_DISCONNECT"
)

// An Event is one thing that happened to one client, or to the linked account.
type Event struct {
	Type Type
	// MAC is the client's address in any notation, empty for an event on no client.
	MAC string
	// At is set by [Log.Emit] where it is zero.
	At time.Time
	// fields are the other ones by their names in Mist's API, in order. They are made up when somebody asks for them,
	// of what the constructor was given, which must not change before. Nil means none.
	fields func() []slog.Attr
}

// Fields returns the fields beside type, mac and timestamp, in order.
func (e *Event) Fields() []slog.Attr {
	if e.fields == nil {
		return nil
	}
	return e.fields()
}

// Attrs returns all fields in order: type, mac, timestamp, and the others.
func (e *Event) Attrs() []slog.Attr {
	fields := e.Fields()
	attrs := make([]slog.Attr, 0, len(fields)+3)
	attrs = append(attrs, slog.String("type", string(e.Type)))
	if e.MAC != "" {
		attrs = append(attrs, slog.String("mac", BareMAC(e.MAC)))
	}
	attrs = append(attrs, slog.Int64("timestamp", e.At.UnixMilli()))
	return append(attrs, fields...)
}

// Field returns the value of a field and whether the event has it.
func (e *Event) Field(name string) (slog.Value, bool) {
	for _, f := range e.Fields() {
		if f.Key == name {
			return f.Value, true
		}
	}
	return slog.Value{}, false
}

// BareMAC returns a MAC address without separators and in lower case.
func BareMAC(mac string) string {
	bare := true
	for i := range len(mac) {
		if c := mac[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			bare = false
			break
		}
	}
	if bare {
		return mac
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c == ':' || c == '-' || c == '.':
			return -1
		case c >= 'A' && c <= 'F':
			return c + 'a' - 'A'
		}
		return c
	}, mac)
}
