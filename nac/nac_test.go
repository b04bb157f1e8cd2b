package nac

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/internal/eap/eaptest"
	"nacsim/internal/eap/teap"
	"nacsim/internal/host"
	"nacsim/nac/eapserver"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/session"
)

// machine is a host whose tasks never run: the tests call the NAC as radiusd does, and look at what it keeps.
type machine struct {
	host.Host
	now     time.Time
	records map[string][]byte
	lines   []string
	quiet   bool // nothing is traced
}

func (m *machine) Name() string                                            { return "nac" }
func (m *machine) Addr() netip.Addr                                        { return netip.MustParseAddr("10.0.0.1") }
func (m *machine) Now() time.Time                                          { return m.now }
func (m *machine) Go(string, func())                                       {}
func (m *machine) NewSignal() host.Signal                                  { return signal{} }
func (m *machine) Parallelism() int                                        { return 1 }
func (m *machine) Rand(string) io.Reader                                   { return strings.NewReader(strings.Repeat("random", 1000)) }
func (m *machine) TLS(_ string, c *tls.Config) *tls.Config                 { return c }
func (m *machine) Store(name string) (host.Store, error)                   { return store{m, name + ":"}, nil }
func (m *machine) ListenPacket(at netip.AddrPort) (host.PacketConn, error) { return conn{at: at}, nil }

func (m *machine) Tracing(string) bool { return true }

func (m *machine) Trace(kind string, fields ...slog.Attr) {
	if m.quiet {
		return
	}
	for _, f := range fields {
		kind += " " + f.String()
	}
	m.lines = append(m.lines, kind)
}

type signal struct{ host.Signal }

func (signal) Set() {}

type conn struct {
	host.PacketConn
	at netip.AddrPort
}

func (c conn) LocalAddr() netip.AddrPort { return c.at }

type store struct {
	m    *machine
	name string
}

func (s store) Get(k string) ([]byte, error) { return s.m.records[s.name+k], nil }
func (s store) Put(k string, v []byte) error { s.m.records[s.name+k] = v; return nil }
func (s store) Delete(k string) error        { delete(s.m.records, s.name+k); return nil }
func (s store) Scan(prefix string, f func(string, []byte) bool) error {
	var keys []string
	for k := range s.m.records { // order-free: sorted below
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if strings.HasPrefix(k, s.name+prefix) && !f(k[len(s.name):], s.m.records[k]) {
			break
		}
	}
	return nil
}

const quarantine = `
labels:
  - {name: Compliant, type: match, match: mdm_status, values: [compliant]}
  - {name: Printers, type: match, match: cert_cn, values: [printer]}
  - {name: Quarantine, type: vlan, vlan: "1"}
  - {name: Corp, type: vlan, vlan: "750"}
rules:
  - {name: No Printers, action: block, matching: {nactags: [Printers]}}
  - {name: Corp, action: allow, matching: {nactags: [Compliant]}, apply_tags: [Corp]}
  - {name: First Connect, action: allow, apply_tags: [Quarantine]}
`

const laptopMAC = "00:1c:b3:09:85:15"

// bench is a NAC with a certificate authority and clients at "ap-1".
type bench struct {
	t  testing.TB
	m  *machine
	n  *NAC
	ca *eaptest.CA
}

func newBench(t testing.TB, change ...func(*Config)) *bench {
	t.Helper()
	p, err := policy.Load("policy.yaml", []byte(quarantine))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, m: &machine{now: eaptest.Now, records: map[string][]byte{}}, ca: eaptest.NewCA(t, "corp")}
	cfg := Config{
		RADIUS: radiusd.Config{Clients: []radiusd.Client{{Prefix: netip.MustParsePrefix("10.0.1.0/24"), Secret: []byte("secret")}}},
		TLS:    eaptest.ServerTLS(b.ca), Policy: p,
		MDM: &mdm.Config{Tenant: "t", ClientID: "c", ClientSecret: "s"},
	}
	for _, f := range change {
		f(&cfg)
	}
	if b.n, err = Start(b.m, cfg); err != nil {
		t.Fatal(err)
	}
	return b
}

// request is one about a client of the NAS that calls itself ap-1.
func request(from, mac, id string) *radiusd.Request {
	hw, _ := net.ParseMAC(mac)
	return &radiusd.Request{From: netip.MustParseAddrPort(from + ":1645"), NASIdentifier: "ap-1", NASPortType: 19,
		CallingStation: mac, ClientMAC: hw, AcctSessionID: id}
}

