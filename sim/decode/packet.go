package decode

import (
	"net/netip"
	"time"

	"nacsim/internal/host"
)

// A Packet is one thing that was put on a wire or on the air: either a UDP datagram (From and To are valid)
// or a link-layer frame (Medium has a name). The worlds make one for each copy the network carries. Packets inside of
// TLS connections are shown too, where the programs tell of them.
type Packet struct {
	// Time is when it was sent.
	Time time.Time
	// Link names where it was seen: the medium for a frame ("sw-1/3", "corp"), the two machines for a
	// datagram ("ap-1–nac"). An empty Link stands for the medium's name, or "ip".
	Link string

	// From and To are the UDP endpoints of a datagram.
	From, To netip.AddrPort
	// TLS says that it is no datagram but one RADIUS packet of a TLS connection between From and To, in clear.
	TLS bool
	// Medium is the link-layer segment of a frame. Its kind says how to read Data.
	Medium host.Medium
	// Data is the payload of the datagram, or the whole frame without FCS. Nobody keeps it after the call
	// it is passed to.
	Data []byte

	// FromHost and ToHost are the machines' names, where the world knows them. ToHost is empty for a
	// group-addressed frame.
	FromHost, ToHost string

	// Fate is what the network did with this copy: "" for delivered as usual, else for example "lost",
	// "duplicate", "delayed".
	Fate string
	// Note adds why, for people: "link ap-1→nac is down", "delayed by 200ms".
	Note string
}

// IsFrame reports whether the packet is a link-layer frame rather than a UDP datagram.
func (p *Packet) IsFrame() bool { return p.Medium.Name != "" || !p.From.IsValid() }

// LinkName is Link, or what stands for it when it is empty.
func (p *Packet) LinkName() string {
	switch {
	case p.Link != "":
		return p.Link
	case p.Medium.Name != "":
		return p.Medium.Name
	}
	return "ip"
}
