package eapserver

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/nac/revocation"
)

// A registry is a checker that answers at once, or when it is told to.
type registry struct {
	verdict revocation.Verdict
	later   bool
	asked   int
	chain   []*x509.Certificate
	pending func()
}

func (g *registry) Check(_ time.Time, chain []*x509.Certificate, _ []byte, verdict func(revocation.Verdict)) {
	g.asked, g.chain = g.asked+1, chain
	if v := g.verdict; g.later {
		g.pending = func() { verdict(v) }
		return
	}
	verdict(g.verdict)
}

func revoked() revocation.Verdict {
	return revocation.Verdict{Status: revocation.Revoked, Text: `certificate "laptop" was revoked`}
}

// TestRevocation: a full handshake and a resumed one end alike, with the alert for the verdict.
func TestRevocation(t *testing.T) {
	for _, c := range []struct {
		name    string
		verdict revocation.Verdict
		reason  Reason
		alert   eap.Alert
	}{
		{"revoked", revoked(), Revoked, eap.AlertCertificateRevoked},
		{"not found out", revocation.Verdict{Status: revocation.Undetermined, Text: "nobody knows"}, RevocationUnknown, eap.AlertCertificateUnknown},
		{"bad staple", revocation.Verdict{Status: revocation.Undetermined, BadStaple: true, Text: "wrong signature"}, RevocationUnknown,
			eap.AlertBadStatusResponse},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version uint16) {
				r, g := newRegular(t, version), &registry{verdict: c.verdict}
				r.checker = g
				r.visit(t, false).expectRefusal(t, c.reason, c.alert, c.verdict.Text)
				g.verdict = revocation.Verdict{}
				r.visit(t, false).expect(t, "good again", eap.Success, false)
				g.verdict = c.verdict
				resumed := r.visit(t, false)
				resumed.expectRefusal(t, c.reason, c.alert, c.verdict.Text)
				if g.asked != 3 || len(g.chain) != 2 || resumed.asked != 0 {
					t.Errorf("checker asked %d times about %d certificates, policy %d times", g.asked, len(g.chain), resumed.asked)
				}
				if r.sessions.Len() != 0 {
					t.Error("the session is still remembered")
				}
			})
		})
	}
}

func (v *run) expectRefusal(t *testing.T, reason Reason, alert eap.Alert, text string) {
	t.Helper()
	v.expect(t, string(reason), eap.Failure, false)
	f := v.failure
	if f.Reason != reason || f.Text != text || !f.HasAlert || f.Alert != alert || !f.Reason.AboutClientCertificate() {
		t.Errorf("failure is %v with alert %v, want %v, %v", f, f.Alert, reason, alert)
	}
	if len(f.Chain) == 0 || f.Chain[0].Subject.CommonName != "laptop" {
		t.Errorf("chain is %v", f.Chain)
	}
	if a, ok := eap.RemoteAlert(v.peer.Err); !ok || a != alert {
		t.Errorf("peer learns %v, want %v", v.peer.Err, alert)
	}
}

// TestVerdictThatComesLater: the conversation waits, and nothing is sent meanwhile.
func TestVerdictThatComesLater(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		for _, verdict := range []revocation.Verdict{{}, revoked()} {
			for _, asks := range []bool{true, false} { // whether Wait is called before the answer comes
				ca, g := eaptest.NewCA(t, "corp"), &registry{later: true, verdict: verdict}
				r := newRun(t, eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, version, ca.Issue("laptop")))
				r.server.config.Revocation = g
				waits := 0
				response := eap.Packet{Code: eap.Response, ID: 1, Type: eap.TypeIdentity, Data: []byte("host/laptop")}.Append(nil)
				for response != nil {
					result := r.server.Handle(r.now, response)
					if result.Kind == Waiting {
						waits++
						result = r.await(t, result, g, asks, response)
					}
					if result.Kind == Authenticated {
						result = r.server.Authorize(true)
					}
					response = r.peer.Respond(result.EAP)
				}
				want := eap.Success
				if verdict.Status != revocation.Good {
					want = eap.Failure
				}
				if r.peer.Code != want || waits != 1 {
					t.Errorf("peer gets %v, want %v; %d waits", r.peer.Code, want, waits)
				}
			}
		}
	})
}

