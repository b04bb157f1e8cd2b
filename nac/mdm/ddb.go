package mdm

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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
}

// openDDB loads the records. Those that the last poll confirmed without changing them were not written then, so
// they are as old as that poll.
func openDDB(store host.Store, limit int, lastPoll time.Time) (*ddb, error) {
	db := &ddb{store: store, max: limit, records: map[string]*Record{}, byName: map[string][]string{}, byMAC: map[string][]string{}}
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

// match returns the records that a key asks for, in the order of their ids.
func (db *ddb) match(k identity.Key) []*Record {
	var ids []string
	switch k.Kind {
	case identity.MAC:
		ids = db.byMAC[normalMAC(k.Value)]
	case identity.CN:
		ids = db.byName[strings.ToLower(k.Value)]
	case identity.SANDNS:
		ids = []string{strings.ToLower(k.Value)}
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

// put stores what Graph said of a device and returns the record as it was, or nil. Of two replies that overtook
// each other the older changes nothing.
func (db *ddb) put(f *fetched) (was *Record, changed bool, err error) {
	was = db.records[f.ID]
	r := f.Record
	if was != nil {
		if r.FetchedAt.Before(was.FetchedAt) {
			return was, false, nil
		}
		if !f.ethernetKnown {
			r.EthernetMAC = was.EthernetMAC
		}
	} else if len(db.records) >= db.max {
		return nil, false, errFull
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
	addID(db.byName, strings.ToLower(r.DeviceName), r.ID)
	addID(db.byMAC, r.WiFiMAC, r.ID)
	addID(db.byMAC, r.EthernetMAC, r.ID)
}

func (db *ddb) unindex(r *Record) {
	delete(db.records, r.ID)
	dropID(db.byName, strings.ToLower(r.DeviceName), r.ID)
	dropID(db.byMAC, r.WiFiMAC, r.ID)
	dropID(db.byMAC, r.EthernetMAC, r.ID)
}

// addID puts id into the ascending list under key. An empty key is none.
func addID(index map[string][]string, key, id string) {
	if key == "" {
		return
	}
	ids := index[key]
	if at, found := slices.BinarySearch(ids, id); !found {
		index[key] = slices.Insert(ids, at, id)
	}
}

func dropID(index map[string][]string, key, id string) {
	ids := index[key]
	at, found := slices.BinarySearch(ids, id)
	switch {
	case !found:
	case len(ids) == 1:
		delete(index, key)
	default:
		index[key] = slices.Delete(ids, at, at+1)
	}
}

// resolve returns the record that a client's keys stand for, and the key that decided.
func (db *ddb) resolve(keys []identity.Key) (Record, identity.Key, bool) {
	for i, k := range keys {
		if matches := db.match(k); len(matches) > 0 {
			return choose(confirmed(matches, keys[i+1:])), k, true
		}
	}
	return Record{}, identity.Key{}, false
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
