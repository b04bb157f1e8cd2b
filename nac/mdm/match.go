package mdm

import (
	"slices"
	"strings"

	"nacsim/nac/identity"
)

// maxMatches bounds the records that one key is followed up for; more share a name or an address only by mistake.
const maxMatches = 8

// A trail is what a lookup asked and what came of it, for the trace.
type trail []string

func (t *trail) add(k identity.Key, found bool) {
	if found {
		*t = append(*t, string(k.Kind)+" found")
	} else {
		*t = append(*t, string(k.Kind)+" not found")
	}
}

// lookup brings into the DDB what Intune knows of a client with these keys, so that the DDB resolves them. It asks
// in the order of cost and leaves out what cannot change the result.
func (s *Service) lookup(keys []identity.Key) (trail, error) {
	var t trail
	// An address that is known already leads to its device with one request.
	if keys[0].Kind == identity.MAC {
		found, err := s.confirmMAC(keys[0])
		if found {
			t.add(keys[0], true)
		}
		if found || err != nil {
			return t, err
		}
	}
	// The first of the cheap keys that matches bounds how far up a MAC address can matter.
	cheap := len(keys)
	for i, k := range keys {
		if k.Kind == identity.MAC {
			continue
		}
		found, err := s.fetch(k)
		if err != nil {
			return t, err
		}
		t.add(k, found)
		if found {
			cheap = i
			break
		}
	}
	for _, k := range keys[:cheap] {
		if k.Kind != identity.MAC {
			continue
		}
		found, err := s.findMAC(k, keys[cheap:])
		if err != nil {
			return t, err
		}
		t.add(k, found)
		if found {
			break
		}
	}
	return t, nil
}

// fetch asks Graph for the devices that a name or an id stands for.
func (s *Service) fetch(k identity.Key) (found bool, err error) {
	var rows []fetched
	switch k.Kind {
	case identity.CN:
		rows, err = s.graph.named(k.Value)
	case identity.SANDNS:
		if !isGUID(k.Value) {
			return false, nil
		}
		var f *fetched
		if f, err = s.graph.device(strings.ToLower(k.Value)); f != nil {
			rows = []fetched{*f}
		}
	}
	if err != nil {
		return false, err
	}
	return len(rows) > 0, s.absorb(k, rows)
}

// absorb brings the answer to a key into the DDB. Records that the key matched before and that are not in the answer
// have been renamed or have gone: they are read again one by one.
func (s *Service) absorb(k identity.Key, rows []fetched) error {
	s.mu.Lock()
	var stale []string
	for _, r := range s.db.match(k) {
		if !slices.ContainsFunc(rows, func(f fetched) bool { return f.ID == r.ID }) {
			stale = append(stale, r.ID)
		}
	}
	s.mu.Unlock()
	for _, id := range stale[:min(len(stale), maxMatches)] {
		if err := s.refresh(id, k); err != nil {
			return err
		}
	}
	return s.update(rows)
}

// update brings rows into the DDB and announces the changes.
func (s *Service) update(rows []fetched) error {
	var changes []*Change
	s.mu.Lock()
	var err error
	for i := range rows {
		var c *Change
		if c, err = s.put(&rows[i]); err != nil {
			break
		}
		if c != nil {
			changes = append(changes, c)
		}
	}
	s.mu.Unlock()
	s.announce(changes)
	return err
}

// refresh reads one device again. Its record is brought up to date, or removed when Intune does not know the device
// any more; a device without a record gets one only if the key matches it.
func (s *Service) refresh(id string, k identity.Key) error {
	f, err := s.graph.device(id)
	if err != nil {
		return err
	}
	if f != nil {
		s.index.add(f)
		s.mu.Lock()
		known := s.db.records[id] != nil
		s.mu.Unlock()
		if !known && !f.matches(k) {
			return nil
		}
		return s.update([]fetched{*f})
	}
	s.index.drop(id)
	s.mu.Lock()
	c, err := s.remove(id)
	s.mu.Unlock()
	if c != nil {
		s.announce([]*Change{c})
	}
	return err
}

// confirmMAC reads the devices again that had the address when they were last seen, and reports whether one of them
// still has it.
func (s *Service) confirmMAC(k identity.Key) (bool, error) {
	mac := normalMAC(k.Value)
	ids := s.index.ids(mac)
	s.mu.Lock()
	for _, r := range s.db.match(k) {
		ids = append(ids, r.ID)
	}
	s.mu.Unlock()
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, id := range ids[:min(len(ids), maxMatches)] {
		if err := s.refresh(id, k); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.db.match(k)) > 0, nil
}

// findMAC looks for the device with an address: among the devices that the first of the other keys stands for, then
// in the list of all devices, then among the Ethernet addresses, which the list does not tell.
func (s *Service) findMAC(k identity.Key, others []identity.Key) (bool, error) {
	mac := normalMAC(k.Value)
	if mac == "" {
		return false, nil
	}
	if len(others) > 0 {
		if has, err := s.haveMAC(k, others[0]); has || err != nil {
			return has, err
		}
	}
	if err := s.index.list(s); err != nil {
		return false, err
	}
	if len(s.index.ids(mac)) == 0 {
		if err := s.index.readEthernets(s); err != nil {
			return false, err
		}
	}
	if len(s.index.ids(mac)) == 0 {
		return false, nil
	}
	return s.confirmMAC(k)
}

// haveMAC reports whether one of the devices that another key stands for has the address. Those of which the
// Ethernet address is not known are read one by one.
func (s *Service) haveMAC(k, other identity.Key) (bool, error) {
	s.mu.Lock()
	matches := s.db.match(other)
	var unread []string
	for _, r := range matches {
		if r.EthernetMAC == "" {
			unread = append(unread, r.ID)
		}
	}
	s.mu.Unlock()
	has := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.ContainsFunc(s.db.match(other), func(r *Record) bool { return r.matches(k) })
	}
	if has() || other.Kind == identity.SANDNS {
		return has(), nil // a device that was asked for by id came with its Ethernet address
	}
	for _, id := range unread[:min(len(unread), maxMatches)] {
		if err := s.refresh(id, other); err != nil {
			return false, err
		}
		if has() {
			return true, nil
		}
	}
	return false, nil
}
