// Package api is the NAC's HTTP API: how the linked Intune account is, linking and unlinking it, a poll out of turn, and
// what sessions and devices there are.
//
// Who asks shows a token, as a bearer token (RFC 6750 section 2.1) or, for a browser, as the password of HTTP Basic
// authentication under any name. Only the callback of linking needs none, because it is the browser of an administrator that
// Entra sends there; it is good for nothing without the state that was given out when linking began. Replies are JSON, but
// for a page at "/" that lists what there is, and the page at the end of linking. An error is {"error": {"code", "message"}}.
//
// A [Server] does what it is asked by way of the interface [NAC] and keeps nothing itself.
package api
