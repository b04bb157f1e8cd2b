package play

import (
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"time"

	"nacsim/sim/pki"
	"nacsim/sim/scenario"
)

// credentials are the certification authorities of a scenario and what they issued to its servers.
type credentials struct {
	corp, foreign *pki.Authority
	radius        tls.Certificate // of the NAC's EAP server
	graph         tls.Certificate
	nas           map[string]tls.Certificate // of those that talk to the NAC over TLS, by name
	entraKey      *rsa.PrivateKey
	revocations   *pki.Revocations // of corp, if it publishes any
}

// lifetime of everything that is not the subject of a scenario.
const lifetime = 10 * 365 * 24 * time.Hour

// makeCredentials issues what must exist before the machines do. Keys come from the world: of its seed in the
// virtual one, from crypto/rand in the live one.
func (p *player) makeCredentials(live bool) (err error) {
	now := p.world.Now()
	from, to := now.Add(-lifetime/10), now.Add(lifetime)
	c := &credentials{}
	if c.corp, err = pki.NewAuthority("Contoso Root CA", from, to, p.world.Rand("pki/corp")); err != nil {
		return err
	}
	p.announceRevocation(c)
	if c.foreign, err = pki.NewAuthority("Foreign Root CA", from, to, p.world.Rand("pki/foreign")); err != nil {
		return err
	}
	if c.radius, err = c.corp.Server([]string{scenario.DefaultServerName}, from, to, p.world.Rand("pki/radius")); err != nil {
		return err
	}
	if c.graph, err = c.corp.Server(graphNames, from, to, p.world.Rand("pki/graph")); err != nil {
		return err
	}
	if live {
		c.entraKey, err = rsa.GenerateKey(p.world.Rand("pki/entra"), 2048)
	} else {
		c.entraKey, err = virtualEntraKey()
	}
	if err != nil {
		return err
	}
	if err := p.issueNAS(c); err != nil {
		return err
	}
	p.credentials = c
	return p.issueAll(now)
}

// issueAll gives the devices the certificates of the file.
func (p *player) issueAll(now time.Time) error {
	for i := range p.file.Devices {
		d := &device{spec: &p.file.Devices[i], name: p.file.Devices[i].DeviceName,
			password: p.file.Devices[i].Supplicant.Password}
		p.devices[d.spec.Name] = d
		if d.spec.Certificate == nil {
			continue
		}
		var err error
		if d.certificate, err = p.issue(d, d.spec.Certificate, now, 0); err != nil {
			return fmt.Errorf("%s: %w", d.spec.Certificate.Pos, err)
		}
	}
	return nil
}

// issue makes a client certificate; the number tells a device's later ones from its first.
func (p *player) issue(d *device, c *scenario.Certificate, now time.Time, number int) (tls.Certificate, error) {
	profile := pki.Profile{Subject: c.Subject, DNS: c.SANDNS, URI: c.SANURI, Email: c.SANEmail}
	random := p.world.Rand(fmt.Sprintf("pki/device/%s/%d", d.spec.Name, number))
	return p.credentials.authority(c.Issuer).Client(profile, d.variables(), now.Add(c.NotBefore), now.Add(c.NotAfter), random)
}

func (c *credentials) authority(name string) *pki.Authority {
	if name == scenario.CAForeign {
		return c.foreign
	}
	return c.corp
}
