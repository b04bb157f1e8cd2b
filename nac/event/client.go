package event

import (
	"log/slog"
	"strconv"
	"time"

	"nacsim/nac/identity"
	"nacsim/nac/policy"
)

// fields collects fields and leaves out those without a value.
type fields []slog.Attr

func (f *fields) text(key, value string) {
	if value != "" {
		*f = append(*f, slog.String(key, value))
	}
}

func (f *fields) list(key string, values []string) {
	if len(values) > 0 {
		*f = append(*f, slog.Any(key, values))
	}
}

// time writes a time as Mist's events have those beside their timestamp.
func (f *fields) time(key string, t time.Time) {
	if !t.IsZero() {
		f.text(key, t.UTC().Format(time.RFC3339))
	}
}

func (f *fields) millis(key string, t time.Time) {
	if !t.IsZero() {
		*f = append(*f, slog.Int64(key, t.UnixMilli()))
	}
}

func (f *fields) count(key string, n uint64) {
	if n > 0 {
		*f = append(*f, slog.Uint64(key, n))
	}
}

// client begins the fields of an event with what is known of every client.
func client(r *policy.Request) fields {
	f := make(fields, 0, 20)
	f.text("auth_type", r.AuthType)
	f.text("port_type", r.PortType)
	f.text("ssid", r.SSID)
	f.text("username", r.UserName)
	f.text("ap", r.NAS)
	if r.NASIP.IsValid() {
		f.text("nas_ip", r.NASIP.String())
	}
	f = append(f, slog.Bool("random_mac", r.RandomMAC))
	return f
}

func (f *fields) certificate(c *identity.Certificate) {
	if c == nil {
		return
	}
	f.text("cert_cn", c.CN)
	f.text("cert_subject", c.Subject)
	f.text("cert_issuer", c.Issuer)
	f.text("cert_serial", c.Serial)
	f.time("cert_expiry", c.NotAfter)
	f.list("cert_san_dns", c.SANDNS)
	f.list("cert_san_upn", c.SANUPN)
	f.list("cert_san_email", c.SANEmail)
}

// Decision returns the event of a decision: NAC_CLIENT_PERMIT, or NAC_CLIENT_DENY with the reason as its text.
// The extra fields, for example tls_version, come last.
func Decision(r *policy.Request, d *policy.Decision, extra ...slog.Attr) Event {
	kind := ClientDeny
	if d.Allow {
		kind = ClientPermit
	}
	return Event{Type: kind, MAC: r.MAC, fields: func() []slog.Attr { return append(decision(r, d), extra...) }}
}

// decision are the fields of a decision.
func decision(r *policy.Request, d *policy.Decision) fields {
	f := client(r)
	f.text("nacrule_name", d.Rule)
	f = append(f, slog.Bool("nacrule_matched", d.Rule != ""))
	if d.Allow {
		f.text("vlan", d.VLAN)
		if d.VLAN != "" {
			f.text("vlan_source", "nactag")
		}
		f.text("group_role", d.Role)
		f.list("resp_attrs", replyAttributes(r, d))
	}
	f.list("idp_role", r.Groups)
	f.text("mdm_compliance", string(d.MDM))
	f.text("mdm_standing", r.MDM.Standing)
	f.text("text", d.Reason)
	f.certificate(r.Certificate)
	return f
}

// replyAttributes are the attributes of the Access-Accept in the notation of Mist's resp_attrs.
func replyAttributes(r *policy.Request, d *policy.Decision) []string {
	var attrs []string
	if d.VLAN != "" {
		attrs = append(attrs, "Tunnel-Type=VLAN", "Tunnel-Medium-Type=IEEE-802", "Tunnel-Private-Group-Id="+d.VLAN)
	}
	if d.Role != "" {
		attrs = append(attrs, "Filter-Id="+d.Role)
	}
	if d.SessionTimeout > 0 {
		attrs = append(attrs, "Session-Timeout="+strconv.FormatInt(int64(d.SessionTimeout/time.Second), 10))
	}
	if r.UserName != "" {
		attrs = append(attrs, "User-Name="+r.UserName)
	}
	return attrs
}

// Denied returns NAC_CLIENT_DENY for a client that did not get as far as the policy; the text says why.
func Denied(r *policy.Request, text string, extra ...slog.Attr) Event {
	return Event{Type: ClientDeny, MAC: r.MAC, fields: func() []slog.Attr {
		f := client(r)
		f = append(f, slog.Bool("nacrule_matched", false))
		f.text("text", text)
		f.certificate(r.Certificate)
		return append(f, extra...)
	}}
}

