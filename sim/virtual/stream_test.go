package virtual_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/network"
	"nacsim/sim/virtual"
)

// stream sends what client writes through a network to a server that reads until the end.
func stream(t *testing.T, n *network.Model, client func(h host.Host, c net.Conn) error) (received []byte, end error) {
	t.Helper()
	w := virtual.New(virtual.Config{Start: start, Seed: 1, Network: n})
	defer w.Close()
	addr := netip.MustParseAddr("10.0.0.1")
	done := false
	err := w.AddHost("server", addr, func(h host.Host) error {
		l, err := h.Listen(netip.AddrPortFrom(addr, 2083))
		if err != nil {
			return err
		}
		h.Go("accept", func() {
			c, err := l.Accept()
			if err == nil {
				received, end = io.ReadAll(c)
			}
			done = true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.AddHost("client", netip.MustParseAddr("10.0.0.2"), func(h host.Host) error {
		h.Go("main", func() {
			c, err := h.Dial("server:2083", time.Minute)
			if err == nil {
				err = client(h, c)
			}
			if err != nil {
				t.Error(err)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.RunUntil(func() bool { return done }, time.Hour)
	return received, end
}

func TestStreamKeepsOrderOnABadNetwork(t *testing.T) {
	n := network.New(1, network.Conditions{Delay: time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 300_000, Reorder: 200_000, Duplicate: 100_000}, nil)
	var sent []byte
	got, err := stream(t, n, func(_ host.Host, c net.Conn) error {
		for i := range 500 {
			b := []byte{byte(i), byte(i >> 8)}
			sent = append(sent, b...)
			if _, err := c.Write(b); err != nil {
				return err
			}
		}
		return c.Close()
	})
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("of %d octets written in order, %d arrived, equal: %v (%v)", len(sent), len(got), bytes.Equal(got, sent), err)
	}
}

func TestStreamWithoutAnswerIsReset(t *testing.T) {
	n := network.New(1, network.Conditions{}, nil)
	stream(t, n, func(h host.Host, c net.Conn) error {
		n.Set("client", "server", func(c *network.Conditions) { c.Down = true })
		if _, err := c.Write([]byte("into the void")); err != nil {
			return err
		}
		if err := h.Sleep(10 * time.Minute); err != nil {
			return err
		}
		if _, err := c.Write([]byte("x")); err != syscall.ECONNRESET {
			t.Errorf("writing after ten minutes without an answer returned %v, want a reset", err)
		}
		return nil
	})
}

func TestDialToAMachineThatIsDownTimesOut(t *testing.T) {
	w := virtual.New(virtual.Config{Start: start, Seed: 1, Network: network.New(1, network.Conditions{Delay: time.Millisecond}, nil)})
	defer w.Close()
	boot := func(host.Host) error { return nil }
	if err := w.AddHost("server", netip.MustParseAddr("10.0.0.1"), boot); err != nil {
		t.Fatal(err)
	}
	if err := w.Crash("server"); err != nil {
		t.Fatal(err)
	}
	took := time.Duration(0)
	err := w.AddHost("client", netip.MustParseAddr("10.0.0.2"), func(h host.Host) error {
		h.Go("main", func() {
			before := h.Now()
			if _, err := h.Dial("server:2083", time.Minute); !errors.Is(err, host.ErrTimeout) {
				t.Errorf("dialing a machine that is down: %v", err)
			}
			took = h.Now().Sub(before)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.RunUntil(func() bool { return took > 0 }, time.Hour)
	if took != time.Minute {
		t.Errorf("gave up after %v", took)
	}
}

// The SYN of a Dial that has timed out opens nothing when it arrives at last.
func TestDialThatTimedOutOpensNothing(t *testing.T) {
	n := network.New(1, network.Conditions{Delay: time.Second}, nil)
	w := virtual.New(virtual.Config{Start: start, Seed: 1, Network: n})
	defer w.Close()
	addr := netip.MustParseAddr("10.0.0.1")
	accepted := false
	err := w.AddHost("server", addr, func(h host.Host) error {
		l, err := h.Listen(netip.AddrPortFrom(addr, 2083))
		if err != nil {
			return err
		}
		h.Go("accept", func() {
			_, err := l.Accept()
			accepted = err == nil
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.AddHost("client", netip.MustParseAddr("10.0.0.2"), func(h host.Host) error {
		h.Go("main", func() {
			if _, err := h.Dial("server:2083", 100*time.Millisecond); !errors.Is(err, host.ErrTimeout) {
				t.Errorf("dialing over a slow link: %v", err)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.RunUntil(func() bool { return accepted }, time.Minute)
	if accepted {
		t.Error("the server has a connection that nobody holds the other end of")
	}
}
