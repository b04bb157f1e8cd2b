package eapserver

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/nac/revocation"
)

// A regular is a client that comes again and again, and the server that remembers it.
type regular struct {
	ca       *eaptest.CA
	server   *tls.Config
	client   *tls.Config
	sessions *Sessions
	checker  revocation.Checker
	now      time.Time
}

func newRegular(t *testing.T, version uint16) *regular {
	t.Helper()
	ca := eaptest.NewCA(t, "corp")
	r := &regular{ca: ca, server: eaptest.ServerTLS(ca), client: eaptest.ClientTLS(ca, version, ca.Issue("laptop")), now: eaptest.Now}
	r.client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	r.sessions = NewSessions(rand.NewChaCha8([32]byte{1}), SessionLimits{Max: 3, Lifetime: 8 * time.Hour})
	return r
}

// visit is one authentication; the policy refuses it or not.
func (r *regular) visit(t *testing.T, refuse bool) *run {
	t.Helper()
	v := newRun(t, r.server, r.client)
	v.server.config.Sessions, v.server.config.Revocation, v.now, v.refuse = r.sessions, r.checker, r.now, refuse
	return v.play(t)
}

// expect checks how a visit ended.
func (v *run) expect(t *testing.T, what string, code eap.Code, resumed bool) {
	t.Helper()
	if v.peer.Code != code {
		t.Fatalf("%s: peer gets %v, want %v (server has %v)", what, v.peer.Code, code, v.failure)
	}
	if code == eap.Success && v.peerWas.Resumed != resumed {
		t.Errorf("%s: resumed is %v, want %v", what, v.peerWas.Resumed, resumed)
	}
	if code == eap.Success && !bytes.Equal(v.peerWas.MSK, v.peer.MSK) {
		t.Errorf("%s: server has MSK %x, peer %x", what, v.peerWas.MSK, v.peer.MSK)
	}
}

func TestResumption(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		r := newRegular(t, version)
		full := r.visit(t, false)
		full.expect(t, "first visit", eap.Success, false)
		for range 3 {
			again := r.visit(t, false)
			again.expect(t, "next visit", eap.Success, true)
			if again.asked != 1 {
				t.Errorf("the policy was asked %d times", again.asked)
			}
			if again.peer.Rounds >= full.peer.Rounds {
				t.Errorf("%d rounds, %d in full", again.peer.Rounds, full.peer.Rounds)
			}
			if c := again.peerWas.Chain; len(c) != 2 || c[0].Subject.CommonName != "laptop" || c[1].Subject.CommonName != "corp" {
				t.Errorf("chain is %v", c)
			}
			if bytes.Equal(again.peerWas.MSK, full.peerWas.MSK) {
				t.Error("the keys are those of the first visit")
			}
			if n := r.sessions.Len(); n != 1 {
				t.Errorf("%d sessions are remembered, want 1", n)
			}
		}
	})
}

// TestTicketCostsNoRound: a long chain is in the server's memory, not in the ticket.
func TestTicketCostsNoRound(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		with := newRegular(t, version)
		without := *with
		without.sessions = nil
		a, b := with.visit(t, false), without.visit(t, false)
		if a.peer.Rounds != b.peer.Rounds {
			t.Errorf("%d rounds with a ticket, %d without", a.peer.Rounds, b.peer.Rounds)
		}
	})
}

// TestPolicyIsAskedAgain: a resumed client that is refused has to come with its certificate next time.
func TestPolicyIsAskedAgain(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		r := newRegular(t, version)
		r.visit(t, true).expect(t, "refused at first", eap.Failure, false)
		if r.sessions.Len() != 0 {
			t.Error("the session of a refused client is remembered")
		}
		r.visit(t, false).expect(t, "let in", eap.Success, false)
		denied := r.visit(t, true)
		denied.expect(t, "refused when it resumes", eap.Failure, false)
		if denied.failure.Reason != Denied || denied.asked != 1 {
			t.Errorf("failure is %v, policy asked %d times", denied.failure, denied.asked)
		}
		if a, ok := eap.RemoteAlert(denied.peer.Err); version == tls.VersionTLS13 && (!ok || a != eap.AlertAccessDenied) {
			t.Errorf("peer learns %v, want access_denied", denied.peer.Err)
		}
		if r.sessions.Len() != 0 {
			t.Error("the session of a refused client is remembered")
		}
		r.visit(t, false).expect(t, "let in again", eap.Success, false)
	})
}

