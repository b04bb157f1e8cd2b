package session

import (
	"encoding"
	"encoding/json"
	"strconv"

	"nacsim/nac/policy"
)

// appendJSON appends a session as encoding/json writes it, several times faster: a record is written for each
// authentication, and reflection takes longer than all else that is done for a device without EAP.
func (s *Session) appendJSON(b []byte) ([]byte, error) {
	e := encoder{b: b}
	e.request(&s.Request)
	e.text("coa", &s.CoA)
	e.yes("radsec", s.RadSec)
	e.optional("nas_client", s.NASClient)
	e.optional("nas_identifier", s.NASIdentifier)
	e.text("nas_ip_address", &s.NASIPAddress)
	e.optional("calling_station", s.CallingStation)
	e.optional("called_station", s.CalledStation)
	e.optional("port", s.Port)
	e.optional("acct_session_id", s.AcctSessionID)
	e.optional("class", s.Class)
	e.optional("firmware", s.Firmware)
	e.authorization(&s.InForce)
	e.optional("rule", s.Rule)
	e.text("authorized_at", &s.AuthorizedAt)
	e.text("started_at", &s.StartedAt)
	return append(e.b, '}'), e.err
}

// An encoder appends the members of JSON objects. It keeps the first error.
type encoder struct {
	b     []byte
	inner bool // the object has members already
	err   error
}

func (e *encoder) request(r *policy.Request) {
	e.open("request")
	e.string("auth_type", r.AuthType)
	e.string("port_type", r.PortType)
	e.string("mac", r.MAC)
	e.yes("random_mac", r.RandomMAC)
	e.optional("ssid", r.SSID)
	e.optional("user_name", r.UserName)
	e.optional("inner", r.Inner)
	if len(r.Groups) > 0 {
		e.any("groups", r.Groups)
	}
	e.optional("nas", r.NAS)
	e.text("nas_ip", &r.NASIP)
	if r.Certificate != nil {
		e.any("certificate", r.Certificate)
	}
	e.optional("machine", r.Machine)
	if r.MachineCertificate != nil {
		e.any("machine_certificate", r.MachineCertificate)
	}
	e.mdm(&r.MDM)
	e.close()
}

func (e *encoder) mdm(m *policy.MDM) {
	e.open("mdm")
	e.key("known")
	e.b = strconv.AppendBool(e.b, m.Known)
	e.optional("status", string(m.Status))
	e.optional("standing", m.Standing)
	e.optional("compliance_state", m.ComplianceState)
	e.optional("management_state", m.ManagementState)
	e.text("seen_at", &m.SeenAt)
	e.optional("device_id", m.DeviceID)
	e.optional("device_name", m.DeviceName)
	e.open("key")
	e.string("kind", string(m.Key.Kind))
	e.string("value", m.Key.Value)
	e.close()
	e.optional("why", m.Why)
	e.close()
}

func (e *encoder) authorization(a *policy.Authorization) {
	e.open("in_force")
	e.optional("vlan", a.VLAN)
	e.optional("role", a.Role)
	if a.SessionTimeout != 0 {
		e.key("session_timeout")
		e.b = strconv.AppendInt(e.b, int64(a.SessionTimeout), 10)
	}
	e.close()
}

// key begins a member; the names need no escaping.
func (e *encoder) key(name string) {
	if e.inner {
		e.b = append(e.b, ',')
	} else {
		e.b = append(e.b, '{')
	}
	e.inner = true
	e.b = append(e.b, '"')
	e.b = append(e.b, name...)
	e.b = append(e.b, '"', ':')
}

// open begins a member that is an object.
func (e *encoder) open(name string) {
	e.key(name)
	e.inner = false
}

func (e *encoder) close() {
	if !e.inner {
		e.b = append(e.b, '{')
	}
	e.b = append(e.b, '}')
	e.inner = true
}

// string appends a member with a text, of which all but printable ASCII is left to encoding/json.
func (e *encoder) string(name, value string) {
	if !plain(value) {
		e.any(name, value)
		return
	}
	e.key(name)
	e.b = append(e.b, '"')
	e.b = append(e.b, value...)
	e.b = append(e.b, '"')
}

// plain reports whether encoding/json writes a text as it is.
func plain[T string | []byte](text T) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// optional appends a member unless its text is empty.
func (e *encoder) optional(name, value string) {
	if value != "" {
		e.string(name, value)
	}
}

// yes appends a member if it is true.
func (e *encoder) yes(name string, value bool) {
	if value {
		e.key(name)
		e.b = append(e.b, "true"...)
	}
}

// text appends a member that is a text to encoding/json too: a time, or an address, whose zone may be any.
func (e *encoder) text(name string, value encoding.TextAppender) {
	before, inner := len(e.b), e.inner
	e.key(name)
	e.b = append(e.b, '"')
	from := len(e.b)
	b, err := value.AppendText(e.b)
	if err != nil || !plain(b[from:]) {
		e.b, e.inner = e.b[:before], inner
		e.any(name, value)
		return
	}
	e.b = append(b, '"')
}

// any appends a member as encoding/json does.
func (e *encoder) any(name string, value any) {
	e.key(name)
	b, err := json.Marshal(value)
	if err != nil && e.err == nil {
		e.err = err
	}
	e.b = append(e.b, b...)
}
