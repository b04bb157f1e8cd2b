package live

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"nacsim/internal/host"
)

// ErrStoreInUse is that another process has the folder of the stores.
var ErrStoreInUse = errors.New("in use by another process")

// Writes are collected and go to the file together, after commitDelay, or when commitKeys keys have been written. Where
// that takes long, because there are many or the disk is slow, the next ones are collected for commitShare times as long,
// up to maxCommitDelay: many are of keys that have been written since the last time.
const (
	commitDelay    = 50 * time.Millisecond
	maxCommitDelay = 250 * time.Millisecond
	commitShare    = 20
	commitKeys     = 4096
)

// lockPatience is how long to wait for another process that has the file open.
const lockPatience = time.Second

var bucketName = []byte("store")

// store is a key-value store in a bbolt file. What has been written and not yet committed is in pending and
// committing, which hide what is in the file. A nil value stands for a deletion.
type store struct {
	n    *node
	path string
	db   *bolt.DB

	mu         sync.Mutex
	pending    map[string][]byte
	committing map[string][]byte
	err        error // the first failed commit; the store takes no more writes

	dirty chan struct{} // there is something pending
	full  chan struct{} // there is a lot pending
	quit  chan struct{}
	done  chan struct{} // the committer has ended
}

func (n *node) Store(name string) (host.Store, error) {
	if n.down.Load() {
		return nil, host.ErrDown
	}
	dir := n.m.w.cfg.Dir
	if dir == "" {
		return openMemory{n, n.m.memory(name)}, nil
	}
	dir = filepath.Join(dir, fileName(n.m.name))
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down.Load() {
		return nil, host.ErrDown
	}
	if s := n.stores[name]; s != nil {
		return s, nil
	}
	s, err := openStore(n, filepath.Join(dir, fileName(name)+".db"))
	if err != nil {
		return nil, err
	}
	n.stores[name] = s
	return s, nil
}

// fileName makes a name usable as that of a file.
func fileName(name string) string {
	switch f := url.PathEscape(name); {
	case f == "":
		return "%"
	case f[0] == '.':
		return "%2E" + f[1:]
	default:
		return f
	}
}

func openStore(n *node, path string) (*store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	db, err := openFile(path)
	if err != nil {
		return nil, err
	}
	s := &store{
		n: n, path: path, db: db, pending: map[string][]byte{},
		dirty: make(chan struct{}, 1), full: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go s.commitLoop()
	return s, nil
}

// openFile opens and checks a file. A damaged one can make bbolt panic, or touch memory that is not there.
func openFile(path string) (db *bolt.DB, err error) {
	damaged := func(cause any) error {
		return fmt.Errorf("store %s is damaged (%v): restore it from a backup, or move it away to begin with an empty one", path, cause)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = damaged(r)
		}
	}()
	// The list of free pages is kept in the file: rebuilding it would read the file in a goroutine of bbolt's, whose
	// panic nobody could catch.
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockPatience, FreelistType: bolt.FreelistMapType})
	switch {
	case err == nil:
	case errors.Is(err, bolt.ErrTimeout):
		return nil, fmt.Errorf("store %s is %w", path, ErrStoreInUse)
	case errors.Is(err, os.ErrPermission), errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("store: %w", err)
	default:
		return nil, damaged(err)
	}
	if err := check(db); err != nil {
		db.Close()
		return nil, damaged(err)
	}
	return db, nil
}

// check reads the whole file, so that damage shows now and not in the middle of a run. A new file gets its
// bucket.
func check(db *bolt.DB) error {
	isNew := false
	err := db.View(func(tx *bolt.Tx) error {
		if info, err := os.Stat(db.Path()); err != nil || info.Size() < tx.Size() {
			return errors.New("it has been cut short")
		}
		b := tx.Bucket(bucketName)
		if b == nil {
			isNew = true
			return nil
		}
		var last []byte
		return b.ForEach(func(k, v []byte) error {
			if v == nil || last != nil && bytes.Compare(last, k) >= 0 {
				return errors.New("its keys are out of order")
			}
			last = append(last[:0], k...)
			return nil
		})
	})
	if err != nil || !isNew {
		return err
	}
	return db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket(bucketName)
		return err
	})
}

func (s *store) Get(key string) ([]byte, error) {
	if s.n.down.Load() {
		return nil, host.ErrDown
	}
	s.mu.Lock()
	v, known := s.uncommitted(key)
	s.mu.Unlock()
	if known {
		return clone(v), nil
	}
	// A commit between the two looks moves the key into the file, where it is found now.
	err := s.db.View(func(tx *bolt.Tx) error {
		v = clone(tx.Bucket(bucketName).Get([]byte(key)))
		return nil
	})
	return v, s.failure(err)
}

