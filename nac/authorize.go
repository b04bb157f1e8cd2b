package nac

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"log/slog"

	"nacsim/internal/eap/teap"
	"nacsim/nac/eapserver"
	"nacsim/nac/event"
	"nacsim/nac/identity"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/session"

	"layeh.com/radius/rfc2865"
)

// Authorize decides on a client that has proven who it is. It implements radiusd.Handler and waits for
// nothing: what is not known of the device yet is looked up afterwards. What follows from the decision happens
// when the NAS is told of it, for only then it comes into force.
func (n *NAC) Authorize(a radiusd.Access) radiusd.Verdict {
	r := facts(a)
	keys := identity.Extract(r.AuthType, a.Request.ClientMAC, r.DeviceCertificate())
	r.MDM = n.mdmState(r.MAC, keys)
	d := n.Policy().Decide(n.h.Now(), r)
	n.proven(a, &r)
	if r.ByPassword() && !a.Resumed {
		n.events.Emit(event.IdP(event.IdPAuthcSuccess, &r, ""))
	}
	n.announce(a, &r, &d)
	if !d.Allow {
		return radiusd.Verdict{Sent: func() error { n.refused(a, &r); return nil }}
	}
	class := n.newClass()
	v := radiusd.Verdict{Accept: true, VLAN: d.VLAN, Role: d.Role, SessionTimeout: d.SessionTimeout, Class: []byte(class)}
	v.Sent = func() error { return n.granted(a, &r, keys, &d, class) }
	return v
}

// proven tells of the certificates that were found to be right: the machine's before its user's, as they are asked for.
func (n *NAC) proven(a radiusd.Access, r *policy.Request) {
	if r.MachineCertificate != nil {
		n.events.Emit(event.ClientCert(event.Machine, event.CheckSuccess, r, ""))
	}
	if r.Certificate != nil && r.Certificate != r.MachineCertificate {
		n.events.Emit(event.ClientCert(holder(a), event.CheckSuccess, r, ""))
	}
}

// holder is whose certificate Access.Chain is.
func holder(a radiusd.Access) event.Holder {
	switch a.As {
	case teap.Machine:
		return event.Machine
	case teap.User:
		return event.User
	}
	return event.Client
}

// granted records the session, before the NAS is told, so that nothing is granted that could not be taken back, and
// has the device looked up.
func (n *NAC) granted(a radiusd.Access, r *policy.Request, keys []identity.Key, d *policy.Decision, class string) error {
	if err := n.record(a, r, d, class); err != nil {
		denied := policy.Decision{Reason: err.Error(), MDM: d.MDM, At: n.h.Now()}
		n.announce(a, r, &denied)
		return err
	}
	n.lookup(r, keys)
	return nil
}

// refused ends what the client had: a NAS ends the session of a client that it rejects. A session of another
// Acct-Session-Id is another client's or another port's with the same MAC address, and stays until its own NAS
// says that it has ended.
func (n *NAC) refused(a radiusd.Access, r *policy.Request) {
	n.sessions.End(sessionKey(r), a.Request.AcctSessionID, "rejected")
}

// announce writes a decision to the trace and to the client's events.
func (n *NAC) announce(a radiusd.Access, r *policy.Request, d *policy.Decision) {
	n.h.Trace("decision", append(d.Attrs(r), how(a, r)...)...)
	n.events.Emit(event.Decision(r, d, extra(a)...))
}

// how are the fields of a decision's trace about how the client authenticated, those that it has.
func how(a radiusd.Access, r *policy.Request) []slog.Attr {
	var f []slog.Attr // most have none
	if r.Machine != "" {
		f = append(f, slog.String("machine", r.Machine))
	}
	if a.Inner != "" {
		f = append(f, slog.String("inner", a.Inner))
	}
	if len(a.Groups) > 0 {
		f = append(f, slog.Any("groups", a.Groups))
	}
	if a.Resumed {
		f = append(f, slog.Bool("resumed", true))
	}
	return f
}

