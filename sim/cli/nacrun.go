package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"nacsim/internal/host"
	"nacsim/nac"
	"nacsim/nac/config"
	"nacsim/nac/radiusd"
	"nacsim/sim/capture"
	"nacsim/sim/live"
	"nacsim/sim/trace"
)

// nacName is what the machine is called in the trace.
const nacName = "nac"

// nacOwn is the NAC's address in the address book of the live world, in which everybody else is outside. It is the
// dummy address of RFC 7600 section 4.8, which nobody can have.
var nacOwn = netip.MustParseAddr("192.0.0.8")

var (
	nacAuth   = netip.AddrPortFrom(nacOwn, radiusd.DefaultAuthPort)
	nacAcct   = netip.AddrPortFrom(nacOwn, radiusd.DefaultAcctPort)
	nacRadSec = netip.AddrPortFrom(nacOwn, radiusd.DefaultRadSecPort)
	nacAPI    = netip.AddrPortFrom(nacOwn, 8444)
)

// tick is how late what the NAC does is written to files.
const tick = 200 * time.Millisecond

// nacRun is one run of nacsim nac.
type nacRun struct {
	flags          *nacFlags
	stdout, stderr io.Writer

	recorder *trace.Recorder
	log      *nacLog
	world    *live.World
	nac      *nac.NAC
	started  *config.Config
	outputs  []func() error
}

// run serves until a signal of the operating system ends it.
func (n *nacRun) run(cfg *config.Config) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(signals)
	return n.until(signals, cfg)
}

// gcPercent is how far the heap grows between two collections, unless GOGC says something else. What a server keeps alive
// are its sessions, some kilobytes each, and collecting at Go's 100 percent takes a tenth of its time.
const gcPercent = 400

// until serves until a signal that ends it.
func (n *nacRun) until(signals <-chan os.Signal, cfg *config.Config) (err error) {
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	}
	n.log = newNACLog(n.stdout, n.flags.quiet)
	sinks, err := n.openOutputs()
	if err != nil {
		return err
	}
	defer func() {
		if late := n.closeOutputs(); err == nil {
			err = late
		}
	}()
	n.recorder = trace.NewRecorder(time.Now().UTC(), sinks...)
	n.recorder.SubscribeEvents(n.log.record, nacLogged...)
	if err := n.start(cfg); err != nil {
		return err
	}
	n.started = cfg
	n.announce(cfg)
	end := n.serve(signals)
	if err := n.world.Close(); err != nil {
		return &exitError{ExitFault, fmt.Errorf("nacsim nac: %w", err)}
	}
	if !n.flags.quiet {
		fmt.Fprintln(n.stdout, end)
		n.count()
	}
	return nil
}

// count prints what has happened so far, whether or not little is to be printed.
func (n *nacRun) count() {
	fmt.Fprintf(n.stdout, "%s\n%s\n%d sessions\n", n.log.summary(), countersText(n.nac.Counters()), n.nac.Sessions())
}

// A listener is one address of the NAC: what the address book of the live world calls it, and what it really is.
type listener struct {
	proto, what   string
	logical, real netip.AddrPort
}

// listeners are the addresses that a configuration asks for.
func listeners(cfg *config.Config) []listener {
	list := []listener{
		{"udp", "authentication", nacAuth, orEverywhere(cfg.Auth, nacAuth.Port())},
		{"udp", "accounting", nacAcct, orEverywhere(cfg.Acct, nacAcct.Port())},
	}
	if cfg.RadSec.IsValid() {
		list = append(list, listener{"tcp", "RadSec", nacRadSec, orEverywhere(cfg.RadSec, nacRadSec.Port())})
	}
	if cfg.API.IsValid() {
		list = append(list, listener{"tcp", "the HTTP API", nacAPI, cfg.API})
	}
	return list
}

// start boots the NAC on the addresses of this computer.
func (n *nacRun) start(cfg *config.Config) error {
	bind := map[netip.AddrPort]netip.AddrPort{}
	for _, l := range listeners(cfg) {
		bind[l.logical] = l.real
	}
	n.world = live.New(live.Config{Recorder: n.recorder, Dir: cfg.State, AllowExternal: true, Secrets: n.flags.capture != "", Bind: bind})
	radius := &cfg.NAC.RADIUS
	radius.AuthAddr, radius.AcctAddr = nacAuth, nacAcct
	if cfg.RadSec.IsValid() {
		radius.RadSec.Addr = nacRadSec
	}
	if cfg.API.IsValid() {
		api := *cfg.NAC.API
		api.Addr = nacAPI
		cfg.NAC.API = &api
	}
	err := n.world.AddHost(nacName, nacOwn, func(h host.Host) (err error) {
		n.nac, err = nac.Start(h, cfg.NAC)
		return err
	})
	if err != nil {
		_ = n.world.Close() // the error that matters is the first
		code := runnerCode(err)
		if errors.Is(err, live.ErrStoreInUse) {
			code = ExitBadInput
		}
		return &exitError{code, fmt.Errorf("nacsim nac: %w", inWords(err, listeners(cfg)))}
	}
	return nil
}

