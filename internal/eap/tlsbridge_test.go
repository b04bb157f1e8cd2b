package eap_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/eap/ttls"
)

var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// eachVersion runs a test with both TLS versions.
func eachVersion(t *testing.T, f func(t *testing.T, version uint16)) {
	for _, name := range []string{"TLS 1.2", "TLS 1.3"} {
		t.Run(name, func(t *testing.T) { f(t, versions[name]) })
	}
}

// shake carries messages between client and server, the client first, until both are silent. It returns the last
// error of each.
func shake(client, server *eap.TLS) (clientErr, serverErr error) {
	toServer, clientErr := client.Step(nil)
	for {
		var toClient []byte
		toClient, serverErr = server.Step(toServer)
		if len(toClient) == 0 {
			return clientErr, serverErr
		}
		toServer, clientErr = client.Step(toClient)
		if len(toServer) == 0 {
			return clientErr, serverErr
		}
	}
}

func pair(t *testing.T, version uint16) (client, server *eap.TLS) {
	t.Helper()
	ca := eaptest.NewCA(t, "corp")
	client = eap.NewTLSClient(eaptest.ClientTLS(ca, version, ca.Issue("laptop")))
	server = eap.NewTLSServer(eaptest.ServerTLS(ca))
	t.Cleanup(client.Close)
	t.Cleanup(server.Close)
	return client, server
}

func TestHandshakeKeys(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		client, server := pair(t, version)
		if _, _, err := server.Keys(eap.TypeTLS); err == nil {
			t.Error("keys before the handshake")
		}
		if ce, se := shake(client, server); ce != nil || se != nil {
			t.Fatalf("client %v, server %v", ce, se)
		}
		if !client.Done() || !server.Done() || server.State().Version != version {
			t.Fatalf("client done %v, server done %v, version %#x", client.Done(), server.Done(), server.State().Version)
		}
		if name := server.State().PeerCertificates[0].Subject.CommonName; name != "laptop" {
			t.Errorf("server sees certificate %q", name)
		}
		seen := map[string]eap.Type{}
		for _, method := range []eap.Type{eap.TypeTLS, eap.TypeTTLS, eap.TypePEAP} {
			msk, emsk, err := client.Keys(method)
			if err != nil {
				t.Fatal(err)
			}
			msk2, emsk2, err := server.Keys(method)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(msk, msk2) || !bytes.Equal(emsk, emsk2) || len(msk) != 64 || len(emsk) != 64 || bytes.Equal(msk, emsk) {
				t.Errorf("%v: client has %x %x, server %x %x", method, msk, emsk, msk2, emsk2)
			}
			// PEAP and EAP-TLS have the same keys with TLS 1.2 (the label is the same), and no others.
			if other, dup := seen[string(msk)]; dup && !(version == tls.VersionTLS12 && other == eap.TypeTLS && method == eap.TypePEAP) {
				t.Errorf("%v and %v have the same keys", method, other)
			}
			seen[string(msk)] = method
		}
		if _, _, err := server.Keys(eap.TypeMD5); err == nil {
			t.Error("keys for EAP-MD5")
		}
		// RFC 5281 section 11.1, RFC 7170 section 5.1
		for name, derive := range map[string]func(*eap.TLS) ([]byte, error){
			"TTLS challenge": func(e *eap.TLS) ([]byte, error) { return ttls.Challenge(e.State(), 17) },
			"TEAP seed":      (*eap.TLS).TEAPSeed,
		} {
			a, err := derive(client)
			b, _ := derive(server)
			if err != nil || !bytes.Equal(a, b) || len(a) < 17 {
				t.Errorf("%s: client has %x, server %x, error %v", name, a, b, err)
			}
		}
	})
}

// TestKeyLabels holds the derivation against the exporter of crypto/tls with the labels of RFC 5216 section 2.3
// and RFC 9190 section 2.3.
func TestKeyLabels(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		client, server := pair(t, version)
		shake(client, server)
		state := server.State()
		want, err := state.ExportKeyingMaterial("client EAP encryption", nil, 128)
		if version == tls.VersionTLS13 {
			want, err = state.ExportKeyingMaterial("EXPORTER_EAP_TLS_Key_Material", []byte{13}, 128)
		}
		if err != nil {
			t.Fatal(err)
		}
		msk, emsk, _ := server.Keys(eap.TypeTLS)
		if !bytes.Equal(append(msk, emsk...), want) {
			t.Errorf("MSK and EMSK are %x %x, want %x", msk, emsk, want)
		}
	})
}

