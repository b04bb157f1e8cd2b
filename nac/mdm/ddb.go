package mdm

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"nacsim/internal/host"
	"nacsim/nac/identity"
)

// keyDevice is where the store keeps the records, under the device's id.
const keyDevice = "device/"

// A ddb is the device database: records of devices by id, name and MAC address. It is not safe for concurrent use.
type ddb struct {
	store   host.Store
	max     int
	records map[string]*Record
	byName  map[string][]string // folded names to ids in ascending order
	byMAC   map[string][]string
	byEntra map[string][]string
}

// openDDB loads the records. Those that the last poll confirmed without changing them were not written then, so
// they are as old as that poll.
func openDDB(store host.Store, limit int, lastPoll time.Time) (*ddb, error) {
	db := &ddb{store: store, max: limit, records: map[string]*Record{}, byName: map[string][]string{}, byMAC: map[string][]string{},
		byEntra: map[string][]string{}}
	var bad error
	err := store.Scan(keyDevice, func(key string, value []byte) bool {
		r := &Record{}
		if bad = json.Unmarshal(value, r); bad != nil {
			bad = fmt.Errorf("stored %s: %w", key, bad)
			return false
		}
		if r.FetchedAt.Before(lastPoll) {
			r.FetchedAt = lastPoll
		}
		db.index(r)
		return true
	})
	return db, errors.Join(err, bad)
}

// has reports whether there is a record of a device.
func (db *ddb) has(id deviceID) bool {
	var text [36]byte
	return db.records[string(id.append(text[:0]))] != nil
}

// match returns the records that a key asks for, in the order of their ids.
func (db *ddb) match(k identity.Key) []*Record {
	var ids []string
	switch id := k.ID(); {
	case k.Kind == identity.MAC:
		ids = db.byMAC[parseMAC(k.Value).String()]
	case id != "":
		if ids = db.byEntra[id]; db.records[id] != nil && !slices.Contains(ids, id) {
			ids = append([]string{id}, ids...)
		}
	default:
		ids = db.byName[foldName(k.Value)]
	}
	var records []*Record
	for _, id := range ids {
		if r := db.records[id]; r != nil {
			records = append(records, r)
		}
	}
	return records
}

var errFull = errors.New("the device database is full")

// lags reports whether a row of a list is older than what is known: the device has checked in since.
func (f *fetched) lags(was *Record) bool {
	return !f.single && !f.LastSync.IsZero() && f.LastSync.Before(was.LastSync)
}

// put stores what Graph said of a device and returns the record as it was, or nil. Of two replies that overtook
// each other the older changes nothing.
func (db *ddb) put(f *fetched) (was *Record, changed bool, err error) {
	was = db.records[f.ID]
	r := f.Record
	if was != nil {
		if r.FetchedAt.Before(was.FetchedAt) || f.lags(was) {
			return was, false, nil
		}
		if !f.ethernetKnown {
			r.EthernetMAC = was.EthernetMAC
		}
	} else if len(db.records) >= db.max {
		return nil, false, errFull
	}
	if was != nil && r.unchanged(was) { // what most are, in a poll
		was.FetchedAt = r.FetchedAt
		return was, false, nil
	}
	changed = was == nil || !r.same(was)
	if changed || !r.LastSync.Equal(was.LastSync) {
		value, err := json.Marshal(&r)
		if err != nil {
			return was, false, err
		}
		if err := db.store.Put(keyDevice+r.ID, value); err != nil {
			return was, false, err
		}
	}
	if was != nil {
		db.unindex(was)
	}
	db.index(&r)
	return was, changed, nil
}

// remove deletes a record and returns it, or nil.
func (db *ddb) remove(id string) (*Record, error) {
	was := db.records[id]
	if was == nil {
		return nil, nil
	}
	if err := db.store.Delete(keyDevice + id); err != nil {
		return nil, err
	}
	db.unindex(was)
	return was, nil
}

func (db *ddb) index(r *Record) {
	db.records[r.ID] = r
	addTo(db.byName, foldName(r.DeviceName), r.ID)
	addTo(db.byEntra, r.AzureADDeviceID, r.ID)
	addTo(db.byMAC, r.WiFiMAC, r.ID)
	addTo(db.byMAC, r.EthernetMAC, r.ID)
}

func (db *ddb) unindex(r *Record) {
	delete(db.records, r.ID)
	dropFrom(db.byName, foldName(r.DeviceName), r.ID)
	dropFrom(db.byEntra, r.AzureADDeviceID, r.ID)
	dropFrom(db.byMAC, r.WiFiMAC, r.ID)
	dropFrom(db.byMAC, r.EthernetMAC, r.ID)
}

// resolve returns the record that a client's keys stand for, the key that decided, and how many records that one
// matches.
func (db *ddb) resolve(keys []identity.Key) (r Record, by identity.Key, matches int) {
	for i, k := range keys {
		if matches := db.match(k); len(matches) > 0 {
			return choose(confirmed(matches, keys[i+1:])), k, len(matches)
		}
	}
	return Record{}, identity.Key{}, 0
}

// confirmed narrows several matches of one key to those that the next key with any match among them confirms.
func confirmed(matches []*Record, others []identity.Key) []*Record {
	for _, k := range others {
		if len(matches) == 1 {
			break
		}
		some := slices.DeleteFunc(slices.Clone(matches), func(r *Record) bool { return !r.matches(k) })
		if len(some) > 0 {
			return some
		}
	}
	return matches
}

// choose picks one of several matches: managed ones before others and these before ones that are leaving, then the
// latest check-in, then the least id. When the candidates disagree about compliance, the choice is noncompliant.
func choose(matches []*Record) Record {
	candidates := matches
	for _, better := range []func(managementState string) bool{inUse, func(m string) bool { return !leaving(m) }} {
		if some := slices.DeleteFunc(slices.Clone(matches), func(r *Record) bool { return !better(r.ManagementState) }); len(some) > 0 {
			candidates = some
			break
		}
	}
	best := candidates[0]
	for _, r := range candidates[1:] {
		if r.LastSync.After(best.LastSync) {
			best = r
		}
	}
	chosen := *best
	for _, r := range candidates {
		if r.state() != best.state() {
			chosen.ComplianceState, chosen.Conflict = StandingNoncompliant, true
		}
	}
	return chosen
}
