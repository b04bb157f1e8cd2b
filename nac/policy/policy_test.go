package policy

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"nacsim/nac/identity"
)

var epoch = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// compliantRequest is a laptop on Wi-Fi that Intune called compliant 1h58m before epoch.
func compliantRequest() Request {
	return Request{
		AuthType: "eap-tls", PortType: "wireless", MAC: "00:1c:b3:09:85:15", SSID: "corp",
		UserName: "host/LAPTOP-1@corp.example", Groups: []string{"staff", "vip"}, NAS: "ap-1", NASIP: netip.MustParseAddr("10.0.1.1"),
		Certificate: &identity.Certificate{
			CN: "LAPTOP-1.corp.example", Subject: "/O=Contoso/CN=LAPTOP-1.corp.example", Issuer: "/O=Contoso/CN=Contoso CA",
			Serial: "a1b2", NotAfter: epoch.Add(24 * time.Hour), SANDNS: []string{"laptop-1", "other"},
			EKU: []string{"1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"},
		},
		MDM: MDM{Known: true, Status: Compliant, ComplianceState: "compliant", SeenAt: epoch.Add(-118 * time.Minute)},
	}
}

func TestDecideIntune(t *testing.T) {
	p := mustLoad(t, intune)
	cases := []struct {
		name       string
		change     func(r *Request)
		rule, vlan string
		reason     string
		explained  []string
	}{
		{"compliant", func(r *Request) {}, "Corp Compliant", "750", "", []string{
			"Corp Compliant: hit, auth_type is eap-tls; Intune-Compliant: mdm_status is compliant, seen 1h58m ago",
		}},
		{"noncompliant", func(r *Request) { r.MDM.Status, r.MDM.ComplianceState = Noncompliant, "noncompliant" }, "Corp Quarantine", "1", "", []string{
			"Corp Compliant: no, Intune-Compliant: mdm_status is noncompliant, seen 1h58m ago, not compliant",
			"Old rule: disabled",
			"Corp Quarantine: hit, auth_type is eap-tls; port_type is wireless",
		}},
		{"not answered yet", func(r *Request) { r.MDM = MDM{} }, "Corp Quarantine", "1", "", []string{
			"Corp Compliant: no, Intune-Compliant: mdm_status is unknown: Intune has not answered yet",
			"Old rule: disabled",
			"Corp Quarantine: hit, auth_type is eap-tls; port_type is wireless",
		}},
		{"not enrolled", func(r *Request) { r.MDM = MDM{Why: "Intune knows no such device"} }, "Corp Quarantine", "1", "", []string{
			"Corp Compliant: no, Intune-Compliant: mdm_status is unknown: Intune knows no such device",
			"Old rule: disabled",
			"Corp Quarantine: hit, auth_type is eap-tls; port_type is wireless",
		}},
		{"Intune does not know", func(r *Request) { r.MDM.Status, r.MDM.ComplianceState = Unknown, "configManager" }, "Corp Quarantine", "1", "", []string{
			"Corp Compliant: no, Intune-Compliant: mdm_status is unknown: Intune says configManager, seen 1h58m ago",
			"Old rule: disabled",
			"Corp Quarantine: hit, auth_type is eap-tls; port_type is wireless",
		}},
		{"MAB", func(r *Request) { r.AuthType, r.Certificate = "mab", nil }, "", "", ImplicitDeny, []string{
			"Corp Compliant: no, auth_type is mab, not eap-tls",
			"Old rule: disabled",
			"Corp Quarantine: no, auth_type is mab, not eap-tls",
			"No policy rules are hit, rejected by implicit deny",
		}},
		{"certificate expired", func(r *Request) { r.Certificate.NotAfter = epoch.Add(-time.Nanosecond) }, "", "",
			"Client certificate expired at 2026-01-05T07:59:59Z", []string{"Client certificate expired at 2026-01-05T07:59:59Z"}},
		{"certificate in its last moment", func(r *Request) { r.Certificate.NotAfter = epoch }, "Corp Compliant", "750", "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := compliantRequest()
			c.change(&r)
			d := p.Decide(epoch, r)
			if d.Rule != c.rule || d.VLAN != c.vlan || d.Reason != c.reason || d.Allow != (c.reason == "") {
				t.Errorf("decision is allow %v, rule %q, VLAN %q, reason %q", d.Allow, d.Rule, d.VLAN, d.Reason)
			}
			if got := d.Explanation(); c.explained != nil && !reflect.DeepEqual(got, c.explained) {
				t.Errorf("explanation is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.explained, "\n"))
			}
		})
	}
}

