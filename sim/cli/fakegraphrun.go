package cli

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/proxy"
	"nacsim/internal/host"
	"nacsim/sim/live"
)

// fakegraphName is what the machine is called in the trace.
const fakegraphName = "graph"

var (
	fakegraphHTTPS = netip.AddrPortFrom(nacOwn, 443)
	fakegraphProxy = netip.AddrPortFrom(nacOwn, 8080)
)

// fakegraphRun is one run of nacsim fakegraph.
type fakegraphRun struct {
	flags          *fakegraphFlags
	stdout, stderr io.Writer

	keys   *fakegraphKeys
	public *url.URL
	cfg    fakegraph.Config
	log    *fakegraphLog
	world  *live.World
	server *fakegraph.Server
}

// run serves until a signal of the operating system ends it.
func (r *fakegraphRun) run() error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	return r.until(signals)
}

// until serves until a signal ends it.
func (r *fakegraphRun) until(signals <-chan os.Signal) (err error) {
	if err := r.configure(time.Now()); err != nil {
		return err
	}
	form := r.flags.log
	if r.flags.quiet {
		form = logOff
	}
	if r.log, err = openFakegraphLog(form, r.stdout, r.flags.logFile); err != nil {
		return err
	}
	defer func() {
		if late := r.log.close(); err == nil {
			err = late
		}
	}()
	if err := r.start(); err != nil {
		return err
	}
	r.announce()
	end := r.serve(signals)
	if err := r.world.Close(); err != nil {
		return &exitError{ExitFault, fmt.Errorf("nacsim fakegraph: %w", err)}
	}
	_ = r.log.flush() // the error comes again at the end
	r.say("%s\n", end)
	return nil
}

// serve waits for signals, and returns what ended the server.
func (r *fakegraphRun) serve(signals <-chan os.Signal) string {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = r.log.flush() // the error comes again at the end
		case s := <-signals:
			if s != syscall.SIGHUP {
				return "ended by " + s.String()
			}
			if err := r.server.Restore(); err != nil {
				fmt.Fprintf(r.stderr, "%v\n", err)
			} else {
				r.say("begun again\n")
			}
		case <-r.world.Failed():
			return "failed"
		}
	}
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
	if r.public, err = publicURL(r.flags.public); err != nil {
		return err
	}
	if r.keys, err = openFakegraphKeys(r.flags.state, now); err != nil {
		return badInput("nacsim fakegraph: --state %s: %v", r.flags.state, err)
	}
	r.cfg, err = r.load()
	return err
}

// publicURL reads an origin: a scheme and a host.
func publicURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, badInput("nacsim fakegraph: --public %q; want a scheme and a host, such as https://graph.lab.example", text)
	}
	return u, nil
}

