package eapserver

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"slices"
	"sync"
	"time"

	"nacsim/internal/eap"
)

// Defaults of [SessionLimits].
const (
	DefaultMaxTLSSessions     = 20_000 // some 6 KiB each, the client's certificates above all
	DefaultTLSSessionLifetime = 24 * time.Hour
)

// SessionLimits bound what [Sessions] remembers. Zero values mean the defaults.
type SessionLimits struct {
	// Max is how many sessions are remembered; the one that was stored longest ago makes room for a new one.
	Max int
	// Lifetime is for how long a client may resume after it was authenticated in full. It is not prolonged by
	// resumption. A client keeps a ticket of TLS 1.3 for seven days at most.
	Lifetime time.Duration
}

// Sessions remembers the TLS sessions of clients that were authenticated, so that they can resume them (RFC 5216
// section 2.1.2, RFC 9190 section 2.1.3): without certificates, passwords and their checks, in fewer round trips.
//
// The ticket that a client keeps only names its session, so it is small and tells nothing. A session can be resumed once
// the conversation that made it has ended in EAP-Success, and with the same EAP method only; it is forgotten when the
// client is refused. A resumed client is judged again: its certificate by validity, trust and revocation, and its
// authorization by the caller, as Authenticated with Peer.Resumed set. Anything else that a client shows means a full
// handshake. Sessions may be used by several tasks.
type Sessions struct {
	random io.Reader
	limits SessionLimits

	mu     sync.Mutex
	byName map[sessionName]*session
	order  []sessionName // in the order they were stored, forgotten ones among them
}

// A sessionName is what the ticket holds. Whoever guesses one still lacks the secret.
type sessionName [16]byte

// A session is what is remembered. It does not change once it is stored.
type session struct {
	name   sessionName
	method eap.Type
	state  []byte              // of crypto/tls, with the client's certificates
	sent   []*x509.Certificate // the same
	since  time.Time           // when the client was authenticated in full
	user   string
	inner  string
	groups []string
}

// NewSessions returns an empty store that names sessions with random octets.
func NewSessions(random io.Reader, limits SessionLimits) *Sessions {
	if limits.Max <= 0 {
		limits.Max = DefaultMaxTLSSessions
	}
	if limits.Lifetime <= 0 {
		limits.Lifetime = DefaultTLSSessionLifetime
	}
	return &Sessions{random: random, limits: limits, byName: make(map[sessionName]*session)}
}

// Len is how many sessions are remembered.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byName)
}

// find returns the session that a ticket names, if the method may resume it now.
func (s *Sessions) find(ticket []byte, method eap.Type, now time.Time) *session {
	var name sessionName
	if len(ticket) != len(name) {
		return nil
	}
	copy(name[:], ticket)
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byName[name]
	switch {
	case found == nil:
		return nil
	case now.Sub(found.since) >= s.limits.Lifetime:
		delete(s.byName, name)
		return nil
	case found.method != method:
		return nil
	}
	return found
}

// put stores a session in the place of the one it was resumed from, if any.
func (s *Sessions) put(fresh, replaced *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if replaced != nil {
		delete(s.byName, replaced.name)
	}
	for len(s.byName) >= s.limits.Max {
		delete(s.byName, s.order[0])
		s.order = s.order[1:]
	}
	if len(s.order) >= 2*s.limits.Max {
		s.order = slices.DeleteFunc(s.order, func(n sessionName) bool { return s.byName[n] == nil })
	}
	s.byName[fresh.name] = fresh
	s.order = append(s.order, fresh.name)
}

func (s *Sessions) forget(old *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byName, old.name)
}

// A resumption is what one conversation has to do with [Sessions]: the session its client resumes, and the one that
// it may resume later.
type resumption struct {
	store  *Sessions // nil: there is none
	method eap.Type
	used   *session // named by the client's ticket; crypto/tls decides whether it fits
	issued *session // named by the ticket for the client, stored when the conversation succeeds
}

// configure has crypto/tls issue and take tickets. Trusted says whether a client's certificates still are; where they are not
// it has to show others in a full handshake.
func (r *resumption) configure(c *tls.Config, trusted func([]*x509.Certificate) bool) {
	if r.store == nil {
		c.SessionTicketsDisabled = true
		return
	}
	c.SessionTicketsDisabled = false
	c.UnwrapSession = func(ticket []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
		s := r.store.find(ticket, r.method, c.Time())
		if s == nil || len(s.sent) > 0 && !trusted(s.sent) {
			return nil, nil
		}
		state, err := tls.ParseSessionState(s.state)
		if err != nil {
			return nil, nil
		}
		r.used = s
		return state, nil
	}
	c.WrapSession = func(connection tls.ConnectionState, state *tls.SessionState) ([]byte, error) {
		b, err := state.Bytes()
		if err != nil {
			return nil, err
		}
		issued := &session{method: r.method, state: b, sent: connection.PeerCertificates}
		if _, err := io.ReadFull(r.store.random, issued.name[:]); err != nil {
			return nil, err
		}
		r.issued = issued
		return bytes.Clone(issued.name[:]), nil
	}
}

// remember stores the session of a client that has been let in.
func (r *resumption) remember(p *Peer, now time.Time) {
	if r.issued == nil {
		return
	}
	r.issued.since, r.issued.user, r.issued.inner, r.issued.groups = now, p.User, p.Inner, p.Groups
	var replaced *session
	if p.Resumed {
		replaced, r.issued.since = r.used, r.used.since
	}
	r.store.put(r.issued, replaced)
	r.issued = nil
}

// forget has the session of a client that was refused not resumed again.
func (r *resumption) forget() {
	if r.used != nil {
		r.store.forget(r.used)
	}
}
