package mdm

import "time"

// listed makes sure that the index is not older than ListReuse. A list that fails is not asked for again within
// RetryMin: during an outage many clients would ask for it one after the other.
func (s *Service) listed() error {
	if known, err := s.freshIndex(); known {
		return err
	}
	_, err := s.listing.do(s.h, s.graph.tokens.keyed(""), func() (struct{}, error) {
		if known, err := s.freshIndex(); known {
			return struct{}{}, err
		}
		return struct{}{}, s.readIndex()
	})
	return err
}

// readIndex reads the list of all devices for the index alone.
func (s *Service) readIndex() error {
	s.mu.Lock()
	epoch := s.epoch
	s.mu.Unlock()
	var devices []indexed
	err := s.graph.all(func(rows []row, _ bool) error {
		devices = appendIndexed(devices, rows, s.h.Now())
		return nil
	}, func() { devices = devices[:0] })
	var next table
	if err == nil {
		next = newTable(devices)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch != s.epoch {
		return errUnlinked
	}
	x := &s.index
	if err == nil {
		x.replace(next, s.h.Now())
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failed, x.reason = s.h.Now(), err
	return err
}

// all reads all devices.
func (g *graph) all(take func(rows []row, next bool) error, again func()) error {
	return g.list(opList, g.collection()+"?$select="+selected, take, again)
}

const opList = "list of devices"

// appendIndexed makes room for a list little by little, because all of it counts against the memory of a poll.
func appendIndexed(devices []indexed, rows []row, now time.Time) []indexed {
	for i := range rows {
		devices = append(devices, indexed{})
		devices[len(devices)-1].setRow(&rows[i], now)
	}
	return devices
}

// freshIndex reports whether it is known that the index is current, or why it cannot be.
func (s *Service) freshIndex() (known bool, err error) {
	x := &s.index
	x.mu.Lock()
	defer x.mu.Unlock()
	now := s.h.Now()
	if !x.listed.IsZero() && now.Sub(x.listed) <= s.cfg.ListReuse {
		return true, nil
	}
	if x.reason != nil && x.failed.After(x.listed) && now.Sub(x.failed) < s.cfg.RetryMin {
		return true, x.reason
	}
	return false, nil
}

// readEthernets reads the Ethernet addresses that are missing or old, as many as the budget allows.
func (s *Service) readEthernets(epoch int) error {
	_, err := s.ethernets.do(s.h, s.graph.tokens.keyed(""), func() (struct{}, error) {
		ids := s.index.unread(s.h.Now().Add(-s.cfg.EthernetReuse), max(s.cfg.EthernetBudget, 0))
		devices, err := s.graph.readAll(ids)
		s.mu.Lock()
		defer s.mu.Unlock()
		if epoch != s.epoch {
			return struct{}{}, errUnlinked
		}
		for _, id := range ids {
			switch f, ok := devices[id]; {
			case !ok:
			case f == nil:
				s.index.drop(id)
			default:
				s.index.add(f)
			}
		}
		return struct{}{}, err
	})
	return err
}
