package interop

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/teap"
	"nacsim/nac"
	"nacsim/nac/credential"
	"nacsim/nac/eapserver"
	"nacsim/nac/radiusd"
)

// teapPolicy lets in whoever is authenticated.
const teapPolicy = `
rules:
  - {name: All, action: allow}
`

// teapUsers are those of the directory.
var teapUsers = credential.UsersConfig{Users: []credential.User{
	{Name: "anna", Password: "password"}, {Name: "host/laptop", Password: "machine-password"},
}}

// TestInteropNACTEAP needs an eapol_test built with CONFIG_EAP_TEAP=y, which Debian's is not.
func TestInteropNACTEAP(t *testing.T) {
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	certificate := clientCertificate(t, corp, "LAPTOP-1", from, to)
	user := `identity="anna"` + "\n" + `password="password"` + "\n"
	machine := `machine_identity="host/laptop"` + "\n" + `machine_password="machine-password"` + "\n" + `machine_phase2="auth=MSCHAPV2"` + "\n"
	both := []teap.Identity{teap.Machine, teap.User}
	for i, c := range []struct {
		name   string
		config eapserver.TEAP
		lines  string
		accept bool
	}{
		{"password", eapserver.TEAP{Inner: []eapserver.Inner{eapserver.Password}}, user, true},
		{"wrong password", eapserver.TEAP{Inner: []eapserver.Inner{eapserver.Password}}, strings.Replace(user, `="password"`, `="wrong"`, 1), false},
		{"MSCHAPv2", eapserver.TEAP{Inner: []eapserver.Inner{eapserver.EAPMSCHAPv2}}, user + "phase2=\"auth=MSCHAPV2\"\n", true},
		{"MSCHAPv2, wrong password", eapserver.TEAP{Inner: []eapserver.Inner{eapserver.EAPMSCHAPv2}},
			strings.Replace(user, `="password"`, `="wrong"`, 1) + "phase2=\"auth=MSCHAPV2\"\n", false},
		{"GTC", eapserver.TEAP{Inner: []eapserver.Inner{eapserver.EAPGTC}}, user + "phase2=\"auth=GTC\"\n", true},
		{"TLS", eapserver.TEAP{Inner: []eapserver.Inner{eapserver.EAPTLS}}, "identity=\"anna\"\nCERTIFICATE2phase2=\"auth=TLS\"\n", true},
		{"NAK to MSCHAPv2", eapserver.TEAP{}, user + "phase2=\"auth=MSCHAPV2\"\n", true},
		{"machine alone", eapserver.TEAP{Inner: []eapserver.Inner{eapserver.EAPMSCHAPv2}, Identities: []teap.Identity{teap.Machine}}, user + machine, true},
		{"machine and user", eapserver.TEAP{Inner: []eapserver.Inner{eapserver.EAPMSCHAPv2}, Identities: both}, user + machine + "phase2=\"auth=MSCHAPV2\"\n", true},
		{"machine and user by password", eapserver.TEAP{Inner: []eapserver.Inner{eapserver.Password}, Identities: both}, user + machine, true},
		{"machine with a wrong password", eapserver.TEAP{Inner: []eapserver.Inner{eapserver.EAPMSCHAPv2}, Identities: both},
			user + strings.Replace(machine, "machine-password", "wrong", 1) + "phase2=\"auth=MSCHAPV2\"\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := startNACWith(t, nac.Config{
				TLS:    &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()},
				RADIUS: radiusd.Config{Clients: []radiusd.Client{peer}, EAP: eapserver.Config{Methods: []eap.Type{eap.TypeTEAP}, TEAP: c.config}},
				Users:  &teapUsers,
			})
			n.nac.SetPolicy(loadPolicy(t, teapPolicy))
			_, option := client(i)
			r := eapolTest{server: n.auth, version: "1.2", certificate: certificate, root: corp.Certificate(), args: option,
				teap: c.lines}.run(t)
			switch {
			case r.has("EAP: Failed to initialize EAP method: vendor 0 method 55") || strings.Contains(r.output, "unknown EAP method 'TEAP'"):
				t.Skip("this eapol_test has no TEAP")
			case c.accept:
				r.accepted(t, "1.2", 1)
			default:
				r.refused(t)
			}
		})
	}
}

// teapNetwork is the block of wpa_supplicant's configuration for TEAP.
func (e eapolTest) teapNetwork(ca, chain, key string) []byte {
	inner := strings.Replace(e.teap, "CERTIFICATE2", fmt.Sprintf("ca_cert2=%q\nclient_cert2=%q\nprivate_key2=%q\n", ca, chain, key), 1)
	return fmt.Appendf(nil, "network={\nkey_mgmt=WPA-EAP\neap=TEAP\nanonymous_identity=\"anonymous\"\nca_cert=%q\nphase1=%q\n%s}\n", ca, phase1[e.version], inner)
}
