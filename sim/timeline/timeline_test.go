package timeline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nacsim/sim/trace"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// golden compares with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("timeline differs from %s (run with -update to rewrite it)\ngot\n%s\nwant\n%s", path, got, want)
	}
}

// run feeds records to a timeline through a recorder, at times a step apart.
type run struct {
	recorder *trace.Recorder
	now      time.Time
}

func newRun(t *Timeline) *run {
	r := &run{recorder: trace.NewRecorder(start), now: start}
	r.recorder.Subscribe(t.Record)
	return r
}

// emit takes the fields as "key=value" words.
func (r *run) emit(after time.Duration, actor, kind string, fields ...string) {
	r.now = r.now.Add(after)
	attrs := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		if key == "explanation" {
			attrs = append(attrs, slog.Any(key, strings.Split(value, "|")))
			continue
		}
		attrs = append(attrs, slog.String(key, value))
	}
	r.recorder.Emit(r.now, actor, kind, attrs...)
}

const client = "00:1c:b3:09:85:15"

// radius sends one RADIUS packet with an EAP packet in it.
func (r *run) radius(code, id byte, eap string, fate string) {
	nas, nac := netip.MustParseAddrPort("10.0.1.1:50000"), netip.MustParseAddrPort("10.0.0.1:1812")
	b := append([]byte{code, id, 0, 0}, make([]byte, 16)...)
	p := trace.Packet{From: nac, To: nas, FromHost: "nac", ToHost: "ap-1"}
	if code == 1 {
		b = append(append(b, 31, 19), "00-1C-B3-09-85-15"...)
		p = trace.Packet{From: nas, To: nac, FromHost: "ap-1", ToHost: "nac"}
	}
	packet := []byte{eap[0], id, 0, byte(3 + len(eap))}
	packet = append(packet, eap[1:]...)
	b = append(append(b, 79, byte(len(packet)+2)), packet...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	r.now = r.now.Add(time.Millisecond)
	p.Time, p.Data, p.Fate = r.now, b, fate
	r.recorder.Packet(p)
}

// handshake is EAP-TLS with TLS 1.2: the ServerHello says so.
func (r *run) handshake() {
	serverHello := "\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + strings.Repeat("r", 32) + "\x00\x13\x01\x00"
	r.radius(1, 1, "\x02\x01host/LAPTOP-1", "")
	r.radius(11, 1, "\x01\x0d\x20", "")
	r.radius(1, 2, "\x02\x0d\x00\x16\x03\x01\x00\x04\x01\x00\x00\x00", "")
	r.radius(11, 2, "\x01\x0d\x00"+serverHello, "")
	r.radius(11, 2, "\x01\x0d\x00"+serverHello, "") // a retransmission is no round trip
	r.radius(1, 3, "\x02\x0d\x00", "")
}

func (r *run) onboarding() {
	r.emit(0, "scenario", "scenario", "name=onboarding-wireless", "title=A compliant laptop is onboarded over Wi-Fi")
	r.emit(0, "graph", "device", "device=LAPTOP-1", "change=enrolled", "id=5f2c")
	r.emit(0, "graph", "check_in", "device=LAPTOP-1", "complianceState=compliant", "was=unknown")
	r.emit(time.Second, "scenario", "step", "index=1", "verb=connect", "what=laptop-1 connects to ap-1")
	r.emit(0, "laptop-1", "supplicant", "client="+client, "state=associating", "to=ap-1")
	r.emit(3*time.Millisecond, "ap-1", "port", "client="+client, "ssid=corp", "state=authenticating")
	r.handshake()
	r.emit(0, "nac", "decision", "client="+client, "user=host/LAPTOP-1", "result=accept", "rule=Quarantine Unknown", "vlan=1", "mdm=unknown",
		"explanation=Corp Compliant: no, Intune-Compliant: mdm_status is unknown|Quarantine Unknown: hit, it has no criteria")
	r.emit(0, "nac", "event", "type=NAC_CLIENT_PERMIT", "mac=001cb3098515", "vlan=1")
	r.radius(2, 3, "\x03", "")
	r.emit(0, "nac", "session", "client="+client, "nas=ap-1", "state=started")
	r.emit(0, "laptop-1", "supplicant", "client="+client, "state=connected", "to=ap-1")
	r.emit(2*time.Millisecond, "ap-1", "port", "client="+client, "ssid=corp", "state=authorized", "vlan=1")
	r.emit(0, "nac", "lookup", "client="+client, "key=mac", "value="+client, "result=not_found")
	r.emit(time.Millisecond, "nac", "http", "method=GET", "url=https://graph.microsoft.com/v1.0/deviceManagement/managedDevices", "status=200")
	r.emit(0, "nac", "lookup", "client="+client, "key=cn", "value=LAPTOP-1", "result=found", "device=LAPTOP-1", "compliance=compliant")
	r.emit(0, "nac", "ddb", "device=LAPTOP-1", "compliance=compliant", "was=")
	r.emit(0, "nac", "coa", "client="+client, "nas=ap-1", "request=CoA-Request", "result=sent", "attempt=1", "cause=compliance is known",
		"wanted_vlan=750", "have_vlan=1")
	r.emit(0, "ap-1", "das", "from=nac", "request=CoA-Request", "result=ack", "client="+client)
	r.emit(time.Millisecond, "nac", "coa", "client="+client, "nas=ap-1", "request=CoA-Request", "result=ack")
	r.handshake()
	r.emit(0, "nac", "decision", "client="+client, "user=host/LAPTOP-1", "result=accept", "rule=Corp Compliant", "vlan=750", "mdm=compliant",
		"explanation=Corp Compliant: hit, Intune-Compliant: mdm_status is compliant, seen 9ms ago")
	r.radius(2, 3, "\x03", "")
	r.emit(0, "ap-1", "port", "client="+client, "ssid=corp", "state=authorized", "vlan=750")
	r.emit(0, "scenario", "expect", "index=2", "result=pass", "want=laptop-1 on VLAN 750, authorized")
}

func TestOnboarding(t *testing.T) {
	for name, o := range map[string]Options{
		"onboarding.txt": {}, "onboarding-verbose.txt": {Verbose: true}, "onboarding-color.txt": {Color: true},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tl := New(&out, o)
			newRun(tl).onboarding()
			if err := tl.Finish(Outcome{Name: "onboarding-wireless", Passed: true, Lasted: 1017 * time.Millisecond, Took: 9 * time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			golden(t, name, out.Bytes())
			if n := bytes.Count(out.Bytes(), []byte{'\n'}); name == "onboarding.txt" && (n < 15 || n > 25) {
				t.Errorf("an onboarding takes %d lines, want 15 to 25", n)
			}
		})
	}
}

// troubles shows everything that goes wrong, and repetitions.
func (r *run) troubles() {
	r.emit(0, "laptop-1", "supplicant", "client="+client, "state=associating", "to=ap-1")
	r.radius(1, 1, "\x02\x01host/LAPTOP-1", "")
	r.radius(11, 1, "\x01\x0d\x20", "lost")
	r.radius(11, 1, "\x01\x0d\x20", "lost")
	r.radius(11, 1, "\x01\x0d\x20", "lost")
	r.emit(0, "net", "fault", "decision=nac>ap-1/loss")
	r.radius(11, 1, "\x01\x0d\x20", "")
	r.radius(1, 2, "\x02\x0d\x00\x15\x03\x03\x00\x02\x02\x30", "")
	r.emit(0, "nac", "event", "type=NAC_SERVER_CERT_VALIDATION_FAILURE", "mac=001cb3098515", "text=the client does not know the CA")
	r.radius(3, 2, "\x04", "")
	r.emit(0, "laptop-1", "supplicant", "client="+client, "state=failed", "to=ap-1", "reason=server certificate of an unknown CA")
	r.emit(0, "nac", "decision", "client=02:aa:bb:cc:dd:ee", "result=reject", "rule=", "explanation=Corp: no match|no rule matches: implicit deny")
	r.emit(0, "ap-1", "port", "client="+client, "state=held")
	r.emit(0, "ap-1", "port", "client="+client, "state=unauthorized", "reason=rejected")
	r.emit(0, "nac", "drop", "from=10.0.9.9", "reason=unknown client", "count=1")
	r.emit(0, "ap-1", "radsec", "to=10.0.0.1:2083", "state=failed", "error=connection refused")
	r.emit(0, "ap-1", "radsec", "to=10.0.0.1:2083", "state=open", "tls=TLS 1.3", "radius=1.1")
	r.emit(0, "nac", "radsec", "from=10.0.1.1:50000", "nas=ap-1", "state=closed", "reason=idle", "count=1")
	r.emit(0, "nac", "radsec", "from=10.0.9.9:50000", "state=refused", "reason=unknown_client", "error=certificate of CN=x", "count=1")
	r.emit(0, "nac", "warning", "from=10.0.1.9", "reason=Access-Request without Message-Authenticator", "count=1")
	r.emit(0, "nac", "http", "method=GET", "url=http://pki.example/crl", "error=timeout")
	r.emit(0, "nac", "revocation", "source=http://pki.example/crl", "result=error", "error=timeout") // told already
	r.emit(0, "nac", "revocation", "source=corp.crl", "result=error", "error=no list in it")
	r.emit(0, "nac", "revocation", "source=ocsp http://pki.example/ocsp", "serial=3f", "result=ok", "status=revoked")
	r.emit(0, "nac", "decision", "client="+client, "result=accept", "rule=Corp", "vlan=750", "resumed=true", "explanation=Corp: hit, it has no criteria")
	for range 5 {
		r.emit(2*time.Hour, "nac", "poll", "devices=3", "changed=0", "result=ok")
	}
	r.emit(0, "graph", "check_in", "device=LAPTOP-1", "complianceState=compliant", "was=compliant")
	r.emit(0, "graph", "device", "device=LAPTOP-1", "change=posture", "antivirus=false")
	r.emit(8*time.Hour, "graph", "check_in", "device=LAPTOP-1", "complianceState=noncompliant", "was=compliant", "failing=antivirus,firewall")
	r.emit(2*time.Hour, "nac", "poll", "devices=3", "changed=1", "result=ok")
	r.emit(0, "nac", "ddb", "device=LAPTOP-1", "compliance=noncompliant", "was=compliant")
	r.emit(0, "nac", "poll", "result=error", "error=503 Service Unavailable")
	r.emit(0, "nac", "token", "client_id=9a", "error=invalid_client")
	r.emit(0, "nac", "http", "method=GET", "url=https://graph.microsoft.com/", "error=connection refused")
	r.emit(0, "nac", "lookup", "client="+client, "key=san_dns", "value=5f2c", "result=error", "error=timeout")
	r.emit(0, "nac", "coa", "client="+client, "nas=ap-1", "request=CoA-Request", "result=sent", "attempt=2")
	r.emit(0, "nac", "coa", "client="+client, "nas=ap-1", "request=CoA-Request", "result=nak", "error_cause=503")
	r.emit(0, "nac", "coa", "client="+client, "nas=ap-1", "request=CoA-Request", "result=timeout")
	r.emit(0, "nac", "coa", "client="+client, "nas=ap-1", "request=CoA-Request", "result=skipped", "cause=firmware 0.12 is below 0.14")
	r.emit(0, "ap-1", "das", "request=Disconnect-Request", "result=dropped", "client="+client)
	r.emit(0, "graph", "fault", "path=/v1.0/", "status=429", "retry_after=30")
	r.emit(0, "graph", "compliance_policy", "policies=Windows, Phones", "at_once=true")
	r.emit(0, "graph", "device", "device=LAPTOP-1", "change=evaluated", "complianceState=noncompliant", "was=compliant", "failing=tpm")
	r.emit(0, "nac", "crash")
	r.emit(0, "nac", "restart")
	r.emit(0, "scenario", "link", "from=nac", "to=ap-1", "down=true")
	r.emit(0, "scenario", "note", "text=a name from a stranger: \x1b[31m\u202e")
	r.emit(0, "laptop-1", "supplicant", "client="+client, "state=disconnected", "to=ap-1", "reason=deauthenticated")
	r.emit(0, "nac", "session", "client="+client, "nas=ap-1", "state=ended", "reason=Lost-Carrier")
	r.emit(24*time.Hour, "scenario", "expect", "index=9", "result=fail", "want=laptop-1 on VLAN 750", "got=laptop-1 on VLAN 1")
}

var failed = Outcome{Name: "troubles", Lasted: 44 * time.Hour, Took: time.Second, Reason: "troubles.yaml:12:5: step 9: expected VLAN 750\n  12 | expect\n"}

func TestTroubles(t *testing.T) {
	var out bytes.Buffer
	tl := New(&out, Options{})
	newRun(tl).troubles()
	if err := tl.Finish(failed); err != nil {
		t.Fatal(err)
	}
	golden(t, "troubles.txt", out.Bytes())
}

func TestFolded(t *testing.T) {
	var out bytes.Buffer
	tl := New(&out, Options{Fold: true})
	newRun(tl).onboarding()
	if out.Len() > 0 {
		t.Errorf("a folded timeline prints before the end:\n%s", out.String())
	}
	if err := tl.Finish(Outcome{Name: "onboarding-wireless", Passed: true, Lasted: time.Second, Took: 9 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	tl = New(&out, Options{Fold: true, Keep: 6})
	newRun(tl).troubles()
	if err := tl.Finish(failed); err != nil {
		t.Fatal(err)
	}
	golden(t, "folded.txt", out.Bytes())
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFinishReportsErrorsOfWriting(t *testing.T) {
	tl := New(brokenWriter{}, Options{})
	newRun(tl).onboarding()
	if err := tl.Finish(Outcome{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Finish() = %v, want the error of the writer", err)
	}
}

func TestOffset(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "00:00:00.000", time.Millisecond: "00:00:00.001", 999*time.Millisecond + 999*time.Microsecond: "00:00:00.999",
		23*time.Hour + 59*time.Minute + 59*time.Second: "23:59:59.000", 26 * time.Hour: " 1d 02:00:00",
	} {
		if got := string(appendOffset(nil, d)); got != want {
			t.Errorf("offset %v is %q, want %q", d, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	n := names{}
	n.learn(&trace.Record{Actor: "laptop-1", Kind: "supplicant", Fields: []slog.Attr{slog.String("client", client)}})
	for mac, want := range map[string]string{
		client: "laptop-1", "001cb3098515": "laptop-1", "02:00:00:00:00:01": "02:00:00:00:00:01",
		"020000000001": "02:00:00:00:00:01", "": "",
	} {
		if got := n.of(mac); got != want {
			t.Errorf("of(%q) = %q, want %q", mac, got, want)
		}
	}
}

func TestColorNeedsATerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if Color(f) {
		t.Error("a file wants colours")
	}
}

// TestAnyRecord checks that records without the expected fields do no harm.
func TestAnyRecord(t *testing.T) {
	var out bytes.Buffer
	r := newRun(New(&out, Options{Verbose: true}))
	for _, kind := range []string{
		"scenario", "step", "note", "expect", "supplicant", "port", "session", "decision", "lookup", "coa", "das", "event", "poll", "check_in",
		"ddb", "device", "token", "http", "drop", "warning", "revocation", "radsec", "fault", "crash", "restart", "link", "packet", "unheard-of", "",
	} {
		r.emit(0, "x", kind)
		r.emit(0, "x", kind, "result=", "state=", "client=00", "mac=1234567890123")
	}
}
