package play

import (
	"crypto/tls"
	"fmt"
	"time"

	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
	"nacsim/sim/pki"
	"nacsim/sim/scenario"
)

// A device is a client's machine while the scenario runs.
type device struct {
	spec        *scenario.Device
	name        string // deviceName in Intune, which a step can change
	certificate tls.Certificate
	supplicant  *supplicant.Supplicant // of the current boot
	link        *supplicant.Link       // what it is plugged into, which a crash does not change
}

// variables are what the templates of its certificate stand for now.
func (d *device) variables() pki.Variables {
	v := d.spec.Variables()
	v.DeviceName = d.name
	return v
}

// bootDevice starts a device's supplicant, which connects to what the device was connected to before a crash.
func (p *player) bootDevice(d *device, h host.Host) error {
	mac, _ := ether.FromHardware(d.spec.Address(p.seed))
	s := &d.spec.Supplicant
	identity, err := pki.Expand(s.Identity, d.spec.Variables())
	if err != nil {
		return err
	}
	cfg := supplicant.Config{
		MAC: mac,
		Config: eappeer.Config{
			Identity:     identity,
			Certificate:  d.certificate,
			RootCAs:      p.credentials.authority(s.Trust).Pool(),
			ServerName:   s.ServerName,
			MinTLS:       tlsVersion(s.TLS.Min),
			MaxTLS:       tlsVersion(s.TLS.Max),
			FragmentSize: s.Fragment,
		},
		NoRetry: !s.Retry,
	}
	if d.supplicant, err = supplicant.Start(h, cfg); err != nil || d.link == nil {
		return err
	}
	return d.supplicant.Connect(*d.link)
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
	d := p.devices[c.Device]
	d.link = &link
	if !p.up(c.Device) {
		return nil // it connects when it boots
	}
	return d.supplicant.Connect(link)
}

// medium is the radio channel of an access point's network or the cable of a switch port.
func medium(nas *scenario.NAS, port int) host.Medium {
	if nas.Kind == scenario.KindAP {
		return host.Medium{Kind: host.Radio, Name: nas.SSID}
	}
	return host.Medium{Kind: host.Cable, Name: fmt.Sprintf("%s/%d", nas.Name, port)}
}

func (p *player) disconnect(device string) error {
	d := p.devices[device]
	d.link = nil
	d.supplicant.Disconnect()
	return nil
}

// reissue gives a device a new certificate.
func (p *player) reissue(now time.Time, r *scenario.Reissue) error {
	d := p.devices[r.Device]
	p.issued++
	c, err := p.issue(d, &r.Certificate, now, p.issued)
	if err != nil {
		return err
	}
	d.certificate = c
	d.supplicant.SetCertificate(c)
	return nil
}
