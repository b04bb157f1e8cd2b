package mdm

import (
	"fmt"
	"slices"

	"nacsim/nac/identity"
)

// maxMatches bounds the records that one key is followed up for one by one; more share a name only by mistake. maxShared bounds
// those that are looked at in all, as many laptops share the address of one dock. What more devices share says nothing: the
// one that matters may be among those that were not looked at.
const (
	maxMatches = 8
	maxShared  = 400
)

// A search gathers what Intune knows of one client. Only when it is complete it goes into the DDB, all at once: a
// device found by name must not decide anything while it is open which device has the client's address.
type search struct {
	s     *Service
	epoch int
	rows  []fetched
	gone  []string
	// tried says what was asked and what came of it, for the trace.
	tried []string
}

func (q *search) note(k identity.Key, found bool) {
	if found {
		q.tried = append(q.tried, string(k.Kind)+" found")
	} else {
		q.tried = append(q.tried, string(k.Kind)+" not found")
	}
}

// lookup brings into the DDB what Intune knows of a client with these keys, so that the DDB resolves them.
func (s *Service) lookup(keys []identity.Key, epoch int) (tried []string, err error) {
	q := &search{s: s, epoch: epoch}
	if err := q.run(keys); err != nil {
		return q.tried, err
	}
	return q.tried, q.commit()
}

// run asks in the order of cost and leaves out what cannot change the result.
func (q *search) run(keys []identity.Key) error {
	// An address that is known already leads to its device with one request.
	if keys[0].Kind == identity.MAC {
		if found, err := q.confirmMAC(keys[0]); err != nil {
			return err
		} else if found && q.certain(keys) {
			q.note(keys[0], true)
			return nil
		}
	}
	// The first of the cheap keys that matches bounds how far up a MAC address can matter.
	cheap := len(keys)
	var candidates []fetched
	for i, k := range keys {
		if k.Kind == identity.MAC {
			continue
		}
		var err error
		if candidates, err = q.fetch(k); err != nil {
			return err
		}
		if q.note(k, len(candidates) > 0); len(candidates) > 0 {
			cheap = i
			break
		}
	}
	for _, k := range keys[:cheap] {
		if k.Kind != identity.MAC {
			continue
		}
		found, err := q.findMAC(k, candidates)
		if err != nil {
			return err
		}
		if q.note(k, found); found {
			break
		}
	}
	return nil
}

// certain reports whether the devices that have the client's address are all there are with it, or one of them is
// confirmed by another key of the client.
func (q *search) certain(keys []identity.Key) bool {
	mac := parseMAC(keys[0].Value).String()
	byWiFi := false
	for i := range q.rows {
		r := &q.rows[i].Record
		if r.matches(keys[0]) && r.matchesAny(keys) {
			return true
		}
		byWiFi = byWiFi || r.WiFiMAC == mac
	}
	s := q.s
	if !s.index.listedAfter(s.h.Now().Add(-s.cfg.PollInterval - s.cfg.PollInterval/10)) {
		return false
	}
	return byWiFi || len(s.index.unread(s.h.Now().Add(-s.cfg.EthernetReuse), 1)) == 0
}

// commit brings what was found into the DDB and announces the changes.
func (q *search) commit() error {
	s := q.s
	var changes []*Change
	var err error
	add := func(c *Change, failed error) {
		if c != nil {
			changes = append(changes, c)
		}
		if err == nil {
			err = failed
		}
	}
	s.mu.Lock()
	if q.epoch != s.epoch {
		s.mu.Unlock()
		return errUnlinked
	}
	for i := range q.rows {
		// A device that was read again counts once, as it was last.
		if !slices.ContainsFunc(q.rows[i+1:], func(f fetched) bool { return f.ID == q.rows[i].ID }) {
			add(s.put(&q.rows[i]))
		}
	}
	for _, id := range q.gone {
		add(s.remove(id))
	}
	s.mu.Unlock()
	if err == nil {
		s.announce(changes)
	}
	return err
}

// fetch asks Graph for the devices that a name or an ID stands for. Records that matched the key before and that
// are not in the answer have been renamed or have gone: they are read one by one.
func (q *search) fetch(k identity.Key) ([]fetched, error) {
	var rows []fetched
	var err error
	if id := k.ID(); id != "" {
		rows, err = q.withID(id)
	} else {
		rows, err = q.filtered(byName(k.Value), q.s.index.byName)
	}
	if err != nil {
		return nil, err
	}
	q.rows = append(q.rows, rows...)
	for _, id := range q.s.recorded(k) {
		if slices.ContainsFunc(rows, func(f fetched) bool { return f.ID == id }) || slices.Contains(q.gone, id) {
			continue
		}
		f, err := q.read(id)
		if err != nil {
			return nil, err
		}
		if f != nil {
			q.rows = append(q.rows, *f)
			if f.matches(k) {
				rows = append(rows, *f)
			}
		}
	}
	return rows, nil
}