// TestSuccessIndication is RFC 9190 section 2.5: a TLS 1.3 client knows only from the octet 0x00.
func TestSuccessIndication(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		client, server := pair(t, version)
		shake(client, server)
		if got, want := client.SuccessIndicated(), version == tls.VersionTLS12; got != want {
			t.Errorf("after the handshake the client believes in success: %v, want %v", got, want)
		}
		out, err := server.WriteApp([]byte{0})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Step(out); err != nil {
			t.Fatal(err)
		}
		if !client.SuccessIndicated() {
			t.Error("client does not recognize the indication")
		}
		if b := client.AppData(); !bytes.Equal(b, []byte{0}) {
			t.Errorf("application data is %x", b)
		}
		if client.AppData() != nil {
			t.Error("application data is returned twice")
		}
	})
}

func TestOtherApplicationDataIsNoIndication(t *testing.T) {
	for _, data := range [][]byte{{1}, {0, 0}, []byte("hello")} {
		client, server := pair(t, tls.VersionTLS13)
		shake(client, server)
		out, _ := server.WriteApp(data)
		client.Step(out)
		if client.SuccessIndicated() {
			t.Errorf("%x is taken for success", data)
		}
	}
}

// TestDeny: the refused client reads the fatal alert access_denied with TLS 1.3 (RFC 9190 section 2.1.3).
func TestDeny(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		client, server := pair(t, version)
		shake(client, server)
		out, sent, err := server.Deny()
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Step(out)
		got, remote := eap.RemoteAlert(err)
		switch {
		case version == tls.VersionTLS12:
			if sent != eap.AlertCloseNotify || !errors.Is(err, io.EOF) {
				t.Errorf("sent %v, client gets %v", sent, err)
			}
		case sent != eap.AlertAccessDenied || !remote || got != eap.AlertAccessDenied:
			t.Errorf("sent %v, client gets %v", sent, err)
		}
		if client.SuccessIndicated() && version == tls.VersionTLS13 {
			t.Error("client believes in success")
		}
	})
}

// TestDenyAfterOtherRecords: tickets and the data of an inner method come before the refusal.
func TestDenyAfterOtherRecords(t *testing.T) {
	client, server := pair(t, tls.VersionTLS13)
	shake(client, server)
	var records []byte
	for range 3 {
		data, err := server.WriteApp([]byte("inner"))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, data...)
	}
	out, sent, err := server.Deny()
	if err != nil || sent != eap.AlertAccessDenied {
		t.Fatalf("sent %v, error %v", sent, err)
	}
	_, err = client.Step(append(records, out...))
	if a, ok := eap.RemoteAlert(err); !ok || a != eap.AlertAccessDenied {
		t.Errorf("client gets %v, want access_denied", err)
	}
}

