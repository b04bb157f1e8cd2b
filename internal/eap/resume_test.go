package eap_test

import (
	"bytes"
	"crypto/tls"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
)

// TestResumption: the second handshake needs no certificates, has keys of its own, and with TLS 1.3 the ticket rides
// with the success indication (RFC 9190 section 2.1.2).
func TestResumption(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		ca := eaptest.NewCA(t, "corp")
		serverTLS, clientTLS := eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, version, ca.Issue("laptop"))
		clientTLS.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		serverTLS.SetSessionTicketKeys([][32]byte{{1}}) // a clone of a configuration draws its own
		var keys [][]byte
		for round := range 3 {
			client, server := eap.NewTLSClient(clientTLS), eap.NewTLSServer(serverTLS)
			defer client.Close()
			defer server.Close()
			toServer, err := client.Step(nil)
			var toClient []byte
			for !server.Done() && err == nil {
				if toClient, err = server.Step(toServer); err == nil && !server.Done() {
					toServer, err = client.Step(toClient)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			if version == tls.VersionTLS13 {
				success, _ := server.WriteApp([]byte{0})
				toClient = append(toClient, success...)
			}
			if _, err := client.Step(toClient); err != nil || !client.SuccessIndicated() {
				t.Fatalf("client has %v, success indicated %v", err, client.SuccessIndicated())
			}
			if got, want := server.State().DidResume, round > 0; got != want || client.State().DidResume != want {
				t.Errorf("handshake %d: resumed is %v, want %v", round+1, got, want)
			}
			if name := server.State().PeerCertificates[0].Subject.CommonName; name != "laptop" {
				t.Errorf("handshake %d: server sees certificate %q", round+1, name)
			}
			a, _, err := client.Keys(eap.TypeTLS)
			b, _, _ := server.Keys(eap.TypeTLS)
			if err != nil || !bytes.Equal(a, b) {
				t.Errorf("handshake %d: keys are %x and %x, error %v", round+1, a, b, err)
			}
			keys = append(keys, a)
		}
		if bytes.Equal(keys[0], keys[1]) || bytes.Equal(keys[1], keys[2]) {
			t.Error("a resumed session has the keys of the one before")
		}
	})
}
