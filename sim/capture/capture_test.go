package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"nacsim/internal/host"
	"nacsim/sim/trace"
)

var start = time.Date(2026, 1, 5, 8, 0, 0, 123456789, time.UTC)

var (
	ap  = netip.MustParseAddrPort("10.0.1.1:49152")
	nac = netip.MustParseAddrPort("10.0.0.1:1812")
)

// radius returns an otherwise empty packet of a length that needs no padding by Ethernet.
func radius(code byte, length int) []byte {
	b := make([]byte, length)
	b[0], b[2], b[3] = code, byte(length>>8), byte(length)
	for at := 20; at < length; { // attributes Vendor-Specific of up to 200 octets
		n := min(200, length-at)
		b[at], b[at+1] = 26, byte(n)
		at += n
	}
	return b
}

func sample() []trace.Packet {
	return []trace.Packet{
		{Time: start, Link: "ap-1–nac", From: ap, To: nac, Data: radius(1, 40)},
		{Time: start.Add(1), Medium: host.Medium{Kind: host.Radio, Name: "corp"}, Data: make([]byte, 25)},
		{Time: start.Add(2), Link: "ap-1–nac", From: nac, To: ap, Data: radius(11, 31), Fate: "lost", Note: "loss of 10 %"},
		{Time: start.Add(3), Medium: host.Medium{Kind: host.Cable, Name: "sw-1/3"}, Data: make([]byte, 61), Fate: "duplicate"},
		{
			Time: start.Add(4), From: netip.MustParseAddrPort("[2001:db8::1]:9"), To: netip.MustParseAddrPort("[2001:db8::2]:1812"),
			Data: radius(2, 4096), Note: "IPv6",
		},
	}
}

