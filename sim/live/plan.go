package live

import (
	"net/netip"

	"nacsim/sim/network"
	"nacsim/sim/trace"
)

var oneNow = []network.Delivery{{}}

// plan asks the network what happens to a packet, and writes the packet to the trace if it is to be recorded.
// A group-addressed frame is planned for each of its receivers but recorded once.
func (w *World) plan(p trace.Packet, record bool) []network.Delivery {
	if w.cfg.Network == nil && w.cfg.Recorder == nil {
		return oneNow
	}
	p.Time = w.Now()
	deliveries := oneNow
	if w.cfg.Network != nil {
		deliveries = w.cfg.Network.Plan(p)
	}
	if record && w.cfg.Recorder != nil {
		p.Fate, p.Note = network.Fate(deliveries)
		w.cfg.Recorder.Packet(p)
	}
	return deliveries
}

// recordsPackets reports whether somebody reads the records of packets; a server sends and receives too many to make
// them up for nobody.
func (w *World) recordsPackets() bool {
	return w.cfg.Recorder != nil && w.cfg.Recorder.Wanted(trace.KindPacket)
}

// wireLink names the path between two machines, the same in both directions.
func wireLink(a, b string) string {
	if b < a {
		a, b = b, a
	}
	return "wire:" + a + "/" + b
}

// nameAt is how the trace names the machine with a logical address: empty for one that is not of the world.
func (w *World) nameAt(addr netip.Addr) string {
	if m := w.machineAt(addr); m != nil {
		return m.name
	}
	return ""
}

// wireTo names the path from a machine to an address, and the machine there.
func (w *World) wireTo(from string, to netip.AddrPort, known bool) (link, name string) {
	if name = w.nameAt(to.Addr()); name != "" {
		return wireLink(from, name), name
	}
	if known || w.cfg.AllowExternal {
		return wireLink(from, to.Addr().String()), ""
	}
	return "wire", ""
}
