package nac

import (
	"time"

	"nacsim/nac/event"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/session"
)

// DeviceChanged has the sessions of the clients concerned compared with the policy. It implements mdm.Observer.
func (n *NAC) DeviceChanged(c mdm.Change) {
	cause := c.Cause()
	for _, client := range c.Clients {
		n.reconciler.Mark(client, cause)
	}
}

// LookupDone writes the client's event. What the lookup changed has been reported by DeviceChanged.
func (n *NAC) LookupDone(l mdm.Lookup) {
	r := policy.Request{MAC: l.Client}
	if s, ok := n.sessions.ByClient(l.Client); ok {
		r = s.Request
	}
	e := event.Lookup{Took: l.Took}
	kind := event.MDMDeviceNotEnrolled
	switch {
	case l.Err != nil:
		kind, e.Text = event.MDMLookupFailure, l.Err.Error()
	case l.Found:
		kind = event.MDMLookupSuccess
		e.DeviceID, e.Compliance, e.LastChecked = l.Record.ID, l.Record.ComplianceState, l.Record.FetchedAt
		e.Manufacturer, e.Model, e.OS, e.OSVersion = l.Record.Manufacturer, l.Record.Model, l.Record.OperatingSystem, l.Record.OSVersion
		e.PreCompliance = r.MDM.ComplianceState
	}
	n.events.Emit(event.MDM(kind, &r, e))
}

// PollDone implements mdm.Observer. What a poll changed has been reported by DeviceChanged.
func (n *NAC) PollDone(mdm.Poll) {}

// StandingChanged has the sessions of clients compared with the policy whose devices stand otherwise now, though no
// record has changed.
func (n *NAC) StandingChanged(clients []string, cause string) {
	for _, client := range clients {
		n.reconciler.Mark(client, cause)
	}
}

// LinkChanged tells the operator. It implements mdm.Observer.
func (n *NAC) LinkChanged(mdm.Status) { n.watchAccount() }

// sessionChanged follows the sessions: a client that has gone needs no lookup any more.
func (n *NAC) sessionChanged(c session.Change) {
	if c.State == session.Ended && n.mdm != nil {
		n.forget(c.Session.Request.MAC)
	}
	n.reconciler.SessionChanged(c)
}

// forget ends the lookups of a client unless it has a session.
func (n *NAC) forget(client string) {
	if _, ok := n.sessions.ByClient(client); ok {
		return
	}
	n.mdm.Forget(client)
	// Should another task have let it in meanwhile, its lookup may be the one that has just been ended.
	if s, ok := n.sessions.ByClient(client); ok {
		n.mdm.Enqueue(client, s.Keys())
	}
}

// Accounting takes the NAS's word on its sessions. It implements radiusd.Handler.
func (n *NAC) Accounting(rec radiusd.AccountingRecord) error {
	q := rec.Request
	r := facts(radiusd.Access{Request: q})
	a := session.Accounting{
		Key:           sessionKey(&r),
		AcctSessionID: q.AcctSessionID,
		Delay:         rec.Delay,
		Usage: session.Usage{InOctets: rec.InputOctets, OutOctets: rec.OutputOctets,
			InPackets: uint64(rec.InputPackets), OutPackets: uint64(rec.OutputPackets), Time: rec.SessionTime},
	}
	if len(rec.Class) > 0 {
		a.Class = string(rec.Class[0])
	}
	switch rec.Status {
	case radiusd.AcctStart:
		if _, err := n.sessions.Start(a); err != nil {
			return err
		}
	case radiusd.AcctInterimUpdate:
		if _, err := n.sessions.Update(a); err != nil {
			return err
		}
	case radiusd.AcctStop:
		a.TerminateCause = rec.TerminateCauseName()
		n.sessions.Stop(a)
	case radiusd.AccountingOn, radiusd.AccountingOff:
		n.sessions.NASRestarted(r.NAS, r.NASIP, age(&rec), rec.Status.String())
	}
	return nil
}

// clockSkew is how far the clock of a NAS may be off for its word on the time to count, as RFC 5176 section 6.3 has
// it for requests to the NAS.
const clockSkew = 5 * time.Minute

// age is how old a record is at least. The network may have taken longer over it than the NAS, which its time then
// tells. A NAS whose clock is behind makes records look older than they are, and so end fewer sessions.
func age(rec *radiusd.AccountingRecord) time.Duration {
	if d := rec.Request.Received.Sub(rec.EventTime).Truncate(time.Second); d > rec.Delay && d < clockSkew {
		return d
	}
	return rec.Delay
}
