package identity

import (
	"net"
	"strings"

	"nacsim/internal/guid"
)

// A Kind is what a [Key] was taken from. Its value is the `key` field of `lookup` traces.
type Kind string

// The kinds, in the order of lookup.
const (
	// MAC is the client's own MAC address.
	MAC Kind = "mac"
	// CN is the Common Name in the subject of the client's certificate.
	CN Kind = "cn"
	// SANDNS is a DNS name in the Subject Alternative Name of the client's certificate.
	SANDNS Kind = "san_dns"
	// SANURI is a URI there.
	SANURI Kind = "san_uri"
)

// A Key is one value by which a device record can be found. Keys are comparable.
type Key struct {
	Kind Kind `json:"kind"`
	// Value is for MAC the address as in "00:1c:b3:09:85:15", for CN a device name as the certificate spells
	// it (Intune compares names without regard to case) or a GUID, and for SANDNS and SANURI a GUID. GUIDs are in
	// lower case.
	Value string `json:"value"`
}

// ID returns the GUID that the key is, in lower case, or "" for another key. It is the device's ID in Intune or in Entra: the authority
// that issues certificates chooses which (facts: graph-and-entra 1.4).
func (k Key) ID() string {
	if k.Kind == MAC {
		return ""
	}
	return deviceID(k.Value)
}

// String returns the key as "cn LAPTOP-1".
func (k Key) String() string { return string(k.Kind) + " " + k.Value }

// Limits on what is taken from a certificate. A device name in Intune has at most 255 characters and a DNS
// name 253, so a longer value cannot be a key; the number bounds what one client can make the NAC look up.
const (
	maxValue = 255
	maxKeys  = 16
)

// Extract returns the keys of a client in the order in which they are to be tried, without duplicates; there
// may be none. The auth type is one of "eap-tls", "eap-teap", "eap-ttls", "mab" and so on; a certificate counts
// only with a method that proves its possession. Mac may be nil where the NAS did not tell it, and cert may be nil.
func Extract(authType string, mac net.HardwareAddr, cert *Certificate) []Key {
	keys := make([]Key, 0, 4)
	if len(mac) == 6 && !Randomized(mac) && !zero(mac) {
		keys = append(keys, Key{MAC, mac.String()})
	}
	if cert == nil || !provesCertificate(authType) {
		return keys
	}
	add := func(k Key) {
		if k.Value == "" || len(keys) == maxKeys {
			return
		}
		for _, have := range keys {
			if have == k {
				return
			}
		}
		keys = append(keys, k)
	}
	if name := deviceName(cert.CN); name != "" {
		add(Key{CN, foldID(name)})
		// Of "LAPTOP-1.corp.example" Intune knows LAPTOP-1 only. The full name comes first because a device
		// name may contain dots itself.
		short, _, _ := strings.Cut(name, ".")
		add(Key{CN, foldID(short)})
	}
	for _, name := range cert.SANDNS {
		// The ID may stand alone or, where the authority insists on names with dots, before a domain.
		label, _, _ := strings.Cut(name, ".")
		add(Key{SANDNS, deviceID(label)})
	}
	for _, uri := range cert.SANURI {
		for _, id := range deviceIDs(uri) {
			add(Key{SANURI, id})
		}
	}
	return keys
}

// Randomized reports whether the address is locally administered (IEEE 802-2014, 8.4: the second least
// significant bit of the first octet), as the addresses that clients make up for privacy are. A group
// address, which no client can own, counts as randomized too.
func Randomized(mac net.HardwareAddr) bool { return len(mac) > 0 && mac[0]&3 != 0 }

// provesCertificate reports whether an authentication method makes the client prove that it holds the private
// key of its certificate.
func provesCertificate(authType string) bool {
	switch authType {
	case "eap-tls", "eap-teap", "cert":
		return true
	}
	return false
}

func zero(mac net.HardwareAddr) bool {
	for _, b := range mac {
		if b != 0 {
			return false
		}
	}
	return true
}

// deviceName returns a Common Name that can be the name of a device, or "".
func deviceName(cn string) string {
	cn = strings.TrimSpace(cn)
	if len(cn) > maxValue || strings.ContainsFunc(cn, control) {
		return ""
	}
	return cn
}

// deviceID returns s in lower case if it is a GUID, or "". A GUID of zeros, which Intune writes for "none", is not one.
func deviceID(s string) string {
	if !guid.Valid(s) || s == "00000000-0000-0000-0000-000000000000" {
		return ""
	}
	return strings.ToLower(s)
}

// foldID returns a name, in lower case if it is the ID of a device.
func foldID(name string) string {
	if id := deviceID(name); id != "" {
		return id
	}
	return name
}

// sidURI is how a certificate names an account of Active Directory beside the device (facts: graph-and-entra 1.4).
const sidURI = "tag:microsoft.com,2022-09-14:sid:"

// deviceIDs returns the GUIDs in a URI, such as that of "IntuneDeviceId://5ca1ab1e-…", as Microsoft's NAC service wants it.
func deviceIDs(uri string) []string {
	if len(uri) >= len(sidURI) && strings.EqualFold(uri[:len(sidURI)], sidURI) {
		return nil
	}
	var ids []string
	// A part of a longer word is no GUID.
	for _, word := range strings.FieldsFunc(uri, func(r rune) bool {
		return r != '-' && r != '_' && !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) {
		if id := deviceID(word); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
