package dot11

import (
	"encoding/binary"
	"errors"

	"nacsim/fakeap/ether"
)

// Reason is a reason code of Deauthentication and Disassociation frames.
type Reason uint16

// Reason codes the edge sends (IEEE 802.11-2020 table 9-49).
const (
	ReasonUnspecified         Reason = 1
	ReasonAuthExpired         Reason = 2
	ReasonLeaving             Reason = 3
	ReasonInactivity          Reason = 4
	ReasonTooManyStations     Reason = 5
	ReasonClass2              Reason = 6
	ReasonClass3              Reason = 7
	ReasonLeavingBSS          Reason = 8
	ReasonHandshakeTimeout    Reason = 15
	ReasonElementMismatch     Reason = 17
	ReasonAuthenticationFails Reason = 23
)

var reasonTexts = map[Reason]string{
	ReasonUnspecified:         "unspecified reason",
	ReasonAuthExpired:         "previous authentication no longer valid",
	ReasonLeaving:             "sending station is leaving the BSS",
	ReasonInactivity:          "inactivity",
	ReasonTooManyStations:     "access point is full",
	ReasonClass2:              "class 2 frame from a station that is not authenticated",
	ReasonClass3:              "class 3 frame from a station that is not associated",
	ReasonLeavingBSS:          "station is leaving the BSS",
	ReasonHandshakeTimeout:    "4-way handshake timeout",
	ReasonElementMismatch:     "element in 4-way handshake differs from association",
	ReasonAuthenticationFails: "IEEE 802.1X authentication failed",
}

// String says what the code means.
func (r Reason) String() string {
	if s, ok := reasonTexts[r]; ok {
		return s
	}
	return "reserved or unknown reason"
}

// Status is a status code of Authentication and Association Response frames.
type Status uint16

// Status codes the edge sends (IEEE 802.11-2020 table 9-50).
const (
	StatusSuccess               Status = 0
	StatusFailure               Status = 1
	StatusAuthAlgorithm         Status = 13
	StatusAuthSequence          Status = 14
	StatusFull                  Status = 17
	StatusInvalidElement        Status = 40
	StatusInvalidGroupCipher    Status = 41
	StatusInvalidPairwiseCipher Status = 42
	StatusInvalidAKMP           Status = 43
)

// String says what the code means.
func (s Status) String() string {
	switch s {
	case StatusSuccess:
		return "success"
	case StatusFailure:
		return "unspecified failure"
	case StatusAuthAlgorithm:
		return "authentication algorithm not supported"
	case StatusAuthSequence:
		return "authentication frame out of sequence"
	case StatusFull:
		return "access point is full"
	case StatusInvalidElement:
		return "invalid element"
	case StatusInvalidGroupCipher:
		return "invalid group cipher"
	case StatusInvalidPairwiseCipher:
		return "invalid pairwise cipher"
	case StatusInvalidAKMP:
		return "invalid AKM"
	}
	return "reserved or unknown status"
}

// ErrBody says that the fixed fields of a management frame are cut off.
var ErrBody = errors.New("dot11: management frame body is too short")

const (
	capabilityESS     = 0x0001
	capabilityPrivacy = 0x0010
	beaconInterval    = 100 // time units of 1024 us
	listenInterval    = 10
)

func management(kind Kind, to, from, bssid ether.Addr, body []byte) []byte {
	f := Frame{Kind: kind, Addr1: to, Addr2: from, Addr3: bssid, Body: body}
	return f.Append(make([]byte, 0, headerLen+len(body)))
}

// NewProbeRequest asks the access point with the BSSID, or with the broadcast address every one that offers the
// SSID, to answer (IEEE 802.11-2020 clause 11.1.4.3).
func NewProbeRequest(bssid, station ether.Addr, ssid string) []byte {
	return management(ProbeRequest, bssid, station, bssid, append(appendSSID(nil, ssid), rates...))
}

// ParseProbeRequest returns the SSID asked for; the empty one asks for any.
func ParseProbeRequest(f Frame) (ssid string, err error) {
	e, err := parseElements(f.Body)
	return string(e.ssid), err
}

// NewProbeResponse announces a WPA2-Enterprise network. Timestamp is the age of the BSS in microseconds.
func NewProbeResponse(station, bssid ether.Addr, ssid string, timestamp uint64) []byte {
	body := binary.LittleEndian.AppendUint64(nil, timestamp)
	body = binary.LittleEndian.AppendUint16(body, beaconInterval)
	body = binary.LittleEndian.AppendUint16(body, capabilityESS|capabilityPrivacy)
	body = append(appendSSID(body, ssid), rates...)
	return management(ProbeResponse, station, bssid, bssid, append(body, WPA2Enterprise()...))
}

