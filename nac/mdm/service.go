package mdm

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"nacsim/internal/host"
	"nacsim/nac/identity"
)

// An Observer is told what the Service found out. Its methods are called from the Service's tasks, without any lock
// held, and must not block.
type Observer interface {
	// DeviceChanged reports that a record of the DDB is new, has changed in something that a decision can depend
	// on, or has gone.
	DeviceChanged(Change)
	// LookupDone reports the end of one attempt to look a client up. A failed one is repeated.
	LookupDone(Lookup)
	// PollDone reports the end of one attempt to poll Intune.
	PollDone(Poll)
	// StandingChanged reports that State and Unknown say something else of these clients, in ascending order, though no
	// record has changed: Intune has no such device, a record has got too old, the account was unlinked. The cause
	// says which, for people.
	StandingChanged(clients []string, cause string)
	// LinkChanged reports that an account was linked or unlinked, or that Status.Health has changed.
	LinkChanged(Status)
}

// A Change is a change of a record in the DDB.
type Change struct {
	// Record is the record as it is now. When Gone is true, Intune does not know the device any more and Record
	// is what it was.
	Record Record
	Gone   bool
	// Unlinked says that it is gone because the account was unlinked that vouched for it.
	Unlinked bool
	// Was is the record before, nil for a new one.
	Was *Record
	// Clients are the known clients of which a key matches the record, before or after, in ascending order.
	Clients []string
}

// Cause says for people what has changed.
func (c *Change) Cause() string {
	r := &c.Record
	switch {
	case c.Unlinked:
		return unlinkedCause
	case c.Gone:
		return "Intune has no " + r.DeviceName + " any more"
	case c.Was != nil && c.Was.DeviceName != r.DeviceName:
		return c.Was.DeviceName + " is now " + r.DeviceName + " in Intune"
	case leaving(r.ManagementState):
		return "Intune has " + r.DeviceName + " as " + r.ManagementState
	}
	return "Intune has " + r.DeviceName + " as " + r.ComplianceState
}

const unlinkedCause = "the Intune account was unlinked"

// A Service is the NAC's link to Intune. All methods are safe for concurrent use.
type Service struct {
	h        host.Host
	cfg      Config
	observer Observer
	graph    graph
	jitter   io.Reader
	// pollJitter is a stream of its own, so that polls do not shift with the number of failures.
	pollJitter io.Reader

	index     index
	listing   flight[struct{}] // reading the list for the index
	ethernets flight[struct{}] // reading Ethernet addresses for the index
	polling   flight[struct{}]

	mu      sync.Mutex // guards what follows
	store   host.Store
	db      *ddb
	clients map[string]*client
	byKey   keyIndex
	queue   []string
	workers int
	poll    pollState
	link    linkState
	health  health
	ages    ages
	// epoch counts the links: what was asked for in an earlier one is of no use.
	epoch int
}

// keyPoll is where the store keeps the time of the last poll, and keyListed the number of devices in it.
const (
	keyPoll   = "poll"
	keyListed = "listed"
)

// New checks the configuration and loads the DDB. Nothing is sent before Start.
func New(h host.Host, cfg Config, observer Observer) (*Service, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("mdm: %w", err)
	}
	if observer == nil {
		return nil, errors.New("mdm: no observer")
	}
	store, err := h.Store("mdm")
	if err != nil {
		return nil, fmt.Errorf("mdm: open the device database: %w", err)
	}
	s := &Service{h: h, cfg: cfg, observer: observer, jitter: h.Rand("mdm/jitter"), pollJitter: h.Rand("mdm/poll-jitter"), store: store,
		clients: map[string]*client{}, byKey: newKeyIndex()}
	g := &s.graph
	g.h, g.cfg, g.gate.cfg = h, &s.cfg, &s.cfg
	g.credential.Store(cfg.credential())
	g.ids, g.salts, g.jitter = h.Rand("mdm/request-id"), h.Rand("mdm/assertion"), h.Rand("mdm/patience")
	s.poll.wake = h.NewSignal()
	if err := s.poll.load(store); err != nil {
		return nil, fmt.Errorf("mdm: load the time of the last poll: %w", err)
	}
	if s.db, err = openDDB(store, cfg.MaxDevices, s.poll.last); err != nil {
		return nil, fmt.Errorf("mdm: load the device database: %w", err)
	}
	if err := s.loadClients(); err != nil {
		return nil, fmt.Errorf("mdm: load the clients: %w", err)
	}
	if err := s.loadLink(); err != nil {
		return nil, fmt.Errorf("mdm: load the linked account: %w", err)
	}
	if s.health.unlinked(); s.link.Tenant != "" {
		s.health.linked()
	}
	return s, nil
}

