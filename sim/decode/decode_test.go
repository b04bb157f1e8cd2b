package decode

import (
	"encoding/hex"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
)

var (
	nas = netip.MustParseAddrPort("10.0.1.1:49152")
	nac = netip.MustParseAddrPort("10.0.0.1:1812")
)

// unhex reads hexadecimal with any white space in it.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func datagram(b []byte) Packet {
	return Packet{Link: "ap-1–nac", From: nas, To: nac, FromHost: "ap-1", ToHost: "nac", Data: b}
}

func cable(b []byte) Packet {
	return Packet{Medium: host.Medium{Kind: host.Cable, Name: "sw-1/3"}, FromHost: "laptop-1", Data: b}
}

func radio(b []byte) Packet {
	return Packet{Medium: host.Medium{Kind: host.Radio, Name: "corp"}, FromHost: "laptop-1", Data: b}
}

// text renders fields on one line for comparison.
func text(fields []slog.Attr) string {
	var b strings.Builder
	for i, a := range fields {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(a.Key)
		b.WriteByte('=')
		if a.Value.Kind() == slog.KindGroup {
			b.WriteString("{" + text(a.Value.Group()) + "}")
			continue
		}
		b.WriteString(a.Value.String())
	}
	return b.String()
}

// Link-layer headers of the vectors: supplicant 00:1c:b3:09:85:15, switch 02:00:00:00:00:01, BSS 5c:5b:35:00:00:01.
const (
	toSwitch   = "0180c2000003 001cb3098515 888e "
	fromSwitch = "001cb3098515 020000000001 888e "
	toAP       = "0801 0000 5c5b35000001 001cb3098515 5c5b35000001 0000 aaaa03000000888e "
	fromAP     = "0802 0000 001cb3098515 5c5b35000001 5c5b35000001 0000 aaaa03000000888e "
	mgmtToSTA  = " 0000 001cb3098515 5c5b35000001 5c5b35000001 0000 "
	mgmtToAP   = " 0000 5c5b35000001 001cb3098515 5c5b35000001 0000 "
	keyTail    = "0000000000000000 0000000000000000 0000000000000000 0000000000000000" + // nonce
		"00000000000000000000000000000000 0000000000000000 0000000000000000" + // IV, RSC, reserved
		"00000000000000000000000000000000" // MIC
)

func key(info, dataLength, data string) string {
	body := "02" + info + "0010 0000000000000001" + keyTail + dataLength + data
	n := len(strings.Join(strings.Fields(body), "")) / 2
	return "0203" + hex.EncodeToString([]byte{byte(n >> 8), byte(n)}) + body
}

// serverHello is the first record of a TLS 1.3 server's flight: legacy version 1.2, supported_versions 1.3.
const serverHello = "16 0303 0032 02 00002e 0303" +
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 00 1301 00 0006 002b0002 0304"

