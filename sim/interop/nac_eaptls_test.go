package interop

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"testing"
	"time"
)

var tlsVersions = []string{"1.2", "1.3"}

// client is the MAC address of a test's client, and eapol_test's option that sets it, so that tests in one
// world do not meet.
func client(n int) (mac string, option []string) {
	mac = fmt.Sprintf("00:1c:b3:00:00:%02x", n)
	return mac, []string{"-M", mac}
}

// TestInteropNACAuthenticates plays RFC 5216 and RFC 9190 between the NAC and wpa_supplicant with OpenSSL, with
// messages of the client in one fragment up to some twenty, and with keys of both kinds.
func TestInteropNACAuthenticates(t *testing.T) {
	program(t, "eapol_test")
	old := newRSACredentials()
	if old.err != nil {
		t.Fatal(old.err)
	}
	from, to := valid()
	root := newAuthority(t, "Contoso Root CA")
	corp := issuing(t, root)
	trusted := root.Pool()
	trusted.AddCert(old.root)
	clients := 0
	for _, kind := range []struct {
		name           string
		server, client tls.Certificate
		root           *x509.Certificate
	}{
		{"ECDSA", serverCertificate(t, corp, from, to), clientCertificate(t, corp, "LAPTOP-1", from, to), root.Certificate()},
		{"RSA", old.server, old.client, old.root},
	} {
		n := startNAC(t, &tls.Config{Certificates: []tls.Certificate{kind.server}, ClientCAs: trusted})
		for _, version := range tlsVersions {
			for _, fragment := range []int{64, 100, 255, 512, 1024, 1398} {
				t.Run(fmt.Sprintf("%s/TLS %s/fragments of %d", kind.name, version, fragment), func(t *testing.T) {
					clients++
					mac, option := client(clients)
					r := eapolTest{server: n.auth, version: version, certificate: kind.client, root: kind.root, fragment: fragment, args: option}.run(t)
					r.accepted(t, version, 1)
					checkAccept(t, r)
					if rounds := len(r.requests()); fragment == 64 && rounds < 15 {
						t.Errorf("%d EAP-Requests, want at least 15 with fragments of 64 octets", rounds)
					}
					n.await(t, 1, "decision", "client="+mac, "result=accept", "rule=Corp", "vlan=750", "user="+identity)
					n.await(t, 1, "event", "type=NAC_CLIENT_PERMIT", "cert_cn=LAPTOP-1", "tls_version=TLS "+version)
				})
			}
		}
	}
}

// checkAccept checks the attributes of RFC 3580 section 3.31, the User-Name and the Class.
func checkAccept(t *testing.T, r eapolResult) {
	t.Helper()
	for _, want := range [][2]string{
		{"Tunnel-Type", "0000000d"}, // VLAN
		{"Tunnel-Medium-Type", "00000006"},
		{"Tunnel-Private-Group-Id", "373530"},
		{"User-Name", "'" + identity + "'"},
	} {
		if got := r.acceptValue(want[0]); got != want[1] {
			t.Errorf("Access-Accept has %s %q, want %q", want[0], got, want[1])
		}
	}
	if r.acceptValue("Class") == "" {
		t.Error("Access-Accept has no Class")
	}
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

// TestInteropNACReauthenticates has one supplicant authenticate four times in a row.
func TestInteropNACReauthenticates(t *testing.T) {
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	n := startNAC(t, &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()})
	for i, version := range tlsVersions {
		mac, option := client(i)
		r := eapolTest{server: n.auth, version: version, certificate: clientCertificate(t, corp, "LAPTOP-1", from, to), root: corp.Certificate(),
			args: append(option, "-r", "3")}.run(t)
		r.accepted(t, version, 4)
		if found := n.find("decision", "client="+mac, "result=accept"); len(found) != 4 {
			t.Errorf("TLS %s: %d decisions, want 4", version, len(found))
		}
	}
}

// TestInteropNACRefuses checks each refusal for the TLS alert that the peer reads or sends, for Access-Reject
// with EAP-Failure, and for what the operator is told.
func TestInteropNACRefuses(t *testing.T) {
	corp, foreign := newAuthority(t, "Contoso Root CA"), newAuthority(t, "Foreign Root CA")
	from, to := valid()
	now := time.Now()
	good := clientCertificate(t, corp, "LAPTOP-1", from, to)
	n := startNAC(t, &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()})
	stale := startNAC(t, &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, now.Add(-time.Minute))}, ClientCAs: corp.Pool()})
	const read, written = "read (remote end reported an error):fatal:", "write (local SSL3 detected an error):fatal:"
	for i, tt := range []struct {
		name        string
		nac         *liveNAC
		certificate tls.Certificate
		root        *x509.Certificate
		alert       string // in eapol_test's words
		only        string // the TLS version in which the alert is seen, empty for both
		reason      string
		event       string
	}{
		{"expired", n, clientCertificate(t, corp, "LAPTOP-1", from, now.Add(-time.Minute)), corp.Certificate(),
			read + "certificate expired", "", "expired", "NAC_CLIENT_CERT_EXPIRED"},
		// RFC 8446 section 6.2 has one alert for both ends of the validity.
		{"not yet valid", n, clientCertificate(t, corp, "LAPTOP-1", now.Add(time.Minute), to), corp.Certificate(),
			read + "certificate expired", "", "not_yet_valid", "NAC_CLIENT_CERT_CHECK_FAILURE"},
		{"foreign CA", n, clientCertificate(t, foreign, "LAPTOP-1", from, to), corp.Certificate(),
			read + "unknown CA", "", "unknown_ca", "NAC_CLIENT_CERT_CHECK_FAILURE"},
		{"server certificate for a client", n, serverCertificate(t, corp, from, to), corp.Certificate(),
			read + "unsupported certificate", "", "bad_eku", "NAC_CLIENT_CERT_CHECK_FAILURE"},
		// With TLS 1.2 the handshake is over when the policy decides, and there is no alert.
		{"blocked by policy", n, clientCertificate(t, corp, "LAPTOP-STOLEN", from, to), corp.Certificate(),
			read + "access denied", "1.3", "", "NAC_CLIENT_DENY"},
		{"server not trusted", n, good, foreign.Certificate(),
			written + "unknown CA", "", "server_certificate", "NAC_SERVER_CERT_VALIDATION_FAILURE"},
		{"server expired", stale, good, corp.Certificate(),
			written + "certificate expired", "", "server_certificate", "NAC_SERVER_CERT_VALIDATION_FAILURE"},
	} {
		for j, version := range tlsVersions {
			t.Run(tt.name+"/TLS "+version, func(t *testing.T) {
				mac, option := client(2*i + j)
				r := eapolTest{server: tt.nac.auth, version: version, certificate: tt.certificate, root: tt.root, args: option}.run(t)
				r.refused(t)
				if alert := tt.only == "" || tt.only == version; r.has(tt.alert) != alert {
					t.Errorf("alert %q: %v, want %v:\n%s", tt.alert, !alert, alert, r.output)
				}
				decision := tt.nac.await(t, 1, "decision", "client="+mac, "result=reject")
				if got := decision.Field("reason"); got != tt.reason {
					t.Errorf("the decision's reason is %q, want %q", got, tt.reason)
				}
				bare := fmt.Sprintf("001cb30000%02x", 2*i+j)
				tt.nac.await(t, 1, "event", "mac="+bare, "type="+tt.event)
				tt.nac.await(t, 1, "event", "mac="+bare, "type=NAC_CLIENT_DENY")
			})
		}
	}
}
