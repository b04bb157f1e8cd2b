// Package mdm is the NAC's link to Microsoft Intune. It finds the device record of a client that has authenticated,
// keeps the records of all such clients in the device database (DDB), and polls Intune every two hours for what has
// changed (facts: seed, "How it Works").
//
// Nothing here delays an authentication. A decision asks [Service.State], which answers at once from the DDB;
// after the authentication the NAC calls [Service.Enqueue], and a task looks the client up in the background.
// What the lookup or a later poll changes in the DDB is told to the [Observer], who has the policy evaluated again.
//
// # The linked account
//
// An app registration, by its secret or certificate, asks for the devices of one directory of Entra at a time: that of
// Config.Tenant, or the one that [Service.Link] has made it. A token says by its claim tid whose it is, and only one
// of the linked directory is used. [Service.Unlink] forgets all that the directory has said. [Service.Status] tells how
// the link is.
//
// # How a client is matched
//
// A client has keys in order of precedence (package identity): MAC address, device name from the certificate,
// device ID from the certificate, which may be Intune's or Entra's. The first key that matches a record decides, even when
// a later one names another device. Graph cannot filter by MAC address; it ignores such a filter, and at times others,
// and returns every device (facts: graph-and-entra 2.1). So every row that Graph returns is checked against the key, and MAC
// addresses are looked up in an index made from the whole list. Because the list costs many requests, the cheap keys are
// asked for first, and the list is read only when the device that they name does not have the client's address. A filter
// that was ignored is given up for a while: the index tells what to read instead.
//
// Several records with the same name or address are common: a device that has enrolled twice leaves a stale twin.
// Among them the ones that a further key of the client confirms are preferred, then those in management state
// managed, then those that are not being retired, then the one that checked in last. When the remaining ones disagree, the
// answer is noncompliant.
//
// # What is believed, and for how long
//
// [Record].Standing is what a record comes to: Graph's complianceState, unless the device is being retired or wiped, has not
// checked in for too long, or Intune has not confirmed the record for Config.MaxAge. That a record has got too old is
// told to the Observer when it happens.
//
// A poll that fails changes nothing; neither does one whose list is suspiciously short. Devices that a believed list lacks
// are read by themselves before they count as gone. A property that cannot be read is as good as missing, and a device
// without an ID is left out of the list; a page that is cut off or no JSON spoils it.
//
// # How Intune is asked
//
// Every request passes a gate, which keeps the rate, holds all requests back for as long as a reply 429 asks, and opens a circuit when
// requests keep failing. Lookups and polls are repeated with growing delays, or when the service says; pages behind the
// first are asked for again at once. A list is read page by page and nothing of it kept but 56 octets a device and
// the records of known clients, so a poll of a large tenant takes the memory of a page. A list that Graph forgets half-way, 400 or 410 for the address of a page, is read from
// the start once. Requests for the same device at the same time are one.
package mdm