func TestFields(t *testing.T) {
	tests := []struct {
		name   string
		packet Packet
		want   string // without link, from, to and summary
		sum    string
	}{
		{
			"RFC 2865 section 7.1, Access-Request of a PAP user",
			datagram(unhex(t, `01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a 01 06 6e 65 6d 6f 02 12 0d be
				70 8d 93 d4 13 ce 31 96 e4 3f 78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03`)),
			`proto=RADIUS name=Access-Request src=10.0.1.1:49152 dst=10.0.0.1:1812 len=56 code=1 id=0 ` +
				`attributes={User-Name=nemo User-Password=(hidden) NAS-IP-Address=192.168.1.16 NAS-Port=3}`,
			"Access-Request id 0",
		},
		{
			"RFC 2865 section 7.1, Access-Accept",
			datagram(unhex(t, `02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00
				00 00 0e 06 c0 a8 01 03`)),
			`proto=RADIUS name=Access-Accept src=10.0.1.1:49152 dst=10.0.0.1:1812 len=38 code=2 id=0 ` +
				`attributes={Service-Type=Login-User Login-Service=0 Login-IP-Host=192.168.1.3}`,
			"Access-Accept id 0",
		},
		{
			"identity in RADIUS with padding behind it",
			datagram(unhex(t, "01 07 0034 00000000000000000000000000000000 1f13 30302d31432d42332d30392d38352d3135 4f0d 0201000b 01 686f73742f41 000000")),
			`proto=RADIUS name=Access-Request src=10.0.1.1:49152 dst=10.0.0.1:1812 len=55 client=00:1c:b3:09:85:15 code=1 id=7 padding=3 ` +
				`eap=EAP-Response/Identity eap_id=1 identity=host/A ` +
				`attributes={Calling-Station-Id=00-1C-B3-09-85-15 EAP-Message=Response id=1 Identity host/A}`,
			"Access-Request id 7, EAP-Response/Identity, host/A",
		},
		{
			"VLAN by tunnel attributes, RFC 3580 section 3.31",
			datagram(unhex(t, "02 08 002b 00000000000000000000000000000000 4006 0000000d 4106 00000006 5105 373530 4f06 03050004")),
			`proto=RADIUS name=Access-Accept src=10.0.1.1:49152 dst=10.0.0.1:1812 len=43 code=2 id=8 eap=EAP-Success eap_id=5 vlan=750 ` +
				`attributes={Tunnel-Type=VLAN Tunnel-Medium-Type=IEEE-802 Tunnel-Private-Group-Id=750 EAP-Message=Success id=5}`,
			"Access-Accept id 8, EAP-Success, VLAN 750",
		},
		{
			"EAP-Start in RADIUS, RFC 3579 section 2.1",
			datagram(unhex(t, "01 08 0016 00000000000000000000000000000000 4f02")),
			`proto=RADIUS name=Access-Request src=10.0.1.1:49152 dst=10.0.0.1:1812 len=22 code=1 id=8 eap=EAP-Start attributes={EAP-Message=EAP-Start}`,
			"Access-Request id 8, EAP-Start",
		},
		{
			"Error-Cause, RFC 5176 section 3.5",
			datagram(unhex(t, "2a 09 001a 00000000000000000000000000000000 6506 000001f7")),
			`proto=RADIUS name=Disconnect-NAK src=10.0.1.1:49152 dst=10.0.0.1:1812 len=26 code=42 id=9 attributes={Error-Cause=Session-Context-Not-Found (503)}`,
			"Disconnect-NAK id 9, Session-Context-Not-Found (503)",
		},
		{
			"EAPOL-Start with padding of the frame",
			cable(unhex(t, toSwitch+"0201 0000"+strings.Repeat("00", 42))),
			`proto=EAPOL name=EAPOL-Start src=00:1c:b3:09:85:15 dst=01:80:c2:00:00:03 len=60 client=00:1c:b3:09:85:15`,
			"EAPOL-Start",
		},
		{
			"identity request without a prompt, padded",
			cable(unhex(t, fromSwitch+"0200 0005 01010005 01"+strings.Repeat("00", 37))),
			`proto=EAPOL name=EAP-Request/Identity src=02:00:00:00:00:01 dst=00:1c:b3:09:85:15 len=60 client=00:1c:b3:09:85:15 eap=EAP-Request/Identity eap_id=1`,
			"EAP-Request/Identity",
		},
		{
			"in a VLAN tag",
			cable(unhex(t, "0180c2000003 001cb3098515 8100 02ee 888e 0202 0000")),
			`proto=EAPOL name=EAPOL-Logoff src=00:1c:b3:09:85:15 dst=01:80:c2:00:00:03 len=22 client=00:1c:b3:09:85:15 vlan_tag=750`,
			"EAPOL-Logoff",
		},
		{
			"Legacy Nak, RFC 3748 section 5.3.1",
			cable(unhex(t, toSwitch+"0200 0007 02020007 03 1519")),
			`proto=EAPOL name=EAP-Response/Legacy-Nak src=00:1c:b3:09:85:15 dst=01:80:c2:00:00:03 len=25 client=00:1c:b3:09:85:15 ` +
				`eap=EAP-Response/Legacy-Nak eap_id=2 wanted=EAP-TTLS PEAP`,
			"EAP-Response/Legacy-Nak, wants EAP-TTLS PEAP",
		},
		{
			"EAP-TLS Start",
			radio(unhex(t, fromAP+"0200 0006 01030006 0d 20")),
			`proto=EAPOL name=EAP-Request/EAP-TLS src=5c:5b:35:00:00:01 dst=00:1c:b3:09:85:15 len=42 client=00:1c:b3:09:85:15 ` +
				`bssid=5c:5b:35:00:00:01 eap=EAP-Request/EAP-TLS eap_id=3 tls=Start`,
			"EAP-Request/EAP-TLS, Start",
		},
		{
			"TLS 1.3 ServerHello, first of several fragments",
			radio(unhex(t, fromAP+"0200 004c 0104004c 0d c0 00000400 "+serverHello+" 140303 0001 01 170303 01ff")),
			`proto=EAPOL name=EAP-Request/EAP-TLS src=5c:5b:35:00:00:01 dst=00:1c:b3:09:85:15 len=112 client=00:1c:b3:09:85:15 ` +
				`bssid=5c:5b:35:00:00:01 eap=EAP-Request/EAP-TLS eap_id=4 tls_length=1024 ` +
				`tls=ServerHello, ChangeCipherSpec, Application Data (more follows) tls_version=TLS 1.3`,
			"EAP-Request/EAP-TLS, ServerHello, ChangeCipherSpec, Application Data (more follows)",
		},
		{
			"TLS alert in clear, RFC 8446 section 6",
			radio(unhex(t, toAP+"0200 000d 0205000d 0d 00 15 0303 0002 0230")),
			`proto=EAPOL name=EAP-Response/EAP-TLS src=00:1c:b3:09:85:15 dst=5c:5b:35:00:00:01 len=49 client=00:1c:b3:09:85:15 ` +
				`bssid=5c:5b:35:00:00:01 eap=EAP-Response/EAP-TLS eap_id=5 tls=Alert unknown_ca tls_alert=unknown_ca`,
			"EAP-Response/EAP-TLS, Alert unknown_ca",
		},
		{
			"Association Request with SSID",
			radio(unhex(t, "0000"+mgmtToAP+"3114 0a00 0004 636f7270 0104 82848b96")),
			`proto=802.11 name=Association Request src=00:1c:b3:09:85:15 dst=5c:5b:35:00:00:01 len=40 client=00:1c:b3:09:85:15 ` +
				`bssid=5c:5b:35:00:00:01 ssid=corp`,
			"Association Request, SSID corp",
		},
		{
			"Association Response refused",
			radio(unhex(t, "1000"+mgmtToSTA+"3114 1100 0000")),
			`proto=802.11 name=Association Response src=5c:5b:35:00:00:01 dst=00:1c:b3:09:85:15 len=30 client=00:1c:b3:09:85:15 ` +
				`bssid=5c:5b:35:00:00:01 status=17`,
			"Association Response, status 17",
		},
		{
			"Deauthentication, IEEE 802.11 table 9-49",
			radio(unhex(t, "c000"+mgmtToSTA+"1700")),
			`proto=802.11 name=Deauthentication src=5c:5b:35:00:00:01 dst=00:1c:b3:09:85:15 len=26 client=00:1c:b3:09:85:15 ` +
				`bssid=5c:5b:35:00:00:01 reason=23`,
			"Deauthentication, reason 23 (IEEE 802.1X authentication failed)",
		},
		{
			"open system authentication",
			radio(unhex(t, "b000"+mgmtToAP+"0000 0100 0000")),
			`proto=802.11 name=Authentication src=00:1c:b3:09:85:15 dst=5c:5b:35:00:00:01 len=30 client=00:1c:b3:09:85:15 ` +
				`bssid=5c:5b:35:00:00:01 auth_sequence=1 status=0`,
			"Authentication",
		},
		{
			"message 1 of the 4-way handshake",
			radio(unhex(t, fromAP+key("008a", "0000", ""))),
			`proto=EAPOL name=EAPOL-Key 1/4 src=5c:5b:35:00:00:01 dst=00:1c:b3:09:85:15 len=131 client=00:1c:b3:09:85:15 ` +
				`bssid=5c:5b:35:00:00:01 replay_counter=1 key_message=1/4`,
			"EAPOL-Key 1/4",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := text(Fields(tt.packet))
			if !strings.HasPrefix(got, "link=") {
				t.Fatalf("fields %s do not begin with the link", got)
			}
			for _, part := range []string{"from=" + tt.packet.FromHost + " to=" + tt.packet.ToHost + " ", "summary=" + Summary(tt.packet) + " "} {
				if !strings.Contains(got, part) {
					t.Errorf("fields %s lack %s", got, part)
				}
				got = strings.Replace(got, part, "", 1)
			}
			_, got, _ = strings.Cut(got, " ")
			if got != tt.want {
				t.Errorf("fields\n%s\nwant\n%s", got, tt.want)
			}
			if Summary(tt.packet) != tt.sum {
				t.Errorf("summary %q, want %q", Summary(tt.packet), tt.sum)
			}
		})
	}
}

