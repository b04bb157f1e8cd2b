package eapserver

import (
	"bytes"
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/eap/teap"
	"nacsim/nac/credential"
)

// A teapPeer is a client of TEAP: it answers with passwords, or with EAP-TLS inside.
type teapPeer struct {
	t        testing.TB
	tls      *tls.Config
	server   *tls.Config                 // of the server, if there is one already
	accounts map[teap.Identity][2]string // names and passwords
	inner    *tls.Config                 // EAP-TLS inside
	alter    func(*teap.Message)         // what it says
	raw      []byte                      // or says instead

	framer      *eap.Framer
	engine      *eap.TLS
	serverOuter []byte
	keys        *teap.Keys
	tlsEngine   *eap.TLS
	heard       []teap.Message
	msk         []byte
	code        eap.Code
}

// respond answers a packet, with nil at the end.
func (p *teapPeer) respond(b []byte) []byte {
	p.t.Helper()
	r, err := eap.Parse(b)
	if err != nil {
		p.t.Fatal(err)
	}
	response := eap.Packet{Code: eap.Response, ID: r.ID, Type: r.Type}
	switch {
	case r.Code != eap.Request:
		p.code = r.Code
		p.close()
		return nil
	case r.Type == eap.TypeIdentity:
		response.Data = []byte("anonymous")
	case r.Type != eap.TypeTEAP:
		response.Type, response.Data = eap.TypeLegacyNAK, []byte{byte(eap.TypeTEAP)}
	default:
		response.Data = p.exchange(r.Data)
	}
	return response.Append(nil)
}

func (p *teapPeer) close() {
	if p.engine != nil {
		p.engine.Close()
	}
	if p.tlsEngine != nil {
		p.tlsEngine.Close()
	}
}

// exchange is the outside: fragments and TLS.
func (p *teapPeer) exchange(data []byte) []byte {
	if _, ok := eap.IsStart(data); ok {
		rest, outer, version, err := teap.SplitOuter(data)
		if err != nil || version != teap.Version {
			p.t.Fatalf("start is %x: %v", data, err)
		}
		p.serverOuter, data = outer, rest
		p.framer, p.engine = eap.NewFramer(1000), eap.NewTLSClient(p.tls)
		p.framer.Version = teap.Version
	}
	message, complete, err := p.framer.Receive(data)
	switch {
	case err != nil:
		p.t.Fatal(err)
	case !complete:
		return p.framer.Ack()
	case p.framer.Pending():
		next, _ := p.framer.Next()
		return next
	}
	out, err := p.engine.Step(message)
	if err != nil {
		p.t.Fatal(err)
	}
	if inside := p.engine.AppData(); len(inside) > 0 {
		said := p.raw
		if said == nil {
			said = p.answer(inside).Append(nil)
		}
		if out, err = p.engine.WriteApp(said); err != nil {
			p.t.Fatal(err)
		}
	}
	p.framer.Send(out)
	next, _ := p.framer.Next()
	return next
}

