package play

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nacsim/fakeap"
	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
	"nacsim/internal/radsec"
	"nacsim/nac"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/sim/live"
	"nacsim/sim/pki"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
	"nacsim/sim/virtual"
)

// twoVLANs are policies that differ in the VLAN.
const twoVLANs = `
labels: [{name: VLAN, type: vlan, vlan: %d}]
rules: [{name: All, action: allow, matching: {auth_type: eap-tls}, apply_tags: [VLAN]}]
`

// sixWorld is what both worlds have.
type sixWorld interface {
	Now() time.Time
	AddHost(name string, addr netip.Addr, boot func(host.Host) error) error
	RunUntil(cond func() bool, max time.Duration) error
	Close() error
}

// six is a NAC, an access point and a laptop with IPv6 addresses only.
type six struct {
	t       *testing.T
	world   sixWorld
	records chan trace.Record
	seen    []trace.Record

	nac    *nac.NAC
	laptop *supplicant.Supplicant
	corp   *pki.Authority
}

var (
	sixNAC = netip.MustParseAddr("2001:db8::1")
	sixAP  = netip.MustParseAddr("2001:db8:1::1")
)

// TestIPv6 plays access, accounting and a change of authorization over IPv6, UDP and TLS, in both worlds; the live one
// uses sockets of ::1.
func TestIPv6(t *testing.T) {
	for _, transport := range []string{scenario.OverUDP, scenario.OverTLS} {
		t.Run("virtual, "+transport, func(t *testing.T) {
			s := newSix(t)
			s.world = virtual.New(virtual.Config{Seed: 1, Start: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), Recorder: s.recorder()})
			s.play(transport)
		})
		t.Run("live, "+transport, func(t *testing.T) {
			l, err := net.Listen("tcp6", "[::1]:0")
			if err != nil {
				t.Skipf("this computer has no IPv6: %v", err)
			}
			l.Close()
			s := newSix(t)
			any6 := netip.MustParseAddrPort("[::1]:0")
			bind := map[netip.AddrPort]netip.AddrPort{}
			for _, at := range []netip.AddrPort{
				netip.AddrPortFrom(sixNAC, 1812), netip.AddrPortFrom(sixNAC, 1813), netip.AddrPortFrom(sixNAC, radsec.Port), netip.AddrPortFrom(sixNAC, 0),
				netip.AddrPortFrom(sixAP, 3799), netip.AddrPortFrom(sixAP, 0),
			} {
				bind[at] = any6
			}
			s.world = live.New(live.Config{Recorder: s.recorder(), Dir: t.TempDir(), Bind: bind})
			s.play(transport)
		})
	}
}

func newSix(t *testing.T) *six { return &six{t: t, records: make(chan trace.Record, 10000)} }

func (s *six) recorder() *trace.Recorder {
	r := trace.NewRecorder(time.Now())
	r.Subscribe(func(rec trace.Record) { s.records <- rec })
	return r
}

// found counts the records of a kind that contain all of the texts.
func (s *six) found(kind string, parts ...string) int {
	for len(s.records) > 0 {
		s.seen = append(s.seen, <-s.records)
	}
	n := 0
next:
	for _, r := range s.seen {
		if r.Kind != kind {
			continue
		}
		line := fmt.Sprint(r.Fields)
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue next
			}
		}
		n++
	}
	return n
}

// await waits for a record.
func (s *six) await(kind string, parts ...string) {
	s.t.Helper()
	if err := s.world.RunUntil(func() bool { return s.found(kind, parts...) > 0 }, 20*time.Second); err != nil {
		s.t.Fatalf("no %s %q: %v\n%v", kind, parts, err, s.seen)
	}
}

func (s *six) policy(vlan int) *policy.Policy {
	p, err := policy.Load("six.yaml", fmt.Appendf(nil, twoVLANs, vlan))
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *six) play(transport string) {
	s.t.Cleanup(func() {
		if err := s.world.Close(); err != nil {
			s.t.Error(err)
		}
	})
	s.boot(transport)
	if err := s.laptop.Connect(supplicant.Link{Medium: host.Medium{Kind: host.Radio, Name: "corp"}, SSID: "corp", Name: "ap-1"}); err != nil {
		s.t.Fatal(err)
	}
	s.await("port", "state=authorized", "vlan=750")
	s.await("session", "state=started")
	s.nac.SetPolicy(s.policy(751))
	s.await("coa", "result=ack")
	s.await("port", "state=authorized", "vlan=751")
	s.await("das", "from=[2001:db8::1]:", "result=ack")
	if transport == scenario.OverTLS {
		s.await("radsec", "from=[2001:db8:1::1]:", "nas=aps", "state=open")
	}
}

// boot starts the three machines.
func (s *six) boot(transport string) {
	now := s.world.Now()
	from, to := now.Add(-time.Hour), now.Add(24*time.Hour)
	var err error
	if s.corp, err = pki.NewAuthority("Contoso Root CA", from, to, rand.Reader); err != nil {
		s.t.Fatal(err)
	}
	server, err := s.corp.Server([]string{scenario.DefaultServerName}, from, to, rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: s.corp.Pool()}
	clients := []radiusd.Client{{Prefix: netip.MustParsePrefix("2001:db8:1::/48"), Name: "aps", Secret: radiusSecret}}
	radius := fakeap.RADIUSConfig{Auth: netip.AddrPortFrom(sixNAC, 1812), Acct: netip.AddrPortFrom(sixNAC, 1813), Secret: radiusSecret}
	serverConfig := radiusd.Config{Clients: clients}
	if transport == scenario.OverTLS {
		serverConfig.RadSec = radiusd.RadSecConfig{Addr: netip.AddrPortFrom(sixNAC, radsec.Port), TLS: func() *tls.Config { return config }}
		radius = fakeap.RADIUSConfig{RadSec: &fakeap.RadSecConfig{Server: netip.AddrPortFrom(sixNAC, radsec.Port).String(), TLS: &tls.Config{
			Certificates: []tls.Certificate{s.client("ap-1", from, to)}, RootCAs: s.corp.Pool(), ServerName: scenario.DefaultServerName,
		}}}
	}
	s.add("nac", sixNAC, func(h host.Host) (err error) {
		s.nac, err = nac.Start(h, nac.Config{TLS: config, Policy: s.policy(750), RADIUS: serverConfig})
		return err
	})
	s.add("ap-1", sixAP, func(h host.Host) error {
		_, err := fakeap.StartAP(h, fakeap.APConfig{BSSID: bssid(0), SSID: "corp", Settings: fakeap.Settings{RADIUS: radius}})
		return err
	})
	s.add("laptop-1", netip.Addr{}, func(h host.Host) (err error) {
		s.laptop, err = supplicant.Start(h, supplicant.Config{MAC: ether.Addr{0, 0x1c, 0xb3, 9, 0x85, 0x15}, Config: eappeer.Config{
			Identity: "host/LAPTOP-1", Certificate: s.client("LAPTOP-1", from, to), RootCAs: s.corp.Pool(), ServerName: scenario.DefaultServerName,
		}})
		return err
	})
}

func (s *six) add(name string, addr netip.Addr, boot func(host.Host) error) {
	s.t.Helper()
	if err := s.world.AddHost(name, addr, boot); err != nil {
		s.t.Fatal(err)
	}
}

func (s *six) client(name string, from, to time.Time) tls.Certificate {
	c, err := s.corp.Client(pki.Profile{Subject: "CN=" + name, DNS: []string{name}}, pki.Variables{}, from, to, rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}
