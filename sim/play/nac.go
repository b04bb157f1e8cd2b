package play

import (
	"crypto/tls"
	"fmt"
	"net/netip"

	"nacsim/fakegraph"
	"nacsim/internal/host"
	"nacsim/nac"
	"nacsim/nac/coa"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/reconcile"
	"nacsim/sim/scenario"
)

var nacAddr = netip.MustParseAddr("10.0.0.1")

// nacApp is the NAC's registration in the tenant, with the consent that it needs.
func nacApp() fakegraph.App {
	return fakegraph.App{
		ClientID: clientID,
		Secrets:  []fakegraph.Secret{{Value: clientSecret}},
		Roles:    []string{fakegraph.RoleReadDevices},
	}
}

// loadPolicies reads the policy of the file and those of its steps, so that no step can fail for one.
func (p *player) loadPolicies() (err error) {
	load := func(w *scenario.Policy) (*policy.Policy, error) {
		if known := p.policies[w.Path]; known != nil {
			return known, nil
		}
		loaded, err := policy.Load(w.Path, w.Data)
		p.policies[w.Path] = loaded
		return loaded, err
	}
	if p.policy, err = load(&p.file.Policy); err != nil {
		return err
	}
	for i := range p.file.Steps {
		if s := p.file.Steps[i].Policy; s != nil {
			if _, err := load(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *player) setPolicy(s *scenario.Policy) error {
	p.policy = p.policies[s.Path]
	if p.up(scenario.HostNAC) {
		p.nac.SetPolicy(p.policy)
	}
	return nil
}

// bootNAC starts the NAC.
func (p *player) bootNAC(h host.Host) (err error) {
	s := &p.file.Settings
	cfg := nac.Config{
		RADIUS: radiusd.Config{Clients: p.radiusClients()},
		TLS: &tls.Config{
			Certificates: []tls.Certificate{p.credentials.radius},
			ClientCAs:    p.credentials.corp.Pool(),
			MinVersion:   tlsVersion(s.TLS.Min),
			MaxVersion:   tlsVersion(s.TLS.Max),
		},
		Policy:     p.policy,
		Compliance: policy.Mapping{InGracePeriod: policy.Status(s.InGracePeriod)},
		MDM: &mdm.Config{
			Tenant: tenantID, ClientID: clientID, ClientSecret: clientSecret,
			RootCAs:      p.credentials.corp.Pool(),
			PollInterval: s.Poll,
			RetryMin:     s.LookupRetry,
		},
		CoA: nac.CoA{
			Kind:        coa.Kind(s.CoA),
			Limits:      reconcile.Limits{Backoff: s.CoABackoff, PerHour: s.CoAPerHour},
			Timers:      coa.Timers{Initial: s.CoATimeout, Tries: s.CoARetries + 1},
			MinFirmware: s.MinCoAFirmware,
		},
	}
	p.nac, err = nac.Start(h, cfg)
	return err
}

func (p *player) radiusClients() []radiusd.Client {
	clients := make([]radiusd.Client, len(p.file.NAS))
	for i := range p.file.NAS {
		addr := nasAddr(i)
		clients[i] = radiusd.Client{Prefix: netip.PrefixFrom(addr, addr.BitLen()), Name: p.file.NAS[i].Name, Secret: radiusSecret}
	}
	return clients
}

// up reports whether a machine is running.
func (p *player) up(name string) bool { return !p.down[name] }

func (p *player) crash(name string) error {
	if !p.up(name) {
		return fmt.Errorf("%s is down already", name)
	}
	p.down[name] = true
	if p.devices[name] != nil {
		if err := p.setPower(name, false); err != nil {
			return err
		}
	}
	return p.world.Crash(name)
}

// restart boots a machine again; one that is up is crashed first.
func (p *player) restart(name string) error {
	if p.up(name) {
		if err := p.crash(name); err != nil {
			return err
		}
	}
	p.down[name] = false
	if err := p.world.Restart(name); err != nil || p.devices[name] == nil {
		return err
	}
	return p.setPower(name, true)
}
