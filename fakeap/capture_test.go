package fakeap_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	lr "layeh.com/radius"
)

// writeCapture writes the frames of one link type that a world has seen.
func writeCapture(t *testing.T, w *world, radio bool) string {
	t.Helper()
	var b bytes.Buffer
	p := pcapgo.NewWriter(&b)
	linkType := layers.LinkTypeEthernet
	if radio {
		linkType = layers.LinkTypeIEEE802_11
	}
	if err := p.WriteFileHeader(65535, linkType); err != nil {
		t.Fatal(err)
	}
	for i, s := range w.seen {
		if s.radio != radio || !s.radio && !s.cable {
			continue
		}
		at := time.Unix(int64(i), 0)
		if err := p.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(s.data), Length: len(s.data)}, s.data); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "link.pcap")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Wireshark reads every frame, finds nothing malformed, and sees the four messages of both handshakes.
func TestCapture(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	both(t, func(t *testing.T, e *edge) {
		e.connect()
		e.Advance(5 * time.Second)
		e.server.send("10.0.1.1:3799", lr.CodeCoARequest, coa)
		e.Advance(5 * time.Second)
		e.server.send("10.0.1.1:3799", lr.CodeDisconnectRequest, calling)
		e.Advance(5 * time.Second)
		e.connected("750")
		e.station.Disconnect()
		e.Advance(time.Second)
		capture := writeCapture(t, e.world, e.ap != nil)
		run := func(args ...string) string {
			out, err := exec.Command(tshark, append([]string{"-n", "-r", capture}, args...)...).CombinedOutput()
			if err != nil {
				t.Fatalf("tshark: %v\n%s", err, out)
			}
			return string(out)
		}
		all := run()
		// Standard error has a warning about running as root, so frames are counted by a field of their own.
		if bad := run("-Y", "_ws.malformed || _ws.expert.severity >= 6291456", "-T", "fields", "-E", "header=y", "-e", "_ws.expert.message"); strings.Count(bad, "_ws.expert.message\n") != 1 || !strings.HasSuffix(bad, "_ws.expert.message\n") {
			t.Errorf("malformed frames:\n%s", bad)
		}
		wants := []string{"Start", "Request, Identity", "Response, Identity", "Request, TLS EAP (EAP-TLS)", "Success"}
		if e.ap != nil {
			wants = []string{"Probe Request", "Probe Response", "Authentication", "Association Request", "Association Response",
				"Request, Identity", "Success", "Key (Message 1 of 4)", "Key (Message 2 of 4)", "Key (Message 3 of 4)", "Key (Message 4 of 4)", "Deauthentication"}
		}
		for _, want := range wants {
			if !strings.Contains(all, want) {
				t.Errorf("no %q in the capture:\n%s", want, all)
			}
		}
	})
}
