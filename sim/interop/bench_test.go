package interop

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"nacsim/internal/eap"
	"nacsim/sim/pki"
)

// What BenchmarkAuthentications does with each server in each of its rounds, one server after the other, so that a
// machine whose speed wanders treats both alike.
const (
	benchRounds   = 3
	benchLoad     = 2 * time.Second
	benchPassword = "correct-horse-battery"
	halfSamples   = 300 // bare handshakes measured in each round
)

// BenchmarkAuthentications puts "nacsim nac" beside FreeRADIUS: both on one core of their own, under the same load by
// "nacsim ap" on another one. For each it prints authentications a second, the processor time that the server
// takes for one, and what its clients wait. For EAP-TLS there is the server's half of a bare handshake of crypto/tls
// in the same rounds. The figures to look at are the ratios: x-rate, x-cpu and cpu/half.
func BenchmarkAuthentications(b *testing.B) {
	bench := newBench(b)
	for _, load := range []struct {
		name    string
		version string
		clients int
		args    []string
	}{
		{"EAP-TLS-1.3", "1.3", 8, []string{"--method", "tls", "--identity", identity, "--certificate", "client.pem", "--key", "client.key", "--ca", "ca.pem", "--tls", "1.3"}},
		{"EAP-TLS-1.2", "1.2", 8, []string{"--method", "tls", "--identity", identity, "--certificate", "client.pem", "--key", "client.key", "--ca", "ca.pem", "--tls", "1.2"}},
		{"EAP-TTLS-PAP", "", 32, []string{"--method", "ttls-pap", "--user", "anna", "--password", benchPassword, "--ca", "ca.pem"}},
		{"MAB", "", 32, []string{"--method", "mab", "--clients", "1000"}},
	} {
		b.Run(load.name, func(b *testing.B) {
			var nac, other, half samples
			for b.Loop() {
				for range benchRounds {
					nac.add(b, bench, bench.nac, load.clients, load.args)
					if bench.freeRADIUS != nil {
						other.add(b, bench, bench.freeRADIUS, load.clients, load.args)
					}
					if load.version != "" {
						half.handshakes(b, bench, load.version)
					}
				}
			}
			b.ReportMetric(0, "ns/op")
			nac.report(b, "nac")
			if other.count > 0 {
				other.report(b, "freeradius")
				b.ReportMetric(nac.rate()/other.rate(), "x-rate")
				b.ReportMetric(other.cpuEach()/nac.cpuEach(), "x-cpu")
			}
			if half.count > 0 {
				b.ReportMetric(half.cpuEach(), "half-µs")
				b.ReportMetric(nac.cpuEach()/half.cpuEach(), "cpu/half")
			}
		})
	}
}

// bench are the two servers, and what they are loaded with.
type bench struct {
	dir             string
	client, server  tls.Certificate
	pool            *x509.CertPool
	nac, freeRADIUS *benchServer
}

// benchServer is a server under load.
type benchServer struct {
	addr netip.AddrPort
	pid  int
}

func newBench(b *testing.B) *bench {
	if _, err := exec.LookPath("taskset"); err != nil {
		b.Skip("taskset is not installed")
	}
	t := &bench{dir: b.TempDir()}
	t.credentials(b)
	t.startNAC(b)
	t.startFreeRADIUS(b)
	return t
}

func (t *bench) write(b *testing.B, name string, content []byte) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(t.dir, name), content, 0o600); err != nil {
		b.Fatal(err)
	}
}

func (t *bench) credentials(b *testing.B) {
	now := time.Now()
	from, to := now.Add(-time.Hour), now.Add(24*time.Hour)
	ca, err := pki.NewAuthority("Contoso Root CA", from, to, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	if t.server, err = ca.Server([]string{serverName}, from, to, rand.Reader); err != nil {
		b.Fatal(err)
	}
	if t.client, err = ca.Client(pki.Profile{Subject: "CN=LAPTOP-1"}, pki.Variables{}, from, to, rand.Reader); err != nil {
		b.Fatal(err)
	}
	t.pool = ca.Pool()
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	t.write(b, "ca.pem", block("CERTIFICATE", ca.Certificate().Raw))
	for name, c := range map[string]tls.Certificate{"server": t.server, "client": t.client} {
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			b.Fatal(err)
		}
		t.write(b, name+".pem", block("CERTIFICATE", c.Certificate[0]))
		t.write(b, name+".key", block("PRIVATE KEY", key))
	}
}

const benchNAC = `listen: {auth: "%s", acct: "%s"}
clients: [{address: 127.0.0.1, name: bench, secret: %s}]
certificate: {chain: server.pem, key: server.key}
client_cas: [ca.pem]
users: users.yaml
policy: policy.yaml
tls: {resumption: false}
`

const benchPolicy = `labels: [{name: Corp VLAN, type: vlan, vlan: 750}]
rules: [{name: Everyone, action: allow, apply_tags: [Corp VLAN]}]
`

// startNAC runs this program as nacsim nac on the first core, printing what it prints by default.
func (t *bench) startNAC(b *testing.B) {
	ports := benchPorts(b, 2)
	t.write(b, "nac.yaml", fmt.Appendf(nil, benchNAC, ports[0], ports[1], secret))
	t.write(b, "policy.yaml", []byte(benchPolicy))
	t.write(b, "users.yaml", []byte("users: [{name: anna, password: "+benchPassword+"}]\n"))
	cmd := t.command(b, "0", "nac", "--config", "nac.yaml")
	t.nac = t.run(b, cmd, ports[0], "ready;")
}

