package radius

import (
	"fmt"
	"net"
)

// CanonicalMAC reads a MAC address in any of the notations that NASes put into Calling-Station-Id: twelve hex
// digits of either case, bare or in groups of two, four or six separated by '-', ':' or '.'.
func CanonicalMAC(s string) (net.HardwareAddr, error) {
	mac := make(net.HardwareAddr, 6)
	var digits, group, size int // read so far; read of this group; length of the first group
	var separator byte
	for i := range len(s) {
		c := s[i]
		v, hex := hexDigit(c)
		if !hex {
			if separator == 0 {
				separator, size = c, group
			}
			if c != separator || group != size || c != '-' && c != ':' && c != '.' || size != 2 && size != 4 && size != 6 {
				return nil, macError(s)
			}
			group = 0
			continue
		}
		if digits == 12 {
			return nil, macError(s)
		}
		mac[digits/2] = mac[digits/2]<<4 | v
		digits++
		group++
	}
	if digits != 12 || separator != 0 && group != size {
		return nil, macError(s)
	}
	return mac, nil
}

func macError(s string) error { return fmt.Errorf("radius: %.64q is not a MAC address", s) }

func hexDigit(c byte) (v byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

const upperHex = "0123456789ABCDEF"

// FormatMAC writes a MAC address as RFC 3580 sections 3.20 and 3.21 want it in Called- and Calling-Station-Id:
// upper case with hyphens.
func FormatMAC(mac net.HardwareAddr) string {
	b := make([]byte, 0, 3*len(mac))
	for i, o := range mac {
		if i > 0 {
			b = append(b, '-')
		}
		b = append(b, upperHex[o>>4], upperHex[o&15])
	}
	return string(b)
}

// SplitCalledStation takes a Called-Station-Id apart: the MAC address of the access point or switch port in any
// notation, and on wireless, after a colon, the SSID, which may itself contain colons (RFC 3580 section 3.20).
func SplitCalledStation(s string) (mac net.HardwareAddr, ssid string, err error) {
	for _, n := range [...]int{17, 14, 13, 12} { // lengths of the notations, longest first
		if len(s) < n || len(s) > n && s[n] != ':' {
			continue
		}
		if mac, err = CanonicalMAC(s[:n]); err != nil {
			continue
		}
		if len(s) > n {
			ssid = s[n+1:]
		}
		return mac, ssid, nil
	}
	return nil, "", fmt.Errorf("radius: Called-Station-Id %.64q does not start with a MAC address", s)
}