func write(t testing.TB, packets []trace.Packet) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, p := range packets {
		w.Packet(trace.Record{}, p)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadBack(t *testing.T) {
	r, err := pcapgo.NewNgReader(bytes.NewReader(write(t, sample())), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		link     string
		linkType layers.LinkType
		length   int
	}{
		{"ap-1–nac", layers.LinkTypeEthernet, 14 + 20 + 8 + 40},
		{"corp", layers.LinkTypeIEEE802_11, 25},
		{"ap-1–nac", layers.LinkTypeEthernet, 14 + 20 + 8 + 31},
		{"sw-1/3", layers.LinkTypeEthernet, 61},
		{"ip", layers.LinkTypeEthernet, 14 + 40 + 8 + 4096},
	}
	for i, w := range want {
		data, info, err := r.ReadPacketData()
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		face, err := r.Interface(info.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		if face.Name != w.link || face.LinkType != w.linkType || len(data) != w.length || info.Length != w.length {
			t.Errorf("packet %d: %d octets on %q %v, want %d on %q %v", i, len(data), face.Name, face.LinkType, w.length, w.link, w.linkType)
		}
		if at := start.Add(time.Duration(i)); !info.Timestamp.Equal(at) {
			t.Errorf("packet %d: time %v, want %v to the nanosecond", i, info.Timestamp, at)
		}
	}
	if _, _, err := r.ReadPacketData(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last packet: %v, want EOF", err)
	}
	if n := r.NInterfaces(); n != 4 {
		t.Errorf("%d interfaces, want one for each of 4 links", n)
	}
	if section := r.SectionInfo(); section.Application != "nacsim" || section.OS+section.Hardware+section.Comment != "" {
		t.Errorf("section header %+v, want the application only", section)
	}
}

func TestDatagramHeaders(t *testing.T) {
	var f framer
	for _, p := range sample() {
		if p.IsFrame() {
			continue
		}
		packet := gopacket.NewPacket(f.frame(p.From, p.To, p.Data), layers.LayerTypeEthernet, gopacket.Default)
		udp, ok := packet.TransportLayer().(*layers.UDP)
		if !ok || packet.ErrorLayer() != nil {
			t.Fatalf("%v → %v does not decode: %v", p.From, p.To, packet)
		}
		from, to := packet.NetworkLayer().NetworkFlow().Endpoints()
		if from.String() != p.From.Addr().String() || to.String() != p.To.Addr().String() ||
			uint16(udp.SrcPort) != p.From.Port() || uint16(udp.DstPort) != p.To.Port() || !bytes.Equal(udp.Payload, p.Data) {
			t.Errorf("%v → %v decodes as %v", p.From, p.To, packet)
		}
		if sum := internetChecksum(packet); sum != 0 {
			t.Errorf("%v → %v: UDP checksum is off by %#x", p.From, p.To, sum)
		}
	}
	packet := gopacket.NewPacket(f.frame(ap, nac, radius(1, 20)), layers.LayerTypeEthernet, gopacket.Default)
	if eth := packet.LinkLayer().(*layers.Ethernet); eth.SrcMAC.String() != "02:00:0a:00:01:01" || eth.DstMAC.String() != "02:00:0a:00:00:01" {
		t.Errorf("MAC addresses %v → %v", eth.SrcMAC, eth.DstMAC)
	}
}

// internetChecksum sums pseudo header and datagram (RFC 768): 0 when the checksum in it is right.
func internetChecksum(p gopacket.Packet) uint16 {
	udp := p.TransportLayer().(*layers.UDP)
	from, to := p.NetworkLayer().NetworkFlow().Endpoints()
	b := append(append([]byte{}, from.Raw()...), to.Raw()...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(udp.Contents)+len(udp.Payload)))
	b = append(b, 0, 0, 0, 17)
	b = append(append(b, udp.Contents...), udp.Payload...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	var sum uint32
	for ; len(b) > 0; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// blocks splits a file into its blocks and checks their framing.
func blocks(t *testing.T, file []byte) (types []uint32, bodies [][]byte) {
	t.Helper()
	for len(file) > 0 {
		total := binary.LittleEndian.Uint32(file[4:])
		if total%4 != 0 || int(total) > len(file) || binary.LittleEndian.Uint32(file[total-4:]) != total {
			t.Fatalf("block %d has a wrong length %d", len(types), total)
		}
		types = append(types, binary.LittleEndian.Uint32(file))
		bodies = append(bodies, file[8:total-4])
		file = file[total:]
	}
	return types, bodies
}

func TestSecretsComeBeforeThePacketsTheyOpen(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	packets := sample()
	w.Packet(trace.Record{}, packets[0])
	w.Secret(start, "CLIENT_RANDOM 01 02")
	w.Secret(start, "CLIENT_RANDOM 03 04")
	w.Packet(trace.Record{}, packets[0])
	w.Secret(start, "CLIENT_RANDOM 05 06")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	types, bodies := blocks(t, out.Bytes())
	want := []uint32{blockSectionHeader, blockInterface, blockEnhancedPacket, blockDecryptionSecrets, blockEnhancedPacket, blockDecryptionSecrets}
	if len(types) != len(want) {
		t.Fatalf("block types %x, want %x", types, want)
	}
	for i := range want {
		if types[i] != want[i] {
			t.Fatalf("block types %x, want %x", types, want)
		}
	}
	const log = "CLIENT_RANDOM 01 02\nCLIENT_RANDOM 03 04\n"
	dsb := bodies[3]
	if kind, n := binary.LittleEndian.Uint32(dsb), binary.LittleEndian.Uint32(dsb[4:]); kind != secretsTLS || int(n) != len(log) || string(dsb[8:8+n]) != log {
		t.Errorf("secrets block %q", dsb)
	}
}

func TestComments(t *testing.T) {
	_, bodies := blocks(t, write(t, sample()))
	var comments []string
	for _, want := range []string{"lost: loss of 10 %", "duplicate", "IPv6"} {
		for _, body := range bodies {
			if bytes.Contains(body, []byte(want)) {
				comments = append(comments, want)
			}
		}
	}
	if got := strings.Join(comments, "|"); got != "lost: loss of 10 %|duplicate|IPv6" {
		t.Errorf("comments found: %s", got)
	}
}

func TestSameCallsGiveTheSameBytes(t *testing.T) {
	if !bytes.Equal(write(t, sample()), write(t, sample())) {
		t.Error("two files of the same packets differ")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestCloseReportsTheFirstError(t *testing.T) {
	w := NewWriter(brokenWriter{})
	for range 100 {
		w.Packet(trace.Record{}, sample()[4])
	}
	if err := w.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Close() = %v, want the error of the write", err)
	}
}

func BenchmarkPacket(b *testing.B) {
	w := NewWriter(io.Discard)
	p := sample()[0]
	p.Data = make([]byte, 1200)
	b.ReportAllocs()
	for b.Loop() {
		w.Packet(trace.Record{}, p)
	}
}