// authorize has a client with a certificate decided on.
func (b *bench) authorize(q *radiusd.Request, cn string) radiusd.Verdict {
	b.t.Helper()
	return b.n.Authorize(radiusd.Access{Request: q, Identity: cn, Method: "eap-tls", Chain: b.chain(cn)})
}

func (b *bench) vlan() string {
	s, ok := b.n.sessions.ByClient(laptopMAC)
	if !ok {
		return "none"
	}
	return s.InForce.VLAN
}

// TestInForceWhenTold holds that a decision comes into force with the Access-Accept or Access-Reject, not before: a
// client can keep both from being sent (RFC 9190 section 2.1).
func TestInForceWhenTold(t *testing.T) {
	b := newBench(t)
	q := request("10.0.1.1", laptopMAC, "A1")
	v := b.authorize(q, "laptop")
	if got := b.vlan(); !v.Accept || v.VLAN != "1" || got != "none" {
		t.Fatalf("verdict %+v, in force %s before the NAS was told", v, got)
	}
	if err := v.Sent(); err != nil || b.vlan() != "1" {
		t.Fatalf("in force %s, error %v", b.vlan(), err)
	}
	v = b.authorize(q, "printer")
	if got := b.vlan(); v.Accept || got != "1" {
		t.Fatalf("verdict %+v, in force %s before the NAS was told", v, got)
	}
	if err := v.Sent(); err != nil || b.vlan() != "none" {
		t.Errorf("in force %s after the refusal, error %v", b.vlan(), err)
	}
}

// TestNothingGrantedWithoutRecord holds that a client of which no record can be kept is not let in.
func TestNothingGrantedWithoutRecord(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxSessions = 1 })
	if err := b.authorize(request("10.0.1.1", laptopMAC, "A1"), "laptop").Sent(); err != nil {
		t.Fatal(err)
	}
	if err := b.authorize(request("10.0.1.1", "00:1c:b3:00:00:02", "A2"), "other").Sent(); err == nil {
		t.Fatal("no error from a full table")
	}
	if last := b.m.lines[len(b.m.lines)-1]; !strings.Contains(last, "NAC_CLIENT_DENY") || !strings.Contains(last, session.ErrFull.Error()) {
		t.Errorf("last event is %s", last)
	}
}

// TestStrangersKeepOff holds that a session is not ended by another client with its MAC address, nor by another NAS with
// a secret of its own that claims the name of the session's.
func TestStrangersKeepOff(t *testing.T) {
	b := newBench(t)
	if err := b.authorize(request("10.0.1.1", laptopMAC, "A1"), "laptop").Sent(); err != nil {
		t.Fatal(err)
	}
	if err := b.authorize(request("10.0.1.1", laptopMAC, "A2"), "printer").Sent(); err != nil {
		t.Fatal(err)
	}
	b.m.now = b.m.now.Add(time.Minute)
	for _, status := range []radiusd.AcctStatus{radiusd.AccountingOn, radiusd.AccountingOff, radiusd.AcctStop} {
		b.n.Accounting(radiusd.AccountingRecord{Request: request("10.0.1.2", laptopMAC, "A1"), Status: status})
		if b.vlan() != "1" {
			t.Fatalf("%v of another NAS ends the session", status)
		}
	}
	b.n.Accounting(radiusd.AccountingRecord{Request: request("10.0.1.1", "", ""), Status: radiusd.AccountingOn})
	if b.vlan() != "none" {
		t.Error("Accounting-On of its own NAS does not end the session")
	}
}

