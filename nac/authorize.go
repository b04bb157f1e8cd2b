package nac

import (
	"crypto/tls"
	"encoding/hex"
	"io"
	"log/slog"
	"strings"

	"nacsim/internal/eap"
	"nacsim/nac/eapserver"
	"nacsim/nac/event"
	"nacsim/nac/identity"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/session"

	"layeh.com/radius/rfc2865"
)

// Authorize decides on a client that has proven who it is. It implements radiusd.Handler and waits for
// nothing: what is not known of the device yet is looked up afterwards.
func (n *NAC) Authorize(a radiusd.Access) radiusd.Verdict {
	r := facts(a)
	keys := identity.Extract(r.AuthType, a.Request.ClientMAC, r.Certificate)
	r.MDM = n.mdmState(keys)
	d := n.Policy().Decide(n.h.Now(), r)
	n.events.Emit(event.CertCheck(event.ClientCertCheckSuccess, &r, ""))
	if d.Allow {
		if s, err := n.record(a, &r, &d); err != nil {
			d.Allow, d.Authorization, d.Reason = false, policy.Authorization{}, err.Error()
		} else {
			defer n.lookup(&r, keys)
			n.announce(a, &r, &d)
			return verdict(&d, s.Class)
		}
	}
	n.announce(a, &r, &d)
	// What the client had, it has no longer: a NAS ends the session of a client that it rejects.
	n.sessions.End(session.Key{NAS: r.NAS, Client: r.MAC}, "rejected")
	return radiusd.Verdict{}
}

// announce writes a decision to the trace and to the client's events.
func (n *NAC) announce(a radiusd.Access, r *policy.Request, d *policy.Decision) {
	n.h.Trace("decision", d.Attrs(r)...)
	n.events.Emit(event.Decision(r, d, slog.String("tls_version", tls.VersionName(a.TLSVersion))))
}

// facts gathers what a decision depends on from the request and the certificate.
func facts(a radiusd.Access) policy.Request {
	q := a.Request
	r := policy.Request{
		AuthType: authType(a.Method),
		PortType: "wired",
		MAC:      q.CallingStation,
		SSID:     q.SSID,
		UserName: a.Identity,
		NAS:      nasName(q),
		NASIP:    q.NAS(),
	}
	if rfc2865.NASPortType(q.NASPortType) == rfc2865.NASPortType_Value_Wireless80211 {
		r.PortType = "wireless"
	}
	if q.ClientMAC != nil {
		r.MAC = q.ClientMAC.String()
		r.RandomMAC = identity.Randomized(q.ClientMAC)
	}
	if len(a.Chain) > 0 {
		c := identity.ReadCertificate(a.Chain[0])
		r.Certificate = &c
	}
	return r
}

// authType is the method in Mist's words, for example "eap-tls"; empty before it came to one.
func authType(m eap.Type) string {
	if m == 0 {
		return ""
	}
	return strings.ToLower(m.String())
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

// record stores the session before the client is told, so that nothing is granted that could not be taken back.
func (n *NAC) record(a radiusd.Access, r *policy.Request, d *policy.Decision) (session.Session, error) {
	q := a.Request
	s := session.Session{
		Request:        *r,
		CoA:            q.CoAAddr(),
		NASIdentifier:  q.NASIdentifier,
		NASIPAddress:   q.NASAddress,
		CallingStation: q.CallingStation,
		CalledStation:  q.CalledStation,
		Port:           q.NASPortID,
		AcctSessionID:  q.AcctSessionID,
		Firmware:       q.Firmware,
		InForce:        d.Authorization,
		Rule:           d.Rule,
		AuthorizedAt:   n.h.Now(),
	}
	var class [8]byte
	if _, err := io.ReadFull(n.class, class[:]); err != nil {
		return s, err
	}
	s.Class = hex.EncodeToString(class[:])
	return s, n.sessions.Authorize(s)
}

func verdict(d *policy.Decision, class string) radiusd.Verdict {
	return radiusd.Verdict{Accept: true, VLAN: d.VLAN, Role: d.Role, SessionTimeout: d.SessionTimeout, Class: []byte(class)}
}

// lookup has the device looked up in the background, if there is anything to look it up by.
func (n *NAC) lookup(r *policy.Request, keys []identity.Key) {
	if n.mdm == nil {
		return
	}
	if len(keys) == 0 {
		n.events.Emit(event.MDM(event.MDMLookupFailure, r, event.Lookup{
			Text: "nothing to look the device up by: the MAC address is randomized and the certificate names no device"}))
		return
	}
	n.mdm.Enqueue(r.MAC, keys)
}

// mdmState is what the device database says of a device.
func (n *NAC) mdmState(keys []identity.Key) policy.MDM {
	if n.mdm == nil {
		return policy.MDM{Why: "no Intune account is linked"}
	}
	rec, key, ok := n.mdm.State(keys)
	if !ok {
		return policy.MDM{}
	}
	m := policy.MDM{
		Known: true, Status: n.cfg.Compliance.Status(rec.ComplianceState), ComplianceState: rec.ComplianceState,
		SeenAt: rec.FetchedAt, DeviceID: rec.ID, DeviceName: rec.DeviceName, Key: key,
	}
	if rec.Conflict {
		m.Why = "several records match and disagree"
	}
	return m
}

// Rejected tells of a client that was refused before the policy was asked.
func (n *NAC) Rejected(a radiusd.Access, f eapserver.Failure) {
	r := facts(a)
	d := policy.Decision{Reason: f.Text, At: n.h.Now()}
	n.h.Trace("decision", append(d.Attrs(&r), slog.String("reason", string(f.Reason)))...)
	switch {
	case f.Reason == eapserver.Expired:
		n.events.Emit(event.CertCheck(event.ClientCertExpired, &r, f.Text))
	case f.Reason.AboutClientCertificate():
		n.events.Emit(event.CertCheck(event.ClientCertCheckFailure, &r, f.Text))
	case f.Reason == eapserver.ServerCertificate:
		n.events.Emit(event.CertCheck(event.ServerCertValidationFailure, &r, f.Text))
	}
	n.events.Emit(event.Denied(&r, f.Text))
	// A session that the client may have stays until its NAS says that it has ended: this client has proven
	// nothing, not even that it has the MAC address.
}
