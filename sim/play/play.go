// Package play runs a scenario: it builds the world that the file describes, plays the steps in it, judges
// the expectations by the trace, and leaves trace and capture behind.
//
// The programs of a scenario know each other only over the wire. The runner plays the part of the people
// around them: it plugs devices in, changes their posture, cuts links, pulls the power; and it judges by what
// the programs wrote to the trace, not by looking into them.
package play

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"nacsim/fakegraph"
	"nacsim/internal/host"
	"nacsim/nac"
	"nacsim/nac/policy"
	"nacsim/sim/capture"
	"nacsim/sim/decode"
	"nacsim/sim/network"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
	"nacsim/sim/virtual"
)

// Names of the files that a run leaves for each scenario.
const (
	TraceFile   = "trace.jsonl"
	CaptureFile = "capture.pcapng"
)

// Options are what the command line says about a run.
type Options struct {
	// Seed replaces the file's when it is not nil.
	Seed *uint64
	// Live plays in real time on loopback sockets instead of in a virtual world.
	Live bool
	// Bind gives sockets of machines real addresses in a live world, where the system picks them otherwise. It is
	// keyed by machine and port, for example {"nac", 1812}.
	Bind map[Socket]netip.AddrPort
	// Dir is an existing folder for trace and capture. Empty leaves nothing.
	Dir string
	// Pace is called before the virtual clock moves and may wait.
	Pace func(time.Duration)
	// Subscribe are told of every record, in order. They are called one record at a time, with the recorder
	// locked.
	Subscribe []func(trace.Record)
}

// A Socket is a port of a machine of the scenario.
type Socket struct {
	Host string
	Port uint16
}

// An InputError says what is wrong with the scenario or the options, as opposed to nacsim.
type InputError struct{ message string }

func (e *InputError) Error() string { return e.message }

func inputError(format string, args ...any) error { return &InputError{fmt.Sprintf(format, args...)} }

// A Result is the outcome of one scenario.
type Result struct {
	File *scenario.File
	Seed uint64
	// Failure is the expectation that was not met, nil when all were.
	Failure *Failure
	// Lasted is how much of the world's time has passed, Took how long that took in truth.
	Lasted, Took time.Duration
	// Records is the number of lines in the trace and Sum the hash over it, equal for equal runs.
	Records uint64
	Sum     string
}

// Passed reports whether all expectations were met.
func (r *Result) Passed() bool { return r.Failure == nil }

// A world is what the runner needs of the virtual and of the live world.
type world interface {
	AddHost(name string, addr netip.Addr, boot func(host.Host) error) error
	Name(dns string, addr netip.Addr)
	Crash(name string) error
	Restart(name string) error
	Run(name string, main func(host.Host) error) error
	Rand(stream string) io.Reader
	Now() time.Time
	Close() error
}

// player is one scenario being played.
type player struct {
	file  *scenario.File
	seed  uint64
	limit time.Duration

	world    world
	network  *network.Model
	recorder *trace.Recorder
	judge    *judge
	issued   int // certificates issued by steps

	credentials *credentials
	policies    map[string]*policy.Policy // by path
	policy      *policy.Policy            // in force

	// The programs of the current boot of each machine. In the live world a restart happens in the runner's
	// task, as everything that reads these does.
	nac     *nac.NAC
	graph   *fakegraph.Server
	secret  string // the NAC's client secret
	secrets int    // that it has had since the first
	nas     map[string]accessServer
	devices map[string]*device
	users   []scenario.User // as the steps so far have changed them
	down    map[string]bool // machines that have crashed

	later []func() error // changes of devices that wait for Microsoft to be up again

	failure *Failure
}

// Run plays a scenario. The error is a fault of nacsim or of its surroundings (a port in use, a full disk); an
// expectation that is not met is the result's Failure.
func Run(f *scenario.File, o Options) (result *Result, err error) {
	began := time.Now() // real-world: how long the run takes is for people, and not in the trace
	p := &player{file: f, seed: f.Seed, limit: f.Settings.MaxDuration, secret: clientSecret, users: slices.Clone(f.Users),
		policies: map[string]*policy.Policy{}, nas: map[string]accessServer{}, devices: map[string]*device{}, down: map[string]bool{}}
	if o.Seed != nil {
		p.seed = *o.Seed
	}
	if err := p.loadPolicies(); err != nil {
		return nil, err
	}
	start := f.Start
	if o.Live {
		start = time.Now().UTC() // real-world: a live world begins now
	}
	out, err := openOutput(o.Dir, start)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	p.recorder = trace.NewRecorder(start, out.sinks()...)
	for _, f := range o.Subscribe {
		p.recorder.Subscribe(f)
	}
	p.buildNetwork(f)
	if err := p.newWorld(o, start); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.world.Close()) }()
	if err := p.makeCredentials(o.Live); err != nil {
		return nil, err
	}
	p.startJudge()
	if err := p.boot(); err != nil {
		return nil, err
	}
	if err := p.world.Run("scenario", p.run); err != nil {
		return nil, err
	}
	result = &Result{File: f, Seed: p.seed, Failure: p.failure, Lasted: p.world.Now().Sub(start),
		Records: p.recorder.Seq(), Sum: out.sum()}
	result.Took = time.Since(began) // real-world: see above
	return result, nil
}

