package hosttest

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"nacsim/internal/host"
)

var packetTests = []test{
	{"a datagram arrives with the address of its sender", func(s *stage) {
		s.host("server", func(h host.Host) error {
			c, err := h.ListenPacket(at(1, 1812))
			if err != nil {
				return err
			}
			if c.LocalAddr() != at(1, 1812) {
				return fmt.Errorf("LocalAddr = %v", c.LocalAddr())
			}
			h.Go("echo", func() {
				b := make([]byte, 100)
				for {
					n, from, err := c.ReadFrom(b, time.Time{})
					if err != nil {
						return
					}
					_ = c.WriteTo(append([]byte("from "+from.String()+": "), b[:n]...), from)
				}
			})
			return nil
		})
		s.client(func(h host.Host) error {
			c, err := h.ListenPacket(netip.AddrPortFrom(netip.IPv4Unspecified(), 0))
			if err != nil {
				return err
			}
			defer c.Close()
			me := c.LocalAddr()
			if me.Addr() != h.Addr() || me.Port() == 0 {
				return fmt.Errorf("LocalAddr of an unspecified address and port 0 = %v", me)
			}
			for _, text := range []string{"hello", ""} {
				if err := c.WriteTo([]byte(text), at(1, 1812)); err != nil {
					return err
				}
				got, from, err := read(h, c)
				if want := "from " + me.String() + ": " + text; err != nil || got != want || from != at(1, 1812) {
					return fmt.Errorf("read %q from %v, %v; want %q", got, from, err, want)
				}
			}
			return nil
		})
	}},
	{"port 0 picks a free port each time", func(s *stage) {
		s.solo(func(h host.Host) error {
			seen := map[uint16]bool{}
			for range 20 {
				c, err := h.ListenPacket(netip.AddrPortFrom(h.Addr(), 0))
				if err != nil {
					return err
				}
				defer c.Close()
				if p := c.LocalAddr().Port(); p == 0 || seen[p] {
					return fmt.Errorf("port %d", p)
				}
				seen[c.LocalAddr().Port()] = true
			}
			return nil
		})
	}},
	{"an address is used once, and is free after Close", func(s *stage) {
		s.solo(func(h host.Host) error {
			for range 3 {
				c, err := h.ListenPacket(at(1, 3799))
				if err != nil {
					return err
				}
				if _, err := h.ListenPacket(at(1, 3799)); err == nil {
					return fmt.Errorf("ListenPacket of an address in use works")
				}
				if err := c.Close(); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"the same port on two machines does not clash", func(s *stage) {
		boot := func(h host.Host) error {
			_, err := h.ListenPacket(netip.AddrPortFrom(h.Addr(), 3799))
			return err
		}
		s.host("a", boot)
		s.host("b", boot)
	}},
	{"a machine reaches itself", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, b, err := pair(h)
			if err != nil {
				return err
			}
			if err := a.WriteTo([]byte("x"), b.LocalAddr()); err != nil {
				return err
			}
			got, from, err := read(h, b)
			if err != nil || got != "x" || from != a.LocalAddr() {
				return fmt.Errorf("read %q from %v, %v", got, from, err)
			}
			return nil
		})
	}},
	{"a long datagram is cut, and its rest is gone", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, b, err := pair(h)
			if err != nil {
				return err
			}
			if err := first(a.WriteTo([]byte("0123456789"), b.LocalAddr()), a.WriteTo([]byte("next"), b.LocalAddr())); err != nil {
				return err
			}
			buf := make([]byte, 4)
			for _, want := range []string{"0123", "next"} {
				n, _, err := b.ReadFrom(buf, h.Now().Add(patience))
				if err != nil || string(buf[:n]) != want {
					return fmt.Errorf("read %q, %v; want %q", buf[:n], err, want)
				}
			}
			return nil
		})
	}},
	{"a large datagram arrives whole", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, b, err := pair(h)
			if err != nil {
				return err
			}
			sent := bytes.Repeat([]byte("0123456789"), 900)
			buf := make([]byte, 65536)
			if err := a.WriteTo(sent, b.LocalAddr()); err != nil {
				return err
			}
			n, _, err := b.ReadFrom(buf, h.Now().Add(patience))
			if err != nil || !bytes.Equal(buf[:n], sent) {
				return fmt.Errorf("read %d of %d octets, %v", n, len(sent), err)
			}
			return nil
		})
	}},
	{"WriteTo does not keep the datagram", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, b, err := pair(h)
			if err != nil {
				return err
			}
			buf := []byte("before")
			if err := a.WriteTo(buf, b.LocalAddr()); err != nil {
				return err
			}
			copy(buf, "after!")
			got, _, err := read(h, b)
			if err != nil || got != "before" {
				return fmt.Errorf("read %q, %v", got, err)
			}
			return nil
		})
	}},
	{"a datagram to nobody is no error", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, b, err := pair(h)
			if err != nil {
				return err
			}
			return first(
				a.WriteTo([]byte("x"), at(1, 9)),     // no such socket
				a.WriteTo([]byte("x"), at(77, 1812)), // no such machine
				// The socket is none the worse for it.
				a.WriteTo([]byte("y"), b.LocalAddr()),
				func() error { _, _, err := read(h, b); return err }(),
			)
		})
	}},
	{"a deadline ends ReadFrom", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, b, err := pair(h)
			if err != nil {
				return err
			}
			start := h.Now()
			_, _, err = b.ReadFrom(make([]byte, 9), start.Add(10*time.Millisecond))
			if err := first(expect("ReadFrom", err, host.ErrTimeout), s.took(h, start, 10*time.Millisecond)); err != nil {
				return err
			}
			_, _, err = b.ReadFrom(make([]byte, 9), start)
			if err := expect("ReadFrom with a deadline that has passed", err, host.ErrTimeout); err != nil {
				return err
			}
			if err := a.WriteTo([]byte("x"), b.LocalAddr()); err != nil {
				return err
			}
			got, _, err := read(h, b)
			if err != nil || got != "x" {
				return fmt.Errorf("after a timeout, read %q, %v", got, err)
			}
			return nil
		})
	}},
	{"each reader has a deadline of its own", func(s *stage) {
		s.solo(func(h host.Host) error {
			_, b, err := pair(h)
			if err != nil {
				return err
			}
			done := h.NewSignal()
			h.Go("patient", func() {
				_, _, err := b.ReadFrom(make([]byte, 9), time.Time{})
				s.note("%v", err)
				done.Set()
			})
			if _, _, err := b.ReadFrom(make([]byte, 9), h.Now().Add(10*time.Millisecond)); err != host.ErrTimeout {
				return fmt.Errorf("ReadFrom = %v", err)
			}
			if err := h.Sleep(10 * time.Millisecond); err != nil {
				return err
			}
			if got := s.noted(); len(got) > 0 {
				return fmt.Errorf("a reader without deadline returned %q", got)
			}
			return first(b.Close(), done.Wait(h.Now().Add(patience)))
		})
		if got := s.noted(); !slices.Equal(got, []string{host.ErrDown.Error()}) {
			s.t.Errorf("ReadFrom of a socket closed meanwhile = %q", got)
		}
	}},
	{"a closed socket is down", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, b, err := pair(h)
			if err != nil {
				return err
			}
			if err := b.Close(); err != nil {
				return err
			}
			_, _, err = b.ReadFrom(make([]byte, 9), time.Time{})
			return first(expect("ReadFrom", err, host.ErrDown),
				expect("WriteTo", b.WriteTo([]byte("x"), a.LocalAddr()), host.ErrDown))
		})
	}},
	{"several tasks share a socket and each datagram is read once", func(s *stage) {
		const datagrams = 60
		s.solo(func(h host.Host) error {
			a, b, err := pair(h)
			if err != nil {
				return err
			}
			for range 3 {
				h.Go("reader", func() {
					buf := make([]byte, 9)
					for {
						n, _, err := b.ReadFrom(buf, time.Time{})
						if err != nil {
							return
						}
						s.note("%s", buf[:n])
					}
				})
			}
			for i := range datagrams {
				if err := a.WriteTo(fmt.Appendf(nil, "%02d", i), b.LocalAddr()); err != nil {
					return err
				}
			}
			for start := h.Now(); len(s.noted()) < datagrams; {
				if err := h.Sleep(time.Millisecond); err != nil {
					return err
				}
				if h.Now().Sub(start) > patience {
					return fmt.Errorf("%d of %d datagrams arrived", len(s.noted()), datagrams)
				}
			}
			return nil
		})
		got := s.noted()
		slices.Sort(got)
		if len(slices.Compact(got)) != datagrams {
			s.t.Errorf("read %q", got)
		}
	}},
}

// client adds a machine with one task, and runs the world until all tasks have ended.
func (s *stage) client(f func(h host.Host) error) {
	s.t.Helper()
	s.host("client", func(h host.Host) error {
		s.task(h, "test", func() error { return f(h) })
		return nil
	})
	s.finish()
}

// pair opens two sockets.
func pair(h host.Host) (a, b host.PacketConn, err error) {
	if a, err = h.ListenPacket(netip.AddrPortFrom(h.Addr(), 0)); err != nil {
		return nil, nil, err
	}
	b, err = h.ListenPacket(netip.AddrPortFrom(h.Addr(), 0))
	return a, b, err
}

func read(h host.Host, c host.PacketConn) (string, netip.AddrPort, error) {
	b := make([]byte, 2000)
	n, from, err := c.ReadFrom(b, h.Now().Add(patience))
	return string(b[:n]), from, err
}
