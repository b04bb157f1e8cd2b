package event

import (
	"log/slog"
	"time"

	"nacsim/nac/policy"
)

// A Session is what the events of a session tell of it.
type Session struct {
	// ID is the Acct-Session-Id.
	ID string
	// StartedAt and EndedAt are zero where they have not come to pass.
	StartedAt, EndedAt time.Time
	// VLAN is the one in force.
	VLAN string
	// TerminateCause is why it ended.
	TerminateCause string
	// Usage is what the NAS has counted.
	Usage Usage
}

// Usage counts the traffic of a session. In and out are as the NAS sees them (RFC 2866 section 5.3): in is what the
// client sent, which Mist calls rx.
type Usage struct {
	InOctets, OutOctets, InPackets, OutPackets uint64
}

// OfSession returns SessionStarted, SessionEnded, AccountingStart, AccountingUpdate or AccountingStop.
func OfSession(kind Type, r *policy.Request, s Session) Event {
	return Event{Type: kind, MAC: r.MAC, fields: func() []slog.Attr {
		f := client(r)
		f.text("session_id", s.ID)
		f.millis("session_started_at", s.StartedAt)
		f.millis("session_ended_at", s.EndedAt)
		if !s.StartedAt.IsZero() && !s.EndedAt.IsZero() {
			f = append(f, slog.Int64("session_duration_in_mins", int64(s.EndedAt.Sub(s.StartedAt)/time.Minute)))
		}
		f.text("vlan", s.VLAN)
		f.count("rx_bytes", s.Usage.InOctets)
		f.count("tx_bytes", s.Usage.OutOctets)
		f.count("rx_pkts", s.Usage.InPackets)
		f.count("tx_pkts", s.Usage.OutPackets)
		f.text("terminate_cause", s.TerminateCause)
		return f
	}}
}
