package fakeap

import (
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"nacsim/fakeap/dot11"
	"nacsim/internal/radius"
)

// Terminate causes of RFC 3580 section 2.1 that RFC 2866 does not have.
const (
	rfc3580SupplicantRestart       rfc2866.AcctTerminateCause = 19
	rfc3580ReauthenticationFailure rfc2866.AcctTerminateCause = 20
)

// minInterim and minReauth keep a server from making a NAS send without pause (RFC 2869 section 5.16).
const (
	minInterim = 60 * time.Second
	minReauth  = 10 * time.Second
)

// authorization is what an Access-Accept grants.
type authorization struct {
	sessionID, user, vlan, role string
	class                       []lr.Attribute
	pmk                         []byte
	// local means that the NAS itself granted it; reason is then why.
	local  bool
	reason string
	// outcome is what is to be reported once it is in force; nil if local.
	outcome *Outcome
	// reauth is after which time to authenticate again, life after which to end the session, interim the
	// accounting interval; zero means never.
	reauth, life, interim time.Duration
}

func newAuthorization(cfg Settings, t *conversation, request, reply *lr.Packet) *authorization {
	a := &authorization{sessionID: t.sessionID, user: t.user, vlan: cfg.DefaultVLAN, reauth: cfg.Reauth, interim: cfg.Interim}
	if vlan, ok := radius.VLAN(reply.Attributes); ok {
		a.vlan = vlan
	}
	if user := rfc2865.UserName_GetString(reply); user != "" {
		a.user = user
	}
	a.role = rfc2865.FilterID_GetString(reply)
	for _, attr := range reply.Attributes {
		if attr.Type == rfc2865.Class_Type {
			a.class = append(a.class, attr.Attribute)
		}
	}
	if recv, send, err := radius.MPPEKeys(reply.Attributes, request); err == nil {
		a.pmk = recv
		t.outcome.Keys = append(append(make([]byte, 0, 64), recv...), send...)
	}
	// RFC 3580 sections 3.17 and 3.19.
	if n, err := rfc2865.SessionTimeout_Lookup(reply); err == nil && n > 0 {
		timeout := time.Duration(n) * time.Second
		if rfc2865.TerminationAction_Get(reply) == rfc2865.TerminationAction_Value_RADIUSRequest {
			a.reauth = max(timeout, minReauth)
		} else {
			a.reauth, a.life = 0, timeout
		}
	}
	if n, err := rfc2869.AcctInterimInterval_Lookup(reply); err == nil && n > 0 {
		a.interim = max(time.Duration(n)*time.Second, minInterim)
	}
	return a
}

// localAuthorization puts a client on a cable into a VLAN without the server's consent: because it does not speak
// 802.1X, because it was refused, or because the server does not answer.
func (n *nas) localAuthorization(c *client, vlan string, retry time.Duration, reason string) *authorization {
	a := &authorization{user: FormatMAC(c.mac, n.cfg.MAB.Notation), vlan: vlan, local: true, reason: reason, reauth: retry, interim: n.cfg.Interim}
	if c.session == nil {
		a.sessionID, _ = n.newSessionID() // without randomness the session has no identifier
	} else {
		a.sessionID = c.session.id
	}
	return a
}

// session is a client's authorization in force.
type session struct {
	id, user, vlan, role string
	class                []lr.Attribute
	local                bool
	started              time.Time

	interim                     time.Duration
	reauthAt, endsAt, interimAt time.Time

	reports reports
}

// deadline is when something is due for a session; of none, never.
func (s *session) deadline() time.Time {
	if s == nil {
		return time.Time{}
	}
	return earliest(s.reauthAt, earliest(s.endsAt, s.interimAt))
}

// authorize puts an authorization in force. The session of a client that has one goes on.
func (n *nas) authorize(c *client, now time.Time, a *authorization) {
	s, reason := c.session, "re-authenticated"
	fresh := s == nil
	if fresh {
		s, reason = &session{id: a.sessionID, started: now}, ""
		c.session = s
	}
	if a.local {
		reason = a.reason
	}
	s.user, s.vlan, s.role, s.class, s.interim = a.user, a.vlan, a.role, a.class, a.interim
	s.local = a.local
	s.reauthAt, s.endsAt = after(now, a.reauth), after(now, a.life)
	if s.interimAt.IsZero() || s.interim == 0 {
		s.interimAt = after(now, s.interim)
	}
	n.setState(c, Authorized, reason)
	if fresh {
		n.report(c, s, now, rfc2866.AcctStatusType_Value_Start, 0)
	}
	if a.outcome != nil {
		a.outcome.VLAN, a.outcome.SessionID = s.vlan, s.id
		n.conclude(a.outcome, now, Accepted, "")
	}
}

// after is d from now, or never if d is zero.
func after(now time.Time, d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return now.Add(d)
}

// stop ends a client's session, if it has one.
func (n *nas) stop(c *client, now time.Time, cause rfc2866.AcctTerminateCause) {
	s := c.session
	if s == nil {
		return
	}
	c.session = nil
	n.report(c, s, now, rfc2866.AcctStatusType_Value_Stop, cause)
}

// expireSession does what is due for a client's session.
func (n *nas) expireSession(c *client, now time.Time) {
	s := c.session
	if s == nil {
		return
	}
	if due(s.endsAt, now) {
		n.end(c, now, rfc2866.AcctTerminateCause_Value_SessionTimeout, dot11.ReasonAuthExpired, "session timeout")
		if n.clients[c.mac] == c {
			n.reauthenticate(c, now) // the client has not left its cable
		}
		return
	}
	if due(s.interimAt, now) {
		s.interimAt = after(now, s.interim)
		n.report(c, s, now, rfc2866.AcctStatusType_Value_InterimUpdate, 0)
	}
	if due(s.reauthAt, now) {
		s.reauthAt = time.Time{} // set again by the result
		n.reauthenticate(c, now)
	}
}

func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }
