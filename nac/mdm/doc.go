// Package mdm is the NAC's link to Microsoft Intune. It finds the device record of a client that has authenticated,
// keeps the records of all such clients in the device database (DDB), and polls Intune every two hours for what has
// changed (facts: seed, "How it Works").
//
// Nothing here delays an authentication. A decision asks [Service.State], which answers at once from the DDB;
// after the authentication the NAC calls [Service.Enqueue], and a task looks the client up in the background.
// What the lookup or a later poll changes in the DDB is told to the [Observer], who has the policy evaluated again.
//
// # How a client is matched
//
// A client has keys in order of precedence (package identity): MAC address, device name from the certificate,
// Intune device ID from the certificate. The first key that matches a record decides, even when a later one names
// another device. Graph cannot filter by MAC address; it ignores such a filter and returns every device
// (facts: graph-and-entra 2.1). So every row that Graph returns is checked against the key, and MAC addresses
// are looked up in an index made from the whole list. Because the list costs many requests, the cheap keys are
// asked for first, and the list is read only when the device that they name does not have the client's address.
//
// Several records with the same name or address are common: a device that has enrolled twice leaves a stale twin.
// Among them the ones that a further key of the client confirms are preferred, then those in management state
// managed, then the one that checked in last. When the remaining ones disagree about compliance, the answer is
// noncompliant.
package mdm
