package capture

import (
	"net"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// A framer puts datagrams into UDP, IP and Ethernet headers. A datagram stays one packet, however long: the
// capture shows what the programs sent, and a path MTU is none of the world's faults.
type framer struct {
	buffer   gopacket.SerializeBuffer
	ethernet layers.Ethernet
	ipv4     layers.IPv4
	ipv6     layers.IPv6
	udp      layers.UDP
}

var serializeOptions = gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}

const hopLimit = 64

// frame returns the frame of a datagram; it is valid until the next call.
func (f *framer) frame(from, to netip.AddrPort, payload []byte) []byte {
	if f.buffer == nil {
		f.buffer = gopacket.NewSerializeBuffer()
	}
	source, target := from.Addr().Unmap(), to.Addr().Unmap()
	f.ethernet = layers.Ethernet{SrcMAC: hostMAC(source), DstMAC: hostMAC(target)}
	f.udp = layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}
	var network interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	if source.Is4() && target.Is4() {
		f.ethernet.EthernetType = layers.EthernetTypeIPv4
		network = &f.ipv4
		f.ipv4 = layers.IPv4{
			Version: 4, TTL: hopLimit, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolUDP,
			SrcIP: source.AsSlice(), DstIP: target.AsSlice(),
		}
	} else {
		s16, t16 := source.As16(), target.As16()
		f.ethernet.EthernetType = layers.EthernetTypeIPv6
		network = &f.ipv6
		f.ipv6 = layers.IPv6{
			Version: 6, HopLimit: hopLimit, NextHeader: layers.IPProtocolUDP, SrcIP: s16[:], DstIP: t16[:],
		}
	}
	// Serializing well-formed layers of these types cannot fail; an error would leave the payload alone.
	if f.udp.SetNetworkLayerForChecksum(network) != nil {
		return payload
	}
	if gopacket.SerializeLayers(f.buffer, serializeOptions, &f.ethernet, network, &f.udp, gopacket.Payload(payload)) != nil {
		return payload
	}
	return f.buffer.Bytes()
}

// hostMAC makes up the MAC address of a machine from its IP address: locally administered, and legible, as
// 02:00:0a:00:00:01 is for 10.0.0.1.
func hostMAC(a netip.Addr) net.HardwareAddr {
	b := a.AsSlice()
	if len(b) < 4 {
		b = make([]byte, 4)
	}
	return append(net.HardwareAddr{0x02, 0x00}, b[len(b)-4:]...)
}