// extra are the fields of a decision's event about how the client authenticated.
func extra(a radiusd.Access) []slog.Attr {
	var f []slog.Attr
	if a.TLSVersion != 0 {
		f = append(f, slog.String("tls_version", tls.VersionName(a.TLSVersion)))
	}
	if a.Resumed {
		f = append(f, slog.Bool("resumed", true))
	}
	return f
}

// facts gathers what a decision depends on from the request and the certificate.
func facts(a radiusd.Access) policy.Request {
	q := a.Request
	r := policy.Request{
		AuthType: a.Method,
		PortType: "wired",
		MAC:      q.CallingStation,
		SSID:     q.SSID,
		UserName: a.Identity,
		Inner:    a.Inner,
		Groups:   a.Groups,
		NAS:      nasName(q),
		NASIP:    q.NAS(),
	}
	if a.User != "" {
		r.UserName = a.User
	}
	if rfc2865.NASPortType(q.NASPortType) == rfc2865.NASPortType_Value_Wireless80211 {
		r.PortType = "wireless"
	}
	if q.ClientMAC != nil {
		r.MAC = q.ClientMAC.String()
		r.RandomMAC = identity.Randomized(q.ClientMAC)
	}
	r.Certificate = leaf(a.Chain)
	if a.Method == teapMethod {
		addMachine(a, &r)
	}
	return r
}

// teapMethod is TEAP in the words of policies.
const teapMethod = "eap-teap"

// addMachine adds what TEAP has told of the machine. Its name is the one whose password it has proven to know, or that
// in its certificate.
func addMachine(a radiusd.Access, r *policy.Request) {
	switch {
	case a.As == teap.Machine:
		r.Machine, r.MachineCertificate = a.User, r.Certificate
	case len(a.Chain) > 0 && len(a.MachineChain) > 0 && a.Chain[0] == a.MachineChain[0]: // its user has none
		r.Machine, r.MachineCertificate = a.Machine, r.Certificate
	default:
		r.Machine, r.MachineCertificate = a.Machine, leaf(a.MachineChain)
	}
	if r.Machine == "" && r.MachineCertificate != nil {
		r.Machine = r.MachineCertificate.CN
	}
}

// leaf reads the first certificate of a chain, nil if there is none.
func leaf(chain []*x509.Certificate) *identity.Certificate {
	if len(chain) == 0 {
		return nil
	}
	c := identity.ReadCertificate(chain[0])
	return &c
}

// nasName is what a NAS calls itself, or what the NAC calls it.
func nasName(q *radiusd.Request) string {
	switch {
	case q.NASIdentifier != "":
		return q.NASIdentifier
	case q.Client.Name != "":
		return q.Client.Name
	}
	return q.NAS().String()
}

func (n *NAC) record(a radiusd.Access, r *policy.Request, d *policy.Decision, class string) error {
	q := a.Request
	client := ""
	if q.Transport == radiusd.RadSec {
		client = q.Client.Name
	}
	return n.sessions.Authorize(session.Session{
		Request:        *r,
		CoA:            q.CoAAddr(),
		RadSec:         q.Transport == radiusd.RadSec,
		NASClient:      client,
		NASIdentifier:  q.NASIdentifier,
		NASIPAddress:   q.NASAddress,
		CallingStation: q.CallingStation,
		CalledStation:  q.CalledStation,
		Port:           q.NASPortID,
		AcctSessionID:  q.AcctSessionID,
		Class:          class,
		Firmware:       q.Firmware,
		InForce:        d.Authorization,
		Rule:           d.Rule,
		AuthorizedAt:   n.h.Now(),
	})
}

// newClass draws the value by which a NAS names the session in accounting. The machine's random streams do not fail.
func (n *NAC) newClass() string {
	var class [8]byte
	_, _ = io.ReadFull(n.class, class[:])
	return hex.EncodeToString(class[:])
}

