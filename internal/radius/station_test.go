package radius

import "testing"

func TestCanonicalMAC(t *testing.T) {
	for _, s := range []string{
		"00-1C-B3-09-85-15", "00:1c:b3:09:85:15", "001c.b309.8515", "001CB3098515", "001cb3-098515", "001c-b309-8515", "00.1c.b3.09.85.15", "001cb3:098515",
	} {
		if mac, err := CanonicalMAC(s); err != nil || mac.String() != "00:1c:b3:09:85:15" {
			t.Errorf("%q is %v, error %v", s, mac, err)
		}
	}
	for _, s := range []string{
		"", "00-1C-B3-09-85", "00-1C-B3-09-85-15-16", "001CB309851", "001CB30985155", "00-1C:B3-09-85-15", "00-1C-B3-09-8515",
		"001C-B309-85-15", "-00-1C-B3-09-85-15", "00-1C-B3-09-85-15-", "00--1C-B3-09-85-15", "001.cb3.098.515", "00 1C B3 09 85 15",
		"0G-1C-B3-09-85-15", "user@example", "001CB3098515:corp",
	} {
		if mac, err := CanonicalMAC(s); err == nil {
			t.Errorf("%q is taken as %v", s, mac)
		}
	}
}

func TestSplitCalledStation(t *testing.T) {
	for _, c := range []struct{ in, mac, ssid string }{
		{"AA-BB-CC-DD-EE-FF:corp", "aa:bb:cc:dd:ee:ff", "corp"}, // RFC 3580 section 3.20
		{"AA-BB-CC-DD-EE-FF", "aa:bb:cc:dd:ee:ff", ""},
		{"AA-BB-CC-DD-EE-FF:", "aa:bb:cc:dd:ee:ff", ""}, // hostapd on a wire
		{"aa:bb:cc:dd:ee:ff:corp", "aa:bb:cc:dd:ee:ff", "corp"},
		{"AA-BB-CC-DD-EE-FF:a:b c", "aa:bb:cc:dd:ee:ff", "a:b c"},
		{"aabb.ccdd.eeff:corp", "aa:bb:cc:dd:ee:ff", "corp"},
		{"aabbccddeeff:corp", "aa:bb:cc:dd:ee:ff", "corp"},
		{"aabbccddeeff:x:yyyyyyyy", "aa:bb:cc:dd:ee:ff", "x:yyyyyyyy"},
		{"aabbcc-ddeeff:corp", "aa:bb:cc:dd:ee:ff", "corp"},
	} {
		mac, ssid, err := SplitCalledStation(c.in)
		if err != nil || mac.String() != c.mac || ssid != c.ssid {
			t.Errorf("%q is %v %q, error %v; want %s %q", c.in, mac, ssid, err, c.mac, c.ssid)
		}
	}
	for _, s := range []string{"", "corp", "5551234", "AA-BB-CC-DD-EE-FFcorp", ":corp"} {
		if mac, ssid, err := SplitCalledStation(s); err == nil {
			t.Errorf("%q is taken as %v %q", s, mac, ssid)
		}
	}
}

func TestFormatMAC(t *testing.T) {
	mac, _ := CanonicalMAC("00:1c:b3:09:85:15")
	if s := FormatMAC(mac); s != "00-1C-B3-09-85-15" {
		t.Errorf("got %q", s)
	}
	if s := FormatMAC(nil); s != "" {
		t.Errorf("no address is %q", s)
	}
}

func FuzzCanonicalMAC(f *testing.F) {
	for _, s := range []string{"00-1C-B3-09-85-15", "001c.b309.8515:corp", "001CB3098515"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if mac, err := CanonicalMAC(s); err == nil {
			if again, err := CanonicalMAC(FormatMAC(mac)); err != nil || again.String() != mac.String() {
				t.Fatalf("%q is %v and then %v", s, mac, again)
			}
		}
		SplitCalledStation(s)
	})
}
