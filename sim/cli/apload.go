package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"nacsim/fakeap/config"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/load"
	"nacsim/internal/host"
	"nacsim/sim/live"
)

// loadReport is the report of a load, with what it has cost here.
type loadReport struct {
	*load.Report
	// CPU is the processor time of this process.
	CPU float64 `json:"cpu_seconds"`
}

// loadGC is how far the heap grows between two collections under load: handshakes leave much garbage and keep little.
const loadGC = 800

// runLoad puts the server under load and prints the report.
func runLoad(f *apFlags, cfg *config.Config, stdout io.Writer) error {
	c, err := f.loadConfig(cfg)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(loadGC))
	}
	w := live.New(live.Config{AllowExternal: true})
	defer w.Close()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	var report *load.Report
	done := make(chan error, 1)
	before := processorTime()
	err = w.AddHost("load", apOwn, func(h host.Host) error {
		h.Go("main", func() {
			var err error
			report, err = load.Run(h, c)
			done <- err
		})
		return nil
	})
	if err != nil {
		return &exitError{ExitFault, fmt.Errorf("nacsim ap: %w", err)}
	}
	for ended := false; !ended; {
		select {
		case err = <-done:
			ended = true
		case <-signals:
			if c.Stop.Swap(true) {
				return &exitError{ExitFailed, errors.New("nacsim ap: interrupted")}
			}
		case <-w.Failed():
			return &exitError{ExitFault, fmt.Errorf("nacsim ap: %w", w.Err())}
		}
	}
	if err != nil {
		return badInput("nacsim ap: %v", err)
	}
	r := loadReport{Report: report, CPU: (processorTime() - before).Seconds()}
	if err := r.print(stdout, f.json); err != nil {
		return badInput("nacsim ap: %v", reason(err))
	}
	if r.Accepted < r.Begun {
		return &exitError{code: ExitFailed}
	}
	return nil
}

// loadConfig makes the settings of a load.
func (f *apFlags) loadConfig(cfg *config.Config) (load.Config, error) {
	if cfg.RADIUS.RadSec != nil {
		return load.Config{}, badInput("nacsim ap: --load works over UDP, not RadSec")
	}
	c := load.Config{
		Auth: cfg.RADIUS.Auth, Secret: cfg.RADIUS.Secret, Timeout: cfg.RADIUS.Timeout, Retries: cfg.RADIUS.Retries,
		NAS: cfg.NAS[0].Settings().Name, Address: cfg.NAS[0].Settings().Address,
		Rate: f.rate, Concurrency: f.concurrency, Lanes: f.lanes, Count: f.count, Resume: f.resume, Stop: new(atomic.Bool),
	}
	if f.duration.value != nil {
		c.Duration = *f.duration.value
	} else if f.count == 0 {
		c.Duration = durationStandard
	}
	if !c.Address.IsValid() {
		c.Address = sourceFor(c.Auth.String())
	}
	switch {
	case f.accounting && !cfg.RADIUS.Acct.IsValid():
		return c, badInput("nacsim ap: --accounting needs an accounting server")
	case f.accounting:
		c.Acct = cfg.RADIUS.Acct
	}
	if f.clients < 0 || f.clients > loadClients {
		return c, badInput("nacsim ap: --clients %d: want 1 to %d", f.clients, loadClients)
	}
	c.Clients = clientsOf(cfg, f.clients, max(1000, 2*f.concurrency))
	return c, nil
}

// loadClients is the most clients of a load.
const loadClients = 1_000_000

// clientsOf makes clients of the supplicants. There are as many as asked for; if nothing was, as many as there are
// supplicants, or standard if these have EAP and are fewer: the others have the same credentials, and a MAC address of
// their own, so that the server sees as many devices.
func clientsOf(cfg *config.Config, asked, standard int) []load.Client {
	var list []load.Client
	eap := true
	highest := ether.Addr{}
	for _, s := range cfg.Supplicants {
		n := &cfg.NAS[s.NAS]
		list = append(list, load.Client{MAC: s.MAC, EAP: s.EAP, MAB: n.Settings().MAB})
		eap = eap && s.EAP != nil
		if s.MAC.Compare(highest) > 0 {
			highest = s.MAC
		}
	}
	if asked == 0 && eap {
		asked = standard
	}
	for i := 0; len(list) < asked; i++ {
		c := list[i]
		highest = nextMAC(highest)
		c.MAC = highest
		list = append(list, c)
	}
	return list
}

func nextMAC(a ether.Addr) ether.Addr {
	for i := len(a) - 1; i > 2; i-- {
		if a[i]++; a[i] != 0 {
			break
		}
	}
	return a
}

func (r *loadReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	fmt.Fprintf(w, "%d authentications in %.3f s, %d clients, %d source ports: %.0f/s\n", r.Begun, r.Elapsed, r.Clients, r.Lanes, r.AuthenticationsPerSecond)
	fmt.Fprintf(w, "  accepted %d, rejected %d, no reply %d, failed %d\n", r.Accepted, r.Rejected, r.NoReply, r.Failed)
	fmt.Fprintf(w, "  latency  p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, max %.2f ms, mean %.2f ms\n",
		r.Latency.P50, r.Latency.P90, r.Latency.P99, r.Latency.P999, r.Latency.Max, r.Latency.Mean)
	fmt.Fprintf(w, "  requests %d (%.0f/s), replies %d, retransmissions %d, dropped replies %d\n", r.Requests, r.RequestsPerSecond, r.Replies, r.Retransmissions, r.Dropped)
	if r.TLS12+r.TLS13 > 0 {
		fmt.Fprintf(w, "  handshakes TLS 1.2 %d, TLS 1.3 %d, resumed %d\n", r.TLS12, r.TLS13, r.Resumed)
	}
	for _, f := range r.Failures {
		fmt.Fprintf(w, "  %6d × %s\n", f.Count, f.Reason)
	}
	_, err := fmt.Fprintf(w, "  processor time here %.3f s, %.0f µs for each\n", r.CPU, r.CPU*float64(time.Second/time.Microsecond)/float64(max(r.Begun, 1)))
	return err
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
