package eappeer

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
)

func TestPeerSucceeds(t *testing.T) {
	for _, version := range versions {
		s := newServer(t, "tls", version)
		if a := s.receive(request(1, eap.TypeIdentity, "")); !bytes.HasSuffix(a.Response, []byte("alice")) {
			t.Fatalf("identity response %x", a.Response)
		}
		if a := s.receive(success(1)); a.Outcome != Undecided {
			t.Fatal("believes in EAP-Success before the method")
		}
		s.start()
		if version == tls.VersionTLS13 {
			// RFC 9190 section 2.1.1: the handshake alone says nothing about the client's certificate.
			if a := s.receive(success(s.id)); a.Outcome != Undecided {
				t.Fatal("believes in EAP-Success before the protected success indication")
			}
			s.say([]byte{0})
		}
		a := s.receive(success(s.id))
		if a.Outcome != Succeeded || !bytes.Equal(a.MSK, s.keys()) || a.Method != eap.TypeTLS || a.TLS != version || a.Resumed {
			t.Errorf("%s: %+v, want the server's MSK", tls.VersionName(version), a)
		}
		if a = s.receive(failure(s.id)); a.Outcome != Undecided {
			t.Error("EAP-Failure after the end counts")
		}
	}
}

// RFC 3748 section 4.1: a repeated request gets the response of the first time.
func TestPeerRepeats(t *testing.T) {
	s := newServer(t, "tls", tls.VersionTLS13)
	identity := request(1, eap.TypeIdentity, "")
	first := s.receive(identity)
	if again := s.receive(identity); !again.Repeated || !bytes.Equal(again.Response, first.Response) {
		t.Errorf("repeated identity request: %+v", again)
	}
	begin := request(2, eap.TypeTLS, "\x20")
	hello := s.receive(begin)
	if again := s.receive(begin); !again.Repeated || !bytes.Equal(again.Response, hello.Response) {
		t.Error("a repeated Start gets another ClientHello")
	}
	if late := s.receive(identity); late.Response != nil {
		t.Error("a late duplicate of the request before is answered")
	}
}

func TestPeerRequests(t *testing.T) {
	expanded := func(c *Config) { c.ExpandedNAK = true }
	plain := func(*Config) {}
	tests := []struct {
		name    string
		config  func(*Config)
		request []byte
		typ     eap.Type
		data    string
		none    bool
	}{
		{"notification", plain, request(1, eap.TypeNotification, "maintenance tonight"), eap.TypeNotification, "", false},
		{"MD5", plain, request(1, eap.TypeMD5, "\x10"), eap.TypeLegacyNAK, "\x0d", false},
		{"PEAP", plain, request(1, eap.TypePEAP, "\x21"), eap.TypeLegacyNAK, "\x0d", false},
		{"expanded", plain, request(1, eap.TypeExpanded, "\x00\x00\x00\x00\x00\x00\x01"), eap.TypeLegacyNAK, "\x0d", false},
		{"expanded, expanded NAK", expanded, request(1, eap.TypeExpanded, "\x00\x37\x2a\x00\x00\x00\x01"), eap.TypeExpanded,
			"\x00\x00\x00\x00\x00\x00\x03" + "\xfe\x00\x00\x00\x00\x00\x00\x0d", false},
		{"MD5, expanded NAK", expanded, request(1, eap.TypeMD5, "\x10"), eap.TypeLegacyNAK, "\x0d", false},
		{"TLS data before Start", plain, request(1, eap.TypeTLS, "\x00x"), 0, "", true},
		{"TLS without flags", plain, request(1, eap.TypeTLS, ""), 0, "", true},
		{"response", plain, []byte{2, 1, 0, 5, 1}, 0, "", true},
		{"short", plain, []byte{1, 1, 0}, 0, "", true},
		{"length beyond the end", plain, []byte{1, 1, 0, 9, 1}, 0, "", true},
	}
	for _, tt := range tests {
		s := newServer(t, "tls", tls.VersionTLS12, tt.config)
		a := s.receive(tt.request)
		if tt.none {
			if a.Response != nil || a.Outcome != Undecided {
				t.Errorf("%s: %+v, want it discarded", tt.name, a)
			}
			continue
		}
		p, err := eap.Parse(a.Response)
		if err != nil || p.ID != 1 || p.Type != tt.typ || string(p.Data) != tt.data {
			t.Errorf("%s: %v, %x, %v", tt.name, p, p.Data, err)
		}
	}
}

