package play

import (
	"crypto/rand"
	"io"
	"net/netip"

	"nacsim/sim/live"
	"nacsim/sim/scenario"
)

// liveWorld is the live world as the runner needs it.
type liveWorld struct{ *live.World }

func (p *player) newLive(bind map[Socket]netip.AddrPort) (world, error) {
	cfg := live.Config{Recorder: p.recorder, Network: p.network, Secrets: true, Bind: map[netip.AddrPort]netip.AddrPort{}}
	for socket, real := range bind { // order-free: it becomes another map
		addr, ok := p.address(socket.Host)
		if !ok {
			return nil, inputError("bind %s:%d: there is no %s with an IP address in %s", socket.Host, socket.Port, socket.Host, p.file.Path)
		}
		cfg.Bind[netip.AddrPortFrom(addr, socket.Port)] = real
	}
	return liveWorld{live.New(cfg)}, nil
}

// address is the IP address of a machine of the scenario; devices have none.
func (p *player) address(name string) (netip.Addr, bool) {
	switch name {
	case scenario.HostNAC:
		return nacAddr, true
	case scenario.HostGraph:
		return graphAddr, true
	case scenario.HostPKI:
		return pkiAddr, p.publishes()
	}
	for i := range p.file.NAS {
		if p.file.NAS[i].Name == name {
			return nasAddr(i), true
		}
	}
	return netip.Addr{}, false
}

// Rand is never a seed's: what is made from it are keys of servers on real sockets.
func (liveWorld) Rand(string) io.Reader { return rand.Reader } // real-world: this is the live one
