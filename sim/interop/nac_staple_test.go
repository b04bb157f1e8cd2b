package interop

import (
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"nacsim/sim/pki"
)

// stapled is the configuration of a NAC that sends an OCSP response along with its certificate, if STAPLE says so.
const stapled = `listen: {auth: "127.0.0.1:0", acct: "127.0.0.1:0"}
clients: [{address: 127.0.0.1, secret: SECRET}]
certificate: {chain: CHAIN, key: KEYSTAPLE}
client_cas: [CA]
policy: policy.yaml
`

// TestInteropNACStaples has eapol_test insist on a stapled OCSP response (ocsp=2): it gets none, then, after SIGHUP, a good
// one.
func TestInteropNACStaples(t *testing.T) {
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	server, client := serverCertificate(t, corp, from, to), clientCertificate(t, corp, "LAPTOP-1", from, to)
	dir := t.TempDir()
	chain, key := writeCertificate(t, dir, "server", server)
	writeFile(t, dir, "policy.yaml", []byte("rules: [{name: All, action: allow}]\n"))
	writeFile(t, dir, "staple.pem", pem.EncodeToMemory(&pem.Block{Type: "OCSP RESPONSE", Bytes: responseFor(t, corp, server.Leaf)}))
	text := func(staple string) string {
		return strings.NewReplacer("SECRET", secret, "CHAIN", chain, "STAPLE", staple, "KEY", key, "CA", writeRoot(t, dir, "ca", corp.Certificate())).Replace(stapled)
	}
	n := startProgram(t, dir, text(""))
	ask := func(t *testing.T, version string, server netip.AddrPort) eapolResult {
		return eapolTest{server: server, version: version, certificate: client, root: corp.Certificate(), more: "ocsp=2\n"}.run(t)
	}
	for _, version := range tlsVersions {
		t.Run("none/TLS "+version, func(t *testing.T) { ask(t, version, n.auth).refused(t) })
	}
	writeFile(t, dir, "nac.yaml", []byte(text(", ocsp_staple: staple.pem")))
	if err := n.process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if !n.await("read again", 1) {
		t.Fatalf("the configuration is not read again:\n%s", n)
	}
	for _, version := range tlsVersions {
		t.Run("good/TLS "+version, func(t *testing.T) { ask(t, version, n.auth).accepted(t, version, 1) })
	}
	n.stop(t)
}

// responseFor is what the CA's responder says of a certificate.
func responseFor(t *testing.T, ca *pki.Authority, leaf *x509.Certificate) []byte {
	t.Helper()
	request, err := ocsp.CreateRequest(leaf, ca.Certificate(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := ca.Revocations().Status(request, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return response
}
