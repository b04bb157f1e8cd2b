package interop

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/template"
)

// wired is a switch port and what is behind it on either side: wpa_supplicant in one network namespace, hostapd and the
// NAC in another, a cable between them.
type wired struct {
	dir          string // short, since sockets have short names
	nas, station *namespace
	nac          *nacProgram
	trace        *output // of the NAC, line by line as it is written
	hostapd      *server
	supplicant   *server
}

const stationMAC = "00:1c:b3:02:00:01"

// hostapdConf is a switch with the default ports of RADIUS, which are free in a namespace of its own. What it asks of
// dynamic authorization is the strictest that hostapd has.
const hostapdConf = `interface=nas
driver=wired
logger_stdout=-1
logger_stdout_level=0
ieee8021x=1
use_pae_group_addr=1
eap_reauth_period=3600
own_ip_addr=127.0.0.1
nas_identifier=switch-1
auth_server_addr=127.0.0.1
auth_server_port=1812
auth_server_shared_secret={{.}}
acct_server_addr=127.0.0.1
acct_server_port=1813
acct_server_shared_secret={{.}}
radius_acct_interim_interval=1
radius_das_port=3799
radius_das_client=127.0.0.1 {{.}}
radius_das_require_event_timestamp=1
radius_das_require_message_authenticator=1
`

// wiredPolicy lets everybody in, and has them authenticate again after the time given.
const wiredPolicy = `
labels:
  - {name: Corp VLAN, type: vlan, vlan: %d}
  - {name: Again, type: session_timeout, session_timeout: %d}
rules:
  - {name: Everybody, action: allow, matching: {}, apply_tags: [Corp VLAN, Again]}
`

const wiredNAC = `
clients: [{address: 127.0.0.1, name: switch-1, secret: %[2]s}]
certificate: {chain: %[1]s/server.pem, key: %[1]s/server.key}
client_cas: [%[1]s/trusted.pem]
policy: policy.yaml
users: users.yaml
coa: {kind: disconnect}
`

// startWired starts the NAC and hostapd.
func startWired(t *testing.T, c *cabinet) *wired {
	t.Helper()
	hostapd := program(t, "hostapd")
	program(t, "wpa_supplicant")
	program(t, "wpa_cli")
	w := &wired{nas: newNamespace(t), station: newNamespace(t)}
	var err error
	if w.dir, err = os.MkdirTemp("", "wired"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(w.dir) })
	cable(t, w.nas, "nas", "00:1c:b3:02:00:02", w.station, "station", stationMAC)
	w.policy(t, 750, 3600)
	writeFile(t, w.dir, "users.yaml", nacUsers())
	writeFile(t, w.dir, "nac.yaml", fmt.Appendf(nil, wiredNAC, c.dir, secret))
	w.follow(t)
	w.nac = &nacProgram{server: startCommand(t, w.nas.inside(t, nacCommand(t, w.dir))), dir: w.dir}
	expect(t, w.nac.output, "ready;", 1)
	var b bytes.Buffer
	if err := template.Must(template.New("").Parse(hostapdConf)).Execute(&b, secret); err != nil {
		t.Fatal(err)
	}
	writeFile(t, w.dir, "hostapd.conf", b.Bytes())
	cmd := exec.Command(hostapd, "-dd", "hostapd.conf")
	cmd.Dir = w.dir
	w.hostapd = startCommand(t, w.nas.inside(t, cmd))
	expect(t, w.hostapd.output, "AP-ENABLED", 1)
	return w
}

// policy writes the policy's file.
func (w *wired) policy(t *testing.T, vlan, timeout int) {
	t.Helper()
	writeFile(t, w.dir, "policy.yaml", fmt.Appendf(nil, wiredPolicy, vlan, timeout))
}

