package mdm

import (
	"slices"
	"time"

	"nacsim/internal/host"
)

// ages is when the records are looked at next because of their age. There is one timer for all of them. It may strike
// for a record that has been confirmed meanwhile, and is set anew then.
type ages struct {
	timer host.Timer
	// at is when the timer strikes, and since when it last did: what was too old then has been told.
	at, since time.Time
}

// agePause is the least time from one look at all records to the next.
const agePause = time.Second

// wakeAt sees to it that the records are looked at after a time, which is when one of them gets too old. The caller
// holds the lock.
func (s *Service) wakeAt(at time.Time) {
	a := &s.ages
	if !at.After(a.since) || a.timer != nil && !at.Before(a.at) {
		return
	}
	if a.timer != nil {
		a.timer.Stop()
	}
	a.at = at
	// A record is too old only after that time.
	a.timer = s.h.AfterFunc(max(at.Sub(s.h.Now()), agePause)+time.Nanosecond, s.aged)
}

// watchRecord has a record be looked at when it gets too old. The caller holds the lock.
func (s *Service) watchRecord(r *Record) {
	if s.cfg.MaxAge > 0 {
		s.wakeAt(r.FetchedAt.Add(s.cfg.MaxAge))
	}
	if s.cfg.StaleAfter > 0 && !r.LastSync.IsZero() {
		s.wakeAt(r.LastSync.Add(s.cfg.StaleAfter))
	}
}

// watchFinding has it be looked at when it is too long ago that a client's device was missing. The caller holds the lock.
func (s *Service) watchFinding(c *client) {
	if c.Missing && s.cfg.MaxAge > 0 {
		s.wakeAt(s.confirmedAt(c).Add(s.cfg.MaxAge))
	}
}

// watchAll sets the timer for the first of all records and findings that will be too old. The caller holds the lock.
func (s *Service) watchAll() {
	s.ages.since = s.h.Now()
	for _, r := range s.db.records { // order-free: a minimum
		s.watchRecord(r)
	}
	for _, c := range s.clients { // order-free: a minimum
		s.watchFinding(c)
	}
}

// aged tells of the clients of which the record, or that there is none, has got too old.
func (s *Service) aged() {
	s.mu.Lock()
	since, now := s.ages.since, s.h.Now()
	s.ages.timer = nil
	outdated := map[string]bool{}
	for _, r := range s.db.records { // order-free: sorted below
		if is := s.standing(r, now); is != s.standing(r, since) {
			for _, client := range s.affected(r) {
				outdated[client] = outdated[client] || is == StandingOutdated
			}
		}
	}
	for name, c := range s.clients { // order-free: sorted below
		if c.Missing && s.outdatedFinding(c, now) && !s.outdatedFinding(c, since) {
			outdated[name] = true
		}
	}
	s.watchAll()
	maxAge, staleAfter := s.cfg.MaxAge, s.cfg.StaleAfter
	s.mu.Unlock()
	var old, stale []string
	for name, is := range outdated { // order-free: sorted below
		if is {
			old = append(old, name)
		} else {
			stale = append(stale, name)
		}
	}
	slices.Sort(old)
	slices.Sort(stale)
	s.tellStanding(old, "Intune has not confirmed for "+maxAge.String()+" what it said of the device")
	s.tellStanding(stale, "the device has not checked in with Intune for "+staleAfter.String())
}

// tellStanding tells the observer of clients, if there are any. The caller does not hold the lock.
func (s *Service) tellStanding(clients []string, cause string) {
	if len(clients) > 0 {
		s.observer.StandingChanged(clients, cause)
	}
}

// confirmedAt is when it was last confirmed that a client's device is missing: by its lookup, or by a poll, whose list
// would have had it.
func (s *Service) confirmedAt(c *client) time.Time {
	if s.poll.last.After(c.Asked) {
		return s.poll.last
	}
	return c.Asked
}

// outdatedFinding reports whether that was too long before a time.
func (s *Service) outdatedFinding(c *client, now time.Time) bool {
	return s.cfg.MaxAge > 0 && now.Sub(s.confirmedAt(c)) > s.cfg.MaxAge
}
