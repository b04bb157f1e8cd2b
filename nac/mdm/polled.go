package mdm

import (
	"errors"
	"maps"
	"slices"
	"time"

	"nacsim/internal/host"
)

// polled is what a poll gathers, page by page: of every device what the index needs, and the records of those that
// somebody has asked for. It goes into the DDB when the whole list has come and is believed, all at once.
type polled struct {
	s     *Service
	epoch int
	began time.Time

	devices []indexed
	kept    []fetched
	table   table // of devices
	// confirmed are the clients of which it was long ago that their device was missing.
	confirmed []string
}

// maxMissing bounds the devices that are read by themselves after a poll whose list lacks them.
const maxMissing = 1000

// run reads the list and takes it over.
func (p *polled) run() ([]*Change, error) {
	err := p.s.graph.all(p.take, func() { p.devices, p.kept = p.devices[:0], nil })
	if err != nil {
		return nil, err
	}
	p.table = newTable(p.devices)
	p.devices = nil
	p.kept = lastOfEach(p.kept)
	if err := p.s.checkSize(len(p.table.devices), p.epoch); err != nil {
		return nil, err
	}
	missing, err := p.readMissing()
	if err != nil {
		return nil, err
	}
	return p.apply(missing)
}

// take takes one page. What it keeps of it shares no memory with it.
func (p *polled) take(rows []row, _ bool) error {
	s := p.s
	now := s.h.Now()
	p.devices = appendIndexed(p.devices, rows, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range rows {
		r := &rows[i]
		if s.byKey.wants(r) || s.db.has(r.id) {
			p.kept = append(p.kept, r.fetched(now))
		}
	}
	return nil
}

// readMissing reads the devices of the DDB that the list lacks, because lists can be incomplete. Nil stands for one that
// has gone. A device that cannot be read keeps its record as it is.
func (p *polled) readMissing() (map[string]*fetched, error) {
	s := p.s
	s.mu.Lock()
	var ids []string
	for id := range s.db.records { // order-free: sorted below
		if p.table.device(parseID(id)) == nil {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	slices.Sort(ids)
	missing, err := s.graph.readAll(ids[:min(len(ids), maxMissing)])
	if errors.Is(err, host.ErrDown) {
		return nil, err
	}
	return missing, nil
}

// apply brings the list into the DDB: all records that it has, and all devices in the list that a key of a known client
// matches.
func (p *polled) apply(missing map[string]*fetched) ([]*Change, error) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.epoch != s.epoch {
		return nil, errUnlinked
	}
	s.index.replace(p.table, s.h.Now())
	var changes []*Change
	add := func(c *Change, err error) error {
		if c != nil {
			changes = append(changes, c)
		}
		return err
	}
	for _, f := range p.kept {
		if err := add(s.put(&f)); err != nil {
			return changes, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		var err error
		if f := missing[id]; f != nil {
			s.index.add(f)
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
	for name, c := range s.clients { // order-free: sorted below
		if c.Missing && s.outdatedFinding(c, s.h.Now()) {
			p.confirmed = append(p.confirmed, name)
		}
	}
	slices.Sort(p.confirmed)
	s.poll.last, s.poll.size = p.began, len(p.table.devices)
	return changes, s.poll.save(s.store)
}

// prune removes the records that no key of a known client matches any more. The caller holds the lock.
func (s *Service) prune() error {
	var unasked []string
	for id, r := range s.db.records { // order-free: sorted below
		if len(s.affected(r)) == 0 {
			unasked = append(unasked, id)
		}
	}
	slices.Sort(unasked)
	for _, id := range unasked {
		if _, err := s.db.remove(id); err != nil {
			return err
		}
	}
	return nil
}
