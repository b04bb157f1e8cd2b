package decode

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// tlsView is what an observer without keys sees of a piece of a TLS stream.
type tlsView struct {
	messages string // "ServerHello, ChangeCipherSpec, Application Data"
	version  string // negotiated version, where a ServerHello tells it
	alert    string // description of an alert sent in clear
}

// TLS record content types, RFC 8446 section 5.1.
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplicationData  = 23
)

var handshakeTypes = [...]string{
	0: "HelloRequest", 1: "ClientHello", 2: "ServerHello", 4: "NewSessionTicket", 8: "EncryptedExtensions",
	11: "Certificate", 12: "ServerKeyExchange", 13: "CertificateRequest", 14: "ServerHelloDone",
	15: "CertificateVerify", 16: "ClientKeyExchange", 20: "Finished", 22: "CertificateStatus",
}

// alerts by number, RFC 8446 section 6.
var alerts = map[byte]string{
	0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow",
	40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
	45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca",
	49: "access_denied", 50: "decode_error", 51: "decrypt_error", 70: "protocol_version",
	71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled",
	109: "missing_extension", 110: "unsupported_extension", 112: "unrecognized_name",
	113: "bad_certificate_status_response", 115: "unknown_psk_identity", 116: "certificate_required",
	120: "no_application_protocol",
}

// maxTLSMessages bounds the list of messages of one packet.
const maxTLSMessages = 24

// readTLS names the TLS messages at the start of which b stands. b may end anywhere; when it does not begin
// with a record it is the later fragment of a message.
func readTLS(b []byte) tlsView {
	var v tlsView
	names := make([]string, 0, 8)
	add := func(name string) {
		if n := len(names); n < maxTLSMessages && (n == 0 || names[n-1] != name) {
			names = append(names, name)
		}
	}
	encrypted := false
	for len(b) >= 5 && b[0] >= recordChangeCipherSpec && b[0] <= recordApplicationData && b[1] == 3 && b[2] <= 4 {
		body := b[5:]
		if n := int(binary.BigEndian.Uint16(b[3:])); n < len(body) {
			body = body[:n]
		}
		switch b[0] {
		case recordChangeCipherSpec:
			encrypted = true
			add("ChangeCipherSpec")
		case recordAlert:
			add(v.readAlert(body, encrypted))
		case recordHandshake:
			if encrypted {
				add("Encrypted Handshake Message")
			} else {
				v.readHandshake(body, add)
			}
		case recordApplicationData:
			encrypted = true
			add("Application Data")
		}
		b = b[5+len(body):]
	}
	if len(names) == 0 {
		v.messages = "fragment"
	} else {
		v.messages = strings.Join(names, ", ")
	}
	return v
}

func (v *tlsView) readAlert(body []byte, encrypted bool) string {
	if encrypted || len(body) != 2 {
		return "Encrypted Alert"
	}
	name, ok := alerts[body[1]]
	if !ok {
		name = strconv.Itoa(int(body[1]))
	}
	v.alert = name
	return "Alert " + name
}

// readHandshake walks over the messages of one record of handshake in clear.
func (v *tlsView) readHandshake(body []byte, add func(string)) {
	for len(body) >= 4 {
		kind := int(body[0])
		if kind >= len(handshakeTypes) || handshakeTypes[kind] == "" {
			add("Encrypted Handshake Message")
			return
		}
		add(handshakeTypes[kind])
		n := int(body[1])<<16 | int(body[2])<<8 | int(body[3])
		rest := body[4:]
		if kind == 2 {
			v.version = serverHelloVersion(rest[:min(n, len(rest))])
		}
		if n > len(rest) {
			return
		}
		body = rest[n:]
	}
}

var tlsVersions = map[uint16]string{0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}

// serverHelloVersion is the version a ServerHello selects (RFC 8446 section 4.1.3): that of the extension
// supported_versions, else the legacy one. It is "" when too little of the message is there.
func serverHelloVersion(b []byte) string {
	const fixed = 2 + 32 // legacy_version, random
	if len(b) < fixed+1 {
		return ""
	}
	version := binary.BigEndian.Uint16(b)
	b = b[fixed:]
	skip := 1 + int(b[0]) + 2 + 1 // session id, cipher suite, compression
	if len(b) < skip+2 {
		return tlsVersions[version]
	}
	b = b[skip+2:]
	for len(b) >= 4 {
		kind, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		b = b[4:]
		if n > len(b) {
			break
		}
		if kind == 43 && n == 2 {
			version = binary.BigEndian.Uint16(b)
		}
		b = b[n:]
	}
	return tlsVersions[version]
}
