package play

import (
	"crypto/tls"
	"net/netip"

	"nacsim/fakeap"
	"nacsim/internal/radsec"
	"nacsim/nac/radiusd"
	"nacsim/sim/pki"
	"nacsim/sim/scenario"
)

// issueNAS gives the access points and switches that talk to the NAC over TLS their certificates.
func (p *player) issueNAS(c *credentials) error {
	from, to := p.world.Now().Add(-lifetime/10), p.world.Now().Add(lifetime)
	for i := range p.file.NAS {
		spec := &p.file.NAS[i]
		if spec.RADIUS != scenario.OverTLS {
			continue
		}
		profile := pki.Profile{Subject: "CN=" + spec.Name, DNS: []string{spec.Name}}
		cert, err := c.corp.Client(profile, pki.Variables{}, from, to, p.world.Rand("pki/nas/"+spec.Name))
		if err != nil {
			return err
		}
		if c.nas == nil {
			c.nas = map[string]tls.Certificate{}
		}
		c.nas[spec.Name] = cert
	}
	return nil
}

// overTLS is how a NAS with a certificate reaches the NAC, or nil for one without.
func (p *player) overTLS(name string) *fakeap.RadSecConfig {
	cert, ok := p.credentials.nas[name]
	if !ok {
		return nil
	}
	return &fakeap.RadSecConfig{
		Server: netip.AddrPortFrom(nacAddr, radsec.Port).String(),
		TLS: &tls.Config{
			Certificates: []tls.Certificate{cert}, RootCAs: p.credentials.corp.Pool(), ServerName: scenario.DefaultServerName,
		},
	}
}

// radSec is what the NAC needs to serve them, if there are any.
func (p *player) radSec() radiusd.RadSecConfig {
	if len(p.credentials.nas) == 0 {
		return radiusd.RadSecConfig{}
	}
	config := &tls.Config{Certificates: []tls.Certificate{p.credentials.radius}, ClientCAs: p.credentials.corp.Pool()}
	c := radiusd.RadSecConfig{
		Addr: netip.AddrPortFrom(nacAddr, radsec.Port),
		TLS:  func() *tls.Config { return config },
	}
	for _, client := range p.radiusClients() {
		if _, ok := p.credentials.nas[client.Name]; ok {
			c.Peers = append(c.Peers, radiusd.Peer{Client: client, Names: []string{client.Name}})
		}
	}
	return c
}