// load makes the tenant, now or again.
func (r *fakegraphRun) load() (fakegraph.Config, error) {
	cfg := demoTenant()
	cfg.SigningKey = r.keys.signing
	return cfg, nil
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

// listeners are the addresses that are asked for.
func (r *fakegraphRun) listeners() []listener {
	list := []listener{{"tcp", "HTTPS", fakegraphHTTPS, r.flags.listen.value}}
	if r.flags.proxy.value.IsValid() {
		list = append(list, listener{"tcp", "the proxy", fakegraphProxy, r.flags.proxy.value})
	}
	return list
}

// start boots the server, and the proxy, at their addresses on this computer.
func (r *fakegraphRun) start() error {
	cfg := live.Config{AllowExternal: true, MovableClock: true, Bind: map[netip.AddrPort]netip.AddrPort{}}
	for _, l := range r.listeners() {
		cfg.Bind[l.logical] = l.real
	}
	if r.flags.keep {
		cfg.Dir = r.flags.state
	}
	r.world = live.New(cfg)
	err := r.boot()
	if err != nil {
		_ = r.world.Close() // the error that matters is the first
		code := runnerCode(err)
		if errors.Is(err, live.ErrStoreInUse) {
			code = ExitBadInput
		}
		return &exitError{code, fmt.Errorf("nacsim fakegraph: %w", inWords(err, r.listeners()))}
	}
	return nil
}

func (r *fakegraphRun) boot() error {
	clock, err := newKeptClock(r.world, r.flags.state, r.flags.keep)
	if err != nil {
		return err
	}
	r.cfg.Logged, r.cfg.Restore, r.cfg.PublicURL = r.log.add, r.load, r.public
	r.cfg.Control.Clock = clock
	switch token := r.flags.control; token {
	case "on":
	case "off":
		r.cfg.Control.Off = true
	default:
		r.cfg.Control.Token = token
	}
	hostname, _ := os.Hostname() // without one there is one name less
	names := serverNames(r.flags.listen.value, hostname, r.flags.names)
	if r.public != nil {
		names = append(names, r.public.Hostname())
	}
	if r.cfg.TLS, err = r.keys.serverTLS(names, time.Now()); err != nil {
		return err
	}
	return r.world.AddHost(fakegraphName, nacOwn, func(h host.Host) (err error) {
		if r.server, err = fakegraph.New(h, r.cfg); err != nil {
			return err
		}
		if err := r.server.Start(); err != nil {
			return err
		}
		if !r.flags.proxy.value.IsValid() {
			return nil
		}
		_, err = proxy.Start(h, proxy.Config{Addr: fakegraphProxy, Server: fakegraphHTTPS, Known: isMicrosoft,
			Refused: func(what string) { r.log.note("%s --- proxy   !%s", h.Now().Format("15:04:05"), printable(what)) }})
		return err
	})
}

// announce says what is served where, and what to paste to try it.
func (r *fakegraphRun) announce() {
	base := "https://" + r.at(fakegraphHTTPS, r.flags.listen.value)
	if r.flags.control == "on" && !r.flags.listen.value.Addr().IsLoopback() {
		fmt.Fprintf(r.stderr, "warning: everybody who reaches %s can use its control API; --control TOKEN protects it\n", r.flags.listen.value)
	}
	r.say("listening on %s\n", base)
	r.say("CA certificate %s\n", r.keys.path)
	if r.flags.proxy.value.IsValid() {
		r.say("proxy on http://%s\n", r.at(fakegraphProxy, r.flags.proxy.value))
	}
	if r.flags.control != "off" {
		r.say("page at %[1]s/, control API at %[1]s/control\n", base)
	}
	r.say("tenant %s, %d devices\n", r.cfg.Tenant, r.server.Intune().Count(intune.ViewGet))
	for i := range r.cfg.Directory.Apps {
		r.say("app %s\n", appText(&r.cfg.Directory.Apps[i]))
	}
	r.say("%s", r.toPaste(base))
	r.say("ready; Ctrl-C ends, SIGHUP begins again\n")
}

// at is where a listener is reached: port 0 has become another.
func (r *fakegraphRun) at(logical, asked netip.AddrPort) string {
	bound, _ := r.world.TCPAddr(logical)
	return netip.AddrPortFrom(reachable(asked.Addr()), bound.Port()).String()
}

// appText tells an app registration without its secrets.
func appText(a *directory.App) string {
	roles := "no permission"
	if len(a.Roles) > 0 {
		roles = strings.Join(a.Roles, " ")
	}
	return fmt.Sprintf("%s %q: %s", a.ClientID, a.DisplayName, roles)
}

// toPaste are commands for a first try.
func (r *fakegraphRun) toPaste(base string) string {
	text := "\nTo try it in another shell:\n\n  export SSL_CERT_FILE=%[1]s NODE_EXTRA_CA_CERTS=%[1]s CURL_CA_BUNDLE=%[1]s\n"
	if r.flags.proxy.value.IsValid() {
		text += "  export HTTPS_PROXY=http://" + r.at(fakegraphProxy, r.flags.proxy.value) + "\n"
		base = "https://graph.microsoft.com"
	}
	id, secret := "CLIENT_ID", "SECRET"
	if apps := r.cfg.Directory.Apps; len(apps) > 0 {
		if id = apps[0].ClientID; len(apps[0].Secrets) > 0 && r.demo() {
			secret = apps[0].Secrets[0].Value
		}
	}
	authority := base
	if r.flags.proxy.value.IsValid() {
		authority = "https://login.microsoftonline.com"
	}
	text += `  export AZURE_AUTHORITY_HOST=%[6]s/ AZURE_TENANT_ID=%[3]s AZURE_CLIENT_ID=%[4]s AZURE_CLIENT_SECRET=%[5]s
  token=$(curl -s $AZURE_AUTHORITY_HOST$AZURE_TENANT_ID/oauth2/v2.0/token -d grant_type=client_credentials -d client_id=$AZURE_CLIENT_ID \
    --data-urlencode client_secret=$AZURE_CLIENT_SECRET -d scope=https://graph.microsoft.com/.default | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s -H "Authorization: Bearer $token" %[2]s/v1.0/deviceManagement/managedDevices

`
	return fmt.Sprintf(text, r.keys.path, base, r.cfg.Tenant, id, secret, authority)
}

// demo reports whether the tenant is the one to begin with, whose secrets everybody knows.
func (r *fakegraphRun) demo() bool { return true }

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
