package radius

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2868"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/vendors/microsoft"
)

// TestEAPMessage splits and joins around the limit of 253 octets (RFC 3579 section 3.1).
func TestEAPMessage(t *testing.T) {
	for _, n := range []int{0, 1, 252, 253, 254, 506, 507, 1400, 3000} {
		eap := bytes.Repeat([]byte{0xab}, n)
		for i := range eap {
			eap[i] = byte(i)
		}
		p := &lr.Packet{}
		AddEAPMessage(p, eap)
		if got, want := len(p.Attributes), max(1, (n+252)/253); got != want {
			t.Errorf("%d octets: %d attributes, want %d", n, got, want)
		}
		p.Add(rfc2865.UserName_Type, lr.Attribute("x"))
		got, present := EAPMessage(p.Attributes)
		if !present || !bytes.Equal(got, eap) {
			t.Errorf("%d octets: got %d, present %v", n, len(got), present)
		}
	}
	if _, present := EAPMessage(nil); present {
		t.Error("EAP-Message in a packet without")
	}
}

func TestJoiningLeavesThePacketAlone(t *testing.T) {
	shared := append(make([]byte, 0, 20), "abc"...)
	p := &lr.Packet{Attributes: lr.Attributes{{Type: 79, Attribute: shared}, {Type: 79, Attribute: lr.Attribute("def")}}}
	EAPMessage(p.Attributes)
	if b := shared[:6]; string(b[3:]) != "\x00\x00\x00" {
		t.Errorf("joining wrote %q behind the first attribute", b[3:])
	}
}

func TestMPPEKeys(t *testing.T) {
	request, _, _ := exchange(t, lr.CodeAccessRequest, lr.CodeAccessAccept)
	msk := make([]byte, 64)
	for i := range msk {
		msk[i] = byte(i)
	}
	reply := NewReply(request, lr.CodeAccessAccept)
	if err := AddMPPEKeys(reply, msk, new(counter)); err != nil {
		t.Fatal(err)
	}
	wire, err := EncodeReply(reply)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseReply(wire, request, true)
	if err != nil {
		t.Fatal(err)
	}
	recv, send, err := MPPEKeys(parsed.Attributes, request)
	if err != nil || !bytes.Equal(recv, msk[:32]) || !bytes.Equal(send, msk[32:]) {
		t.Errorf("got %x %x, error %v", recv, send, err)
	}
	if k := microsoft.MSMPPERecvKey_Get(parsed, request); !bytes.Equal(k, msk[:32]) {
		t.Errorf("layeh reads the recv key as %x", k)
	}
	a, _ := VSA(parsed.Attributes, VendorMicrosoft, msMPPERecvKey)
	b, _ := VSA(parsed.Attributes, VendorMicrosoft, msMPPESendKey)
	if a[0]&0x80 == 0 || b[0]&0x80 == 0 || bytes.Equal(a[:2], b[:2]) {
		t.Errorf("salts are %x and %x (RFC 2548 section 2.4.2)", a[:2], b[:2])
	}
	if bytes.Contains(wire, msk[:8]) {
		t.Error("key is on the wire in clear")
	}
	other := *request
	other.Secret = []byte("other")
	if recv, _, err := MPPEKeys(parsed.Attributes, &other); err == nil && bytes.Equal(recv, msk[:32]) {
		t.Error("key is readable with another secret")
	}
}

func TestMPPEErrors(t *testing.T) {
	reply := &lr.Packet{Secret: secret}
	if err := AddMPPEKeys(reply, make([]byte, 63), new(counter)); err == nil {
		t.Error("short MSK is taken")
	}
	if err := AddMPPEKeys(reply, make([]byte, 64), bytes.NewReader([]byte{1, 2, 3})); err == nil {
		t.Error("no randomness and no error")
	}
	if _, _, err := MPPEKeys(nil, reply); err == nil {
		t.Error("no keys and no error")
	}
	// Equal salts are told apart.
	if err := AddMPPEKeys(reply, make([]byte, 64), bytes.NewReader([]byte{1, 2, 1, 2})); err != nil {
		t.Fatal(err)
	}
	a, _ := VSA(reply.Attributes, VendorMicrosoft, msMPPERecvKey)
	b, _ := VSA(reply.Attributes, VendorMicrosoft, msMPPESendKey)
	if bytes.Equal(a[:2], b[:2]) {
		t.Errorf("both salts are %x", a[:2])
	}
}

