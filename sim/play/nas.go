package play

import (
	"net/netip"

	"nacsim/fakeap"
	"nacsim/fakeap/ether"
	"nacsim/internal/host"
	"nacsim/sim/scenario"
)

// radiusSecret is shared by the NAC and every NAS of a scenario.
var radiusSecret = []byte("nacsim-radius-secret")

// accessServer is an access point or a switch as far as the runner controls it.
type accessServer interface {
	AnswerCoA(errorCause, count int)
}

// nasAddr is the address of the i-th NAS of the file, from 0: 10.0.1.1 is the first.
func nasAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 1, byte(i + 1)}) }

// bssid is the MAC address of the i-th NAS; the ports of a switch follow it.
func bssid(i int) ether.Addr { return ether.Addr{0x02, 0, 0x0a, byte(i + 1), 0, 0} }

func (p *player) nasNumber(name string) int {
	for i := range p.file.NAS {
		if p.file.NAS[i].Name == name {
			return i
		}
	}
	panic("play: no NAS " + name) // the parser has checked it
}

// bootNAS starts the i-th access point or switch.
func (p *player) bootNAS(i int, h host.Host) error {
	spec := &p.file.NAS[i]
	settings := fakeap.Settings{
		RADIUS: fakeap.RADIUSConfig{
			Auth:   netip.AddrPortFrom(nacAddr, 1812),
			Acct:   netip.AddrPortFrom(nacAddr, 1813),
			Secret: radiusSecret,
			RadSec: p.overTLS(spec.Name),
		},
		DAS:         fakeap.DASConfig{Clients: []netip.Prefix{netip.PrefixFrom(nacAddr, nacAddr.BitLen())}},
		DefaultVLAN: spec.DefaultVLAN,
		Reauth:      spec.Reauth,
		Interim:     spec.Interim,
		MAB:         fakeap.MABConfig{Mode: mabModes[spec.MAB], Protocol: fakeap.MABProtocol(spec.MABForm)},
	}
	if spec.Kind == scenario.KindAP {
		ap, err := fakeap.StartAP(h, fakeap.APConfig{Settings: settings, BSSID: bssid(i), SSID: spec.SSID, Open: spec.MAB == scenario.MABOnly, Firmware: spec.Firmware})
		p.nas[spec.Name] = ap
		return err
	}
	sw, err := fakeap.StartSwitch(h, fakeap.SwitchConfig{Settings: settings, MAC: bssid(i), Ports: spec.Ports})
	p.nas[spec.Name] = sw
	return err
}

// mabModes are what the file says in the words of fakeap.
var mabModes = map[string]fakeap.MABMode{scenario.MABOff: fakeap.MABOff, scenario.MABFallback: fakeap.MABFallback,
	scenario.MABFirst: fakeap.MABFirst, scenario.MABOnly: fakeap.MABOnly}

func (p *player) answerCoA(a *scenario.CoAAnswer) error {
	p.nas[a.NAS].AnswerCoA(a.NAK, a.Count)
	return nil
}
