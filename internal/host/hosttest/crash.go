package hosttest

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"nacsim/internal/host"
)

var crashTests = []test{
	{"a crash ends every blocking call with ErrDown", func(s *stage) {
		calls, err := s.blockedMachine()
		if err != nil {
			s.t.Fatal(err)
		}
		s.untilNotes(calls) // all are about to block
		s.settle(20 * time.Millisecond)
		if err := s.w.Crash("a"); err != nil {
			s.t.Fatal(err)
		}
		s.untilNotes(2 * calls)
		for _, n := range s.noted()[calls:] {
			if n[len(n)-len(" down"):] != " down" {
				s.t.Errorf("after the crash: %s", n)
			}
		}
	}},
	{"a machine that is down stays down", func(s *stage) {
		var h host.Host
		var c host.PacketConn
		var p host.Port
		var sig host.Signal
		s.host("a", func(machine host.Host) (err error) {
			if h != nil {
				return nil
			}
			h = machine
			sig = h.NewSignal()
			if c, err = h.ListenPacket(at(1, 1812)); err == nil {
				p, err = h.Attach(radio, macA)
			}
			return err
		})
		for range 2 {
			if err := s.w.Crash("a"); err != nil {
				s.t.Fatal(err)
			}
			if err := downCalls(h, c, p, sig); err != nil {
				s.t.Fatal(err)
			}
			h.Go("never", func() { s.note("a task ran") })
			h.AfterFunc(0, func() { s.note("a timer ran") })
			if err := s.w.Restart("a"); err != nil {
				s.t.Fatal(err)
			}
		}
		s.settle(20 * time.Millisecond)
		if got := s.noted(); len(got) > 0 {
			s.t.Errorf("on a machine that is down, %q", got)
		}
	}},
	{"timers do not outlive their boot", func(s *stage) {
		boots := 0
		s.host("a", func(h host.Host) error {
			boots++
			n := boots
			h.AfterFunc(30*time.Millisecond, func() { s.note("timer of boot %d", n) })
			return nil
		})
		if err := first(s.w.Crash("a"), s.w.Restart("a")); err != nil {
			s.t.Fatal(err)
		}
		s.settle(60 * time.Millisecond)
		if got := s.noted(); !slices.Equal(got, []string{"timer of boot 2"}) {
			s.t.Errorf("ran %q", got)
		}
	}},
	{"a restart finds the sockets free", func(s *stage) {
		boots := 0
		s.host("a", func(h host.Host) error {
			boots++
			_, err := h.ListenPacket(at(1, 1812))
			if err == nil {
				_, err = h.Listen(at(1, 2083))
			}
			if err == nil {
				_, err = h.ServeHTTP(at(1, 80), say(fmt.Sprint("boot ", boots)), nil)
			}
			if err == nil {
				_, err = h.Attach(cable, macA)
			}
			return err
		})
		for range 3 {
			if err := first(s.w.Crash("a"), s.w.Restart("a")); err != nil {
				s.t.Fatal(err)
			}
		}
		s.client(func(h host.Host) error {
			return wantBody(h, "http://10.9.0.1/", host.HTTPOptions{}, "boot 4")
		})
	}},
	{"Crash and Restart know the state of the machine", func(s *stage) {
		s.host("a", func(host.Host) error { return nil })
		if s.w.Restart("a") == nil {
			s.t.Error("Restart of a running machine works")
		}
		if err := s.w.Crash("a"); err != nil {
			s.t.Error(err)
		}
		if s.w.Crash("a") == nil {
			s.t.Error("Crash of a machine that is down works")
		}
		if s.w.Crash("nobody") == nil || s.w.Restart("nobody") == nil {
			s.t.Error("an unknown machine can be crashed or restarted")
		}
	}},
	{"the cable of a crashed machine loses carrier, and its frames are gone", func(s *stage) {
		s.host("pc", func(h host.Host) error {
			_, err := h.Attach(cable, macB)
			return err
		})
		s.host("switch", func(h host.Host) error {
			p, err := h.Attach(cable, macA)
			if err != nil {
				return err
			}
			s.task(h, "port", func() error {
				s.note("up")
				_, err := p.ReadFrame(time.Time{})
				s.note("carrier")
				return first(expect("ReadFrame", err, host.ErrNoCarrier),
					p.WriteFrame(frame(cable, macB, macA, "to nobody")))
			})
			return nil
		})
		s.untilNotes(1)
		if err := s.w.Crash("pc"); err != nil {
			s.t.Fatal(err)
		}
		s.finish()
	}},
	{"the peer of a crashed machine does not wait for ever", func(s *stage) {
		s.echo()
		s.host("web", func(h host.Host) error {
			_, err := h.ServeHTTP(at(2, 80), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				s.note("request")
				_ = h.Sleep(time.Hour)
			}), nil)
			return err
		})
		s.host("client", func(h host.Host) error {
			s.task(h, "stream", func() error {
				c, err := s.dialEcho(h)
				if err != nil {
					return err
				}
				s.note("connected")
				_ = c.SetReadDeadline(h.Now().Add(2 * time.Second))
				if _, err = c.Read(make([]byte, 1)); err == nil {
					return errors.New("Read from a crashed machine works")
				}
				return nil
			})
			s.task(h, "http", func() error {
				if _, status, err := get(h, "http://10.9.0.2/", host.HTTPOptions{Timeout: 2 * time.Second}); err == nil {
					return fmt.Errorf("a crashed server answered %d", status)
				}
				return nil
			})
			return nil
		})
		s.untilNotes(2)
		if err := first(s.w.Crash("server"), s.w.Crash("web")); err != nil {
			s.t.Fatal(err)
		}
		s.finish()
	}},
	{"the others go on", func(s *stage) {
		s.host("a", func(h host.Host) error {
			_, err := h.ListenPacket(at(1, 1812))
			return err
		})
		s.host("b", func(h host.Host) error {
			s.task(h, "work", func() error {
				s.note("begun")
				return h.Sleep(30 * time.Millisecond)
			})
			return nil
		})
		s.untilNotes(1)
		if err := s.w.Crash("a"); err != nil {
			s.t.Fatal(err)
		}
		s.finish()
	}},
}

