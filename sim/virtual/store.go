package virtual

import (
	"slices"
	"strings"

	"nacsim/internal/host"
)

// store is a key-value store in memory that belongs to the machine and so survives its crashes.
type store struct {
	keys   []string // sorted
	values map[string][]byte
}

// openStore is a store as one boot of the machine sees it.
type openStore struct {
	n *node
	s *store
}

func (n *node) Store(name string) (host.Store, error) {
	if n.down {
		return nil, host.ErrDown
	}
	s := n.m.stores[name]
	if s == nil {
		s = &store{values: map[string][]byte{}}
		n.m.stores[name] = s
	}
	return openStore{n, s}, nil
}

func (o openStore) Get(key string) ([]byte, error) {
	if o.n.down {
		return nil, host.ErrDown
	}
	return slices.Clone(o.s.values[key]), nil
}

func (o openStore) Put(key string, value []byte) error {
	if o.n.down {
		return host.ErrDown
	}
	if _, ok := o.s.values[key]; !ok {
		i, _ := slices.BinarySearch(o.s.keys, key)
		o.s.keys = slices.Insert(o.s.keys, i, key)
	}
	// An empty value is there, unlike no value.
	o.s.values[key] = append([]byte{}, value...)
	return nil
}

func (o openStore) Delete(key string) error {
	if o.n.down {
		return host.ErrDown
	}
	if _, ok := o.s.values[key]; ok {
		i, _ := slices.BinarySearch(o.s.keys, key)
		o.s.keys = slices.Delete(o.s.keys, i, i+1)
		delete(o.s.values, key)
	}
	return nil
}

func (o openStore) Scan(prefix string, f func(string, []byte) bool) error {
	if o.n.down {
		return host.ErrDown
	}
	first, _ := slices.BinarySearch(o.s.keys, prefix)
	// f may write to the store, so the keys are fixed before it is called.
	for _, k := range slices.Clone(o.s.keys[first:]) {
		if !strings.HasPrefix(k, prefix) {
			break
		}
		v, ok := o.s.values[k]
		if ok && !f(k, slices.Clone(v)) {
			break
		}
	}
	return nil
}
