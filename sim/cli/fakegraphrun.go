package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/config"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fleet"
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
				fmt.Fprintf(r.stderr, "%v\nit goes on with the tenant of before\n", err)
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

// minToken is how long a token of the control API is at least, in which case it is not a misspelt word either.
const minToken = 8

// maxDevices is how many devices a tenant has at most.
const maxDevices = 200_000

// checkFlags reports flags that cannot be.
func (r *fakegraphRun) checkFlags() error {
	if r.flags.devices < 0 || r.flags.devices > maxDevices {
		return badInput("nacsim fakegraph: --devices %d is not within 0 to %d", r.flags.devices, maxDevices)
	}
	if r.flags.seed.value != nil && r.flags.devices == 0 {
		return badInput("nacsim fakegraph: --seed is for --devices; give both")
	}
	if c := r.flags.control; c != "on" && c != "off" && len(c) < minToken {
		return badInput("nacsim fakegraph: --control %q; want on, off, or a token of at least %d characters", c, minToken)
	}
	for _, name := range r.flags.names {
		if !isServerName(name) {
			return badInput("nacsim fakegraph: --name %q is neither a DNS name nor an IP address", name)
		}
	}
	return nil
}

// configure makes what a run needs beside the tenant.
func (r *fakegraphRun) configure(now time.Time) (err error) {
	if err := r.checkFlags(); err != nil {
		return err
	}
	if r.public, err = publicURL(r.flags.public); err != nil {
		return err
	}
	if r.keys, err = openFakegraphKeys(r.flags.state, now); err != nil {
		return badInput("nacsim fakegraph: --state %s: %v", r.flags.state, err)
	}
	return nil
}

// now is the time for the tenant.
func (r *fakegraphRun) now() time.Time {
	if r.world == nil {
		return time.Now()
	}
	return r.world.Now()
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
	name, data := "the example", config.Example
	if !r.demo() {
		var err error
		name = r.flags.file
		if data, err = os.ReadFile(name); errors.Is(err, fs.ErrNotExist) {
			return fakegraph.Config{}, badInput("nacsim fakegraph: there is no file %s; \"nacsim fakegraph init FOLDER\" writes one to begin with", name)
		} else if err != nil {
			return fakegraph.Config{}, badInput("nacsim fakegraph: %s cannot be read: %v", name, reason(err))
		}
	}
	now := r.now()
	cfg, err := config.Load(name, data, now)
	if err != nil {
		return fakegraph.Config{}, &exitError{ExitBadInput, err}
	}
	r.addFleet(&cfg, now)
	if r.keys != nil {
		cfg.SigningKey = r.keys.signing
	}
	return cfg, nil
}

// addFleet adds the made-up devices that are asked for. An example's own policies give way to those of a company.
func (r *fakegraphRun) addFleet(cfg *fakegraph.Config, now time.Time) {
	if r.flags.devices == 0 {
		return
	}
	seed := uint64(1)
	if r.flags.seed.value != nil {
		seed = *r.flags.seed.value
	}
	options := fleet.Usual(now)
	if len(cfg.Directory.Domains) > 0 {
		options.Domain = cfg.Directory.Domains[0]
	}
	if r.demo() || len(cfg.Intune.Policies) == 0 {
		cfg.Intune.Policies = fleet.Policies()
	}
	made := fleet.Generate(seed, r.flags.devices, options)
	labels, users := map[string]bool{}, map[string]bool{}
	for _, d := range cfg.Intune.Devices {
		labels[d.Label] = true
	}
	for _, u := range cfg.Directory.Users {
		users[strings.ToLower(u.UPN)] = true
	}
	for _, d := range made.Devices {
		if !labels[d.Label] {
			cfg.Intune.Devices = append(cfg.Intune.Devices, d)
		}
	}
	for _, u := range made.Users {
		if !users[strings.ToLower(u.UPN)] {
			cfg.Directory.Users = append(cfg.Directory.Users, u)
		}
	}
}

// demo reports whether the tenant is the example, whose secrets everybody knows.
func (r *fakegraphRun) demo() bool { return r.flags.file == "" }

// report says what is in a file that is right.
func (r *fakegraphRun) report() error {
	if err := r.checkFlags(); err != nil {
		return err
	}
	cfg, err := r.load()
	if err != nil {
		return err
	}
	name := r.flags.file
	if r.demo() {
		name = "the example"
	}
	fmt.Fprintf(r.stdout, "ok  %s\n    tenant %s: %s, %s, %s, %s, %s\n", name, cfg.Tenant,
		counted(len(cfg.Directory.Apps), "app", "apps"), counted(len(cfg.Directory.Users), "user", "users"), counted(len(cfg.Directory.Groups), "group", "groups"),
		counted(len(cfg.Intune.Devices), "device", "devices"), counted(len(cfg.Intune.Policies), "compliance policy", "compliance policies"))
	return nil
}

// counted is a number of things in words.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
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
		if told := (*exitError)(nil); errors.As(err, &told) {
			return err
		}
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
	if r.cfg, err = r.load(); err != nil {
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
	more := slices.Clone(r.flags.names)
	if r.flags.listen.value.Addr().IsUnspecified() {
		more = append(more, ownAddresses()...)
	}
	if r.public != nil {
		more = append(more, r.public.Hostname())
	}
	names := serverNames(r.flags.listen.value, hostname, more)
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
		return proxy.Start(h, proxy.Config{Addr: fakegraphProxy, Server: fakegraphHTTPS, Known: isMicrosoft,
			Refused: func(what string) { r.log.note("%s --- proxy   !%s", h.Now().Format("15:04:05"), printable(what)) }})
	})
}

// ownAddresses are those of this computer, without zones, which certificates do not have.
func ownAddresses() []string {
	list, _ := net.InterfaceAddrs() // without them there are some names less
	var own []string
	for _, a := range list[:min(len(list), maxOwn)] {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr().String())
		}
	}
	return own
}

// maxOwn bounds how many addresses of this computer are in the certificate: a host of containers has hundreds.
const maxOwn = 50

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
		if id, secret = apps[0].ClientID, "its-secret"; len(apps[0].Secrets) > 0 && r.demo() {
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
