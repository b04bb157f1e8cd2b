package intune

import (
	"slices"
	"sort"
	"strings"

	"nacsim/internal/host"
)

// An entry is a device with what belongs to it in memory only.
type entry struct {
	Device
	name  string // Name folded, the first part of the order
	timer host.Timer
	armed int // number of the latest arming, so that a timer that could not be stopped does nothing
}

func (e *entry) disarm() {
	e.armed++
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
}

// An inventory holds the devices in the order in which Graph pages through them: by deviceName, without regard
// to case, and id (facts 2.1, nextLink).
type inventory struct {
	order   []*entry
	byID    map[string]*entry
	byLabel map[string]*entry
}

func newInventory() inventory {
	return inventory{byID: map[string]*entry{}, byLabel: map[string]*entry{}}
}

// foldName is how names compare.
func foldName(name string) string { return strings.ToLower(name) }

// after returns the index of the first device behind (name, id) in the order. With inclusive it may be that
// device itself.
func (v *inventory) after(name, id string, inclusive bool) int {
	return sort.Search(len(v.order), func(i int) bool {
		e := v.order[i]
		if e.name != name {
			return e.name > name
		}
		return e.ID > id || inclusive && e.ID == id
	})
}

// named returns the devices of that name.
func (v *inventory) named(name string) []*entry {
	name = foldName(name)
	from := v.after(name, "", true)
	to := from
	for to < len(v.order) && v.order[to].name == name {
		to++
	}
	return v.order[from:to]
}

func (v *inventory) insert(e *entry) {
	e.name = foldName(e.Name)
	v.order = slices.Insert(v.order, v.after(e.name, e.ID, true), e)
	v.byID[e.ID], v.byLabel[e.Label] = e, e
}

func (v *inventory) remove(e *entry) {
	at := v.after(e.name, e.ID, true)
	v.order = slices.Delete(v.order, at, at+1)
	delete(v.byID, e.ID)
	delete(v.byLabel, e.Label)
}

// load fills an empty inventory with devices in any order.
func (v *inventory) load(entries []*entry) {
	for _, e := range entries {
		e.name = foldName(e.Name)
		v.byID[e.ID], v.byLabel[e.Label] = e, e
	}
	slices.SortFunc(entries, func(a, b *entry) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	v.order = entries
}
