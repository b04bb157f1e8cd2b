// Package fakegraph plays Microsoft: the authority of Entra ID and Microsoft Graph in front of Intune, over HTTPS, with the
// behaviour of the real services where a network access control system meets it: the filter that is silently ignored,
// the page that is shorter than asked for, the MAC address that is null in a list, the error message that is JSON
// inside JSON.
//
// One listener serves login.microsoftonline.com and graph.microsoft.com; absolute URLs in replies are made from
// the Host header, so a client that reaches the listener under any name is led back to it.
//
// The work is done in the sub-packages; this one wires them together:
//
//	directory   what Entra ID knows: app registrations, consent   entra    issues and checks tokens
//	intune      devices, compliance, check-ins                    graph    shows both as Microsoft Graph does
//	fault       requests that fail                                wire     what they have in common on the wire
//	requestlog  the last requests and what became of them         control  changes the tenant while it is used
//	page        shows it to a person                              proxy    leads clients here that know a proxy only
//	nacservice  answers for one device at a time
//
// Statements of fact refer to facts: graph-and-entra.
package fakegraph
