package fakeap_test

import (
	"crypto/x509"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2866"

	"nacsim/fakeap"
	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/load"
	"nacsim/internal/host"
)

// loaded is a server and a machine that loads it.
type loaded struct {
	*edge
	cfg    load.Config
	report *load.Report
	err    error
}

func newLoaded(t *testing.T) *loaded {
	l := &loaded{edge: newEdge(t)}
	l.cfg = load.Config{Auth: authAddr, Secret: secret}
	return l
}

// tls adds clients with a certificate, byMAC such without.
func (l *loaded) tls(n int) {
	cert := l.ca.issue(l.t, "LAPTOP-1", x509.ExtKeyUsageClientAuth, future)
	for i := range n {
		l.cfg.Clients = append(l.cfg.Clients, load.Client{
			MAC: ether.Addr{0, 0x1c, 0xb3, 0, 0, byte(i)},
			EAP: &eappeer.Config{Identity: "host/LAPTOP-1", Certificate: cert, RootCAs: l.ca.pool(), ServerName: "radius.corp.example"},
		})
	}
}

func (l *loaded) byMAC(n int, protocol fakeap.MABProtocol) {
	for i := range n {
		l.cfg.Clients = append(l.cfg.Clients, load.Client{MAC: ether.Addr{0, 0x1c, 0xb3, 1, 0, byte(i)}, MAB: fakeap.MABConfig{Protocol: protocol}})
	}
}

// run loads the server until the load is over.
func (l *loaded) run(within time.Duration) *load.Report {
	l.t.Helper()
	m := l.machine("load", "10.0.2.1")
	m.Go("load", func() { l.report, l.err = load.Run(m, l.cfg) })
	l.Advance(within)
	if l.report == nil || l.err != nil {
		l.t.Fatalf("report %+v, error %v", l.report, l.err)
	}
	return l.report
}

// Each frame takes a millisecond either way, so a round trip takes two, and EAP-TLS five to six of them.
func TestLoadConcurrency(t *testing.T) {
	l := newLoaded(t)
	l.tls(20)
	l.cfg.Concurrency, l.cfg.Count, l.cfg.Acct = 10, 50, acctAddr
	r := l.run(10 * time.Second)
	if r.Mode != "concurrency" || r.Begun != 50 || r.Accepted != 50 || r.Lanes != 8 || len(r.Failures) != 0 || r.TLS13 != 50 {
		t.Errorf("report %+v", r)
	}
	if r.Requests != int64(len(l.server.requests)+len(l.server.accounting)) || r.Requests != r.Replies || r.Retransmissions != 0 {
		t.Errorf("report %+v; the server saw %d and %d", r, len(l.server.requests), len(l.server.accounting))
	}
	if p := r.Latency; p.P50 < 8 || p.P50 > 14 || p.Max > 14.1 {
		t.Errorf("latency %+v", p)
	}
	starts := map[string]int{}
	for _, p := range l.server.accounting {
		starts[rfc2866.AcctSessionID_GetString(p)] += int(rfc2866.AcctStatusType_Get(p)) // 1 and 2
	}
	if len(starts) != 50 {
		t.Errorf("%d sessions", len(starts))
	}
	for id, sum := range starts {
		if sum != 3 {
			t.Errorf("session %s has no Start and Stop", id)
		}
	}
}

func TestLoadByMAC(t *testing.T) {
	for _, protocol := range []fakeap.MABProtocol{fakeap.MABPAP, fakeap.MABCHAP, fakeap.MABEAPMD5} {
		l := newLoaded(t)
		l.byMAC(5, protocol)
		l.cfg.Concurrency, l.cfg.Count = 3, 9
		if r := l.run(time.Second); r.Accepted != 9 {
			t.Errorf("%s: report %+v", protocol, r)
		}
		l.server.unknownMAC = true
		if r := l.run(time.Second); r.Rejected != 9 || r.Failures[0] != (load.Failure{Reason: "Access-Reject", Count: 9}) {
			t.Errorf("%s: report %+v", protocol, r)
		}
	}
}

