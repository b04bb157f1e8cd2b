package interop

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// scenarioSecret is shared by the NAC and every NAS of a scenario.
const scenarioSecret = "nacsim-radius-secret"

// Fields of tshark 4.0.
const (
	fieldNumber    = "frame.number"
	fieldLink      = "frame.interface_name"
	fieldProtocols = "frame.protocols"
	fieldSeverity  = "_ws.expert.severity"
	fieldExpert    = "_ws.expert.message"
	fieldFrom      = "udp.srcport"
	fieldTo        = "udp.dstport"
	fieldUDPSum    = "udp.checksum.status"
	fieldIPSum     = "ip.checksum.status"
	fieldCode      = "radius.code"
	fieldValid     = "radius.authenticator.valid"
	fieldInvalid   = "radius.authenticator.invalid"
	fieldHandshake = "tls.handshake.type"
	fieldMessage   = "wlan_rsna_eapol.keydes.msgnr"
	fieldGTK       = "wlan.rsn.ie.gtk_kde.gtk"
)

var fields = []string{
	fieldNumber, fieldLink, fieldProtocols, fieldSeverity, fieldExpert, fieldFrom, fieldTo, fieldUDPSum,
	fieldIPSum, fieldCode, fieldValid, fieldInvalid, fieldHandshake, fieldMessage, fieldGTK,
}

// Handshake messages of TLS (RFC 8446 section 4).
const (
	encryptedExtensions = "8"
	certificate         = "11"
	finished            = "20"
)

// packet is what tshark says of a packet: the values of its fields, separated by commas where there are several.
type packet map[string]string

// has reports whether one of the field's values is the given one.
func (p packet) has(field, value string) bool {
	return slices.Contains(strings.Split(p[field], ","), value)
}

// dissection is a capture as tshark reads it.
type dissection []packet

// dissect has tshark read a capture with nothing but the file, the RADIUS secret and the PMKs.
func dissect(t *testing.T, file, sharedSecret string, pmks ...string) dissection {
	t.Helper()
	args := []string{
		"-n", "-r", file, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,",
		"-o", "radius.shared_secret:" + sharedSecret, "-o", "radius.validate_authenticator:TRUE",
		"-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "wlan.enable_decryption:TRUE",
	}
	for _, pmk := range pmks {
		args = append(args, "-o", `uat:80211_keys:"wpa-psk","`+pmk+`"`)
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	o := run(t, patience, "", program(t, "tshark"), args...)
	if o.code != 0 {
		t.Fatalf("tshark: %s", o.output)
	}
	var d dissection
	for line := range strings.Lines(o.output) {
		values := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(values) != len(fields) {
			continue // tshark's word of warning to root
		}
		p := packet{}
		for i, f := range fields {
			p[f] = values[i]
		}
		d = append(d, p)
	}
	if len(d) == 0 {
		t.Fatalf("tshark finds no packets in %s:\n%s", file, o.output)
	}
	return d
}

// clean checks that tshark knows every packet for what it is and has nothing to complain of.
func (d dissection) clean(t *testing.T) {
	t.Helper()
	const warning = 0x600000
	const ofMD5 = "Vulnerable to MITM attacks. If possible, change EAP type." // tshark's word on every EAP-MD5, a form of MAB
	for _, p := range d {
		if p.beyondTshark() {
			continue
		}
		if strings.Contains(p[fieldProtocols], "malformed") {
			t.Errorf("packet %s is malformed (%s)", p[fieldNumber], p[fieldProtocols])
		}
		for _, s := range strings.Split(p[fieldSeverity], ",") {
			if n, _ := strconv.Atoi(s); n >= warning && p[fieldExpert] != ofMD5 {
				t.Errorf("packet %s: %s", p[fieldNumber], p[fieldExpert])
			}
		}
		switch {
		case strings.HasSuffix(p[fieldProtocols], ":udp:dhcp") && strings.HasPrefix(p[fieldLink], "cable:"):
			// A device without a supplicant asks for an address; in IPv4 it may leave the sum of UDP out.
			if p[fieldIPSum] != "1" {
				t.Errorf("packet %s has a wrong checksum", p[fieldNumber])
			}
		case p[fieldFrom] != "":
			d.cleanDatagram(t, p)
		case !strings.Contains(p[fieldProtocols], ":eapol") && !strings.HasPrefix(p[fieldProtocols], "wlan"):
			t.Errorf("packet %s on %s is neither EAPOL nor 802.11 (%s)", p[fieldNumber], p[fieldLink], p[fieldProtocols])
		}
	}
}

// beyondTshark reports whether tshark 4.0 has opened a tunnel and does not know what is in it: the octet 0x00 by which a server
// agrees to the resumption of EAP-TTLS with TLS 1.3 (RFC 9427 section 3) is no AVP, and the packets of PEAP that end it have a whole
// EAP header ([MS-PEAP] section 2.2.8), where all others of PEAP have none.
func (p packet) beyondTshark() bool {
	switch {
	case strings.HasSuffix(p[fieldProtocols], ":tls:diameter"):
		return p[fieldExpert] == "Malformed Packet (Exception occurred)"
	case strings.HasSuffix(p[fieldProtocols], ":tls:peap:eap"):
		return strings.HasPrefix(p[fieldExpert], "Trailing stray characters")
	}
	return false
}

// cleanDatagram checks a datagram: RADIUS on its ports, with right sums and, where it is a response, a right
// authenticator. Those of requests are not checked by tshark 4.0.
func (d dissection) cleanDatagram(t *testing.T, p packet) {
	t.Helper()
	if !strings.Contains(p[fieldProtocols], ":udp:radius") || !slices.ContainsFunc([]string{"1812", "1813", "3799"}, func(port string) bool {
		return p[fieldFrom] == port || p[fieldTo] == port
	}) {
		t.Errorf("packet %s from port %s to %s is no RADIUS (%s)", p[fieldNumber], p[fieldFrom], p[fieldTo], p[fieldProtocols])
	}
	if p[fieldUDPSum] != "1" || p[fieldIPSum] != "1" {
		t.Errorf("packet %s has a wrong checksum", p[fieldNumber])
	}
	request := slices.Contains([]string{"1", "4", "40", "43"}, p[fieldCode])
	if p.has(fieldInvalid, "1") || !p.has(fieldValid, "1") && !request {
		t.Errorf("packet %s (code %s) has no valid authenticator", p[fieldNumber], p[fieldCode])
	}
}

// count is the number of packets on links of a kind ("wire", "cable", "radio") that satisfy want.
func (d dissection) count(link string, want func(packet) bool) int {
	n := 0
	for _, p := range d {
		if strings.HasPrefix(p[fieldLink], link+":") && want(p) {
			n++
		}
	}
	return n
}

// handshakes counts the messages of a type that tshark can read on a link.
func (d dissection) handshakes(link, message string) int {
	n := 0
	for _, p := range d {
		if strings.HasPrefix(p[fieldLink], link+":") {
			for _, m := range strings.Split(p[fieldHandshake], ",") {
				if m == message {
					n++
				}
			}
		}
	}
	return n
}