// TestPasswordEvents holds what the operator is told of a client that came with a password: who it is, and what the
// directory said; after a resumed session nobody was asked.
func TestPasswordEvents(t *testing.T) {
	b := newBench(t)
	a := radiusd.Access{Request: request("10.0.1.1", laptopMAC, "A1"), Identity: "@corp.example", Method: "eap-ttls", User: "anna", Inner: "pap", Groups: []string{"staff"}}
	if !b.n.Authorize(a).Accept {
		t.Fatal("not accepted")
	}
	trace := strings.Join(b.m.lines, "\n")
	for _, want := range []string{"NAC_IDP_AUTHC_SUCCESS", "NAC_CLIENT_PERMIT", "user=anna", "inner=pap", "groups=[staff]", "idp_role=[staff]"} {
		if !strings.Contains(trace, want) {
			t.Errorf("no %s in\n%s", want, trace)
		}
	}
	if strings.Contains(trace, "CERT_CHECK") {
		t.Errorf("a certificate was checked that there is not:\n%s", trace)
	}
	b.m.lines = nil
	a.Resumed = true
	b.n.Authorize(a)
	if trace := strings.Join(b.m.lines, "\n"); strings.Contains(trace, "NAC_IDP") || !strings.Contains(trace, "resumed=true") {
		t.Errorf("after a resumed session:\n%s", trace)
	}
}

// chain is a certificate of the bench's authority.
func (b *bench) chain(cn string) []*x509.Certificate {
	b.t.Helper()
	cert, err := x509.ParseCertificate(b.ca.Issue(cn).Certificate[0])
	if err != nil {
		b.t.Fatal(err)
	}
	return []*x509.Certificate{cert}
}

// TestTEAP holds what becomes of a machine and its user: the device is looked up by the machine's certificate, labels
// look at the user's, and each has events of its own. A machine alone stands for both.
func TestTEAP(t *testing.T) {
	b := newBench(t)
	user, machine := b.chain("anna"), b.chain("MACHINE-1")
	random := "02:1c:b3:09:85:15" // names no device
	for _, c := range []struct {
		name   string
		a      radiusd.Access
		fails  eapserver.Reason
		events []string
		traced []string
		key    string
		cn     string
	}{
		{"both", radiusd.Access{Chain: user, As: teap.User, MachineChain: machine}, "",
			[]string{"NAC_CLIENT_MACHINE_CERT_CHECK_SUCCESS", "NAC_CLIENT_USER_CERT_CHECK_SUCCESS", "NAC_CLIENT_PERMIT"}, []string{"machine=MACHINE-1"}, "cn MACHINE-1", "anna"},
		{"machine alone", radiusd.Access{Chain: machine, As: teap.Machine, MachineChain: machine}, "",
			[]string{"NAC_CLIENT_MACHINE_CERT_CHECK_SUCCESS", "NAC_CLIENT_PERMIT"}, []string{"machine=MACHINE-1"}, "cn MACHINE-1", "MACHINE-1"},
		{"nobody in particular", radiusd.Access{Chain: user}, "",
			[]string{"NAC_CLIENT_CERT_CHECK_SUCCESS", "NAC_CLIENT_PERMIT"}, nil, "cn anna", "anna"},
		{"user's certificate, machine's password", radiusd.Access{Chain: user, As: teap.User, Machine: "host/machine-1", Inner: "eap-tls"}, "",
			[]string{"NAC_CLIENT_USER_CERT_CHECK_SUCCESS", "NAC_CLIENT_PERMIT"}, []string{"machine=host/machine-1"}, "cn anna", "anna"},
		{"passwords", radiusd.Access{User: "anna", As: teap.User, Machine: "host/machine-1", Inner: "eap-mschapv2"}, "",
			[]string{"NAC_IDP_AUTHC_SUCCESS", "NAC_CLIENT_PERMIT"}, []string{"user=anna", "machine=host/machine-1"}, "", ""},
		{"machine's certificate, user's password", radiusd.Access{Chain: machine, MachineChain: machine, User: "anna", As: teap.User, Inner: "eap-mschapv2"}, "",
			[]string{"NAC_CLIENT_MACHINE_CERT_CHECK_SUCCESS", "NAC_IDP_AUTHC_SUCCESS", "NAC_CLIENT_PERMIT"}, []string{"user=anna", "machine=MACHINE-1"}, "cn MACHINE-1", "MACHINE-1"},
		{"user's has expired", radiusd.Access{Chain: user, As: teap.User, MachineChain: machine}, eapserver.Expired,
			[]string{"NAC_CLIENT_MACHINE_CERT_CHECK_SUCCESS", "NAC_CLIENT_USER_CERT_EXPIRED", "NAC_CLIENT_DENY"}, []string{"machine=MACHINE-1"}, "", ""},
		{"machine's is revoked", radiusd.Access{Chain: machine, As: teap.Machine}, eapserver.Revoked,
			[]string{"NAC_CLIENT_MACHINE_CERT_REVOKED", "NAC_CLIENT_DENY"}, []string{"machine=MACHINE-1"}, "", ""},
		{"user's is of another CA", radiusd.Access{Chain: user, As: teap.User}, eapserver.UnknownCA,
			[]string{"NAC_CLIENT_USER_CERT_CHECK_FAILURE", "NAC_CLIENT_DENY"}, nil, "", ""},
	} {
		b.m.lines = nil
		c.a.Request, c.a.Method = request("10.0.1.1", random, "A1"), "eap-teap"
		if c.fails != "" {
			b.n.Rejected(c.a, eapserver.Failure{Reason: c.fails, Text: "why"})
		} else if err := b.n.Authorize(c.a).Sent(); err != nil {
			t.Fatal(err)
		}
		trace := strings.Join(b.m.lines, "\n")
		var events []string
		for _, m := range regexp.MustCompile(`event type=(NAC_CLIENT_\w+|NAC_IDP_\w+)`).FindAllStringSubmatch(trace, -1) {
			events = append(events, m[1])
		}
		if !slices.Equal(events, c.events) {
			t.Errorf("%s: events %q, want %q", c.name, events, c.events)
		}
		for _, want := range c.traced {
			if !strings.Contains(trace, want) {
				t.Errorf("%s: no %s in\n%s", c.name, want, trace)
			}
		}
		s, ok := b.n.sessions.ByClient(random)
		if c.fails != "" || !ok {
			continue
		}
		key, cn := "", ""
		if keys := s.Keys(); len(keys) > 0 {
			key = keys[0].String()
		}
		if s.Request.Certificate != nil {
			cn = s.Request.Certificate.CN
		}
		if key != c.key || cn != c.cn {
			t.Errorf("%s: looked up by %q, want %q; labels look at %q, want %q", c.name, key, c.key, cn, c.cn)
		}
	}
}

