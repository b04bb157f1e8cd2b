package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"nacsim/fakeap"
	"nacsim/fakeap/config"
	"nacsim/fakeap/device"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
	"nacsim/internal/radsec"
	"nacsim/sim/capture"
	"nacsim/sim/live"
	"nacsim/sim/timeline"
	"nacsim/sim/trace"
)

// apOwn is the address of the first access point or switch in the address book of the live world, in which everybody
// else is outside; the others follow. It is from a range for documentation (RFC 5737), which nobody has.
var apOwn = netip.MustParseAddr("192.0.2.1")

// dasPort is the port of dynamic authorization in that address book.
const dasPort = 3799

// apRun is one run of nacsim ap.
type apRun struct {
	flags          *apFlags
	cfg            *config.Config
	stdout, stderr io.Writer

	world    *live.World
	recorder *trace.Recorder
	outputs  []func() error
	nas      []edgeNAS
	devices  []*apDevice
	byMAC    map[ether.Addr]*apDevice
	leave    []func() // disconnects a device

	lines   sync.Mutex
	showing bool // what happens
}

// edgeNAS is a running access point or switch.
type edgeNAS interface {
	Clients() []fakeap.ClientState
	Shutdown(timeout time.Duration) error
}

func (a *apRun) run() (err error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	sinks, err := a.openOutputs()
	if err != nil {
		return err
	}
	defer func() {
		if closing := a.closeOutputs(); err == nil {
			err = closing
		}
	}()
	a.record(sinks)
	if err := a.start(); err != nil {
		_ = a.world.Close() // the error that matters is the first
		return &exitError{runnerCode(err), fmt.Errorf("nacsim ap: %w", err)}
	}
	results, interrupted := a.connect(signals)
	if err := a.report(results); err != nil {
		return err
	}
	if !a.flags.once && !interrupted {
		a.keep(signals)
	}
	a.end()
	if err := a.world.Close(); err != nil {
		return &exitError{ExitFault, fmt.Errorf("nacsim ap: %w", err)}
	}
	for _, r := range results {
		if !r.Met {
			return &exitError{code: ExitFailed}
		}
	}
	return nil
}

// record makes the recorder, if anything of what happens is wanted.
func (a *apRun) record(sinks []trace.Sink) {
	if len(sinks) == 0 && a.flags.once && !a.flags.verbose {
		return
	}
	a.recorder = trace.NewRecorder(time.Now().UTC(), sinks...)
	names := map[string]string{}
	for _, s := range a.cfg.Supplicants {
		names[s.MAC.String()] = s.Name
	}
	t := timeline.New(a.stdout, timeline.Options{Verbose: a.flags.verbose, Names: names})
	show := func(r trace.Record) {
		a.lines.Lock()
		defer a.lines.Unlock()
		if a.showing {
			t.Record(r)
		}
	}
	a.showing = a.flags.verbose && !a.flags.json
	if a.flags.verbose {
		a.recorder.Subscribe(show)
	} else {
		a.recorder.SubscribeEvents(show)
	}
}

// start boots the access points and switches.
func (a *apRun) start() error {
	bind := map[netip.AddrPort]netip.AddrPort{}
	own := apOwn
	for i := range a.cfg.NAS {
		if l := a.cfg.NAS[i].Listen; l.IsValid() {
			bind[netip.AddrPortFrom(own, dasPort)] = l
		}
		own = own.Next()
	}
	a.world = live.New(live.Config{Recorder: a.recorder, AllowExternal: true, Secrets: a.flags.capture != "", Bind: bind})
	a.byMAC = map[ether.Addr]*apDevice{}
	for _, s := range a.cfg.Supplicants {
		d := &apDevice{Supplicant: s, nas: a.cfg.NAS[s.NAS].Settings().Name, news: make(chan struct{}, 1)}
		a.devices = append(a.devices, d)
		a.byMAC[s.MAC] = d
	}
	own = apOwn
	for i := range a.cfg.NAS {
		if err := a.startNAS(&a.cfg.NAS[i], own); err != nil {
			return err
		}
		own = own.Next()
	}
	return nil
}

