package mdm

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"nacsim/internal/host"
	"nacsim/nac/identity"
)

// A Poll is the end of one attempt to poll Intune.
type Poll struct {
	// Devices is the number of devices in Intune's list, and Changed the number of records of the DDB that changed.
	Devices int
	Changed int
	// Err is why the attempt failed; it then changed nothing.
	Err error
}

// pollState is what is remembered between polls.
type pollState struct {
	last time.Time // when the last successful poll began
	size int       // the number of devices in it
	next time.Time // when the next is due
	wake host.Signal
	// short are the sizes of the latest lists, which were refused because they were short.
	short []int
}

func (p *pollState) load(store host.Store) error {
	value, err := store.Get(keyPoll)
	if err != nil || value == nil {
		return err
	}
	return p.last.UnmarshalText(value)
}

// maxMissing bounds the devices that are read one by one after a poll whose list lacks them.
const maxMissing = 1000

// pollTask polls every PollInterval, counted from the last poll before a restart, and when it is woken up. A failed poll
// is repeated with back-off.
func (s *Service) pollTask() {
	s.mu.Lock()
	slot := s.h.Now()
	if !s.poll.last.IsZero() && s.poll.last.Before(slot) {
		slot = s.poll.last
	}
	s.poll.next = s.pollAt(slot.Add(s.cfg.PollInterval))
	s.mu.Unlock()
	for failures := 0; s.waitForPoll(); {
		err := s.Poll()
		if errors.Is(err, host.ErrDown) {
			return
		}
		s.mu.Lock()
		now := s.h.Now()
		for !slot.After(now) {
			slot = slot.Add(s.cfg.PollInterval)
		}
		if err == nil {
			failures = 0
			s.poll.next = s.pollAt(slot)
		} else {
			failures++
			s.poll.next = now.Add(s.backoff(failures, err))
		}
		s.mu.Unlock()
	}
}

// pollAt moves a time by the jitter of polls. The caller holds the lock.
func (s *Service) pollAt(slot time.Time) time.Time { return slot }

// waitForPoll waits until a poll is due, and reports whether one is: the machine may go down instead.
func (s *Service) waitForPoll() bool {
	for {
		s.mu.Lock()
		next, now := s.poll.next, s.h.Now()
		if _, ok := s.linked(); !ok {
			next = time.Time{} // until there is a link
		}
		wake := s.poll.wake
		s.mu.Unlock()
		if !next.IsZero() && !next.After(now) {
			return true
		}
		if err := wake.Wait(next); err != nil && !errors.Is(err, host.ErrTimeout) {
			return false
		}
	}
}

// pollNow has the task poll at once.
func (s *Service) pollNow() {
	s.mu.Lock()
	s.poll.next = s.h.Now()
	s.mu.Unlock()
	s.poll.wake.Set()
}

// PollNow has the next poll begin at once, in the background. Without a link it does nothing.
func (s *Service) PollNow() { s.pollNow() }

// Poll asks Intune for all devices now and brings the records of the clients that have authenticated up to date. It
// blocks until that is done. Without such clients it does nothing. A poll that fails changes nothing; so does
// one whose list is refused because it is short, see Config.ShortList.
func (s *Service) Poll() error {
	s.mu.Lock()
	idle, epoch := len(s.clients) == 0, s.epoch
	_, ok := s.linked()
	s.mu.Unlock()
	switch {
	case !ok:
		return fmt.Errorf("mdm: poll: %w", errUnlinked)
	case idle:
		return nil
	}
	began := s.h.Now()
	list, err := s.graph.all()
	if err == nil {
		err = s.checkSize(len(list), epoch)
	}
	var changes []*Change
	if err == nil {
		changes, err = s.apply(list, began, epoch)
	}
	if errors.Is(err, host.ErrDown) {
		return err
	}
	s.mu.Lock()
	status := s.note(err, true)
	s.mu.Unlock()
	if status != nil {
		s.tellLink(*status)
	}
	s.announce(changes)
	done := Poll{Devices: len(list), Changed: len(changes), Err: err}
	fields := []slog.Attr{slog.Int("devices", done.Devices), slog.Int("changed", done.Changed), slog.String("result", "ok")}
	if err != nil {
		fields[2] = slog.String("result", "error")
		fields = append(fields, slog.String("error", err.Error()))
	}
	s.h.Trace("poll", fields...)
	s.observer.PollDone(done)
	return err
}