// withID returns the devices with an ID that may be Intune's or Entra's: a GUID does not tell, so it is taken for
// Intune's first, which is one request for one device (facts: graph-and-entra 1.4).
func (q *search) withID(id string) ([]fetched, error) {
	f, err := q.read(id)
	switch {
	case err != nil:
		return nil, err
	case f != nil:
		return []fetched{*f}, nil
	}
	return q.filtered(byEntraID(id), func(id string) []string { return q.s.index.byEntra(parseID(id)) })
}

// filtered asks with a filter. Where Graph ignores it, the index of the list tells which devices may be meant, and
// these are read.
func (q *search) filtered(f filter, indexed func(value string) []string) ([]fetched, error) {
	s := q.s
	if !s.graph.ignores(f.property) {
		found, err := s.graph.query(f)
		if err != nil || !found.ignored {
			return found.devices, err
		}
	}
	if err := s.listed(); err != nil {
		return nil, err
	}
	var rows []fetched
	found, err := q.readEach(f.op, indexed(f.value))
	if err != nil {
		return nil, err
	}
	for _, d := range found {
		if f.has(&d.Record) {
			rows = append(rows, *d)
		}
	}
	return rows, nil
}

// recorded returns the ids of the records that a key matches in the DDB, up to maxMatches.
func (s *Service) recorded(k identity.Key) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, r := range s.db.match(k) {
		if len(ids) < maxMatches {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// read asks Graph for one device. Nil means that Intune does not know it; its record is to go.
func (q *search) read(id string) (*fetched, error) {
	f, err := q.s.graph.device(id)
	if err != nil {
		return nil, err
	}
	return f, q.noteRead(id, f)
}

// readEach reads the devices of some ids, and returns those that are there.
func (q *search) readEach(op string, ids []string) ([]*fetched, error) {
	if len(ids) > maxShared {
		return nil, fmt.Errorf("%s: %d devices match, more than %d", op, len(ids), maxShared)
	}
	together := map[string]*fetched{}
	if len(ids) > 2*maxMatches {
		var err error
		if together, err = q.s.graph.readAll(ids); err != nil {
			return nil, err
		}
	}
	var found []*fetched
	for _, id := range ids {
		f, known := together[id]
		var err error
		if known {
			err = q.noteRead(id, f)
		} else {
			f, err = q.read(id)
		}
		if err != nil {
			return nil, err
		}
		if f != nil {
			found = append(found, f)
		}
	}
	return found, nil
}

// noteRead takes what a device was read as into the index.
func (q *search) noteRead(id string, f *fetched) error {
	s := q.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case q.epoch != s.epoch:
		return errUnlinked
	case f == nil:
		s.index.drop(id)
		q.gone = append(q.gone, id)
	default:
		s.index.add(f)
	}
	return nil
}

// confirmMAC reads the devices again that had the address when they were last seen, and reports whether one of them
// still has it.
func (q *search) confirmMAC(k identity.Key) (found bool, err error) {
	recorded := q.s.recorded(k)
	ids := append(q.s.index.byMAC(parseMAC(k.Value)), recorded...)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	devices, err := q.readEach("device by MAC address", ids)
	if err != nil {
		return false, err
	}
	for _, f := range devices {
		if f.matches(k) || slices.Contains(recorded, f.ID) {
			q.rows = append(q.rows, *f)
			found = found || f.matches(k)
		}
	}
	return found, nil
}

// findMAC looks for the device with an address: among the candidates that a cheaper key stands for, then in the list
// of all devices, then among the Ethernet addresses, which the list does not tell.
func (q *search) findMAC(k identity.Key, candidates []fetched) (bool, error) {
	mac := parseMAC(k.Value)
	if mac == (macAddress{}) {
		return false, nil
	}
	if has, err := q.haveMAC(k, candidates); has || err != nil {
		return has, err
	}
	s := q.s
	if err := s.listed(); err != nil {
		return false, err
	}
	// Many laptops may have had the Ethernet address of one dock.
	if !s.index.hasWiFi(mac) {
		if err := s.readEthernets(q.epoch); err != nil {
			return false, err
		}
	}
	if len(s.index.byMAC(mac)) == 0 {
		return false, nil
	}
	return q.confirmMAC(k)
}

// haveMAC reports whether one of the candidates has the address. Those that came from a list are read again, because
// a list does not tell Ethernet addresses.
func (q *search) haveMAC(k identity.Key, candidates []fetched) (bool, error) {
	for i := range candidates {
		if candidates[i].matches(k) {
			return true, nil
		}
	}
	for i := range candidates[:min(len(candidates), maxMatches)] {
		if candidates[i].ethernetKnown {
			continue
		}
		f, err := q.read(candidates[i].ID)
		if err != nil {
			return false, err
		}
		if f != nil {
			q.rows = append(q.rows, *f)
			if f.matches(k) {
				return true, nil
			}
		}
	}
	return false, nil
}
