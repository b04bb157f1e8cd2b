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
		// There are no more records; twice as many rows are those of devices that were on two pages.
		if len(p.kept) < 2*s.cfg.MaxDevices && (s.byKey.wants(r) || s.db.has(r.id)) {
			p.kept = append(p.kept, r.fetched(now))
		}
	}
	return nil
}

// readMissing reads the devices of the DDB that the list lacks, because lists can be incomplete, and those that it is
// behind of. Nil stands for one that has gone. A device that cannot be read keeps its record as it is.
func (p *polled) readMissing() (map[string]*fetched, error) {
	s := p.s
	s.mu.Lock()
	var ids []string
	for id := range s.db.records { // order-free: sorted below
		if p.table.device(parseID(id)) == nil {
			ids = append(ids, id)
		}
	}
	for i := range p.kept {
		if was := s.db.records[p.kept[i].ID]; was != nil && p.kept[i].lags(was) {
			ids = append(ids, was.ID)
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

// atOnce is how many records are brought into the DDB, or looked at, before the lock is given to who waits for it: decisions
// ask the DDB, and must not wait for a whole poll.
const atOnce = 500

// locked runs f with the lock of the service, unless another account has been linked meanwhile.
func (p *polled) locked(f func() error) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.epoch != p.s.epoch {
		return errUnlinked
	}
	return f()
}

// apply brings the list into the DDB: all records that it has, and all devices in the list that a key of a known client
// matches.
func (p *polled) apply(missing map[string]*fetched) ([]*Change, error) {
	s := p.s
	var changes []*Change
	add := func(c *Change, err error) error {
		if c != nil {
			changes = append(changes, c)
		}
		return err
	}
	err := p.locked(func() error {
		s.index.replace(p.table, s.h.Now())
		return nil
	})
	for some := range slices.Chunk(p.kept, atOnce) {
		if err != nil {
			break
		}
		err = p.locked(func() error { return p.put(some, add) })
	}
	if err == nil {
		err = p.locked(func() error { return p.putMissing(missing, add) })
	}
	if err == nil {
		err = p.prune()
	}
	if err == nil {
		err = p.locked(p.end)
	}
	return changes, err
}

func (p *polled) put(rows []fetched, add func(*Change, error) error) error {
	for i := range rows {
		if err := add(p.s.put(&rows[i])); err != nil {
			return err
		}
	}
	return nil
}

func (p *polled) putMissing(missing map[string]*fetched, add func(*Change, error) error) error {
	s := p.s
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		var err error
		if f := missing[id]; f != nil {
			s.index.add(f)
			err = add(s.put(f))
		} else {
			err = add(s.remove(id))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// end makes the poll the last one.
func (p *polled) end() error {
	s := p.s
	for name, c := range s.clients { // order-free: sorted below
		if c.Missing && s.outdatedFinding(c, s.h.Now()) {
			p.confirmed = append(p.confirmed, name)
		}
	}
	slices.Sort(p.confirmed)
	s.poll.last, s.poll.size = p.began, len(p.table.devices)
	return s.poll.save(s.store)
}

// prune removes the records that no key of a known client matches any more.
func (p *polled) prune() error {
	s := p.s
	var ids []string
	err := p.locked(func() error {
		ids = slices.Collect(maps.Keys(s.db.records))
		return nil
	})
	slices.Sort(ids)
	for some := range slices.Chunk(ids, atOnce) {
		if err != nil {
			break
		}
		err = p.locked(func() error {
			for _, id := range some {
				if r := s.db.records[id]; r != nil && !s.byKey.asked(r) {
					if _, err := s.db.remove(id); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	return err
}