// answer is the inside.
func (p *teapPeer) answer(inside []byte) (a teap.Message) {
	m, err := teap.Decode(inside)
	if err != nil {
		p.t.Fatal(err)
	}
	p.heard = append(p.heard, m)
	if p.keys == nil {
		seed, err := p.engine.TEAPSeed()
		if err == nil {
			p.keys, err = teap.NewKeys(p.engine.State().CipherSuite, seed, p.serverOuter, nil)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	a.Result, a.Intermediate = m.Result, m.Intermediate
	if m.Binding != nil {
		a.Binding = p.bind(m.Binding)
	}
	account, asked := p.accounts[m.Identity], m.Identity
	if account[0] == "" { // as Windows does before a user logs on
		account, asked = p.accounts[teap.Machine], teap.Machine
	}
	switch {
	case m.Ask != nil:
		a.Password, a.Identity = &teap.Password{User: []byte(account[0]), Password: []byte(account[1])}, asked
	case m.EAP != nil:
		a.EAP, a.Identity = p.answerEAP(m.EAP, account[0]), asked
	}
	if p.alter != nil {
		p.alter(&a)
	}
	return a
}

func (p *teapPeer) bind(request *teap.Binding) *teap.Binding {
	msk, emsk := []byte(nil), []byte(nil)
	if p.tlsEngine != nil {
		msk, emsk, _ = p.tlsEngine.Keys(eap.TypeTLS)
		p.tlsEngine.Close()
		p.tlsEngine = nil
	}
	p.keys.Inner(msk, emsk)
	if err := p.keys.Check(request); err != nil {
		p.t.Errorf("peer checks the binding: %v", err)
	}
	b := p.keys.Bind(request.Answer(p.keys.Flags()))
	p.keys.Select(b)
	p.msk, _ = p.keys.Session()
	return b
}

// answerEAP is EAP-TLS inside.
func (p *teapPeer) answerEAP(b []byte, user string) []byte {
	r, err := eap.Parse(b)
	if err != nil {
		p.t.Fatal(err)
	}
	response := eap.Packet{Code: eap.Response, ID: r.ID, Type: r.Type, Data: []byte(user)}
	if r.Type == eap.TypeTLS {
		if _, ok := eap.IsStart(r.Data); ok {
			p.tlsEngine = eap.NewTLSClient(p.inner)
		}
		out, _ := p.tlsEngine.Step(r.Data[1:]) // fragments inside are as long as it takes
		response.Data = append([]byte{0}, out...)
	}
	return response.Append(nil)
}

// teapRun plays TEAP.
func teapRun(t testing.TB, ca *eaptest.CA, ways TEAP, peer *teapPeer) *run {
	t.Helper()
	users, err := credential.NewUsers(credential.UsersConfig{Users: []credential.User{
		{Name: "anna", Password: "password", Groups: []string{"staff"}}, {Name: "host/laptop", Password: "machine"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := peer.server
	if server == nil {
		server = eaptest.ServerTLS(ca)
	}
	r := &run{now: eaptest.Now}
	r.server = New(Config{TLS: func() *tls.Config { return server }, FramedMTU: 3000, Fragment: 2900, Methods: []eap.Type{eap.TypeTEAP}, TEAP: ways,
		Directory: users})
	if err := r.server.config.Check(); err != nil {
		t.Fatal(err)
	}
	peer.t, peer.tls = t, eaptest.ClientTLS(ca, tls.VersionTLS12)
	t.Cleanup(r.server.Close)
	t.Cleanup(peer.close)
	return r
}

func (r *run) playTEAP(t testing.TB, peer *teapPeer) {
	t.Helper()
	response := r.server.Start().EAP
	for response = peer.respond(response); response != nil; {
		result := r.server.Handle(r.now, response)
		if result.Kind == Waiting {
			result.Wait(func() {})
			result = r.server.Resume(r.now)
		}
		if result.Kind == Authenticated {
			r.asked++
			result = r.server.Authorize(!r.refuse)
		}
		switch result.Kind {
		case Ignored, Waiting, Authenticated:
			t.Fatalf("server gives %v (%s)", result.Kind, result.Why)
		case Success:
			r.peerWas = result.Peer
		case Failed:
			r.failure = result.Failure
		}
		response = peer.respond(result.EAP)
	}
}

var teapAccounts = map[teap.Identity][2]string{teap.Any: {"anna", "password"}, teap.User: {"anna", "password"}, teap.Machine: {"host/laptop", "machine"}}

func TestTEAP(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	both := []teap.Identity{teap.Machine, teap.User}
	onlyMachine := map[teap.Identity][2]string{teap.Machine: teapAccounts[teap.Machine]}
	for _, c := range []struct {
		name          string
		ways          TEAP
		accounts      map[teap.Identity][2]string
		inner         uint16 // TLS version of EAP-TLS inside
		user, machine string
		how           Inner
		leaf          string
	}{
		{"password", TEAP{Inner: []Inner{Password}}, teapAccounts, 0, "anna", "", Password, ""},
		{"machine's password", TEAP{Inner: []Inner{Password}, Identities: both[:1]}, teapAccounts, 0, "host/laptop", "host/laptop", Password, ""},
		{"both passwords", TEAP{Inner: []Inner{Password}, Identities: both}, teapAccounts, 0, "anna", "host/laptop", Password, ""},
		{"no user yet", TEAP{Inner: []Inner{Password}, Identities: both, MachineOnly: true}, onlyMachine, 0, "host/laptop", "host/laptop", Password, ""},
		{"certificate, TLS 1.2", TEAP{Inner: []Inner{EAPTLS}}, teapAccounts, tls.VersionTLS12, "", "", EAPTLS, "laptop"},
		{"certificate, TLS 1.3", TEAP{Inner: []Inner{EAPTLS}}, teapAccounts, tls.VersionTLS13, "", "", EAPTLS, "laptop"},
		{"both certificates", TEAP{Inner: []Inner{EAPTLS}, Identities: both}, teapAccounts, tls.VersionTLS13, "", "", EAPTLS, "laptop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := &teapPeer{accounts: c.accounts, inner: eaptest.ClientTLS(ca, c.inner, ca.Issue("laptop"))}
			r := teapRun(t, ca, c.ways, peer)
			r.playTEAP(t, peer)
			if peer.code != eap.Success || r.asked != 1 {
				t.Fatalf("peer gets %v, server has %v, policy asked %d times", peer.code, r.failure, r.asked)
			}
			p := r.peerWas
			if !bytes.Equal(p.MSK, peer.msk) || len(p.MSK) != eap.KeyLen {
				t.Errorf("server has MSK %x, peer %x", p.MSK, peer.msk)
			}
			if p.Method != eap.TypeTEAP || p.User != c.user || p.Machine != c.machine || p.Inner != string(c.how) || p.Resumed {
				t.Errorf("peer is %q, machine %q, by %v %s", p.User, p.Machine, p.Method, p.Inner)
			}
			if c.leaf != "" && (len(p.Chain) == 0 || p.Chain[0].Subject.CommonName != c.leaf) || c.leaf == "" && len(p.Chain) > 0 {
				t.Errorf("chain is %v", p.Chain)
			}
			if slices.Contains(c.ways.Identities, teap.Machine) && c.leaf != "" && len(p.MachineChain) == 0 {
				t.Error("the machine has no chain")
			}
			if c.user == "anna" && !slices.Equal(p.Groups, []string{"staff"}) {
				t.Errorf("groups are %v", p.Groups)
			}
		})
	}
}

// TestTEAPRefusals: the client learns of each in the tunnel, and then by EAP-Failure.
func TestTEAPRefusals(t *testing.T) {
	ca, foreign := eaptest.NewCA(t, "corp"), eaptest.NewCA(t, "foreign")
	password, both := []Inner{Password}, []teap.Identity{teap.Machine, teap.User}
	with := func(name, password string) map[teap.Identity][2]string {
		return map[teap.Identity][2]string{teap.Any: {name, password}, teap.Machine: {name, password}}
	}
	for _, c := range []struct {
		name     string
		ways     TEAP
		accounts map[teap.Identity][2]string
		refuse   bool
		alter    func(*teap.Message)
		reason   Reason
		code     uint32
	}{
		{"wrong password", TEAP{Inner: password}, with("anna", "wrong"), false, nil, BadCredentials, teap.ErrorUserPassword},
		{"unknown user", TEAP{Inner: password}, with("nobody", "x"), false, nil, UnknownUser, teap.ErrorUserPassword},
		{"machine's wrong password", TEAP{Inner: password, Identities: both}, with("host/laptop", "x"), false, nil, BadCredentials, teap.ErrorMachinePassword},
		{"no user", TEAP{Inner: password, Identities: both}, map[teap.Identity][2]string{teap.Machine: teapAccounts[teap.Machine]}, false, nil,
			InnerMethod, teap.InnerMethodError},
		{"policy", TEAP{Inner: password}, teapAccounts, true, nil, Denied, 0},
		{"foreign certificate", TEAP{Inner: []Inner{EAPTLS}}, teapAccounts, false, nil, UnknownCA, 0},
		{"no binding", TEAP{Inner: password}, teapAccounts, false, func(m *teap.Message) { m.Binding = nil }, Protocol, teap.UnexpectedTLVs},
		{"wrong binding", TEAP{Inner: password}, teapAccounts, false, func(m *teap.Message) {
			if m.Binding != nil {
				m.Binding.Nonce[0]++
			}
		}, Protocol, teap.TunnelCompromise},
		{"gives up", TEAP{Inner: password}, teapAccounts, false, func(m *teap.Message) { m.Result = teap.Failure }, InnerMethod, 0},
		{"says nothing", TEAP{Inner: password}, teapAccounts, false, func(m *teap.Message) { *m = teap.Message{Action: []byte{1}} }, Protocol, teap.UnexpectedTLVs},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := eaptest.ClientTLS(ca, tls.VersionTLS12)
			cert := foreign.Issue("laptop")
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
			peer := &teapPeer{accounts: c.accounts, alter: c.alter, inner: config}
			r := teapRun(t, ca, c.ways, peer)
			r.refuse = c.refuse
			r.playTEAP(t, peer)
			if peer.code != eap.Failure || r.failure == nil || r.failure.Reason != c.reason {
				t.Fatalf("peer gets %v, server has %v, want %v", peer.code, r.failure, c.reason)
			}
			if r.failure.Reason == UnknownCA {
				return // the alert inside has told it
			}
			if last := peer.heard[len(peer.heard)-1]; last.Result != teap.Failure || last.Error != c.code {
				t.Errorf("peer hears %+v", last)
			}
		})
	}
}

func TestTEAPMistakes(t *testing.T) {
	for _, c := range []struct {
		ways TEAP
		want string
	}{
		{TEAP{Inner: []Inner{Password, EAPTLS}}, `"password" cannot be used beside others`},
		{TEAP{Inner: []Inner{PAP}}, `"pap" cannot be used inside`},
		{TEAP{Identities: []teap.Identity{teap.User, teap.User}}, "want machine, user or both"},
		{TEAP{Identities: []teap.Identity{3}}, "want machine or user"},
	} {
		config := Config{TEAP: c.ways}
		if err := config.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.ways, err, c.want)
		}
	}
	if err := (&Config{Methods: []eap.Type{eap.TypeTEAP}}).Check(); err == nil {
		t.Error("passwords are asked for without a directory")
	}
	if err := (&Config{Methods: []eap.Type{eap.TypeTEAP}, TEAP: TEAP{Inner: []Inner{EAPTLS}}}).Check(); err != nil {
		t.Errorf("certificates alone: %v", err)
	}
}

// TestTEAPVersion: version 1 is the only one.
func TestTEAPVersion(t *testing.T) {
	ca, peer := eaptest.NewCA(t, "corp"), &teapPeer{}
	for _, first := range []string{"\x00\x16", "\x02\x16", "\x11", "\x11\x00\x00\x00\x09"} {
		r := teapRun(t, ca, TEAP{Inner: []Inner{Password}}, peer)
		r.server.Start()
		start := r.server.Handle(r.now, eap.Packet{Code: eap.Response, ID: 1, Type: eap.TypeIdentity}.Append(nil))
		request, err := eap.Parse(start.EAP)
		if err != nil || request.Type != eap.TypeTEAP {
			t.Fatalf("server begins with %v, %v", request, err)
		}
		result := r.server.Handle(r.now, eap.Packet{Code: eap.Response, ID: request.ID, Type: eap.TypeTEAP, Data: []byte(first)}.Append(nil))
		if result.Kind != Failed || result.Failure.Reason != Protocol {
			t.Errorf("%x: server gives %v, %v", first, result.Kind, result.Failure)
		}
	}
}

// FuzzTEAPInside has an arbitrary client inside the tunnel: it fails, or is asked again, and never gets in.
func FuzzTEAPInside(f *testing.F) {
	for _, m := range []teap.Message{
		{}, {Result: teap.Success}, {Intermediate: teap.Success, Binding: &teap.Binding{}}, {Password: &teap.Password{User: []byte("anna")}},
		{EAP: eap.Packet{Code: eap.Response, Type: eap.TypeIdentity, Data: []byte("anna")}.Append(nil), Identity: teap.User},
		{EAP: eap.Packet{Code: eap.Response, Type: eap.TypeLegacyNAK, Data: []byte{26}}.Append(nil)}, {Refused: teap.EAPPayload},
	} {
		f.Add(append(m.Append(nil), 0x80, 0x63, 0, 0), false)
		f.Add(m.Append(nil), true)
	}
	ca := eaptest.NewCA(f, "corp")
	server := eaptest.ServerTLS(ca)
	f.Fuzz(func(t *testing.T, said []byte, password bool) {
		ways := TEAP{}
		if password {
			ways.Inner = []Inner{Password}
		}
		if len(said) == 0 || len(said) > 2000 {
			return
		}
		peer := &teapPeer{raw: said, server: server}
		r := teapRun(t, ca, ways, peer)
		r.playTEAP(t, peer)
		if peer.code != eap.Failure {
			t.Errorf("peer gets %v for %x", peer.code, said)
		}
	})
}
