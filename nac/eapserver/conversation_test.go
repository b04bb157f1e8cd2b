package eapserver

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
)

// eachVersion runs a test with both TLS versions.
func eachVersion(t *testing.T, f func(t *testing.T, version uint16)) {
	t.Run("TLS 1.2", func(t *testing.T) { f(t, tls.VersionTLS12) })
	t.Run("TLS 1.3", func(t *testing.T) { f(t, tls.VersionTLS13) })
}

// A run plays one conversation between a server and a peer.
type run struct {
	server  *Conversation
	peer    *eaptest.Peer
	now     time.Time
	refuse  bool // the policy's answer
	asked   int  // how often it was asked
	failure *Failure
	warned  *Failure // failure that came with a Challenge
	peerWas *Peer
	last    Result
}

func newRun(t *testing.T, server *tls.Config, client *tls.Config) *run {
	t.Helper()
	r := &run{now: eaptest.Now, peer: &eaptest.Peer{T: t, Identity: "host/laptop", TLS: client}}
	r.server = New(Config{TLS: func() *tls.Config { return server }, FramedMTU: 1400})
	t.Cleanup(r.server.Close)
	t.Cleanup(r.peer.Close)
	return r
}

// play begins with the identity and goes on until the server has spoken its last word.
func (r *run) play(t *testing.T) *run {
	t.Helper()
	response := eap.Packet{Code: eap.Response, ID: 1, Type: eap.TypeIdentity, Data: []byte(r.peer.Identity)}.Append(nil)
	for response != nil {
		response = r.peer.Respond(r.step(t, response))
	}
	return r
}

// step hands one response to the server, decides if it asks, and returns its packet.
func (r *run) step(t *testing.T, response []byte) []byte {
	t.Helper()
	result := r.server.Handle(r.now, response)
	if result.Kind == Authenticated {
		r.asked++
		if result.Peer == nil || result.EAP != nil {
			t.Fatalf("Authenticated with peer %v and packet %x", result.Peer, result.EAP)
		}
		result = r.server.Authorize(!r.refuse)
	}
	r.last = result
	switch result.Kind {
	case Challenge:
		if result.Failure != nil {
			r.warned = result.Failure
		}
	case Success:
		r.peerWas = result.Peer
	case Failed:
		r.failure = result.Failure
	default:
		t.Fatalf("server gives %v (%s) for %x", result.Kind, result.Why, response)
	}
	return result.EAP
}

func TestAuthentication(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		ca := eaptest.NewCA(t, "corp")
		r := newRun(t, eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, version, ca.Issue("laptop"))).play(t)
		if r.peer.Code != eap.Success || r.peerWas == nil {
			t.Fatalf("peer gets %v, server has %+v", r.peer.Code, r.failure)
		}
		if r.asked != 1 {
			t.Errorf("the policy was asked %d times", r.asked)
		}
		p := r.peerWas
		if p.Identity != "host/laptop" || p.Method != eap.TypeTLS || p.TLS.Version != version || r.peer.Version != version {
			t.Errorf("peer is %q by %v with version %#x", p.Identity, p.Method, p.TLS.Version)
		}
		if len(p.Chain) != 2 || p.Chain[0].Subject.CommonName != "laptop" || p.Chain[1].Subject.CommonName != "corp" {
			t.Errorf("chain is %v", p.Chain)
		}
		if len(p.MSK) != 64 || !bytes.Equal(p.MSK, r.peer.MSK) {
			t.Errorf("server has MSK %x, peer %x", p.MSK, r.peer.MSK)
		}
	})
}

// TestFragmentSizes goes both ways with a chain of four certificates: RFC 5216 section 2.1.5.
func TestFragmentSizes(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		root := eaptest.NewCA(t, "root")
		ca := root.Sub("policy").Sub("issuing")
		serverTLS := eaptest.ServerTLS(ca)
		serverTLS.ClientCAs = root.Pool()
		clientTLS := eaptest.ClientTLS(root, version, ca.Issue("laptop", longName))
		for _, size := range []int{64, 100, 500, 1000, 1398} {
			t.Run(fmt.Sprint(size), func(t *testing.T) {
				r := newRun(t, serverTLS, clientTLS)
				r.server.config.Fragment = size
				r.server.config.FramedMTU = 9000
				r.peer.Fragment = size
				r.play(t)
				if r.peer.Code != eap.Success {
					t.Fatalf("peer gets %v after %d rounds, server has %+v", r.peer.Code, r.peer.Rounds, r.failure)
				}
				if n := len(r.peerWas.Chain); n != 4 {
					t.Errorf("chain of %d", n)
				}
			})
		}
	})
}