// RFC 3748 section 2.1: no other method once one has begun, until the server asks for the identity again.
func TestPeerKeepsToItsMethod(t *testing.T) {
	s := newServer(t, "tls", tls.VersionTLS12)
	s.receive(request(2, eap.TypeTLS, "\x20"))
	if a := s.receive(request(3, eap.TypeMD5, "\x01x")); a.Response != nil {
		t.Errorf("another method in the middle is answered by %x", a.Response)
	}
	s.receive(request(4, eap.TypeIdentity, ""))
	if a := s.receive(request(5, eap.TypeMD5, "\x01x")); a.Response == nil || a.Response[4] != byte(eap.TypeLegacyNAK) {
		t.Errorf("another method in a new conversation is answered by %x, want NAK", a.Response)
	}
}

func TestPeerFailure(t *testing.T) {
	s := newServer(t, "tls", tls.VersionTLS12)
	if a := s.receive(failure(1)); a.Outcome != Undecided {
		t.Error("EAP-Failure before any request counts")
	}
	s.receive(request(1, eap.TypeIdentity, ""))
	if a := s.receive(failure(1)); a.Outcome != Failed || a.Reason != "EAP-Failure" {
		t.Errorf("%+v, want a failure", a)
	}
}

// RFC 7542 section 2.4: the outer identity says the realm and no more.
func TestAnonymousIdentity(t *testing.T) {
	s := newServer(t, "ttls-pap", tls.VersionTLS13, func(c *Config) { c.Anonymous, c.User = "@corp.example", "alice@corp.example" })
	if a := s.receive(request(1, eap.TypeIdentity, "")); !bytes.HasSuffix(a.Response, []byte("\x01@corp.example")) {
		t.Errorf("identity response %q", a.Response)
	}
	if said := s.start(); !bytes.Contains(said, []byte("alice@corp.example")) {
		t.Errorf("inside the tunnel: %q", said)
	}
}

func TestServerNotBelieved(t *testing.T) {
	another := func(c *Config) { c.RootCAs = eaptest.NewCA(t, "Foreign Root CA").Pool() }
	tests := []struct {
		name   string
		change func(*Config)
		reason string
		alert  eap.Alert
	}{
		{"CA", another, "certificate signed by unknown authority", eap.AlertUnknownCA},
		{"no CA", func(c *Config) { c.RootCAs = nil }, "certificate signed by unknown authority", eap.AlertUnknownCA},
		{"name", func(c *Config) { c.ServerName = "radius.evil.example" }, "not radius.evil.example", eap.AlertCertificateUnknown},
		{"domain", func(c *Config) { c.ServerName, c.ServerSuffix = "", "evil.example" }, "not evil.example", eap.AlertCertificateUnknown},
		{"part of a label", func(c *Config) { c.ServerName, c.ServerSuffix = "", "rp.example" }, "not rp.example", eap.AlertCertificateUnknown},
		{"name, as wpa_supplicant", func(c *Config) { c.ServerName, c.Profile = "radius.evil.example", "wpa_supplicant" }, "not radius.evil.example", eap.AlertInternalError},
	}
	for _, version := range versions {
		for _, tt := range tests {
			s := newServer(t, "ttls-pap", version, tt.change)
			said := s.run(s.framer.Start())
			if alert, _ := eap.RemoteAlert(s.err); said != nil || alert != tt.alert {
				t.Errorf("%s, %s: the server is told %v (%v), want %v", tls.VersionName(version), tt.name, alert, s.err, tt.alert)
			}
			if a := s.receive(failure(s.id)); a.Outcome != Failed || !strings.Contains(a.Reason, tt.reason) {
				t.Errorf("%s, %s: reason %q, want %q", tls.VersionName(version), tt.name, a.Reason, tt.reason)
			}
		}
	}
}

