package play

import (
	"crypto/tls"
	"fmt"
	"time"

	"nacsim/fakeap/ether"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
	"nacsim/sim/pki"
	"nacsim/sim/scenario"
)

// A device is a client's machine while the scenario runs.
type device struct {
	spec        *scenario.Device
	certificate tls.Certificate
	supplicant  *supplicant.Supplicant // of the current boot
}

// bootDevice starts a device's supplicant; it is connected to nothing.
func (p *player) bootDevice(d *device, h host.Host) error {
	mac, _ := ether.FromHardware(d.spec.Address(p.seed))
	s := &d.spec.Supplicant
	identity, err := pki.Expand(s.Identity, d.spec.Variables())
	if err != nil {
		return err
	}
	cfg := supplicant.Config{
		MAC:          mac,
		Identity:     identity,
		Certificate:  d.certificate,
		RootCAs:      p.credentials.authority(s.Trust).Pool(),
		ServerName:   s.ServerName,
		MinTLS:       tlsVersion(s.TLS.Min),
		MaxTLS:       tlsVersion(s.TLS.Max),
		FragmentSize: s.Fragment,
		NoRetry:      !s.Retry,
	}
	d.supplicant, err = supplicant.Start(h, cfg)
	return err
}

func tlsVersion(s string) uint16 {
	if s == "1.2" {
		return tls.VersionTLS12
	}
	return tls.VersionTLS13
}

func (p *player) connect(c *scenario.Connect) error {
	nas := p.file.NASNamed(c.NAS)
	link := supplicant.Link{Medium: medium(nas, c.Port), Name: c.To()}
	if nas.Kind == scenario.KindAP {
		link.SSID = nas.SSID
		link.BSSID = bssid(p.nasNumber(c.NAS))
	}
	return p.devices[c.Device].supplicant.Connect(link)
}

// medium is the radio channel of an access point's network or the cable of a switch port.
func medium(nas *scenario.NAS, port int) host.Medium {
	if nas.Kind == scenario.KindAP {
		return host.Medium{Kind: host.Radio, Name: nas.SSID}
	}
	return host.Medium{Kind: host.Cable, Name: fmt.Sprintf("%s/%d", nas.Name, port)}
}

func (p *player) disconnect(device string) error {
	p.devices[device].supplicant.Disconnect()
	return nil
}

// reissue gives a device a new certificate.
func (p *player) reissue(now time.Time, r *scenario.Reissue) error {
	d := p.devices[r.Device]
	p.issued++
	c, err := p.issue(d.spec, &r.Certificate, now, p.issued)
	if err != nil {
		return err
	}
	d.certificate = c
	d.supplicant.SetCertificate(c)
	return nil
}
