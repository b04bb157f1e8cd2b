package interop

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"nacsim/nac"
	"nacsim/nac/credential"
	"nacsim/nac/radiusd"
)

// devicePolicy lets devices in by their MAC address, and users by a password without EAP.
const devicePolicy = `
labels:
  - {name: Printer, type: match, match: client_mac, values: ["00-1c-b3-00-00-01"]}
  - {name: Printers, type: vlan, vlan: 30}
  - {name: Print Role, type: radius_group, radius_group: printer}
rules:
  - {name: Printers, action: allow, matching: {auth_type: mab, nactags: [Printer]}, apply_tags: [Printers, Print Role]}
`

// startDeviceNAC starts a NAC that takes all forms of MAC authentication bypass from a client.
func startDeviceNAC(t *testing.T, client radiusd.Client) *liveNAC {
	t.Helper()
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	users, err := credential.NewUsers(credential.UsersConfig{Users: []credential.User{{Name: "anna", Password: "kaffee"}}})
	if err != nil {
		t.Fatal(err)
	}
	return startNACWith(t, nac.Config{
		TLS:    &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()},
		Policy: loadPolicy(t, devicePolicy),
		RADIUS: radiusd.Config{Clients: []radiusd.Client{client}, MAB: radiusd.MAB{PAP: true, CHAP: true, EAPMD5: true}, PlainPasswords: users},
	})
}

// ask has radclient send a request and wants an answer with all of the texts.
func (n *liveNAC) ask(t *testing.T, server netip.AddrPort, command, attributes string, want ...string) {
	t.Helper()
	o := radclient{server: server, command: command}.run(t, attributes)
	for _, text := range want {
		if !strings.Contains(o.output, text) {
			t.Errorf("radclient has no %s to %s:\n%s", text, attributes, o.output)
		}
	}
}

// TestInteropNACTakesMAB has radclient be the switch, and eapol_test one that uses EAP-MD5.
func TestInteropNACTakesMAB(t *testing.T) {
	n := startDeviceNAC(t, peer)
	const signed = `, Message-Authenticator = 0x00, NAS-Port-Type = Ethernet, Service-Type = Call-Check`
	device := func(user, password, calling string) string {
		return fmt.Sprintf(`User-Name = %q, %s, Calling-Station-Id = %q`, user, password, calling) + signed
	}
	let := []string{"Received Access-Accept", `Tunnel-Private-Group-Id:0 = "30"`, `Filter-Id = "printer"`, "Message-Authenticator"}
	n.ask(t, n.auth, "auth", device("001cb3000001", `User-Password = "001cb3000001"`, "00-1C-B3-00-00-01"), let...)
	n.ask(t, n.auth, "auth", device("00:1c:b3:00:00:01", `User-Password = "00:1c:b3:00:00:01"`, "00:1c:b3:00:00:01"), let...)
	n.ask(t, n.auth, "auth", device("001c.b300.0001", `User-Password = "001c.b300.0001"`, "001c.b300.0001"), let...)
	n.ask(t, n.auth, "auth", device("001cb3000001", `CHAP-Password = "001cb3000001"`, "00-1C-B3-00-00-01"), let...)
	n.ask(t, n.auth, "auth", device("001cb3000001", `CHAP-Password = "001cb3000001", CHAP-Challenge = 0x0102030405060708`, "00-1C-B3-00-00-01"), let...)
	n.ask(t, n.auth, "auth", device("001cb3000001", `User-Password = "guess"`, "00-1C-B3-00-00-01"), "Received Access-Reject", "Message-Authenticator")
	n.ask(t, n.auth, "auth", device("001cb3000002", `User-Password = "001cb3000002"`, "00-1C-B3-00-00-02"), "Received Access-Reject")
	n.ask(t, n.auth, "auth", device("anna", `User-Password = "guess"`, "00-1C-B3-00-00-03"), "Received Access-Reject")
	n.ask(t, n.auth, "auth", device("anna", `User-Password = "kaffee"`, "00-1C-B3-00-00-03"), "Received Access-Reject")
	n.await(t, 1, "decision", "user=anna", "auth_type=pap", "result=reject") // she is authenticated, but no rule is for her
	n.await(t, 5, "decision", "client=00:1c:b3:00:00:01", "auth_type=mab", "result=accept")
}