// inWords tells which address of this computer cannot be had, and what for, instead of its name in the live world.
func inWords(err error, list []listener) error {
	var bind *live.BindError
	if !errors.As(err, &bind) {
		return err
	}
	what := bind.Proto
	for _, l := range list {
		if l.logical == bind.Logical {
			what = l.what
		}
	}
	text := fmt.Sprintf("%s cannot be served on %s %s: %v", what, bind.Proto, bind.Real, bind.Err)
	if bind.Hint != "" {
		text += "; " + bind.Hint
	}
	return errors.New(text)
}

// orEverywhere is the address asked for, or the port on all addresses of this computer.
func orEverywhere(asked netip.AddrPort, port uint16) netip.AddrPort {
	if asked.IsValid() && asked != netip.AddrPortFrom(netip.IPv6Unspecified(), port) {
		return asked
	}
	l, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil { // this computer has no IPv6
		return netip.AddrPortFrom(netip.IPv4Unspecified(), port)
	}
	l.Close()
	return netip.AddrPortFrom(netip.IPv6Unspecified(), port)
}

// announce says what is served where.
func (n *nacRun) announce(cfg *config.Config) {
	now := time.Now()
	if !n.flags.quiet {
		for _, l := range listeners(cfg) {
			fmt.Fprintf(n.stdout, "listening on %s %s for %s\n", l.proto, n.bound(l), l.what)
		}
		for _, line := range cfg.Summary(now) {
			fmt.Fprintln(n.stdout, line)
		}
	}
	n.warn(cfg, now)
	if !n.flags.quiet {
		fmt.Fprintln(n.stdout, "ready; Ctrl-C ends, SIGHUP reads the files again")
	}
}

// bound is where a listener really is: port 0 has become another.
func (n *nacRun) bound(l listener) netip.AddrPort {
	at, _ := n.world.UDPAddr(l.logical)
	if l.proto == "tcp" {
		at, _ = n.world.TCPAddr(l.logical)
	}
	return netip.AddrPortFrom(l.real.Addr(), at.Port())
}

func (n *nacRun) warn(cfg *config.Config, now time.Time) {
	for _, warning := range cfg.Warnings(now) {
		fmt.Fprintf(n.stderr, "warning: %s\n", warning)
	}
}

// serve waits for signals, and returns what ended the NAC.
func (n *nacRun) serve(signals <-chan os.Signal) string {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			n.log.tick(now)
			_ = n.recorder.Flush() // the error comes again at the end
		case s := <-signals:
			switch s {
			case syscall.SIGHUP:
				n.reload()
			case syscall.SIGUSR1:
				n.count()
			default:
				return "ended by " + s.String()
			}
		case <-n.world.Failed():
			return "failed"
		}
	}
}

// reload reads the files again. What is wrong leaves everything as it was.
func (n *nacRun) reload() {
	cfg, err := n.flags.load()
	if err != nil {
		fmt.Fprintf(n.stderr, "%v\nnothing has been changed\n", err)
		return
	}
	if err := n.nac.Reload(cfg.NAC); err != nil {
		fmt.Fprintf(n.stderr, "nacsim nac: %v\nnothing has been changed\n", err)
		return
	}
	for _, key := range n.started.Fixed(cfg) {
		fmt.Fprintf(n.stderr, "warning: %s is not what the NAC was started with; it changes with a restart only\n", key)
	}
	n.recorder.Emit(n.world.Now(), nacName, "config", slog.String("text", "read again: "+n.flags.config))
	n.warn(cfg, time.Now())
}

// countersText is what RADIUS has come to, in one line.
func countersText(c radiusd.Counters) string {
	parts := []string{fmt.Sprintf("%d requests: %d accepts, %d rejects, %d challenges, %d accounting", c.Requests, c.Accepts, c.Rejects, c.Challenges, c.Accountings)}
	for _, p := range []struct {
		n    uint64
		what string
	}{{c.StatusServers, "Status-Server"}, {c.Repeats, "repeated"}, {c.Unsigned, "without Message-Authenticator"}, {c.Replaced, "conversations displaced"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(c.Drops)) {
		parts = append(parts, fmt.Sprintf("%d dropped (%s)", c.Drops[reason], reason))
	}
	return strings.Join(parts, ", ")
}

// openOutputs opens the files of --trace and --capture.
func (n *nacRun) openOutputs() ([]trace.Sink, error) {
	var sinks []trace.Sink
	for _, o := range []struct {
		flag, name string
		sink       func(io.Writer) closingSink
	}{
		{"trace", n.flags.trace, func(w io.Writer) closingSink { return trace.NewJSONL(w) }},
		{"capture", n.flags.capture, func(w io.Writer) closingSink { return capture.NewWriter(w) }},
	} {
		if o.name == "" {
			continue
		}
		f, err := os.OpenFile(o.name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, badInput("nacsim nac: --%s %s cannot be written: %v", o.flag, o.name, reason(err))
		}
		sink := o.sink(f)
		sinks = append(sinks, sink)
		n.outputs = append(n.outputs, func() error { return errors.Join(sink.Close(), f.Close()) })
	}
	return sinks, nil
}

// A closingSink reports when it is closed what it could not write.
type closingSink interface {
	trace.Sink
	Close() error
}

func (n *nacRun) closeOutputs() error {
	var errs []error
	for _, end := range n.outputs {
		errs = append(errs, end())
	}
	if err := errors.Join(errs...); err != nil {
		return badInput("nacsim nac: %v", err)
	}
	return nil
}