func TestKeyMessages(t *testing.T) {
	// Key Information of each message, IEEE 802.11-2020 sections 12.7.6 and 12.7.7, descriptor version 2.
	for info, want := range map[string]string{
		"008a 0000": "1/4", "010a 0016": "2/4", "13ca 0038": "3/4", "030a 0000": "4/4",
		"1382 0020": "group 1/2", "0302 0000": "group 2/2", "0d0a 0000": "request",
	} {
		bits, length, _ := strings.Cut(info, " ")
		data := strings.Repeat("00", int(unhex(t, length)[1]))
		if got := Name(radio(unhex(t, fromAP+key(bits, length, data)))); got != "EAPOL-Key "+want {
			t.Errorf("Key Information %s: %s, want EAPOL-Key %s", bits, got, want)
		}
	}
}

func TestMatches(t *testing.T) {
	identity := datagram(unhex(t, "01 07 001f 00000000000000000000000000000000 4f0b 02010009 01 686f7374"))
	tls := cable(unhex(t, toSwitch+"0200 0006 02030006 0d 00"))
	msg3 := radio(unhex(t, fromAP+key("13ca", "0000", "")))
	tests := []struct {
		packet Packet
		name   string
		want   bool
	}{
		{identity, "Access-Request", true},
		{identity, "access-request", true},
		{identity, "EAP-Response/Identity", true},
		{identity, "EAP-Response", true},
		{identity, "EAP-Request", false},
		{identity, "Access", false},
		{identity, "Access-Accept", false},
		{tls, "EAP-Response/EAP-TLS", true},
		{tls, "EAP-Response/TLS", true},
		{tls, "EAP-Response/TTLS", false},
		{tls, "EAP-Request/TLS", false},
		{tls, "Access-Request", false},
		{msg3, "EAPOL-Key 3/4", true},
		{msg3, "EAPOL-Key", true},
		{msg3, "EAPOL-Key 1/4", false},
		{msg3, "", false},
		{Packet{}, "", false},
	}
	for _, tt := range tests {
		if got := Matches(tt.packet, tt.name); got != tt.want {
			t.Errorf("%s: Matches(%q) = %v, want %v", Name(tt.packet), tt.name, got, tt.want)
		}
		if got := FieldsMatch(Fields(tt.packet), tt.name); got != tt.want {
			t.Errorf("%s: FieldsMatch(%q) = %v, want %v", Name(tt.packet), tt.name, got, tt.want)
		}
	}
	known := strings.Join(MatchNames(), "\n") + "\n"
	for _, name := range []string{"CoA-Request", "Disconnect-ACK", "EAP-Request/EAP-TLS", "EAPOL-Key 4/4", "Deauthentication", "EAP-Start"} {
		if !strings.Contains(known, name+"\n") {
			t.Errorf("MatchNames lacks %s", name)
		}
	}
}