// TestLabels holds each kind of match against one request, as written in a file.
func TestLabels(t *testing.T) {
	cases := []struct {
		match, values string
		want          bool
	}{
		{"mdm_status", "[compliant]", true},
		{"mdm_status", "[not compliant]", false},
		{"mdm_status", "[Non Compliant, Compliant]", true},
		{"cert_cn", "['laptop*']", true},
		{"cert_cn", "[laptop-1.corp.example]", true},
		{"cert_cn", "[laptop-1]", false},
		{"cert_cn", "['*']", true},
		{"cert_san", "[OTHER]", true},
		{"cert_san", "[none, 'lap*']", true},
		{"cert_san", "[laptop-1, other], match_all: true", true},
		{"cert_san", "[laptop-1, third], match_all: true", false},
		{"cert_issuer", "['/O=Contoso/*']", true},
		{"cert_issuer", "['/O=Fabrikam/*']", false},
		{"cert_eku", "[1.3.6.1.5.5.7.3.2]", true},
		{"cert_eku", "[1.3.6.1.5.5.7.3.1]", false},
		{"cert_serial", "['00:A1:B2']", true},
		{"cert_serial", "['a1*']", true},
		{"cert_serial", "['b2']", false},
		{"cert_sub", "[/o=contoso/cn=laptop-1.corp.example]", true},
		{"client_mac", "[001cb3098515]", true},
		{"client_mac", "[00-1C-B3-09-85-15]", true},
		{"client_mac", "['00:1c:b3*']", true},
		{"client_mac", "[001c.b309.8516]", false},
		{"ssid", "[corp]", true},
		{"ssid", "[Corp]", false},
		{"ssid", "['co*']", true},
		{"user_name", "['HOST/*']", true},
		{"realm", "[corp.example]", true},
		{"realm", "[other.example]", false},
		{"nas_ip", "[10.0.1.1]", true},
		{"nas_ip", "[10.0.0.0/16]", true},
		{"nas_ip", "[10.0.0.0/24]", false},
		{"nas_ip", "['10.0.*']", true},
		{"nas_ip", "['::ffff:10.0.1.1']", true},
		{"idp_role", "[STAFF]", true},
		{"idp_role", "['vi*', none]", true},
		{"idp_role", "[staff, vip], match_all: true", true},
		{"idp_role", "[staff, none], match_all: true", false},
	}
	for _, c := range cases {
		for _, criterion := range []string{"matching", "not_matching"} {
			t.Run(criterion+" "+c.match+" "+c.values, func(t *testing.T) {
				p := mustLoad(t, "labels: [{name: L, type: match, match: "+c.match+", values: "+c.values+"}]\n"+
					"rules: [{name: R, action: allow, "+criterion+": {nactags: [L]}}]\n")
				want := c.want == (criterion == "matching")
				d := p.Decide(epoch, compliantRequest())
				if d.Allow != want {
					t.Errorf("allow is %v, want %v: %v", d.Allow, want, d.Explanation())
				}
			})
		}
	}
}

// TestAuthTypes holds which methods a rule's auth_type stands for.
func TestAuthTypes(t *testing.T) {
	with := func(authType, inner string, certificate bool) Request {
		r := compliantRequest()
		if r.AuthType, r.Inner = authType, inner; !certificate {
			r.Certificate = nil
		}
		return r
	}
	for _, c := range []struct {
		want  string
		r     Request
		match bool
	}{
		{"eap-tls", with("eap-tls", "", true), true},
		{"eap-tls", with("eap-ttls", "pap", false), false},
		{"cert", with("eap-tls", "", true), true},
		{"cert", with("eap-ttls", "pap", true), true},
		{"cert", with("eap-ttls", "pap", false), false},
		{"cert", with("mab", "pap", false), false},
		{"idp", with("eap-ttls", "pap", false), true},
		{"idp", with("eap-peap", "eap-mschapv2", false), true},
		{"idp", with("eap-tls", "", true), false},
		{"idp", with("mab", "pap", false), false},
		{"mab", with("mab", "pap", false), true},
	} {
		p := mustLoad(t, "rules: [{name: R, action: allow, matching: {auth_type: "+c.want+"}}]\n")
		if got := p.Decide(epoch, c.r).Allow; got != c.match {
			t.Errorf("auth_type %s and %s by %q: %v, want %v", c.want, c.r.AuthType, c.r.Inner, got, c.match)
		}
	}
}

