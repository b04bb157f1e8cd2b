package interop

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"nacsim/nac/eapserver"
)

// TestInteropMatrix asks the matrix of "nacsim nac", a process for each group.
func TestInteropMatrix(t *testing.T) {
	program(t, "eapol_test")
	c := newCabinet(t)
	for _, g := range matrix() {
		t.Run(g.name, func(t *testing.T) {
			if g.ipv6 {
				needIPv6(t)
			}
			n := startProgram(t, g.folder(t, c), g.configuration(c))
			g.run(t, c, n.auth, false)
			g.judge(t, n.stop(t))
		})
	}
}

// needIPv6 skips a test on a machine without IPv6.
func needIPv6(t *testing.T) {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.IPv6Loopback(), 0)))
	if err != nil {
		t.Skipf("no IPv6: %v", err)
	}
	c.Close()
}

// folder has the files of a NAC but for its configuration.
func (g matrixGroup) folder(t *testing.T, c *cabinet) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir, "policy.yaml", []byte(matrixPolicy))
	writeFile(t, dir, "users.yaml", nacUsers())
	return dir
}

// matrixPolicy lets in everybody whose authentication succeeds, but for one device and one user.
const matrixPolicy = `
labels:
  - {name: Stolen, type: match, match: cert_cn, values: [LAPTOP-STOLEN]}
  - {name: Visitors, type: match, match: idp_role, values: [visitors]}
  - {name: Corp VLAN, type: vlan, vlan: 750}
rules:
  - {name: Stolen Devices, action: block, matching: {nactags: [Stolen]}}
  - {name: No Visitors, action: block, matching: {nactags: [Visitors]}}
  - {name: Everybody, action: allow, matching: {}, apply_tags: [Corp VLAN]}
`

// configuration is a group's nac.yaml.
func (g matrixGroup) configuration(c *cabinet) string {
	var b strings.Builder
	address := loopback
	if g.ipv6 {
		address = netip.IPv6Loopback()
	}
	ephemeral := netip.AddrPortFrom(address, 0)
	fmt.Fprintf(&b, "listen: {auth: %q, acct: %q}\n", ephemeral, ephemeral)
	fmt.Fprintf(&b, "clients: [{address: %q, name: peer, secret: %s}]\n", address, secret)
	b.WriteString("certificate:\n")
	for _, name := range g.certificates {
		fmt.Fprintf(&b, "  - {chain: %[1]s/%[2]s.pem, key: %[1]s/%[2]s.key}\n", c.dir, name)
	}
	fmt.Fprintf(&b, "client_cas: [%s/trusted.pem]\npolicy: policy.yaml\nusers: users.yaml\n", c.dir)
	if g.min != "" {
		fmt.Fprintf(&b, "tls: {min: %q, max: %q}\n", g.min, g.max)
	}
	fmt.Fprintf(&b, "eap:\n  methods: [%s]\n", strings.Join(g.methods, ", "))
	for _, inner := range []struct {
		key     string
		methods []string
	}{{"ttls_inner", g.ttlsInner}, {"peap_inner", g.peapInner}} {
		if inner.methods != nil {
			fmt.Fprintf(&b, "  %s: [%s]\n", inner.key, strings.Join(inner.methods, ", "))
		}
	}
	if g.fragment != 0 {
		fmt.Fprintf(&b, "  fragment_size: %d\n", g.fragment)
	}
	if g.revocation {
		fmt.Fprintf(&b, "revocation: {crl: [%s/crl.pem], fail: hard}\n", c.dir)
	}
	return b.String()
}

// judge checks what the NAC says of each case.
func (g matrixGroup) judge(t *testing.T, p programTrace) {
	t.Helper()
	t.Run("decisions", func(t *testing.T) {
		for i, m := range g.cases {
			t.Run(m.name, func(t *testing.T) { m.want.judge(t, p, peerMAC(i)) })
		}
	})
}

