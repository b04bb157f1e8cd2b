package hosttest

import (
	"fmt"
	"net"
	"slices"
	"time"

	"nacsim/internal/host"
)

var (
	cable = host.Medium{Kind: host.Cable, Name: "sw-1/3"}
	radio = host.Medium{Kind: host.Radio, Name: "corp"}

	macA  = net.HardwareAddr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x0a}
	macB  = net.HardwareAddr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x0b}
	macC  = net.HardwareAddr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x0c}
	group = net.HardwareAddr{0x01, 0x80, 0xc2, 0x00, 0x00, 0x03} // the PAE group address of IEEE 802.1X
)

// frame makes a frame of the medium's kind.
func frame(m host.Medium, to, from net.HardwareAddr, text string) []byte {
	if m.Kind == host.Cable {
		return slices.Concat(to, from, []byte{0x88, 0x8e}, []byte(text))
	}
	// A QoS-less data frame from the AP: frame control, duration, receiver, transmitter, source, sequence.
	return slices.Concat([]byte{0x08, 0x02, 0, 0}, to, from, from, []byte{0, 0}, []byte(text))
}

var frameTests = []test{
	{"a unicast frame reaches the port with its MAC address", func(s *stage) {
		for _, m := range []host.Medium{cable, radio} {
			s.onMedium(m, func(h host.Host, a, b, c host.Port) error {
				return first(
					a.WriteFrame(frame(m, macC, macA, "for C")),
					a.WriteFrame(frame(m, macB, macA, "for B")),
					wantFrame(h, b, frame(m, macB, macA, "for B")),
					wantFrame(h, c, frame(m, macC, macA, "for C")),
					wantSilence(h, a), wantSilence(h, b), wantSilence(h, c),
				)
			})
		}
	}},
	{"a group frame reaches every other port", func(s *stage) {
		for _, m := range []host.Medium{cable, radio} {
			s.onMedium(m, func(h host.Host, a, b, c host.Port) error {
				f := frame(m, group, macB, "for all")
				return first(b.WriteFrame(f), wantFrame(h, a, f), wantFrame(h, c, f), wantSilence(h, b))
			})
		}
	}},
	{"a frame for nobody is no error", func(s *stage) {
		s.onMedium(radio, func(h host.Host, a, b, c host.Port) error {
			return first(a.WriteFrame(frame(radio, net.HardwareAddr{0, 1, 2, 3, 4, 5}, macA, "x")),
				wantSilence(h, b), wantSilence(h, c))
		})
	}},
	{"media are separate, also those of the same name and another kind", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, err := h.Attach(cable, macA)
			if err != nil {
				return err
			}
			for _, m := range []host.Medium{{Kind: host.Cable, Name: "sw-1/4"}, {Kind: host.Radio, Name: cable.Name}} {
				p, err := h.Attach(m, macB)
				if err != nil {
					return err
				}
				if err := first(a.WriteFrame(frame(cable, macB, macA, "x")),
					a.WriteFrame(frame(cable, group, macA, "x")), wantSilence(h, p)); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"frames keep their order", func(s *stage) {
		s.onMedium(radio, func(h host.Host, a, b, _ host.Port) error {
			for i := range 20 {
				if err := a.WriteFrame(frame(radio, macB, macA, fmt.Sprint(i))); err != nil {
					return err
				}
			}
			for i := range 20 {
				if err := wantFrame(h, b, frame(radio, macB, macA, fmt.Sprint(i))); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"WriteFrame does not keep the frame, and ReadFrame gives it away", func(s *stage) {
		s.onMedium(radio, func(h host.Host, a, b, c host.Port) error {
			sent := frame(radio, group, macA, "before")
			want := slices.Clone(sent)
			if err := a.WriteFrame(sent); err != nil {
				return err
			}
			clear(sent)
			got, err := b.ReadFrame(h.Now().Add(patience))
			if err != nil {
				return err
			}
			clear(got)
			return wantFrame(h, c, want)
		})
	}},
	{"a frame without addresses is an error of its sender", func(s *stage) {
		s.onMedium(cable, func(h host.Host, a, b, c host.Port) error {
			for _, f := range [][]byte{nil, macB[:5]} {
				if a.WriteFrame(f) == nil {
					return fmt.Errorf("WriteFrame takes a frame of %d octets", len(f))
				}
			}
			return wantSilence(h, b)
		})
	}},
	{"a station has a MAC address of its own", func(s *stage) {
		s.solo(func(h host.Host) error {
			if _, err := h.Attach(radio, macA); err != nil {
				return err
			}
			for _, mac := range []net.HardwareAddr{nil, macB[:5], {2, 2, 3, 4, 5, 6, 7, 8}, group, macA} {
				if _, err := h.Attach(radio, mac); err == nil {
					return fmt.Errorf("Attach with MAC address %v works", mac)
				}
			}
			return nil
		})
	}},
	{"a deadline ends ReadFrame", func(s *stage) {
		s.onMedium(radio, func(h host.Host, a, b, _ host.Port) error {
			start := h.Now()
			_, err := b.ReadFrame(start.Add(10 * time.Millisecond))
			f := frame(radio, macB, macA, "x")
			return first(expect("ReadFrame", err, host.ErrTimeout), s.took(h, start, 10*time.Millisecond),
				a.WriteFrame(f), wantFrame(h, b, f))
		})
	}},
	{"a closed port is down and gets no frames", func(s *stage) {
		s.onMedium(radio, func(h host.Host, a, b, _ host.Port) error {
			done := h.NewSignal()
			h.Go("reader", func() {
				_, err := b.ReadFrame(time.Time{})
				s.note("%v", err)
				done.Set()
			})
			if err := first(h.Sleep(5*time.Millisecond), b.Close(), done.Wait(h.Now().Add(patience))); err != nil {
				return err
			}
			if got := s.noted(); !slices.Equal(got, []string{host.ErrDown.Error()}) {
				return fmt.Errorf("ReadFrame of a port closed meanwhile = %q", got)
			}
			_, err := b.ReadFrame(time.Time{})
			if err := first(expect("ReadFrame", err, host.ErrDown),
				expect("WriteFrame", b.WriteFrame(frame(radio, macA, macB, "x")), host.ErrDown)); err != nil {
				return err
			}
			// The address is free for the next one, who hears only what comes now.
			if err := a.WriteFrame(frame(radio, macB, macA, "old")); err != nil {
				return err
			}
			if b, err = h.Attach(radio, macB); err != nil {
				return err
			}
			f := frame(radio, macB, macA, "new")
			return first(a.WriteFrame(f), wantFrame(h, b, f))
		})
	}},
	{"a cable loses carrier when the last peer goes, after its last frame, once", func(s *stage) {
		s.onMedium(cable, func(h host.Host, a, b, c host.Port) error {
			if err := first(c.Close(), wantSilence(h, a), wantSilence(h, b)); err != nil {
				return err
			}
			for range 2 {
				last := frame(cable, macA, macB, "goodbye")
				if err := first(b.WriteFrame(last), b.Close(), wantFrame(h, a, last)); err != nil {
					return err
				}
				_, err := a.ReadFrame(h.Now().Add(patience))
				err = first(expect("ReadFrame on an unplugged cable", err, host.ErrNoCarrier),
					a.WriteFrame(frame(cable, macB, macA, "to nobody")), wantSilence(h, a))
				if err != nil {
					return err
				}
				// Plugged in again, it carries frames and can lose carrier again.
				if b, err = h.Attach(cable, macB); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"a cable that is plugged in again at once has lost carrier before it carries more", func(s *stage) {
		s.onMedium(cable, func(h host.Host, a, b, c host.Port) error {
			next := frame(cable, macA, macC, "here is another")
			err := first(c.Close(), b.Close())
			if err != nil {
				return err
			}
			if c, err = h.Attach(cable, macC); err != nil {
				return err
			}
			if err = c.WriteFrame(next); err != nil {
				return err
			}
			_, err = a.ReadFrame(h.Now().Add(patience))
			return first(expect("ReadFrame on a cable that was unplugged", err, host.ErrNoCarrier), wantFrame(h, a, next))
		})
	}},
	{"the loss of carrier wakes a reader", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, b, _, err := attach(h, cable, 2)
			if err != nil {
				return err
			}
			h.AfterFunc(5*time.Millisecond, func() { _ = b.Close() })
			_, err = a.ReadFrame(time.Time{})
			return expect("ReadFrame", err, host.ErrNoCarrier)
		})
	}},
	{"a cable that is plugged in at one end has lost nothing", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, _, _, err := attach(h, cable, 1)
			if err != nil {
				return err
			}
			return wantSilence(h, a)
		})
	}},
	{"the air has no carrier", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, b, _, err := attach(h, radio, 2)
			if err != nil {
				return err
			}
			return first(b.Close(), wantSilence(h, a))
		})
	}},
}