func longName(c *x509.Certificate) {
	for i := range 20 {
		c.DNSNames = append(c.DNSNames, fmt.Sprintf("a-rather-long-name-%d.corp.example", i))
	}
}

func TestFragmentFromFramedMTU(t *testing.T) {
	for _, c := range []struct{ fragment, mtu, want int }{
		{0, 1400, 1386}, {0, 0, 1010}, {1024, 1400, 1024}, {1024, 500, 486}, {0, 9000, 1398}, {5000, 9000, MaxFragment},
		{0, 20, eap.MinFragment}, {0, 1, eap.MinFragment}, {10, 1400, eap.MinFragment},
	} {
		config := Config{Fragment: c.fragment, FramedMTU: c.mtu}
		if got := config.fragment(); got != c.want {
			t.Errorf("configured %d, Framed-MTU %d: %d, want %d", c.fragment, c.mtu, got, c.want)
		}
	}
}

// TestPacketsFitFramedMTU: an EAP packet is at most Framed-MTU less the 4 octets of IEEE 802.1X (RFC 3580 section
// 3.10).
func TestPacketsFitFramedMTU(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	r := newRun(t, eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, tls.VersionTLS12, ca.Issue("laptop")))
	r.server.config.FramedMTU = 300
	response := identity(1, "x")
	longest := 0
	for response != nil {
		request := r.step(t, response)
		longest = max(longest, len(request))
		response = r.peer.Respond(request)
	}
	if longest > 296 || longest < 290 {
		t.Errorf("longest packet has %d octets, at most 296 fit", longest)
	}
}

func identity(id uint8, name string) []byte {
	return eap.Packet{Code: eap.Response, ID: id, Type: eap.TypeIdentity, Data: []byte(name)}.Append(nil)
}

func TestEAPStart(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	r := newRun(t, eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, tls.VersionTLS13, ca.Issue("laptop")))
	first := r.server.Start()
	if p, err := eap.Parse(first.EAP); err != nil || p.Type != eap.TypeIdentity || p.Code != eap.Request {
		t.Fatalf("server begins with %x", first.EAP)
	}
	for response := r.peer.Respond(first.EAP); response != nil; {
		response = r.peer.Respond(r.step(t, response))
	}
	if r.peer.Code != eap.Success || r.peerWas.Identity != "host/laptop" {
		t.Errorf("peer gets %v", r.peer.Code)
	}
}

