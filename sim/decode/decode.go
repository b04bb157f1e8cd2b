// Package decode reads what the network carried and says in the field's terms what it is: RADIUS with its
// attributes, EAP and the TLS messages visible in it, EAPOL, EAPOL-Key, IEEE 802.11 management frames.
//
// It is an observer. It shares no code with the programs that made the packets except the attribute names of
// internal/radius, keeps no state between packets, never fails: what it cannot read it reports in the field
// "malformed", with the reason.
package decode

import "log/slog"

// Fields decodes a packet into the fields of its line in the trace.
func Fields(p Packet) []slog.Attr {
	return []slog.Attr{slog.String("link", p.LinkName()), slog.Int("len", len(p.Data))}
}
