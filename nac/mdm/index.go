package mdm

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// An index leads from the MAC addresses, names and Entra IDs of all devices of the tenant to their Intune IDs. It is made
// from lists, kept in memory only, and safe for concurrent use. What it says is confirmed by reading the device before
// it counts, so of names and Entra IDs it has hashes only. A device takes 56 octets.
type index struct {
	mu     sync.Mutex
	listed time.Time // when the latest list was complete
	failed time.Time // when the latest attempt to read it failed, and why
	reason error
	table  table
	// changed are the devices that have been read since the table was made, in place of what it says.
	changed map[deviceID]indexed
}

// An indexed is a device in the index.
type indexed struct {
	id             deviceID
	wifi, ethernet macAddress
	name, entra    uint32 // hashes
	// read is when the Ethernet address was read, in Unix time, 0 when it was not, and gone for a device that is not
	// there any more.
	read uint32
}

const gone = math.MaxUint32

func (d *indexed) set(f *fetched) {
	d.id, d.wifi = parseID(f.ID), parseMAC(f.WiFiMAC)
	d.name, d.entra = hashName(f.DeviceName), hash(parseID(f.AzureADDeviceID))
	if f.ethernetKnown {
		d.ethernet, d.read = parseMAC(f.EthernetMAC), uint32(f.FetchedAt.Unix())
	}
}

func (d *indexed) setRow(r *row, now time.Time) {
	*d = indexed{id: r.id, wifi: r.wifi, name: hashName(r.name), entra: hash(r.entra)}
	if r.ethernetKnown {
		d.ethernet, d.read = r.ethernet, uint32(now.Unix())
	}
}

// hash is 32-bit FNV-1a; 0 stands for none.
func hash(id deviceID) uint32 {
	if id == (deviceID{}) {
		return 0
	}
	h := uint32(offset32)
	for _, b := range id {
		h = (h ^ uint32(b)) * prime32
	}
	return max(h, 1)
}

const (
	offset32 = 2166136261
	prime32  = 16777619
)

// hashName is the same for names that are equal but for their case.
func hashName[T string | []byte](name T) uint32 {
	if len(name) == 0 {
		return 0
	}
	h := uint32(offset32)
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= utf8.RuneSelf {
			return hashText(foldName(string(name)))
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		h = (h ^ uint32(c)) * prime32
	}
	return max(h, 1)
}

func hashText(text string) uint32 {
	h := uint32(offset32)
	for i := range len(text) {
		h = (h ^ uint32(text[i])) * prime32
	}
	return max(h, 1)
}

// A table is an unchanging part of an index: devices in the order of IDs, and orders of them by what they are looked
// for by.
type table struct {
	devices []indexed
	wifi    []uint32
	wired   []uint32
	name    []uint32
	entra   []uint32
}

func compareIDs(a, b deviceID) int { return bytes.Compare(a[:], b[:]) }

// newTable makes a table of devices, of which the last with an ID counts. It keeps the slice.
func newTable(devices []indexed) table {
	order := make([]uint32, len(devices))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Or(compareIDs(devices[a].id, devices[b].id), cmp.Compare(a, b))
	})
	t := table{devices: make([]indexed, 0, len(devices))}
	for i, at := range order {
		if i+1 < len(order) && devices[order[i+1]].id == devices[at].id || devices[at].read == gone {
			continue
		}
		t.devices = append(t.devices, devices[at])
	}
	d := t.devices
	t.wifi = t.by(func(i uint32) bool { return d[i].wifi != macAddress{} }, func(a, b uint32) int { return bytes.Compare(d[a].wifi[:], d[b].wifi[:]) })
	t.wired = t.by(func(i uint32) bool { return d[i].ethernet != macAddress{} }, func(a, b uint32) int { return bytes.Compare(d[a].ethernet[:], d[b].ethernet[:]) })
	t.name = t.by(func(i uint32) bool { return d[i].name != 0 }, func(a, b uint32) int { return cmp.Compare(d[a].name, d[b].name) })
	t.entra = t.by(func(i uint32) bool { return d[i].entra != 0 }, func(a, b uint32) int { return cmp.Compare(d[a].entra, d[b].entra) })
	return t
}

// by orders the devices that have what they are ordered by.
func (t *table) by(has func(uint32) bool, compare func(a, b uint32) int) []uint32 {
	n := 0
	for i := range t.devices {
		if has(uint32(i)) {
			n++
		}
	}
	order := make([]uint32, 0, n)
	for i := range t.devices {
		if has(uint32(i)) {
			order = append(order, uint32(i))
		}
	}
	slices.SortFunc(order, compare)
	return order
}

// device returns a device by its ID, or nil.
func (t *table) device(id deviceID) *indexed {
	at, found := slices.BinarySearchFunc(t.devices, id, func(d indexed, id deviceID) int { return compareIDs(d.id, id) })
	if !found {
		return nil
	}
	return &t.devices[at]
}

// equal calls each for the devices of an order that compare as equal.
func (t *table) equal(order []uint32, compare func(*indexed) int, each func(*indexed)) {
	at, _ := slices.BinarySearchFunc(order, 0, func(i uint32, _ int) int { return compare(&t.devices[i]) })
	for ; at < len(order) && compare(&t.devices[order[at]]) == 0; at++ {
		each(&t.devices[order[at]])
	}
}

