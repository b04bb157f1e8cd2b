package interop

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"nacsim/nac"
	"nacsim/nac/coa"
	"nacsim/nac/radiusd"
	"nacsim/nac/reconcile"
)

// TestInteropNACChangesAuthorizations has FreeRADIUS take the NAC's requests for dynamic authorization (RFC 5176): a
// policy that moves clients to another VLAN makes the NAC ask for both of them, and FreeRADIUS grants one request
// and refuses the other.
func TestInteropNACChangesAuthorizations(t *testing.T) {
	program(t, "eapol_test")
	for _, kind := range []coa.Kind{coa.Reauth, coa.Disconnect} {
		t.Run(string(kind), func(t *testing.T) {
			f, _ := corporate(t, "1.2")
			corp := newAuthority(t, "Contoso Root CA")
			from, to := valid()
			nas := peer
			nas.CoAPort = f.CoA.Port()
			n := startNACWith(t, nac.Config{
				TLS:    &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()},
				RADIUS: radiusd.Config{Clients: []radiusd.Client{nas}},
				CoA:    nac.CoA{Kind: kind, Limits: reconcile.Limits{Settle: -1}},
			})
			granted, refused := 1, 0xff
			for _, number := range []int{granted, refused} {
				_, option := client(number)
				r := eapolTest{server: n.auth, version: "1.3", certificate: clientCertificate(t, corp, "LAPTOP-1", from, to), root: corp.Certificate(), args: option}.run(t)
				r.accepted(t, "1.3", 1)
			}
			n.nac.SetPolicy(loadPolicy(t, strings.ReplaceAll(nacPolicy, "750", "751")))
			mac, _ := client(granted)
			n.await(t, 1, "coa", "client="+mac, "request="+kind.Request(), "result=ack", "have_vlan=750", "wanted_vlan=751")
			mac, _ = client(refused)
			n.await(t, 1, "coa", "client="+mac, "request="+kind.Request(), "result=nak", "error_cause=Session-Context-Not-Found (503)")
			checkChange(t, f, kind)
		})
	}
}

// checkChange checks what FreeRADIUS understood of the requests.
func checkChange(t *testing.T, f *freeRADIUS, kind coa.Kind) {
	t.Helper()
	name := strings.TrimSuffix(kind.Request(), "Request")
	if !f.await("Sent "+name+"ACK", 1) || !f.await("Sent "+name+"NAK", 1) {
		t.Fatal("FreeRADIUS has not answered both requests")
	}
	requests := f.attributes(kind.Request())
	if len(requests) != 2 {
		t.Fatalf("FreeRADIUS has received %d %s, want 2:\n%s", len(requests), kind.Request(), f)
	}
	want := []string{`Calling-Station-Id = "00-1C-B3-00-00-`, `User-Name = "host/LAPTOP-1"`, `NAS-IP-Address = 127.0.0.1`, "Event-Timestamp = ", "Message-Authenticator = "}
	if kind == coa.Reauth {
		want = append(want, `Cisco-AVPair = "subscriber:command=reauthenticate"`)
	}
	for _, r := range requests {
		for _, attribute := range want {
			if !slices.ContainsFunc(r, func(a string) bool { return strings.HasPrefix(a, attribute) }) {
				t.Errorf("%s has no %s:\n%s", kind.Request(), attribute, strings.Join(r, "\n"))
			}
		}
	}
}
