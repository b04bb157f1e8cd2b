package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"nacsim/fakeap/load"
	"nacsim/internal/host"
	"nacsim/internal/radius"
	"nacsim/nac"
	"nacsim/nac/config"
	"nacsim/sim/live"
)

// nacFile replaces the file of nacsim nac --init: users with passwords, and devices by their MAC address.
const nacFile = `
clients: [{address: 127.0.0.1, name: here, secret: correct-horse-battery-staple}]
certificate: {chain: server.pem, key: server.key}
client_cas: [ca.pem]
policy: all.yaml
eap: {methods: [tls, ttls, peap]}
mab: {forms: [pap, chap, eap-md5]}
users: [{name: anna, password: blue}, {name: user1, password: one}, {name: user2, password: two}]
`

const nacPolicy = `
labels:
  - {name: Corp VLAN, type: vlan, vlan: 750}
  - {name: Staff, type: radius_group, radius_group: staff}
rules:
  - {name: All, action: allow, apply_tags: [Corp VLAN, Staff]}
`

// testNAC is a NAC in this process.
type testNAC struct {
	dir    string
	server string
}

func startTestNAC(t *testing.T) *testNAC {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lab")
	if err := initNAC(dir, time.Now(), io.Discard); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"nac.yaml": nacFile, "all.yaml": nacPolicy} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "nac.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	free := netip.MustParseAddrPort("127.0.0.1:0")
	w := live.New(live.Config{AllowExternal: true, Bind: map[netip.AddrPort]netip.AddrPort{nacAuth: free, nacAcct: free}})
	t.Cleanup(func() { w.Close() })
	cfg.NAC.RADIUS.AuthAddr, cfg.NAC.RADIUS.AcctAddr = nacAuth, nacAcct
	if err := w.AddHost("nac", nacOwn, func(h host.Host) error { _, err := nac.Start(h, cfg.NAC); return err }); err != nil {
		t.Fatal(err)
	}
	auth, _ := w.UDPAddr(nacAuth)
	acct, _ := w.UDPAddr(nacAcct)
	n := &testNAC{dir: dir, server: auth.String()}
	edge := strings.NewReplacer("AUTH", auth.String(), "ACCT", acct.String()).Replace(edgeFile)
	if err := os.WriteFile(filepath.Join(dir, "ap.yaml"), []byte(edge), 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

const edgeFile = `
server: {auth: "AUTH", acct: "ACCT", secret: correct-horse-battery-staple, timeout: 10s}
nas:
  - {name: ap-1, kind: ap, das: {address: 127.0.0.1, port: 0}}
  - {name: ap-2, kind: ap, ssid: things}
  - {name: sw-1, kind: switch, mab: {mode: fallback, wait: 100ms, protocol: eap-md5}}
supplicants:
  - {name: laptop, certificate: client.pem, key: client.key, ca: ca.pem, server_name: radius.corp.example, expect: {vlan: 750, filter_id: staff}}
  - {name: old, nas: sw-1, certificate: client.pem, key: client.key, ca: ca.pem, tls: {max: "1.2"}, fragment: 200}
  - {name: anna, method: ttls-pap, user: anna, anonymous: "@corp.example", password: blue, ca: ca.pem, expect: {vlan: 750}}
  - {name: "user{n}", count: 2, nas: sw-1, port: 5, method: ttls-pap, identity: "user{n}", password: one, ca: ca.pem}
  - {name: liar, method: peap-mschapv2, user: anna, password: red, ca: ca.pem, expect: {result: reject}}
  - {name: careful, method: ttls-pap, user: anna, password: blue, ca: ca.pem, server_name: other.example, expect: {result: reject}}
  - {name: printer, nas: sw-1, method: mab, mac: "00:1c:b3:09:85:15", expect: {vlan: "750"}}
  - {name: camera, nas: ap-2, method: mab}
`

// ap runs nacsim ap and returns its exit code and output.
func (n *testNAC) ap(t *testing.T, args ...string) (code int, stdout string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Execute(New(nil), append([]string{"ap"}, args...), &out, &errs)
	if code > ExitFailed {
		t.Fatalf("nacsim ap %q: exit code %d\n%s%s", args, code, &out, &errs)
	}
	return code, out.String()
}

func (n *testNAC) file(name string) string { return filepath.Join(n.dir, name) }

// Devices of every kind, each with what must come of it: user2 has the wrong password, and is the only one that was
// expected to be accepted and is not.
func TestAPReport(t *testing.T) {
	n := startTestNAC(t)
	code, out := n.ap(t, "--config", n.file("ap.yaml"), "--once", "--json")
	var report struct {
		Supplicants []apResult
		Met, Unmet  int
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if code != ExitFailed || report.Met != 8 || report.Unmet != 1 || len(report.Supplicants) != 9 {
		t.Fatalf("exit code %d, report %s", code, out)
	}
	byName := map[string]apResult{}
	for _, r := range report.Supplicants {
		byName[r.Name] = r
	}
	for name, want := range map[string]apResult{
		"laptop":  {Port: "ap-1/corp", Result: "accept", VLAN: "750", FilterID: "staff", EAP: "EAP-TLS", TLS: "TLS 1.3", Keys: "equal", User: "host/laptop-1.corp.example"},
		"old":     {Port: "sw-1/1", Result: "accept", VLAN: "750", FilterID: "staff", EAP: "EAP-TLS", TLS: "TLS 1.2", Keys: "equal", User: "host/laptop-1.corp.example"},
		"anna":    {Port: "ap-1/corp", Result: "accept", VLAN: "750", FilterID: "staff", EAP: "EAP-TTLS", TLS: "TLS 1.3", Keys: "equal", User: "@corp.example"},
		"user1":   {Port: "sw-1/5", Result: "accept", VLAN: "750", FilterID: "staff", EAP: "EAP-TTLS", TLS: "TLS 1.3", Keys: "equal", User: "user1"},
		"user2":   {Port: "sw-1/6", Result: "reject", EAP: "EAP-TTLS", TLS: "TLS 1.3", User: "user2"},
		"printer": {Port: "sw-1/7", Result: "accept", VLAN: "750", FilterID: "staff", EAP: "MD5-Challenge", User: "001cb3098515"},
		"camera":  {Port: "ap-2/things", Result: "accept", VLAN: "750", FilterID: "staff"},
	} {
		got := byName[name]
		if want.User == "" || name == "anna" { // the policy's User-Name is the server's choice
			want.User = got.User
		}
		if got.Port != want.Port || got.Result != want.Result || got.VLAN != want.VLAN || got.FilterID != want.FilterID || got.EAP != want.EAP ||
			got.TLS != want.TLS || got.Keys != want.Keys || got.User != want.User || got.RoundTrips < 1 || got.Result == "accept" && len(got.Class) == 0 {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if r := byName["careful"]; !strings.Contains(r.Reason, "server certificate refused") {
		t.Errorf("careful: %+v", r)
	}
	if r := byName["liar"]; !strings.Contains(r.Reason, "691") {
		t.Errorf("liar: %+v", r)
	}
	if r := byName["user2"]; r.Met || r.Expected != "accept" {
		t.Errorf("user2: %+v", r)
	}
}

func TestAPFlags(t *testing.T) {
	n := startTestNAC(t)
	base := []string{"--server", n.server, "--acct", "none", "--secret", "correct-horse-battery-staple", "--ca", n.file("ca.pem"), "--once"}
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"--method ttls-pap --user anna --password blue", 0, `✓  device-1  ap-1/corp  accept  750 +ttls-pap +1.3 +equal`},
		{"--method peap-mschapv2 --user anna --password blue --kind switch --tls 1.2 --name anna", 0, `✓  anna +sw-1/1 +accept +750 +peap-mschapv2 +1.2 +equal`},
		{"--method ttls-mschapv2 --user anna --password red --expect reject", 0, `✓ .*reject`},
		{"--method ttls-pap --user anna --password blue --expect-vlan 1", 1, `✗ .*expected VLAN 1`},
		{"--method mab-chap --mac 00-1C-B3-00-00-09 --kind switch", 0, `accept +750 +mab`},
		{"--method mab --count 3", 0, `3 of 3 as expected`},
		{"--method ttls-pap --user user{n} --password one --count 2", 1, `1 of 2 as expected`},
	} {
		code, out := n.ap(t, append(base, strings.Fields(tt.args)...)...)
		if code != tt.code || !regexp.MustCompile(tt.want).MatchString(out) {
			t.Errorf("%s: exit code %d, want %d, and output that matches %q:\n%s", tt.args, code, tt.code, tt.want, out)
		}
	}
}

// lines is an output that can be waited for.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.text.Write(b)
}

// await waits for output that matches, and returns the first group of it.
func (l *lines) await(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-l.more:
		case <-late:
			t.Fatalf("no output that matches %q:\n%s", pattern, text)
		}
	}
}