// TestRefusals has a row for every reason to refuse a client, with what the client and the caller get to know.
func TestRefusals(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		corp, foreign := eaptest.NewCA(t, "corp"), eaptest.NewCA(t, "foreign")
		noCertificateAlert := eap.AlertCertificateRequired
		if version == tls.VersionTLS12 {
			noCertificateAlert = eap.AlertHandshakeFailure
		}
		for _, c := range []struct {
			name   string
			certs  []tls.Certificate
			trust  *eaptest.CA
			reason Reason
			alert  eap.Alert
			text   string
		}{
			{"expired", []tls.Certificate{corp.Issue("laptop", func(c *x509.Certificate) { c.NotAfter = eaptest.Now.Add(-time.Second) })}, corp, Expired, eap.AlertCertificateExpired, `certificate "laptop" has expired at 2026-03-02T08:59:59Z`},
			{"not yet valid", []tls.Certificate{corp.Issue("laptop", func(c *x509.Certificate) { c.NotBefore = eaptest.Now.Add(time.Second) })}, corp, NotYetValid, eap.AlertCertificateExpired, `certificate "laptop" is not valid before 2026-03-02T09:00:01Z`},
			{"of a foreign CA", []tls.Certificate{foreign.Issue("laptop")}, corp, UnknownCA, eap.AlertUnknownCA, `certificate "laptop" is issued by "foreign", which leads to no trusted CA`},
			{"of a CA with the name of ours", []tls.Certificate{eaptest.NewCA(t, "corp").Issue("laptop")}, corp, UnknownCA, eap.AlertUnknownCA, `certificate "laptop" is issued by "corp", which leads to no trusted CA (ECDSA verification failure)`},
			{"signed with SHA-1", []tls.Certificate{corp.Issue("laptop", func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 })}, corp, UnknownCA, eap.AlertUnknownCA, `certificate "laptop" is issued by "corp", which leads to no trusted CA (cannot verify signature: insecure algorithm ECDSA-SHA1)`},
			{"for servers only", []tls.Certificate{corp.Issue("laptop", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })}, corp, BadEKU, eap.AlertUnsupportedCertificate, `certificate "laptop" is not for client authentication`},
			{"not for signatures", []tls.Certificate{corp.Issue("laptop", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })}, corp, BadEKU, eap.AlertUnsupportedCertificate, `certificate "laptop" is not for digital signatures`},
			{"with an unknown critical extension", []tls.Certificate{corp.Issue("laptop", criticalExtension)}, corp, Certificate, eap.AlertBadCertificate, `certificate "laptop" has the critical extension 1.3.6.1.4.1.99999.1, which is not known`},
			{"none", nil, corp, NoCertificate, noCertificateAlert, "client has no certificate"},
			{"server not trusted", []tls.Certificate{corp.Issue("laptop")}, foreign, ServerCertificate, eap.AlertUnknownCA, "client refuses the server's certificate: unknown certificate authority"},
		} {
			t.Run(c.name, func(t *testing.T) {
				client := eaptest.ClientTLS(c.trust, version)
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if len(c.certs) == 0 {
						return &tls.Certificate{}, nil
					}
					return &c.certs[0], nil
				}
				r := newRun(t, eaptest.ServerTLS(corp), client).play(t)
				if r.peer.Code != eap.Failure || r.failure == nil || r.asked != 0 {
					t.Fatalf("peer gets %v, failure %v, policy asked %d times", r.peer.Code, r.failure, r.asked)
				}
				if r.failure.Reason != c.reason {
					t.Errorf("reason is %v, want %v", r.failure, c.reason)
				}
				if r.failure.Text != c.text {
					t.Errorf("text is %q, want %q", r.failure.Text, c.text)
				}
				byPeer := c.reason == ServerCertificate
				if !r.failure.HasAlert || r.failure.Alert != c.alert || r.failure.FromPeer != byPeer {
					t.Errorf("alert is %v (%v), from the peer %v; want %v", r.failure.Alert, r.failure.HasAlert, r.failure.FromPeer, c.alert)
				}
				if byPeer {
					return
				}
				if a, ok := eap.RemoteAlert(r.peer.Err); !ok || a != c.alert {
					t.Errorf("peer learns %v before EAP-Failure, want alert %v", r.peer.Err, c.alert)
				}
				if r.warned != r.failure {
					t.Errorf("the failure came with the alert as %v", r.warned)
				}
				if r.failure.Reason.AboutClientCertificate() != true {
					t.Error("not counted among the certificate reasons")
				}
				if len(c.certs) > 0 && (len(r.failure.Chain) == 0 || r.failure.Chain[0].Subject.CommonName != "laptop") {
					t.Errorf("the refused certificate is %v", r.failure.Chain)
				}
			})
		}
	})
}

func criticalExtension(c *x509.Certificate) {
	c.ExtraExtensions = append(c.ExtraExtensions, pkixExtension())
}

// TestVerificationTime: certificates are judged on the time of the packet, not on that of the machine.
func TestVerificationTime(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	for _, c := range []struct {
		now    time.Time
		reason Reason
	}{
		{eaptest.Now.AddDate(0, 6, 0), ""}, {eaptest.Now.AddDate(2, 0, 0), Expired}, {eaptest.Now.AddDate(-2, 0, 0), NotYetValid},
	} {
		r := newRun(t, eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, tls.VersionTLS13, ca.Issue("laptop")))
		r.now = c.now
		r.play(t)
		var got Reason
		if r.failure != nil {
			got = r.failure.Reason
		}
		if got != c.reason {
			t.Errorf("at %v the reason is %q, want %q", c.now, got, c.reason)
		}
	}
}

