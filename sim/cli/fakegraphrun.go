package cli

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/intune"
	"nacsim/internal/host"
	"nacsim/sim/live"
	"nacsim/sim/trace"
)

// fakegraphName is what the machine is called in the trace.
const fakegraphName = "graph"

var fakegraphHTTPS = netip.AddrPortFrom(nacOwn, 443)

// fakegraphRun is one run of nacsim fakegraph.
type fakegraphRun struct {
	flags          *fakegraphFlags
	stdout, stderr io.Writer

	keys     *fakegraphKeys
	cfg      fakegraph.Config
	recorder *trace.Recorder
	world    *live.World
	server   *fakegraph.Server
}

// run serves until a signal of the operating system ends it.
func (r *fakegraphRun) run() error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	return r.until(signals)
}

// until serves until a signal ends it.
func (r *fakegraphRun) until(signals <-chan os.Signal) error {
	if err := r.configure(time.Now()); err != nil {
		return err
	}
	if err := r.start(); err != nil {
		return err
	}
	r.announce()
	end := "failed"
	select {
	case s := <-signals:
		end = "ended by " + s.String()
	case <-r.world.Failed():
	}
	if err := r.world.Close(); err != nil {
		return &exitError{ExitFault, fmt.Errorf("nacsim fakegraph: %w", err)}
	}
	r.say("%s\n", end)
	return nil
}

// say prints what is not needed.
func (r *fakegraphRun) say(format string, args ...any) {
	if !r.flags.quiet {
		fmt.Fprintf(r.stdout, format, args...)
	}
}

// configure reads the files and makes what is missing.
func (r *fakegraphRun) configure(now time.Time) (err error) {
	for _, name := range r.flags.names {
		if !isServerName(name) {
			return badInput("nacsim fakegraph: --name %q is neither a DNS name nor an IP address", name)
		}
	}
	if r.keys, err = openFakegraphKeys(r.flags.state, now); err != nil {
		return badInput("nacsim fakegraph: --state %s: %v", r.flags.state, err)
	}
	r.cfg = demoTenant()
	r.cfg.SigningKey = r.keys.signing
	hostname, _ := os.Hostname() // without one there is one name less
	r.cfg.TLS, err = r.keys.serverTLS(serverNames(r.flags.listen.value, hostname, r.flags.names), now)
	if err != nil {
		return badInput("nacsim fakegraph: --state %s: %v", r.flags.state, err)
	}
	return nil
}

// demoTenant is the tenant of a run without a file.
func demoTenant() fakegraph.Config {
	yes := intune.Posture{Antivirus: true, Firewall: true, Encryption: true}
	return fakegraph.Config{
		Tenant: "5f0c8a3e-1111-4222-8333-444455556666",
		Directory: directory.Config{Domains: []string{"contoso.example"}, Apps: []directory.App{{
			ClientID: "9a8b7c6d-0000-4000-8000-0123456789ab", DisplayName: "NAC",
			Secrets: []directory.Secret{{Value: "nacsim-secret"}}, Roles: []string{directory.RoleReadDevices},
		}}},
		Intune: intune.Config{
			Policies: []intune.CompliancePolicy{{Require: []intune.Fact{intune.Antivirus, intune.Firewall}}},
			Devices: []intune.DeviceConfig{
				{Name: "LAPTOP-1", WiFiMAC: "D46E0E022896", UserPrincipalName: "anna@contoso.example", Posture: yes},
				{Name: "LAPTOP-2", WiFiMAC: "A87EEABC6AC9", UserPrincipalName: "ben@contoso.example"},
			},
		},
	}
}

// start boots the server at its address on this computer.
func (r *fakegraphRun) start() error {
	r.recorder = trace.NewRecorder(time.Now().UTC())
	bind := map[netip.AddrPort]netip.AddrPort{fakegraphHTTPS: r.flags.listen.value}
	r.world = live.New(live.Config{Recorder: r.recorder, AllowExternal: true, Bind: bind})
	err := r.world.AddHost(fakegraphName, nacOwn, func(h host.Host) (err error) {
		if r.server, err = fakegraph.New(h, r.cfg); err != nil {
			return err
		}
		return r.server.Start()
	})
	if err != nil {
		_ = r.world.Close() // the error that matters is the first
		code := runnerCode(err)
		if errors.Is(err, live.ErrStoreInUse) {
			code = ExitBadInput
		}
		return &exitError{code, fmt.Errorf("nacsim fakegraph: %w", inWords(err, []listener{{"tcp", "HTTPS", fakegraphHTTPS, r.flags.listen.value}}))}
	}
	return nil
}

// announce says what is served where, and what to paste to try it.
func (r *fakegraphRun) announce() {
	at, _ := r.world.TCPAddr(fakegraphHTTPS)
	base := "https://" + netip.AddrPortFrom(reachable(r.flags.listen.value.Addr()), at.Port()).String()
	app := r.cfg.Directory.Apps[0]
	r.say("listening on %s\nCA certificate %s\n", base, r.keys.path)
	r.say("tenant %s\nclient id %s\nclient secret %s\n", r.cfg.Tenant, app.ClientID, app.Secrets[0].Value)
	r.say(`
To try it in another shell:

  export SSL_CERT_FILE=%[1]s NODE_EXTRA_CA_CERTS=%[1]s
  export AZURE_AUTHORITY_HOST=%[2]s/ AZURE_TENANT_ID=%[3]s AZURE_CLIENT_ID=%[4]s AZURE_CLIENT_SECRET=%[5]s
  token=$(curl -s --cacert %[1]s %[2]s/%[3]s/oauth2/v2.0/token -d grant_type=client_credentials -d client_id=%[4]s \
    -d client_secret=%[5]s -d scope=https://graph.microsoft.com/.default | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s --cacert %[1]s -H "Authorization: Bearer $token" %[2]s/v1.0/deviceManagement/managedDevices

`, r.keys.path, base, r.cfg.Tenant, app.ClientID, app.Secrets[0].Value)
	r.say("ready; Ctrl-C ends\n")
}

// reachable is an address of this computer at which a listener on addr is reached.
func reachable(addr netip.Addr) netip.Addr {
	switch {
	case !addr.IsUnspecified():
		return addr
	case addr.Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}