// A session that is kept obeys RFC 5176, and what happens is shown.
func TestAPKeepsSessions(t *testing.T) {
	n := startTestNAC(t)
	out := &lines{more: make(chan struct{}, 1)}
	done := make(chan int, 1)
	go func() {
		done <- Execute(New(nil), []string{"ap", "--server", n.server, "--acct", "none", "--secret", "correct-horse-battery-staple", "--method", "ttls-pap",
			"--user", "anna", "--password", "blue", "--ca", n.file("ca.pem"), "--das", "0", "--for", "3s", "--mac", "00:1c:b3:09:85:15", "--name", "laptop"}, out, io.Discard)
	}()
	port := out.await(t, `Disconnect-Requests at udp 0.0.0.0:(\d+)`)
	conn, err := net.Dial("udp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p, err := radius.NewRequest(lr.CodeDisconnectRequest, 7, []byte("correct-horse-battery-staple"), nil)
	if err != nil {
		t.Fatal(err)
	}
	rfc2865.CallingStationID_SetString(p, "00-1C-B3-09-85-15")
	radius.SetEventTimestamp(p, time.Now())
	b, err := radius.EncodeRequest(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 4096)
	size, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := radius.ParseReply(buf[:size], p, true); err != nil || reply.Code != lr.CodeDisconnectACK {
		t.Errorf("reply %v, %v", reply, err)
	}
	out.await(t, `laptop is off the network`)
	out.await(t, `(?s)off the network.*laptop is on the network`)
	if code := <-done; code != ExitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestAPLoad(t *testing.T) {
	n := startTestNAC(t)
	base := []string{"--config", n.file("ap.yaml"), "--load", "--json"}
	tls := []string{"--server", n.server, "--secret", "correct-horse-battery-staple", "--ca", n.file("ca.pem"), "--load", "--json",
		"--certificate", n.file("client.pem"), "--key", n.file("client.key")}
	for name, tt := range map[string]struct {
		args     []string
		code     int
		accepted int64
	}{
		"TLS":         {append(tls, "--count", "40", "--concurrency", "4"), 0, 40},
		"TLS resumed": {append(tls, "--count", "40", "--clients", "5", "--resume"), 0, 40},
		"mixed":       {append(base, "--count", "18", "--concurrency", "3", "--accounting"), 1, 12}, // two refused, one wrong password, of nine
		"MAC":         {[]string{"--server", n.server, "--secret", "correct-horse-battery-staple", "--method", "mab", "--clients", "50", "--load", "--json", "--rate", "500", "--count", "100"}, 0, 100},
	} {
		code, out := n.ap(t, tt.args...)
		var r loadReport
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		if code != tt.code || r.Accepted != tt.accepted || r.CPU <= 0 || r.Latency.P50 <= 0 || r.NoReply+r.Failed != 0 {
			t.Errorf("%s: exit code %d, %s", name, code, out)
		}
		if resumed := name == "TLS resumed"; resumed != (r.Resumed >= 30) {
			t.Errorf("%s: %d sessions resumed", name, r.Resumed)
		}
	}
	if code, out := n.ap(t, append(tls[:7:7], "--load", "--certificate", n.file("client.pem"), "--key", n.file("client.key"), "--count", "5")...); code != 0 || !strings.Contains(out, "accepted 5, rejected 0") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// The JSON form is read by programs: its names stay.
func TestLoadReportNames(t *testing.T) {
	b, err := json.Marshal(loadReport{Report: &load.Report{Failures: []load.Failure{{}}}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"mode":"","source_ports":0,"clients":0,"elapsed_seconds":0,"authentications_begun":0,"accepted":0,"rejected":0,"no_reply":0,"failed":0,` +
		`"authentications_per_second":0,"requests":0,"requests_per_second":0,"replies":0,"retransmissions":0,"dropped_replies":0,"tls_1_2":0,"tls_1_3":0,"tls_resumed":0,` +
		`"latency_ms":{"mean":0,"p50":0,"p90":0,"p99":0,"p99_9":0,"max":0},"failures":[{"reason":"","count":0}],"cpu_seconds":0}`
	if string(b) != want {
		t.Errorf("%s", b)
	}
}