// buildNetwork makes the links as the file has them.
func (p *player) buildNetwork(f *scenario.File) {
	p.network = network.New(p.seed, network.Conditions{Delay: f.Network.Delay}, func(q decode.Packet, fields ...slog.Attr) {
		p.recorder.Emit(p.world.Now(), "net", "fault", fields...)
	})
	for i := range f.Network.Links {
		p.setLink(&f.Network.Links[i])
	}
}

func (p *player) newWorld(o Options, start time.Time) (err error) {
	if o.Live {
		p.world, err = p.newLive(o.Bind)
		return err
	}
	p.world = virtual.New(virtual.Config{Start: start, Seed: p.seed, Recorder: p.recorder, Network: p.network, Pace: o.Pace})
	return nil
}

// startJudge lets the judge see the trace from the first line on.
func (p *player) startJudge() {
	v := newView()
	for i := range p.file.Devices {
		d := &p.file.Devices[i]
		v.add(d.Name, []string{d.Address(p.seed).String()}, []string{d.Intune.ID, d.DeviceName})
	}
	for i := range p.file.Steps {
		if e := p.file.Steps[i].Enroll; e != nil { // under an ID of its own, perhaps
			v.byRecord[e.Record.ID] = v.byDevice[e.Device]
		}
	}
	for i := range p.file.Intune.Records {
		v.stranger(p.file.Intune.Records[i].ID)
	}
	p.judge = newJudge(p.file, v)
	p.recorder.Subscribe(p.judge.record)
}

// boot starts all machines: Microsoft, the NAC, the access points and switches, the devices.
func (p *player) boot() error {
	f := p.file
	p.recorder.Emit(p.world.Now(), "scenario", "scenario", slog.String("name", f.Name), slog.String("title", f.Title))
	for _, name := range graphNames {
		p.world.Name(name, graphAddr)
	}
	if err := p.world.AddHost(scenario.HostGraph, graphAddr, p.bootGraph); err != nil {
		return err
	}
	if p.publishes() {
		p.world.Name(pkiName, pkiAddr)
		if err := p.world.AddHost(scenario.HostPKI, pkiAddr, p.bootPKI); err != nil {
			return err
		}
	}
	if err := p.world.AddHost(scenario.HostNAC, nacAddr, p.bootNAC); err != nil {
		return err
	}
	for i := range f.NAS {
		if err := p.world.AddHost(f.NAS[i].Name, nasAddr(i), func(h host.Host) error { return p.bootNAS(i, h) }); err != nil {
			return err
		}
	}
	for i := range f.Devices {
		d := p.devices[f.Devices[i].Name]
		if err := p.world.AddHost(d.spec.Name, netip.Addr{}, func(h host.Host) error { return p.bootDevice(d, h) }); err != nil {
			return err
		}
	}
	return nil
}

// output is the files of one scenario.
type output struct {
	mu      sync.Mutex
	files   []*os.File
	jsonl   *trace.JSONL
	capture *capture.Writer
}

func openOutput(dir string, start time.Time) (*output, error) {
	o := &output{}
	var w [2]io.Writer
	for i, name := range []string{TraceFile, CaptureFile} {
		w[i] = io.Discard
		if dir != "" {
			f, err := os.Create(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			o.files = append(o.files, f)
			w[i] = f
		}
	}
	o.jsonl = trace.NewJSONL(w[0])
	if dir != "" {
		o.capture = capture.NewWriter(w[1])
	}
	return o, nil
}

func (o *output) sinks() []trace.Sink {
	if o.capture == nil {
		return []trace.Sink{o.jsonl}
	}
	return []trace.Sink{o.jsonl, o.capture}
}

func (o *output) sum() string {
	sum := o.jsonl.Sum()
	return hex.EncodeToString(sum[:])
}

func (o *output) close() error {
	err := o.jsonl.Close()
	if o.capture != nil {
		err = errors.Join(err, o.capture.Close())
	}
	for _, f := range o.files {
		err = errors.Join(err, f.Close())
	}
	return err
}
