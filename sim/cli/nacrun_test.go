package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nacsim/fakeap"
	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/load"
	"nacsim/internal/eap"
	"nacsim/internal/host"
	"nacsim/nac/config"
	"nacsim/sim/live"
)

// screen is what a program prints, which can be waited for.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newScreen() *screen { return &screen{changed: make(chan struct{}, 1)} }

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until the screen shows what the expression matches, and returns its first group.
func (s *screen) await(t *testing.T, expression string) string {
	t.Helper()
	late := time.After(20 * time.Second)
	for wanted := regexp.MustCompile("(?m)" + expression); ; {
		if m := wanted.FindStringSubmatch(s.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-s.changed:
		case <-late:
			t.Fatalf("no %s in\n%s", expression, s)
		}
	}
}

// A running is nacsim nac in this process.
type running struct {
	dir, secret    string
	stdout, stderr *screen
	signals        chan os.Signal
	ended          chan error
	auth           netip.AddrPort
	trace          string // file
}

func startNACProgram(t *testing.T, change func(dir string), more ...func(*nacFlags)) *running {
	t.Helper()
	r := &running{dir: filepath.Join(t.TempDir(), "lab"), stdout: newScreen(), stderr: newScreen(), signals: make(chan os.Signal, 1), ended: make(chan error, 1)}
	if err := initNAC(r.dir, time.Now(), r.stdout); err != nil {
		t.Fatal(err)
	}
	r.secret = r.stdout.await(t, `eapol_test-tls.conf -s (\w+)`)
	if change != nil {
		change(r.dir)
	}
	flags := &nacFlags{config: filepath.Join(r.dir, "nac.yaml")}
	for _, f := range []*addressFlag{&flags.auth, &flags.acct} {
		if err := f.Set("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range more {
		f(flags)
	}
	r.trace = flags.trace
	cfg, err := flags.load()
	if err != nil {
		t.Fatal(err)
	}
	n := &nacRun{flags: flags, stdout: r.stdout, stderr: r.stderr}
	go func() { r.ended <- n.until(r.signals, cfg) }()
	r.stdout.await(t, `^ready`)
	r.auth = netip.MustParseAddrPort(r.stdout.await(t, `^listening on udp (\S+) for authentication`))
	t.Cleanup(func() { r.end(t) })
	return r
}

// end ends the NAC as Ctrl-C does. It may be called more than once.
func (r *running) end(t *testing.T) {
	t.Helper()
	if r.signals == nil {
		return
	}
	r.signals <- os.Interrupt
	r.signals = nil
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// ask has clients authenticate once each, on a machine of their own.
func (r *running) ask(t *testing.T, clients ...load.Client) *load.Report {
	t.Helper()
	world := live.New(live.Config{AllowExternal: true})
	defer world.Close()
	var host host.Host
	if err := world.AddHost("load", netip.MustParseAddr("192.0.0.8"), hostOf(&host)); err != nil {
		t.Fatal(err)
	}
	report, err := load.Run(host, load.Config{Auth: r.auth, Secret: []byte(r.secret), Clients: clients, Count: len(clients)})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func hostOf(to *host.Host) func(host.Host) error {
	return func(h host.Host) error { *to = h; return nil }
}

func edit(t *testing.T, dir, name, old, new string) {
	t.Helper()
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q", name, old)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), old, new)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// clients are one with the certificate and one with the password of a new configuration.
func (r *running) clients(t *testing.T) (certificate, password load.Client) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(r.dir, "client.pem"), filepath.Join(r.dir, "client.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(r.dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	cfg, err := config.Load(filepath.Join(r.dir, "nac.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	user := cfg.NAC.Users.Users[0]
	return load.Client{MAC: ether.Addr{2, 0, 0, 0, 0, 1}, EAP: &eappeer.Config{Identity: initIdentity, Certificate: pair, RootCAs: roots, ServerName: initServer}},
		load.Client{MAC: ether.Addr{2, 0, 0, 0, 0, 2}, EAP: &eappeer.Config{Identity: user.Name, Anonymous: "@corp.example", Password: user.Password, Method: eap.TypeTTLS,
			Inner: eappeer.PAP, RootCAs: roots, ServerName: initServer}}
}

// TestLiveNAC has the program authenticate clients on real sockets with the files of --init, read them again, and end.
func TestLiveNAC(t *testing.T) {
	r := startNACProgram(t, nil, func(f *nacFlags) { f.trace = filepath.Join(t.TempDir(), "trace.jsonl") })
	certificate, password := r.clients(t)
	wrong := load.Client{MAC: ether.Addr{2, 0, 0, 0, 0, 3}, EAP: new(eappeer.Config)}
	*wrong.EAP = *password.EAP
	wrong.EAP.Password = "guessed"
	bypass := load.Client{MAC: ether.Addr{2, 0, 0, 0, 0, 4}, MAB: fakeap.MABConfig{}}
	if got := r.ask(t, certificate, password, wrong, bypass); got.Accepted != 2 || got.Rejected != 2 {
		t.Errorf("accepted %d and rejected %d of 4, want 2 each\n%s", got.Accepted, got.Rejected, r.stdout)
	}
	for _, line := range []string{
		`accept   02:00:00:00:00:01 "host/laptop-1.corp.example" on load eap-tls: VLAN 750 by rule Devices with a certificate`,
		`accept   02:00:00:00:00:02 "anna" on load eap-ttls: VLAN 750 by rule Staff with a password`,
		`refuse   02:00:00:00:00:03 "anna" on load eap-ttls: \[bad_credentials\] .*wrong password`,
		`refuse   02:00:00:00:00:04 .* mab: No policy rules are hit`,
	} {
		r.stdout.await(t, line)
	}

	r.signals <- syscall.SIGUSR1
	r.stdout.await(t, `^2 accepted, 2 refused \(bad_credentials 1, policy 1\)\n\d+ requests: 2 accepts, 2 rejects, \d+ challenges, 0 accounting\n2 sessions$`)

	// A file with a mistake changes nothing.
	edit(t, r.dir, "policy.yaml", "vlan: 750", "vlan: 7500")
	r.signals <- syscall.SIGHUP
	r.stderr.await(t, `policy.yaml:4:41: vlan is "7500"`)
	r.stderr.await(t, `^nothing has been changed$`)
	if got := r.ask(t, certificate); got.Accepted != 1 {
		t.Errorf("after a mistake nobody is let in:\n%s", r.stdout)
	}
	edit(t, r.dir, "policy.yaml", "vlan: 7500", "vlan: 751")
	edit(t, r.dir, "users.yaml", "groups: [staff]", "groups: [guests]")
	edit(t, r.dir, "nac.yaml", "state: state", "limits: {sessions: 5}")
	r.signals <- syscall.SIGHUP
	r.stdout.await(t, `config   read again`)
	for _, key := range []string{"state", "limits.sessions"} {
		r.stderr.await(t, `^warning: `+key+` is not what the NAC was started with; it changes with a restart only$`)
	}
	if got := r.ask(t, certificate, password); got.Accepted != 1 || got.Rejected != 1 {
		t.Errorf("after the change: accepted %d, rejected %d\n%s", got.Accepted, got.Rejected, r.stdout)
	}
	r.stdout.await(t, `accept   02:00:00:00:00:01 .* VLAN 751 by rule`)
	r.end(t)
	r.stdout.await(t, `^4 accepted, 3 refused \(bad_credentials 1, policy 2\)$`)
	r.stdout.await(t, `^\d+ requests: 4 accepts, 3 rejects, \d+ challenges, 0 accounting$`)
}

// TestLiveNACTwice holds that a port or a folder in use is an error of the surroundings, told in one line.
func TestLiveNACTwice(t *testing.T) {
	r := startNACProgram(t, nil)
	free := netip.MustParseAddrPort("127.0.0.1:0")
	for _, c := range []struct {
		auth     netip.AddrPort
		own      bool // a folder of its own
		complain string
	}{
		{r.auth, true, "authentication cannot be served on udp " + r.auth.String() + ": address already in use; another program has it"},
		{free, false, "sessions.db is in use by another process"},
	} {
		flags := &nacFlags{config: filepath.Join(r.dir, "nac.yaml")}
		flags.auth.value, flags.acct.value = c.auth, free
		cfg, err := flags.load()
		if err != nil {
			t.Fatal(err)
		}
		if c.own {
			cfg.State = ""
		}
		err = (&nacRun{flags: flags, stdout: r.stdout, stderr: r.stderr}).until(nil, cfg)
		if _, told := err.(*exitError); !told || exitCode(err) != ExitBadInput || !strings.Contains(err.Error(), c.complain) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %s", err, c.complain)
		}
	}
}
