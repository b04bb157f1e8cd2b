package interop

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"testing"

	"nacsim/fakeap/eappeer"
	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/eap/teap"
	"nacsim/nac/credential"
	"nacsim/nac/eapserver"
)

// served are the methods that the NAC's EAP server offers.
var served = []string{
	"tls", "ttls-pap", "ttls-chap", "ttls-mschap", "ttls-mschapv2", "ttls-eap-mschapv2", "ttls-eap-gtc", "ttls-eap-md5",
	"peap-mschapv2", "peap-gtc", "teap-mschapv2", "teap-gtc", "teap-tls", "teap-password",
}

// authenticate lets peer and server talk until both know the outcome.
func authenticate(t *testing.T, server eapserver.Config, peer *eappeer.Peer) (eapserver.Result, eappeer.Answer) {
	t.Helper()
	c := eapserver.New(server)
	defer c.Close()
	r := c.Start()
	for range 100 {
		switch r.Kind {
		case eapserver.Authenticated:
			r = c.Authorize(true)
			continue
		case eapserver.Waiting:
			r.Wait(func() {})
			r = c.Resume(eaptest.Now)
			continue
		case eapserver.Ignored:
			t.Fatalf("the server ignores a response: %s", r.Why)
		}
		a := peer.Receive(eaptest.Now, r.EAP)
		if a.Outcome != eappeer.Undecided || r.Kind != eapserver.Challenge {
			return r, a
		}
		if a.Response == nil {
			t.Fatalf("the peer has nothing to say to %x", r.EAP)
		}
		r = c.Handle(eaptest.Now, a.Response)
	}
	t.Fatal("the conversation does not end")
	return r, eappeer.Answer{}
}

// ours are a NAC's EAP server and a peer of a user who is known to it.
func ours(t *testing.T, method string, version uint16, fragment int) (eapserver.Config, eappeer.Config) {
	t.Helper()
	ca := eaptest.NewCA(t, "Contoso Root CA")
	users, err := credential.NewUsers(credential.UsersConfig{Users: []credential.User{{Name: user, Password: password}}})
	if err != nil {
		t.Fatal(err)
	}
	config := eaptest.ServerTLS(ca)
	server := eapserver.Config{
		TLS: func() *tls.Config { return config }, Methods: []eap.Type{eap.TypeTLS, eap.TypeTTLS, eap.TypePEAP, eap.TypeTEAP},
		Sessions: eapserver.NewSessions(rand.Reader, eapserver.SessionLimits{}), Directory: users, Rand: rand.Reader,
	}
	peer := eappeer.Config{
		Identity: user, Password: password, Anonymous: "@corp.example", RootCAs: ca.Pool(), ServerName: "radius.corp.example",
		Certificate: ca.Issue("LAPTOP-1"), MinTLS: version, MaxTLS: version, FragmentSize: fragment, Rand: rand.Reader, Sessions: new(eappeer.Session),
	}
	if peer.Method, peer.Inner, err = eappeer.ParseMethod(method); err != nil {
		t.Fatal(err)
	}
	if peer.Method == eap.TypeTEAP {
		peer.MinTLS = tls.VersionTLS12
	}
	server.TEAP.Inner = []eapserver.Inner{eapserver.EAPTLS, eapserver.EAPMSCHAPv2, eapserver.EAPGTC}
	if peer.Inner == eappeer.Password {
		server.TEAP.Inner = []eapserver.Inner{eapserver.Password}
	}
	return server, peer
}

// TestMethods plays each method between the NAC's EAP server and the supplicant's peer, twice, so that the second time
// the TLS session is resumed.
func TestMethods(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, method := range served {
			for _, fragment := range []int{64, 1398} {
				server, config := ours(t, method, version, fragment)
				peer, err := eappeer.New(config, nil)
				if err != nil {
					t.Fatal(err)
				}
				for n := range 3 {
					r, a := authenticate(t, server, peer)
					if r.Kind != eapserver.Success || a.Outcome != eappeer.Succeeded {
						t.Errorf("%s, %s: server %v %v, peer %+v", method, tls.VersionName(version), r.Kind, r.Failure, a)
						break
					}
					if !bytes.Equal(r.Peer.MSK, a.MSK) || r.Peer.Resumed != a.Resumed || a.Resumed != (n > 0 && a.Method != eap.TypeTEAP) {
						t.Errorf("%s, %s, authentication %d: keys equal %v, resumed %v and %v", method, tls.VersionName(version), n+1,
							bytes.Equal(r.Peer.MSK, a.MSK), r.Peer.Resumed, a.Resumed)
					}
				}
				peer.SetPassword("wrong")
				if method == "tls" || method == "teap-tls" {
					peer.SetCertificate(tls.Certificate{})
				}
				if r, a := authenticate(t, server, peer); r.Kind != eapserver.Failed || a.Outcome != eappeer.Failed {
					t.Errorf("%s, %s, refused: server %v, peer %+v", method, tls.VersionName(version), r.Kind, a)
				}
				peer.Close()
			}
		}
	}
}

