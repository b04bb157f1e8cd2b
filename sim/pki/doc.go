// Package pki makes the certificates of a world: certification authorities, the NAC's server certificate, and
// client certificates written as an Intune SCEP profile describes them.
//
// Everything random comes from the reader that the caller gives for each thing made: in the virtual world
// [Seeded], which makes the same certificates in every run with the same seed, and crypto/rand.Reader in the
// live one. Signatures are deterministic ECDSA (RFC 6979) and need no randomness. Keys are ECDSA P-256.
//
// A certificate costs a fraction of a millisecond. An [Authority] is safe for concurrent use once it is
// set up.
package pki
