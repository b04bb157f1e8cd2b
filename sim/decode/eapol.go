package decode

import (
	"encoding/binary"
	"log/slog"
	"strconv"
)

// direction says which of the two PAEs sent an EAPOL packet, where its content tells.
type direction int

const (
	fromUnknown direction = iota
	fromSupplicant
	fromAuthenticator
)

// eapol reads an EAPOL packet (IEEE 802.1X-2010 section 11.3); octets beyond its length are padding of the
// frame.
func (d *decoded) eapol(b []byte) direction {
	d.proto, d.name = protoEAPOL, protoEAPOL
	if len(b) < 4 {
		d.malformed = "EAPOL packet of " + strconv.Itoa(len(b)) + " octets"
		return fromUnknown
	}
	kind, length := b[1], int(binary.BigEndian.Uint16(b[2:]))
	body := b[4:]
	if length > len(body) {
		d.malformed = "EAPOL body length " + strconv.Itoa(length) + " with " + strconv.Itoa(len(body)) + " octets there"
		return fromUnknown
	}
	body = body[:length]
	switch kind {
	case 0:
		return d.eapolEAP(body)
	case 1:
		d.name = "EAPOL-Start"
		return fromSupplicant
	case 2:
		d.name = "EAPOL-Logoff"
		return fromSupplicant
	case 3:
		return d.eapolKey(body)
	}
	d.name = "EAPOL type " + strconv.Itoa(int(kind))
	return fromUnknown
}

func (d *decoded) eapolEAP(body []byte) direction {
	code := d.readEAP(body)
	if code == 0 {
		return fromUnknown
	}
	d.name = d.eap
	if code == eapResponse {
		return fromSupplicant
	}
	return fromAuthenticator
}

// Bits of Key Information, IEEE 802.11-2020 section 12.7.2.
const (
	keyPairwise = 1 << 3
	keyAck      = 1 << 7
	keyMIC      = 1 << 8
	keySecure   = 1 << 9
	keyError    = 1 << 10
	keyRequest  = 1 << 11
)

// eapolKeyHeader is the length of an RSN key frame up to and including Key Data Length, with a MIC of 16
// octets.
const eapolKeyHeader = 95

// eapolKey tells the messages of the 4-way and the group key handshake apart (IEEE 802.11-2020 section
// 12.7.6.1 and 12.7.7.1).
func (d *decoded) eapolKey(b []byte) direction {
	d.name = "EAPOL-Key"
	if len(b) < 1 {
		d.malformed = "EAPOL-Key without a descriptor"
		return fromUnknown
	}
	if b[0] != 2 && b[0] != 254 { // IEEE 802.11 (RSN), WPA
		d.addDetail("descriptor " + strconv.Itoa(int(b[0])))
		return fromUnknown
	}
	if len(b) < eapolKeyHeader {
		d.malformed = "EAPOL-Key of " + strconv.Itoa(len(b)) + " octets"
		return fromUnknown
	}
	info := binary.BigEndian.Uint16(b[1:])
	dataLength := int(binary.BigEndian.Uint16(b[eapolKeyHeader-2:]))
	if have := len(b) - eapolKeyHeader; dataLength > have {
		d.malformed = "EAPOL-Key data length " + strconv.Itoa(dataLength) + " with " + strconv.Itoa(have) + " octets there"
	}
	d.add(slog.Uint64("replay_counter", binary.BigEndian.Uint64(b[5:])))
	message, from := keyMessage(info, dataLength)
	if message != "" {
		d.name += " " + message
		d.add(slog.String("key_message", message))
	}
	return from
}

func keyMessage(info uint16, dataLength int) (string, direction) {
	ack := info&keyAck != 0
	switch {
	case info&(keyError|keyRequest) != 0:
		return "request", fromSupplicant
	case info&keyPairwise == 0 && ack:
		return "group 1/2", fromAuthenticator
	case info&keyPairwise == 0:
		return "group 2/2", fromSupplicant
	case ack && info&keyMIC == 0:
		return "1/4", fromAuthenticator
	case ack:
		return "3/4", fromAuthenticator
	case info&keyMIC == 0:
		return "", fromUnknown
	case info&keySecure != 0 && dataLength == 0:
		return "4/4", fromSupplicant
	}
	return "2/4", fromSupplicant
}
