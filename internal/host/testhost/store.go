package testhost

import (
	"maps"
	"slices"
	"strings"

	"nacsim/internal/host"
)

// Store opens a store, which is empty the first time. What a boot of the machine opened fails with host.ErrDown once
// that boot has crashed.
func (m *Machine) Store(name string) (host.Store, error) {
	if m.down {
		return nil, host.ErrDown
	}
	if m.stores[name] == nil {
		m.stores[name] = map[string][]byte{}
	}
	return &store{m, m.stores[name]}, nil
}

type store struct {
	m       *Machine
	records map[string][]byte
}

func (s *store) Get(key string) ([]byte, error) {
	if s.m.down {
		return nil, host.ErrDown
	}
	return slices.Clone(s.records[key]), nil
}

func (s *store) Put(key string, value []byte) error {
	if s.m.down {
		return host.ErrDown
	}
	s.records[key] = append([]byte{}, value...)
	return nil
}

func (s *store) Delete(key string) error {
	if s.m.down {
		return host.ErrDown
	}
	delete(s.records, key)
	return nil
}

func (s *store) Scan(prefix string, f func(key string, value []byte) bool) error {
	if s.m.down {
		return host.ErrDown
	}
	for _, key := range slices.Sorted(maps.Keys(s.records)) {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		// f may have deleted what comes later.
		if value, ok := s.records[key]; ok && !f(key, slices.Clone(value)) {
			break
		}
	}
	return nil
}
