package live_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/live"
	"nacsim/sim/pki"
)

// TestAdvance holds that what falls due while the clock is moved happens in its order, at its time.
func TestAdvance(t *testing.T) {
	w := newWorld(t, live.Config{MovableClock: true})
	h := machine(t, w, "a", addrA)
	start := h.Now()
	var mu sync.Mutex
	var happened []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		happened = append(happened, fmt.Sprintf("%s@%v", what, h.Now().Sub(start).Round(time.Minute)))
	}
	var again func()
	again = func() {
		note("routine")
		h.AfterFunc(8*time.Hour, again)
	}
	h.AfterFunc(8*time.Hour, again)
	h.AfterFunc(10*time.Hour, func() { note("once") })
	h.AfterFunc(9*time.Hour, func() { note("stopped") }).Stop()
	slept := make(chan error, 1)
	h.Go("sleeper", func() { slept <- h.Sleep(20 * time.Hour) })
	waited := make(chan error, 1)
	signal := h.NewSignal()
	h.Go("waiter", func() { waited <- signal.Wait(start.Add(23 * time.Hour)) })
	// The two tasks must wait before the clock moves, or they would wait from then on: an alarm each besides the three functions' two.
	if err := w.RunUntil(func() bool { return live.Pending(w) == 4 }, 10*time.Second); err != nil {
		t.Fatal(err)
	}

	if err := w.Advance(25 * time.Hour); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"routine@8h0m0s", "once@10h0m0s", "routine@16h0m0s", "routine@24h0m0s"}; !slices.Equal(happened, want) {
		t.Errorf("happened %v, want %v", happened, want)
	}
	if err := <-slept; err != nil {
		t.Errorf("Sleep: %v", err)
	}
	if err := <-waited; err != host.ErrTimeout {
		t.Errorf("Wait: %v, want the timeout", err)
	}
	if d := h.Now().Sub(start); d < 25*time.Hour || d > 25*time.Hour+time.Minute {
		t.Errorf("the clock is %v ahead, want 25h", d)
	}
}

// TestAdvanceShortensWaiting holds that what is not reached comes so much sooner.
func TestAdvanceShortensWaiting(t *testing.T) {
	w := newWorld(t, live.Config{MovableClock: true})
	h := machine(t, w, "a", addrA)
	done := make(chan struct{})
	h.AfterFunc(time.Hour+10*time.Millisecond, func() { close(done) })
	if err := w.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("ten milliseconds have not passed in ten seconds")
	}
}

func TestAdvanceOfAFixedClock(t *testing.T) {
	w := newWorld(t, live.Config{})
	if err := w.Advance(time.Hour); err == nil || !strings.Contains(err.Error(), "cannot be moved") {
		t.Errorf("Advance: %v", err)
	}
}

// TestAdvanceEndsWithTheWorld holds that a world can be closed while its clock moves through more than there is time for.
func TestAdvanceEndsWithTheWorld(t *testing.T) {
	w := live.New(live.Config{MovableClock: true})
	h := machine(t, w, "a", addrA)
	running := make(chan struct{}, 1)
	var again func()
	again = func() {
		select {
		case running <- struct{}{}:
		default:
		}
		h.AfterFunc(time.Minute, again) // which the wall clock does not reach
	}
	again()
	<-running
	moved := make(chan error, 1)
	go func() { moved <- w.Advance(1_000_000 * time.Hour) }()
	<-running
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := <-moved; !errors.Is(err, host.ErrDown) {
		t.Errorf("Advance: %v, want ErrDown", err)
	}
}

// TestMovedClockAndSockets holds that deadlines mean the same after the clock has been moved, for sockets and for HTTP.
func TestMovedClockAndSockets(t *testing.T) {
	ca, err := pki.NewAuthority("CA", time.Now().Add(-time.Hour), time.Now().Add(10000*time.Hour), pki.Seeded(1, "ca"))
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Server([]string{"a"}, time.Now().Add(-time.Hour), time.Now().Add(9999*time.Hour), pki.Seeded(1, "a"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, live.Config{MovableClock: true, RootCAs: ca.Pool()})
	a, b := machine(t, w, "a", addrA), machine(t, w, "b", addrB)
	if err := w.Advance(100 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	_, err = a.ServeHTTP(netip.AddrPortFrom(addrA, 443), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("hello"))
	}), &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("GET", "https://a/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := b.RoundTrip(r, host.HTTPOptions{}); err != nil || resp.StatusCode != 200 {
		t.Errorf("HTTP after moving the clock: %v", err)
	}

	c, d := listen(t, a, 1812), listen(t, b, 1812)
	if _, _, err := c.ReadFrom(make([]byte, 10), a.Now().Add(5*time.Millisecond)); err != host.ErrTimeout {
		t.Errorf("ReadFrom without a datagram: %v, want the timeout", err)
	}
	if err := d.WriteTo([]byte("ping"), c.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if got, _ := receive(t, a, c); got != "ping" {
		t.Errorf("received %q", got)
	}
}
