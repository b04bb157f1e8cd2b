package mdm

import (
	"slices"
	"sync"
	"time"
)

// A macIndex leads from the MAC addresses of all devices of the tenant to their ids. It is made from lists, kept
// in memory only, and safe for concurrent use. What it says is confirmed by reading the device before it counts.
type macIndex struct {
	mu     sync.Mutex
	listed time.Time // when the latest list was complete
	failed time.Time // when the latest attempt to read it failed, and why
	reason error
	byMAC  map[string][]string
	// devices holds what is known of each device in the latest list.
	devices map[string]indexed
}

// An indexed is a device in the index.
type indexed struct {
	wifi, ethernet string
	ethernetAt     time.Time // when the Ethernet address was read, zero when it was not
}

// clear forgets everything.
func (x *macIndex) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.listed, x.failed, x.reason = time.Time{}, time.Time{}, nil
	x.byMAC, x.devices = nil, nil
}

// ids returns the devices that had the address when they were last seen.
func (x *macIndex) ids(mac string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.byMAC[mac])
}

// add notes the addresses of one device.
func (x *macIndex) add(f *fetched) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.devices == nil {
		x.devices, x.byMAC = map[string]indexed{}, map[string][]string{}
	}
	x.put(f)
}

func (x *macIndex) put(f *fetched) {
	was := x.devices[f.ID]
	now := indexed{wifi: f.WiFiMAC, ethernet: was.ethernet, ethernetAt: was.ethernetAt}
	if f.ethernetKnown {
		now.ethernet, now.ethernetAt = f.EthernetMAC, f.FetchedAt
	}
	dropID(x.byMAC, was.wifi, f.ID)
	dropID(x.byMAC, was.ethernet, f.ID)
	addID(x.byMAC, now.wifi, f.ID)
	addID(x.byMAC, now.ethernet, f.ID)
	x.devices[f.ID] = now
}

// drop forgets a device that has gone.
func (x *macIndex) drop(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	was := x.devices[id]
	dropID(x.byMAC, was.wifi, id)
	dropID(x.byMAC, was.ethernet, id)
	delete(x.devices, id)
}

// replace takes a complete list. Ethernet addresses that were read before are kept.
func (x *macIndex) replace(list []fetched, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.devices
	x.devices, x.byMAC = make(map[string]indexed, len(list)), make(map[string][]string, len(list))
	for i := range list {
		f := &list[i]
		if was, ok := old[f.ID]; ok {
			x.devices[f.ID] = indexed{ethernet: was.ethernet, ethernetAt: was.ethernetAt}
		}
		x.put(f)
	}
	x.listed = now
}

// list makes sure that the index is not older than ListReuse. A list that fails is not asked for again within
// RetryMin: during an outage many clients would ask for it one after the other.
func (x *macIndex) list(s *Service) error {
	if known, err := x.fresh(s); known {
		return err
	}
	return s.listing.do(s.h, func() error {
		if known, err := x.fresh(s); known {
			return err
		}
		list, err := s.graph.all()
		if err != nil {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.failed, x.reason = s.h.Now(), err
			return err
		}
		x.replace(list, s.h.Now())
		return nil
	})
}

// fresh reports whether it is known that the index is current, or why it cannot be.
func (x *macIndex) fresh(s *Service) (known bool, err error) {
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
func (x *macIndex) readEthernets(s *Service) error {
	return s.ethernets.do(s.h, func() error {
		for _, id := range x.unread(s) {
			f, err := s.graph.device(id)
			switch {
			case err != nil:
				return err
			case f == nil:
				x.drop(id)
			default:
				x.add(f)
			}
		}
		return nil
	})
}

func (x *macIndex) unread(s *Service) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var ids []string
	now := s.h.Now()
	for id, d := range x.devices {
		if d.ethernetAt.IsZero() || now.Sub(d.ethernetAt) > s.cfg.EthernetReuse {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids[:min(len(ids), max(s.cfg.EthernetBudget, 0))]
}
