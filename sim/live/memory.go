package live

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"nacsim/internal/host"
)

// memory is a store of a world without a folder. It belongs to the machine, and so survives a crash of it, but not
// the process.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
}

// openMemory is a memory as one boot of the machine sees it.
type openMemory struct {
	n *node
	m *memory
}

// memory returns the machine's store with a name, which is empty the first time.
func (m *machine) memory(name string) *memory {
	m.memoriesMu.Lock()
	defer m.memoriesMu.Unlock()
	s := m.memories[name]
	if s == nil {
		if m.memories == nil {
			m.memories = map[string]*memory{}
		}
		s = &memory{values: map[string][]byte{}}
		m.memories[name] = s
	}
	return s
}

func (o openMemory) Get(key string) ([]byte, error) {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	if o.n.down.Load() {
		return nil, host.ErrDown
	}
	return clone(o.m.values[key]), nil
}

func (o openMemory) Put(key string, value []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	if o.n.down.Load() {
		return host.ErrDown
	}
	old := o.m.values[key]
	if old == nil { // an empty value is there, unlike no value
		old = make([]byte, 0, len(value))
	}
	o.m.values[key] = append(old[:0], value...)
	return nil
}

func (o openMemory) Delete(key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	if o.n.down.Load() {
		return host.ErrDown
	}
	delete(o.m.values, key)
	return nil
}

// Scan goes through the keys that were there when it was called, with the values they have when f is called. f may use
// the store: nothing is locked meanwhile.
func (o openMemory) Scan(prefix string, f func(key string, value []byte) bool) error {
	o.m.mu.Lock()
	keys := slices.Sorted(maps.Keys(o.m.values))
	o.m.mu.Unlock()
	for _, k := range keys {
		if !strings.HasPrefix(k, prefix) {
			continue
		}
		v, err := o.Get(k)
		if err != nil {
			return err
		}
		if v != nil && !f(k, v) {
			return nil
		}
	}
	if o.n.down.Load() {
		return host.ErrDown
	}
	return nil
}
