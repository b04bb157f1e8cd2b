package interop

import (
	"crypto/tls"
	"net/netip"
	"testing"

	"nacsim/internal/host"
	"nacsim/nac"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/sim/live"
)

const secret = "interop-secret"

// nacPolicy lets every authenticated device but one into the corporate VLAN.
const nacPolicy = `
labels:
  - {name: Stolen, type: match, match: cert_cn, values: [LAPTOP-STOLEN]}
  - {name: Corp VLAN, type: vlan, vlan: 750}
rules:
  - {name: Stolen Devices, action: block, matching: {nactags: [Stolen]}}
  - {name: Corp, action: allow, matching: {auth_type: eap-tls}, apply_tags: [Corp VLAN]}
`

var (
	nacAddr  = netip.MustParseAddr("10.0.0.1")
	loopback = netip.MustParseAddr("127.0.0.1")
	anyPort  = netip.AddrPortFrom(loopback, 0)
	nacAuth  = netip.AddrPortFrom(nacAddr, radiusd.DefaultAuthPort)
	nacAcct  = netip.AddrPortFrom(nacAddr, radiusd.DefaultAcctPort)
)

// liveNAC is the NAC on real sockets.
type liveNAC struct {
	*journal
	nac        *nac.NAC
	auth, acct netip.AddrPort
	radsec     netip.AddrPort // if it is served
}

// loadPolicy reads a policy in YAML.
func loadPolicy(t *testing.T, yaml string) *policy.Policy {
	t.Helper()
	p, err := policy.Load("interop.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startNAC starts a NAC without Intune on loopback. Its EAP server uses config.
func startNAC(t *testing.T, config *tls.Config) *liveNAC {
	t.Helper()
	return startNACWith(t, nac.Config{TLS: config, RADIUS: radiusd.Config{Clients: []radiusd.Client{peer}}})
}

// peer is the NAS on this machine, be it eapol_test or radclient.
var peer = radiusd.Client{Prefix: netip.PrefixFrom(loopback, loopback.BitLen()), Name: "peer", Secret: []byte(secret)}

func startNACWith(t *testing.T, config nac.Config) *liveNAC {
	t.Helper()
	if config.Policy == nil {
		config.Policy = loadPolicy(t, nacPolicy)
	}
	n := &liveNAC{journal: newJournal()}
	world := live.New(live.Config{
		Recorder: n.recorder, Dir: t.TempDir(), AllowExternal: true,
		Bind: map[netip.AddrPort]netip.AddrPort{nacAuth: anyPort, nacAcct: anyPort, nacRadSec: anyPort, netip.AddrPortFrom(nacAddr, 0): anyPort},
	})
	t.Cleanup(func() {
		if err := world.Close(); err != nil {
			t.Errorf("the live world: %v", err)
		}
	})
	err := world.AddHost("nac", nacAddr, func(h host.Host) (err error) {
		n.nac, err = nac.Start(h, config)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var bound bool
	if n.auth, bound = world.UDPAddr(nacAuth); !bound {
		t.Fatal("the NAC has no authentication port")
	}
	if n.acct, bound = world.UDPAddr(nacAcct); !bound {
		t.Fatal("the NAC has no accounting port")
	}
	n.radsec, _ = world.TCPAddr(nacRadSec)
	return n
}
