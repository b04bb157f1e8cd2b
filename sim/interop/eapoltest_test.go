package interop

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// eapolTest is a run of wpa_supplicant's eapol_test: a supplicant and a NAS in one program.
type eapolTest struct {
	server      netip.AddrPort
	version     string // "1.2" or "1.3"
	certificate tls.Certificate
	root        *x509.Certificate // the CA of the server's certificate
	fragment    int               // the most TLS data in one EAP packet; zero means wpa_supplicant's default
	secret      string            // empty means the right one
	teap        string            // TEAP with these lines instead of EAP-TLS
	more        string            // lines of the network block
	args        []string          // more of the command line
}

// phase1 selects one TLS version; wpa_supplicant 2.10 leaves TLS 1.3 out unless it is told otherwise.
var phase1 = map[string]string{
	"1.2": "tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=0 tls_disable_tlsv1_3=1",
	"1.3": "tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=1 tls_disable_tlsv1_3=0",
}

// network is the block of wpa_supplicant's configuration.
func (e eapolTest) network(t *testing.T, dir string) []byte {
	t.Helper()
	chain, key := writeCertificate(t, dir, "client", e.certificate)
	if e.teap != "" {
		return e.teapNetwork(writeRoot(t, dir, "ca", e.root), chain, key)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "network={\nkey_mgmt=WPA-EAP\neap=TLS\nidentity=%q\n", identity)
	fmt.Fprintf(&b, "ca_cert=%q\nclient_cert=%q\nprivate_key=%q\n", writeRoot(t, dir, "ca", e.root), chain, key)
	fmt.Fprintf(&b, "domain_match=%q\nphase1=%q\n", serverName, phase1[e.version])
	if e.fragment != 0 {
		fmt.Fprintf(&b, "fragment_size=%d\n", e.fragment)
	}
	b.WriteString(e.more + "}\n")
	return []byte(b.String())
}

// run runs it until it has succeeded or failed.
func (e eapolTest) run(t *testing.T) eapolResult {
	t.Helper()
	path := program(t, "eapol_test")
	dir := t.TempDir()
	shared := secret
	if e.secret != "" {
		shared = e.secret
	}
	args := []string{
		"-c", writeFile(t, dir, "eapol_test.conf", e.network(t, dir)), "-A", loopback.String(), "-t", "15",
		"-a", e.server.Addr().String(), "-p", strconv.Itoa(int(e.server.Port())), "-s", shared,
	}
	return eapolResult{run(t, patience, "", path, append(args, e.args...)...)}
}

// eapolResult is what eapol_test says.
type eapolResult struct{ outcome }

// accepted checks that each of n authentications ended with EAP-Success, the expected TLS version and, compared
// octet by octet by eapol_test, the same keys in Access-Accept as the supplicant has computed.
func (r eapolResult) accepted(t *testing.T, version string, n int) {
	t.Helper()
	for _, line := range []string{"\nSUCCESS", fmt.Sprintf("MPPE keys OK: %d  mismatch: 0", n), "SSL: Using TLS version TLSv" + version} {
		if !r.has(line) {
			t.Errorf("eapol_test does not say %q", strings.TrimSpace(line))
		}
	}
	if r.code != 0 || t.Failed() {
		t.Fatalf("eapol_test ended with exit code %d:\n%s", r.code, r.output)
	}
}

// refused checks for an Access-Reject with an EAP-Failure.
func (r eapolResult) refused(t *testing.T) {
	t.Helper()
	r.refusal(t)
	if t.Failed() {
		t.Fatalf("eapol_test ended with exit code %d:\n%s", r.code, r.output)
	}
}

// refusal is refused, and lets the test go on.
func (r eapolResult) refusal(t *testing.T) {
	t.Helper()
	for _, line := range []string{"\nFAILURE", "code=3 (Access-Reject)", "from RADIUS server: EAP Failure"} {
		if !r.has(line) {
			t.Errorf("eapol_test does not say %q", strings.TrimSpace(line))
		}
	}
	if r.code == 0 {
		t.Error("eapol_test ended with exit code 0")
	}
}

// has reports whether the output has the text, up to a space or the end of a line.
func (r eapolResult) has(text string) bool {
	return strings.Contains(r.output, text+"\n") || strings.Contains(r.output, text+" ")
}

// acceptValue is the value of an attribute in Access-Accept, as eapol_test prints it.
func (r eapolResult) acceptValue(name string) string {
	_, accept, _ := strings.Cut(r.output, "code=2 (Access-Accept)")
	if m := regexp.MustCompile(`\(` + name + `\) length=\d+\n\s+Value: (.*)`).FindStringSubmatch(accept); m != nil {
		return m[1]
	}
	return ""
}

var eapRequest = regexp.MustCompile(`decapsulated EAP packet \(code=1 id=\d+ len=(\d+)\)`)

// requests are the lengths of the EAP-Requests that came, in octets.
func (r eapolResult) requests() []int {
	var lengths []int
	for _, m := range eapRequest.FindAllStringSubmatch(r.output, -1) {
		n, _ := strconv.Atoi(m[1]) // the expression has digits only
		lengths = append(lengths, n)
	}
	return lengths
}