func TestMalformed(t *testing.T) {
	tests := []struct {
		name   string
		packet Packet
		want   string
	}{
		{"empty datagram", datagram(nil), "RADIUS packet of 0 octets"},
		{"RADIUS cut", datagram(make([]byte, 19)), "RADIUS packet of 19 octets"},
		{"RADIUS length beyond the datagram", datagram(unhex(t, "01000015 00000000000000000000000000000000")), "RADIUS length 21 with 20 octets there"},
		{"RADIUS length below the header", datagram(unhex(t, "01000013 00000000000000000000000000000000")), "RADIUS length 19 with 20 octets there"},
		{"attribute length 1", datagram(unhex(t, "01000016 00000000000000000000000000000000 0101")), "RADIUS attribute cut at octet 20"},
		{"attribute beyond the packet", datagram(unhex(t, "01000019 00000000000000000000000000000000 5002 01ff00")), "RADIUS attribute cut at octet 22"},
		{"EAP-Message of one octet", datagram(unhex(t, "01000017 00000000000000000000000000000000 4f03 01")), "EAP packet of 1 octets"},
		{"EAP length", cable(unhex(t, toSwitch+"0200 0005 02010006 01")), "EAP length 6 with 5 octets there"},
		{"EAP code", cable(unhex(t, toSwitch+"0200 0005 09010005 01")), "EAP code 9"},
		{"EAP request without type", cable(unhex(t, toSwitch+"0200 0004 01010004")), "EAP Request without a type"},
		{"EAP-TLS without flags", cable(unhex(t, toSwitch+"0200 0005 01010005 0d")), "TLS method without flags"},
		{"EAP-TLS length cut", cable(unhex(t, toSwitch+"0200 0008 01010008 0d 80 0000")), "TLS message length cut"},
		{"EAPOL cut", cable(unhex(t, toSwitch+"0201 00")), "EAPOL packet of 3 octets"},
		{"EAPOL length", cable(unhex(t, toSwitch+"0200 0005 0101")), "EAPOL body length 5 with 2 octets there"},
		{"EAPOL-Key empty", cable(unhex(t, toSwitch+"0203 0000")), "EAPOL-Key without a descriptor"},
		{"EAPOL-Key cut", cable(unhex(t, toSwitch+"0203 0003 02008a")), "EAPOL-Key of 3 octets"},
		{"EAPOL-Key data", radio(unhex(t, fromAP+key("13ca", "0001", ""))), "EAPOL-Key data length 1 with 0 octets there"},
		{"Ethernet cut", cable(make([]byte, 13)), "Ethernet frame of 13 octets"},
		{"VLAN tag cut", cable(unhex(t, "0180c2000003 001cb3098515 8100 02")), "VLAN tag cut"},
		{"802.11 cut", radio(make([]byte, 23)), "802.11 frame of 23 octets"},
		{"802.11 version", radio(append([]byte{1}, make([]byte, 23)...)), "802.11 protocol version 1"},
		{"802.11 element", radio(unhex(t, "0000"+mgmtToAP+"3114 0a00 0005 636f7270")), "802.11 element cut"},
		{"802.11 body", radio(unhex(t, "c000"+mgmtToAP+"00")), "Deauthentication with 1 octets of body"},
		{"802.11 QoS header", radio(unhex(t, "8801"+mgmtToAP)), "802.11 header cut"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fields := Fields(tt.packet)
			var got string
			for _, a := range fields {
				if a.Key == "malformed" {
					got = a.Value.String()
				}
			}
			if got != tt.want {
				t.Errorf("malformed %q, want %q", got, tt.want)
			}
			if s := Summary(tt.packet); !strings.Contains(s, tt.want) {
				t.Errorf("summary %q does not say so", s)
			}
		})
	}
}