func TestUnusableTickets(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*testing.T, *regular)
		code   eap.Code
		reason Reason
	}{
		{"server forgot", func(_ *testing.T, r *regular) {
			r.sessions = NewSessions(rand.NewChaCha8([32]byte{2}), SessionLimits{})
		}, eap.Success, ""},
		{"lifetime over", func(_ *testing.T, r *regular) { r.now = r.now.Add(8 * time.Hour) }, eap.Success, ""},
		{"no resumption any more", func(_ *testing.T, r *regular) { r.sessions = nil }, eap.Success, ""},
		{"another method", func(_ *testing.T, r *regular) {
			for _, s := range r.sessions.byName { // order-free: there is one
				s.method = eap.TypeTTLS
			}
		}, eap.Success, ""},
		{"CA no longer trusted", func(t *testing.T, r *regular) {
			r.server.ClientCAs = eaptest.NewCA(t, "new").Pool()
		}, eap.Failure, UnknownCA},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version uint16) {
				r := newRegular(t, version)
				// A supplicant sends the certificate that it has, whatever CAs the server names.
				cert := r.client.Certificates[0]
				r.client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
				r.visit(t, false).expect(t, "first visit", eap.Success, false)
				c.change(t, r)
				v := r.visit(t, false)
				v.expect(t, "second visit", c.code, false)
				if c.reason != "" && v.failure.Reason != c.reason {
					t.Errorf("failure is %v, want %v", v.failure, c.reason)
				}
			})
		})
	}
}

// TestLifetimeIsNotProlonged: a client cannot live on tickets for ever.
func TestLifetimeIsNotProlonged(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		r := newRegular(t, version)
		r.visit(t, false).expect(t, "first visit", eap.Success, false)
		r.now = r.now.Add(5 * time.Hour)
		r.visit(t, false).expect(t, "after five hours", eap.Success, true)
		r.now = r.now.Add(5 * time.Hour)
		r.visit(t, false).expect(t, "after ten hours", eap.Success, false)
	})
}

// TestExpiredCertificateIsNotResumed: the session outlives the certificate, the client does not.
func TestExpiredCertificateIsNotResumed(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		r := newRegular(t, version)
		r.client.Certificates = []tls.Certificate{r.ca.Issue("laptop", func(c *x509.Certificate) { c.NotAfter = eaptest.Now.Add(time.Hour) })}
		r.visit(t, false).expect(t, "first visit", eap.Success, false)
		r.now = r.now.Add(2 * time.Hour)
		v := r.visit(t, false)
		v.expect(t, "after it expired", eap.Failure, false)
		if v.failure.Reason != Expired {
			t.Errorf("failure is %v, want expired", v.failure)
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	s := NewSessions(rand.NewChaCha8([32]byte{}), SessionLimits{Max: 3})
	add := func(i int, replaced *session) *session {
		fresh := &session{name: sessionName{byte(i), byte(i >> 8)}, method: eap.TypeTLS, since: eaptest.Now}
		s.put(fresh, replaced)
		return fresh
	}
	var last *session
	for i := range 1000 { // a client that resumes replaces its session
		last = add(i, last)
	}
	if s.Len() != 1 || len(s.order) > 6 {
		t.Errorf("%d sessions, %d names in order", s.Len(), len(s.order))
	}
	for i := range 1000 {
		last = add(1000+i, nil)
	}
	if s.Len() != 3 || len(s.order) > 6 {
		t.Errorf("%d sessions, %d names in order", s.Len(), len(s.order))
	}
	if s.find(last.name[:], eap.TypeTLS, eaptest.Now) != last {
		t.Error("the newest made room")
	}
	if s.find(last.name[:15], eap.TypeTLS, eaptest.Now) != nil || s.find(nil, eap.TypeTLS, eaptest.Now) != nil {
		t.Error("a ticket of another length names a session")
	}
}
