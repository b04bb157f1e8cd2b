package trace

import (
	"net/netip"
	"testing"
)

var (
	apSocket  = netip.MustParseAddrPort("10.0.1.1:40000")
	nacSocket = netip.MustParseAddrPort("10.0.0.1:1812")
)

// datagram is a RADIUS packet, with Calling-Station-Id unless the station is empty.
func datagram(from, to netip.AddrPort, code, id byte, station string) Packet {
	data := make([]byte, 20, 64)
	if station != "" {
		data = append(append(data, 31, byte(2+len(station))), station...)
	}
	data[0], data[1], data[3] = code, id, byte(len(data))
	return Packet{Time: start, From: from, To: to, Data: data}
}

// TestAnswersNameTheClientOfTheRequest holds that an answer, which carries no Calling-Station-Id, is about the client of
// the request with the same identifier between the same sockets (RFC 2865 section 3).
func TestAnswersNameTheClientOfTheRequest(t *testing.T) {
	const one, two = "00-1C-B3-00-00-01", "00-1C-B3-00-00-02"
	other := netip.MustParseAddrPort("10.0.1.2:40000")
	r := NewRecorder(start)
	var clients []string
	r.Subscribe(func(rec Record) { clients = append(clients, rec.Field("client")) })
	for _, c := range []struct {
		name   string
		packet Packet
		want   string
	}{
		{"an answer to nothing", datagram(nacSocket, apSocket, 2, 7, ""), ""},
		{"a request", datagram(apSocket, nacSocket, 1, 7, one), "00:1c:b3:00:00:01"},
		{"another client's", datagram(apSocket, nacSocket, 1, 8, two), "00:1c:b3:00:00:02"},
		{"Access-Challenge", datagram(nacSocket, apSocket, 11, 7, ""), "00:1c:b3:00:00:01"},
		{"Access-Accept of the other", datagram(nacSocket, apSocket, 2, 8, ""), "00:1c:b3:00:00:02"},
		{"the same answer again", datagram(nacSocket, apSocket, 2, 8, ""), "00:1c:b3:00:00:02"},
		{"to another socket", datagram(nacSocket, other, 2, 8, ""), ""},
		{"another identifier", datagram(nacSocket, apSocket, 2, 9, ""), ""},
		{"the identifier is used again", datagram(apSocket, nacSocket, 4, 7, two), "00:1c:b3:00:00:02"},
		{"Accounting-Response", datagram(nacSocket, apSocket, 5, 7, ""), "00:1c:b3:00:00:02"},
		{"Accounting-On is about no client", datagram(apSocket, nacSocket, 4, 7, ""), ""},
		{"and so is its answer", datagram(nacSocket, apSocket, 5, 7, ""), ""},
		{"CoA-Request", datagram(nacSocket, apSocket, 43, 1, one), "00:1c:b3:00:00:01"},
		{"CoA-NAK", datagram(apSocket, nacSocket, 45, 1, ""), "00:1c:b3:00:00:01"},
	} {
		r.Packet(c.packet)
		if got := clients[len(clients)-1]; got != c.want {
			t.Errorf("%s: the client is %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTheClientStandsWhereItAlwaysDoes(t *testing.T) {
	r := NewRecorder(start)
	var keys []string
	r.Subscribe(func(rec Record) {
		keys = nil
		for _, a := range rec.Fields {
			keys = append(keys, a.Key)
		}
	})
	for _, p := range []Packet{datagram(apSocket, nacSocket, 1, 7, "00-1C-B3-00-00-01"), datagram(nacSocket, apSocket, 2, 7, "")} {
		r.Packet(p)
		if len(keys) < 12 || keys[8] != "len" || keys[9] != "client" || keys[10] != "code" {
			t.Errorf("the fields are %v, want client after len", keys)
		}
	}
}

func TestExchangesAreBounded(t *testing.T) {
	var x exchanges
	for i := range 3 * exchangesMax {
		from := netip.AddrPortFrom(apSocket.Addr(), uint16(i))
		x.remember(exchange{from, nacSocket, 0}, "c")
	}
	if n := len(x.recent) + len(x.older); n > 2*exchangesMax {
		t.Errorf("%d requests are remembered, want at most %d", n, 2*exchangesMax)
	}
	if x.lookUp(exchange{netip.AddrPortFrom(apSocket.Addr(), 3*exchangesMax-1), nacSocket, 0}) != "c" {
		t.Error("the last request has been forgotten")
	}
}
