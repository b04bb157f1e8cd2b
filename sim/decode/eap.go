package decode

import (
	"encoding/binary"
	"log/slog"
	"strconv"
)

// eapTypes are the EAP methods by number (IANA "EAP Registry", Method Types) with the names packets go by.
var eapTypes = []struct {
	number byte
	name   string
}{
	{1, "Identity"}, {2, "Notification"}, {3, "Legacy-Nak"}, {4, "MD5-Challenge"}, {6, "GTC"}, {13, "EAP-TLS"},
	{21, "EAP-TTLS"}, {25, "PEAP"}, {26, "MSCHAPv2"}, {55, "TEAP"}, {254, "Expanded"},
}

var eapCodes = [...]string{1: "EAP-Request", 2: "EAP-Response", 3: "EAP-Success", 4: "EAP-Failure"}

// eapNames has "EAP-Request/…" and "EAP-Response/…" ready, because almost every packet needs one.
var eapNames = func() (names [3][256]string) {
	for code := 1; code <= 2; code++ {
		for number := range 256 {
			names[code][number] = eapCodes[code] + "/" + strconv.Itoa(number)
		}
		for _, t := range eapTypes {
			names[code][t.number] = eapCodes[code] + "/" + t.name
		}
	}
	return names
}()

// EAP packet codes, RFC 3748 section 4.
const (
	eapRequest  = 1
	eapResponse = 2
	eapFailure  = 4
)

// readEAP reads one EAP packet (RFC 3748 section 4); octets beyond its length are padding. It returns the
// packet's code, or 0 when there is none to read.
func (d *decoded) readEAP(b []byte) (code byte) {
	if len(b) < 4 {
		d.malformed = "EAP packet of " + strconv.Itoa(len(b)) + " octets"
		return 0
	}
	length := int(binary.BigEndian.Uint16(b[2:]))
	code = b[0]
	switch {
	case code == 0 || code > eapFailure:
		d.malformed = "EAP code " + strconv.Itoa(int(code))
		return 0
	case length < 4 || length > len(b):
		d.malformed = "EAP length " + strconv.Itoa(length) + " with " + strconv.Itoa(len(b)) + " octets there"
		return 0
	case code <= eapResponse && length < 5:
		d.malformed = "EAP " + eapCodes[code][4:] + " without a type"
		return 0
	}
	b = b[:length]
	if code > eapResponse {
		d.eap = eapCodes[code]
	} else {
		d.eap = eapNames[code][b[4]]
	}
	d.add(slog.String("eap", d.eap))
	d.add(slog.Int("eap_id", int(b[1])))
	if code <= eapResponse && d.wantFields {
		d.readEAPData(b[4], b[5:])
	}
	return code
}

func (d *decoded) readEAPData(method byte, data []byte) {
	switch method {
	case 1:
		if len(data) > 0 {
			d.add(slog.String("identity", string(data)))
			d.addDetail(quoteUnlessPlain(data))
		}
	case 3:
		wanted := make([]byte, 0, 32)
		for i, t := range data {
			if i == 8 {
				break // a peer lists a handful
			}
			if i > 0 {
				wanted = append(wanted, ' ')
			}
			wanted = append(wanted, eapNames[eapRequest][t][len("EAP-Request/"):]...)
		}
		d.add(slog.String("wanted", string(wanted)))
		d.addDetail("wants " + string(wanted))
	case 13, 21, 25, 55:
		d.readTLSMethod(data)
	}
}

// Flags of the TLS-based methods, RFC 5216 section 3.1.
const (
	flagLength = 0x80
	flagMore   = 0x40
	flagStart  = 0x20
)

// readTLSMethod reads the data of EAP-TLS and the methods framed like it.
func (d *decoded) readTLSMethod(data []byte) {
	if len(data) == 0 {
		d.malformed = "TLS method without flags"
		return
	}
	flags := data[0]
	data = data[1:]
	if flags&flagLength != 0 {
		if len(data) < 4 {
			d.malformed = "TLS message length cut"
			return
		}
		d.add(slog.Uint64("tls_length", uint64(binary.BigEndian.Uint32(data))))
		data = data[4:]
	}
	switch {
	case flags&flagStart != 0:
		d.add(slog.String("tls", "Start"))
		d.addDetail("Start")
		return
	case len(data) == 0:
		d.add(slog.String("tls", "ACK"))
		d.addDetail("ACK")
		return
	}
	seen := readTLS(data)
	if flags&flagMore != 0 {
		seen.messages += " (more follows)"
	}
	d.add(slog.String("tls", seen.messages))
	d.addDetail(seen.messages)
	if seen.version != "" {
		d.add(slog.String("tls_version", seen.version))
	}
	if seen.alert != "" {
		d.add(slog.String("tls_alert", seen.alert))
	}
}
