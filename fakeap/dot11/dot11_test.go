package dot11

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"nacsim/fakeap/ether"
)

var (
	station = ether.Addr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x15}
	bssid   = ether.Addr{0x5c, 0x5b, 0x35, 0x00, 0x00, 0x01}
)

func parse(t *testing.T, b []byte) Frame {
	t.Helper()
	f, err := Parse(b)
	if err != nil {
		t.Fatalf("Parse(%x): %v", b, err)
	}
	return f
}

// The RSN element of WPA2-Enterprise as in the example of IEEE 802.11-2020 clause 9.4.2.24.1 (802.1X, CCMP).
func TestRSNVector(t *testing.T) {
	const want = "3014" + "0100" + "000fac04" + "0100" + "000fac04" + "0100" + "000fac01" + "0000"
	if got := hex.EncodeToString(WPA2Enterprise()); got != want {
		t.Errorf("WPA2Enterprise() = %s, want %s", got, want)
	}
	r, err := ParseRSN(WPA2Enterprise())
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepts() != StatusSuccess {
		t.Errorf("own RSN element is answered with status %d", r.Accepts())
	}
	if r.Group.String() != "00-0F-AC:4" || r.AKM[0].String() != "00-0F-AC:1" {
		t.Errorf("suites %s %s, want 00-0F-AC:4 and 00-0F-AC:1", r.Group, r.AKM[0])
	}
}

func TestRSNRefusals(t *testing.T) {
	tests := []struct {
		name, element string
		want          Status
		err           error
	}{
		{"TKIP group", "3014" + "0100" + "000fac02" + "0100" + "000fac04" + "0100" + "000fac01" + "0000", StatusInvalidGroupCipher, nil},
		{"GCMP pairwise", "3014" + "0100" + "000fac04" + "0100" + "000fac08" + "0100" + "000fac01" + "0000", StatusInvalidPairwiseCipher, nil},
		{"PSK", "3014" + "0100" + "000fac04" + "0100" + "000fac04" + "0100" + "000fac02" + "0000", StatusInvalidAKMP, nil},
		{"version 2", "3014" + "0200" + "000fac04" + "0100" + "000fac04" + "0100" + "000fac01" + "0000", 0, ErrRSN},
		{"no pairwise suite", "300e" + "0100" + "000fac04" + "0000" + "0100" + "000fac01", 0, ErrRSN},
		{"AKM cut", "3010" + "0100" + "000fac04" + "0100" + "000fac04" + "0100" + "000f", 0, ErrRSN},
		{"count absurd", "300e" + "0100" + "000fac04" + "ffff" + "0100" + "000fac01", 0, ErrRSN},
		{"empty", "3000", 0, ErrRSN},
		{"other element", "dd00", 0, ErrRSN},
	}
	for _, tt := range tests {
		b, err := hex.DecodeString(tt.element)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRSN(b)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
		} else if err == nil && r.Accepts() != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, r.Accepts(), tt.want)
		}
	}
}

func TestManagementFrames(t *testing.T) {
	f := parse(t, NewProbeRequest(ether.Broadcast, station, "corp"))
	if ssid, err := ParseProbeRequest(f); f.Kind != ProbeRequest || ssid != "corp" || err != nil || f.Addr1 != ether.Broadcast {
		t.Errorf("Probe Request: %+v, %q, %v", f, ssid, err)
	}
	f = parse(t, NewProbeResponse(station, bssid, "corp", 1024))
	if ssid, rsn, err := ParseProbeResponse(f); f.Kind != ProbeResponse || ssid != "corp" || !bytes.Equal(rsn, WPA2Enterprise()) || err != nil {
		t.Errorf("Probe Response: %q, %x, %v", ssid, rsn, err)
	}
	f = parse(t, NewAuthentication(bssid, station, bssid, AuthenticationBody{Sequence: 1}))
	if a, err := ParseAuthentication(f); f.Kind != Authentication || a != (AuthenticationBody{Sequence: 1}) || err != nil {
		t.Errorf("Authentication: %+v, %v", a, err)
	}
	f = parse(t, NewAssociationRequest(station, bssid, "corp"))
	if ssid, rsn, err := ParseAssociationRequest(f); f.Kind != AssociationRequest || ssid != "corp" || !bytes.Equal(rsn, WPA2Enterprise()) || err != nil {
		t.Errorf("Association Request: %q, %x, %v", ssid, rsn, err)
	}
	f = parse(t, NewAssociationResponse(station, bssid, StatusSuccess, 7))
	if status, aid, err := ParseAssociationResponse(f); f.Kind != AssociationResponse || status != StatusSuccess || aid != 7 || err != nil {
		t.Errorf("Association Response: %d, %d, %v", status, aid, err)
	}
	for _, b := range [][]byte{
		NewDeauthentication(station, bssid, bssid, ReasonAuthenticationFails),
		NewDisassociation(station, bssid, bssid, ReasonAuthenticationFails),
	} {
		f = parse(t, b)
		if reason, err := ParseReason(f); reason != ReasonAuthenticationFails || err != nil || f.BSSID() != bssid {
			t.Errorf("%v: reason %d, %v", f.Kind, reason, err)
		}
	}
}

