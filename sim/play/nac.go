package play

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"nacsim/fakegraph/directory"
	"nacsim/internal/eap"
	"nacsim/internal/eap/teap"
	"nacsim/internal/host"
	"nacsim/nac"
	"nacsim/nac/coa"
	"nacsim/nac/eapserver"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/reconcile"
	"nacsim/sim/scenario"
)

var nacAddr = netip.MustParseAddr("10.0.0.1")

// nacApp is the NAC's registration in the tenant, with the consent that it needs.
func nacApp() directory.App {
	return directory.App{
		ClientID: clientID,
		Secrets:  []directory.Secret{{Value: clientSecret}},
		Roles:    []string{directory.RoleReadDevices},
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
	p.nac, err = nac.Start(h, p.nacConfig())
	return err
}

// nacConfig is what the file and the steps so far say of the NAC.
func (p *player) nacConfig() nac.Config {
	s := &p.file.Settings
	cfg := nac.Config{
		RADIUS: radiusd.Config{
			Clients: p.radiusClients(),
			EAP:     eapserver.Config{Methods: p.eapMethods(), TEAP: p.teap()},
			MAB:     p.mab(),
			RadSec:  p.radSec(),
		},
		TLS: &tls.Config{
			Certificates: []tls.Certificate{p.credentials.radius},
			ClientCAs:    p.credentials.corp.Pool(),
			MinVersion:   tlsVersion(s.TLS.Min),
			MaxVersion:   tlsVersion(s.TLS.Max),
		},
		Revocation: p.revocation(),
		Users:      p.directory(),
		Entra:      p.entra(),
		Policy:     p.policy,
		Compliance: s.Compliance,
		MDM: &mdm.Config{
			Tenant: tenantID, ClientID: clientID, ClientSecret: p.secret,
			RootCAs:      p.credentials.corp.Pool(),
			PollInterval: s.Poll,
			RetryMin:     s.LookupRetry,
			MaxAge:       orNever(s.MaxAge), StaleAfter: s.StaleAfter,
			ShortList: orNever(s.ShortList), ShortListAccept: s.ShortListAccept,
		},
		CoA: nac.CoA{
			Kind:        coa.Kind(s.CoA),
			Limits:      reconcile.Limits{Backoff: s.CoABackoff, PerHour: s.CoAPerHour},
			Timers:      coa.Timers{Initial: s.CoATimeout, Tries: s.CoARetries + 1},
			MinFirmware: s.MinCoAFirmware,
		},
	}
	if limit := p.file.Authentication.Tickets; limit > 0 {
		cfg.Resumption = &eapserver.SessionLimits{Lifetime: limit}
	}
	return cfg
}

// orNever is a setting of which 0 means never in a scenario, and a negative value in mdm.
func orNever[T float64 | time.Duration](v T) T {
	if v == 0 {
		return -1
	}
	return v
}

// eapMethods are those of the file.
func (p *player) eapMethods() []eap.Type {
	types := map[string]eap.Type{scenario.MethodTLS: eap.TypeTLS, scenario.MethodTTLS: eap.TypeTTLS, scenario.MethodPEAP: eap.TypePEAP,
		scenario.MethodTEAP: eap.TypeTEAP}
	var methods []eap.Type
	for _, name := range p.file.Authentication.Methods {
		methods = append(methods, types[name])
	}
	return methods
}

// teap is what the file says of TEAP.
func (p *player) teap() eapserver.TEAP {
	spec := &p.file.Authentication.TEAP
	out := eapserver.TEAP{MachineOnly: spec.MachineOnly}
	for _, name := range spec.Inner {
		out.Inner = append(out.Inner, eapserver.Inner(name))
	}
	for _, name := range spec.Identities {
		out.Identities = append(out.Identities, map[string]teap.Identity{scenario.IdentityMachine: teap.Machine, scenario.IdentityUser: teap.User}[name])
	}
	return out
}

// mab are the forms of MAC authentication bypass of the file.
func (p *player) mab() radiusd.MAB {
	taken := func(form string) bool { return slices.Contains(p.file.Authentication.MAB, form) }
	return radiusd.MAB{PAP: taken("pap"), CHAP: taken("chap"), EAPMD5: taken("eap-md5")}
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
