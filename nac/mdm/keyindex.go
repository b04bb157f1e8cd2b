package mdm

import (
	"slices"

	"nacsim/nac/identity"
)

// A keyIndex leads from the keys of clients to the clients that have them, in ascending order. It is not safe for
// concurrent use.
type keyIndex struct {
	macs  map[macAddress][]string
	ids   map[deviceID][]string
	names map[string][]string // folded
}

func newKeyIndex() keyIndex {
	return keyIndex{map[macAddress][]string{}, map[deviceID][]string{}, map[string][]string{}}
}

// add notes that a client has a key.
func (x *keyIndex) add(k identity.Key, client string) {
	switch id := k.ID(); {
	case k.Kind == identity.MAC:
		addTo(x.macs, parseMAC(k.Value), client)
	case id != "":
		addTo(x.ids, parseID(id), client)
	default:
		addTo(x.names, foldName(k.Value), client)
	}
}

// drop notes that a client does not have a key any more.
func (x *keyIndex) drop(k identity.Key, client string) {
	switch id := k.ID(); {
	case k.Kind == identity.MAC:
		dropFrom(x.macs, parseMAC(k.Value), client)
	case id != "":
		dropFrom(x.ids, parseID(id), client)
	default:
		dropFrom(x.names, foldName(k.Value), client)
	}
}

// clients returns who has a key that a record matches.
func (x *keyIndex) clients(r *Record) []string {
	var clients []string
	clients = append(clients, x.ids[parseID(r.ID)]...)
	clients = append(clients, x.ids[parseID(r.AzureADDeviceID)]...)
	clients = append(clients, x.names[foldName(r.DeviceName)]...)
	clients = append(clients, x.macs[parseMAC(r.WiFiMAC)]...)
	return append(clients, x.macs[parseMAC(r.EthernetMAC)]...)
}

// asked reports whether somebody has a key that a record matches.
func (x *keyIndex) asked(r *Record) bool {
	return x.ids[parseID(r.ID)] != nil || x.ids[parseID(r.AzureADDeviceID)] != nil || x.names[foldName(r.DeviceName)] != nil ||
		x.macs[parseMAC(r.WiFiMAC)] != nil || x.macs[parseMAC(r.EthernetMAC)] != nil
}

// wants reports whether somebody has a key that a row matches.
func (x *keyIndex) wants(r *row) bool {
	if x.ids[r.id] != nil || x.ids[r.entra] != nil || x.macs[r.wifi] != nil || x.macs[r.ethernet] != nil {
		return true
	}
	var folded [256]byte
	if name, ok := foldASCII(folded[:0], r.name); ok {
		return x.names[string(name)] != nil
	}
	return x.names[foldName(string(r.name))] != nil
}

// foldASCII appends a name in lower case, or reports that it is longer than there is room for, or not ASCII.
func foldASCII(to, name []byte) ([]byte, bool) {
	if len(name) > cap(to) {
		return nil, false
	}
	for _, c := range name {
		if c >= 0x80 {
			return nil, false
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to, true
}

// addTo puts client into the ascending list under key. The zero key is none.
func addTo[K comparable](index map[K][]string, key K, client string) {
	var none K
	if key == none {
		return
	}
	clients := index[key]
	if at, found := slices.BinarySearch(clients, client); !found {
		index[key] = slices.Insert(clients, at, client)
	}
}

func dropFrom[K comparable](index map[K][]string, key K, client string) {
	clients := index[key]
	at, found := slices.BinarySearch(clients, client)
	switch {
	case !found:
	case len(clients) == 1:
		delete(index, key)
	default:
		index[key] = slices.Delete(clients, at, at+1)
	}
}
