package testhost

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/host/hosttest"
)

// conformance lets the suite of the worlds run on machines of a test.
type conformance struct {
	*World
	boots map[string]func(host.Host) error
	hosts map[string]*Machine
}

func (c *conformance) AddHost(name string, addr netip.Addr, boot func(host.Host) error) error {
	c.hosts[name], c.boots[name] = c.Machine(name, addr.String()), boot
	return c.boot(name)
}

func (c *conformance) boot(name string) (err error) {
	m := c.hosts[name]
	m.Do(func() { err = c.boots[name](m) })
	return err
}

func (c *conformance) Crash(name string) error {
	c.hosts[name].Crash()
	return nil
}

func (c *conformance) Restart(name string) error {
	c.hosts[name] = c.hosts[name].Restart()
	return c.boot(name)
}

func (c *conformance) RunUntil(cond func() bool, max time.Duration) error {
	for end := c.now.Add(max); !cond(); {
		if !c.step(end) {
			c.now = end
			return host.ErrTimeout
		}
	}
	return nil
}

func (c *conformance) Run(string, func(host.Host) error) error { return errors.ErrUnsupported }
func (c *conformance) Exact() bool                             { return true }
func (c *conformance) Close() error                            { return nil }

func TestContract(t *testing.T) {
	hosttest.Run(t, func(t *testing.T) hosttest.World {
		return &conformance{New(t), map[string]func(host.Host) error{}, map[string]*Machine{}}
	}, "Time", "Signal", "Stream", "Rand", "TLS", "Store")
}

func TestCrash(t *testing.T) {
	m := New(t).Machine("nac", "10.0.0.1")
	var ends []string
	wait := func(name string, f func() error) {
		m.Go(name, func() {
			ends = append(ends, fmt.Sprint(name, ": ", errors.Is(f(), host.ErrDown)))
		})
	}
	sig := m.NewSignal()
	wait("Sleep", func() error { return m.Sleep(time.Hour) })
	wait("Wait", func() error { return sig.Wait(time.Time{}) })
	wait("Wait with deadline", func() error { return m.NewSignal().Wait(Start.Add(time.Hour)) })
	m.AfterFunc(time.Minute, func() { t.Error("a timer outlives the crash") })
	m.Advance(time.Second)
	m.Go("late", func() { t.Error("a task was started after the crash") })
	next := m.Restart()
	if want := []string{"Sleep: true", "Wait: true", "Wait with deadline: true"}; !slices.Equal(ends, want) {
		t.Errorf("the tasks end with host.ErrDown: %q, want %q", ends, want)
	}
	sig.Set()
	for what, err := range map[string]error{"Sleep": m.Sleep(0), "Wait": sig.Wait(time.Time{})} {
		if !errors.Is(err, host.ErrDown) {
			t.Errorf("%s after the crash: %v", what, err)
		}
	}
	next.Do(func() {
		if err := next.Sleep(time.Hour); err != nil {
			t.Errorf("Sleep after the restart: %v", err)
		}
	})
	if got := next.Now().Sub(Start); got != time.Hour+time.Second {
		t.Errorf("the clock has moved by %v", got)
	}
}

func TestAfterOutlivesMachines(t *testing.T) {
	w := New(t)
	m := w.Machine("nac", "")
	ran := 0
	w.After(time.Second, func() { ran++ })
	m.Crash()
	w.Advance(time.Second - 1)
	if ran != 0 {
		t.Error("an event came early")
	}
	w.Advance(-time.Hour)
	if w.Advance(time.Hour); ran != 0 {
		t.Error("an event came early after the clock was set back")
	}
	if w.Advance(1); ran != 1 {
		t.Errorf("an event came %d times", ran)
	}
}

func TestTraced(t *testing.T) {
	w := New(t)
	m := w.Machine("nac", "")
	m.Advance(time.Second)
	m.Trace("port", slog.String("client", "c"), slog.String("state", "held"))
	m.Trace("boot")
	if got := fmt.Sprintf("%q", w.Lines); got != `["port client=c state=held" "boot"]` {
		t.Errorf("trace %s", got)
	}
	if l := w.Lines[0]; l != (Line{Start.Add(time.Second), "nac", "port", "client=c state=held"}) {
		t.Errorf("line %+v", l)
	}
	if w.Traced("port", "state=held") != 1 || w.Traced("boot", "state=held") != 0 || w.Traced() != 2 {
		t.Error("lines are counted wrong")
	}
}

func TestUnsupported(t *testing.T) {
	m := New(t).Machine("nac", "10.0.0.1")
	_, listenPacket := m.ListenPacket(netip.AddrPort{})
	_, serve := m.ServeHTTP(netip.AddrPort{}, nil, nil)
	_, roundTrip := m.RoundTrip(nil, host.HTTPOptions{})
	_, attach := m.Attach(host.Medium{}, nil)
	for i, err := range []error{listenPacket, serve, roundTrip, attach} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("method %d: %v", i, err)
		}
	}
}
