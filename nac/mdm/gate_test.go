package mdm

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func newGate(change func(*Config)) *gate {
	cfg := testConfig()
	if change != nil {
		change(&cfg)
	}
	if err := cfg.complete(); err != nil {
		panic(err)
	}
	return &gate{cfg: &cfg}
}

// facts 3.3: no more than Rate requests within any RatePer, and a batch counts as many as it has.
func TestRate(t *testing.T) {
	g := newGate(func(c *Config) { c.Rate, c.RatePer = 10, time.Second })
	var sent []time.Time
	now := start
	for i := range 100 {
		n := 1 + i%3
		wait, err := g.enter(n, now)
		if err != nil {
			t.Fatal(err)
		}
		g.left(nil, now)
		for range n {
			sent = append(sent, now.Add(wait))
		}
		now = now.Add(20 * time.Millisecond)
	}
	for i := range sent[:len(sent)-10] {
		if d := sent[i+10].Sub(sent[i]); d < time.Second {
			t.Fatalf("11 requests within %v", d)
		}
	}
	if d := sent[len(sent)-1].Sub(start); d > 22*time.Second {
		t.Errorf("%d requests took %v", len(sent), d)
	}
}

// The circuit opens after five failures in a row, lets a probe through after the pause, and opens for twice as long when
// that fails.
func TestCircuit(t *testing.T) {
	g := newGate(nil)
	failed := &Error{Op: "x", Status: 503}
	now := start
	try := func(result error) error {
		if _, err := g.enter(1, now); err != nil {
			return err
		}
		g.left(result, now)
		return nil
	}
	for i, result := range []error{failed, failed, failed, failed, nil, failed, failed, failed, failed, errors.New("no route")} {
		if err := try(result); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	var closed *Closed
	if err := try(nil); !errors.As(err, &closed) || !closed.Until.Equal(start.Add(15*time.Second)) || err.Error() != "Intune is not asked before 08:00:15: no route" {
		t.Fatalf("after five failures: %v", err)
	}
	now = start.Add(15 * time.Second)
	if _, err := g.enter(1, now); err != nil {
		t.Fatalf("no probe: %v", err)
	}
	if _, err := g.enter(1, now); err == nil {
		t.Error("two probes at the same time")
	}
	g.left(failed, now)
	if err := try(nil); !errors.As(err, &closed) || !closed.Until.Equal(now.Add(30*time.Second)) {
		t.Errorf("after a probe that failed: %v", err)
	}
	for range 10 {
		now = closed.Until
		_, _ = g.enter(1, now)
		g.left(failed, now)
		_, err := g.enter(1, now)
		errors.As(err, &closed)
	}
	if pause := closed.Until.Sub(now); pause != 5*time.Minute {
		t.Errorf("the pause grew to %v, want RetryMax", pause)
	}
	now = closed.Until
	for range 5 {
		if err := try(nil); err != nil {
			t.Errorf("after a probe that was answered: %v", err)
		}
	}
}

// What is refused will be refused again: the circuit opens for the longest pause at once.
func TestCircuitOfRefusals(t *testing.T) {
	g := newGate(nil)
	for range 5 {
		_, _ = g.enter(1, start)
		g.left(&Error{Op: opToken, Status: 401, Code: "invalid_client"}, start)
	}
	if until := g.openUntil(start); !until.Equal(start.Add(5 * time.Minute)) {
		t.Errorf("open until %v", until)
	}
	g.reset()
	if _, err := g.enter(1, start); err != nil || !g.openUntil(start).IsZero() {
		t.Errorf("after reset: %v", err)
	}
}

func TestCircuitThatNeverOpens(t *testing.T) {
	g := newGate(func(c *Config) { c.BreakerFailures = -1 })
	for range 100 {
		if _, err := g.enter(1, start); err != nil {
			t.Fatal(err)
		}
		g.left(errors.New("x"), start)
	}
}

// facts 3.3: requests made while throttled still count, so 429 with Retry-After holds back all of them.
func TestThrottlingHoldsAll(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A"}, &device{id: numberedID(2), name: "B"})
	throttled := true
	l.in.answer = func(r *http.Request) *http.Response {
		if throttled && r.Method == http.MethodGet {
			throttled = false
			return reply(429, "{}", "Retry-After", "30")
		}
		return nil
	}
	l.Enqueue("a", keys(cn("A")))
	l.h.Advance(time.Second)
	l.h.requests = nil
	l.Enqueue("b", keys(cn("B")))
	l.h.Advance(28 * time.Second)
	if len(l.h.requests) != 0 {
		t.Errorf("requests while throttled: %q", l.h.requests)
	}
	var closed *Closed
	if done := l.obs.lookup(t); done.Client != "b" || !errors.As(done.Err, &closed) {
		t.Errorf("%+v", done)
	}
	l.h.Advance(10 * time.Second)
	if l.state(cn("A")) == "none" || l.state(cn("B")) == "none" {
		t.Errorf("after the time asked for: %s, %s", l.state(cn("A")), l.state(cn("B")))
	}
}

// While the circuit is open nothing is sent, lookups stay due, and the status tells; then all is caught up.
func TestOpenCircuit(t *testing.T) {
	l := newLink(t, testConfig())
	for i := range 20 {
		l.in.devices = append(l.in.devices, &device{id: numberedID(i + 1), name: fmt.Sprint("D", i), state: "compliant"})
	}
	broken := true
	l.in.answer = func(r *http.Request) *http.Response {
		if broken && r.Method == http.MethodGet {
			return reply(500, "")
		}
		return nil
	}
	for i := range 20 {
		l.Enqueue(fmt.Sprint("client", i), keys(cn(fmt.Sprint("D", i))))
	}
	l.h.Advance(time.Minute)
	// Eight: up to three were under way when the fifth failed.
	if n := l.h.requested("managedDevices?"); n > 8+2 {
		t.Errorf("%d requests within a minute, with a pause of 15 s that doubles", n)
	}
	st := l.Status()
	if st.Health != Unhealthy || st.CircuitOpen.IsZero() || st.LastError == nil || len(l.obs.links) == 0 || l.obs.links[len(l.obs.links)-1].Health != Unhealthy {
		t.Errorf("%+v", st)
	}
	// That nothing was sent is told once of each client, if that was all.
	told := map[string]int{}
	for _, done := range l.obs.lookups {
		if errors.As(done.Err, new(*Closed)) {
			told[done.Client]++
		}
	}
	for client, n := range told {
		if n > 1 {
			t.Errorf("%s was told %d times that nothing is sent", client, n)
		}
	}
	broken = false
	l.h.Advance(10 * time.Minute)
	for i := range 20 {
		if got := l.state(cn(fmt.Sprint("D", i))); !strings.Contains(got, "compliant") {
			t.Errorf("D%d: %s", i, got)
		}
	}
	if st := l.Status(); st.Health != Healthy || !st.CircuitOpen.IsZero() {
		t.Errorf("%+v", st)
	}
}

// facts 3.3, 4.5: Retry-After in every form seen, and in milliseconds.
func TestRetryAfterForms(t *testing.T) {
	for want, header := range map[time.Duration]http.Header{
		2500 * time.Millisecond: {"Retry-After-Ms": {"2500"}, "Retry-After": {"9"}},
		1500 * time.Millisecond: {"X-Ms-Retry-After-Ms": {"1500"}},
		9 * time.Second:         {"Retry-After-Ms": {"soon"}, "Retry-After": {"9"}},
		0:                       {},
	} {
		if got := retryAfter(header, start); got != want {
			t.Errorf("%v: %v, want %v", header, got, want)
		}
	}
}

// A server or proxy that repeats what it was sent does not bring secrets into errors.
func TestErrorsWithoutSecrets(t *testing.T) {
	cfg := testConfig()
	cfg.ClientSecret = "c8Q~not+for/anybody's=eyes"
	token := strings.Repeat("token", 8)
	l := newLink(t, cfg)
	l.h.serve = func(r *http.Request) (*http.Response, error) {
		sent, _ := io.ReadAll(r.Body)
		return reply(500, string(sent)+cfg.ClientSecret), nil
	}
	l.h.Do(func() {
		_, err := l.graph.askToken("tenant")
		if err == nil || strings.Contains(err.Error(), "anybody") || !strings.Contains(err.Error(), "client_secret=*****") {
			t.Error(err)
		}
		l.h.serve = func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "login.microsoftonline.com" {
				return reply(200, map[string]any{"expires_in": 3599, "access_token": token}), nil
			}
			return reply(500, "you have sent "+r.Header.Get("Authorization")), nil
		}
		_, err = l.graph.device(numberedID(1))
		if err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "you have sent Bearer *****") {
			t.Error(err)
		}
	})
}