func TestServerNames(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"any":          func(c *Config) { c.ServerName = "" },
		"domain":       func(c *Config) { c.ServerName, c.ServerSuffix = "", "Corp.example" },
		"whole domain": func(c *Config) { c.ServerName, c.ServerSuffix = "", "radius.corp.example" },
	} {
		s := newServer(t, "tls", tls.VersionTLS12, change)
		s.start()
		if a := s.receive(success(s.id)); a.Outcome != Succeeded {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// A supplicant that asks its user about the certificate leaves the server without an answer.
func TestStopAnswering(t *testing.T) {
	s := newServer(t, "ttls-pap", tls.VersionTLS13, func(c *Config) {
		c.RootCAs, c.BadServer = x509.NewCertPool(), StopAnswering
	})
	s.run(s.framer.Start())
	if s.answer.Response != nil || s.answer.Outcome != Undecided || !strings.Contains(s.peer.Reason(), "unknown authority") {
		t.Errorf("%+v, reason %q: want silence", s.answer, s.peer.Reason())
	}
	if again := s.receive(request(s.id, eap.TypeTTLS, "\x00")); again.Response != nil {
		t.Error("answers after all")
	}
}

func TestLengths(t *testing.T) {
	for _, tt := range []struct {
		lengths Lengths
		want    string // flags of a message in one piece, of the first fragment, and of one in the middle
	}{
		{OnFirstOfSeveral, "00 c0 40"}, {OnFirst, "80 c0 40"}, {OnAll, "80 c0 c0"},
	} {
		flags := func(fragment int) (all []byte) {
			s := newServer(t, "tls", tls.VersionTLS12, func(c *Config) { c.Lengths, c.FragmentSize = tt.lengths, fragment })
			data := s.framer.Start()
			for range 3 {
				s.id++
				a := s.receive(request(s.id, eap.TypeTLS, string(data)))
				all = append(all, a.Response[5])
				data = s.framer.Ack()
			}
			return all
		}
		several := flags(64)
		if got := fmt.Sprintf("%02x %02x %02x", flags(1398)[0], several[0], several[1]); got != tt.want {
			t.Errorf("habit %d: flags %s, want %s", tt.lengths, got, tt.want)
		}
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
		{func(c *Config) { c.User = strings.Repeat("x", 256) }, "256 octets"},
		{func(c *Config) { c.Method = eap.TypeSIM }, "EAP-SIM"},
		{func(c *Config) { c.Method, c.Inner = eap.TypePEAP, PAP }, `PEAP with "pap"`},
		{func(c *Config) { c.Method = eap.TypePEAP }, "randomness"},
		{func(c *Config) { c.FragmentSize = 63 }, "fragment size 63"},
		{func(c *Config) { c.FragmentSize = 1399 }, "fragment size 1399"},
		{func(c *Config) { c.MinTLS, c.MaxTLS = tls.VersionTLS13, tls.VersionTLS12 }, "TLS 1.3 is above"},
		{func(c *Config) { c.Profile = "solaris" }, "none of wpa_supplicant, windows, apple, android"},
	}
	for _, tt := range tests {
		c := Config{Identity: "x"}
		tt.change(&c)
		if _, err := New(c, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want one that says %q", err, tt.want)
		}
	}
}

func TestMethodNames(t *testing.T) {
	for _, name := range MethodNames() {
		c := Config{Identity: "x", Rand: rand.NewChaCha8([32]byte{})}
		var err error
		if c.Method, c.Inner, err = ParseMethod(name); err != nil || MethodName(c.Method, c.Inner) != name {
			t.Errorf("%s: %q, %v", name, MethodName(c.Method, c.Inner), err)
		}
		if _, err := New(c, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := ParseMethod("peap-pap"); err == nil || !strings.Contains(err.Error(), "peap-gtc") {
		t.Errorf("error %v, want the names", err)
	}
}

// A profile fills in what is not set, and nothing else.
func TestProfiles(t *testing.T) {
	for _, name := range ProfileNames() {
		c, err := Config{Identity: "x", Profile: name}.WithDefaults()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		p, ok := ProfileNamed(name)
		if !ok || c.MaxTLS != p.MaxTLS || c.Lengths != p.Lengths || c.BadServer != p.BadServer || p.Start == 0 || p.Auth == 0 || p.Held == 0 || p.MaxStart == 0 {
			t.Errorf("%s: %+v", name, p)
		}
		set := Config{Identity: "x", Profile: name, MinTLS: tls.VersionTLS13, FragmentSize: 500, Lengths: OnAll, BadServer: SendAlert}
		if c, err = set.WithDefaults(); err != nil || c.MaxTLS != tls.VersionTLS13 || c.FragmentSize != 500 || c.Lengths != OnAll || c.BadServer != SendAlert {
			t.Errorf("%s replaces settings: %+v, %v", name, c, err)
		}
	}
}