func TestVLAN(t *testing.T) {
	for _, tag := range []byte{0, 1, 0x1f} {
		p := &lr.Packet{}
		SetVLAN(p, tag, "1")
		SetVLAN(p, tag, "750")
		if vlan, ok := VLAN(p.Attributes); !ok || vlan != "750" || len(p.Attributes) != 3 {
			t.Errorf("tag %d: VLAN is %q, %v", tag, vlan, ok)
		}
		if got, group := rfc2868.TunnelPrivateGroupID_GetString(p); got != tag || group != "750" {
			t.Errorf("layeh reads tag %d, group %q", got, group)
		}
		if _, typ := rfc2868.TunnelType_Get(p); typ != 13 {
			t.Errorf("layeh reads Tunnel-Type %v", typ)
		}
	}
	integer := func(t lr.Type, tag, n byte) *lr.AVP { return &lr.AVP{Type: t, Attribute: lr.Attribute{tag, 0, 0, n}} }
	group := func(s string) *lr.AVP { return &lr.AVP{Type: 81, Attribute: lr.Attribute(s)} }
	for _, c := range []struct {
		name  string
		attrs lr.Attributes
		want  string
	}{
		{"two tags, the lower wins", lr.Attributes{integer(64, 2, 13), integer(65, 2, 6), group("\x0220"), integer(64, 1, 13), integer(65, 1, 6), group("\x0110")}, "10"},
		{"tag without medium", lr.Attributes{integer(64, 1, 13), group("\x0110")}, ""},
		{"GRE", lr.Attributes{integer(64, 0, 10), integer(65, 0, 6), group("10")}, ""},
		{"other tags", lr.Attributes{integer(64, 1, 13), integer(65, 2, 6), group("\x0110")}, ""},
		{"tag above 0x1f is 0 (RFC 2868 3.1)", lr.Attributes{integer(64, 0x20, 13), integer(65, 0, 6), group("corp")}, "corp"},
		{"empty group", lr.Attributes{integer(64, 0, 13), integer(65, 0, 6), group("")}, ""},
		{"short integer", lr.Attributes{{Type: 64, Attribute: lr.Attribute{13}}, integer(65, 0, 6), group("10")}, ""},
	} {
		if vlan, ok := VLAN(c.attrs); vlan != c.want || ok != (c.want != "") {
			t.Errorf("%s: got %q, %v", c.name, vlan, ok)
		}
	}
}

func TestVendorPairs(t *testing.T) {
	p := &lr.Packet{}
	if err := AddCiscoAVPair(p, "subscriber:command=reauthenticate"); err != nil {
		t.Fatal(err)
	}
	if err := AddVSA(p, VendorJuniper, juniperAVPair, []byte("Port-Bounce")); err != nil {
		t.Fatal(err)
	}
	if _, ok := Firmware(p.Attributes); ok {
		t.Error("firmware in a packet without")
	}
	if err := SetFirmware(p, "0.14.29411"); err != nil {
		t.Fatal(err)
	}
	if v, ok := Firmware(p.Attributes); !ok || v != "0.14.29411" {
		t.Errorf("firmware is %q, %v", v, ok)
	}
	if pairs := CiscoAVPairs(p.Attributes); !slices.Equal(pairs, []string{"subscriber:command=reauthenticate"}) {
		t.Errorf("Cisco pairs are %q", pairs)
	}
	if err := AddVSA(p, 1, 1, make([]byte, 248)); err == nil {
		t.Error("vendor attribute of 248 octets is taken")
	}
	two := lr.Attributes{{Type: 26, Attribute: unhex(t, "00000009 0104 6161 0104 6262 01")}}
	if pairs := CiscoAVPairs(two); !slices.Equal(pairs, []string{"aa", "bb"}) {
		t.Errorf("two pairs in one attribute are read as %q", pairs)
	}
}