// TestPolicyRefusal: a client that is authenticated but not authorized never gets the success indication; with TLS
// 1.3 it reads access_denied (RFC 9190 section 2.1.3).
func TestPolicyRefusal(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		ca := eaptest.NewCA(t, "corp")
		r := newRun(t, eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, version, ca.Issue("laptop")))
		r.refuse = true
		r.play(t)
		if r.peer.Code != eap.Failure || r.failure == nil || r.failure.Reason != Denied || r.asked != 1 {
			t.Fatalf("peer gets %v, server has %v, policy asked %d times", r.peer.Code, r.failure, r.asked)
		}
		if version == tls.VersionTLS12 {
			return
		}
		if a, ok := eap.RemoteAlert(r.peer.Err); !ok || a != r.failure.Alert || a != eap.AlertAccessDenied {
			t.Errorf("peer has %v, want access denied (server says %v)", r.peer.Err, r.failure.Alert)
		}
	})
}

func TestNAK(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	for _, c := range []struct {
		want []eap.Type
		text string
	}{
		{[]eap.Type{eap.TypePEAP, eap.TypeTTLS}, "client refuses EAP-TLS and wants PEAP, EAP-TTLS"},
		{[]eap.Type{0}, "client refuses EAP-TLS and proposes nothing"},
		{[]eap.Type{}, "client refuses EAP-TLS"},
		{[]eap.Type{eap.TypeTLS}, "client refuses EAP-TLS and wants EAP-TLS"},
		{slices.Repeat([]eap.Type{eap.TypeMD5}, 200), "and others"},
	} {
		r := newRun(t, eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, tls.VersionTLS13))
		r.peer.NAK = c.want
		r.play(t)
		if r.failure == nil || r.failure.Reason != NoMethod || !strings.Contains(r.failure.Text, c.text) {
			t.Errorf("NAK %v: got %v, want %q", c.want, r.failure, c.text)
		}
	}
}

// TestIgnored has responses that do not belong to the outstanding request; the conversation goes on after each
// (RFC 3748 section 4.1).
func TestIgnored(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	c := New(Config{TLS: func() *tls.Config { return eaptest.ServerTLS(ca) }})
	defer c.Close()
	response := func(id uint8, typ eap.Type, data ...byte) []byte {
		return eap.Packet{Code: eap.Response, ID: id, Type: typ, Data: data}.Append(nil)
	}
	expectIgnored := func(when string, packets ...[]byte) {
		t.Helper()
		for _, p := range packets {
			if r := c.Handle(eaptest.Now, p); r.Kind != Ignored || r.Why == "" || r.EAP != nil {
				t.Errorf("%s, %x: got kind %v", when, p, r.Kind)
			}
		}
	}
	expectIgnored("before the identity", nil, []byte{2}, response(1, eap.TypeLegacyNAK, 25), response(1, eap.TypeTLS, 0),
		eap.Packet{Code: eap.Request, ID: 1, Type: eap.TypeIdentity}.Append(nil), eap.Packet{Code: eap.Success, ID: 1}.Append(nil))
	if r := c.Authorize(true); r.Kind != Ignored {
		t.Errorf("Authorize without a question gives %v", r.Kind)
	}
	first := c.Handle(eaptest.Now, identity(9, "x"))
	if first.Kind != Challenge || first.EAP[1] != 10 {
		t.Fatalf("identity is answered with %v %x", first.Kind, first.EAP)
	}
	expectIgnored("after EAP-TLS Start", response(9, eap.TypeTLS, 0), response(11, eap.TypeTLS, 0), response(10, eap.TypePEAP, 0), identity(9, "y"))
	if again := c.Handle(eaptest.Now, identity(9, "x")); again.Kind != Challenge || !bytes.Equal(again.EAP, first.EAP) {
		t.Errorf("the repeated identity is answered with %v %x", again.Kind, again.EAP)
	}
	if r := c.Handle(eaptest.Now, response(10, eap.TypeTLS, 0xc0, 0, 0, 1, 0, 0x16)); r.Kind != Challenge {
		t.Fatalf("the first fragment is answered with %v", r.Kind)
	}
	expectIgnored("NAK in the middle of the method", response(11, eap.TypeLegacyNAK, 25))
	c.Close()
	expectIgnored("after Close", response(11, eap.TypeTLS, 0))
}

