package interop

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"testing"
	"time"

	"nacsim/fakeap"
	"nacsim/fakeap/das"
	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
	"nacsim/sim/live"
)

var (
	edgeAddr = netip.MustParseAddr("10.0.1.1")
	edgeDAS  = netip.AddrPortFrom(edgeAddr, das.Port)
	bssid    = ether.Addr{0x02, 0, 0x0a, 1, 0, 0}
	station  = ether.Addr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x15}
)

// liveEdge is an access point, or a switch, and a supplicant on real sockets.
type liveEdge struct {
	*journal
	world      *live.World
	supplicant *supplicant.Supplicant
	link       supplicant.Link
	das        netip.AddrPort
}

// startEdge starts them; the supplicant is connected to nothing. The server is at the address of a NAC.
func startEdge(t *testing.T, kind host.MediumKind, server *freeRADIUS, station supplicant.Config) *liveEdge {
	t.Helper()
	e := &liveEdge{journal: newJournal()}
	e.world = live.New(live.Config{
		Recorder: e.recorder, Dir: t.TempDir(), AllowExternal: true,
		Bind:   map[netip.AddrPort]netip.AddrPort{edgeDAS: anyPort, netip.AddrPortFrom(edgeAddr, 0): anyPort},
		Remote: map[netip.AddrPort]netip.AddrPort{nacAuth: server.Auth, nacAcct: server.Acct},
	})
	t.Cleanup(func() {
		if err := e.world.Close(); err != nil {
			t.Errorf("the live world: %v", err)
		}
		if t.Failed() {
			t.Logf("the trace:\n%s", e)
		}
	})
	settings := fakeap.Settings{RADIUS: fakeap.RADIUSConfig{Auth: nacAuth, Acct: nacAcct, Secret: []byte(secret)}}
	boot := func(h host.Host) error {
		_, err := fakeap.StartAP(h, fakeap.APConfig{Settings: settings, BSSID: bssid, SSID: "corp", Firmware: "0.14.29411"})
		return err
	}
	name := "ap-1"
	e.link = supplicant.Link{Medium: host.Medium{Kind: host.Radio, Name: "corp"}, SSID: "corp"}
	if kind == host.Cable {
		name = "sw-1"
		e.link = supplicant.Link{Medium: host.Medium{Kind: host.Cable, Name: "sw-1/3"}}
		boot = func(h host.Host) error {
			_, err := fakeap.StartSwitch(h, fakeap.SwitchConfig{Settings: settings, MAC: bssid, Ports: 4})
			return err
		}
	}
	if err := e.world.AddHost(name, edgeAddr, boot); err != nil {
		t.Fatal(err)
	}
	err := e.world.AddHost("laptop-1", netip.Addr{}, func(h host.Host) (err error) {
		e.supplicant, err = supplicant.Start(h, station)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var bound bool
	if e.das, bound = e.world.UDPAddr(edgeDAS); !bound {
		t.Fatal("the NAS has no dynamic authorization port")
	}
	return e
}

// connect plugs the supplicant in and waits until both ends are content.
func (e *liveEdge) connect(t *testing.T) {
	t.Helper()
	if err := e.supplicant.Connect(e.link); err != nil {
		t.Fatal(err)
	}
	e.await(t, 1, "supplicant", "client="+station.String(), "state=connected")
	e.await(t, 1, "port", "client="+station.String(), "state=authorized", "vlan=750", "role=staff")
}

// stationConfig is that of a supplicant with one TLS version, which does not wait long between attempts.
func stationConfig(version string, c tls.Certificate, root *x509.Certificate, fragment int) supplicant.Config {
	pool := x509.NewCertPool()
	pool.AddCert(root)
	only := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[version]
	return supplicant.Config{
		MAC: station,
		Config: eappeer.Config{
			Identity: identity, Certificate: c, RootCAs: pool, ServerName: serverName, MinTLS: only, MaxTLS: only, FragmentSize: fragment,
		},
		Timers: supplicant.Timers{RetryMin: 50 * time.Millisecond},
	}
}
