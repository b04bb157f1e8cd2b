package play

import (
	"crypto/rand"
	"io"

	"nacsim/sim/live"
	"nacsim/sim/network"
	"nacsim/sim/trace"
)

// liveWorld is the live world as the runner needs it.
type liveWorld struct{ *live.World }

func newLive(r *trace.Recorder, n *network.Model) world {
	return liveWorld{live.New(live.Config{Recorder: r, Network: n, Secrets: true})}
}

// Rand is never a seed's: what is made from it are keys of servers on real sockets.
func (liveWorld) Rand(string) io.Reader { return rand.Reader } // real-world: this is the live one
