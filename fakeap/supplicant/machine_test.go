package supplicant

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/eapol"
	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/internal/eap"
	"nacsim/internal/host"
)

var (
	start   = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	station = ether.Addr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x15}
	bssid   = ether.Addr{0x5c, 0x5b, 0x35, 0, 0, 1}
	port    = ether.Addr{0x5c, 0x5b, 0x35, 1, 0, 3}
	air     = Link{Medium: host.Medium{Kind: host.Radio, Name: "corp"}, SSID: "corp"}
	cable   = Link{Medium: host.Medium{Kind: host.Cable, Name: "sw-1/3"}}
)

func newMachine(t testing.TB, link Link, change func(*Config)) *machine {
	t.Helper()
	cfg := Config{MAC: station, Config: eappeer.Config{Identity: "host/LAPTOP-1", ServerName: "radius.corp.example"}}
	if change != nil {
		change(&cfg)
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	peer, err := eappeer.New(cfg.Config, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{cfg: cfg, link: link, rand: rand.NewChaCha8([32]byte{}), peer: peer, state: Disconnected}
	t.Cleanup(peer.Close)
	return m
}

// take empties the output and returns it.
func (m *machine) take() (frames [][]byte, changes []change) {
	frames, changes = m.out, m.changes
	m.out, m.changes = nil, nil
	return frames, changes
}

func request(id uint8, typ eap.Type, data string) []byte {
	return eap.Packet{Code: eap.Request, ID: id, Type: typ, Data: []byte(data)}.Append(nil)
}

func ethernet(packet []byte) []byte {
	pdu := eapol.PDU{Type: eapol.TypeEAP, Body: packet}.Append(nil)
	return ether.Frame{Dst: ether.PAEGroup, Src: port, Type: ether.TypeEAPOL, Payload: pdu}.Append(nil)
}

// associate brings a wireless machine to where it waits for EAP.
func associate(t testing.TB, m *machine) {
	t.Helper()
	m.connect(start)
	m.receive(dot11.NewProbeResponse(station, bssid, "corp", 0), start)
	m.receive(dot11.NewAuthentication(station, bssid, bssid, dot11.AuthenticationBody{Sequence: 2}), start)
	m.receive(dot11.NewAssociationResponse(station, bssid, dot11.StatusSuccess, 1), start)
	if !m.associated {
		t.Fatal("not associated")
	}
	m.take()
}

// attempts lets time pass and returns when frames were sent.
func attempts(m *machine, until time.Duration) (at []time.Duration) {
	for now := start; ; {
		if frames, _ := m.take(); len(frames) > 0 {
			at = append(at, now.Sub(start))
		}
		if m.deadline.IsZero() || m.deadline.Sub(start) > until {
			return at
		}
		now = m.deadline
		m.expire(now)
	}
}

func seconds(list ...float64) (d []time.Duration) {
	for _, s := range list {
		d = append(d, time.Duration(s*float64(time.Second)))
	}
	return d
}

// IEEE 802.1X-2010 clause 8.5: EAPOL-Start every startPeriod, maxStart times; then the station's own retries.
func TestEAPOLStart(t *testing.T) {
	m := newMachine(t, cable, nil)
	m.connect(start)
	if got, want := attempts(m, 3*time.Minute), seconds(0, 30, 60, 91, 121, 151); !slices.Equal(got, want) {
		t.Errorf("EAPOL-Start at %v, want %v", got, want)
	}
}

func TestProbesWithoutAnswer(t *testing.T) {
	m := newMachine(t, air, nil)
	m.connect(start)
	got := attempts(m, 20*time.Second)
	want := seconds(0, 0.5, 1, 2.5, 3, 3.5, 6, 6.5, 7, 11.5, 12, 12.5)
	if !slices.Equal(got, want) {
		t.Errorf("Probe Requests at %v, want %v", got, want)
	}
	m.backoff = time.Minute
	m.lost(start, "x")
	if wait := m.deadline.Sub(start); wait != 30*time.Second {
		t.Errorf("the longest wait is %v, want 30s", wait)
	}
}

func TestNoRetry(t *testing.T) {
	m := newMachine(t, air, func(c *Config) { c.NoRetry = true })
	m.connect(start)
	if got := attempts(m, time.Hour); len(got) != 3 || m.phase != phaseIdle {
		t.Errorf("%d Probe Requests, want 3 and no more", len(got))
	}
	m = newMachine(t, cable, func(c *Config) { c.NoRetry = true })
	m.connect(start)
	m.receive(ethernet(request(1, eap.TypeIdentity, "")), start)
	m.receive(ethernet([]byte{4, 1, 0, 4}), start)
	if m.state != Failed || !m.deadline.IsZero() {
		t.Errorf("state %s, deadline %v after a refusal", m.state, m.deadline)
	}
}

func TestRefusals(t *testing.T) {
	m := newMachine(t, cable, nil)
	m.connect(start)
	now := start
	for n := 1; n <= 3; n++ {
		m.receive(ethernet(request(uint8(n), eap.TypeIdentity, "")), now)
		m.receive(ethernet([]byte{4, byte(n), 0, 4}), now)
		_, changes := m.take()
		last := changes[len(changes)-1]
		if last.state != Failed || strings.Contains(last.reason, "giving up") != (n == 3) {
			t.Fatalf("refusal %d: %+v", n, last)
		}
		if n < 3 {
			if m.deadline.Sub(now) != time.Minute {
				t.Fatalf("waits %v after a refusal, want heldPeriod", m.deadline.Sub(now))
			}
			now = m.deadline
			m.expire(now)
		}
	}
	if m.phase != phaseIdle {
		t.Error("tries again after three refusals")
	}
	// A switch that asks gets an answer even so.
	m.receive(ethernet(request(9, eap.TypeIdentity, "")), now)
	if frames, _ := m.take(); len(frames) != 1 || m.phase != phaseEAP {
		t.Error("a station that has given up does not answer")
	}
}

func TestAssociation(t *testing.T) {
	m := newMachine(t, air, nil)
	associate(t, m)
	eapFrame := func(packet []byte) []byte {
		return dot11.NewEAPOLFromDS(station, bssid, eapol.PDU{Type: eapol.TypeEAP, Body: packet}.Append(nil))
	}
	f := eapFrame(request(1, eap.TypeIdentity, ""))
	m.receive(f, start)
	frames, _ := m.take()
	if len(frames) != 1 {
		t.Fatalf("%d answers to the identity request", len(frames))
	}
	parsed, err := dot11.Parse(frames[0])
	pdu, ok := dot11.EAPOL(parsed)
	if err != nil || !ok || parsed.Addr1 != bssid || !bytes.Contains(pdu, []byte("host/LAPTOP-1")) {
		t.Errorf("answer %+v", parsed)
	}
	m.receive(f, start) // duplicated on air: same sequence number
	if frames, _ = m.take(); len(frames) != 0 {
		t.Error("a duplicated frame is answered")
	}
	m.receive(dot11.NewDeauthentication(station, bssid, bssid, dot11.ReasonClass3), start)
	if m.state != Disconnected || m.associated || m.deadline.Sub(start) != time.Second {
		t.Errorf("state %s after a Deauthentication", m.state)
	}
}

func TestForeignFrames(t *testing.T) {
	other := ether.Addr{2, 2, 2, 2, 2, 2}
	tests := map[string][]byte{
		"network with another name":        dot11.NewProbeResponse(station, other, "guest", 0),
		"answer to another station":        dot11.NewProbeResponse(other, bssid, "corp", 0),
		"garbage":                          {1, 2, 3},
		"authentication before its time":   dot11.NewAuthentication(station, bssid, bssid, dot11.AuthenticationBody{Sequence: 2}),
		"deauthentication by a stranger":   dot11.NewDeauthentication(station, other, other, dot11.ReasonLeaving),
		"EAPOL before the association":     dot11.NewEAPOLFromDS(station, bssid, eapol.PDU{Body: request(1, eap.TypeIdentity, "")}.Append(nil)),
		"association before its time":      dot11.NewAssociationResponse(station, bssid, dot11.StatusSuccess, 1),
		"probe response without RSN":       dot11.Frame{Kind: dot11.ProbeResponse, Addr1: station, Addr2: bssid, Addr3: bssid, Body: append(make([]byte, 12), 0, 4, 'c', 'o', 'r', 'p')}.Append(nil),
		"deauthentication of another cell": dot11.NewDeauthentication(ether.Broadcast, other, other, dot11.ReasonLeaving),
	}
	for name, frame := range tests {
		m := newMachine(t, air, nil)
		m.connect(start)
		m.take()
		m.receive(frame, start)
		if frames, changes := m.take(); len(frames) != 0 || len(changes) != 0 || m.phase != phaseProbe {
			t.Errorf("%s: %d frames, changes %v", name, len(frames), changes)
		}
	}
}

func TestAssociationRefused(t *testing.T) {
	m := newMachine(t, air, nil)
	m.connect(start)
	m.receive(dot11.NewProbeResponse(station, bssid, "corp", 0), start)
	m.receive(dot11.NewAuthentication(station, bssid, bssid, dot11.AuthenticationBody{Sequence: 2}), start)
	m.receive(dot11.NewAssociationResponse(station, bssid, dot11.StatusFull, 0), start)
	_, changes := m.take()
	if last := changes[len(changes)-1]; last.state != Disconnected || !strings.Contains(last.reason, "access point is full") {
		t.Errorf("%+v", last)
	}
	m.expire(start.Add(time.Second))
	if m.phase != phaseProbe {
		t.Error("does not try again")
	}
}

func TestBSSIDChosen(t *testing.T) {
	link := air
	link.BSSID = bssid
	m := newMachine(t, link, nil)
	m.connect(start)
	m.receive(dot11.NewProbeResponse(station, ether.Addr{2, 2, 2, 2, 2, 2}, "corp", 0), start)
	if m.phase != phaseProbe {
		t.Error("takes another access point than the one asked for")
	}
	m.receive(dot11.NewProbeResponse(station, bssid, "corp", 0), start)
	if m.phase != phaseOpen {
		t.Error("does not take the access point asked for")
	}
}

func TestCarrierLost(t *testing.T) {
	m := newMachine(t, cable, nil)
	m.connect(start)
	m.receive(ethernet(request(1, eap.TypeIdentity, "")), start)
	m.carrierLost(start)
	if m.state != Disconnected || m.deadline.Sub(start) != time.Second {
		t.Errorf("state %s, deadline %v", m.state, m.deadline)
	}
}

func TestSilenceOfServer(t *testing.T) {
	m := newMachine(t, cable, nil)
	m.connect(start)
	m.receive(ethernet(request(1, eap.TypeIdentity, "")), start)
	m.take()
	m.expire(start.Add(30 * time.Second))
	if _, changes := m.take(); len(changes) != 1 || changes[0].reason != "authentication timed out" {
		t.Errorf("changes %+v", changes)
	}
}

func TestConfigErrors(t *testing.T) {
	tests := []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.MAC = ether.Addr{} }, "MAC"},
		{func(c *Config) { c.MAC = ether.Broadcast }, "MAC"},
		{func(c *Config) { c.Identity = "" }, "identity"},
		{func(c *Config) { c.Identity = strings.Repeat("x", 254) }, "254 octets"},
	}
	for _, tt := range tests {
		c := Config{MAC: station, Config: eappeer.Config{Identity: "x"}}
		tt.change(&c)
		if _, err := c.withDefaults(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want one that says %q", err, tt.want)
		}
	}
	for _, l := range []Link{{}, {Medium: air.Medium}, {Medium: air.Medium, SSID: strings.Repeat("x", 33)}} {
		if l.check() == nil {
			t.Errorf("link %+v passes", l)
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(true, dot11.NewProbeResponse(station, bssid, "corp", 0))
	f.Add(true, dot11.NewDeauthentication(station, bssid, bssid, dot11.ReasonClass3))
	f.Add(true, dot11.NewEAPOLFromDS(station, bssid, eapol.PDU{Body: request(1, eap.TypeTLS, "\x20")}.Append(nil)))
	f.Add(true, dot11.NewEAPOLFromDS(station, bssid, eapol.PDU{Type: eapol.TypeKey, Body: eapol.Key{Descriptor: 2, Info: 0x8a}.Append(nil)}.Append(nil)))
	f.Add(false, ethernet(request(1, eap.TypeIdentity, "")))
	f.Add(false, ethernet(request(2, eap.TypeTLS, "\x20")))
	f.Add(false, ethernet([]byte{3, 1, 0, 4}))
	f.Fuzz(func(t *testing.T, wireless bool, frame []byte) {
		link := cable
		if wireless {
			link = air
		}
		m := newMachine(t, link, nil)
		if wireless {
			associate(t, m)
		} else {
			m.connect(start)
		}
		m.receive(frame, start)
		m.receive(frame, start)
		if m.state == Connected {
			t.Errorf("connected by %x", frame)
		}
		for range 4 {
			if !m.deadline.IsZero() {
				m.expire(m.deadline)
			}
		}
		m.disconnect()
	})
}