// sessionKey is the key of the session that a request is about.
func sessionKey(r *policy.Request) session.Key {
	return session.Key{NAS: r.NAS, Address: r.NASIP, Client: r.MAC}
}

// lookup has the device looked up in the background, if there is anything to look it up by.
func (n *NAC) lookup(r *policy.Request, keys []identity.Key) {
	if n.mdm == nil {
		return
	}
	if len(keys) == 0 {
		n.events.Emit(event.MDM(event.MDMLookupFailure, r, event.Lookup{Text: noKeys}))
		return
	}
	n.mdm.Enqueue(r.MAC, keys)
}

// noKeys is why nobody can be asked about a device.
const noKeys = "nothing to look the device up by: the MAC address is randomized and the certificate names no device"

// mdmState is what the device database says of a client's device.
func (n *NAC) mdmState(client string, keys []identity.Key) policy.MDM {
	switch {
	case n.mdm == nil:
		return policy.MDM{Why: "no Intune account is linked"}
	case len(keys) == 0:
		return policy.MDM{Why: noKeys}
	}
	rec, key, ok := n.mdm.State(keys)
	if !ok {
		why, notFound := n.mdm.Unknown(client, keys)
		if notFound {
			return policy.MDM{Status: n.compliance.Load().Status(mdm.StandingNotFound), Standing: mdm.StandingNotFound, Why: why}
		}
		return policy.MDM{Why: why}
	}
	m := policy.MDM{
		Known: true, Status: n.compliance.Load().Status(rec.Standing), Standing: rec.Standing,
		ComplianceState: rec.ComplianceState, ManagementState: rec.ManagementState, SeenAt: rec.FetchedAt, DeviceID: rec.ID, DeviceName: rec.DeviceName, Key: key,
	}
	if rec.Conflict {
		m.Why = "several records match and disagree"
	}
	return m
}

// Rejected tells of a client that was refused before the policy was asked.
func (n *NAC) Rejected(a radiusd.Access, f eapserver.Failure) {
	if f.User != "" {
		a.User = f.User
	}
	r := facts(a)
	if r.MachineCertificate != nil && a.As != teap.Machine {
		n.events.Emit(event.ClientCert(event.Machine, event.CheckSuccess, &r, ""))
	}
	d := policy.Decision{Reason: f.Text, At: n.h.Now()}
	n.h.Trace("decision", append(append(d.Attrs(&r), how(a, &r)...), slog.String("reason", string(f.Reason)))...)
	if e, ok := cause(holder(a), &r, &f); ok {
		n.events.Emit(e)
	}
	n.events.Emit(event.Denied(&r, f.Text))
	// A session that the client may have stays until its NAS says that it has ended: this client has proven
	// nothing, not even that it has the MAC address.
}

// cause is the event on what led to a refusal, where there is one of its own.
func cause(of event.Holder, r *policy.Request, f *eapserver.Failure) (event.Event, bool) {
	switch f.Reason {
	case eapserver.Expired:
		return event.ClientCert(of, event.CheckExpired, r, f.Text), true
	case eapserver.Revoked:
		return event.ClientCert(of, event.CheckRevoked, r, f.Text), true
	case eapserver.ServerCertificate:
		return event.ServerCert(event.ServerCertValidationFailure, r, f.Text), true
	case eapserver.AccountDisabled:
		return event.IdP(event.IdPUserDisabled, r, f.Text), true
	case eapserver.DirectoryUnavailable:
		return event.IdP(event.IdPUnreachable, r, f.Text), true
	case eapserver.BadCredentials, eapserver.UnknownUser:
		return event.IdP(event.IdPAuthcFailure, r, f.Text), true
	}
	return event.ClientCert(of, event.CheckFailure, r, f.Text), f.Reason.AboutClientCertificate()
}