// follow makes the trace's file a pipe and reads it.
func (w *wired) follow(t *testing.T) {
	t.Helper()
	path := filepath.Join(w.dir, "nac.jsonl")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	// Open for writing too, so that there need be no writer yet.
	pipe, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.trace = newOutput()
	go func() {
		_, err := io.Copy(w.trace.writer, pipe)
		w.trace.writer.CloseWithError(err)
	}()
	t.Cleanup(func() { pipe.Close() })
}

// plug starts wpa_supplicant.
func (w *wired) plug(t *testing.T, c *cabinet, network []string) {
	t.Helper()
	if err := os.Symlink(c.dir, filepath.Join(w.dir, "credentials")); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "ctrl_interface=%s/wpa\nap_scan=0\nnetwork={\nkey_mgmt=IEEE8021X\neapol_flags=0\nca_cert=\"%s.pem\"\n", w.dir, caECDSA)
	for _, line := range network {
		fmt.Fprintln(&b, line)
	}
	fmt.Fprintln(&b, "}")
	cmd := exec.Command(program(t, "wpa_supplicant"), "-D", "wired", "-i", "station", "-c", writeFile(t, w.dir, "wpa.conf", b.Bytes()))
	cmd.Dir = c.dir
	w.supplicant = startCommand(t, w.station.inside(t, cmd))
}

// tell has wpa_supplicant do something.
func (w *wired) tell(t *testing.T, command string) {
	t.Helper()
	o := run(t, patience, "", program(t, "wpa_cli"), "-p", filepath.Join(w.dir, "wpa"), "-i", "station", command)
	if o.code != 0 || !strings.Contains(o.output, "OK") {
		t.Fatalf("wpa_cli %s: %s", command, o.output)
	}
}

// expect waits for the n-th line with a text.
func expect(t *testing.T, o *output, text string, n int) {
	t.Helper()
	if !o.await(text, n) {
		t.Fatalf("there are not %d lines with %q", n, text)
	}
}

// event is a client event in the trace.
func event(kind string) string { return `"kind":"event","type":"` + kind + `","mac":"001cb3020001"` }

// TestInteropWired plays a day of a device on a switch port: it authenticates, is accounted for, is thrown off when the
// policy moves it to another VLAN, authenticates again, is made to authenticate again after its Session-Timeout
// (RFC 3580 section 3.17), and leaves; then the switch is shut down.
func TestInteropWired(t *testing.T) {
	c := newCabinet(t)
	for _, method := range []struct {
		name    string
		network []string
	}{
		{"EAP-TLS", certified("laptop", "1.3")},
		{"TTLS", tunnelled("TTLS", "auth=MSCHAPV2", "1.2", phase1Line("1.2", "tls_disable_session_ticket=0"))},
		{"TTLS with EAP", tunnelled("TTLS", "autheap=MSCHAPV2", "1.3")},
	} {
		t.Run(method.name, func(t *testing.T) {
			t.Parallel()
			w := startWired(t, c)
			w.plug(t, c, method.network)
			w.day(t)
		})
	}
}

func (w *wired) day(t *testing.T) {
	t.Helper()
	const success, answered = "CTRL-EVENT-EAP-SUCCESS", "RADIUS message: code=5 (Accounting-Response)"
	expect(t, w.hostapd.output, answered, 1) // to Accounting-On
	expect(t, w.supplicant.output, success, 1)
	expect(t, w.trace, event("NAC_CLIENT_PERMIT"), 1)
	expect(t, w.trace, event("NAC_ACCOUNTING_START"), 1)
	expect(t, w.trace, event("NAC_ACCOUNTING_UPDATE"), 2)

	w.policy(t, 751, 1)
	w.signal(t, w.nac.server, syscall.SIGHUP)
	expect(t, w.hostapd.output, "RADIUS message: code=41 (Disconnect-ACK)", 1)
	expect(t, w.trace, event("NAC_ACCOUNTING_STOP"), 1)
	w.tell(t, "logoff") // hostapd does not tell the station that it has been thrown off
	w.tell(t, "logon")
	expect(t, w.supplicant.output, success, 2)
	expect(t, w.supplicant.output, success, 3)
	expect(t, w.hostapd.output, "REAUTH_TIMER entering state REAUTHENTICATE", 1)
	w.tell(t, "logoff")
	expect(t, w.trace, event("NAC_ACCOUNTING_STOP"), 2)

	w.signal(t, w.hostapd, syscall.SIGTERM)
	<-w.hostapd.ended
	w.signal(t, w.nac.server, syscall.SIGTERM)
	expect(t, w.nac.output, "ended by terminated", 1)
	w.checkDecisions(t)
	w.checkRecords(t)
}