// TestInteropNACTakesEAPMD5 has eapol_test authenticate as a switch does for a device.
func TestInteropNACTakesEAPMD5(t *testing.T) {
	path := program(t, "eapol_test")
	n := startDeviceNAC(t, peer)
	for _, c := range []struct {
		name, user, password string
		accepted             bool
	}{
		{"the address", "001cb3000001", "001cb3000001", true},
		{"another password", "001cb3000001", "guess", false},
		{"another device", "001cb3000009", "001cb3000009", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := fmt.Sprintf("network={\nkey_mgmt=IEEE8021X\neap=MD5\nidentity=%q\npassword=%q\n}\n", c.user, c.password)
			o := run(t, patience, "", path, "-c", writeFile(t, t.TempDir(), "md5.conf", []byte(conf)), "-t", "10", "-n", "-M", "00:1c:b3:00:00:01",
				"-a", n.auth.Addr().String(), "-p", strconv.Itoa(int(n.auth.Port())), "-s", secret)
			if ok := o.code == 0 && strings.Contains(o.output, "\nSUCCESS"); ok != c.accepted || strings.Contains(o.output, "EAPOL test timed out") {
				t.Errorf("eapol_test ends with exit code %d:\n%s", o.code, o.output)
			}
		})
	}
}

// TestInteropNACTellsThatItIsAlive covers Status-Server on both ports (RFC 5997).
func TestInteropNACTellsThatItIsAlive(t *testing.T) {
	n := startDeviceNAC(t, peer)
	for range 2 {
		n.ask(t, n.auth, "status", `Message-Authenticator = 0x00`, "Received Access-Accept")
		n.ask(t, n.acct, "status", `Message-Authenticator = 0x00`, "Received Accounting-Response")
	}
	if c := n.nac.Counters(); c.StatusServers != 4 || c.Repeats != 0 {
		t.Errorf("counters are %+v", c)
	}
}

// TestInteropNACKeepsProxyState has a proxy's attributes come back in their order, in whatever reply (RFC 2865 section 5.33).
func TestInteropNACKeepsProxyState(t *testing.T) {
	n := startDeviceNAC(t, peer)
	const proxies = `, Proxy-State = 0x6f6e65, Proxy-State = 0x74776f, Proxy-State = 0x6f6e65`
	const back = "Proxy-State = 0x6f6e65\n\tProxy-State = 0x74776f\n\tProxy-State = 0x6f6e65"
	const device = `User-Name = "001cb3000001", Calling-Station-Id = "001cb3000001", Message-Authenticator = 0x00, User-Password = `
	n.ask(t, n.auth, "auth", device+`"001cb3000001"`+proxies, "Received Access-Accept", back)
	n.ask(t, n.auth, "auth", device+`"guess"`+proxies, "Received Access-Reject", back)
	n.ask(t, n.acct, "acct", `Acct-Status-Type = Start, Acct-Session-Id = "7", NAS-IP-Address = 127.0.0.1`+proxies, "Received Accounting-Response", back)
}

// TestInteropNACFollowsAccounting plays the accounting of a device whose Start was lost.
func TestInteropNACFollowsAccounting(t *testing.T) {
	n := startDeviceNAC(t, peer)
	n.ask(t, n.auth, "auth", `User-Name = "001cb3000001", User-Password = "001cb3000001", Calling-Station-Id = "00-1C-B3-00-00-01", Message-Authenticator = 0x00`, "Received Access-Accept")
	const who = `User-Name = "001cb3000001", NAS-IP-Address = 127.0.0.1, Calling-Station-Id = "00-1C-B3-00-00-01", Acct-Session-Id = "A1"`
	n.ask(t, n.acct, "acct", `Acct-Status-Type = Interim-Update, Acct-Session-Time = 600, Acct-Input-Octets = 1, Acct-Input-Gigawords = 2, `+who, "Received Accounting-Response")
	n.await(t, 1, "session", "client=00:1c:b3:00:00:01", "state=started", "session=A1")
	n.ask(t, n.acct, "acct", `Acct-Status-Type = Stop, Acct-Session-Time = 700, Acct-Terminate-Cause = User-Request, `+who, "Received Accounting-Response")
	n.await(t, 1, "session", "client=00:1c:b3:00:00:01", "state=ended", "reason=User-Request")
}

// TestInteropNACWarnsOfBlastRADIUS has radclient leave out the Message-Authenticator, as it does without being told
// (CVE-2024-3596).
func TestInteropNACWarnsOfBlastRADIUS(t *testing.T) {
	old := peer
	old.OptionalMessageAuthenticator = true
	n := startDeviceNAC(t, old)
	const device = `User-Name = "001cb3000001", User-Password = "001cb3000001", Calling-Station-Id = "00-1C-B3-00-00-01"`
	n.ask(t, n.auth, "auth", device, "Received Access-Accept", "Message-Authenticator")
	n.await(t, 1, "warning", "count=1")
	n.ask(t, n.auth, "auth", device+`, Proxy-State = 0x01`, "No reply from server")
	n.await(t, 1, "drop", "reason="+string(radiusd.DropUnsignedProxyState))
}
