package eappeer

import (
	"crypto/tls"
	"math/rand/v2"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/eap/teap"
)

func request(id uint8, typ eap.Type, data string) []byte {
	return eap.Packet{Code: eap.Request, ID: id, Type: typ, Data: []byte(data)}.Append(nil)
}

func success(id uint8) []byte { return []byte{3, id, 0, 4} }

func failure(id uint8) []byte { return []byte{4, id, 0, 4} }

// server is the server's end of a method over TLS, with the peer it talks to. What is said inside the tunnel is the
// test's.
type server struct {
	t      testing.TB
	peer   *Peer
	tls    *eap.TLS
	framer *eap.Framer
	id     uint8
	answer Answer     // the last one
	packet eap.Packet // its response
	err    error      // of TLS
}

// newServer returns a server of radius.corp.example and a peer that trusts it.
func newServer(t testing.TB, method string, version uint16, change ...func(*Config)) *server {
	t.Helper()
	ca := eaptest.NewCA(t, "Contoso Root CA")
	cfg := Config{
		Identity: "alice", Password: "clientPass", ServerName: "radius.corp.example", RootCAs: ca.Pool(),
		Certificate: ca.Issue("LAPTOP-1"), MinTLS: version, MaxTLS: version, Rand: rand.NewChaCha8([32]byte{}),
	}
	var err error
	if cfg.Method, cfg.Inner, err = ParseMethod(method); err != nil {
		t.Fatal(err)
	}
	if cfg.Method == eap.TypeTEAP {
		cfg.MinTLS = tls.VersionTLS12
	}
	for _, f := range change {
		f(&cfg)
	}
	s := &server{t: t, framer: eap.NewFramer(1024), id: 1}
	if s.peer, err = New(cfg, nil); err != nil {
		t.Fatal(err)
	}
	config := eaptest.ServerTLS(ca)
	config.ClientAuth = tls.RequestClientCert
	if version == tls.VersionTLS12 {
		// The client's Finished is then the last but one message, as it is with most servers.
		config.SessionTicketsDisabled = true
	}
	s.tls = eap.NewTLSServer(config)
	t.Cleanup(func() { s.peer.Close(); s.tls.Close() })
	return s
}

func (s *server) receive(packet []byte) Answer {
	s.answer = s.peer.Receive(eaptest.Now, packet)
	return s.answer
}

// run sends data, and what TLS and its fragments have to say after it, and returns what the peer says inside the
// tunnel, or nil when it says nothing.
func (s *server) run(data []byte) []byte {
	s.t.Helper()
	for range 200 {
		s.id++
		if s.receive(request(s.id, s.peer.cfg.Method, string(data))); s.answer.Response == nil {
			return nil
		}
		var err error
		if s.packet, err = eap.Parse(s.answer.Response); err != nil || s.packet.ID != s.id || s.packet.Type != s.peer.cfg.Method {
			s.t.Fatalf("response %v, %v", s.packet, err)
		}
		message, complete, err := s.framer.Receive(s.packet.Data)
		switch {
		case err != nil:
			s.t.Fatal(err)
		case !complete:
			data = s.framer.Ack()
			continue
		case s.framer.Pending():
			data, _ = s.framer.Next()
			continue
		case len(message) == 0:
			return nil
		}
		var out []byte
		out, s.err = s.tls.Step(message)
		if said := s.tls.AppData(); len(said) > 0 {
			return said
		}
		if len(out) == 0 {
			return nil
		}
		s.framer.Send(out)
		data, _ = s.framer.Next()
	}
	s.t.Fatal("the exchange does not end")
	return nil
}

// start runs the handshake. The peer's first words inside a tunnel come with its end.
func (s *server) start() []byte {
	s.t.Helper()
	s.receive(request(1, eap.TypeIdentity, ""))
	begin := s.framer.Start()
	if s.peer.cfg.Method == eap.TypeTEAP {
		begin = teap.Start(outerTLVs)
	}
	said := s.run(begin)
	if s.err != nil {
		s.t.Fatal(s.err)
	}
	if said == nil && s.peer.cfg.Method == eap.TypeTTLS && s.answer.Response != nil && !s.tls.State().DidResume {
		return s.run(s.framer.Ack()) // TLS 1.3: the server has nothing to say to the client's Finished
	}
	return said
}

// say says something inside the tunnel and returns the answer.
func (s *server) say(app []byte) []byte {
	s.t.Helper()
	out, err := s.tls.WriteApp(app)
	if err != nil {
		s.t.Fatal(err)
	}
	s.framer.Send(out)
	data, _ := s.framer.Next()
	return s.run(data)
}

// keys are the server's.
func (s *server) keys() []byte {
	s.t.Helper()
	msk, _, err := s.tls.Keys(s.peer.cfg.Method)
	if err != nil {
		s.t.Fatal(err)
	}
	return msk
}

// outerTLVs are those of the server of TEAP.
var outerTLVs = teap.Outer([]byte("nac"))

// versions of TLS.
var versions = []uint16{tls.VersionTLS12, tls.VersionTLS13}
