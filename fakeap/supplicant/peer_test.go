package supplicant

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"nacsim/internal/eap"
)

// selfSigned is a certificate that is its own authority, for both ends.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"radius.corp.example"}, NotBefore: start.Add(-time.Hour), NotAfter: start.Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// conversation is a peer with the server's end of EAP-TLS.
type conversation struct {
	t      *testing.T
	peer   *peer
	server *eap.TLS
	framer *eap.Framer
	id     uint8
}

func converse(t *testing.T, version uint16) *conversation {
	t.Helper()
	certificate, pool := selfSigned(t)
	now := func() time.Time { return start }
	cfg := Config{ServerName: "radius.corp.example", RootCAs: pool, Certificate: certificate, MinTLS: version, MaxTLS: version}
	c := &conversation{t: t, framer: eap.NewFramer(1024), id: 1}
	c.peer = &peer{identity: "host/LAPTOP-1", fragment: 1398, config: func() *tls.Config {
		k := cfg.tlsConfig(now)
		k.Time = now
		return k
	}}
	c.server = eap.NewTLSServer(&tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, Time: now})
	t.Cleanup(func() { c.peer.close(); c.server.Close() })
	return c
}

// handshake runs EAP-TLS until the server has nothing more to send.
func (c *conversation) handshake() {
	c.t.Helper()
	data := c.framer.Start()
	for range 50 {
		c.id++
		a := c.peer.receive(request(c.id, eap.TypeTLS, string(data)))
		p, err := eap.Parse(a.response)
		if err != nil || p.ID != c.id || p.Type != eap.TypeTLS {
			c.t.Fatalf("response %v, %v", p, err)
		}
		message, complete, err := c.framer.Receive(p.Data)
		switch {
		case err != nil:
			c.t.Fatal(err)
		case !complete:
			data = c.framer.Ack()
			continue
		case !c.framer.Pending():
			out, err := c.server.Step(message)
			if err != nil {
				c.t.Fatal(err)
			}
			if len(out) == 0 {
				return
			}
			c.framer.Send(out)
		}
		data, _ = c.framer.Next()
	}
	c.t.Fatal("the handshake does not end")
}

func success(id uint8) []byte { return []byte{3, id, 0, 4} }

func TestPeerSucceeds(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := converse(t, version)
		if a := c.peer.receive(request(1, eap.TypeIdentity, "")); !bytes.Contains(a.response, []byte("host/LAPTOP-1")) {
			t.Fatalf("identity response %x", a.response)
		}
		if a := c.peer.receive(success(1)); a.result != undecided {
			t.Fatal("believes in EAP-Success before the method")
		}
		c.handshake()
		if version == tls.VersionTLS13 {
			// RFC 9190 section 2.1.1: the handshake alone says nothing about the client's certificate.
			if a := c.peer.receive(success(c.id)); a.result != undecided {
				t.Fatal("believes in EAP-Success before the protected success indication")
			}
			zero, err := c.server.WriteApp([]byte{0})
			if err != nil {
				t.Fatal(err)
			}
			c.framer.Send(zero)
			data, _ := c.framer.Next()
			c.id++
			c.peer.receive(request(c.id, eap.TypeTLS, string(data)))
		}
		want, _, err := c.server.Keys(eap.TypeTLS)
		if err != nil {
			t.Fatal(err)
		}
		a := c.peer.receive(success(c.id))
		if a.result != succeeded || !bytes.Equal(a.msk, want) {
			t.Errorf("%s: %+v, want the server's MSK", tls.VersionName(version), a)
		}
		if a = c.peer.receive([]byte{4, c.id, 0, 4}); a.result != undecided {
			t.Error("EAP-Failure after the end counts")
		}
	}
}

// RFC 3748 section 4.1: a repeated request gets the response of the first time.
func TestPeerRepeats(t *testing.T) {
	c := converse(t, tls.VersionTLS13)
	identity := request(1, eap.TypeIdentity, "")
	first := c.peer.receive(identity)
	if again := c.peer.receive(identity); !again.repeated || !bytes.Equal(again.response, first.response) {
		t.Errorf("repeated identity request: %+v", again)
	}
	begin := request(2, eap.TypeTLS, "\x20")
	hello := c.peer.receive(begin)
	if again := c.peer.receive(begin); !again.repeated || !bytes.Equal(again.response, hello.response) {
		t.Error("a repeated Start gets another ClientHello")
	}
	if late := c.peer.receive(identity); late.response != nil {
		t.Error("a late duplicate of the request before is answered")
	}
}

func TestPeerRequests(t *testing.T) {
	tests := []struct {
		name    string
		request []byte
		typ     eap.Type
		data    string
		none    bool
	}{
		{"notification", request(1, eap.TypeNotification, "maintenance tonight"), eap.TypeNotification, "", false},
		{"MD5", request(1, eap.TypeMD5, "\x10"), eap.TypeLegacyNAK, "\x0d", false},
		{"PEAP", request(1, eap.TypePEAP, "\x21"), eap.TypeLegacyNAK, "\x0d", false},
		{"expanded", request(1, eap.TypeExpanded, "\x00\x00\x00\x00\x00\x00\x01"), eap.TypeLegacyNAK, "\x0d", false},
		{"TLS data before Start", request(1, eap.TypeTLS, "\x00x"), 0, "", true},
		{"TLS without flags", request(1, eap.TypeTLS, ""), 0, "", true},
		{"response", []byte{2, 1, 0, 5, 1}, 0, "", true},
		{"short", []byte{1, 1, 0}, 0, "", true},
		{"length beyond the end", []byte{1, 1, 0, 9, 1}, 0, "", true},
	}
	for _, tt := range tests {
		c := converse(t, tls.VersionTLS12)
		a := c.peer.receive(tt.request)
		if tt.none {
			if a.response != nil || a.result != undecided {
				t.Errorf("%s: %+v, want it discarded", tt.name, a)
			}
			continue
		}
		p, err := eap.Parse(a.response)
		if err != nil || p.ID != 1 || p.Type != tt.typ || string(p.Data) != tt.data {
			t.Errorf("%s: %v, %v", tt.name, p, err)
		}
	}
}

func TestPeerFailure(t *testing.T) {
	c := converse(t, tls.VersionTLS12)
	if a := c.peer.receive([]byte{4, 1, 0, 4}); a.result != undecided {
		t.Error("EAP-Failure before any request counts")
	}
	c.peer.receive(request(1, eap.TypeIdentity, ""))
	if a := c.peer.receive([]byte{4, 1, 0, 4}); a.result != failed || a.reason != "EAP-Failure" {
		t.Errorf("%+v, want a failure", a)
	}
}
