package eappeer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
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

var start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func request(id uint8, typ eap.Type, data string) []byte {
	return eap.Packet{Code: eap.Request, ID: id, Type: typ, Data: []byte(data)}.Append(nil)
}

// conversation is a peer with the server's end of EAP-TLS.
type conversation struct {
	t      *testing.T
	peer   *Peer
	server *eap.TLS
	framer *eap.Framer
	id     uint8
}

func converse(t *testing.T, version uint16) *conversation {
	t.Helper()
	certificate, pool := selfSigned(t)
	cfg := Config{
		Identity: "host/LAPTOP-1", ServerName: "radius.corp.example", RootCAs: pool, Certificate: certificate, MinTLS: version, MaxTLS: version,
	}
	c := &conversation{t: t, framer: eap.NewFramer(1024), id: 1}
	var err error
	if c.peer, err = New(cfg, nil); err != nil {
		t.Fatal(err)
	}
	c.server = eap.NewTLSServer(&tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, Time: func() time.Time { return start }})
	t.Cleanup(func() { c.peer.Close(); c.server.Close() })
	return c
}

// handshake runs EAP-TLS until the server has nothing more to send.
func (c *conversation) handshake() {
	c.t.Helper()
	data := c.framer.Start()
	for range 50 {
		c.id++
		a := c.peer.Receive(start, request(c.id, eap.TypeTLS, string(data)))
		p, err := eap.Parse(a.Response)
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
		if a := c.peer.Receive(start, request(1, eap.TypeIdentity, "")); !bytes.Contains(a.Response, []byte("host/LAPTOP-1")) {
			t.Fatalf("identity response %x", a.Response)
		}
		if a := c.peer.Receive(start, success(1)); a.Outcome != Undecided {
			t.Fatal("believes in EAP-Success before the method")
		}
		c.handshake()
		if version == tls.VersionTLS13 {
			// RFC 9190 section 2.1.1: the handshake alone says nothing about the client's certificate.
			if a := c.peer.Receive(start, success(c.id)); a.Outcome != Undecided {
				t.Fatal("believes in EAP-Success before the protected success indication")
			}
			zero, err := c.server.WriteApp([]byte{0})
			if err != nil {
				t.Fatal(err)
			}
			c.framer.Send(zero)
			data, _ := c.framer.Next()
			c.id++
			c.peer.Receive(start, request(c.id, eap.TypeTLS, string(data)))
		}
		want, _, err := c.server.Keys(eap.TypeTLS)
		if err != nil {
			t.Fatal(err)
		}
		a := c.peer.Receive(start, success(c.id))
		if a.Outcome != Succeeded || !bytes.Equal(a.MSK, want) {
			t.Errorf("%s: %+v, want the server's MSK", tls.VersionName(version), a)
		}
		if a = c.peer.Receive(start, []byte{4, c.id, 0, 4}); a.Outcome != Undecided {
			t.Error("EAP-Failure after the end counts")
		}
	}
}

// RFC 3748 section 4.1: a repeated request gets the response of the first time.
func TestPeerRepeats(t *testing.T) {
	c := converse(t, tls.VersionTLS13)
	identity := request(1, eap.TypeIdentity, "")
	first := c.peer.Receive(start, identity)
	if again := c.peer.Receive(start, identity); !again.Repeated || !bytes.Equal(again.Response, first.Response) {
		t.Errorf("repeated identity request: %+v", again)
	}
	begin := request(2, eap.TypeTLS, "\x20")
	hello := c.peer.Receive(start, begin)
	if again := c.peer.Receive(start, begin); !again.Repeated || !bytes.Equal(again.Response, hello.Response) {
		t.Error("a repeated Start gets another ClientHello")
	}
	if late := c.peer.Receive(start, identity); late.Response != nil {
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
		a := c.peer.Receive(start, tt.request)
		if tt.none {
			if a.Response != nil || a.Outcome != Undecided {
				t.Errorf("%s: %+v, want it discarded", tt.name, a)
			}
			continue
		}
		p, err := eap.Parse(a.Response)
		if err != nil || p.ID != 1 || p.Type != tt.typ || string(p.Data) != tt.data {
			t.Errorf("%s: %v, %v", tt.name, p, err)
		}
	}
}

func TestPeerFailure(t *testing.T) {
	c := converse(t, tls.VersionTLS12)
	if a := c.peer.Receive(start, []byte{4, 1, 0, 4}); a.Outcome != Undecided {
		t.Error("EAP-Failure before any request counts")
	}
	c.peer.Receive(start, request(1, eap.TypeIdentity, ""))
	if a := c.peer.Receive(start, []byte{4, 1, 0, 4}); a.Outcome != Failed || a.Reason != "EAP-Failure" {
		t.Errorf("%+v, want a failure", a)
	}
}

func TestConfigErrors(t *testing.T) {
	tests := []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Identity, c.User = "", "x" }, "identity"},
		{func(c *Config) { c.Identity = strings.Repeat("x", 254) }, "254 octets"},
		{func(c *Config) { c.Anonymous = strings.Repeat("x", 255) }, "255 octets"},
		{func(c *Config) { c.Method = eap.TypeSIM }, "EAP-SIM"},
		{func(c *Config) { c.FragmentSize = 63 }, "fragment size 63"},
		{func(c *Config) { c.FragmentSize = 1399 }, "fragment size 1399"},
		{func(c *Config) { c.MinTLS, c.MaxTLS = tls.VersionTLS13, tls.VersionTLS12 }, "TLS 1.3 is above"},
	}
	for _, tt := range tests {
		c := Config{Identity: "x"}
		tt.change(&c)
		if _, err := New(c, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want one that says %q", err, tt.want)
		}
	}
}
