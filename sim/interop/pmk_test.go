package interop

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"nacsim/internal/radius"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	lr "layeh.com/radius"
)

// pmks computes the pairwise master keys from the MPPE keys in the Access-Accepts of a capture, as an access point
// does.
func pmks(t *testing.T, file string) []string {
	t.Helper()
	requests := map[string]*lr.Packet{} // by the addresses of NAS and server, and the identifier
	var keys []string
	for from, payload := range datagrams(t, file) {
		if !from.radius() {
			continue // a device without a supplicant asks for an address
		}
		p, err := radius.Parse(payload, []byte(scenarioSecret))
		if err != nil {
			t.Fatal(err)
		}
		switch p.Code {
		case lr.CodeAccessRequest:
			requests[fmt.Sprint(from, p.Identifier)] = p
		case lr.CodeAccessAccept:
			recv, _, err := radius.MPPEKeys(p.Attributes, requests[fmt.Sprint(from.reversed(), p.Identifier)])
			if errors.Is(err, radius.ErrNoAttribute) {
				continue // a MAC address authenticates without keys
			} else if err != nil {
				t.Fatal(err)
			}
			if key := hex.EncodeToString(recv); !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// direction is that of a datagram.
type direction struct{ network, transport gopacket.Flow }

// radius reports whether one of the ports is RADIUS's.
func (d direction) radius() bool {
	from, to := d.transport.Endpoints()
	for _, port := range []layers.UDPPort{1812, 1813, 3799} {
		if e := layers.NewUDPPortEndpoint(port); from == e || to == e {
			return true
		}
	}
	return false
}

func (d direction) reversed() direction { return direction{d.network.Reverse(), d.transport.Reverse()} }

// datagrams reads the UDP datagrams of a capture.
func datagrams(t *testing.T, file string) func(yield func(direction, []byte) bool) {
	t.Helper()
	return func(yield func(direction, []byte) bool) {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := pcapgo.NewNgReader(f, pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			t.Fatal(err)
		}
		for {
			b, info, err := r.ReadPacketData()
			if errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if link, ok := info.AncillaryData[0].(layers.LinkType); !ok || link != layers.LinkTypeEthernet {
				continue
			}
			p := gopacket.NewPacket(b, layers.LinkTypeEthernet, gopacket.NoCopy)
			udp, ok := p.TransportLayer().(*layers.UDP)
			if ok && !yield(direction{p.NetworkLayer().NetworkFlow(), udp.TransportFlow()}, udp.Payload) {
				return
			}
		}
	}
}