// TestAlerts has every side refuse the other's certificate, and looks at what both learn.
func TestAlerts(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		corp, foreign := eaptest.NewCA(t, "corp"), eaptest.NewCA(t, "foreign")
		expired := func(c *x509.Certificate) { c.NotAfter = eaptest.Now.Add(-time.Hour) }
		early := func(c *x509.Certificate) { c.NotBefore = eaptest.Now.Add(time.Hour) }
		forServers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
		forOther := eaptest.ClientTLS(corp, version, corp.Issue("laptop"))
		forOther.ServerName = "other.corp.example"
		later := eaptest.ClientTLS(corp, version, corp.Issue("laptop"))
		later.Time = func() time.Time { return eaptest.Now.AddDate(2, 0, 0) }
		refuses := eaptest.ClientTLS(corp, version, corp.Issue("laptop"))
		refuses.VerifyConnection = func(tls.ConnectionState) error {
			return &eap.Refusal{Alert: eap.AlertInternalError, Err: errors.New("domain mismatch")}
		}
		for _, c := range []struct {
			name   string
			client *tls.Config
			want   eap.Alert
			byPeer bool // the client sends it
		}{
			{"client of a foreign CA", eaptest.ClientTLS(corp, version, foreign.Issue("laptop")), eap.AlertUnknownCA, false},
			{"expired client", eaptest.ClientTLS(corp, version, corp.Issue("laptop", expired)), eap.AlertCertificateExpired, false},
			{"client not valid yet", eaptest.ClientTLS(corp, version, corp.Issue("laptop", early)), eap.AlertCertificateExpired, false},
			{"client with a server's certificate", eaptest.ClientTLS(corp, version, corp.Issue("laptop", forServers)), eap.AlertUnsupportedCertificate, false},
			{"client distrusts the server", eaptest.ClientTLS(foreign, version, corp.Issue("laptop")), eap.AlertUnknownCA, true},
			{"client expects another name", forOther, eap.AlertCertificateUnknown, true},
			{"server expired", later, eap.AlertCertificateExpired, true},
			{"client chooses", refuses, eap.AlertInternalError, true},
		} {
			t.Run(c.name, func(t *testing.T) {
				if !c.byPeer {
					// crypto/tls sends only certificates of a CA that the server names; a supplicant sends what it has.
					cert := c.client.Certificates[0]
					c.client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
				}
				client, server := eap.NewTLSClient(c.client), eap.NewTLSServer(eaptest.ServerTLS(corp))
				defer client.Close()
				defer server.Close()
				clientErr, serverErr := shake(client, server)
				refuser, refused := serverErr, clientErr
				if c.byPeer {
					refuser, refused = clientErr, serverErr
				}
				if a, ok := eap.RemoteAlert(refused); !ok || a != c.want {
					t.Errorf("refused side gets %v, want %v", refused, c.want)
				}
				if a, ok := eap.LocalAlert(refuser); !ok || a != c.want {
					t.Errorf("refusing side has %v, alert %v, want %v", refuser, a, c.want)
				}
				if _, ok := eap.RemoteAlert(refuser); ok {
					t.Errorf("refusing side believes it got an alert: %v", refuser)
				}
				if server.SuccessIndicated() || client.SuccessIndicated() {
					t.Error("someone believes in success")
				}
			})
		}
	})
}

func TestPlainAlert(t *testing.T) {
	server := eap.NewTLSServer(eaptest.ServerTLS(eaptest.NewCA(t, "corp")))
	defer server.Close()
	ca := eaptest.NewCA(t, "corp")
	config := eaptest.ClientTLS(ca, tls.VersionTLS12)
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	client := eap.NewTLSClient(config)
	defer client.Close()
	hello, _ := client.Step(nil)
	out, err := server.Step(hello)
	if a, ok := eap.PlainAlert(out); !ok || a != eap.AlertProtocolVersion || err == nil {
		t.Errorf("server answers TLS 1.1 with %x (%v), error %v", out, a, err)
	}
	for _, b := range [][]byte{nil, {21, 3, 3, 0, 2, 2}, {22, 3, 3, 0, 2, 2, 40}, {21, 3, 3, 0, 2, 1, 0}} {
		if a, ok := eap.PlainAlert(b); ok {
			t.Errorf("%x is taken for alert %v", b, a)
		}
	}
}

// TestPlainAlertDuringHandshake: OpenSSL refuses a server's certificate with an alert that is not encrypted.
func TestPlainAlertDuringHandshake(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		before := runtime.NumGoroutine()
		client, server := pair(t, version)
		hello, _ := client.Step(nil)
		client.Close()
		if _, err := server.Step(hello); err != nil {
			t.Fatal(err)
		}
		out, err := server.Step([]byte{21, 3, 3, 0, 2, 2, byte(eap.AlertUnknownCA)})
		if a, ok := eap.RemoteAlert(err); !ok || a != eap.AlertUnknownCA || len(out) > 0 {
			t.Errorf("server answers %x and has %v", out, err)
		}
		if _, again := server.Step(nil); again != err {
			t.Errorf("error changes from %v to %v", err, again)
		}
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, %d before", after, before)
		}
	})
}

