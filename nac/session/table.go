package session

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"nacsim/internal/host"
	"nacsim/nac/event"
	"nacsim/nac/identity"
)

// ErrFull is returned when a table holds as many sessions as it may. The client must not be let in: the NAC
// could not take back what it has granted.
var ErrFull = errors.New("session: the table of sessions is full")

// DefaultLimit is how many sessions a table holds where its maker does not say.
const DefaultLimit = 100_000

// Config is how a table is set up.
type Config struct {
	// Limit bounds the number of sessions; zero means DefaultLimit.
	Limit int
	// Events takes NAC_SESSION_ and NAC_ACCOUNTING_ events; it may be nil.
	Events *event.Log
	// Changed, if not nil, is called after each change, by the task that made it and with no lock held. Changes
	// of one session are reported in order as long as its accounting and authentication come one after another.
	Changed func(Change)
}

// A State is what has become of a session. Its value is the `state` field of `session` traces.
type State string

// The states.
const (
	Authorized State = "authorized"
	Started    State = "started"
	Ended      State = "ended"
)

// A Change is one change of a session.
type Change struct {
	Session Session
	State   State
	// Reason says why it ended.
	Reason string
}

// A Table is the set of sessions of one NAC. Its methods do not block, and may be called from several tasks at
// once. Their errors are [ErrFull] and those of the store.
type Table struct {
	h     host.Host
	c     Config
	store host.Store

	mu       sync.Mutex
	record   []byte // room for the next one
	sessions map[Key]*Session
	byClient map[string]Key
	byNAS    map[string]map[Key]bool // by the name of the NAS
	byName   map[identity.Key]map[Key]bool
}

const prefix = "session/"

