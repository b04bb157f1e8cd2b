package eapserver

import (
	"bytes"
	"crypto/tls"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/eap/ttls"
	"nacsim/nac/credential"
)

func TestPasswords(t *testing.T) {
	eachWay(t, func(t *testing.T, r *tunnelRun, inner Inner, tells bool) {
		r.later = true
		r.play(t)
		if r.peer.code != eap.Success || r.peerWas == nil || r.asked != 1 {
			t.Fatalf("peer gets %v, server has %v, policy asked %d times", r.peer.code, r.failure, r.asked)
		}
		p := r.peerWas
		if p.Identity != "anonymous@corp.example" || p.User != "anna" || p.Inner != string(inner) || p.Method != r.peer.typ || !slices.Equal(p.Groups, []string{"staff"}) {
			t.Errorf("peer is %+v", p)
		}
		if len(p.MSK) != 64 || !bytes.Equal(p.MSK, r.peer.msk) {
			t.Errorf("server has MSK %x, peer %x", p.MSK, r.peer.msk)
		}
		if want := map[bool]string{true: "success"}[tells]; r.peer.told != want {
			t.Errorf("peer is told %q in the tunnel, want %q", r.peer.told, want)
		}
	})
}

// TestNames: the names that stand for the same user.
func TestNames(t *testing.T) {
	eachWay(t, func(t *testing.T, r *tunnelRun, _ Inner, _ bool) {
		for _, name := range []string{"ANNA", "anna@corp.example", `CORP\anna`} {
			again := newTunnelRun(t, r.peer.typ, r.peer.config.MinVersion, r.peer.inside)
			again.peer.log(name, "geheim")
			again.play(t)
			if again.peer.code != eap.Success || again.peerWas.User != name {
				t.Errorf("%s: peer gets %v, server has %v", name, again.peer.code, again.failure)
			}
		}
	})
}

func TestWrongPasswords(t *testing.T) {
	for _, c := range []struct {
		user, password string
		reason         Reason
	}{
		{"anna", "falsch", BadCredentials}, {"anna", "", BadCredentials}, {"nobody", "geheim", UnknownUser}, {"anna@other.example", "geheim", UnknownUser},
	} {
		t.Run(c.user+"/"+c.password, func(t *testing.T) {
			eachWay(t, func(t *testing.T, r *tunnelRun, _ Inner, tells bool) {
				r.peer.log(c.user, c.password)
				r.play(t)
				if r.peer.code != eap.Failure || r.failure == nil || r.asked != 0 {
					t.Fatalf("peer gets %v, server has %v, policy asked %d times", r.peer.code, r.failure, r.asked)
				}
				if r.failure.Reason != c.reason || r.failure.User != c.user || !strings.Contains(r.failure.Text, c.user) {
					t.Errorf("failure is %v of %q, want %v", r.failure, r.failure.User, c.reason)
				}
				if strings.Contains(r.failure.Text, "falsch") || strings.Contains(r.failure.Text, "geheim") {
					t.Errorf("the text tells the password: %s", r.failure.Text)
				}
				if tells && (r.peer.told != "failure" || r.warned != r.failure) {
					t.Errorf("peer is told %q in the tunnel, with %v", r.peer.told, r.warned)
				}
			})
		})
	}
}

func TestDisabledUser(t *testing.T) {
	eachWay(t, func(t *testing.T, r *tunnelRun, inner Inner, _ bool) {
		if inner == MSCHAPv2 {
			r.peer.inside = func(p *tunnelPeer, data []byte) []byte {
				if len(data) > 0 {
					if !bytes.Contains(data, []byte("E=647 R=0")) {
						t.Errorf("peer reads %q", data)
					}
					return nil
				}
				return mschap2(p, nil)
			}
		}
		r.peer.log("gone", "geheim")
		r.play(t)
		if r.peer.code != eap.Failure || r.failure.Reason != AccountDisabled {
			t.Errorf("peer gets %v, server has %v", r.peer.code, r.failure)
		}
	})
}

func TestPolicyRefusesUser(t *testing.T) {
	eachWay(t, func(t *testing.T, r *tunnelRun, _ Inner, _ bool) {
		r.refuse = true
		r.play(t)
		if r.peer.code != eap.Failure || r.failure.Reason != Denied || r.failure.User != "anna" || r.asked != 1 {
			t.Errorf("peer gets %v, server has %v of %q", r.peer.code, r.failure, r.failure.User)
		}
		if r.peer.typ == eap.TypePEAP && r.peer.told != "failure" {
			t.Errorf("peer is told %q in the tunnel", r.peer.told)
		}
	})
}

