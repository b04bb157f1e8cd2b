package interop

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"
	"time"

	"nacsim/nac"
	"nacsim/nac/radiusd"
	"nacsim/nac/revocation"
	"nacsim/sim/pki"
)

// TestInteropNACAsksOCSP has the NAC ask a responder in the middle of the handshake, and eapol_test read the alert for what
// the responder says, or does not.
func TestInteropNACAsksOCSP(t *testing.T) {
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	good, revoked := clientCertificate(t, corp, "LAPTOP-1", from, to), clientCertificate(t, corp, "LAPTOP-2", from, to)
	list := corp.Revocations()
	list.Revoke(pki.Revocation{Serial: revoked.Leaf.SerialNumber, At: time.Now().Add(-time.Minute), Reason: 1})
	responder := httptest.NewServer(list.Handler(time.Now, time.Hour))
	t.Cleanup(responder.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	for i, c := range []struct {
		name        string
		url         string
		fail        string
		certificate tls.Certificate
		alert       string // empty: let in
		reason      string
	}{
		{"good", responder.URL, revocation.Hard, good, "", ""},
		{"revoked", responder.URL, revocation.Soft, revoked, "certificate revoked", "revoked"},
		{"no responder, hard", gone.URL, revocation.Hard, good, "certificate unknown", "revocation_unknown"},
		{"no responder, soft", gone.URL, revocation.Soft, good, "", ""},
	} {
		n := startNACWith(t, nac.Config{
			TLS:        &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()},
			Revocation: &revocation.Config{OCSP: revocation.OCSP{URL: c.url + "/ocsp"}, Fail: c.fail},
			RADIUS:     radiusd.Config{Clients: []radiusd.Client{peer}},
		})
		for j, version := range tlsVersions {
			t.Run(c.name+"/TLS "+version, func(t *testing.T) {
				mac, option := client(2*i + j)
				r := eapolTest{server: n.auth, version: version, certificate: c.certificate, root: corp.Certificate(), args: option}.run(t)
				if c.alert == "" {
					r.accepted(t, version, 1)
					return
				}
				r.refused(t)
				if !r.has("read (remote end reported an error):fatal:" + c.alert) {
					t.Errorf("eapol_test does not read %q:\n%s", c.alert, r.output)
				}
				if d := n.await(t, 1, "decision", "client="+mac, "result=reject"); d.Field("reason") != c.reason {
					t.Errorf("the decision's reason is %q, want %q", d.Field("reason"), c.reason)
				}
			})
		}
	}
}
