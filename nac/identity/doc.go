// Package identity says how a client may be known to a mobile device management system.
//
// What a client shows when it authenticates is its MAC address and, with a certificate, names inside it. From
// these [Extract] makes the keys of the device record in Microsoft Intune, in the order in which they are to
// be tried (facts: seed, "Device Identity Extraction"):
//
//  1. the MAC address, unless it is randomized;
//  2. the Common Name of the certificate as DeviceName, or as DeviceName.FQDN;
//  3. a DNS name in the Subject Alternative Name as Intune device ID.
//
// Methods without a client certificate, EAP-TTLS among them, have the MAC address only.
//
// Everything here is a pure function of its input and safe for concurrent use.
package identity
