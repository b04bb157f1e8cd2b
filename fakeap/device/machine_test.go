package device

import (
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
)

var (
	start   = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	printer = ether.Addr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x15}
	bssid   = ether.Addr{0x5c, 0x5b, 0x35, 0, 0, 1}
	cable   = supplicant.Link{Medium: host.Medium{Kind: host.Cable, Name: "sw-1/3"}}
	air     = supplicant.Link{Medium: host.Medium{Kind: host.Radio, Name: "iot"}, SSID: "iot"}
)

// RFC 2131 sections 4.1 and 4.4.1: a DHCPDISCOVER, which an independent decoder understands, ever more rarely.
func TestDiscover(t *testing.T) {
	m := &machine{mac: printer, link: cable}
	m.connect(start)
	var at []time.Duration
	now := start
	for len(at) < 7 {
		if len(m.out) != 1 {
			t.Fatalf("%d frames at %v", len(m.out), now.Sub(start))
		}
		packet := gopacket.NewPacket(m.out[0], layers.LayerTypeEthernet, gopacket.Default)
		dhcp, ok := packet.Layer(layers.LayerTypeDHCPv4).(*layers.DHCPv4)
		if failure := packet.ErrorLayer(); failure != nil || !ok {
			t.Fatalf("frame %x: %v", m.out[0], failure)
		}
		if dhcp.ClientHWAddr.String() != printer.String() || time.Duration(dhcp.Secs)*time.Second != now.Sub(start) || dhcp.Options[0].Data[0] != byte(layers.DHCPMsgTypeDiscover) {
			t.Errorf("%+v", dhcp)
		}
		if ip := packet.Layer(layers.LayerTypeIPv4).(*layers.IPv4); checksum(ip.Contents) != 0 {
			t.Errorf("checksum of %x is wrong", ip.Contents)
		}
		at = append(at, now.Sub(start))
		m.out = nil
		now = m.deadline
		m.expire(now)
	}
	if at[1] != 4*time.Second || at[2] != 12*time.Second || at[6]-at[5] != 64*time.Second {
		t.Errorf("sent at %v", at)
	}
}

func TestJoin(t *testing.T) {
	m := &machine{mac: printer, link: air}
	m.connect(start)
	m.receive(dot11.NewProbeResponse(printer, bssid, "iot", 0), start) // encrypted: not for a device without keys
	m.receive(dot11.NewOpenProbeResponse(printer, bssid, "other", 0), start)
	if m.phase != phaseProbe {
		t.Fatal("joins the wrong network")
	}
	m.receive(dot11.NewOpenProbeResponse(printer, bssid, "iot", 0), start)
	m.receive(dot11.NewAuthentication(printer, bssid, bssid, dot11.AuthenticationBody{Sequence: 2}), start)
	m.receive(dot11.NewAssociationResponse(printer, bssid, dot11.StatusSuccess, 1), start)
	if m.phase != phaseJoined || m.state != supplicant.Connected || len(m.out) != 3 {
		t.Fatalf("phase %d, state %s, %d frames", m.phase, m.state, len(m.out))
	}
	m.receive(dot11.NewDeauthentication(printer, bssid, bssid, dot11.ReasonAuthExpired), start)
	if m.state != supplicant.Disconnected {
		t.Errorf("state %s", m.state)
	}
	m.expire(start.Add(retry))
	if m.state != supplicant.Associating || len(m.out) != 4 {
		t.Errorf("state %s, %d frames: does not try again", m.state, len(m.out))
	}
}

func TestUnanswered(t *testing.T) {
	m := &machine{mac: printer, link: air}
	m.connect(start)
	for i := range 5 {
		m.expire(start.Add(time.Duration(i+1) * retry))
	}
	if len(m.out) != 6 || m.phase != phaseProbe {
		t.Errorf("%d frames", len(m.out))
	}
	m.leave()
	if len(m.out) != 6 || !m.deadline.IsZero() {
		t.Error("says goodbye to nobody, or goes on")
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(dot11.NewOpenProbeResponse(printer, bssid, "iot", 0))
	f.Add(dot11.NewDeauthentication(printer, bssid, bssid, dot11.ReasonClass3))
	f.Fuzz(func(t *testing.T, frame []byte) {
		for _, link := range []supplicant.Link{air, cable} {
			m := &machine{mac: printer, link: link}
			m.connect(start)
			m.receive(frame, start)
			m.receive(frame, start)
			if link.Medium.Kind == host.Radio && m.phase == phaseJoined {
				t.Error("joined by one frame")
			}
			m.leave()
		}
	})
}