// TestRefusalEvents holds that each kind of refusal has an event of its own beside the denial.
func TestRefusalEvents(t *testing.T) {
	b := newBench(t)
	for reason, want := range map[eapserver.Reason]string{
		eapserver.Expired:              "NAC_CLIENT_CERT_EXPIRED",
		eapserver.Revoked:              "NAC_CLIENT_CERT_REVOKED",
		eapserver.RevocationUnknown:    "NAC_CLIENT_CERT_CHECK_FAILURE",
		eapserver.UnknownCA:            "NAC_CLIENT_CERT_CHECK_FAILURE",
		eapserver.ServerCertificate:    "NAC_SERVER_CERT_VALIDATION_FAILURE",
		eapserver.BadCredentials:       "NAC_IDP_AUTHC_FAILURE",
		eapserver.UnknownUser:          "NAC_IDP_AUTHC_FAILURE",
		eapserver.AccountDisabled:      "NAC_IDP_USER_DISABLED",
		eapserver.DirectoryUnavailable: "NAC_IDP_UNREACHABLE",
		eapserver.Protocol:             "",
	} {
		b.m.lines = nil
		b.n.Rejected(radiusd.Access{Request: request("10.0.1.1", laptopMAC, "A1"), Identity: "@corp.example", Method: "eap-ttls"},
			eapserver.Failure{Reason: reason, Text: "why", User: "anna"})
		trace := strings.Join(b.m.lines, "\n")
		events := 1
		if want != "" {
			events = 2
		}
		if !strings.Contains(trace, "NAC_CLIENT_DENY") || !strings.Contains(trace, want) || strings.Count(trace, "type=NAC_") != events || !strings.Contains(trace, "user=anna") {
			t.Errorf("%s: want %s and the denial:\n%s", reason, want, trace)
		}
	}
}

// TestSecret holds that CoA is signed with the secret of the longest prefix, as requests are verified.
func TestSecret(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.RADIUS.Clients = append(c.RADIUS.Clients, radiusd.Client{Prefix: netip.MustParsePrefix("10.0.1.7/32"), Secret: []byte("seven")})
	})
	for address, want := range map[string]string{"10.0.1.1": "secret", "10.0.1.7": "seven", "::ffff:10.0.1.7": "seven", "10.0.2.1": ""} {
		if got, ok := b.n.secret(netip.MustParseAddr(address)); string(got) != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", address, got, ok)
		}
	}
}
