package live_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/live"
)

// A reader whose deadline is later than that of the reader before it waits until its own.
func TestReadDeadlines(t *testing.T) {
	w := newWorld(t, live.Config{})
	h := machine(t, w, "nac", addrA)
	c := listen(t, h, 1812)
	b := make([]byte, 99)
	for _, d := range []time.Duration{30, 60, 10, 0, -5, 40} {
		before := time.Now()
		deadline := before.Add(d * time.Millisecond)
		if _, _, err := c.ReadFrom(b, deadline); err != host.ErrTimeout {
			t.Fatalf("ReadFrom = %v", err)
		}
		if now := time.Now(); now.Before(deadline) || now.Sub(before) > max(d, 0)*time.Millisecond+5*time.Second {
			t.Errorf("deadline in %vms: returned after %v", int(d), now.Sub(before))
		}
	}
	if err := c.WriteTo([]byte("x"), c.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if n, _, err := c.ReadFrom(b, time.Time{}); n != 1 || err != nil {
		t.Errorf("ReadFrom = %d, %v", n, err)
	}
}

// Each of several readers gets its share, each datagram is read once, and closing ends them all.
func TestSeveralReaders(t *testing.T) {
	w := newWorld(t, live.Config{})
	h := machine(t, w, "nac", addrA)
	c := listen(t, h, 1812)
	var mu sync.Mutex
	got := map[string]int{}
	ended := make(chan error, 4)
	for i := range 4 {
		h.Go("reader", func() {
			b := make([]byte, 99)
			for {
				deadline := time.Time{}
				if i%2 == 0 {
					deadline = h.Now().Add(time.Millisecond)
				}
				n, _, err := c.ReadFrom(b, deadline)
				switch err {
				case nil:
					mu.Lock()
					got[string(b[:n])]++
					mu.Unlock()
				case host.ErrTimeout:
				default:
					ended <- err
					return
				}
			}
		})
	}
	const count = 500
	for i := range count {
		if err := c.WriteTo(fmt.Appendf(nil, "%d", i), netip.AddrPortFrom(addrA, 1812)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.RunUntil(func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == count }, 10*time.Second); err != nil {
		t.Fatalf("%d of %d datagrams: %v", len(got), count, err)
	}
	c.Close()
	for range 4 {
		if err := <-ended; err != host.ErrDown {
			t.Errorf("a reader ended with %v", err)
		}
	}
	for d, n := range got {
		if n != 1 {
			t.Errorf("datagram %s was read %d times", d, n)
		}
	}
}

func BenchmarkPacket(b *testing.B) {
	w := live.New(live.Config{})
	defer w.Close()
	h := machine(b, w, "nac", addrA)
	c := listen(b, h, 1812)
	echo, buf := make([]byte, 4096), make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		c.WriteTo(buf, c.LocalAddr())
		if _, _, err := c.ReadFrom(echo, h.Now().Add(time.Second)); err != nil {
			b.Fatal(err)
		}
	}
}