// byMAC returns the devices that had the address when they were last seen, in the order of their IDs.
func (x *index) byMAC(mac macAddress) []string {
	if mac == (macAddress{}) {
		return nil
	}
	return x.find(func(d *indexed) bool { return d.wifi == mac || d.ethernet == mac }, func(t *table, each func(*indexed)) {
		t.equal(t.wifi, func(d *indexed) int { return bytes.Compare(d.wifi[:], mac[:]) }, each)
		t.equal(t.wired, func(d *indexed) int { return bytes.Compare(d.ethernet[:], mac[:]) }, each)
	})
}

// hasWiFi reports whether a device had the address as that of its Wi-Fi.
func (x *index) hasWiFi(mac macAddress) bool {
	return len(x.find(func(d *indexed) bool { return d.wifi == mac }, func(t *table, each func(*indexed)) {
		t.equal(t.wifi, func(d *indexed) int { return bytes.Compare(d.wifi[:], mac[:]) }, each)
	})) > 0
}

// listedAfter reports whether the list was read after a time.
func (x *index) listedAfter(t time.Time) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.listed.After(t)
}

// byName returns the devices that may have the name.
func (x *index) byName(name string) []string {
	h := hashName(name)
	return x.find(func(d *indexed) bool { return h != 0 && d.name == h }, func(t *table, each func(*indexed)) {
		t.equal(t.name, func(d *indexed) int { return cmp.Compare(d.name, h) }, each)
	})
}

// byEntra returns the devices that may have the Entra ID.
func (x *index) byEntra(id deviceID) []string {
	h := hash(id)
	return x.find(func(d *indexed) bool { return h != 0 && d.entra == h }, func(t *table, each func(*indexed)) {
		t.equal(t.entra, func(d *indexed) int { return cmp.Compare(d.entra, h) }, each)
	})
}

// find returns the IDs of the devices for which is is true; lookup is how to come by them in the table.
func (x *index) find(is func(*indexed) bool, lookup func(t *table, each func(*indexed))) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var ids []deviceID
	lookup(&x.table, func(d *indexed) {
		if _, ok := x.changed[d.id]; !ok {
			ids = append(ids, d.id)
		}
	})
	for id, d := range x.changed { // order-free: sorted below
		if d.read != gone && is(&d) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, compareIDs)
	var out []string
	for _, id := range slices.Compact(ids) {
		out = append(out, id.String())
	}
	return out
}

// maxChanged bounds the devices beside the table; when they are more, the table is made anew.
func (x *index) maxChanged() int { return 1024 + len(x.table.devices)/8 }

// add notes what one device was read as.
func (x *index) add(f *fetched) {
	x.mu.Lock()
	defer x.mu.Unlock()
	id := parseID(f.ID)
	d, ok := x.changed[id]
	if !ok {
		if was := x.table.device(id); was != nil {
			d = *was
		}
	}
	if d.read == gone {
		d.read = 0
	}
	d.set(f)
	x.note(d)
}

// drop forgets a device that has gone.
func (x *index) drop(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := parseID(id)
	if _, ok := x.changed[key]; ok || x.table.device(key) != nil {
		x.note(indexed{id: key, read: gone})
	}
}

// note puts a device beside the table.
func (x *index) note(d indexed) {
	if x.changed == nil {
		x.changed = map[deviceID]indexed{}
	}
	x.changed[d.id] = d
	if len(x.changed) > x.maxChanged() {
		x.fold()
	}
}

// fold makes the table anew, with what has changed.
func (x *index) fold() {
	all := slices.Clone(x.table.devices)
	for _, d := range x.changed { // order-free: sorted by the table
		all = append(all, d)
	}
	x.table, x.changed = newTable(all), nil
}

// replace takes a complete list. Ethernet addresses that were read before are kept.
func (x *index) replace(next table, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	keep := func(was *indexed) {
		if d := next.device(was.id); d != nil && d.read < was.read {
			d.ethernet, d.read = was.ethernet, was.read
		}
	}
	for i := range x.table.devices {
		if was := &x.table.devices[i]; was.read != 0 {
			if _, ok := x.changed[was.id]; !ok {
				keep(was)
			}
		}
	}
	for _, was := range x.changed { // order-free: one device each
		if was.read != gone {
			keep(&was)
		}
	}
	d := next.devices
	next.wired = next.by(func(i uint32) bool { return d[i].ethernet != macAddress{} }, func(a, b uint32) int { return bytes.Compare(d[a].ethernet[:], d[b].ethernet[:]) })
	x.table, x.changed, x.listed = next, nil, now
}

// clear forgets everything.
func (x *index) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.listed, x.failed, x.reason = time.Time{}, time.Time{}, nil
	x.table, x.changed = table{}, nil
}

// unread returns up to limit devices of which the Ethernet address is missing or was read before a time: those that
// lack it first.
func (x *index) unread(before time.Time, limit int) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var missing, old []deviceID
	sort := func(d *indexed) {
		switch {
		case d.read == gone:
		case d.read == 0:
			missing = append(missing, d.id)
		case int64(d.read) < before.Unix():
			old = append(old, d.id)
		}
	}
	for i := range x.table.devices {
		d := &x.table.devices[i]
		if now, ok := x.changed[d.id]; ok {
			d = &now
		}
		sort(d)
	}
	for id, d := range x.changed { // order-free: sorted below
		if x.table.device(id) == nil {
			sort(&d)
		}
	}
	slices.SortFunc(missing, compareIDs)
	slices.SortFunc(old, compareIDs)
	var ids []string
	for _, id := range append(missing, old...) {
		if len(ids) < limit {
			ids = append(ids, id.String())
		}
	}
	return ids
}
