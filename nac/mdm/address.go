package mdm

import "encoding/hex"

// A deviceID is a GUID of Intune or Entra; the zero value is none.
type deviceID [16]byte

// parseID reads a GUID. What is none, and the GUID of zeros, which Intune writes for none, is the zero value.
func parseID[T string | []byte](text T) deviceID {
	var id deviceID
	if len(text) != 36 {
		return id
	}
	n := 0
	for i := 0; i < len(text); i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if text[i] != '-' {
				return deviceID{}
			}
			continue
		}
		digit := hexDigit(text[i])
		if digit < 0 {
			return deviceID{}
		}
		id[n/2] = id[n/2]<<4 | byte(digit)
		n++
	}
	return id
}

// String returns the GUID in lower case, or "".
func (id deviceID) String() string {
	if id == (deviceID{}) {
		return ""
	}
	return string(id.append(make([]byte, 0, 36)))
}

// append writes the GUID in lower case.
func (id deviceID) append(to []byte) []byte {
	for i, group := range [][]byte{id[0:4], id[4:6], id[6:8], id[8:10], id[10:16]} {
		if i > 0 {
			to = append(to, '-')
		}
		to = hex.AppendEncode(to, group)
	}
	return to
}

// A macAddress is a MAC address; zeros are none.
type macAddress [6]byte

// parseMAC reads an address in any usual notation. What is none is the zero value.
func parseMAC[T string | []byte](text T) macAddress {
	var mac macAddress
	n := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == ':' || c == '-' || c == '.' {
			continue
		}
		digit := hexDigit(c)
		if digit < 0 || n == 2*len(mac) {
			return macAddress{}
		}
		mac[n/2] = mac[n/2]<<4 | byte(digit)
		n++
	}
	if n != 2*len(mac) {
		return macAddress{}
	}
	return mac
}

// String returns the address as 12 upper-case hexadecimal digits, as Intune does, or "".
func (a macAddress) String() string {
	if a == (macAddress{}) {
		return ""
	}
	const digits = "0123456789ABCDEF"
	var s [12]byte
	for i, b := range a {
		s[2*i], s[2*i+1] = digits[b>>4], digits[b&15]
	}
	return string(s[:])
}