func (a *apRun) startNAS(n *config.NAS, own netip.Addr) error {
	s := n.Settings()
	s.Outcome = func(o fakeap.Outcome) {
		if d := a.byMAC[o.Client]; d != nil {
			d.hear(o)
		}
	}
	if !s.Address.IsValid() {
		s.Address = sourceFor(serverOf(s.RADIUS))
	}
	s.DAS.Port = dasPort
	return a.world.AddHost(s.Name, own, func(h host.Host) error {
		if n.Kind == config.Switch {
			sw, err := fakeap.StartSwitch(h, n.Switch)
			a.nas = append(a.nas, sw)
			return err
		}
		ap, err := fakeap.StartAP(h, n.AP)
		a.nas = append(a.nas, ap)
		return err
	})
}

// serverOf is where a RADIUS server is.
func serverOf(c fakeap.RADIUSConfig) string {
	switch {
	case c.RadSec == nil:
		return c.Auth.String()
	case strings.Contains(c.RadSec.Server, ":"):
		return c.RadSec.Server
	}
	return net.JoinHostPort(c.RadSec.Server, strconv.Itoa(radsec.Port))
}

// sourceFor is the address of this computer that a server sees.
func sourceFor(server string) netip.Addr {
	c, err := net.Dial("udp", server) // it sends nothing
	if err != nil {
		return apOwn
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().WithZone("")
}

// connect connects all devices, some at a time, and returns what came of each.
func (a *apRun) connect(signals <-chan os.Signal) (results []apResult, interrupted bool) {
	results = make([]apResult, len(a.devices))
	stop := make(chan struct{})
	next := make(chan int)
	go func() {
		defer close(next)
		for i := range a.devices {
			select {
			case next <- i:
			case <-stop:
				return
			}
		}
	}()
	done := make(chan struct{})
	var workers sync.WaitGroup
	for range min(a.flags.parallel, len(a.devices)) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := range next {
				a.connectOne(a.devices[i], stop)
			}
		}()
	}
	go func() { workers.Wait(); close(done) }()
	select {
	case <-done:
	case <-signals:
		interrupted = true
		close(stop)
		<-done
	case <-a.world.Failed():
		close(stop)
		<-done
	}
	for i, d := range a.devices {
		results[i] = d.result()
	}
	return results, interrupted
}

// grace is for how long the device's side of a result is waited for.
const grace = 500 * time.Millisecond

// connectOne connects a device and waits until it is known what came of it.
func (a *apRun) connectOne(d *apDevice, stop <-chan struct{}) {
	if err := a.plug(d); err != nil {
		d.hear(fakeap.Outcome{Client: d.MAC, Result: fakeap.Failed, Reason: err.Error()})
		return
	}
	wait := waitStandard
	if a.flags.wait.value != nil {
		wait = *a.flags.wait.value
	}
	late := time.NewTimer(wait)
	defer late.Stop()
	for graced := false; ; {
		decided, all := d.complete()
		if all {
			return
		}
		if decided && !graced {
			graced = true
			late.Reset(grace)
		}
		select {
		case <-d.news:
		case <-late.C:
			return
		case <-stop:
			return
		}
	}
}

// plug connects a device to its access point or switch.
func (a *apRun) plug(d *apDevice) error {
	n := &a.cfg.NAS[d.NAS]
	link := supplicant.Link{Name: n.Settings().Name}
	if n.Kind == config.Switch {
		link.Name = fmt.Sprintf("%s/%d", link.Name, d.Port)
		link.Medium = host.Medium{Kind: host.Cable, Name: link.Name}
	} else {
		link.Medium, link.SSID, link.BSSID = host.Medium{Kind: host.Radio, Name: n.AP.SSID}, n.AP.SSID, n.AP.BSSID
	}
	return a.world.AddHost(d.Name, netip.Addr{}, func(h host.Host) error { return a.boot(h, d, link) })
}

// boot starts a device and plugs it in.
func (a *apRun) boot(h host.Host, d *apDevice, link supplicant.Link) error {
	if d.EAP == nil {
		one, err := device.Start(h, d.MAC)
		if err != nil {
			return err
		}
		a.onLeave(one.Disconnect)
		return one.Connect(link)
	}
	one, err := supplicant.Start(h, supplicant.Config{MAC: d.MAC, Config: *d.EAP, NoRetry: a.flags.once, Finished: d.finished})
	if err != nil {
		return err
	}
	a.onLeave(one.Disconnect)
	return one.Connect(link)
}