// checkSize refuses a list that is much shorter than the one before: Graph has been seen to lose most of a tenant
// (facts: graph-and-entra 2.1).
func (s *Service) checkSize(size, epoch int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.poll
	if epoch != s.epoch {
		return errUnlinked
	}
	if s.cfg.ShortList < 0 || float64(size) >= s.cfg.ShortList*float64(p.size) {
		p.short = nil
		return nil
	}
	if n := len(p.short); n > 0 && !alike(p.short[n-1], size) {
		p.short = nil
	}
	p.short = append(p.short, size)
	if s.cfg.ShortListAccept > 0 && len(p.short) > s.cfg.ShortListAccept {
		p.short = nil
		return nil
	}
	p.short = p.short[max(0, len(p.short)-maxShort):]
	return fmt.Errorf("list of devices: %d devices after %d the last time", size, p.size)
}

// maxShort bounds the sizes of refused lists that are remembered.
const maxShort = 1000

// alike reports whether two lists are of about equal size.
func alike(a, b int) bool { return max(a, b)-min(a, b) <= max(a, b)/10 }

// apply brings a complete list into the DDB: all records that it has, and all devices in the list that a key of a
// known client matches. Records that are missing in the list are read one by one first, because lists can be
// incomplete.
func (s *Service) apply(list []fetched, began time.Time, epoch int) ([]*Change, error) {
	rows := indexRows(list)
	missing, err := s.readMissing(rows)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch != s.epoch {
		return nil, errUnlinked
	}
	s.index.replace(list, s.h.Now())
	var changes []*Change
	add := func(c *Change, err error) error {
		if c != nil {
			changes = append(changes, c)
		}
		return err
	}
	for _, i := range s.wanted(rows) {
		if err := add(s.put(&list[i])); err != nil {
			return changes, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		if f := missing[id]; f != nil {
			err = add(s.put(f))
		} else {
			err = add(s.remove(id))
		}
		if err != nil {
			return changes, err
		}
	}
	if err := s.prune(); err != nil {
		return changes, err
	}
	s.poll.last, s.poll.size = began, len(list)
	text, err := began.MarshalText()
	if err != nil {
		return changes, err
	}
	return changes, s.store.Put(keyPoll, text)
}

// prune removes the records that no key of a known client matches any more. The caller holds the lock.
func (s *Service) prune() error {
	for _, id := range slices.Sorted(maps.Keys(s.db.records)) {
		if len(s.affected(s.db.records[id])) == 0 {
			if _, err := s.db.remove(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// readMissing reads the devices of the DDB that a list lacks. Nil stands for one that has gone. A device that cannot
// be read keeps its record as it is.
func (s *Service) readMissing(rows *rowIndex) (map[string]*fetched, error) {
	s.mu.Lock()
	var ids []string
	for id := range s.db.records {
		if _, ok := rows.byID[id]; !ok {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	slices.Sort(ids)
	missing := map[string]*fetched{}
	for _, id := range ids[:min(len(ids), maxMissing)] {
		f, err := s.graph.device(id)
		if errors.Is(err, host.ErrDown) {
			return nil, err
		}
		if err == nil {
			missing[id] = f
		}
	}
	return missing, nil
}

// wanted returns the rows that belong into the DDB, in the order of the list. The caller holds the lock.
func (s *Service) wanted(rows *rowIndex) []int {
	var wanted []int
	for id := range s.db.records {
		if i, ok := rows.byID[id]; ok {
			wanted = append(wanted, i)
		}
	}
	for k := range s.byKey {
		wanted = append(wanted, rows.match(k)...)
	}
	slices.Sort(wanted)
	return slices.Compact(wanted)
}

// A rowIndex finds rows of a list by key.
type rowIndex struct {
	byID   map[string]int
	byName map[string][]int
	byMAC  map[string][]int
}

func indexRows(list []fetched) *rowIndex {
	x := &rowIndex{byID: make(map[string]int, len(list)), byName: make(map[string][]int, len(list)), byMAC: make(map[string][]int, len(list))}
	for i := range list {
		f := &list[i]
		x.byID[f.ID] = i
		name := strings.ToLower(f.DeviceName)
		x.byName[name] = append(x.byName[name], i)
		for _, mac := range []string{f.WiFiMAC, f.EthernetMAC} {
			if mac != "" {
				x.byMAC[mac] = append(x.byMAC[mac], i)
			}
		}
	}
	return x
}

// match returns the rows that a normalized key asks for.
func (x *rowIndex) match(k identity.Key) []int {
	switch k.Kind {
	case identity.MAC:
		return x.byMAC[k.Value]
	case identity.CN:
		return x.byName[k.Value]
	case identity.SANDNS:
		if i, ok := x.byID[k.Value]; ok {
			return []int{i}
		}
	}
	return nil
}