// Start begins to poll and takes up the lookups that a crash interrupted.
func (s *Service) Start() {
	s.h.Go("mdm/poll", s.pollTask)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchAll()
	if s.link.Tenant == "" {
		return
	}
	for _, mac := range s.pendingClients() {
		s.enqueue(mac, s.clients[mac])
	}
}

// State returns the record that a client's keys stand for, and the key that decided, from the DDB. It does not
// block: it is what a decision asks.
//
// A MAC address alone stands for a record only when a lookup with these keys has been answered: several devices may have
// it, those that have been used at one dock for example, and until all of them have been looked for, the one that the DDB
// has for another client's sake may be the wrong one.
func (s *Service) State(keys []identity.Key) (Record, identity.Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, k, matches := s.db.resolve(keys)
	if matches == 0 || k.Kind == identity.MAC && !r.matchesAny(keys) && !s.answered(k, keys) {
		return Record{}, identity.Key{}, false
	}
	s.stand(&r, s.h.Now())
	return r, k, true
}

// Records returns the whole DDB in the order of ids.
func (s *Service) Records() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := make([]Record, 0, len(s.db.records))
	now := s.h.Now()
	for _, r := range s.db.records { // order-free: sorted below
		records = append(records, *r)
		s.stand(&records[len(records)-1], now)
	}
	slices.SortFunc(records, func(a, b Record) int { return strings.Compare(a.ID, b.ID) })
	return records
}

// put stores a record and returns the change, or nil when there is none. The caller holds the lock.
func (s *Service) put(f *fetched) (*Change, error) {
	now := s.h.Now()
	stood := ""
	if was := s.db.records[f.ID]; was != nil {
		stood = s.standing(was, now)
	}
	was, changed, err := s.db.put(f)
	if errors.Is(err, errFull) {
		s.h.Trace("drop", slog.String("from", f.DeviceName), slog.String("reason", err.Error()))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := s.db.records[f.ID]
	s.watchRecord(r)
	c := &Change{Record: *r, Was: was}
	c.Record.Standing = s.standing(r, now)
	// One that had got too old counts again when it is confirmed.
	if !changed && c.Record.Standing == stood {
		return nil, nil
	}
	if was != nil {
		before := *was
		before.Standing = stood
		c.Was = &before
	}
	c.Clients = s.affected(r, was)
	return c, nil
}

// remove deletes a record and returns the change, or nil when there was none. The caller holds the lock.
func (s *Service) remove(id string) (*Change, error) {
	was, err := s.db.remove(id)
	if err != nil || was == nil {
		return nil, err
	}
	now := s.h.Now()
	before := *was
	s.stand(&before, now)
	change := &Change{Record: before, Was: &before, Gone: true, Clients: s.affected(was)}
	for _, name := range change.Clients {
		c := s.clients[name]
		if _, _, matches := s.db.resolve(c.Keys); c.Found && matches == 0 {
			c.Found, c.Missing, c.Asked = false, true, now
			s.watchFinding(c)
			if err := s.saveClient(name, c); err != nil {
				return change, err
			}
		}
	}
	return change, nil
}

// affected returns the clients of which a key matches one of the records.
func (s *Service) affected(records ...*Record) []string {
	var clients []string
	for _, r := range records {
		if r != nil {
			clients = append(clients, s.byKey.clients(r)...)
		}
	}
	slices.Sort(clients)
	return slices.Compact(clients)
}

// announce traces changes and tells the observer. The caller does not hold the lock.
func (s *Service) announce(changes []*Change) {
	for _, c := range changes {
		compliance, was := c.Record.ComplianceState, "none"
		if c.Was != nil {
			was = c.Was.ComplianceState
		}
		if c.Gone {
			compliance = "none"
		}
		s.h.Trace("ddb", slog.String("device", c.Record.DeviceName), slog.String("compliance", compliance),
			slog.String("was", was), slog.String("id", c.Record.ID))
		s.observer.DeviceChanged(*c)
	}
}

// backoff is the delay before the attempt after n failures: RetryMin doubled up to RetryMax, plus up to a fifth,
// or longer when the service asked for it or the circuit is open for longer. The caller holds the lock.
func (s *Service) backoff(n int, err error) time.Duration {
	delay := s.cfg.RetryMin
	for ; n > 1 && delay < s.cfg.RetryMax; n-- {
		delay *= 2
	}
	return spread(max(min(delay, s.cfg.RetryMax), asked(err, s.h.Now())), s.jitter)
}

// spread adds up to a fifth to a delay, at random.
func spread(delay time.Duration, jitter io.Reader) time.Duration {
	return delay + share(delay/5, jitter)
}

// share is a random part of a time.
func share(d time.Duration, jitter io.Reader) time.Duration {
	var b [2]byte
	_, _ = io.ReadFull(jitter, b[:])
	return d * time.Duration(int(b[0])<<8|int(b[1])) / 0x10000
}
