// Command nacsim plays network access control scenarios. See "nacsim help".
package main

import (
	"errors"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"

	"nacsim/sim/cli"
	"nacsim/sim/play"
	"nacsim/sim/scenario"
	"nacsim/sim/timeline"
)

func main() { os.Exit(cli.Main(cli.RunnerFunc(run))) }

// gcPercent is how far the heap grows between two collections while a virtual world is played, unless GOGC says
// something else. A run is short and keeps little alive, ten to thirty megabytes; at Go's 100 percent a sixth of
// its time goes into collecting that over and over. A live world is played for as long as its user likes, and
// keeps the default.
const gcPercent = 800

// run plays a scenario as the command line wants it.
func run(f *scenario.File, o cli.Options) (*cli.Result, error) {
	if !o.Live && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	bind := map[play.Socket]netip.AddrPort{}
	for _, b := range o.Bind {
		bind[play.Socket{Host: b.Host, Port: b.Port}] = b.Real
	}
	played, err := play.Run(f, play.Options{Seed: &o.Seed, Live: o.Live, Bind: bind, Dir: o.Dir, Pace: o.Pace, Subscribe: o.Subscribe})
	if input := (*play.InputError)(nil); errors.As(err, &input) {
		return nil, cli.BadInput(err)
	}
	if err != nil {
		return nil, err
	}
	result := &cli.Result{Lasted: played.Lasted, Took: played.Took, Sum: played.Sum}
	if failure := played.Failure; failure != nil {
		result.Failure = failure.Error()
		result.Detail = detail(failure)
	}
	return result, nil
}

// detail is all there is to say about a failure: what was expected and what was there, the line of the scenario, and
// the last events that have to do with it.
func detail(f *play.Failure) string {
	var b strings.Builder
	b.WriteString(f.Error() + "\n  " + f.Source + "\n")
	if len(f.Recent) == 0 {
		return b.String() + "nothing has happened that has to do with it"
	}
	b.WriteString("the last events that have to do with it:\n")
	events := timeline.New(&b, timeline.Options{Verbose: true, Names: f.Clients})
	for _, r := range f.Recent {
		events.Record(r)
	}
	return strings.TrimRight(b.String(), "\n")
}
