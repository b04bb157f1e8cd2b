// Package identity says how a client may be known to a mobile device management system.
//
// What a client shows when it authenticates is its MAC address and, with a certificate, names inside it. From
// these [Extract] makes the keys of the device record in Microsoft Intune, in the order in which they are to
// be tried (facts: seed, "Device Identity Extraction"):
//
//  1. the MAC address, unless it is randomized;
//  2. the Common Name of the certificate as DeviceName, or as DeviceName.FQDN, or, where it is a GUID, as device ID;
//  3. a DNS name in the Subject Alternative Name as device ID, alone or before a domain;
//  4. a URI there that has a device ID in it, as Microsoft's own NAC service asks for (facts: graph-and-entra 1.4).
//
// A device ID is Intune's or Entra's, as the authority chose; a GUID does not tell which.
//
// Methods without a client certificate, EAP-TTLS among them, have the MAC address only.
//
// Everything here is a pure function of its input and safe for concurrent use.
package identity
