package play

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/intune"
	"nacsim/internal/host"
	"nacsim/sim/scenario"
)

// The tenant of every scenario, and the NAC's app registration in it.
const (
	tenantID     = "c0a80000-0000-4000-8000-000000000001"
	tenantDomain = "contoso.example"
	clientID     = "c0a80000-0000-4000-8000-00000000acac"
	clientSecret = "nacsim-scenario-secret"
)

var (
	graphAddr  = netip.MustParseAddr("10.0.0.2")
	graphNames = []string{"login.microsoftonline.com", "graph.microsoft.com"}
)

// entraKeyPEM signs the access tokens of virtual worlds. RSA keys are not made from a seed, so that the
// virtual world starts at once; the key opens nothing but simulations, and live worlds make their own.
//
//go:embed entra.pem
var entraKeyPEM []byte

func virtualEntraKey() (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(entraKeyPEM)
	if block == nil {
		return nil, fmt.Errorf("play: entra.pem holds no PEM block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key.(*rsa.PrivateKey), nil
}

// bootGraph starts Microsoft on its machine.
func (p *player) bootGraph(h host.Host) error {
	cfg := fakegraph.Config{
		TLS:        &tls.Config{Certificates: []tls.Certificate{p.credentials.graph}},
		SigningKey: p.credentials.entraKey,
		Tenant:     tenantID,
		Directory:  directory.Config{Domains: []string{tenantDomain}, Apps: []directory.App{nacApp(), signInApp()}, Users: p.entraUsers()},
		Intune:     p.intuneConfig(h.Now()),
		Graph:      graph.Config{PageSize: p.file.Intune.PageSize},
	}
	server, err := fakegraph.New(h, cfg)
	if err != nil {
		return err
	}
	p.graph = server
	for _, change := range p.later {
		if err := change(); err != nil {
			return err
		}
	}
	p.later = nil
	return server.Start()
}

// onDevice changes something on a device itself, which Intune notices later. Fakegraph keeps the state of the
// devices too, so while Microsoft is down the change waits; no one can tell.
func (p *player) onDevice(change func() error) error {
	if !p.up(scenario.HostGraph) {
		p.later = append(p.later, change)
		return nil
	}
	return change()
}

// setPower tells Intune's model of a device whether it can check in. Devices that are not enrolled never do.
func (p *player) setPower(device string, on bool) error {
	return p.onDevice(func() error {
		if err := p.graph.Intune().SetPower(device, on); !errors.Is(err, intune.ErrNoDevice) {
			return err
		}
		return nil
	})
}
