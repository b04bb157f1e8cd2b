package eap_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"runtime"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
)

// pausing returns a pair whose server asks somebody else about the client, who says verdict.
func pausing(t *testing.T, version uint16, verdict *error) (client, server *eap.TLS) {
	t.Helper()
	ca := eaptest.NewCA(t, "corp")
	config := eaptest.ServerTLS(ca)
	config.VerifyConnection = func(tls.ConnectionState) error {
		for range 2 { // two certificates to ask about
			if !server.Pause() {
				return errors.New("closed")
			}
		}
		return *verdict
	}
	client, server = eap.NewTLSClient(eaptest.ClientTLS(ca, version, ca.Issue("laptop"))), eap.NewTLSServer(config)
	t.Cleanup(client.Close)
	t.Cleanup(server.Close)
	return client, server
}

// untilPaused drives the handshake up to the question.
func untilPaused(t *testing.T, client, server *eap.TLS) {
	t.Helper()
	toServer, err := client.Step(nil)
	for !server.Paused() && err == nil {
		var toClient []byte
		if toClient, err = server.Step(toServer); err == nil && !server.Paused() {
			toServer, err = client.Step(toClient)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	clear(toServer) // Step keeps nothing
}

func TestPause(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		var verdict error
		client, server := pausing(t, version, &verdict)
		untilPaused(t, client, server)
		if _, err := server.Step([]byte{1}); !errors.Is(err, eap.ErrPaused) {
			t.Errorf("Step of a paused server returns %v", err)
		}
		if out, err := server.Continue(); len(out) > 0 || err != nil || !server.Paused() {
			t.Fatalf("after one of two answers: %x %v, paused %v", out, err, server.Paused())
		}
		out, err := server.Continue()
		if err != nil || !server.Done() || server.Paused() {
			t.Fatalf("after both answers: %v, done %v, paused %v", err, server.Done(), server.Paused())
		}
		if _, err := client.Step(out); err != nil || !client.Done() {
			t.Errorf("client done %v, error %v", client.Done(), err)
		}
		a, _, _ := client.Keys(eap.TypeTLS)
		b, _, _ := server.Keys(eap.TypeTLS)
		if !bytes.Equal(a, b) || len(a) == 0 {
			t.Errorf("keys are %x and %x", a, b)
		}
	})
}

// TestRefusalAfterPause: whoever was asked says no, and the client reads why.
func TestRefusalAfterPause(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		var verdict error = &eap.Refusal{Alert: eap.AlertCertificateRevoked, Err: errors.New("revoked")}
		client, server := pausing(t, version, &verdict)
		untilPaused(t, client, server)
		server.Continue()
		out, err := server.Continue()
		if a, ok := eap.LocalAlert(err); !ok || a != eap.AlertCertificateRevoked {
			t.Errorf("server has %v, alert %v", err, a)
		}
		_, err = client.Step(out)
		if a, ok := eap.RemoteAlert(err); !ok || a != eap.AlertCertificateRevoked {
			t.Errorf("client gets %v, want certificate_revoked", err)
		}
		if _, err := server.Continue(); err == nil {
			t.Error("a connection that has ended goes on")
		}
	})
}

func TestCloseWhilePaused(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		var verdict error
		client, server := pausing(t, version, &verdict)
		before := runtime.NumGoroutine()
		untilPaused(t, client, server)
		server.Close()
		client.Close()
		if _, err := server.Continue(); !errors.Is(err, eap.ErrClosed) {
			t.Errorf("Continue of a closed server returns %v", err)
		}
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, %d before", after, before)
		}
	})
}