func TestManagementBodiesCut(t *testing.T) {
	frames := map[string]Frame{
		"probe response":       {Kind: ProbeResponse, Body: make([]byte, 11)},
		"authentication":       {Kind: Authentication, Body: make([]byte, 5)},
		"association request":  {Kind: AssociationRequest, Body: make([]byte, 3)},
		"association response": {Kind: AssociationResponse, Body: make([]byte, 5)},
		"deauthentication":     {Kind: Deauthentication, Body: make([]byte, 1)},
	}
	for name, f := range frames {
		var err error
		switch f.Kind {
		case ProbeResponse:
			_, _, err = ParseProbeResponse(f)
		case Authentication:
			_, err = ParseAuthentication(f)
		case AssociationRequest:
			_, _, err = ParseAssociationRequest(f)
		case AssociationResponse:
			_, _, err = ParseAssociationResponse(f)
		default:
			_, err = ParseReason(f)
		}
		if !errors.Is(err, ErrBody) {
			t.Errorf("%s: error %v, want %v", name, err, ErrBody)
		}
	}
	for name, tt := range map[string]struct {
		elements string
		want     error
	}{
		"element cut":        {"0005636f7270", ErrElement},
		"length missing":     {"00", ErrElement},
		"SSID of 33 octets":  {"0021" + strings.Repeat("61", 33), ErrSSID},
		"no SSID":            {"010482848b96", ErrSSID},
		"nothing whatsoever": {"", ErrSSID},
	} {
		b, err := hex.DecodeString(tt.elements)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseProbeRequest(Frame{Kind: ProbeRequest, Body: b}); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
}

func TestEAPOLData(t *testing.T) {
	pdu := []byte{2, 1, 0, 0}
	up := parse(t, NewEAPOLToDS(station, bssid, pdu))
	if got, ok := EAPOL(up); !ok || !bytes.Equal(got, pdu) || up.Addr1 != bssid || up.Addr2 != station || up.BSSID() != bssid {
		t.Errorf("to DS: %x, %v, %+v", got, ok, up)
	}
	down := parse(t, NewEAPOLFromDS(station, bssid, pdu))
	if got, ok := EAPOL(down); !ok || !bytes.Equal(got, pdu) || down.Addr1 != station || down.Addr2 != bssid || down.BSSID() != bssid {
		t.Errorf("from DS: %x, %v, %+v", got, ok, down)
	}
	qos := up
	qos.Kind = QoSData
	if got, ok := EAPOL(parse(t, qos.Append(nil))); !ok || !bytes.Equal(got, pdu) {
		t.Errorf("QoS data: %x, %v", got, ok)
	}
	if _, ok := EAPOL(parse(t, NewProbeRequest(ether.Broadcast, station, "corp"))); ok {
		t.Error("a Probe Request passes as EAPOL")
	}
}

func TestParseRefuses(t *testing.T) {
	good := NewEAPOLToDS(station, bssid, []byte{2, 1, 0, 0})
	with := func(i int, v byte) []byte {
		b := bytes.Clone(good)
		b[i] = v
		return b
	}
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"header cut", good[:23], ErrShort},
		{"too long", make([]byte, MaxFrame+1), ErrLong},
		{"protocol version 1", with(0, 0x09), ErrVersion},
		{"control frame (RTS)", with(0, 0xb4), ErrUnsupported},
		{"four-address data", with(1, flagToDS|flagFromDS), ErrAddressing},
		{"data within an IBSS", with(1, 0), ErrAddressing},
		{"management to DS", with(0, 0xc0), ErrAddressing},
		{"encrypted", with(1, flagToDS|flagProtected), ErrProtected},
		{"first fragment", with(1, flagToDS|flagMoreFrag), ErrFragment},
		{"last fragment", with(22, 1), ErrFragment},
		{"HT control", with(1, flagToDS|flagOrder), ErrUnsupported},
		{"QoS control cut", append(with(0, 0x88)[:24], 0), ErrShort},
	}
	for _, tt := range tests {
		if _, err := Parse(tt.in); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(NewProbeRequest(ether.Broadcast, station, "corp"))
	f.Add(NewProbeResponse(station, bssid, "corp", 0))
	f.Add(NewAssociationRequest(station, bssid, "corp"))
	f.Add(NewAssociationResponse(station, bssid, StatusSuccess, 1))
	f.Add(NewDeauthentication(station, bssid, bssid, ReasonClass3))
	f.Add(NewEAPOLFromDS(station, bssid, []byte{2, 0, 0, 4, 3, 1, 0, 4}))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(frame.Append(nil))
		if err != nil || again.Kind != frame.Kind || again.Sequence != frame.Sequence || !bytes.Equal(again.Body, frame.Body) {
			t.Errorf("Parse(Append(%+v)) = %+v, %v", frame, again, err)
		}
		EAPOL(frame)
		if e, err := parseElements(frame.Body); err == nil && e.rsn != nil {
			if r, err := ParseRSN(e.rsn); err == nil {
				r.Accepts()
			}
		}
	})
}