// TestTEAPChains authenticates the machine and the user in one conversation, and each alone.
func TestTEAPChains(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(s *eapserver.Config, p *eappeer.Config)
		user    string
		machine bool
		refused bool
	}{
		{name: "machine and user", user: user, machine: true},
		{name: "no user", change: func(s *eapserver.Config, p *eappeer.Config) { p.NoUser, s.TEAP.MachineOnly = true, true }, machine: true},
		{name: "no user where one must be", change: func(_ *eapserver.Config, p *eappeer.Config) { p.NoUser = true }, refused: true},
		{name: "no machine", change: func(_ *eapserver.Config, p *eappeer.Config) { p.Machine = nil }, refused: true},
		{name: "user alone", change: func(s *eapserver.Config, _ *eappeer.Config) { s.TEAP.Identities = []teap.Identity{teap.User} }, user: user},
		{name: "whoever there is", change: func(s *eapserver.Config, _ *eappeer.Config) { s.TEAP.Identities = nil }, user: user},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, config := ours(t, "teap-mschapv2", tls.VersionTLS12, 0)
			server.TEAP.Identities = []teap.Identity{teap.Machine, teap.User}
			config.Machine = &eappeer.Machine{Identity: "host/laptop-1", Certificate: config.Certificate}
			if tt.change != nil {
				tt.change(&server, &config)
			}
			peer, err := eappeer.New(config, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			r, a := authenticate(t, server, peer)
			if tt.refused {
				if r.Kind != eapserver.Failed || a.Outcome != eappeer.Failed {
					t.Errorf("server %v, peer %+v; want a refusal", r.Kind, a)
				}
				return
			}
			if r.Kind != eapserver.Success || a.Outcome != eappeer.Succeeded || !bytes.Equal(r.Peer.MSK, a.MSK) {
				t.Fatalf("server %v %v, peer %+v", r.Kind, r.Failure, a)
			}
			if machine := len(r.Peer.MachineChain) > 0; r.Peer.User != tt.user || machine != tt.machine {
				t.Errorf("authenticated are user %q and machine %v, want %q and %v", r.Peer.User, machine, tt.user, tt.machine)
			}
		})
	}
}

// TestPEAPBinds plays PEAP's Crypto-Binding, in full and resumed: the keys of both ends are the bound ones.
func TestPEAPBinds(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, method := range []string{"peap-mschapv2", "peap-gtc"} {
			for _, tt := range []struct {
				server  bool
				peer    eappeer.CryptoBinding
				refused bool
			}{
				{true, eappeer.NoBinding, false}, {true, eappeer.AnswerBinding, false}, {true, eappeer.RequireBinding, false},
				{false, eappeer.AnswerBinding, false}, {false, eappeer.RequireBinding, true},
			} {
				server, config := ours(t, method, version, 0)
				server.CryptoBinding, config.CryptoBinding = tt.server, tt.peer
				peer, err := eappeer.New(config, nil)
				if err != nil {
					t.Fatal(err)
				}
				for n := range 2 {
					r, a := authenticate(t, server, peer)
					if tt.refused != (a.Outcome == eappeer.Failed) || !tt.refused && (!bytes.Equal(r.Peer.MSK, a.MSK) || a.Resumed != (n > 0)) {
						t.Errorf("%s, %s, %+v, authentication %d: server %v %v, peer %+v", method, tls.VersionName(version), tt, n+1, r.Kind, r.Failure, a)
					}
				}
				peer.Close()
			}
		}
	}
}
