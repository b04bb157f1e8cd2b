// Command nacsim plays network access control scenarios. See "nacsim help".
package main

import (
	"errors"
	"net/netip"
	"os"

	"nacsim/sim/cli"
	"nacsim/sim/play"
	"nacsim/sim/scenario"
)

func main() { os.Exit(cli.Main(cli.RunnerFunc(run))) }

// run plays a scenario as the command line wants it.
func run(f *scenario.File, o cli.Options) (*cli.Result, error) {
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
		result.Detail = result.Failure + "\n    " + failure.Source
	}
	return result, nil
}
