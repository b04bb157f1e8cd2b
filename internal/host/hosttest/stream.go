package hosttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"nacsim/internal/host"
)

var streamTests = []test{
	{"a connection is dialed by address, by DNS name and by machine name", func(s *stage) {
		s.echo()
		s.w.Name("Radius.Example.Com", ip(1))
		s.client(func(h host.Host) error {
			for _, to := range []string{"10.9.0.1:2083", "radius.example.com:2083", "RADIUS.example.com:2083", "server:2083"} {
				c, err := h.Dial(to, patience)
				if err != nil {
					return fmt.Errorf("Dial(%s): %w", to, err)
				}
				if c.RemoteAddr().String() != "10.9.0.1:2083" {
					return fmt.Errorf("RemoteAddr = %v", c.RemoteAddr())
				}
				me, err := netip.ParseAddrPort(c.LocalAddr().String())
				if err != nil || me.Addr() != h.Addr() {
					return fmt.Errorf("LocalAddr = %v", c.LocalAddr())
				}
				// The server greets with the address it sees.
				hello := []byte(me.String() + "\n")
				got := make([]byte, len(hello))
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, hello) {
					return fmt.Errorf("server sees %q, %v; want %q", got, err, hello)
				}
				if err := c.Close(); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"Dial reports a closed port and an unknown name", func(s *stage) {
		s.echo()
		s.client(func(h host.Host) error {
			for _, to := range []string{"10.9.0.1:2", "10.9.0.2:2083", "nobody.example.com:2083", "10.9.0.1", "", "10.9.0.1:http"} {
				start := h.Now()
				c, err := h.Dial(to, patience)
				if err == nil {
					return fmt.Errorf("Dial(%q) works: %v", to, c.RemoteAddr())
				}
				if errors.Is(err, host.ErrDown) || h.Now().Sub(start) >= patience {
					return fmt.Errorf("Dial(%q) = %v after %v", to, err, h.Now().Sub(start))
				}
			}
			return nil
		})
	}},
	{"a large amount of data arrives in order, both ways", func(s *stage) {
		s.echo()
		s.client(func(h host.Host) error {
			c, err := s.dialEcho(h)
			if err != nil {
				return err
			}
			defer c.Close()
			sent := make([]byte, 1<<20)
			for i := range sent {
				sent[i] = byte(i ^ i>>8 ^ i>>16)
			}
			failed := h.NewSignal()
			h.Go("writer", func() {
				if _, err := c.Write(sent); err != nil {
					s.note("%v", err)
					failed.Set()
				}
			})
			got := make([]byte, len(sent))
			if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
				return fmt.Errorf("%d octets came back, %v %q", n, err, s.noted())
			}
			return nil
		})
	}},
	{"deadlines end Read, and another one makes it work again", func(s *stage) {
		s.echo()
		s.client(func(h host.Host) error {
			c, err := s.dialEcho(h)
			if err != nil {
				return err
			}
			defer c.Close()
			b := make([]byte, 4)
			start := h.Now()
			if err := c.SetReadDeadline(start.Add(10 * time.Millisecond)); err != nil {
				return err
			}
			_, err = c.Read(b)
			if err := first(expect("Read", err, host.ErrTimeout), s.took(h, start, 10*time.Millisecond)); err != nil {
				return err
			}
			var ne net.Error
			if !errors.As(err, &ne) || !ne.Timeout() {
				return fmt.Errorf("%v is no net.Error with Timeout, as crypto/tls and net/http want", err)
			}
			if err := c.SetDeadline(start); err != nil {
				return err
			}
			_, err = c.Write(b)
			if err := expect("Write with a deadline that has passed", err, host.ErrTimeout); err != nil {
				return err
			}
			if err := c.SetDeadline(time.Time{}); err != nil {
				return err
			}
			if _, err := c.Write([]byte("ping")); err != nil {
				return err
			}
			_, err = io.ReadFull(c, b)
			return err
		})
	}},
	{"Close is an end of file for the peer, after the data", func(s *stage) {
		s.host("server", func(h host.Host) error {
			l, err := h.Listen(at(1, 2083))
			if err != nil {
				return err
			}
			h.Go("accept", func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write([]byte("farewell"))
				_ = c.Close()
			})
			return nil
		})
		s.client(func(h host.Host) error {
			c, err := h.Dial("server:2083", patience)
			if err != nil {
				return err
			}
			got, err := io.ReadAll(c)
			if err != nil || string(got) != "farewell" {
				return fmt.Errorf("read %q, %v", got, err)
			}
			return c.Close()
		})
	}},
	{"CloseWrite ends one direction only", func(s *stage) {
		s.host("server", func(h host.Host) error {
			l, err := h.Listen(at(1, 2083))
			if err != nil {
				return err
			}
			h.Go("accept", func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				got, _ := io.ReadAll(c)
				_, _ = c.Write(append([]byte("all of "), got...))
				_ = c.Close()
			})
			return nil
		})
		s.client(func(h host.Host) error {
			c, err := h.Dial("server:2083", patience)
			if err != nil {
				return err
			}
			half, ok := c.(interface{ CloseWrite() error })
			if !ok {
				return errors.New("the connection has no CloseWrite, which net/http and crypto/tls look for")
			}
			if _, err := c.Write([]byte("it")); err != nil {
				return err
			}
			if err := half.CloseWrite(); err != nil {
				return err
			}
			got, err := io.ReadAll(c)
			if err != nil || string(got) != "all of it" {
				return fmt.Errorf("read %q, %v", got, err)
			}
			return c.Close()
		})
	}},
	{"Close wakes the readers of the same end", func(s *stage) {
		s.echo()
		s.client(func(h host.Host) error {
			c, err := s.dialEcho(h)
			if err != nil {
				return err
			}
			done := h.NewSignal()
			h.Go("reader", func() {
				_, err := c.Read(make([]byte, 1))
				s.note("%v", errors.Is(err, host.ErrDown))
				done.Set()
			})
			if err := first(h.Sleep(5*time.Millisecond), c.Close(), done.Wait(h.Now().Add(patience))); err != nil {
				return err
			}
			_, err = c.Write([]byte("x"))
			return expect("Write on a closed connection", err, host.ErrDown)
		})
		if got := s.noted(); !slices.Equal(got, []string{"true"}) {
			s.t.Errorf("Read returned ErrDown: %q", got)
		}
	}},
	{"a closed listener ends Accept and frees its address", func(s *stage) {
		s.solo(func(h host.Host) error {
			for range 2 {
				l, err := h.Listen(at(1, 443))
				if err != nil {
					return err
				}
				if got := l.Addr().String(); got != "10.9.0.1:443" {
					return fmt.Errorf("Addr = %v", got)
				}
				if _, err := h.Listen(at(1, 443)); err == nil {
					return errors.New("Listen on an address in use works")
				}
				done := h.NewSignal()
				h.Go("accept", func() {
					_, err := l.Accept()
					s.note("%v", errors.Is(err, host.ErrDown))
					done.Set()
				})
				if err := first(h.Sleep(5*time.Millisecond), l.Close(), done.Wait(h.Now().Add(patience))); err != nil {
					return err
				}
				if _, err := h.Dial("10.9.0.1:443", patience); err == nil {
					return errors.New("Dial reaches a closed listener")
				}
			}
			return nil
		})
		if got := s.noted(); !slices.Equal(got, []string{"true", "true"}) {
			s.t.Errorf("Accept returned ErrDown: %q", got)
		}
	}},
	{"port 0 picks a free port", func(s *stage) {
		s.solo(func(h host.Host) error {
			a, err := h.Listen(netip.AddrPort{})
			if err != nil {
				return err
			}
			b, err := h.Listen(netip.AddrPortFrom(netip.IPv6Unspecified(), 0))
			if err != nil {
				return err
			}
			for _, l := range []net.Listener{a, b} {
				got, err := netip.ParseAddrPort(l.Addr().String())
				if err != nil || got.Addr() != h.Addr() || got.Port() == 0 {
					return fmt.Errorf("Addr = %v", l.Addr())
				}
			}
			if a.Addr().String() == b.Addr().String() {
				return fmt.Errorf("the same port twice: %v", a.Addr())
			}
			return nil
		})
	}},
}

// echo adds a machine that greets each connection with the address it comes from and then echoes.
func (s *stage) echo() {
	s.t.Helper()
	s.host("server", func(h host.Host) error {
		l, err := h.Listen(at(1, 2083))
		if err != nil {
			return err
		}
		h.Go("accept", func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				h.Go("echo", func() {
					defer c.Close()
					if _, err := io.WriteString(c, c.RemoteAddr().String()+"\n"); err != nil {
						return
					}
					b := make([]byte, 8192)
					for {
						n, err := c.Read(b)
						if err != nil {
							return
						}
						if _, err := c.Write(b[:n]); err != nil {
							return
						}
					}
				})
			}
		})
		return nil
	})
}

// dialEcho connects to the machine of echo and takes its greeting.
func (s *stage) dialEcho(h host.Host) (net.Conn, error) {
	c, err := h.Dial("10.9.0.1:2083", patience)
	if err != nil {
		return nil, err
	}
	for b := make([]byte, 1); b[0] != '\n'; {
		if _, err := c.Read(b); err != nil {
			return nil, err
		}
	}
	return c, nil
}
