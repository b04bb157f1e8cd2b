package intune

import (
	"slices"
	"sort"
	"strings"
	"time"
)

// An entry is a device with its place in an inventory. The Device is never changed, only replaced by a changed copy, so
// that views can show older ones.
type entry struct {
	*Device
	name string // Name folded, the first part of the order

	// Of the inventory of what is in force only: when something is to be done about the device next.
	due  time.Time
	turn uint64 // among those that are due at the same time
	at   int    // index in the agenda, -1 when it is not there
}

func newEntry(d *Device) *entry { return &entry{Device: d, name: foldName(d.Name), at: -1} }

// An inventory holds devices in the order in which Graph pages through them: by deviceName, without regard to case, and
// id (facts 2.1, nextLink).
type inventory struct {
	order   []*entry
	byID    map[string]*entry
	byLabel map[string]*entry
	byMAC   map[string][]*entry // by 12 upper-case digits; docks are shared
	byUser  map[string][]*entry // by user principal name, folded
}

func newInventory(size int) inventory {
	return inventory{
		byID: make(map[string]*entry, size), byLabel: make(map[string]*entry, size),
		byMAC: make(map[string][]*entry, size), byUser: make(map[string][]*entry, size),
	}
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
	v.order = slices.Insert(v.order, v.after(e.name, e.ID, true), e)
	v.index(e)
}

func (v *inventory) remove(e *entry) {
	at := v.after(e.name, e.ID, true)
	v.order = slices.Delete(v.order, at, at+1)
	v.unindex(e)
}

// replace puts a changed copy of a device in the place of the one before.
func (v *inventory) replace(e *entry, d *Device) {
	was := e.Device
	moved := was.Name != d.Name || was.ID != d.ID
	if !moved && was.Label == d.Label && was.WiFiMAC == d.WiFiMAC && was.EthernetMAC == d.EthernetMAC && was.UserPrincipalName == d.UserPrincipalName {
		e.Device = d
		return
	}
	v.remove(e)
	e.Device, e.name = d, foldName(d.Name)
	v.insert(e)
}

func (v *inventory) index(e *entry) {
	v.byID[e.ID], v.byLabel[e.Label] = e, e
	for _, mac := range e.macs() {
		v.byMAC[mac] = append(v.byMAC[mac], e)
	}
	if e.UserPrincipalName != "" {
		user := foldName(e.UserPrincipalName)
		v.byUser[user] = append(v.byUser[user], e)
	}
}

func (v *inventory) unindex(e *entry) {
	delete(v.byID, e.ID)
	if v.byLabel[e.Label] == e {
		delete(v.byLabel, e.Label)
	}
	for _, mac := range e.macs() {
		without(v.byMAC, mac, e)
	}
	without(v.byUser, foldName(e.UserPrincipalName), e)
}

// without takes an entry out of an index.
func without(index map[string][]*entry, key string, e *entry) {
	left := slices.DeleteFunc(index[key], func(other *entry) bool { return other == e })
	if len(left) == 0 {
		delete(index, key)
		return
	}
	index[key] = left
}

// macs are the addresses under which a device is found.
func (d *Device) macs() []string {
	var macs []string
	for _, text := range []string{d.WiFiMAC, d.EthernetMAC} {
		// What is on record has been checked when it was put there.
		if mac, _ := normalMAC(text); mac != "" && !slices.Contains(macs, mac) {
			macs = append(macs, mac)
		}
	}
	return macs
}

// load fills an inventory with devices in any order.
func (v *inventory) load(devices []*Device) {
	v.order = make([]*entry, len(devices))
	for i, d := range devices {
		v.order[i] = newEntry(d)
	}
	slices.SortFunc(v.order, func(a, b *entry) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	for _, e := range v.order {
		v.index(e)
	}
}
