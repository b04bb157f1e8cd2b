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
	intermediate  *pki.Authority  // below corp, if a device has a certificate of it
	radius        tls.Certificate // of the NAC's EAP server
	graph         tls.Certificate
	nas           map[string]tls.Certificate // of those that talk to the NAC over TLS, by name
	entraKey      *rsa.PrivateKey
	// revocations are those of corp and of intermediate, by the name of the issuer, if they publish any.
	revocations map[string]*pki.Revocations
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
	p.announceRevocation(c, scenario.CACorp)
	if p.issues(scenario.CAIntermediate) {
		if c.intermediate, err = c.corp.Intermediate("Contoso Issuing CA", p.world.Rand("pki/intermediate")); err != nil {
			return err
		}
		p.announceRevocation(c, scenario.CAIntermediate)
	}
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
		if err := p.issue(d, d.spec.Certificate, now, 0); err != nil {
			return fmt.Errorf("%s: %w", d.spec.Certificate.Pos, err)
		}
	}
	return nil
}

// issue gives a device a certificate; the number tells its later ones from its first.
func (p *player) issue(d *device, c *scenario.Certificate, now time.Time, number int) (err error) {
	profile := pki.Profile{Subject: c.Subject, DNS: c.SANDNS, URI: c.SANURI, Email: c.SANEmail}
	random := p.world.Rand(fmt.Sprintf("pki/device/%s/%d", d.spec.Name, number))
	d.issuer = c.Issuer
	d.certificate, err = p.credentials.authority(c.Issuer).Client(profile, d.variables(), now.Add(c.NotBefore), now.Add(c.NotAfter), random)
	return err
}

func (c *credentials) authority(name string) *pki.Authority {
	switch name {
	case scenario.CAForeign:
		return c.foreign
	case scenario.CAIntermediate:
		return c.intermediate
	}
	return c.corp
}

// issues reports whether a device has, or gets, a certificate of an authority.
func (p *player) issues(issuer string) bool {
	for i := range p.file.Devices {
		if c := p.file.Devices[i].Certificate; c != nil && c.Issuer == issuer {
			return true
		}
	}
	for i := range p.file.Steps {
		if c := p.file.Steps[i].Certificate; c != nil && c.Certificate.Issuer == issuer {
			return true
		}
	}
	return false
}