// IdP returns an event on the check of a user's password, with kind IdPAuthcSuccess, IdPAuthcFailure, IdPUserDisabled
// or IdPUnreachable. The text says what is wrong, and is empty after a success.
func IdP(kind Type, r *policy.Request, text string) Event {
	return Event{Type: kind, MAC: r.MAC, fields: func() []slog.Attr {
		f := client(r)
		f.text("idp_username", r.UserName)
		f.list("idp_role", r.Groups)
		f.text("text", text)
		return f
	}}
}

// A Holder is whose certificate was checked.
type Holder uint8

// The holders. Only TEAP tells users and machines apart.
const (
	Client Holder = iota
	User
	Machine
)

// A Check is a check of a client's certificate by the NAC, and what came out.
type Check uint8

// The outcomes.
const (
	CheckSuccess Check = iota
	CheckFailure
	CheckExpired
	CheckRevoked
)

// clientCerts are the types of events on certificates of clients.
var clientCerts = [...][4]Type{
	Client:  {ClientCertCheckSuccess, ClientCertCheckFailure, ClientCertExpired, ClientCertRevoked},
	User:    {ClientUserCertCheckSuccess, ClientUserCertCheckFailure, ClientUserCertExpired, ClientUserCertRevoked},
	Machine: {ClientMachineCertCheckSuccess, ClientMachineCertCheckFailure, ClientMachineCertExpired, ClientMachineCertRevoked},
}

// ClientCert returns an event on the NAC's check of a certificate of the client. The text says what is wrong, and is
// empty after a success.
func ClientCert(of Holder, outcome Check, r *policy.Request, text string) Event {
	certificate := r.Certificate
	if of == Machine {
		certificate = r.MachineCertificate
	}
	return certCheck(clientCerts[of][outcome], r, certificate, text)
}

// ServerCert returns an event on the client's check of the server's certificate, with kind ServerCertValidationSuccess
// or ServerCertValidationFailure. The text says what is wrong, and is empty after a success.
func ServerCert(kind Type, r *policy.Request, text string) Event {
	return certCheck(kind, r, r.Certificate, text)
}

func certCheck(kind Type, r *policy.Request, c *identity.Certificate, text string) Event {
	return Event{Type: kind, MAC: r.MAC, fields: func() []slog.Attr {
		f := client(r)
		f.text("text", text)
		f.certificate(c)
		return f
	}}
}

// A Lookup is the outcome of a query to mobile device management.
type Lookup struct {
	// DeviceID is the device's ID in Intune.
	DeviceID string
	// Compliance is what was learnt, and PreCompliance what was held to be so before.
	Compliance, PreCompliance string
	// LastChecked is when the record was fetched.
	LastChecked time.Time
	// Manufacturer, Model, OS and OSVersion describe the device.
	Manufacturer, Model, OS, OSVersion string
	// Took is how long the query took.
	Took time.Duration
	// Text says what went wrong.
	Text string
}

// MDM returns an event on a lookup, with kind MDMLookupSuccess, MDMLookupFailure or MDMDeviceNotEnrolled.
func MDM(kind Type, r *policy.Request, l Lookup) Event {
	return Event{Type: kind, MAC: r.MAC, fields: func() []slog.Attr {
		f := client(r)
		f.text("mdm_provider", "intune")
		f.text("mdm_client_id", l.DeviceID)
		f.text("mdm_compliance", l.Compliance)
		f.text("pre_mdm_compliance", l.PreCompliance)
		f.millis("mdm_last_checked", l.LastChecked)
		f.text("mdm_manufacturer", l.Manufacturer)
		f.text("mdm_model", l.Model)
		f.text("mdm_operating_system", l.OS)
		f.text("mdm_os_version", l.OSVersion)
		if l.Took > 0 {
			f.text("lookup_time_taken", l.Took.String())
		}
		f.text("text", l.Text)
		f.certificate(r.Certificate)
		return f
	}}
}

// CoA returns CoAReauth or CoADisconnect: that the NAC is about to have a client authenticate again, or to
// throw it out. The source says what caused it.
func CoA(kind Type, r *policy.Request, session, source string) Event {
	return Event{Type: kind, MAC: r.MAC, fields: func() []slog.Attr {
		f := client(r)
		f.text("session_id", session)
		f.text("coa_source", source)
		return f
	}}
}