// NewOpenProbeResponse announces a network without encryption.
func NewOpenProbeResponse(station, bssid ether.Addr, ssid string, timestamp uint64) []byte {
	body := binary.LittleEndian.AppendUint64(nil, timestamp)
	body = binary.LittleEndian.AppendUint16(body, beaconInterval)
	body = binary.LittleEndian.AppendUint16(body, capabilityESS)
	return management(ProbeResponse, station, bssid, bssid, append(appendSSID(body, ssid), rates...))
}

// ParseProbeResponse returns the SSID announced and its RSN element, nil for a network without RSN.
func ParseProbeResponse(f Frame) (ssid string, rsn []byte, err error) {
	if len(f.Body) < 12 {
		return "", nil, ErrBody
	}
	e, err := parseElements(f.Body[12:])
	return string(e.ssid), e.rsn, err
}

// AuthenticationBody are the fixed fields of an Authentication frame.
type AuthenticationBody struct {
	// Algorithm is 0 for open system, the only one used here.
	Algorithm uint16
	// Sequence is 1 from the station and 2 from the access point.
	Sequence uint16
	Status   Status
}

// NewAuthentication writes an Authentication frame.
func NewAuthentication(to, from, bssid ether.Addr, a AuthenticationBody) []byte {
	body := binary.LittleEndian.AppendUint16(nil, a.Algorithm)
	body = binary.LittleEndian.AppendUint16(body, a.Sequence)
	body = binary.LittleEndian.AppendUint16(body, uint16(a.Status))
	return management(Authentication, to, from, bssid, body)
}

// ParseAuthentication reads an Authentication frame.
func ParseAuthentication(f Frame) (AuthenticationBody, error) {
	if len(f.Body) < 6 {
		return AuthenticationBody{}, ErrBody
	}
	return AuthenticationBody{
		Algorithm: binary.LittleEndian.Uint16(f.Body),
		Sequence:  binary.LittleEndian.Uint16(f.Body[2:]),
		Status:    Status(binary.LittleEndian.Uint16(f.Body[4:])),
	}, nil
}

// NewAssociationRequest asks to join a WPA2-Enterprise network.
func NewAssociationRequest(station, bssid ether.Addr, ssid string) []byte {
	body := binary.LittleEndian.AppendUint16(nil, capabilityESS|capabilityPrivacy)
	body = binary.LittleEndian.AppendUint16(body, listenInterval)
	body = append(appendSSID(body, ssid), rates...)
	return management(AssociationRequest, bssid, station, bssid, append(body, WPA2Enterprise()...))
}

// NewOpenAssociationRequest asks to join a network without encryption.
func NewOpenAssociationRequest(station, bssid ether.Addr, ssid string) []byte {
	body := binary.LittleEndian.AppendUint16(nil, capabilityESS)
	body = binary.LittleEndian.AppendUint16(body, listenInterval)
	return management(AssociationRequest, bssid, station, bssid, append(appendSSID(body, ssid), rates...))
}

// ParseAssociationRequest returns the SSID and the RSN element, nil when there is none. They alias the frame.
func ParseAssociationRequest(f Frame) (ssid string, rsn []byte, err error) {
	if len(f.Body) < 4 {
		return "", nil, ErrBody
	}
	e, err := parseElements(f.Body[4:])
	return string(e.ssid), e.rsn, err
}

// NewAssociationResponse answers an Association Request. On success aid is the association ID, 1 to 2007.
func NewAssociationResponse(station, bssid ether.Addr, status Status, aid uint16) []byte {
	body := binary.LittleEndian.AppendUint16(nil, capabilityESS|capabilityPrivacy)
	body = binary.LittleEndian.AppendUint16(body, uint16(status))
	body = binary.LittleEndian.AppendUint16(body, aid|0xc000)
	return management(AssociationResponse, station, bssid, bssid, append(body, rates...))
}

// ParseAssociationResponse returns the status and the association ID.
func ParseAssociationResponse(f Frame) (status Status, aid uint16, err error) {
	if len(f.Body) < 6 {
		return 0, 0, ErrBody
	}
	return Status(binary.LittleEndian.Uint16(f.Body[2:])), binary.LittleEndian.Uint16(f.Body[4:]) &^ 0xc000, nil
}

// NewDeauthentication ends the authentication, and with it the association, between two stations. An access
// point that sends it to the broadcast address tells every station of the BSS.
func NewDeauthentication(to, from, bssid ether.Addr, reason Reason) []byte {
	return management(Deauthentication, to, from, bssid, binary.LittleEndian.AppendUint16(nil, uint16(reason)))
}

// NewDisassociation ends the association only.
func NewDisassociation(to, from, bssid ether.Addr, reason Reason) []byte {
	return management(Disassociation, to, from, bssid, binary.LittleEndian.AppendUint16(nil, uint16(reason)))
}

// ParseReason reads the reason of a Deauthentication or Disassociation frame.
func ParseReason(f Frame) (Reason, error) {
	if len(f.Body) < 2 {
		return 0, ErrBody
	}
	return Reason(binary.LittleEndian.Uint16(f.Body)), nil
}
