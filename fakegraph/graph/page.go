package graph

import (
	"hash/fnv"

	"nacsim/fakegraph/intune"
)

// A devicePage is one page of a list of devices.
type devicePage struct {
	devices []*device
	// next is where the next page begins if there is more.
	next  skipToken
	more  bool
	total int // of devices that match, on all pages
}

// A deviceSource calls f for the devices behind a place, of one deviceName if it is not empty, until f returns false.
type deviceSource func(after intune.Place, named string, f func(*device) bool)

// scanChunk is how many devices are looked at under one lock.
const scanChunk = 4096

// allDevices are all that a view shows.
func (a *API) allDevices(v intune.View) deviceSource {
	return func(after intune.Place, named string, f func(*device) bool) {
		for goesOn := true; goesOn; {
			seen := 0
			goesOn = false
			a.intune.List(v, after, named, func(d *device) bool {
				if !f(d) {
					return false
				}
				seen++
				after = intune.Place{Name: d.Name, ID: d.ID}
				goesOn = seen == scanChunk
				return !goesOn
			})
		}
	}
}

// each calls f with all devices of a source.
func (s deviceSource) each(f func(*device)) {
	s(intune.Place{}, "", func(d *device) bool {
		f(d)
		return true
	})
}

// devicesOf are those of a user.
func (a *API) devicesOf(v intune.View, upn string) deviceSource {
	return func(after intune.Place, _ string, f func(*device) bool) {
		started := after == intune.Place{}
		a.intune.OfUser(v, upn, func(d *device) bool {
			if !started {
				started = d.ID == after.ID
				return true
			}
			return f(d)
		})
	}
}

// page finds the devices of one page.
func (a *API) page(q listQuery, source deviceSource) devicePage {
	if q.skipped && !q.started {
		return devicePage{more: true} // $skip yields an empty page with a link to the beginning (facts 2.1)
	}
	var p devicePage
	after := intune.Place{Name: q.from.name, ID: q.from.id}
	named := ""
	if q.filter != nil && q.filter.byName {
		named = q.filter.name
	}
	left := a.untilTruncation(q, source)
	source(after, named, func(d *device) bool {
		if !a.listed(q, d) {
			return true
		}
		if left--; left < 0 {
			return false
		}
		if len(p.devices) == q.page {
			p.more = true
			return false
		}
		p.devices = append(p.devices, d)
		return true
	})
	if n := len(p.devices); n > 0 {
		p.next = skipToken{p.devices[n-1].Name, p.devices[n-1].ID}
	}
	if a.cfg.TotalCount {
		source.each(func(d *device) {
			if a.listed(q, d) {
				p.total++
			}
		})
	}
	return p
}

// listed reports whether a list shows a device.
func (a *API) listed(q listQuery, d *device) bool {
	if q.filter != nil {
		return q.filter.match(d)
	}
	if k := a.cfg.Truncation.Every; k > 0 && !q.filtered {
		h := fnv.New32a()
		_, _ = h.Write([]byte(d.ID)) // a hash takes all
		return h.Sum32()%uint32(k) != 0
	}
	return true
}

// untilTruncation is how many devices a list still shows behind the place where it goes on.
func (a *API) untilTruncation(q listQuery, source deviceSource) int {
	left := a.cfg.Truncation.First
	if left == 0 || q.filtered {
		return int(^uint(0) >> 1)
	}
	if !q.started || q.from == (skipToken{}) {
		return left
	}
	source(intune.Place{}, "", func(d *device) bool {
		if a.listed(q, d) {
			left--
		}
		return left > 0 && d.ID != q.from.id
	})
	return left
}
