package virtual_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/decode"
	"nacsim/sim/network"
	"nacsim/sim/virtual"
)

func TestTimePassesOnlyBetweenEvents(t *testing.T) {
	w := virtual.New(virtual.Config{Start: start, Seed: 1})
	defer w.Close()
	began := time.Now()
	var at []string
	err := w.Run("main", func(h host.Host) error {
		for _, d := range []time.Duration{24 * time.Hour, 0, time.Nanosecond} {
			if err := h.Sleep(d); err != nil {
				return err
			}
			at = append(at, h.Now().Sub(start).String())
		}
		return nil
	})
	if want := []string{"24h0m0s", "24h0m0s", "24h0m0.000000001s"}; err != nil || !slices.Equal(at, want) {
		t.Errorf("slept until %v (%v), want %v", at, err, want)
	}
	if took := time.Since(began); took > time.Hour {
		t.Errorf("a virtual day took %v", took)
	}
}

func TestTasksReadyAtOneInstantRunInOrder(t *testing.T) {
	w := virtual.New(virtual.Config{Start: start})
	defer w.Close()
	var got []int
	err := w.Run("main", func(h host.Host) error {
		for i := range 5 {
			h.AfterFunc(time.Second, func() { got = append(got, i) })
			h.Go("", func() { h.Sleep(time.Second); got = append(got, 10+i) })
		}
		return h.Sleep(2 * time.Second)
	})
	if want := []int{0, 1, 2, 3, 4, 10, 11, 12, 13, 14}; err != nil || !slices.Equal(got, want) {
		t.Errorf("ran %v (%v), want %v", got, err, want)
	}
}

func TestARestlessWorldIsStopped(t *testing.T) {
	w := virtual.New(virtual.Config{Start: start, EventsPerInstant: 1000})
	defer w.Close()
	err := w.Run("main", func(h host.Host) error {
		h.Go("spinner", func() {
			for h.Sleep(0) == nil {
			}
		})
		h.Go("waiter", func() { h.NewSignal().Wait(time.Time{}) })
		return h.Sleep(time.Hour)
	})
	for _, want := range []string{"never comes to rest", "1000 events at 0s", "main/spinner", "main/waiter waiting for a signal", "main/main sleeping until 1h0m0s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the report says %v; it lacks %q", err, want)
		}
	}
}

func TestTasksThatWaitForEachOtherAreReported(t *testing.T) {
	w := virtual.New(virtual.Config{Start: start})
	defer w.Close()
	err := w.Run("main", func(h host.Host) error { return h.NewSignal().Wait(time.Time{}) })
	if err == nil || !strings.Contains(err.Error(), "main/main waiting for a signal") {
		t.Errorf("a world in which nothing can happen any more reported %v", err)
	}
}

func TestAPanicIsAFaultOfTheRunAndNamesItsTask(t *testing.T) {
	w := virtual.New(virtual.Config{Start: start})
	defer w.Close()
	err := w.Run("main", func(h host.Host) error {
		h.Go("bad", func() { panic("oops") })
		return h.Sleep(time.Hour)
	})
	if err == nil || !strings.Contains(err.Error(), "main/bad panicked at 0s: oops") || !strings.Contains(err.Error(), "world_test.go") {
		t.Errorf("the panic was reported as %v", err)
	}
}

func TestABootThatBlocksIsRefused(t *testing.T) {
	w := virtual.New(virtual.Config{Start: start})
	defer w.Close()
	err := w.AddHost("a", netip.MustParseAddr("10.0.0.1"), func(h host.Host) error { return h.Sleep(time.Second) })
	if err == nil || !strings.Contains(err.Error(), "boot function blocked") {
		t.Errorf("AddHost returned %v", err)
	}
}

// A crash must leave nothing of the old boot behind that could act on the new one.
func TestNothingOfACrashedBootActs(t *testing.T) {
	w := virtual.New(virtual.Config{Start: start})
	defer w.Close()
	boots, acted := 0, ""
	addr := netip.MustParseAddr("10.0.0.1")
	err := w.AddHost("a", addr, func(h host.Host) error {
		boots++
		n := boots
		c, err := h.ListenPacket(netip.AddrPortFrom(addr, 1812))
		if err != nil {
			return err
		}
		s, err := h.Store("s")
		if err != nil {
			return err
		}
		h.AfterFunc(time.Minute, func() { acted += fmt.Sprintf("timer %d;", n) })
		h.Go("reader", func() {
			_, _, err := c.ReadFrom(make([]byte, 10), time.Time{})
			acted += fmt.Sprintf("reader %d: %v, %v;", n, err == host.ErrDown, s.Put("k", []byte("late")) == host.ErrDown)
		})
		return s.Put("k", []byte{byte(n)})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Run("main", func(h host.Host) error {
		h.Sleep(time.Second)
		if err := w.Crash("a"); err != nil {
			return err
		}
		if err := w.Restart("a"); err != nil {
			return err
		}
		return h.Sleep(time.Hour)
	})
	if want := "reader 1: true, true;timer 2;"; err != nil || acted != want || boots != 2 {
		t.Errorf("after a crash: %q (%v), want %q", acted, err, want)
	}
}

func BenchmarkTaskSwitch(b *testing.B) {
	w := virtual.New(virtual.Config{Start: start, EventsPerInstant: 1 << 60})
	defer w.Close()
	w.Run("main", func(h host.Host) error {
		for b.Loop() {
			h.Sleep(0)
		}
		return nil
	})
}

// A request that is being answered when the world ends would be reset over a network that loses the reset.
func TestTheEndOfTheWorldIsNoPartOfTheRun(t *testing.T) {
	faults := 0
	n := network.New(1, network.Conditions{}, func(decode.Packet, ...slog.Attr) { faults++ })
	w := virtual.New(virtual.Config{Start: start, Seed: 1, Network: n})
	addr := netip.MustParseAddr("10.0.0.1")
	asked := false
	err := w.AddHost("graph", addr, func(h host.Host) error {
		_, err := h.ServeHTTP(netip.AddrPortFrom(addr, 80), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			asked = true
			h.Sleep(time.Hour)
		}), nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.AddHost("nac", netip.MustParseAddr("10.0.0.2"), func(h host.Host) error {
		h.Go("client", func() {
			r, _ := http.NewRequest("GET", "http://10.0.0.1/", nil)
			h.RoundTrip(r, host.HTTPOptions{Timeout: time.Hour})
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.RunUntil(func() bool { return asked }, time.Minute)
	n.Set("graph", "nac", func(c *network.Conditions) { c.Loss = 1_000_000 })
	if err := w.Close(); err != nil || !asked || faults > 0 {
		t.Errorf("asked %v, %d faults after the end, %v", asked, faults, err)
	}
}
