package cli

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/load"
	"nacsim/internal/eap"
)

// TestLiveTEAP has a machine with a certificate and its user with a password authenticate one after the other, alone, and
// with the user's password wrong, and holds what the operator is told of each.
func TestLiveTEAP(t *testing.T) {
	r := startNACProgram(t, func(dir string) {
		edit(t, dir, "nac.yaml", "# tls: {min", "eap: {methods: [teap], teap: {inner: [eap-tls, eap-mschapv2], identities: [machine, user], machine_only: true}}\n# tls: {min")
	}, func(f *nacFlags) { f.trace = filepath.Join(t.TempDir(), "trace.jsonl") })
	certificate, password := r.clients(t)
	chained := load.Client{MAC: ether.Addr{2, 0, 0, 0, 0, 5}, EAP: new(eappeer.Config)}
	*chained.EAP = *password.EAP
	chained.EAP.Method, chained.EAP.Inner = eap.TypeTEAP, eappeer.EAPMSCHAPv2
	chained.EAP.Machine = &eappeer.Machine{Identity: initIdentity, Inner: eappeer.EAPTLS, Certificate: certificate.EAP.Certificate}
	alone := load.Client{MAC: ether.Addr{2, 0, 0, 0, 0, 6}, EAP: new(eappeer.Config)}
	*alone.EAP = *chained.EAP
	alone.EAP.NoUser = true
	wrong := load.Client{MAC: ether.Addr{2, 0, 0, 0, 0, 7}, EAP: new(eappeer.Config)}
	*wrong.EAP = *chained.EAP
	wrong.EAP.Password = "guessed"
	if got := r.ask(t, chained, alone, wrong); got.Accepted != 2 || got.Rejected != 1 {
		t.Errorf("accepted %d and rejected %d\n%s", got.Accepted, got.Rejected, r.stdout)
	}
	r.stdout.await(t, `accept   02:00:00:00:00:05 "anna" with machine "LAPTOP-1" on load eap-teap`)
	r.stdout.await(t, `refuse   02:00:00:00:00:07 "anna" with machine "LAPTOP-1" on load eap-teap: \[bad_credentials\]`)
	r.end(t)
	trace := contents(t, r.trace)
	for mac, want := range map[string][]string{
		"020000000005": {"NAC_CLIENT_MACHINE_CERT_CHECK_SUCCESS", "NAC_IDP_AUTHC_SUCCESS", "NAC_CLIENT_PERMIT"},
		"020000000006": {"NAC_CLIENT_MACHINE_CERT_CHECK_SUCCESS", "NAC_CLIENT_PERMIT"},
		"020000000007": {"NAC_CLIENT_MACHINE_CERT_CHECK_SUCCESS", "NAC_IDP_AUTHC_FAILURE", "NAC_CLIENT_DENY"},
	} {
		var events []string
		for _, m := range regexp.MustCompile(`"type":"(NAC_(?:CLIENT|IDP)_\w+)","mac":"`+mac+`"`).FindAllStringSubmatch(trace, -1) {
			events = append(events, m[1])
		}
		if !slices.Equal(events, want) {
			t.Errorf("%s: events %q, want %q", mac, events, want)
		}
	}
}
