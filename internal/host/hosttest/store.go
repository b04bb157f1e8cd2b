package hosttest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nacsim/internal/host"
)

var storeTests = []test{
	{"Get, Put and Delete", func(s *stage) {
		s.withStore(func(h host.Host, st host.Store) error {
			v, err := st.Get("k")
			if v != nil || err != nil {
				return fmt.Errorf("Get of no value = %q, %v", v, err)
			}
			for _, want := range []string{"one", "two", ""} {
				if err := st.Put("k", []byte(want)); err != nil {
					return err
				}
				if v, err = st.Get("k"); v == nil || string(v) != want || err != nil {
					return fmt.Errorf("Get = %#v, %v; want %q", v, err, want)
				}
			}
			if err := first(st.Delete("k"), st.Delete("k")); err != nil {
				return err
			}
			if v, err = st.Get("k"); v != nil || err != nil {
				return fmt.Errorf("Get after Delete = %q, %v", v, err)
			}
			return nil
		})
	}},
	{"values are copied in and out", func(s *stage) {
		s.withStore(func(h host.Host, st host.Store) error {
			value := []byte("before")
			if err := st.Put("k", value); err != nil {
				return err
			}
			clear(value)
			got, err := st.Get("k")
			if err != nil {
				return err
			}
			clear(got)
			err = st.Scan("", func(_ string, v []byte) bool { clear(v); return true })
			if err != nil {
				return err
			}
			if got, err = st.Get("k"); string(got) != "before" {
				return fmt.Errorf("Get = %q, %v", got, err)
			}
			return nil
		})
	}},
	{"Scan gives the keys with the prefix in order", func(s *stage) {
		s.withStore(func(h host.Host, st host.Store) error {
			for _, k := range []string{"b/2", "a", "b/1", "b0", "b/10", "b/", "b", "c"} {
				if err := st.Put(k, []byte("value of "+k)); err != nil {
					return err
				}
			}
			if err := st.Delete("b/1"); err != nil {
				return err
			}
			for _, tt := range []struct{ prefix, want string }{
				{"b/", "b/ b/10 b/2"}, {"", "a b b/ b/10 b/2 b0 c"}, {"b", "b b/ b/10 b/2 b0"}, {"x", ""}, {"b/10", "b/10"},
			} {
				got, err := keys(st, tt.prefix)
				if err != nil || got != tt.want {
					return fmt.Errorf("Scan(%q) = %q, %v; want %q", tt.prefix, got, err, tt.want)
				}
			}
			var got []string
			err := st.Scan("b", func(k string, v []byte) bool {
				got = append(got, k+"="+string(v))
				return len(got) < 2
			})
			if want := []string{"b=value of b", "b/=value of b/"}; err != nil || !slices.Equal(got, want) {
				return fmt.Errorf("Scan that is stopped = %q, %v; want %q", got, err, want)
			}
			return nil
		})
	}},
	{"Scan mixes old keys and new ones", func(s *stage) {
		s.withStore(func(h host.Host, st host.Store) error {
			if err := putAll(st, "a", "c", "e"); err != nil {
				return err
			}
			// A live world has written the first three by now.
			if err := h.Sleep(300 * time.Millisecond); err != nil {
				return err
			}
			if err := first(putAll(st, "b", "d", "f"), st.Delete("c"), st.Put("e", []byte("new"))); err != nil {
				return err
			}
			if got, err := keys(st, ""); err != nil || got != "a b d e f" {
				return fmt.Errorf("Scan = %q, %v", got, err)
			}
			if v, err := st.Get("e"); err != nil || string(v) != "new" {
				return fmt.Errorf("Get = %q, %v", v, err)
			}
			return nil
		})
	}},
	{"Scan's function may use the store", func(s *stage) {
		s.withStore(func(h host.Host, st host.Store) error {
			if err := putAll(st, "a", "b", "c"); err != nil {
				return err
			}
			err := st.Scan("", func(k string, v []byte) bool {
				return first(st.Put("z/"+k, v), st.Delete(k)) == nil
			})
			if err != nil {
				return err
			}
			if got, err := keys(st, ""); err != nil || got != "z/a z/b z/c" {
				return fmt.Errorf("Scan = %q, %v", got, err)
			}
			return nil
		})
	}},
	{"stores are separate by name and by machine", func(s *stage) {
		for _, name := range []string{"a", "b"} {
			s.host(name, func(h host.Host) error {
				one, err := h.Store("one")
				if err != nil {
					return err
				}
				two, err := h.Store("two")
				if err != nil {
					return err
				}
				return first(one.Put("k", []byte(name)), wantValue(one, "k", name), wantValue(two, "k", ""))
			})
		}
	}},
	{"a store opened twice is one store", func(s *stage) {
		s.withStore(func(h host.Host, st host.Store) error {
			again, err := h.Store("store")
			if err != nil {
				return err
			}
			return first(st.Put("k", []byte("v")), wantValue(again, "k", "v"))
		})
	}},
	{"tasks share a store", func(s *stage) {
		s.host("a", func(h host.Host) error {
			st, err := h.Store("store")
			if err != nil {
				return err
			}
			for n := range 4 {
				s.task(h, "writer", func() error {
					for i := range 50 {
						k := fmt.Sprintf("%d/%02d", n, i)
						if err := first(st.Put(k, []byte(k)), wantValue(st, k, k), h.Sleep(0)); err != nil {
							return err
						}
					}
					got, err := keys(st, fmt.Sprint(n, "/"))
					if len(strings.Fields(got)) != 50 {
						return fmt.Errorf("Scan = %q, %v", got, err)
					}
					return nil
				})
			}
			return nil
		})
		s.finish()
	}},
	{"what was stored survives a crash", func(s *stage) {
		boots := 0
		s.host("a", func(h host.Host) error {
			boots++
			st, err := h.Store("store")
			if err != nil {
				return err
			}
			if boots == 1 {
				return first(putAll(st, "a", "b", "gone"), st.Delete("gone"))
			}
			if got, err := keys(st, ""); err != nil || got != "a b" {
				return fmt.Errorf("after the crash: %q, %v", got, err)
			}
			return wantValue(st, "a", "a")
		})
		s.settle(time.Second) // "within a fraction of a second"
		if err := first(s.w.Crash("a"), s.w.Restart("a")); err != nil {
			s.t.Fatal(err)
		}
	}},
	{"a crash loses only the last writes", func(s *stage) {
		const last = 200
		boots := 0
		s.host("a", func(h host.Host) error {
			boots++
			st, err := h.Store("store")
			if err != nil {
				return err
			}
			if boots == 2 {
				got, err := keys(st, "")
				have := strings.Fields(got)
				for i, k := range have {
					if k != fmt.Sprintf("%03d", i) {
						return fmt.Errorf("a write in the middle is missing: %q, %v", got, err)
					}
				}
				return err
			}
			h.Go("writer", func() {
				for i := range last {
					if first(st.Put(fmt.Sprintf("%03d", i), nil), h.Sleep(time.Millisecond)) != nil {
						return
					}
					s.note("%d", i)
				}
			})
			return nil
		})
		s.untilNotes(last / 2)
		if err := first(s.w.Crash("a"), s.w.Restart("a")); err != nil {
			s.t.Fatal(err)
		}
	}},
	{"after a crash the store of the old boot is down", func(s *stage) {
		var old host.Store
		var machine host.Host
		s.host("a", func(h host.Host) (err error) {
			if old == nil {
				machine = h
				old, err = h.Store("store")
				return first(err, old.Put("k", []byte("v")))
			}
			return nil
		})
		if err := s.w.Crash("a"); err != nil {
			s.t.Fatal(err)
		}
		for range 2 {
			_, getErr := old.Get("k")
			_, openErr := machine.Store("store")
			err := first(
				expect("Put", old.Put("k", []byte("w")), host.ErrDown),
				expect("Delete", old.Delete("k"), host.ErrDown),
				expect("Get", getErr, host.ErrDown),
				expect("Scan", old.Scan("", func(string, []byte) bool { return true }), host.ErrDown),
				expect("Store", openErr, host.ErrDown),
			)
			if err != nil {
				s.t.Fatal(err)
			}
			if err := s.w.Restart("a"); err != nil {
				s.t.Fatal(err)
			}
			if err := s.w.Crash("a"); err != nil {
				s.t.Fatal(err)
			}
		}
	}},
}

func (s *stage) withStore(f func(h host.Host, st host.Store) error) {
	s.t.Helper()
	s.solo(func(h host.Host) error {
		st, err := h.Store("store")
		if err != nil {
			return err
		}
		return f(h, st)
	})
}

// putAll stores each key as its own value.
func putAll(st host.Store, keys ...string) error {
	for _, k := range keys {
		if err := st.Put(k, []byte(k)); err != nil {
			return err
		}
	}
	return nil
}

// keys are the keys with the prefix as Scan gives them, separated by spaces.
func keys(st host.Store, prefix string) (string, error) {
	var got []string
	err := st.Scan(prefix, func(k string, _ []byte) bool {
		got = append(got, k)
		return true
	})
	return strings.Join(got, " "), err
}

func wantValue(st host.Store, key, want string) error {
	got, err := st.Get(key)
	if err != nil || string(got) != want {
		return errors.Join(fmt.Errorf("Get(%s) = %q, want %q", key, got, want), err)
	}
	return nil
}
