package play

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"nacsim/sim/pki"
	"nacsim/sim/scenario"
)

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// gcPercent is what the command sets when GOGC is not set, see main.go. Bare handshakes get it too.
const gcPercent = 800

func collectRarely(b *testing.B) {
	if os.Getenv("GOGC") == "" {
		before := debug.SetGCPercent(gcPercent)
		b.Cleanup(func() { debug.SetGCPercent(before) })
	}
}

// onboard are steps that onboard n laptops over Wi-Fi, one after the other.
func onboard(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  - connect: {device: laptop-%d, to: ap-%d}\n    after: 50ms\n", i+1, i/500+1)
	}
	for i := range n {
		fmt.Fprintf(&b, "  - expect: {client: laptop-%d, vlan: 750, state: authorized}\n    within: 5m\n", i+1)
	}
	return b.String()
}

// quiet is a step that lets time pass without a failing poll.
func quiet(d string) string {
	return "  - expect: {poll: error, not: true, since: start}\n    for: " + d + "\n"
}

// fleet is a scenario with n enrolled laptops that are not connected to anything yet.
func fleet(tb testing.TB, n int, version, steps string) *scenario.File {
	tb.Helper()
	dir := tb.TempDir()
	var b strings.Builder
	fmt.Fprintf(&b, "title: fleet\npolicy: intune.yaml\nsettings: {tls: {min: %q, max: %q}}\nnas:\n", version, version)
	// An access point takes 512 clients.
	aps := (n + 499) / 500
	for i := range aps {
		fmt.Fprintf(&b, "  ap-%d: {kind: ap, ssid: corp-%d, firmware: 0.14.29411}\n", i+1, i+1)
	}
	b.WriteString("intune: {compliance: {require: [antivirus]}}\ndevices:\n")
	for i := range n {
		fmt.Fprintf(&b, "  laptop-%d:\n    certificate: {subject: \"CN={{DeviceName}}\"}\n    supplicant: {tls: {min: %q, max: %q}}\n", i+1, version, version)
	}
	b.WriteString("steps:\n")
	b.WriteString(steps)
	policy, err := os.ReadFile("../../scenarios/policies/intune.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(dir, "fleet.yaml")
	if err := os.WriteFile(filepath.Join(dir, "intune.yaml"), policy, 0o644); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		tb.Fatal(err)
	}
	f, err := scenario.Parse(path)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// bare is one mutual TLS handshake over memory with nothing around it, as crypto/tls is used by anyone.
func bare(tb testing.TB, server, client *tls.Config) {
	a, b := net.Pipe()
	done := make(chan error, 1)
	go func() {
		s := tls.Server(a, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte{0}) // what RFC 9190 adds
		}
		done <- err
	}()
	c := tls.Client(b, client)
	if err := c.Handshake(); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		tb.Fatal(err)
	}
	if err := <-done; err != nil {
		tb.Fatal(err)
	}
	a.Close()
	b.Close()
}

func bareConfigs(tb testing.TB, version uint16) (server, client *tls.Config) {
	tb.Helper()
	now := time.Now()
	ca, err := pki.NewAuthority("Bench CA", now.Add(-time.Hour), now.Add(time.Hour), pki.Seeded(1, "ca"))
	if err != nil {
		tb.Fatal(err)
	}
	s, err := ca.Server([]string{"radius"}, now.Add(-time.Hour), now.Add(time.Hour), pki.Seeded(1, "server"))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := ca.Client(pki.Profile{Subject: "CN=laptop"}, pki.Variables{}, now.Add(-time.Hour), now.Add(time.Hour), pki.Seeded(1, "client"))
	if err != nil {
		tb.Fatal(err)
	}
	groups := []tls.CurveID{tls.X25519, tls.CurveP256}
	server = &tls.Config{Certificates: []tls.Certificate{s}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
		MinVersion: version, MaxVersion: version, CurvePreferences: groups, SessionTicketsDisabled: true}
	client = &tls.Config{Certificates: []tls.Certificate{c}, RootCAs: ca.Pool(), ServerName: "radius",
		MinVersion: version, MaxVersion: version, CurvePreferences: groups}
	return server, client
}

// play runs a scenario and returns the processor time that it took.
func play(b *testing.B, file *scenario.File) time.Duration {
	b.Helper()
	dir := b.TempDir()
	t := cpu()
	r, err := Run(file, Options{Dir: dir})
	if err != nil || r.Failure != nil {
		b.Fatal(err, r)
	}
	return cpu() - t
}

// An onboarding is two full handshakes and all that is around them: supplicant, access point, RADIUS, policy,
// lookup, CoA, 4-way handshakes, accounting, trace and capture. The benchmark takes turns with bare handshakes
// in the same run and reports the processor time of both and their ratio. What a scenario with these devices
// costs before the first of them is connected (authorities, certificates, keys, booting the machines) is
// measured by a run in which none ever is; it is reported by itself and not part of the onboarding.
//
// Of each the least of all rounds counts: whatever else runs on the machine only adds to it, and adds more to what
// touches more memory.
func BenchmarkOnboardingBesideHandshakes(b *testing.B) {
	for _, v := range []struct {
		name    string
		version uint16
	}{{"1.3", tls.VersionTLS13}, {"1.2", tls.VersionTLS12}} {
		b.Run("TLS "+v.name, func(b *testing.B) {
			collectRarely(b)
			const devices, rounds = 100, 6
			busy, idle := fleet(b, devices, v.name, onboard(devices)), fleet(b, devices, v.name, quiet("6s"))
			server, client := bareConfigs(b, v.version)
			setUp, whole, handshakes := time.Hour, time.Hour, time.Hour
			for b.Loop() {
				for range rounds {
					setUp = min(setUp, play(b, idle))
					whole = min(whole, play(b, busy))
					t := cpu()
					for range 2 * devices {
						bare(b, server, client)
					}
					handshakes = min(handshakes, cpu()-t)
				}
			}
			onboarding := whole - setUp
			b.ReportMetric(float64(setUp.Microseconds())/devices, "us/set-up")
			b.ReportMetric(float64(onboarding.Microseconds())/devices, "us/onboarding")
			b.ReportMetric(float64(handshakes.Microseconds())/devices, "us/two-handshakes")
			b.ReportMetric(float64(onboarding)/float64(handshakes), "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// A week with 200 devices that authenticate once and are polled every two hours.
func BenchmarkWeekOf200Devices(b *testing.B) {
	collectRarely(b)
	const devices = 200
	file := fleet(b, devices, "1.3", onboard(devices)+quiet("7d"))
	for b.Loop() {
		r, err := Run(file, Options{Dir: b.TempDir()})
		if err != nil || r.Failure != nil {
			b.Fatal(err, r)
		}
		if r.Lasted < 7*24*time.Hour {
			b.Fatal("the week lasted ", r.Lasted)
		}
	}
}