// onMedium runs a test with three ports on a medium, on a machine of its own.
func (s *stage) onMedium(m host.Medium, f func(h host.Host, a, b, c host.Port) error) {
	s.t.Helper()
	s.host(fmt.Sprintf("%d/%s", m.Kind, m.Name), func(h host.Host) error {
		a, b, c, err := attach(h, m, 3)
		if err != nil {
			return err
		}
		s.task(h, "test", func() error { return f(h, a, b, c) })
		return nil
	})
	s.finish()
}

// attach opens the first n ports of three.
func attach(h host.Host, m host.Medium, n int) (a, b, c host.Port, err error) {
	ports := [3]host.Port{}
	for i, mac := range []net.HardwareAddr{macA, macB, macC}[:n] {
		if ports[i], err = h.Attach(m, mac); err != nil {
			return nil, nil, nil, err
		}
	}
	return ports[0], ports[1], ports[2], nil
}

func wantFrame(h host.Host, p host.Port, want []byte) error {
	got, err := p.ReadFrame(h.Now().Add(patience))
	if err != nil || !slices.Equal(got, want) {
		return fmt.Errorf("ReadFrame = %q, %v; want %q", got, err, want)
	}
	return nil
}

// wantSilence checks that the port has nothing to read, neither frame nor loss of carrier.
func wantSilence(h host.Host, p host.Port) error {
	got, err := p.ReadFrame(h.Now().Add(10 * time.Millisecond))
	if err != host.ErrTimeout {
		return fmt.Errorf("ReadFrame = %q, %v; want nothing", got, err)
	}
	return nil
}
