package dot11

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Element identifiers (IEEE 802.11-2020 table 9-92).
const (
	elementSSID  = 0
	elementRates = 1
	elementRSN   = 48
)

// MaxSSID is the longest SSID in octets.
const MaxSSID = 32

// Errors of element parsing.
var (
	ErrElement = errors.New("dot11: an element is longer than the frame")
	ErrSSID    = errors.New("dot11: SSID element is missing or longer than 32 octets")
	ErrRSN     = errors.New("dot11: RSN element is malformed")
)

// rates is the Supported Rates element of an 802.11a/g radio: 6, 12, 24 Mbit/s basic, and 9, 18, 36, 48, 54.
var rates = []byte{elementRates, 8, 0x8c, 0x12, 0x98, 0x24, 0xb0, 0x48, 0x60, 0x6c}

// elements are those of a frame that matter here. The slices alias the frame.
type elements struct {
	ssid    []byte
	hasSSID bool
	rsn     []byte // whole element, with identifier and length
}

func parseElements(b []byte) (elements, error) {
	var e elements
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return elements{}, ErrElement
		}
		whole := b[:2+int(b[1])]
		switch b[0] {
		case elementSSID:
			if len(whole)-2 > MaxSSID {
				return elements{}, ErrSSID
			}
			e.ssid, e.hasSSID = whole[2:], true
		case elementRSN:
			e.rsn = whole
		}
		b = b[len(whole):]
	}
	if !e.hasSSID {
		return e, ErrSSID
	}
	return e, nil
}

func appendSSID(dst []byte, ssid string) []byte {
	if len(ssid) > MaxSSID {
		panic(fmt.Sprintf("dot11: SSID of %d octets", len(ssid)))
	}
	dst = append(dst, elementSSID, byte(len(ssid)))
	return append(dst, ssid...)
}

// Suite is a cipher or AKM suite selector: OUI and type.
type Suite [4]byte

// Suites of the one configuration the edge uses, WPA2-Enterprise (IEEE 802.11-2020 tables 9-149 and 9-151).
var (
	CipherCCMP = Suite{0x00, 0x0f, 0xac, 4}
	AKM8021X   = Suite{0x00, 0x0f, 0xac, 1}
)

// String returns the usual notation, for example "00-0F-AC:4".
func (s Suite) String() string { return fmt.Sprintf("%02X-%02X-%02X:%d", s[0], s[1], s[2], s[3]) }

// RSN is the content of an RSN element (clause 9.4.2.24) as far as it decides an association.
type RSN struct {
	Group    Suite
	Pairwise []Suite
	AKM      []Suite
}

// WPA2Enterprise is the RSN element, with identifier and length, of an 802.1X network with CCMP.
func WPA2Enterprise() []byte {
	b := []byte{elementRSN, 20, 1, 0}
	b = append(b, CipherCCMP[:]...)
	b = append(b, 1, 0)
	b = append(b, CipherCCMP[:]...)
	b = append(b, 1, 0)
	b = append(b, AKM8021X[:]...)
	return append(b, 0, 0) // RSN capabilities
}

// ParseRSN reads an RSN element with its identifier and length. Fields after the AKM suites are ignored.
func ParseRSN(element []byte) (RSN, error) {
	if len(element) < 2 || element[0] != elementRSN || int(element[1]) != len(element)-2 {
		return RSN{}, ErrRSN
	}
	b := element[2:]
	if len(b) < 6 || binary.LittleEndian.Uint16(b) != 1 {
		return RSN{}, ErrRSN
	}
	r := RSN{Group: Suite(b[2:6])}
	var err error
	if r.Pairwise, b, err = parseSuites(b[6:]); err != nil {
		return RSN{}, err
	}
	if r.AKM, _, err = parseSuites(b); err != nil {
		return RSN{}, err
	}
	return r, nil
}

func parseSuites(b []byte) (suites []Suite, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, ErrRSN
	}
	n := int(binary.LittleEndian.Uint16(b))
	if n == 0 || len(b)-2 < 4*n {
		return nil, nil, ErrRSN
	}
	for i := range n {
		suites = append(suites, Suite(b[2+4*i:6+4*i]))
	}
	return suites, b[2+4*n:], nil
}

// Accepts reports the status code an access point of this package answers an association with: [StatusSuccess],
// or the reason why the station's RSN element does not suit a WPA2-Enterprise network (clause 9.4.1.9).
func (r RSN) Accepts() Status {
	switch {
	case r.Group != CipherCCMP:
		return StatusInvalidGroupCipher
	case len(r.Pairwise) != 1 || r.Pairwise[0] != CipherCCMP:
		return StatusInvalidPairwiseCipher
	case len(r.AKM) != 1 || r.AKM[0] != AKM8021X:
		return StatusInvalidAKMP
	}
	return StatusSuccess
}
