// Package fakegraph plays Microsoft: the token endpoint of Entra ID and the managed devices of Intune as Microsoft
// Graph shows them, over HTTPS, with the behaviour of the real services where a network access control system
// meets it: the filter that is silently ignored, the page that is shorter than asked for, the MAC address that is
// null in a list, the error message that is JSON inside JSON.
//
// One listener serves login.microsoftonline.com and graph.microsoft.com; absolute URLs in replies are made from
// the Host header, so a client that reaches the listener under any name is led back to it.
//
// Behind it stands an Intune: devices with a posture, a compliance policy that is evaluated when a device checks
// in, and check-ins right after enrolment and then every eight hours on the machine's clock. Devices are kept in
// the machine's store and are there again after a crash.
//
// The methods of [Server] beside Start and Close are what the administrator of the tenant and the owners of the
// devices do. They do not block and may be called from anywhere.
//
// Statements of fact refer to facts: graph-and-entra.
package fakegraph