func (a *apRun) onLeave(f func()) {
	a.lines.Lock()
	defer a.lines.Unlock()
	a.leave = append(a.leave, f)
}

func (a *apRun) report(results []apResult) error {
	a.lines.Lock()
	defer a.lines.Unlock()
	if a.flags.json {
		if err := printJSON(a.stdout, results); err != nil {
			return badInput("nacsim ap: %v", reason(err))
		}
		return nil
	}
	printResults(a.stdout, results)
	return nil
}

// keep shows what happens until it is time to end.
func (a *apRun) keep(signals <-chan os.Signal) {
	if !a.flags.json {
		text := "the sessions are kept until Ctrl-C"
		var end string
		if d := a.flags.keep.value; d != nil {
			text, end = "the sessions are kept for "+d.String(), "; Ctrl-C ends them now"
		}
		fmt.Fprintln(a.stdout, text+end)
		a.announceDAS()
		a.lines.Lock()
		a.showing = true
		a.lines.Unlock()
	}
	var late <-chan time.Time
	if a.flags.keep.value != nil {
		late = time.After(*a.flags.keep.value)
	}
	flush := time.NewTicker(tick)
	defer flush.Stop()
	for {
		select {
		case <-flush.C:
			if a.recorder != nil {
				_ = a.recorder.Flush() // the error comes again at the end
			}
		case <-late:
			return
		case <-signals:
			return
		case <-a.world.Failed():
			return
		}
	}
}

// announceDAS says where dynamic authorization is taken.
func (a *apRun) announceDAS() {
	own := apOwn
	for i := range a.cfg.NAS {
		n := &a.cfg.NAS[i]
		if real, ok := a.world.UDPAddr(netip.AddrPortFrom(own, dasPort)); ok && !n.Settings().DAS.Disabled {
			fmt.Fprintf(a.stdout, "%s takes CoA-Requests and Disconnect-Requests at udp %s\n", n.Settings().Name, netip.AddrPortFrom(n.Listen.Addr(), real.Port()))
		}
		own = own.Next()
	}
}

// farewell is for how long devices may take to leave, and shutdown an access point or switch to report it.
const (
	farewell = time.Second
	shutdown = 5 * time.Second
)

// end lets the devices leave and shuts down what they were connected to.
func (a *apRun) end() {
	for _, leave := range a.leave {
		leave()
	}
	_ = a.world.RunUntil(func() bool {
		for _, n := range a.nas {
			if len(n.Clients()) > 0 {
				return false
			}
		}
		return true
	}, farewell) // who has not left is put out
	var all sync.WaitGroup
	for _, n := range a.nas {
		all.Go(func() { _ = n.Shutdown(shutdown) }) // a server that acknowledges nothing is not waited for
	}
	all.Wait()
}

// openOutputs opens the files of --trace and --capture.
func (a *apRun) openOutputs() ([]trace.Sink, error) {
	var sinks []trace.Sink
	for _, o := range []struct {
		flag, name string
		sink       func(io.Writer) closingSink
	}{
		{"trace", a.flags.trace, func(w io.Writer) closingSink { return trace.NewJSONL(w) }},
		{"capture", a.flags.capture, func(w io.Writer) closingSink { return capture.NewWriter(w) }},
	} {
		if o.name == "" {
			continue
		}
		f, err := os.OpenFile(o.name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, badInput("nacsim ap: --%s %s cannot be written: %v", o.flag, o.name, reason(err))
		}
		sink := o.sink(f)
		sinks = append(sinks, sink)
		a.outputs = append(a.outputs, func() error { return errors.Join(sink.Close(), f.Close()) })
	}
	return sinks, nil
}

func (a *apRun) closeOutputs() error {
	var errs []error
	for _, end := range a.outputs {
		errs = append(errs, end())
	}
	if err := errors.Join(errs...); err != nil {
		return badInput("nacsim ap: %v", err)
	}
	return nil
}