// command is nacsim on a core.
func (t *bench) command(b *testing.B, core string, args ...string) *exec.Cmd {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("taskset", append([]string{"-c", core, self}, args...)...)
	cmd.Env = append(os.Environ(), asNacsim+"=1", "GOMAXPROCS=1")
	cmd.Dir = t.dir
	return cmd
}

func (t *bench) startFreeRADIUS(b *testing.B) {
	path := ""
	for _, file := range []string{"freeradius", "/usr/sbin/freeradius"} {
		if found, err := exec.LookPath(file); err == nil {
			path = found
		}
	}
	if path == "" {
		b.Log("FreeRADIUS is not installed: the NAC is measured alone")
		return
	}
	port := benchPorts(b, 1)[0]
	var configuration bytes.Buffer
	err := template.Must(template.ParseFiles("testdata/bench.conf")).Execute(&configuration,
		map[string]any{"Dir": t.dir, "Secret": secret, "Password": benchPassword, "Port": port.Port()})
	if err != nil {
		b.Fatal(err)
	}
	t.write(b, "radiusd.conf", configuration.Bytes())
	cmd := exec.Command("taskset", "-c", "0", path, "-f", "-l", "stdout", "-d", t.dir)
	t.freeRADIUS = t.run(b, cmd, port, "Ready to process requests")
}

// run starts a server, which ends with the benchmark, and waits until it says that it is ready.
func (t *bench) run(b *testing.B, cmd *exec.Cmd, addr netip.AddrPort, ready string) *benchServer {
	b.Helper()
	out := newOutput()
	cmd.Stdout, cmd.Stderr = out.writer, out.writer
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		out.writer.Close()
	})
	if !out.await(ready, 1) {
		b.Fatalf("%v does not start:\n%s", cmd.Args, out)
	}
	return &benchServer{addr, cmd.Process.Pid} // taskset has become the server
}

// benchPorts are UDP ports of loopback that are free now.
func benchPorts(b *testing.B, n int) []netip.AddrPort {
	b.Helper()
	ports := make([]netip.AddrPort, n)
	for i := range ports {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(anyPort))
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		ports[i] = c.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	return ports
}

// cpu is the processor time that a server has used.
func (s *benchServer) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name in brackets may contain anything
	fields := strings.Fields(rest)
	const utime, stime, tick = 11, 12, 10 * time.Millisecond
	var ticks int
	for _, i := range []int{utime, stime} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick
}

// samples add up what the rounds measure.
type samples struct {
	count    int
	took     time.Duration
	cpu      time.Duration
	p50, p99 []float64 // ms
}

// add puts a server under load for one round.
func (s *samples) add(b *testing.B, t *bench, server *benchServer, clients int, args []string) {
	b.Helper()
	line := append([]string{"ap", "--server", server.addr.String(), "--acct", "none", "--secret", secret,
		"--load", "--concurrency", strconv.Itoa(clients), "--duration", benchLoad.String(), "--json"}, args...)
	cmd := t.command(b, "1", line...)
	before := server.cpu(b)
	said, err := cmd.Output()
	if err != nil {
		b.Fatalf("%v: %v\n%s", cmd.Args, err, said)
	}
	var r struct {
		Accepted int
		Elapsed  float64                    `json:"elapsed_seconds"`
		Latency  struct{ P50, P99 float64 } `json:"latency_ms"`
	}
	if err := json.Unmarshal(said, &r); err != nil || r.Accepted == 0 {
		b.Fatalf("%v: %v\n%s", cmd.Args, err, said)
	}
	s.count += r.Accepted
	s.took += time.Duration(r.Elapsed * float64(time.Second))
	s.cpu += server.cpu(b) - before
	s.p50, s.p99 = append(s.p50, r.Latency.P50), append(s.p99, r.Latency.P99)
}

// handshakes measures the server's half of bare handshakes, with certificates on both sides and no tickets.
func (s *samples) handshakes(b *testing.B, t *bench, version string) {
	b.Helper()
	v := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[version]
	server := &tls.Config{Certificates: []tls.Certificate{t.server}, ClientCAs: t.pool, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: v, MaxVersion: v, SessionTicketsDisabled: true}
	client := &tls.Config{Certificates: []tls.Certificate{t.client}, RootCAs: t.pool, ServerName: serverName,
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
	for range halfSamples {
		s.cpu += half(b, server, client)
		s.count++
	}
}

// half is the time that a server takes for its half of one handshake.
func half(b *testing.B, server, client *tls.Config) (took time.Duration) {
	b.Helper()
	var before, after syscall.Rusage
	c, s := eap.NewTLSClient(client), eap.NewTLSServer(server)
	defer c.Close()
	defer s.Close()
	out, err := c.Step(nil)
	for err == nil && !(c.Done() && s.Done()) {
		syscall.Getrusage(syscall.RUSAGE_SELF, &before)
		out, err = s.Step(out)
		syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		took += time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
		if err == nil {
			out, err = c.Step(out)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	return took
}

func (s *samples) rate() float64    { return float64(s.count) / s.took.Seconds() }
func (s *samples) cpuEach() float64 { return float64(s.cpu.Microseconds()) / float64(s.count) }

func (s *samples) report(b *testing.B, who string) {
	b.ReportMetric(s.rate(), who+"-auth/s")
	b.ReportMetric(s.cpuEach(), who+"-cpu-µs")
	b.ReportMetric(mean(s.p50), who+"-p50-ms")
	b.ReportMetric(mean(s.p99), who+"-p99-ms")
}

func mean(v []float64) (sum float64) {
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}