// With a rate, the latency of what waits for a server that stalls counts from when it was meant to begin.
func TestLoadRate(t *testing.T) {
	l := newLoaded(t)
	l.byMAC(5, "")
	l.cfg.Rate, l.cfg.Duration = 100, 2*time.Second
	if r := l.run(10 * time.Second); r.Mode != "rate" || r.Begun != 200 || r.Accepted != 200 || r.Latency.Max > 2.1 || r.Elapsed > 2 {
		t.Errorf("report %+v", r)
	}
	l.cfg.Concurrency, l.cfg.Lanes = 1, 1 // one at a time
	stalls := l.Now().Add(time.Second)
	l.filter = func(p packet) int {
		if p.to == authAddr && l.Now().Before(stalls) {
			return 0
		}
		return 1
	}
	r := l.run(30 * time.Second) // the request is sent again after 2 s, when no more may begin
	if r.Begun != 1 || r.Latency.Max < 1900 || r.Retransmissions != 1 {
		t.Errorf("report %+v", r)
	}
}

func TestLoadOfADeadServer(t *testing.T) {
	l := newLoaded(t)
	l.byMAC(1, "")
	l.server.silent = true
	l.cfg.Concurrency, l.cfg.Duration, l.cfg.Retries = 4, 100*time.Millisecond, 2
	r := l.run(time.Minute)
	if r.NoReply != 4 || r.Retransmissions != 8 || r.Failures[0].Reason != "no reply to the first Access-Request" {
		t.Errorf("report %+v", r)
	}
}

func TestLoadRefusals(t *testing.T) {
	l := newLoaded(t)
	l.tls(1)
	l.cfg.Count = 2
	l.server.corruptKey = true
	if r := l.run(time.Second); r.Failed != 2 || !strings.Contains(r.Failures[0].Reason, "MS-MPPE") {
		t.Errorf("report %+v", r)
	}
	l.server.corruptKey = false
	l.server.decide = func(*lr.Packet) bool { return false }
	if r := l.run(time.Second); r.Rejected != 2 || r.Failures[0].Reason != "Access-Reject" {
		t.Errorf("report %+v", r)
	}
	l.cfg.Clients[0].EAP.ServerName = "other.example"
	if r := l.run(time.Second); r.Rejected != 2 || !strings.Contains(r.Failures[0].Reason, "server certificate") {
		t.Errorf("report %+v", r)
	}
}

func TestLoadSettings(t *testing.T) {
	stopped := new(atomic.Bool)
	stopped.Store(true)
	l := newLoaded(t)
	l.byMAC(1, "")
	l.cfg.Duration, l.cfg.Stop = time.Second, stopped
	if r := l.run(time.Second); r.Begun != 0 {
		t.Errorf("report %+v of a load that was stopped", r)
	}
	for name, change := range map[string]func(*load.Config){
		"no RADIUS server":   func(c *load.Config) { c.Auth = netip.AddrPort{} },
		"secret is empty":    func(c *load.Config) { c.Secret = nil },
		"no clients":         func(c *load.Config) { c.Clients = nil },
		"neither a number":   func(c *load.Config) { c.Duration = 0 },
		"rate -1":            func(c *load.Config) { c.Rate = -1 },
		"at most 1024 ports": func(c *load.Config) { c.Concurrency = 1 << 20 },
		"EAP identity":       func(c *load.Config) { c.Clients = []load.Client{{EAP: &eappeer.Config{}}} },
		"password of 129 octe": func(c *load.Config) {
			c.Clients = []load.Client{{MAB: fakeap.MABConfig{Password: strings.Repeat("x", 129)}}}
		},
	} {
		cfg := l.cfg
		change(&cfg)
		if _, err := load.Run(l.machine("load", "10.0.2.1"), cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
	l.nas = l.machine("down", "10.0.2.2")
	l.nas.Go("load", func() {
		_, l.err = load.Run(l.nas, load.Config{Auth: authAddr, Secret: secret, Clients: l.cfg.Clients, Count: 1 << 30})
	})
	l.Advance(time.Second)
	l.nas.crash()
	l.Advance(time.Second)
	if !errors.Is(l.err, host.ErrDown) {
		t.Errorf("error %v after a crash, want host.ErrDown", l.err)
	}
}
