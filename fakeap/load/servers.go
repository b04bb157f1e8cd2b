package load

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"sync"

	"nacsim/fakeap/eappeer"
)

// servers remembers the server certificates that have been verified. Real clients verify the certificate each on its
// own processor; here one would spend a fifth of its time on finding out the same again. That the server has the key
// is verified in every handshake.
type servers struct {
	mu       sync.Mutex
	verified map[server]bool
}

// server is a chain of certificates, and what it was verified with.
type server struct {
	roots        *x509.CertPool
	any          bool
	name, suffix string
	chain        [sha256.Size]byte
}

// maxServers bounds what is remembered: a server has a few certificates.
const maxServers = 1024

// verify has a connection verified, unless one of the same server has been with the same settings.
func (s *servers) verify(c *eappeer.Config, connection tls.ConnectionState, verify func(tls.ConnectionState) error) error {
	h := sha256.New()
	for _, cert := range connection.PeerCertificates {
		h.Write(cert.Raw)
	}
	id := server{roots: c.RootCAs, any: c.AnyServer, name: c.ServerName, suffix: c.ServerSuffix}
	h.Sum(id.chain[:0])
	s.mu.Lock()
	known := s.verified[id]
	s.mu.Unlock()
	if known {
		return nil
	}
	if err := verify(connection); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verified == nil || len(s.verified) >= maxServers {
		s.verified = map[server]bool{}
	}
	s.verified[id] = true
	return nil
}