func TestTimestampAndCause(t *testing.T) {
	p := &lr.Packet{}
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	if _, ok := EventTimestamp(p.Attributes); ok {
		t.Error("timestamp in a packet without")
	}
	SetEventTimestamp(p, now.Add(400*time.Millisecond))
	if got, ok := EventTimestamp(p.Attributes); !ok || !got.Equal(now) {
		t.Errorf("timestamp is %v", got)
	}
	if got := rfc2869.EventTimestamp_Get(p); !got.Equal(now) {
		t.Errorf("layeh reads timestamp %v", got)
	}
	SetErrorCause(p, SessionContextNotFound)
	if c, ok := GetErrorCause(p.Attributes); !ok || c != 503 || c.String() != "Session-Context-Not-Found (503)" {
		t.Errorf("cause is %v", c)
	}
	if s := ErrorCause(999).String(); s != "999" {
		t.Errorf("cause 999 is %q", s)
	}
}

func TestDescribe(t *testing.T) {
	p := &lr.Packet{Secret: secret}
	p.Add(1, lr.Attribute("host/laptop"))
	p.Add(2, make(lr.Attribute, 16))
	p.Add(4, lr.Attribute{10, 0, 1, 1})
	p.Add(61, lr.NewInteger(19))
	p.Add(5, lr.NewInteger(3))
	p.Add(12, lr.Attribute{1})
	SetEventTimestamp(p, time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	SetVLAN(p, 1, "750")
	AddEAPMessage(p, []byte{2, 1, 0, 8, 1, 'a', 'b', 'c'})
	if err := AddMPPEKeys(p, make([]byte, 64), new(counter)); err != nil {
		t.Fatal(err)
	}
	AddCiscoAVPair(p, "a=b")
	AddCiscoAVPair(p, "c=d")
	SetErrorCause(p, 503)
	AddVSA(p, 4242, 7, []byte{1, 2})
	p.Add(200, lr.Attribute{0xff})
	p.Add(30, lr.Attribute("x:\xc3\xa9"))
	p.Add(56, lr.Attribute{'2', 0, 0, 10})
	p.Add(26, lr.Attribute{0, 0, 0, 9, 1, 99})
	p.Add(95, append(lr.Attribute{0x20, 1}, make(lr.Attribute, 14)...))
	want := []string{
		"User-Name=host/laptop", "User-Password=(hidden)", "NAS-IP-Address=10.0.1.1", "NAS-Port-Type=Wireless-802.11",
		"NAS-Port=3", "Framed-MTU=01", "Event-Timestamp=2026-03-02T09:00:00Z", "Tunnel-Type=VLAN (tag 1)",
		"Tunnel-Medium-Type=IEEE-802 (tag 1)", "Tunnel-Private-Group-Id=750 (tag 1)",
		"EAP-Message=Response id=1 Identity abc", "MS-MPPE-Recv-Key=(hidden)", "MS-MPPE-Send-Key=(hidden)",
		"Cisco-AVPair=a=b; c=d", "Error-Cause=Session-Context-Not-Found (503)", "Vendor-4242-Attr-7=0102", "Attr-200=ff",
		`Called-Station-Id="x:\u00e9"`, "Egress-VLANID=untagged 10", "Vendor-Specific=9:0163", "NAS-IPv6-Address=2001::",
	}
	got := make([]string, 0, len(want))
	for _, a := range Describe(p.Attributes) {
		if a.Value.Kind() != slog.KindString {
			t.Errorf("%s is no string", a.Key)
		}
		got = append(got, fmt.Sprintf("%s=%s", a.Key, a.Value))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestDescribeEAP(t *testing.T) {
	for in, want := range map[string]string{"": "EAP-Start", "\x02": "malformed, 1 octets"} {
		p := &lr.Packet{}
		AddEAPMessage(p, []byte(in))
		if got := Describe(p.Attributes)[0].Value.String(); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func BenchmarkDescribe(b *testing.B) {
	p, err := Parse(unhex(b, rfc2865_7_2Request), secret)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Describe(p.Attributes)
	}
}
