package event

import (
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/nac/identity"
	"nacsim/nac/policy"
)

// machine is a host of which events need the clock and the trace only.
type machine struct {
	host.Host
	mu    sync.Mutex
	now   time.Time
	lines []string
	deaf  bool // nobody reads the trace
}

func (m *machine) Now() time.Time { return m.now }

func (m *machine) Tracing(string) bool { return !m.deaf }

func (m *machine) Trace(kind string, fields ...slog.Attr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, line(kind, fields))
}

func line(kind string, fields []slog.Attr) string {
	for _, f := range fields {
		kind += " " + f.String()
	}
	return kind
}

var epoch = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func request() *policy.Request {
	return &policy.Request{
		AuthType: "eap-tls", PortType: "wireless", MAC: "00:1c:b3:09:85:15", SSID: "corp", UserName: "host/LAPTOP-1",
		NAS: "ap-1", NASIP: netip.MustParseAddr("10.0.1.1"),
		Certificate:        &identity.Certificate{CN: "LAPTOP-1", Serial: "a1", NotAfter: epoch, SANDNS: []string{"x", "y"}},
		MachineCertificate: &identity.Certificate{CN: "MACHINE-1"},
	}
}

// TestEvents pins the names and the order of fields of each constructor (facts: mist-and-peers 1.7).
func TestEvents(t *testing.T) {
	const (
		head   = " mac=001cb3098515 timestamp=1767600000000 auth_type=eap-tls port_type=wireless ssid=corp username=host/LAPTOP-1 ap=ap-1 nas_ip=10.0.1.1 random_mac=false"
		client = " cert_cn=LAPTOP-1 cert_serial=a1 cert_expiry=2026-01-05T08:00:00Z cert_san_dns=[x y]"
	)
	allow := &policy.Decision{Allow: true, Rule: "Corp", Authorization: policy.Authorization{VLAN: "750", Role: "staff", SessionTimeout: time.Hour}, MDM: policy.Compliant}
	deny := &policy.Decision{Reason: policy.ImplicitDeny, MDM: policy.Unknown}
	cases := []struct {
		e    Event
		want string
	}{
		{Decision(request(), allow, slog.String("tls_version", "TLS 1.3")), "type=NAC_CLIENT_PERMIT" + head + " nacrule_name=Corp nacrule_matched=true vlan=750 vlan_source=nactag group_role=staff" +
			" resp_attrs=[Tunnel-Type=VLAN Tunnel-Medium-Type=IEEE-802 Tunnel-Private-Group-Id=750 Filter-Id=staff Session-Timeout=3600 User-Name=host/LAPTOP-1] mdm_compliance=compliant" + client + " tls_version=TLS 1.3"},
		{Decision(request(), deny), "type=NAC_CLIENT_DENY" + head + " nacrule_matched=false mdm_compliance=unknown text=No policy rules are hit, rejected by implicit deny" + client},
		{Denied(request(), "no certificate"), "type=NAC_CLIENT_DENY" + head + " nacrule_matched=false text=no certificate" + client},
		{ClientCert(Client, CheckExpired, request(), "expired"), "type=NAC_CLIENT_CERT_EXPIRED" + head + " text=expired" + client},
		{ClientCert(User, CheckRevoked, request(), "revoked"), "type=NAC_CLIENT_USER_CERT_REVOKED" + head + " text=revoked" + client},
		{ClientCert(Machine, CheckSuccess, request(), ""), "type=NAC_CLIENT_MACHINE_CERT_CHECK_SUCCESS" + head + " cert_cn=MACHINE-1"},
		{ServerCert(ServerCertValidationFailure, request(), "unknown_ca"), "type=NAC_SERVER_CERT_VALIDATION_FAILURE" + head + " text=unknown_ca" + client},
		{MDM(MDMLookupSuccess, request(), Lookup{DeviceID: "d", Compliance: "compliant", PreCompliance: "unknown", LastChecked: epoch, OS: "Windows", Took: time.Second}),
			"type=NAC_MDM_LOOKUP_SUCCESS" + head + " mdm_provider=intune mdm_client_id=d mdm_compliance=compliant pre_mdm_compliance=unknown mdm_last_checked=1767600000000 mdm_operating_system=Windows lookup_time_taken=1s" + client},
		{CoA(CoAReauth, request(), "ABC", "poll"), "type=NAC_CLIENT_COA_REAUTH" + head + " session_id=ABC coa_source=poll"},
		{OfSession(SessionEnded, request(), Session{ID: "ABC", StartedAt: epoch, EndedAt: epoch.Add(90 * time.Minute), VLAN: "1", TerminateCause: "User-Request", Usage: Usage{InOctets: 5}}),
			"type=NAC_SESSION_ENDED" + head + " session_id=ABC session_started_at=1767600000000 session_ended_at=1767605400000 session_duration_in_mins=90 vlan=1 rx_bytes=5 terminate_cause=User-Request"},
	}
	for _, c := range cases {
		c.e.At = epoch
		if got := strings.TrimSpace(line("", c.e.Attrs())); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
	if v, ok := cases[8].e.Field("coa_source"); !ok || v.String() != "poll" {
		t.Errorf("coa_source is %v, %v", v, ok)
	}
	if _, ok := cases[8].e.Field("vlan"); ok {
		t.Error("an event has a field it was not given")
	}
}

func TestBareMAC(t *testing.T) {
	for _, mac := range []string{"00:1c:b3:09:85:15", "00-1C-B3-09-85-15", "001c.b309.8515", "001CB3098515", "001cb3098515"} {
		if got := BareMAC(mac); got != "001cb3098515" {
			t.Errorf("BareMAC(%q) = %q", mac, got)
		}
	}
}

func TestLog(t *testing.T) {
	m := &machine{now: epoch}
	l := NewLog(m)
	for _, mac := range []string{"a1", "a2"} {
		l.Emit(Event{Type: ClientPermit, MAC: mac})
	}
	if len(m.lines) != 2 || m.lines[1] != "event type=NAC_CLIENT_PERMIT mac=a2 timestamp=1767600000000" {
		t.Errorf("trace is %q", m.lines)
	}
	var none *Log
	none.Emit(Event{}) // a NAC without a log
}

// TestNobodyReads holds that the fields of an event are not made up for nobody.
func TestNobodyReads(t *testing.T) {
	m := &machine{now: epoch, deaf: true}
	NewLog(m).Emit(Event{Type: ClientPermit, fields: func() []slog.Attr {
		t.Error("fields are made up")
		return nil
	}})
	if len(m.lines) != 0 {
		t.Errorf("trace is %q", m.lines)
	}
}