// TestInnerNotAllowed: a way that is not in the configuration is refused, whatever the password.
func TestInnerNotAllowed(t *testing.T) {
	eachWay(t, func(t *testing.T, r *tunnelRun, inner Inner, _ bool) {
		without := func(ways []Inner) []Inner {
			return slices.DeleteFunc(slices.Clone(ways), func(i Inner) bool { return i == inner })
		}
		r.server.config.TTLSInner, r.server.config.PEAPInner = without(DefaultTTLSInner), without(DefaultPEAPInner)
		r.play(t)
		if r.peer.code != eap.Failure || r.failure.Reason != InnerMethod {
			t.Errorf("peer gets %v, server has %v", r.peer.code, r.failure)
		}
	})
}

// A silent directory never knows.
type silent struct{}

func (silent) Ask(_ credential.Question, answer func(credential.Answer)) {
	answer(credential.Answer{Reason: credential.Unavailable, Text: "no answer from the directory"})
}

func TestDirectoryUnavailable(t *testing.T) {
	eachWay(t, func(t *testing.T, r *tunnelRun, _ Inner, _ bool) {
		r.server.config.Directory = silent{}
		r.play(t)
		if r.peer.code != eap.Failure || r.failure.Reason != DirectoryUnavailable {
			t.Errorf("peer gets %v, server has %v", r.peer.code, r.failure)
		}
	})
}

// A distant directory answers from another task.
type distant struct{ credential.Directory }

func (d distant) Ask(q credential.Question, answer func(credential.Answer)) {
	go d.Directory.Ask(q, answer)
}

func TestAnswerFromAnotherTask(t *testing.T) {
	eachWay(t, func(t *testing.T, r *tunnelRun, _ Inner, _ bool) {
		r.server.config.Directory = distant{r.server.config.Directory}
		r.play(t)
		if r.peer.code != eap.Success || !bytes.Equal(r.peerWas.MSK, r.peer.msk) {
			t.Errorf("peer gets %v, server has %v", r.peer.code, r.failure)
		}
	})
}

// TestClosedWhileWaiting: an answer that comes too late changes nothing.
func TestClosedWhileWaiting(t *testing.T) {
	eachWay(t, func(t *testing.T, r *tunnelRun, _ Inner, _ bool) {
		response := identity(1, "x")
		for {
			result := r.server.Handle(r.now, response)
			if result.Kind == Waiting {
				r.server.Close()
				result.Wait(func() {})
				break
			}
			response = r.peer.respond(result.EAP)
		}
		if again := r.server.Resume(r.now); again.Kind != Ignored {
			t.Errorf("Resume after Close gives %v", again.Kind)
		}
	})
}

func TestTunnelFragments(t *testing.T) {
	eachWay(t, func(t *testing.T, r *tunnelRun, _ Inner, _ bool) {
		r.peer.fragment, r.server.config.Fragment = 64, 64
		r.play(t)
		if r.peer.code != eap.Success || !bytes.Equal(r.peerWas.MSK, r.peer.msk) {
			t.Errorf("peer gets %v, server has %v", r.peer.code, r.failure)
		}
	})
}

// TestTunnelResumption: the second time there is nothing inside, and the policy is asked all the same.
func TestTunnelResumption(t *testing.T) {
	eachWay(t, func(t *testing.T, first *tunnelRun, inner Inner, _ bool) {
		sessions := NewSessions(rand.NewChaCha8([32]byte{}), SessionLimits{})
		first.peer.config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		first.server.config.Sessions = sessions
		server := first.server.config.TLS
		visit := func(refuse bool) *tunnelRun {
			r := newTunnelRun(t, first.peer.typ, first.peer.config.MinVersion, func(p *tunnelPeer, data []byte) []byte {
				if p.typ == eap.TypePEAP && len(data) > 0 {
					return inPEAP(nil)(p, data)
				}
				return nil
			})
			r.server.config.TLS, r.peer.config, r.server.config.Sessions, r.refuse = server, first.peer.config, sessions, refuse
			return r.play(t)
		}
		first.play(t)
		again := visit(false)
		if again.peer.code != eap.Success || !again.peerWas.Resumed || again.asked != 1 {
			t.Fatalf("peer gets %v, server has %+v %v", again.peer.code, again.peerWas, again.failure)
		}
		if p := again.peerWas; p.User != "anna" || p.Inner != string(inner) || !slices.Equal(p.Groups, []string{"staff"}) || !bytes.Equal(p.MSK, again.peer.msk) {
			t.Errorf("peer is %+v", p)
		}
		if protected := again.peer.typ == eap.TypePEAP || again.peer.config.MinVersion == tls.VersionTLS13; protected != (again.peer.told == "success") {
			t.Errorf("peer is told %q in the tunnel", again.peer.told)
		}
		if denied := visit(true); denied.peer.code != eap.Failure || denied.failure.Reason != Denied || denied.failure.User != "anna" || denied.peer.told == "success" {
			t.Errorf("peer gets %v and is told %q, server has %v", denied.peer.code, denied.peer.told, denied.failure)
		}
	})
}

