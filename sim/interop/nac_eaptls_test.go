package interop

import (
	"crypto/tls"
	"fmt"
	"slices"
	"testing"
)

var tlsVersions = []string{"1.2", "1.3"}

// client is the MAC address of a test's client, and eapol_test's option that sets it, so that tests in one
// world do not meet.
func client(n int) (mac string, option []string) {
	mac = fmt.Sprintf("00:1c:b3:00:00:%02x", n)
	return mac, []string{"-M", mac}
}

// TestInteropNACObeysFramedMTU has a NAS whose link is narrow (RFC 3579 section 2.4).
func TestInteropNACObeysFramedMTU(t *testing.T) {
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	below := issuing(t, corp)
	n := startNAC(t, &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, below, from, to)}, ClientCAs: corp.Pool()})
	for i, version := range tlsVersions {
		_, option := client(i)
		const mtu = 300
		r := eapolTest{server: n.auth, version: version, certificate: clientCertificate(t, below, "LAPTOP-1", from, to), root: corp.Certificate(),
			args: append(option, "-N", fmt.Sprintf("12:d:%d", mtu))}.run(t)
		r.accepted(t, version, 1)
		lengths := r.requests()
		if longest := slices.Max(lengths); longest > mtu || longest < mtu/2 {
			t.Errorf("TLS %s: EAP-Requests of %d octets, want at most %d and not much less", version, lengths, mtu)
		}
	}
}