// await lets the answer to a Waiting result come, before or after it is asked for.
func (r *run) await(t *testing.T, waiting Result, g *registry, asks bool, response []byte) Result {
	t.Helper()
	done := 0
	if asks {
		waiting.Wait(func() { done++ })
		if again := r.server.Handle(r.now, response); again.Kind == Challenge || done != 0 {
			t.Errorf("a repeated response gets %v, done %d times", again.Kind, done)
		}
	}
	g.pending()
	if !asks {
		waiting.Wait(func() { done++ })
	}
	if done != 1 {
		t.Errorf("done was called %d times", done)
	}
	return r.server.Resume(r.now)
}

// TestInternalErrorAboutTheServer: before the client has answered the server's certificate, internal_error is about it.
func TestInternalErrorAboutTheServer(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		r := newRegular(t, version)
		r.client.VerifyConnection = func(tls.ConnectionState) error {
			return &eap.Refusal{Alert: eap.AlertInternalError, Err: errNoCertificate}
		}
		if v := r.visit(t, false); v.failure == nil || v.failure.Reason != ServerCertificate || !v.failure.FromPeer {
			t.Errorf("failure is %v, want %v from the peer", v.failure, ServerCertificate)
		}
	})
}

// TestUnreadableCertificate: what crypto/x509 cannot read is the client's certificate all the same, and so is one whose
// key another client has.
func TestUnreadableCertificate(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		for name, change := range map[string]func(*regular, *tls.Certificate){
			"garbage":     func(_ *regular, c *tls.Certificate) { c.Certificate = [][]byte{[]byte("no certificate")} },
			"another key": func(r *regular, c *tls.Certificate) { c.PrivateKey = r.ca.Issue("thief").PrivateKey },
		} {
			r := newRegular(t, version)
			cert := r.client.Certificates[0]
			change(r, &cert)
			r.client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
			if v := r.visit(t, false); v.failure == nil || v.failure.Reason != Certificate || !v.failure.HasAlert && version == tls.VersionTLS12 {
				t.Errorf("%s: failure is %v, want %v", name, v.failure, Certificate)
			}
		}
	})
}

// TestWeakest: RSA keys of a chain have 2,048 bits at least, but for the root's, which somebody has chosen to trust.
func TestWeakest(t *testing.T) {
	rsaKey := func(bits uint) *x509.Certificate {
		return &x509.Certificate{PublicKey: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537}}
	}
	curve := &x509.Certificate{PublicKey: &ecdsa.PublicKey{}}
	for _, c := range []struct {
		name  string
		chain []*x509.Certificate
		weak  int // its place, or -1
	}{
		{"strong", []*x509.Certificate{rsaKey(2048), rsaKey(3072), rsaKey(4096)}, -1},
		{"client", []*x509.Certificate{rsaKey(2047), rsaKey(2048), rsaKey(2048)}, 0},
		{"CA", []*x509.Certificate{curve, rsaKey(1024), rsaKey(2048)}, 1},
		{"root", []*x509.Certificate{curve, rsaKey(2048), rsaKey(1024)}, -1},
		{"trusted itself", []*x509.Certificate{rsaKey(1024)}, 0},
	} {
		weak, bits := weakest(c.chain)
		switch {
		case c.weak < 0 && weak != nil:
			t.Errorf("%s: found a key of %d bits", c.name, bits)
		case c.weak >= 0 && (weak != c.chain[c.weak] || bits >= leastRSA):
			t.Errorf("%s: found %p with %d bits, want %p", c.name, weak, bits, c.chain[c.weak])
		}
	}
}