// Open returns the table with the sessions that an earlier boot of the machine has stored. A record that
// cannot be read is dropped with a trace of kind `drop`.
func Open(h host.Host, c Config) (*Table, error) {
	if c.Limit <= 0 {
		c.Limit = DefaultLimit
	}
	store, err := h.Store("sessions")
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	t := &Table{h: h, c: c, store: store, sessions: map[Key]*Session{}, byClient: map[string]Key{},
		byNAS: map[string]map[Key]bool{}, byName: map[identity.Key]map[Key]bool{}}
	var bad []string
	err = store.Scan(prefix, func(key string, value []byte) bool {
		s := new(Session)
		if err := json.Unmarshal(value, s); err != nil || storeKey(s.Key()) != key {
			bad = append(bad, key)
			return true
		}
		t.add(s)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	for _, key := range bad {
		h.Trace("drop", slog.String("from", "store"), slog.String("reason", "unreadable record "+key), slog.Int("count", 1))
		if err := store.Delete(key); err != nil {
			return nil, fmt.Errorf("session: %w", err)
		}
	}
	return t, nil
}

func storeKey(k Key) string { return prefix + k.Client + "/" + k.Address.String() + "/" + k.NAS }

// Authorize records that a client has been authorized: a new session, or a new authorization of the one there
// is. AuthorizedAt is set where it is zero. The client's session at another NAS, or with another
// Acct-Session-Id at this one, has ended. A session without Acct-Session-Id continues the one at its NAS.
func (t *Table) Authorize(s Session) error {
	if s.AuthorizedAt.IsZero() {
		s.AuthorizedAt = t.h.Now()
	}
	t.mu.Lock()
	changes, err := t.authorize(&s)
	t.mu.Unlock()
	t.report(changes)
	return err
}

func (t *Table) authorize(s *Session) ([]Change, error) {
	changes := make([]Change, 0, 2)
	var before *Session // whose place it takes
	key := s.Key()
	if at, ok := t.byClient[key.Client]; ok {
		old := t.sessions[at]
		switch {
		case at != key:
			changes = t.end(changes, old, "roamed to "+key.NAS)
		case s.AcctSessionID != "" && old.AcctSessionID != "" && s.AcctSessionID != old.AcctSessionID:
			changes = append(changes, Change{Session: *old, State: Ended, Reason: "replaced by session " + s.AcctSessionID})
			before = old
		default:
			if s.AcctSessionID == "" {
				s.AcctSessionID = old.AcctSessionID
			}
			s.StartedAt, s.Usage = old.StartedAt, old.Usage
			// So that the two can be told apart. A clock that was set back does not make it lie in the future.
			if ahead := old.AuthorizedAt.Sub(s.AuthorizedAt); ahead >= 0 && ahead < granularity {
				s.AuthorizedAt = old.AuthorizedAt.Add(1)
			}
			before = old
		}
	}
	if before == nil && len(t.sessions) >= t.c.Limit {
		return changes, ErrFull
	}
	if err := t.put(s); err != nil {
		if before != nil {
			t.remove(before)
			_ = t.store.Delete(storeKey(key))
		}
		return changes, err
	}
	t.replace(before, s)
	return append(changes, Change{Session: *s, State: Authorized}), nil
}

// End ends a session. Nothing happens when there is none, or when both it and the caller have an Acct-Session-Id
// and these differ: it is another one then.
func (t *Table) End(key Key, acctSessionID, reason string) {
	t.endIf(key, reason, func(s *Session) bool {
		return acctSessionID == "" || s.AcctSessionID == "" || s.AcctSessionID == acctSessionID
	})
}

// EndAuthorization ends a session unless it has been authorized again since the given AuthorizedAt, and
// reports whether it did.
func (t *Table) EndAuthorization(key Key, authorizedAt time.Time, reason string) bool {
	return t.endIf(key, reason, func(s *Session) bool { return s.AuthorizedAt.Equal(authorizedAt) })
}

func (t *Table) endIf(key Key, reason string, want func(*Session) bool) bool {
	t.mu.Lock()
	var changes []Change
	if s := t.sessions[key]; s != nil && want(s) {
		changes = t.end(nil, s, reason)
	}
	t.mu.Unlock()
	t.report(changes)
	return len(changes) > 0
}

// end takes the session out of the table and the store. A store that is down keeps the record; after the
// restart the session is found out to be gone by a CoA-NAK or by its NAS.
func (t *Table) end(changes []Change, s *Session, reason string) []Change {
	t.remove(s)
	_ = t.store.Delete(storeKey(s.Key()))
	return append(changes, Change{Session: *s, State: Ended, Reason: reason})
}

func (t *Table) put(s *Session) error {
	b, err := s.appendJSON(t.record[:0])
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	t.record = b
	return t.store.Put(storeKey(s.Key()), b)
}

// add enters the session into the maps. The session must not be there yet.
func (t *Table) add(s *Session) {
	key := s.Key()
	t.sessions[key] = s
	t.byClient[key.Client] = key
	if t.byNAS[key.NAS] == nil {
		t.byNAS[key.NAS] = map[Key]bool{}
	}
	t.byNAS[key.NAS][key] = true
	for _, name := range s.names() {
		if t.byName[name] == nil {
			t.byName[name] = map[Key]bool{}
		}
		t.byName[name][key] = true
	}
}

// replace enters the session into the maps in place of the one that was there under its key, if any. What both have in common
// stays, which is all of it where no certificate names the device.
func (t *Table) replace(old, s *Session) {
	if old != nil && old.Request.Certificate == nil && s.Request.Certificate == nil &&
		old.Request.AuthType == s.Request.AuthType && old.Request.MDM.DeviceID == s.Request.MDM.DeviceID {
		t.sessions[s.Key()] = s
		return
	}
	if old != nil {
		t.remove(old)
	}
	t.add(s)
}

func (t *Table) remove(s *Session) {
	key := s.Key()
	delete(t.sessions, key)
	if t.byClient[key.Client] == key {
		delete(t.byClient, key.Client)
	}
	if delete(t.byNAS[key.NAS], key); len(t.byNAS[key.NAS]) == 0 {
		delete(t.byNAS, key.NAS)
	}
	for _, name := range s.names() {
		if delete(t.byName[name], key); len(t.byName[name]) == 0 {
			delete(t.byName, name)
		}
	}
}

// device is the kind of index entry for the ID of the device record that the latest decision was based on.
const device identity.Kind = "device"

// names returns what the session can be found by besides its key.
func (s *Session) names() []identity.Key {
	names := s.Keys()
	for i := range names {
		names[i] = folded(names[i])
	}
	if id := s.Request.MDM.DeviceID; id != "" {
		names = append(names, folded(identity.Key{Kind: device, Value: id}))
	}
	return names
}

// folded is a key in the form of the index: device names are compared without regard to case.
func folded(k identity.Key) identity.Key {
	k.Value = strings.ToLower(k.Value)
	return k
}

// Len is the number of sessions.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.sessions)
}

// Get returns a session.
func (t *Table) Get(key Key) (Session, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.sessions[key]; s != nil {
		return *s, true
	}
	return Session{}, false
}

// ByClient returns the session of the client with the MAC address.
func (t *Table) ByClient(mac string) (Session, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.sessions[t.byClient[mac]]; s != nil {
		return *s, true
	}
	return Session{}, false
}

// Clients returns the MAC addresses of all clients with a session in ascending order.
func (t *Table) Clients() []string {
	t.mu.Lock()
	out := make([]string, 0, len(t.byClient))
	for mac := range t.byClient { // order-free: sorted below
		out = append(out, mac)
	}
	t.mu.Unlock()
	slices.Sort(out)
	return out
}

// All returns all sessions in the order of Clients.
func (t *Table) All() []Session {
	return t.collect(func(yield func(Key)) {
		for key := range t.sessions { // order-free: collect sorts
			yield(key)
		}
	})
}

// ByNAS returns the sessions at the NASes with a name in the order of Clients.
func (t *Table) ByNAS(nas string) []Session {
	return t.collect(func(yield func(Key)) {
		for key := range t.byNAS[nas] { // order-free: collect sorts
			yield(key)
		}
	})
}

// ByKeys returns the sessions of clients that may be the device with one of these keys, in the order of Clients.
func (t *Table) ByKeys(keys ...identity.Key) []Session {
	return t.collect(func(yield func(Key)) {
		for _, k := range keys {
			for key := range t.byName[folded(k)] { // order-free: collect sorts
				yield(key)
			}
		}
	})
}

// ByDevice returns the sessions that belong to an Intune device ID: by the certificate, or because the latest
// decision was based on the record of that device. They are in the order of Clients.
func (t *Table) ByDevice(id string) []Session {
	return t.ByKeys(identity.Key{Kind: identity.SANDNS, Value: id}, identity.Key{Kind: device, Value: id})
}

func (t *Table) collect(find func(yield func(Key))) []Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	var keys []Key
	find(func(k Key) { keys = append(keys, k) })
	slices.SortFunc(keys, func(a, b Key) int {
		if c := strings.Compare(a.Client, b.Client); c != 0 {
			return c
		}
		return cmp.Or(strings.Compare(a.NAS, b.NAS), a.Address.Compare(b.Address))
	})
	keys = slices.Compact(keys)
	out := make([]Session, len(keys))
	for i, k := range keys {
		out[i] = *t.sessions[k]
	}
	return out
}