// TestRepeatedResponses has a peer that sends everything twice.
func TestRepeatedResponses(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		ca := eaptest.NewCA(t, "corp")
		r := newRun(t, eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, version, ca.Issue("laptop")))
		for response := identity(1, "x"); response != nil; {
			request := r.step(t, response)
			if again := r.server.Handle(r.now, response); !bytes.Equal(again.EAP, request) || again.Kind != r.last.Kind {
				t.Fatalf("repetition gives %v %x, want %x", again.Kind, again.EAP, request)
			}
			response = r.peer.Respond(request)
		}
		if r.peer.Code != eap.Success || r.asked != 1 {
			t.Errorf("peer gets %v, policy asked %d times", r.peer.Code, r.asked)
		}
	})
}

// TestProtocolErrors breaks the rules of EAP-TLS framing at the start of the method.
func TestProtocolErrors(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	for _, c := range []struct {
		name   string
		data   []byte
		reason Reason
	}{
		{"no flags", []byte{}, Protocol},
		{"acknowledgement", []byte{0}, Protocol},
		{"declared 4 GiB", []byte{0xc0, 0xff, 0xff, 0xff, 0xff, 1}, Protocol},
		{"garbage", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8}, TLSFailure},
		{"alert", []byte{0, 21, 3, 3, 0, 2, 2, 40}, PeerAlert},
		{"alert about a certificate not yet shown", []byte{0, 21, 3, 3, 0, 2, 2, 48}, ServerCertificate},
		{"HTTP", []byte("\x00GET / HTTP/1.1\r\n"), TLSFailure},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRun(t, eaptest.ServerTLS(ca), nil)
			request := r.step(t, identity(1, "x"))
			response := eap.Packet{Code: eap.Response, ID: request[1], Type: eap.TypeTLS, Data: c.data}.Append(nil)
			request = r.step(t, response)
			if r.last.Kind == Challenge { // the alert, which the client acknowledges
				r.step(t, eap.Packet{Code: eap.Response, ID: request[1], Type: eap.TypeTLS, Data: []byte{0}}.Append(nil))
			}
			if r.failure == nil || r.failure.Reason != c.reason || r.failure.Error() == "" {
				t.Errorf("got %v, want %v", r.failure, c.reason)
			}
		})
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	server := eaptest.ServerTLS(ca)
	server.MinVersion = tls.VersionTLS10
	r := newRun(t, server, eaptest.ClientTLS(ca, tls.VersionTLS11, ca.Issue("laptop"))).play(t)
	if r.failure == nil || r.failure.Reason != TLSFailure || r.failure.Alert != eap.AlertProtocolVersion {
		t.Errorf("TLS 1.1 gives %v", r.failure)
	}
}

// TestNoTrust: without CAs every client is refused; those of the operating system are never meant.
func TestNoTrust(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	server := eaptest.ServerTLS(ca)
	server.ClientCAs = nil
	r := newRun(t, server, eaptest.ClientTLS(ca, tls.VersionTLS13, ca.Issue("laptop"))).play(t)
	if r.failure == nil || r.failure.Reason != UnknownCA {
		t.Errorf("got %v", r.failure)
	}
}

// TestEndlessHandshake: a stranger who sends a certificate without end is stopped early; crypto/tls would keep 256 KiB of it.
func TestEndlessHandshake(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	r := newRun(t, eaptest.ServerTLS(ca), nil)
	client := eap.NewTLSClient(eaptest.ClientTLS(ca, tls.VersionTLS12))
	defer client.Close()
	hello, err := client.Step(nil)
	if err != nil {
		t.Fatal(err)
	}
	const length = 250_000
	part := append([]byte{22, 3, 3, 0x40, 0}, make([]byte, 0x4000)...)
	first := slices.Clone(part)
	copy(first[5:], []byte{11, length >> 16, length >> 8 & 0xff, length & 0xff})
	messages := [][]byte{hello, append(first, part...)}
	for range length / (2 * len(part)) {
		messages = append(messages, slices.Concat(part, part))
	}
	framer, sent := eap.NewFramer(2000), 0
	result := r.server.Handle(r.now, identity(1, "host/laptop"))
	for _, m := range messages {
		if result.Kind != Challenge {
			break
		}
		sent += len(m)
		framer.Send(m)
		for framer.Pending() && result.Kind == Challenge {
			data, _ := framer.Next()
			result = r.server.Handle(r.now, eap.Packet{Code: eap.Response, ID: result.EAP[1], Type: eap.TypeTLS, Data: data}.Append(nil))
		}
		for result.Kind == Challenge && len(result.EAP) > 1000 { // the server's fragments
			result = r.server.Handle(r.now, eap.Packet{Code: eap.Response, ID: result.EAP[1], Type: eap.TypeTLS, Data: framer.Ack()}.Append(nil))
		}
	}
	if result.Kind != Failed || result.Failure.Reason != Protocol || sent > 2*eap.DefaultMaxMessage {
		t.Errorf("server has %+v after %d octets", result.Failure, sent)
	}
}

