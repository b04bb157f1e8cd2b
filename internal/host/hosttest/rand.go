package hosttest

import (
	"bytes"
	"fmt"
	"io"

	"nacsim/internal/host"
)

var randTests = []test{
	{"streams are independent and continue", func(s *stage) {
		s.solo(func(h host.Host) error {
			seen := [][]byte{draw(h, "a"), draw(h, "b"), draw(h, "a"), draw(h, "b"), draw(h, "")}
			for i, x := range seen {
				for _, y := range seen[:i] {
					if bytes.Equal(x, y) {
						return fmt.Errorf("two draws are equal: %x", seen)
					}
				}
			}
			return nil
		})
	}},
	{"machines draw different bytes", func(s *stage) {
		var drawn [2][]byte
		for i, name := range []string{"a", "b"} {
			s.host(name, func(h host.Host) error {
				drawn[i] = draw(h, "stream")
				return nil
			})
		}
		if bytes.Equal(drawn[0], drawn[1]) {
			s.t.Errorf("two machines drew %x", drawn[0])
		}
	}},
	{"a restart draws different bytes", func(s *stage) {
		var drawn [][]byte
		s.host("a", func(h host.Host) error {
			drawn = append(drawn, draw(h, "stream"))
			return nil
		})
		if err := first(s.w.Crash("a"), s.w.Restart("a")); err != nil {
			s.t.Fatal(err)
		}
		if len(drawn) != 2 || bytes.Equal(drawn[0], drawn[1]) {
			s.t.Errorf("two boots drew %x", drawn)
		}
	}},
	{"an exact world repeats itself, whatever other streams there are; a live one does not", func(s *stage) {
		other := s.newWorld(s.t)
		defer other.Close()
		var drawn [2][]byte
		for i, w := range []World{s.w, other} {
			err := w.AddHost("a", ip(1), func(h host.Host) error {
				if i == 1 {
					draw(h, "another stream")
				}
				drawn[i] = draw(h, "stream")
				return nil
			})
			if err != nil {
				s.t.Fatal(err)
			}
		}
		if bytes.Equal(drawn[0], drawn[1]) != s.exact() {
			s.t.Errorf("two worlds drew %x", drawn)
		}
	}},
}

func draw(h host.Host, stream string) []byte {
	b := make([]byte, 16)
	if _, err := io.ReadFull(h.Rand(stream), b); err != nil {
		panic(err)
	}
	return b
}