// report tells the trace, the events and the observer.
func (t *Table) report(changes []Change) {
	for i := range changes {
		c := &changes[i]
		t.h.Trace("session",
			slog.String("client", c.Session.Request.MAC),
			slog.String("session", c.Session.AcctSessionID),
			slog.String("nas", c.Session.Request.NAS),
			slog.String("state", string(c.State)),
			slog.String("vlan", c.Session.InForce.VLAN),
			slog.String("reason", c.Reason))
		switch c.State {
		case Started:
			t.emit(event.SessionStarted, &c.Session, "", time.Time{})
		case Ended:
			t.emit(event.SessionEnded, &c.Session, c.Reason, t.h.Now())
		}
		if t.c.Changed != nil {
			t.c.Changed(*c)
		}
	}
}

func (t *Table) emit(kind event.Type, s *Session, cause string, ended time.Time) {
	u := s.Usage
	t.c.Events.Emit(event.OfSession(kind, &s.Request, event.Session{
		ID: s.AcctSessionID, StartedAt: s.StartedAt, EndedAt: ended, VLAN: s.InForce.VLAN, TerminateCause: cause,
		Usage: event.Usage{InOctets: u.InOctets, OutOctets: u.OutOctets, InPackets: u.InPackets, OutPackets: u.OutPackets},
	}))
}
