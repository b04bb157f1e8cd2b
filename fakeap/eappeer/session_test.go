package eappeer

import (
	"bytes"
	"crypto/tls"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
)

// again is another conversation of the same peer with the same server.
func (s *server) again(config *tls.Config) {
	s.tls.Close()
	s.framer, s.tls, s.err = eap.NewFramer(1024), eap.NewTLSServer(config), nil
}

// RFC 9190 section 2.1.2 and RFC 5077: the second conversation resumes the session of the first if that succeeded, and
// no other does.
func TestResumption(t *testing.T) {
	for _, version := range versions {
		ca := eaptest.NewCA(t, "Contoso Root CA")
		config := eaptest.ServerTLS(ca)
		config.ClientAuth = tls.NoClientCert
		config.SetSessionTicketKeys([][32]byte{{1}})
		s := newServer(t, "ttls-pap", version, func(c *Config) { c.RootCAs, c.Sessions = ca.Pool(), new(Session) })
		run := func(end func(id uint8) []byte, resumed bool) {
			t.Helper()
			s.again(config)
			said := s.start()
			if resumed != (said == nil) {
				t.Errorf("%s: inside the tunnel the peer says %q, resumed %v", tls.VersionName(version), said, resumed)
			}
			if resumed && version == tls.VersionTLS13 {
				s.say([]byte{0})
			}
			a := s.receive(end(s.id))
			if a.Resumed != resumed || a.Outcome == Undecided {
				t.Errorf("%s: %+v, want resumed %v", tls.VersionName(version), a, resumed)
			}
			if a.Outcome == Succeeded && !bytes.Equal(a.MSK, s.keys()) {
				t.Errorf("%s: not the server's MSK", tls.VersionName(version))
			}
		}
		run(failure, false)
		run(success, false) // the session of a refused user is not kept
		run(success, true)
		run(success, true)
		run(failure, true)
		run(success, false) // nor resumed again
		s.peer.SetPassword("changed")
		run(success, false)
		run(success, true)
	}
}

// RFC 5281 section 7.6: a server that has forgotten who the session belonged to asks for the second phase.
func TestResumptionWithSecondPhase(t *testing.T) {
	for _, version := range versions {
		ca := eaptest.NewCA(t, "Contoso Root CA")
		config := eaptest.ServerTLS(ca)
		config.ClientAuth = tls.NoClientCert
		config.SetSessionTicketKeys([][32]byte{{1}})
		s := newServer(t, "ttls-pap", version, func(c *Config) { c.RootCAs, c.Sessions = ca.Pool(), new(Session) })
		for range 2 {
			s.again(config)
			said := s.start()
			if s.tls.State().DidResume {
				said = s.run(s.framer.Ack())
			}
			if !bytes.Contains(said, []byte("clientPass")) {
				t.Fatalf("%s: inside the tunnel the peer says %q", tls.VersionName(version), said)
			}
			if a := s.receive(success(s.id)); a.Outcome != Succeeded {
				t.Errorf("%s: %+v", tls.VersionName(version), a)
			}
		}
	}
}
