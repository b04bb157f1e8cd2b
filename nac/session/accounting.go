package session

import (
	"net/netip"
	"time"

	"nacsim/nac/event"
)

// Accounting is what an Accounting-Request says about one session (RFC 2866).
type Accounting struct {
	Key           Key
	AcctSessionID string
	// Delay is the Acct-Delay-Time: for how long the NAS has been trying to send the record.
	Delay time.Duration
	// Class is what the NAS has returned of the Access-Accept, empty if nothing (RFC 2865 section 5.25).
	Class string
	Usage Usage
	// TerminateCause is why the session ended, for example "User-Request".
	TerminateCause string
}

// granularity is how coarse the times in accounting are: Acct-Delay-Time and Event-Timestamp count seconds.
const granularity = time.Second

// older reports whether a record made delay ago is certainly from before the authorization in force.
func (s *Session) older(now time.Time, delay time.Duration) bool {
	return !now.Add(granularity - delay).After(s.AuthorizedAt)
}

// younger reports whether a record that was sent again may be from before the authorization in force.
func (s *Session) younger(now time.Time, delay time.Duration) bool {
	return delay > 0 && s.AuthorizedAt.After(now.Add(-delay-granularity))
}

// of reports whether a record with another Acct-Session-Id is about this session all the same. The Class says so; without
// one only the time can.
func (a *Accounting) of(s *Session, now time.Time) bool {
	if a.Class != "" && s.Class != "" {
		return a.Class == s.Class
	}
	return !s.older(now, a.Delay) && !s.younger(now, a.Delay)
}

// continues reports whether an interim update or a Stop is about this session: by its Acct-Session-Id or, where the NAS
// counts another way in accounting than in authentication and the Start has been lost, by the Class. The time alone
// counts only as long as no Acct-Session-Id is known: the NAS may still be talking about an earlier session.
func (a *Accounting) continues(s *Session, now time.Time) bool {
	switch {
	case s.AcctSessionID == a.AcctSessionID:
		return true
	case a.Class != "" && s.Class != "":
		return a.Class == s.Class
	}
	return s.AcctSessionID == "" && a.of(s, now)
}

// find returns the session that a record is about by its key. Where the NAS names no client it is the only one of that
// NAS with the Acct-Session-Id, or with the Class. The caller holds the mutex.
func (t *Table) find(a *Accounting) *Session {
	if s := t.sessions[a.Key]; s != nil || a.Key.Client != "" {
		return s
	}
	var found *Session
	for key := range t.byNAS[a.Key.NAS] { // order-free: more than one is none
		s := t.sessions[key]
		same := a.AcctSessionID != "" && a.AcctSessionID == s.AcctSessionID || a.Class != "" && a.Class == s.Class
		if key.Address != a.Key.Address || !same {
			continue
		}
		if found != nil {
			return nil
		}
		found = s
	}
	return found
}

// Start takes Accounting-Start and reports whether it belongs to a session. It makes the Acct-Session-Id known
// of a session that was authorized without or with another one, unless the record is about another authorization, or
// may be older than the one in force. A record without Acct-Session-Id, which RFC 2866 section 5.5 forbids, takes none away.
func (t *Table) Start(a Accounting) (known bool, err error) {
	now := t.h.Now()
	t.mu.Lock()
	s := t.find(&a)
	if s == nil || s.AcctSessionID != a.AcctSessionID && !a.of(s, now) {
		t.mu.Unlock()
		return false, nil
	}
	fresh, err := t.start(s, &a, now)
	copied := *s
	t.mu.Unlock()
	if fresh {
		t.started(copied)
	}
	return true, err
}

// start has accounting of a session begin, and reports whether it had not yet. The caller holds the mutex.
func (t *Table) start(s *Session, a *Accounting, now time.Time) (fresh bool, err error) {
	id := a.AcctSessionID
	if id == "" {
		id = s.AcctSessionID
	}
	if !s.StartedAt.IsZero() && s.AcctSessionID == id {
		return false, nil
	}
	s.AcctSessionID, s.StartedAt, s.Usage = id, now.Add(-a.Delay-a.Usage.Time), Usage{}
	return true, t.put(s)
}

// started tells that accounting of a session has begun. The caller holds no lock.
func (t *Table) started(s Session) {
	t.emit(event.AccountingStart, &s, "", time.Time{})
	t.report([]Change{{Session: s, State: Started}})
}

// Update takes an interim update and reports whether it belongs to a session. One of a session whose Start has been
// lost starts it.
func (t *Table) Update(a Accounting) (known bool, err error) {
	now := t.h.Now()
	t.mu.Lock()
	s := t.find(&a)
	if s == nil || !a.continues(s, now) {
		t.mu.Unlock()
		return false, nil
	}
	fresh, err := t.start(s, &a, now)
	s.Usage = a.Usage
	s.Usage.At = now
	copied := *s
	t.mu.Unlock()
	if fresh {
		t.started(copied)
	}
	t.emit(event.AccountingUpdate, &copied, "", time.Time{})
	return true, err
}

// Stop takes Accounting-Stop and reports whether it ended a session. It ends the current one only: a record
// with another Acct-Session-Id, or from before the authorization in force, is about a session that is gone.
func (t *Table) Stop(a Accounting) (ended bool) {
	now := t.h.Now()
	t.mu.Lock()
	s := t.find(&a)
	if s == nil || s.older(now, a.Delay) || !a.continues(s, now) {
		t.mu.Unlock()
		return false
	}
	if a.AcctSessionID != "" {
		s.AcctSessionID = a.AcctSessionID
	}
	s.Usage = a.Usage
	s.Usage.At = now
	reason := a.TerminateCause
	if reason == "" {
		reason = "accounting stopped"
	}
	copied := *s
	changes := t.end(nil, s, reason)
	t.mu.Unlock()
	t.emit(event.AccountingStop, &copied, reason, now)
	t.report(changes)
	return true
}

// NASRestarted takes Accounting-On or Accounting-Off of the NAS with a name and an address: it has no sessions any
// more. It returns how many there were. A session that was authorized after the NAS made the record, delay ago,
// stays. So does one of which that cannot be told: if it is gone, the NAS says so when it is to be changed, whereas
// one that is forgotten by mistake could not be changed any more.
func (t *Table) NASRestarted(nas string, address netip.Addr, delay time.Duration, reason string) int {
	now := t.h.Now()
	var changes []Change
	for _, s := range t.ByNAS(nas) {
		if s.Request.NASIP != address {
			continue
		}
		t.mu.Lock()
		if s := t.sessions[s.Key()]; s != nil && !s.younger(now, delay) {
			changes = t.end(changes, s, reason)
		}
		t.mu.Unlock()
	}
	t.report(changes)
	return len(changes)
}