// uncommitted is the value of a key that is not in the file yet.
func (s *store) uncommitted(key string) ([]byte, bool) {
	if v, ok := s.pending[key]; ok {
		return v, true
	}
	v, ok := s.committing[key]
	return v, ok
}

// clone copies a value. An empty one is there, unlike no value.
func clone(v []byte) []byte {
	if v == nil {
		return nil
	}
	return append(make([]byte, 0, len(v)), v...)
}

func (s *store) Put(key string, value []byte) error {
	return s.write(key, append(make([]byte, 0, len(value)), value...))
}

func (s *store) Delete(key string) error { return s.write(key, nil) }

func (s *store) write(key string, value []byte) error {
	if err := checkKey(key); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n.down.Load() {
		return host.ErrDown
	}
	if s.err != nil {
		return s.err
	}
	s.pending[key] = value
	nudge(s.dirty)
	if len(s.pending) >= commitKeys {
		nudge(s.full)
	}
	return nil
}

// checkKey refuses what no file can hold.
func checkKey(key string) error {
	if key == "" || len(key) > bolt.MaxKeySize {
		return fmt.Errorf("store: a key has 1 to %d octets, this one has %d", bolt.MaxKeySize, len(key))
	}
	return nil
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Scan goes through the keys that were there when it was called, with the values they have when f is called.
// f may use the store: nothing is locked meanwhile.
func (s *store) Scan(prefix string, f func(key string, value []byte) bool) error {
	keys, err := s.keys(prefix)
	if err != nil {
		return err
	}
	for _, k := range keys {
		v, err := s.Get(k)
		if err != nil {
			return err
		}
		if v != nil && !f(k, v) {
			return nil
		}
	}
	return nil
}

// keys are the keys with the prefix in ascending order, perhaps with some that have just been deleted.
func (s *store) keys(prefix string) ([]string, error) {
	if s.n.down.Load() {
		return nil, host.ErrDown
	}
	// In this order a key that a commit moves to the file in between is found twice rather than not at all.
	keys := s.uncommittedKeys(prefix)
	err := s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketName).Cursor()
		for k, _ := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
			keys = append(keys, string(k))
		}
		return nil
	})
	slices.Sort(keys)
	return slices.Compact(keys), s.failure(err)
}

func (s *store) uncommittedKeys(prefix string) (keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range []map[string][]byte{s.committing, s.pending} {
		for k, v := range m { // order-free: the caller sorts
			if v != nil && strings.HasPrefix(k, prefix) {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

func (s *store) failure(err error) error {
	switch {
	case err == nil:
		return nil
	case s.n.down.Load():
		return host.ErrDown
	}
	return fmt.Errorf("store %s: %w", s.path, err)
}

// commitLoop writes what is pending to the file until quit.
func (s *store) commitLoop() {
	defer close(s.done)
	var took time.Duration
	for {
		select {
		case <-s.dirty:
		case <-s.quit:
			return
		}
		t := time.NewTimer(min(max(commitDelay, commitShare*took), maxCommitDelay))
		select {
		case <-t.C:
		case <-s.full:
		case <-s.quit:
			t.Stop()
			return
		}
		t.Stop()
		began := time.Now()
		s.commit()
		took = time.Since(began)
	}
}

// commit writes what is pending in one transaction.
func (s *store) commit() error {
	s.mu.Lock()
	if s.err != nil || len(s.pending) == 0 {
		defer s.mu.Unlock()
		return s.err
	}
	batch := s.pending
	s.committing, s.pending = batch, map[string][]byte{}
	s.mu.Unlock()
	err := s.apply(batch)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		// The batch stays readable; what comes after it is refused, so that nothing overtakes it.
		s.err = fmt.Errorf("store %s: %w", s.path, err)
		return s.err
	}
	s.committing = nil
	return nil
}

// apply makes the changes of a batch to the file in one transaction.
func (s *store) apply(batch map[string][]byte) (err error) {
	defer func() {
		if r := recover(); r != nil { // bbolt has met damage that no check found
			err = fmt.Errorf("the file is damaged: %v", r)
		}
	}()
	return s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketName)
		for _, k := range slices.Sorted(maps.Keys(batch)) {
			var err error
			if v := batch[k]; v == nil {
				err = b.Delete([]byte(k))
			} else {
				err = b.Put([]byte(k), v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// close closes the file, after writing what is pending. The machine is down already.
func (s *store) close() error {
	close(s.quit)
	<-s.done
	err := s.commit()
	if e := s.db.Close(); e != nil {
		err = errors.Join(err, fmt.Errorf("store %s: %w", s.path, e))
	}
	return err
}
