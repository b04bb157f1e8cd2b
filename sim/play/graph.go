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
	"time"

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
		Intune:     intune.Config{CheckIn: p.file.Settings.CheckIn, Policies: compliancePolicies(&p.file.Intune.Compliance)},
		Graph:      graph.Config{PageSize: p.file.Intune.PageSize},
	}
	if !p.file.Intune.EarlyCheckIns {
		cfg.Intune.EarlyCheckIns = []time.Duration{}
	}
	for i := range p.file.Devices {
		d := &p.file.Devices[i]
		if d.Intune.Enrolled {
			c := enrolment(d, d.DeviceName, d.Intune)
			// It has been managed for a while when the scenario begins.
			c.EnrolledAt = h.Now().Add(-30 * 24 * time.Hour)
			cfg.Intune.Devices = append(cfg.Intune.Devices, c)
		}
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

func compliancePolicies(c *scenario.Compliance) []intune.CompliancePolicy {
	if len(c.Require) == 0 {
		return nil
	}
	policy := intune.CompliancePolicy{MinimumPatchLevel: c.MinimumPatchLevel, Grace: c.Grace}
	for _, fact := range c.Require {
		policy.Require = append(policy.Require, intune.Fact(fact))
	}
	return []intune.CompliancePolicy{policy}
}

// enrolment is a device as it enrols.
func enrolment(d *scenario.Device, name string, r *scenario.DeviceIntune) intune.DeviceConfig {
	c := intune.DeviceConfig{
		Label: d.Name, Name: name, ID: r.ID, AzureADDeviceID: r.EntraID,
		SerialNumber: r.Serial, UserPrincipalName: r.User, OperatingSystem: r.OS,
	}
	if r.WiFiMAC != nil {
		c.WiFiMAC = r.WiFiMAC.String()
	}
	if r.EthernetMAC != nil {
		c.EthernetMAC = r.EthernetMAC.String()
	}
	set(&c.Posture.Antivirus, r.Posture.Antivirus)
	set(&c.Posture.Firewall, r.Posture.Firewall)
	set(&c.Posture.Encryption, r.Posture.Encryption)
	set(&c.Posture.PatchLevel, r.Posture.PatchLevel)
	return c
}

func (p *player) setPosture(s *scenario.SetPosture) error {
	return p.onDevice(func() error {
		err := p.graph.Intune().SetPosture(s.Device, intune.PostureChange{Antivirus: s.Posture.Antivirus, Firewall: s.Posture.Firewall,
			Encryption: s.Posture.Encryption, PatchLevel: s.Posture.PatchLevel})
		if errors.Is(err, intune.ErrNoDevice) {
			return nil // the step that enrols it has this posture
		}
		return err
	})
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

func (p *player) sync(device string) error {
	if !p.up(device) {
		return inputError("%s is down and cannot check in", device)
	}
	return p.graph.Intune().Sync(device)
}

func (p *player) retire(device string) error { return p.graph.Intune().Remove(device) }

func (p *player) rename(s *scenario.Rename) error {
	p.devices[s.Device].name = s.To
	return p.graph.Intune().Rename(s.Device, s.To)
}

func (p *player) enroll(s *scenario.Enroll) error {
	d := p.file.Device(s.Device)
	if _, err := p.graph.Intune().Enroll(enrolment(d, p.devices[s.Device].name, &s.Record)); err != nil {
		return err
	}
	return p.setPower(s.Device, p.up(s.Device))
}