// blockedMachine adds machine "a" with a task in each blocking call, which notes when it is about to block
// and how the call ended. It returns how many there are.
func (s *stage) blockedMachine() (calls int, err error) {
	s.echo() // 10.9.0.1
	s.host("slow", func(h host.Host) error {
		_, err := h.ServeHTTP(at(2, 80), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { _ = h.Sleep(time.Hour) }), nil)
		return err
	})
	s.host("a", func(h host.Host) error {
		block := func(name string, f func() error) {
			calls++
			h.Go(name, func() {
				s.note("%s blocks", name)
				if err := f(); errors.Is(err, host.ErrDown) {
					s.note("%s down", name)
				} else {
					s.note("%s returned %v", name, err)
				}
			})
		}
		c, err := h.ListenPacket(netip.AddrPortFrom(h.Addr(), 0))
		if err != nil {
			return err
		}
		l, err := h.Listen(netip.AddrPortFrom(h.Addr(), 0))
		if err != nil {
			return err
		}
		p, err := h.Attach(radio, macA)
		if err != nil {
			return err
		}
		block("Sleep", func() error { return h.Sleep(time.Hour) })
		block("Wait", func() error { return h.NewSignal().Wait(time.Time{}) })
		block("Wait with deadline", func() error { return h.NewSignal().Wait(h.Now().Add(time.Hour)) })
		block("ReadFrom", func() error { _, _, err := c.ReadFrom(make([]byte, 9), time.Time{}); return err })
		block("ReadFrom with deadline", func() error { _, _, err := c.ReadFrom(make([]byte, 9), h.Now().Add(time.Hour)); return err })
		block("Accept", func() error { _, err := l.Accept(); return err })
		block("ReadFrame", func() error { _, err := p.ReadFrame(time.Time{}); return err })
		block("RoundTrip", func() error {
			_, _, err := get(h, "http://10.9.0.2/", host.HTTPOptions{Timeout: time.Hour})
			return err
		})
		block("Read", func() error {
			c, err := s.dialEcho(h)
			if err != nil {
				return err
			}
			_, err = c.Read(make([]byte, 1))
			return err
		})
		return nil
	})
	return calls, nil
}

// downCalls checks that every call of a machine that is down returns ErrDown.
func downCalls(h host.Host, c host.PacketConn, p host.Port, sig host.Signal) error {
	_, listenPacket := h.ListenPacket(at(1, 5))
	_, listen := h.Listen(at(1, 5))
	_, dial := h.Dial("10.9.0.1:5", time.Second)
	_, serve := h.ServeHTTP(at(1, 80), say(""), nil)
	_, attach := h.Attach(radio, macB)
	_, _, roundTrip := get(h, "http://10.9.0.1/", host.HTTPOptions{})
	_, _, readFrom := c.ReadFrom(make([]byte, 1), time.Time{})
	_, readFrame := p.ReadFrame(time.Time{})
	sig.Set()
	return first(
		expect("Sleep", h.Sleep(time.Hour), host.ErrDown),
		expect("Sleep(0)", h.Sleep(0), host.ErrDown),
		expect("Wait on a set signal", sig.Wait(time.Time{}), host.ErrDown),
		expect("ListenPacket", listenPacket, host.ErrDown),
		expect("Listen", listen, host.ErrDown),
		expect("Dial", dial, host.ErrDown),
		expect("ServeHTTP", serve, host.ErrDown),
		expect("Attach", attach, host.ErrDown),
		expect("RoundTrip", roundTrip, host.ErrDown),
		expect("ReadFrom", readFrom, host.ErrDown),
		expect("WriteTo", c.WriteTo([]byte("x"), at(1, 1812)), host.ErrDown),
		expect("ReadFrame", readFrame, host.ErrDown),
		expect("WriteFrame", p.WriteFrame(frame(radio, macB, macA, "x")), host.ErrDown),
	)
}