func (v verdict) judge(t *testing.T, p programTrace, mac string) {
	t.Helper()
	want := max(v.rounds, 1)
	if v.silent {
		want = 0
	}
	decisions := p.decisions(mac)
	if len(decisions) != want {
		t.Fatalf("%d decisions, want %d", len(decisions), want)
	}
	result := "reject"
	if v.accepted {
		result = "accept"
	}
	if event := v.event(); event != "" && len(p.events(mac, event)) != want {
		t.Errorf("%d events %s, want %d", len(p.events(mac, event)), event, want)
	}
	for _, d := range decisions {
		if d.Result != result || d.Reason != string(v.reason) && v.reason != "" {
			t.Errorf("%s %q %q, want %s %q", d.Result, d.Reason, d.Explanation, result, v.reason)
		}
	}
}

// event is the client event that comes of a verdict, as far as there is a special one.
func (v verdict) event() string {
	switch {
	case v.accepted:
		return "NAC_CLIENT_PERMIT"
	case v.silent:
		return ""
	case v.reason == eapserver.Expired:
		return "NAC_CLIENT_CERT_EXPIRED"
	case v.reason == eapserver.Revoked:
		return "NAC_CLIENT_CERT_REVOKED"
	case v.reason == eapserver.ServerCertificate:
		return "NAC_SERVER_CERT_VALIDATION_FAILURE"
	case v.reason.AboutClientCertificate():
		return "NAC_CLIENT_CERT_CHECK_FAILURE"
	}
	return "NAC_CLIENT_DENY"
}

// TestInteropMatrixFreeRADIUS holds the matrix's expectations to those that FreeRADIUS meets.
func TestInteropMatrixFreeRADIUS(t *testing.T) {
	program(t, "eapol_test")
	program(t, "freeradius")
	c := newCabinet(t)
	for _, g := range matrix() {
		t.Run(g.name, func(t *testing.T) {
			g.run(t, c, startReference(t, c, g), true)
		})
	}
}

// run runs the cases of a group in parallel, and ends when all have.
func (g matrixGroup) run(t *testing.T, c *cabinet, addr netip.AddrPort, reference bool) {
	t.Helper()
	t.Run("peers", func(t *testing.T) {
		for i, m := range g.cases {
			t.Run(m.name, func(t *testing.T) {
				if reference && m.want.not != "" {
					t.Skip(m.want.not)
				}
				t.Parallel()
				r := m.play(t, c, addr, peerMAC(i))
				m.want.check(t, r)
				if !reference {
					m.want.checkNAC(t, r)
				}
				if t.Failed() {
					t.Logf("eapol_test:\n%s", r.output)
				}
			})
		}
	})
}

// peerMAC is the MAC address of a group's case.
func peerMAC(i int) string { return fmt.Sprintf("00:1c:b3:01:%02x:%02x", i>>8, i&0xff) }

// play runs eapol_test in the folder of the credentials.
func (m matrixCase) play(t *testing.T, c *cabinet, server netip.AddrPort, mac string) eapolResult {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "network={\nkey_mgmt=WPA-EAP\nca_cert=\"%s.pem\"\n", caECDSA)
	for _, line := range m.network {
		fmt.Fprintln(&b, line)
	}
	b.WriteString("}\n")
	args := []string{
		"-c", writeFile(t, t.TempDir(), "eapol_test.conf", []byte(b.String())), "-A", server.Addr().String(), "-t", "15", "-M", mac,
		"-a", server.Addr().String(), "-p", strconv.Itoa(int(server.Port())), "-s", secret,
	}
	cmd := exec.Command(program(t, "eapol_test"), append(args, m.args...)...)
	cmd.Dir = c.dir
	if m.openssl != nil {
		settings := fmt.Appendf(nil, opensslConf, strings.Join(m.openssl, "\n"))
		cmd.Env = append(os.Environ(), "OPENSSL_CONF="+writeFile(t, t.TempDir(), "openssl.cnf", settings))
	}
	return eapolResult{runCommand(t, cmd, patience)}
}