func (w *wired) signal(t *testing.T, s *server, signal syscall.Signal) {
	t.Helper()
	if err := s.process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// checkDecisions checks what the NAC has decided, and asked the switch for.
func (w *wired) checkDecisions(t *testing.T) {
	t.Helper()
	var vlans []string
	resumed := false
	coa := map[string]int{}
	for _, r := range readTrace(t, strings.NewReader(w.trace.String())) {
		switch {
		case r.Kind == "decision" && r.Client == stationMAC:
			vlans = append(vlans, r.Result+" "+r.VLAN)
		case r.Kind == "event" && r.Type == "NAC_CLIENT_PERMIT":
			resumed = resumed || r.Resumed
		case r.Kind == "coa":
			coa[r.Request+" "+r.Result]++
		}
	}
	if want := []string{"accept 750", "accept 751", "accept 751"}; !slices.Equal(vlans, want) {
		t.Errorf("decisions %q, want %q", vlans, want)
	}
	if !resumed {
		t.Error("the station has resumed no session")
	}
	if want := map[string]int{"Disconnect-Request sent": 1, "Disconnect-Request ack": 1}; !maps.Equal(coa, want) {
		t.Errorf("changes of authorization %v, want %v", coa, want)
	}
}

// checkRecords checks that hostapd has sent On, Start, interim updates, Stop and Off, each was answered, and those of the
// station came with the Class of an Access-Accept.
func (w *wired) checkRecords(t *testing.T) {
	t.Helper()
	classes := map[string]bool{}
	for _, accept := range w.messages("code=2 (Access-Accept)") {
		classes[accept["Class"]] = true
	}
	if len(classes) == 0 || classes[""] {
		t.Errorf("Access-Accepts with the Classes %v", classes)
	}
	kinds := map[string]int{}
	for _, record := range w.messages("code=4 (Accounting-Request)") {
		kind := record["Acct-Status-Type"]
		kinds[kind]++
		if ofStation := kind == "1" || kind == "2" || kind == "3"; ofStation != classes[record["Class"]] {
			t.Errorf("Accounting-Request %v, want a Class of %v", record, classes)
		}
	}
	// Start, Stop, Interim-Update, Accounting-On, Accounting-Off
	for kind, least := range map[string]int{"1": 2, "2": 2, "3": 2, "7": 1, "8": 1} {
		if kinds[kind] < least {
			t.Errorf("%d Accounting-Requests with Acct-Status-Type %s, want %d", kinds[kind], kind, least)
		}
	}
}

// messages are the attributes of the RADIUS messages of a kind that hostapd has sent and received.
func (w *wired) messages(kind string) []map[string]string {
	var found []map[string]string
	inside, name := false, ""
	for line := range strings.Lines(w.hostapd.String()) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "RADIUS message: ") {
			if inside = strings.Contains(line, kind); inside {
				found = append(found, map[string]string{})
			}
		} else if m := hostapdAttribute.FindStringSubmatch(line); m != nil {
			name = m[1]
		} else if value, ok := strings.CutPrefix(line, "Value: "); ok && inside {
			found[len(found)-1][name] = value
		}
	}
	return found
}

var hostapdAttribute = regexp.MustCompile(`^Attribute \d+ \((.*)\) length=\d+$`)