func TestFate(t *testing.T) {
	p := cable(unhex(t, toSwitch+"0201 0000"))
	p.Fate, p.Note, p.Time = "lost", "loss of 10 %", time.Unix(0, 0)
	got := text(Fields(p))
	if !strings.HasSuffix(got, " fate=lost note=loss of 10 %") || Summary(p) != "EAPOL-Start [lost]" {
		t.Errorf("fields %s, summary %s", got, Summary(p))
	}
}

func TestOtherTraffic(t *testing.T) {
	other := Packet{From: nas, To: netip.MustParseAddrPort("10.0.0.9:53"), Data: []byte("query")}
	if got := Name(other); got != "UDP" {
		t.Errorf("datagram to port 53 is %q, want UDP", got)
	}
	// A NAS may listen for dynamic authorization on any port.
	coa := Packet{From: nas, To: netip.MustParseAddrPort("10.0.0.9:1700"), Data: unhex(t, "2b 09 0014 00000000000000000000000000000000")}
	if got := Name(coa); got != "CoA-Request" {
		t.Errorf("CoA-Request to port 1700 is %q", got)
	}
	if got := Name(cable(unhex(t, "0180c2000003 001cb3098515 0800 45"))); got != "Ethernet" {
		t.Errorf("IPv4 frame is %q, want Ethernet", got)
	}
}