// checkNAC checks what is the NAC's own: the alert, and the attributes of RFC 3580 section 3.31 and the Class with an
// Access-Accept.
func (v verdict) checkNAC(t *testing.T, r eapolResult) {
	t.Helper()
	if !strings.Contains(r.output, v.alert) {
		t.Errorf("eapol_test shows no alert %q", v.alert)
	}
	if !v.accepted {
		return
	}
	for _, want := range [][2]string{
		{"Tunnel-Type", "0000000d"}, // VLAN
		{"Tunnel-Medium-Type", "00000006"},
		{"Tunnel-Private-Group-Id", "373530"},
	} {
		if got := r.acceptValue(want[0]); got != want[1] {
			t.Errorf("Access-Accept has %s %q, want %q", want[0], got, want[1])
		}
	}
	for _, name := range []string{"Class", "User-Name"} {
		if r.acceptValue(name) == "" {
			t.Errorf("Access-Accept has no %s", name)
		}
	}
}

// opensslConf is a configuration file of OpenSSL, from which a program takes the settings that it does not make itself.
const opensslConf = `openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = system_default
[system_default]
%s
`

// check checks what eapol_test says.
func (v verdict) check(t *testing.T, r eapolResult) {
	t.Helper()
	switch {
	case v.silent:
		if r.code == 0 || !r.has("EAPOL test timed out") || strings.Contains(r.output, "Received RADIUS message") {
			t.Error("eapol_test has an answer")
		}
	case v.accepted:
		v.checkAccepted(t, r)
	case v.alone:
		if r.code == 0 || !r.has("\nFAILURE") {
			t.Error("eapol_test does not fail")
		}
	default:
		r.refusal(t)
	}
}

func (v verdict) checkAccepted(t *testing.T, r eapolResult) {
	t.Helper()
	rounds := max(v.rounds, 1)
	want := []string{"\nSUCCESS", fmt.Sprintf("MPPE keys OK: %d  mismatch: 0", rounds)}
	if v.tls != "" {
		want = append(want, "SSL: Using TLS version TLSv"+v.tls)
	}
	for _, line := range want {
		if !r.has(line) {
			t.Errorf("eapol_test does not say %q", strings.TrimSpace(line))
		}
	}
	if again := strings.Contains(r.output, "OpenSSL: Handshake finished - resumed=1"); v.resumed && !again {
		t.Error("no session is resumed")
	}
	if r.code != 0 {
		t.Errorf("eapol_test ended with exit code %d", r.code)
	}
}

// reference is FreeRADIUS with the configuration testdata/matrix.conf.
type reference struct {
	matrixGroup
	Dir, Files, Secret string
	Certificate        string
	Methods            []string
	Min, Max           string
	Fragment, Port     int
	CRL, Tickets, All  bool
}

func startReference(t *testing.T, c *cabinet, g matrixGroup) netip.AddrPort {
	t.Helper()
	f := reference{
		Dir: t.TempDir(), Files: c.dir, Secret: secret, Certificate: g.certificates[0], Methods: g.methods, Min: "1.2", Max: "1.3", Fragment: 1024,
		CRL: g.revocation, Tickets: true, All: g.ttlsInner == nil,
	}
	if g.min != "" {
		f.Min, f.Max = g.min, g.max
	}
	if g.fragment != 0 {
		f.Fragment = g.fragment
	}
	roots := c.read(t, "trusted.pem")
	if g.revocation {
		roots = append(roots, c.read(t, "crl.pem")...)
	}
	writeFile(t, f.Dir, "ca.pem", roots)
	writeFile(t, f.Dir, "users", freeRADIUSUsers())
	port := freePorts(t, 1)[0]
	f.Port = int(port.Port())
	var configuration bytes.Buffer
	if err := template.Must(template.ParseFiles("testdata/matrix.conf")).Execute(&configuration, f); err != nil {
		t.Fatal(err)
	}
	writeFile(t, f.Dir, "radiusd.conf", configuration.Bytes())
	s := start(t, program(t, "freeradius"), "-X", "-d", f.Dir)
	if !s.await("Ready to process requests", 1) {
		t.Fatalf("FreeRADIUS does not start:\n%s", s)
	}
	return port
}
