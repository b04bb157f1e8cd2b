package intune

import (
	"strings"
	"time"
)

// A View is a service that shows devices. Each learns of what happens after a delay of its own (facts 3.4): a device can be
// in one and not in another, or compliant here and noncompliant there.
type View int

const (
	// ViewList is Graph's list of managed devices.
	ViewList View = iota
	// ViewGet is Graph's single managed device.
	ViewGet
	// ViewNAC is the compliance retrieval service.
	ViewNAC
	// ViewEntra is the device object of Entra ID.
	ViewEntra
	views
)

// Delays are how long it takes until each view shows what has happened. The zero value shows everything at once.
type Delays struct {
	List, Get, NAC, Entra time.Duration
}

func (d *Delays) of(v View) time.Duration {
	return [views]time.Duration{d.List, d.Get, d.NAC, d.Entra}[v]
}

// A shelf is what the views with the same delay show: the devices as they were that long ago. What was there when the
// machine booted is on it at once.
type shelf struct {
	delay time.Duration
	inventory
	coming []publication
}

// A publication is a device as a shelf will show it from some time on. A nil device is one that has gone.
type publication struct {
	at     time.Time
	id     string
	device *Device
}

// openShelves makes those that the delays need, from what is there.
func (s *Service) openShelves() {
	for v := range views {
		delay := s.cfg.Delays.of(v)
		if delay == 0 {
			continue
		}
		for _, other := range s.shelves[:v] {
			if other != nil && other.delay == delay {
				s.shelves[v] = other
			}
		}
		if s.shelves[v] != nil {
			continue
		}
		devices := make([]*Device, len(s.devices.order))
		for i, e := range s.devices.order {
			devices[i] = e.Device
		}
		s.shelves[v] = &shelf{delay: delay, inventory: newInventory(len(devices))}
		s.shelves[v].load(devices)
	}
}

// publish lets the shelves know of a change. The caller holds the lock.
func (s *Service) publish(id string, d *Device) {
	for v, shelf := range s.shelves {
		if shelf == nil || v > 0 && s.isShared(View(v)) {
			continue
		}
		now := s.h.Now()
		shelf.catchUp(now) // keeps the queue as short as the delay
		shelf.coming = append(shelf.coming, publication{now.Add(shelf.delay), id, d})
	}
}

// isShared reports whether an earlier view has the same shelf.
func (s *Service) isShared(v View) bool {
	for _, other := range s.shelves[:v] {
		if other == s.shelves[v] {
			return true
		}
	}
	return false
}

// catchUp applies what has become visible by now.
func (s *shelf) catchUp(now time.Time) {
	done := 0
	for ; done < len(s.coming) && !now.Before(s.coming[done].at); done++ {
		p := &s.coming[done]
		e := s.byID[p.id]
		switch {
		case p.device == nil && e != nil:
			s.remove(e)
		case p.device == nil:
		case e == nil:
			s.insert(newEntry(p.device))
		default:
			s.replace(e, p.device)
		}
		*p = publication{}
	}
	if s.coming = s.coming[done:]; len(s.coming) == 0 {
		s.coming = nil
	}
}

// look calls f with what a view shows, under the lock.
func (s *Service) look(v View, f func(*inventory)) {
	shelf := s.shelves[v]
	if shelf == nil {
		s.mu.RLock()
		defer s.mu.RUnlock()
		f(&s.devices)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shelf.catchUp(s.h.Now())
	f(&shelf.inventory)
}

// A Place is one in the order in which Intune lists devices: by deviceName without regard to case, then by id.
type Place struct{ Name, ID string }

// List calls f for each device behind a place in the order, until it returns false. The zero Place is before the first.
// With named only devices of that deviceName are visited. The devices never change; f must not block.
func (s *Service) List(v View, after Place, named string, f func(*Device) bool) {
	s.look(v, func(in *inventory) {
		part := inventory{order: in.order}
		if named != "" {
			part.order = in.named(named)
		}
		visit(part.order[part.after(foldName(after.Name), after.ID, false):], f)
	})
}

// ByID calls f with the device of that Intune device ID and reports whether the view has one. f must not block.
func (s *Service) ByID(v View, id string, f func(*Device)) (found bool) {
	s.look(v, func(in *inventory) {
		if e := in.byID[strings.ToLower(id)]; e != nil {
			found = true
			f(e.Device)
		}
	})
	return found
}

// ByMAC calls f for each device with that Wi-Fi or Ethernet MAC address, in any notation, until it returns false. Docks and
// adapters make it several. f must not block.
func (s *Service) ByMAC(v View, mac string, f func(*Device) bool) {
	mac, err := normalMAC(mac)
	if err != nil || mac == "" {
		return
	}
	s.look(v, func(in *inventory) { visit(in.byMAC[mac], f) })
}

// OfUser calls f for each device of a user principal name, until it returns false. f must not block.
func (s *Service) OfUser(v View, upn string, f func(*Device) bool) {
	s.look(v, func(in *inventory) { visit(in.byUser[foldName(upn)], f) })
}

// Count is how many devices a view shows.
func (s *Service) Count(v View) (n int) {
	s.look(v, func(in *inventory) { n = len(in.order) })
	return n
}

func visit(entries []*entry, f func(*Device) bool) {
	for _, e := range entries {
		if !f(e.Device) {
			return
		}
	}
}