func FuzzFields(f *testing.F) {
	f.Add(unhex(f, toSwitch+"0200 0006 02030006 0d 00"), byte(1))
	f.Add(unhex(f, fromAP+key("13ca", "0000", "")), byte(2))
	f.Add(unhex(f, fromAP+"0200 004c 0104004c 0d c0 00000400 "+serverHello), byte(2))
	f.Add(unhex(f, "0000"+mgmtToAP+"3114 0a00 0004 636f7270"), byte(2))
	f.Add(unhex(f, "01 07 001f 00000000000000000000000000000000 4f0b 02010009 01 686f7374"), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, kind byte) {
		p := datagram(b)
		switch kind % 3 {
		case 1:
			p = cable(b)
		case 2:
			p = radio(b)
		}
		fields := Fields(p)
		if Name(p) == "" || Matches(p, Name(p)) != FieldsMatch(fields, Name(p)) {
			t.Errorf("%x: name %q and fields %s disagree", b, Name(p), text(fields))
		}
		seen := map[string]bool{}
		for _, a := range fields {
			if seen[a.Key] {
				t.Errorf("%x: field %s appears twice", b, a.Key)
			}
			seen[a.Key] = true
		}
	})
}

func BenchmarkFields(b *testing.B) {
	request := unhex(b, "01 07 001f 00000000000000000000000000000000 4f0b 02010009 01 686f7374")
	more := unhex(b, `1f13 30302d31432d42332d30392d38352d3135 3d0600000013 0c0600000578 18120102030405060708090a0b0c0d0e0f10
		1e18 30302d31432d42332d30392d38352d31353a636f7270 5012 000102030405060708090a0b0c0d0e0f 0106 6e656d6f`)
	request = append(request, more...)
	request[2], request[3] = byte(len(request)>>8), byte(len(request))
	for name, p := range map[string]Packet{
		"RADIUS": datagram(request),
		"EAPOL":  radio(unhex(b, fromAP+"0200 004c 0104004c 0d c0 00000400 "+serverHello+" 140303 0001 01 170303 01ff")),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Fields(p)
			}
		})
	}
}