// TestGarbage: nothing a stranger sends does more than fail its own connection.
func TestGarbage(t *testing.T) {
	for _, in := range []string{"\x00", strings.Repeat("\xff", 3000), "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "\x15\x03\x03\x00\x02\x02\x30"} {
		server := eap.NewTLSServer(eaptest.ServerTLS(eaptest.NewCA(t, "corp")))
		_, err := server.Step([]byte(in))
		if len(in) > 1 && err == nil {
			t.Errorf("%.10x is taken", in)
		}
		if _, again := server.Step([]byte(in)); err != nil && again != err {
			t.Errorf("error changes from %v to %v", err, again)
		}
		server.Close()
	}
}

func TestPanicIsAnError(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	config := eaptest.ServerTLS(ca)
	config.VerifyConnection = func(tls.ConnectionState) error { panic("boom") }
	client, server := eap.NewTLSClient(eaptest.ClientTLS(ca, tls.VersionTLS13, ca.Issue("laptop"))), eap.NewTLSServer(config)
	defer client.Close()
	defer server.Close()
	if _, err := shake(client, server); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("server has %v, want the panic", err)
	}
}

func TestApplicationDataIsBounded(t *testing.T) {
	client, server := pair(t, tls.VersionTLS13)
	shake(client, server)
	var err error
	for range 10 {
		var out []byte
		if out, err = client.WriteApp(make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
		if _, err = server.Step(out); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("100,000 octets are buffered")
	}
}

// TestOneOctetAtATime feeds a server octet by octet: a read that is not satisfied suspends it.
func TestOneOctetAtATime(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		client, server := pair(t, version)
		toServer, err := client.Step(nil)
		for !server.Done() && err == nil {
			var toClient []byte
			for i := range toServer {
				var out []byte
				if out, err = server.Step(toServer[i : i+1]); err != nil {
					t.Fatal(err)
				}
				toClient = append(toClient, out...)
			}
			toServer, err = client.Step(toClient)
		}
		if err != nil || !client.Done() {
			t.Errorf("client done %v, error %v", client.Done(), err)
		}
	})
}

// TestCloseLeaksNothing closes engines in every state and counts goroutines, which coroutines are.
func TestCloseLeaksNothing(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	clientTLS, serverTLS := eaptest.ClientTLS(ca, tls.VersionTLS13, ca.Issue("laptop")), eaptest.ServerTLS(ca)
	before := runtime.NumGoroutine()
	for steps := range 4 {
		for range 50 {
			client, server := eap.NewTLSClient(clientTLS), eap.NewTLSServer(serverTLS)
			var b []byte
			for range steps {
				b, _ = client.Step(b)
				b, _ = server.Step(b)
			}
			client.Close()
			server.Close()
			server.Close()
			if _, err := server.Step(nil); !errors.Is(err, eap.ErrClosed) {
				t.Fatalf("closed engine returns %v", err)
			}
			if _, err := server.WriteApp([]byte{0}); !errors.Is(err, eap.ErrClosed) {
				t.Fatalf("closed engine returns %v", err)
			}
		}
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// TestGoroutinesTakeTurns steps one connection from different goroutines; the race detector watches.
func TestGoroutinesTakeTurns(t *testing.T) {
	client, server := pair(t, tls.VersionTLS13)
	step := func(e *eap.TLS, in []byte) (out []byte) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			out, _ = e.Step(in)
		}()
		<-done
		return out
	}
	b := step(client, nil)
	for len(b) > 0 && !server.Done() {
		b = step(client, step(server, b))
		if len(b) > 0 {
			step(server, b)
		}
	}
	if !server.Done() {
		t.Error("handshake is not complete")
	}
}

func BenchmarkHandshake(b *testing.B) {
	ca := eaptest.NewCA(b, "corp")
	clientTLS, serverTLS := eaptest.ClientTLS(ca, tls.VersionTLS13, ca.Issue("laptop")), eaptest.ServerTLS(ca)
	for b.Loop() {
		client, server := eap.NewTLSClient(clientTLS), eap.NewTLSServer(serverTLS)
		if ce, se := shake(client, server); ce != nil || se != nil {
			b.Fatal(ce, se)
		}
		client.Close()
		server.Close()
	}
}