// TestLabelsWithoutValue holds that what a request lacks matches no label, not even "*".
func TestLabelsWithoutValue(t *testing.T) {
	for _, k := range matchKinds {
		value := map[Match]string{MDMStatus: "compliant", CertEKU: "1.2.3"}[k.match]
		if value == "" {
			value = "*"
		}
		p := mustLoad(t, "labels: [{name: L, type: match, match: "+string(k.match)+", values: ['"+value+"']}]\n"+
			"rules: [{name: R, action: allow, matching: {nactags: [L]}}]\n")
		if d := p.Decide(epoch, Request{}); d.Allow || d.Reason != ImplicitDeny {
			t.Errorf("%s matches an empty request: %v", k.match, d.Explanation())
		}
	}
}

func TestFirstMatchWins(t *testing.T) {
	const text = `
labels:
  - {name: Corp, type: match, match: ssid, values: [corp]}
  - {name: Guest, type: match, match: ssid, values: [guest]}
  - {name: V2, type: vlan, vlan: 2}
  - {name: V3, type: vlan, vlan: 3}
rules:
  - {name: no guests, action: block, matching: {nactags: [Guest]}}
  - {name: wired, action: allow, matching: {port_types: [wired]}, apply_tags: [V2]}
  - {name: not corp, action: allow, not_matching: {nactags: [Corp], port_types: [wired]}}
  - {name: certificates, action: allow, matching: {auth_type: cert}, apply_tags: [V3]}
  - {name: rest, action: block}
`
	p := mustLoad(t, text)
	cases := []struct {
		name   string
		change func(r *Request)
		want   string
	}{
		{"first rule blocks", func(r *Request) { r.SSID = "guest" }, "reject: Blocked by policy rule no guests"},
		{"second rule by port", func(r *Request) { r.PortType, r.SSID = "wired", "" }, "accept, VLAN 2 by rule wired: hit, port_type is wired"},
		{"third rule by what is not", func(r *Request) { r.SSID = "lab" }, "accept by rule not corp: hit, port_type is wireless, not wired; Corp: ssid is lab, not corp"},
		{"fourth rule by certificate", func(r *Request) { r.AuthType = "eap-teap" }, "accept, VLAN 3 by rule certificates: hit, auth_type is eap-teap"},
		{"third rule is passed over", func(r *Request) { r.AuthType = "cert" }, "accept, VLAN 3 by rule certificates: hit, auth_type is cert"},
		{"last rule blocks all", func(r *Request) { r.Certificate = nil }, "reject: Blocked by policy rule rest"},
	}
	for _, c := range cases {
		r := compliantRequest()
		c.change(&r)
		d := p.Decide(epoch, r)
		if got := d.String(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	d := p.Decide(epoch, compliantRequest())
	if got, want := d.Explanation()[2], "not corp: no, Corp: ssid is corp, which not_matching rules out"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRealm(t *testing.T) {
	cases := []struct{ user, cn, want string }{
		{"user@corp.example", "", "corp.example"},
		{"a@b@corp.example", "", "corp.example"},
		{`CORP\user`, "", "CORP"},
		{"user", "", ""},
		{"", "user@cert.example", "cert.example"},
		{"user@corp.example", "user@cert.example", "corp.example"},
	}
	for _, c := range cases {
		r := Request{UserName: c.user, Certificate: &identity.Certificate{CN: c.cn}}
		if got := r.Realm(); got != c.want {
			t.Errorf("realm of %q with CN %q is %q, want %q", c.user, c.cn, got, c.want)
		}
	}
}

func TestAge(t *testing.T) {
	cases := map[time.Duration]string{
		0: "0s", 1500 * time.Microsecond: "1ms", 59900 * time.Millisecond: "59s", time.Minute: "1m",
		time.Hour: "1h", 118 * time.Minute: "1h58m", 24*time.Hour - 1: "23h59m", 74 * time.Hour: "3d2h", 48 * time.Hour: "2d",
	}
	for d, want := range cases {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestAttrs(t *testing.T) {
	p := mustLoad(t, intune)
	r := compliantRequest()
	d := p.Decide(epoch, r)
	var got []string
	for _, a := range d.Attrs(&r) {
		got = append(got, a.String())
	}
	want := "client=00:1c:b3:09:85:15 user=host/LAPTOP-1@corp.example auth_type=eap-tls nas=ap-1 result=accept rule=Corp Compliant vlan=750 mdm=compliant " +
		"explanation=[Corp Compliant: hit, auth_type is eap-tls; Intune-Compliant: mdm_status is compliant, seen 1h58m ago]"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func BenchmarkDecide(b *testing.B) {
	p := mustLoad(b, intune)
	r := compliantRequest()
	r.MDM.Status = Noncompliant
	b.ReportAllocs()
	for b.Loop() {
		d := p.Decide(epoch, r)
		d.Attrs(&r)
	}
}