// TestLostAccountIsNotResumed: the session outlives the account, the user does not.
func TestLostAccountIsNotResumed(t *testing.T) {
	eachWay(t, func(t *testing.T, first *tunnelRun, _ Inner, _ bool) {
		sessions := NewSessions(rand.NewChaCha8([32]byte{}), SessionLimits{})
		first.peer.config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		first.server.config.Sessions = sessions
		first.play(t)
		again := newTunnelRun(t, first.peer.typ, first.peer.config.MinVersion, first.peer.inside)
		again.server.config.TLS, again.peer.config, again.server.config.Sessions = first.server.config.TLS, first.peer.config, sessions
		var err error
		if again.server.config.Directory, err = credential.NewUsers(credential.UsersConfig{}); err != nil {
			t.Fatal(err)
		}
		again.play(t)
		if again.peer.code != eap.Failure || again.failure.Reason != UnknownUser || again.failure.User != "anna" || again.asked != 0 {
			t.Errorf("peer gets %v, server has %v, policy asked %d times", again.peer.code, again.failure, again.asked)
		}
		if sessions.Len() != 0 {
			t.Error("the session is remembered")
		}
	})
}

// TestRecords: what a client says comes in several TLS records, or together with its Finished in TLS 1.3.
func TestRecords(t *testing.T) {
	eachWay(t, func(t *testing.T, r *tunnelRun, inner Inner, _ bool) {
		r.peer.chop = 7
		r.peer.eager = r.peer.typ == eap.TypeTTLS && r.peer.config.MinVersion == tls.VersionTLS13
		r.play(t)
		if r.peer.code != eap.Success || !bytes.Equal(r.peerWas.MSK, r.peer.msk) {
			t.Errorf("peer gets %v, server has %v", r.peer.code, r.failure)
		}
	})
}

// TestTunnelClientCertificate: asked for as a setting, it need not be there, but must be right.
func TestTunnelClientCertificate(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		for _, c := range []struct {
			name  string
			asked bool
			from  string // whose certificate the client has
			chain int
			want  Reason
		}{
			{"not asked for", false, "corp", 0, ""}, {"none", true, "", 0, ""}, {"right", true, "corp", 2, ""}, {"of a foreign CA", true, "foreign", 0, UnknownCA},
		} {
			r := newTunnelRun(t, eap.TypeTTLS, version, pap)
			cas := map[string]*eaptest.CA{"corp": eaptest.NewCA(t, "corp"), "foreign": eaptest.NewCA(t, "foreign")}
			server := eaptest.ServerTLS(cas["corp"])
			r.server.config.TLS, r.server.config.TunnelClientCertificate = func() *tls.Config { return server }, c.asked
			r.peer.config.RootCAs = cas["corp"].Pool()
			r.peer.config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if c.from == "" {
					return &tls.Certificate{}, nil
				}
				cert := cas[c.from].Issue("laptop")
				return &cert, nil
			}
			r.play(t)
			got, chain := Reason(""), 0
			if r.failure != nil {
				got = r.failure.Reason
			} else {
				chain = len(r.peerWas.Chain)
			}
			if got != c.want || chain != c.chain {
				t.Errorf("%s: %v and a chain of %d, want %q and %d", c.name, r.failure, chain, c.want, c.chain)
			}
		}
	})
}

// TestNothingAfterTheIndication: a client that has resumed a session and has been told so has nothing more to prove.
func TestNothingAfterTheIndication(t *testing.T) {
	first := newTunnelRun(t, eap.TypeTTLS, tls.VersionTLS13, pap)
	first.server.config.Sessions = NewSessions(rand.NewChaCha8([32]byte{}), SessionLimits{})
	first.peer.config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	first.play(t)
	again := newTunnelRun(t, eap.TypeTTLS, tls.VersionTLS13, pap)
	again.server.config.TLS, again.peer.config, again.server.config.Sessions = first.server.config.TLS, first.peer.config, first.server.config.Sessions
	again.peer.deaf = true
	again.play(t)
	if again.asked != 1 || again.peer.code != eap.Failure || again.failure.Reason != Protocol {
		t.Errorf("policy asked %d times, peer gets %v, server has %v", again.asked, again.peer.code, again.failure)
	}
}

