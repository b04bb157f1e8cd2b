package play

import (
	"crypto/tls"
	"fmt"
	"time"

	unauthenticated "nacsim/fakeap/device"
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
	issuer      string // of the certificate, as the file names it
	password    string
	station     station                // of the current boot
	supplicant  *supplicant.Supplicant // which the station is, or nil
	link        *supplicant.Link       // what it is plugged into, which a crash does not change
}

// A station is what connects to the network: a supplicant, or a machine without one.
type station interface {
	Connect(supplicant.Link) error
	Disconnect()
}

// variables are what the templates of its certificate stand for now.
func (d *device) variables() pki.Variables {
	v := d.spec.Variables()
	v.DeviceName = d.name
	return v
}

// bootDevice starts a device, which connects to what it was connected to before a crash.
func (p *player) bootDevice(d *device, h host.Host) (err error) {
	mac, _ := ether.FromHardware(d.spec.Address(p.seed))
	if d.spec.Supplicant.Method == scenario.PeerNone {
		d.station, err = unauthenticated.Start(h, mac)
	} else if d.supplicant, err = p.startSupplicant(d, h, mac); err == nil {
		d.station = d.supplicant
	}
	if err != nil || d.link == nil {
		return err
	}
	return d.station.Connect(*d.link)
}

// startSupplicant starts the supplicant that the file describes.
func (p *player) startSupplicant(d *device, h host.Host, mac ether.Addr) (*supplicant.Supplicant, error) {
	s := &d.spec.Supplicant
	identity, err := pki.Expand(s.Identity, d.spec.Variables())
	if err != nil {
		return nil, err
	}
	method, inner, err := eappeer.ParseMethod(s.Method)
	if err != nil {
		return nil, err
	}
	cfg := supplicant.Config{
		MAC: mac,
		Config: eappeer.Config{
			Identity:     identity,
			Anonymous:    s.Anonymous,
			Method:       method,
			Inner:        inner,
			User:         s.User,
			Password:     d.password,
			Certificate:  d.certificate,
			RootCAs:      p.credentials.authority(s.Trust).Pool(),
			ServerName:   s.ServerName,
			MinTLS:       tlsVersion(s.TLS.Min),
			MaxTLS:       tlsVersion(s.TLS.Max),
			FragmentSize: s.Fragment,
			Profile:      s.Profile,
		},
		Resume:  s.Resume, // within this boot: a restart forgets
		NoRetry: !s.Retry,
	}
	if s.Machine {
		cfg.Machine, cfg.NoUser = d.machine(), s.NoUser
		cfg.Certificate = tls.Certificate{} // the user's
	}
	return supplicant.Start(h, cfg)
}

// machine is the device as it authenticates besides its user.
func (d *device) machine() *eappeer.Machine {
	return &eappeer.Machine{Identity: "host/" + d.name, Certificate: d.certificate}
}

// tlsVersion is that of crypto/tls, and 0 for none.
func tlsVersion(s string) uint16 {
	return map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[s]
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
	return d.station.Connect(link)
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
	d.station.Disconnect()
	return nil
}

// setPassword has the device's user type in another password.
func (p *player) setPassword(s *scenario.SetPassword) error {
	d := p.devices[s.Device]
	d.password = s.Password
	d.supplicant.SetPassword(s.Password)
	return nil
}

// reissue gives a device a new certificate.
func (p *player) reissue(now time.Time, r *scenario.Reissue) error {
	d := p.devices[r.Device]
	p.issued++
	if err := p.issue(d, &r.Certificate, now, p.issued); err != nil {
		return err
	}
	switch {
	case d.supplicant == nil:
	case d.spec.Supplicant.Machine:
		d.supplicant.SetMachineCertificate(d.certificate)
	default:
		d.supplicant.SetCertificate(d.certificate)
	}
	return nil
}