func TestTooManyRounds(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	r := newRun(t, eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, tls.VersionTLS13, ca.Issue("laptop")))
	r.server.config.MaxRounds = 10
	r.server.config.FramedMTU = 100
	r.play(t)
	if r.failure == nil || r.failure.Reason != TooManyRounds || r.peer.Rounds != 10 {
		t.Errorf("got %v after %d rounds", r.failure, r.peer.Rounds)
	}
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		sent, want string
		kind       Kind
	}{
		{"", "", Challenge}, {"user@corp\x00networkid=x", "user@corp", Challenge},
		{strings.Repeat("a", 253), strings.Repeat("a", 253), Challenge}, {strings.Repeat("a", 254), "", Failed},
	} {
		s := New(Config{})
		if r := s.Handle(eaptest.Now, identity(1, c.sent)); r.Kind != c.kind || s.Identity() != c.want {
			t.Errorf("%.20q: kind %v, identity %.20q", c.sent, r.Kind, s.Identity())
		}
		s.Close()
	}
}

// TestSuccessAndFailureCarryTheLastIdentifier is RFC 3748 section 4.2.
func TestSuccessAndFailureCarryTheLastIdentifier(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	for _, refuse := range []bool{false, true} {
		r := newRun(t, eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, tls.VersionTLS12, ca.Issue("laptop")))
		r.refuse = refuse
		var last []byte
		for response := identity(250, "x"); response != nil; { // the identifier wraps around
			last = response
			response = r.peer.Respond(r.step(t, response))
		}
		if r.last.EAP[1] != last[1] {
			t.Errorf("refused %v: final packet %x answers %x", refuse, r.last.EAP, last[:5])
		}
	}
}

// TestAbandonedConversationsLeaveNothing closes conversations at every stage.
func TestAbandonedConversationsLeaveNothing(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	server, client := eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, tls.VersionTLS12, ca.Issue("laptop"))
	before := runtime.NumGoroutine()
	for rounds := range 6 {
		for range 20 {
			s := New(Config{TLS: func() *tls.Config { return server }})
			p := &eaptest.Peer{T: t, TLS: client}
			response := identity(1, "x")
			for range rounds {
				if r := s.Handle(eaptest.Now, response); r.Kind == Challenge {
					response = p.Respond(r.EAP)
				}
			}
			s.Close()
			p.Close()
		}
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

func FuzzHandle(f *testing.F) {
	ca := eaptest.NewCA(f, "corp")
	server := eaptest.ServerTLS(ca)
	f.Add([]byte{2, 1, 0, 6, 1, 'x'}, []byte{2, 2, 0, 6, 13, 0})
	f.Add([]byte{2, 1, 0, 6, 1, 'x'}, []byte{2, 2, 0, 6, 3, 25})
	f.Add([]byte{2, 1, 0, 6, 1, 'x'}, []byte{2, 2, 0, 13, 13, 0x80, 0, 0, 0, 3, 0x16, 3, 1})
	f.Add([]byte{2, 1, 0, 6, 3, 'x'}, []byte{4, 2, 0, 4})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		c := New(Config{TLS: func() *tls.Config { return server }, MaxRounds: 5})
		defer c.Close()
		for _, response := range [][]byte{a, b, a, b} {
			r := c.Handle(eaptest.Now, response)
			switch {
			case r.Kind == Authenticated || r.Kind == Success:
				t.Fatal("authenticated a fuzzer")
			case (r.Kind == Ignored) != (r.EAP == nil), (r.Kind == Failed) != (r.Failure != nil) && r.Kind != Challenge:
				t.Fatalf("inconsistent result %+v", r)
			}
			if r.EAP != nil {
				if _, err := eap.Parse(r.EAP); err != nil {
					t.Fatalf("%x: %v", r.EAP, err)
				}
			}
		}
	})
}

// pkixExtension is a critical extension that nobody knows.
func pkixExtension() pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}}
}
