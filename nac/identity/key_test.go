package identity

import (
	"net"
	"reflect"
	"strings"
	"testing"

	"nacsim/internal/guid"
)

const (
	real1      = "00:1c:b3:09:85:15"
	randomized = "02:1c:b3:09:85:15"
	id1        = "6f4d2a1e-90ab-4cde-8f01-23456789abcd"
	id2        = "7f4d2a1e-90ab-4cde-8f01-23456789abcd"
)

// TestExtract covers "Device Identity Extraction" of the seed: the order of keys and what makes none.
func TestExtract(t *testing.T) {
	long := strings.Repeat("x", 256)
	cases := []struct {
		name string
		auth string
		mac  string
		cert *Certificate
		want string
	}{
		{"all three", "eap-tls", real1, &Certificate{CN: "LAPTOP-1", SANDNS: []string{id1}}, "mac " + real1 + ", cn LAPTOP-1, san_dns " + id1},
		{"CN with FQDN", "eap-tls", "", &Certificate{CN: "LAPTOP-1.corp.example"}, "cn LAPTOP-1.corp.example, cn LAPTOP-1"},
		{"CN with a dot at the end", "eap-tls", "", &Certificate{CN: "LAPTOP-1."}, "cn LAPTOP-1., cn LAPTOP-1"},
		{"CN with a dot at the start", "eap-tls", "", &Certificate{CN: ".corp"}, "cn .corp"},
		{"CN with spaces around", "eap-tls", "", &Certificate{CN: " My Laptop "}, "cn My Laptop"},
		{"CN in another script", "eap-tls", "", &Certificate{CN: "ноутбук"}, "cn ноутбук"},
		{"CN empty", "eap-tls", "", &Certificate{CN: "  "}, ""},
		{"CN too long", "eap-tls", "", &Certificate{CN: long}, ""},
		{"CN with a control character", "eap-tls", "", &Certificate{CN: "LAP\x00TOP"}, ""},
		{"CN that is no UTF-8", "eap-tls", "", &Certificate{CN: "LAP\xffTOP"}, ""},
		{"randomized MAC", "eap-tls", randomized, &Certificate{CN: "LAPTOP-1"}, "cn LAPTOP-1"},
		{"randomized MAC alone", "eap-tls", "da:a1:19:00:00:01", nil, ""},
		{"group MAC", "eap-tls", "01:00:5e:00:00:01", nil, ""},
		{"MAC of zeros", "eap-tls", "00:00:00:00:00:00", nil, ""},
		{"EUI-64", "eap-tls", "00:1c:b3:ff:fe:09:85:15", nil, ""},
		{"GUID in upper case", "eap-tls", "", &Certificate{SANDNS: []string{strings.ToUpper(id1)}}, "san_dns " + id1},
		{"GUID with a domain", "eap-tls", "", &Certificate{SANDNS: []string{id1 + ".devices.corp.example"}}, "san_dns " + id1},
		{"several SANs", "eap-tls", "", &Certificate{SANDNS: []string{"laptop-1.corp.example", id2, id1, id2}}, "san_dns " + id2 + ", san_dns " + id1},
		{"no GUID: wrong hyphens", "eap-tls", "", &Certificate{SANDNS: []string{strings.ReplaceAll(id1, "-", "") + "----"}}, ""},
		{"no GUID: not hexadecimal", "eap-tls", "", &Certificate{SANDNS: []string{"g" + id1[1:]}}, ""},
		{"no GUID: braces", "eap-tls", "", &Certificate{SANDNS: []string{"{" + id1 + "}"}}, ""},
		{"no GUID: zeros", "eap-tls", "", &Certificate{SANDNS: []string{"00000000-0000-0000-0000-000000000000"}}, ""},
		{"CN that is an ID", "eap-tls", "", &Certificate{CN: strings.ToUpper(id1)}, "cn " + id1},
		{"CN that is an ID with a domain", "eap-tls", "", &Certificate{CN: strings.ToUpper(id1) + ".corp.example"}, "cn " + strings.ToUpper(id1) + ".corp.example, cn " + id1},
		{"URI of Microsoft's NAC service", "eap-tls", "", &Certificate{SANURI: []string{"IntuneDeviceId://" + strings.ToUpper(id1)}}, "san_uri " + id1},
		{"URI with a SID beside it", "eap-tls", "", &Certificate{SANURI: []string{"tag:microsoft.com,2022-09-14:sid:S-1-5-21-1004336348-1177238915-682003330-512", "intunedeviceid://" + id1}}, "san_uri " + id1},
		{"a GUID in a SID's URI", "eap-tls", "", &Certificate{SANURI: []string{"TAG:microsoft.com,2022-09-14:sid:" + id1}}, ""},
		{"GUID as a URN, and in a path", "eap-tls", "", &Certificate{SANURI: []string{"urn:uuid:" + id1, "https://pki.example/devices/" + id2 + "?x=1"}}, "san_uri " + id1 + ", san_uri " + id2},
		{"GUID in a longer word", "eap-tls", "", &Certificate{SANURI: []string{"x://a" + id1, "x://" + id1 + "-1", "x://" + id1 + "_"}}, ""},
		{"GUID of zeros in a URI", "eap-tls", "", &Certificate{SANURI: []string{"IntuneDeviceId://00000000-0000-0000-0000-000000000000"}}, ""},
		{"DNS before URI", "eap-tls", "", &Certificate{CN: "A", SANDNS: []string{id2}, SANURI: []string{"x://" + id1}}, "cn A, san_dns " + id2 + ", san_uri " + id1},
		{"EAP-TTLS has the MAC only", "eap-ttls", real1, &Certificate{CN: "LAPTOP-1", SANDNS: []string{id1}}, "mac " + real1},
		{"MAB has the MAC only", "mab", real1, nil, "mac " + real1},
		{"EAP-TTLS with a randomized MAC has nothing", "eap-ttls", randomized, nil, ""},
		{"TEAP", "eap-teap", randomized, &Certificate{CN: "LAPTOP-1"}, "cn LAPTOP-1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var mac net.HardwareAddr
			if c.mac != "" {
				var err error
				if mac, err = net.ParseMAC(c.mac); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, k := range Extract(c.auth, mac, c.cert) {
				got = append(got, k.String())
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func TestExtractIsBounded(t *testing.T) {
	var names []string
	for i := range 100 {
		names = append(names, id1[:34]+string("0123456789abcdef"[i/16])+string("0123456789abcdef"[i%16]))
	}
	keys := Extract("eap-tls", nil, &Certificate{CN: "a.b", SANDNS: names})
	if len(keys) != maxKeys {
		t.Errorf("%d keys", len(keys))
	}
	if !reflect.DeepEqual(keys[:3], []Key{{CN, "a.b"}, {CN, "a"}, {SANDNS, names[0]}}) {
		t.Errorf("keys are %v", keys)
	}
}

func TestKeyID(t *testing.T) {
	for k, want := range map[Key]string{{SANDNS, id1}: id1, {SANURI, strings.ToUpper(id1)}: id1, {CN, id1}: id1, {CN, "LAPTOP-1"}: "", {MAC, id1}: ""} {
		if got := k.ID(); got != want {
			t.Errorf("%v: %q, want %q", k, got, want)
		}
	}
}

// What a certificate says is the client's to choose: keys are bounded, distinct, and what their kind says.
func FuzzExtract(f *testing.F) {
	f.Add("LAPTOP-1.corp.example", id1+".corp.example", "IntuneDeviceId://"+id1)
	f.Add(id1, "", "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-512")
	f.Fuzz(func(t *testing.T, cn, dns, uri string) {
		seen := map[Key]bool{}
		for _, k := range Extract("eap-tls", nil, &Certificate{CN: cn, SANDNS: []string{dns}, SANURI: []string{uri, uri}}) {
			if seen[k] || k.Value == "" || len(k.Value) > maxValue {
				t.Errorf("key %q", k)
			}
			seen[k] = true
			if (k.Kind == SANDNS || k.Kind == SANURI) && (!guid.Valid(k.Value) || k.ID() != k.Value) {
				t.Errorf("%q is no ID", k)
			}
		}
	})
}