// TestTTLSRules breaks the rules of RFC 5281 in the tunnel.
func TestTTLSRules(t *testing.T) {
	name := mandatory(0, ttls.UserName, []byte("anna"))
	password := mandatory(0, ttls.UserPassword, []byte("geheim"))
	fixed := func(avps ...ttls.AVP) func(*tunnelPeer, []byte) []byte {
		return func(*tunnelPeer, []byte) []byte { return message(avps...) }
	}
	// wrong makes a proof and changes an octet of the AVP with that code.
	wrong := func(inside func(*tunnelPeer, []byte) []byte, code uint32, at int) func(*tunnelPeer, []byte) []byte {
		return func(p *tunnelPeer, data []byte) []byte {
			avps, err := ttls.Parse(inside(p, data))
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range avps {
				if a.Code == code && a.Code != ttls.UserName {
					a.Data[at] ^= 0x55
				}
			}
			return message(avps...)
		}
	}
	// after says something else from the second time on.
	after := func(inside func(*tunnelPeer, []byte) []byte, other []byte) func(*tunnelPeer, []byte) []byte {
		said := 0
		return func(p *tunnelPeer, data []byte) []byte {
			if said++; said%2 == 0 { // there is a run for each version
				return other
			}
			p.step = 0
			return inside(p, data)
		}
	}
	for _, c := range []struct {
		name   string
		inside func(*tunnelPeer, []byte) []byte
		want   Reason // "" for success
	}{
		{"unknown AVP that is not mandatory", fixed(name, password, ttls.AVP{Vendor: 9, Code: 77, Data: []byte("x")}), ""},
		{"unknown mandatory AVP", fixed(name, password, mandatory(9, 77, []byte("x"))), Protocol},
		{"password without padding", fixed(name, password), ""},
		{"no name", fixed(password), Protocol},
		{"two names", fixed(name, name, password), Protocol},
		{"two passwords", fixed(name, password, password), Protocol},
		{"name alone", fixed(name), Protocol},
		{"two proofs", func(p *tunnelPeer, _ []byte) []byte { return append(pap(p, nil), chap(p, nil)...) }, Protocol},
		{"long name", fixed(mandatory(0, ttls.UserName, make([]byte, 254)), password), Protocol},
		{"garbage", func(*tunnelPeer, []byte) []byte { return []byte("garbage") }, Protocol},
		{"nothing", func(*tunnelPeer, []byte) []byte { return nil }, Protocol},
		{"CHAP with a challenge of its own", wrong(chap, ttls.CHAPChallenge, 0), Protocol},
		{"CHAP with an identifier of its own", wrong(chap, ttls.CHAPPassword, 0), Protocol},
		{"CHAP with a wrong response", wrong(chap, ttls.CHAPPassword, 5), BadCredentials},
		{"MS-CHAP with a challenge of its own", wrong(mschap1, ttls.MSCHAPChallenge, 0), Protocol},
		{"short MS-CHAP-Response", fixed(name, mandatory(ttls.Microsoft, ttls.MSCHAPResponse, make([]byte, 49))), Protocol},
		{"MS-CHAP-V2 with a challenge of its own", wrong(mschap2, ttls.MSCHAPChallenge, 0), Protocol},
		{"MS-CHAP-V2 without a challenge", fixed(name, mandatory(ttls.Microsoft, ttls.MSCHAP2Response, make([]byte, 50))), Protocol},
		{"short EAP", fixed(mandatory(0, ttls.EAPMessage, []byte{2, 1, 0})), Protocol},
		{"EAP request", fixed(mandatory(0, ttls.EAPMessage, []byte{1, 1, 0, 5, 1})), Protocol},
		{"password behind MS-CHAP-V2", after(mschap2, message(name, password)), Protocol},
		{"password within EAP", after(inTTLS(eapMSCHAPv2), message(name, password)), Protocol},
		{"EAP without identity", fixed(mandatory(0, ttls.EAPMessage, []byte{2, 1, 0, 6, 6, 'x'})), Protocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version uint16) {
				r := newTunnelRun(t, eap.TypeTTLS, version, c.inside).play(t)
				got := Reason("")
				if r.failure != nil {
					got = r.failure.Reason
				}
				if got != c.want || (r.peer.code == eap.Success) != (c.want == "") {
					t.Errorf("peer gets %v, server has %v, want %q", r.peer.code, r.failure, c.want)
				}
			})
		})
	}
}
