package interop

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"nacsim/nac/radiusd"
)

// TestInteropNACAnswersRetransmissions replays every request of an authentication, and has the supplicant's NAS
// repeat one because the reply to it is lost, up to the Access-Accept: the answer must be the same octets each time, and the client must be
// judged once (RFC 5080 section 2.2.2).
func TestInteropNACAnswersRetransmissions(t *testing.T) {
	program(t, "eapol_test")
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	n := startNAC(t, &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()})
	certificate := clientCertificate(t, corp, "LAPTOP-1", from, to)
	for i, version := range tlsVersions {
		for j, net := range []*relay{{replays: 2}, {lose: 2}, {lose: 4, replays: 1}} {
			t.Run(fmt.Sprintf("TLS %s/replays %d, loses %d", version, net.replays, net.lose), func(t *testing.T) {
				t.Parallel() // eapol_test takes three seconds to miss a reply
				net.start(t, n.auth)
				mac, option := client(3*i + j)
				r := eapolTest{server: net.addr, version: version, certificate: certificate, root: corp.Certificate(), args: option}.run(t)
				r.accepted(t, version, 1)
				seen := net.seen()
				if len(seen) < net.lose {
					t.Errorf("%d requests, of which number %d should have got no reply", len(seen), net.lose)
				}
				for k, e := range seen {
					if want := net.lose == k+1; (e.times == 2) != want {
						t.Errorf("request %d was sent %d times", k+1, e.times)
					}
					for _, reply := range e.replies {
						if !bytes.Equal(reply, e.replies[0]) {
							t.Errorf("request %d has two replies:\n%x\n%x", k+1, e.replies[0], reply)
						}
					}
				}
				if found := n.find("decision", "client="+mac); len(found) != 1 {
					t.Errorf("%d decisions, want 1", len(found))
				}
			})
		}
	}
}

// TestInteropNACIsSilent covers what must get no answer (RFC 2865 section 3, RFC 3579 section 3.2).
func TestInteropNACIsSilent(t *testing.T) {
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	n := startNAC(t, &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()})
	certificate := clientCertificate(t, corp, "LAPTOP-1", from, to)
	t.Run("wrong secret", func(t *testing.T) {
		r := eapolTest{server: n.auth, version: "1.3", certificate: certificate, root: corp.Certificate(), secret: "guess", args: []string{"-t", "1"}}.run(t)
		if r.code == 0 || !r.has("EAPOL test timed out") || strings.Contains(r.output, "Received RADIUS message") {
			t.Errorf("eapol_test has an answer:\n%s", r.output)
		}
		n.await(t, 1, "drop", "reason="+string(radiusd.DropBadAuthenticator))
	})
	t.Run("unknown client", func(t *testing.T) {
		stranger := eapolTest{server: n.auth, version: "1.3", certificate: certificate, root: corp.Certificate()}
		stranger.args = []string{"-t", "1", "-A", "127.0.0.2"}
		r := stranger.run(t)
		if r.code == 0 || !r.has("EAPOL test timed out") || strings.Contains(r.output, "Received RADIUS message") {
			t.Errorf("eapol_test has an answer:\n%s", r.output)
		}
		n.await(t, 1, "drop", "reason="+string(radiusd.DropUnknownClient))
	})
	t.Run("no Message-Authenticator", func(t *testing.T) {
		o := radclient{server: n.auth, command: "auth"}.run(t, `User-Name = "peter", User-Password = "secret"`)
		if o.code == 0 || !strings.Contains(o.output, "No reply from server") {
			t.Errorf("radclient has an answer:\n%s", o.output)
		}
		n.await(t, 1, "drop", "reason="+string(radiusd.DropNoMessageAuthenticator))
	})
}

// TestInteropNACAnswersRadclient covers what is not EAP.
func TestInteropNACAnswersRadclient(t *testing.T) {
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	n := startNAC(t, &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()})
	ask := func(server netip.AddrPort, command, attributes, want string) {
		t.Helper()
		if o := (radclient{server: server, command: command}).run(t, attributes); !strings.Contains(o.output, "Received "+want) {
			t.Errorf("radclient has no %s to %s:\n%s", want, attributes, o.output)
		}
	}
	ask(n.auth, "auth", `User-Name = "peter", User-Password = "secret", Message-Authenticator = 0x00`, "Access-Reject")
	const who = `User-Name = "host/LAPTOP-1", NAS-IP-Address = 127.0.0.1, Calling-Station-Id = "00-1C-B3-00-00-01", Acct-Session-Id = "A1"`
	ask(n.acct, "acct", `Acct-Status-Type = Accounting-On, NAS-IP-Address = 127.0.0.1, Acct-Session-Id = "A0"`, "Accounting-Response")
	ask(n.acct, "acct", `Acct-Status-Type = Start, `+who, "Accounting-Response")
	ask(n.acct, "acct", `Acct-Status-Type = Stop, Acct-Session-Time = 60, Acct-Terminate-Cause = User-Request, `+who, "Accounting-Response")
}
