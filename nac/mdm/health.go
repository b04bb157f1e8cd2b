package mdm

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// A Health is how the link to Intune is.
type Health string

// The healths of a link.
const (
	// Unlinked: no account is linked.
	Unlinked Health = "unlinked"
	// Untried: an account is linked, and nothing has been asked yet.
	Untried Health = "untried"
	// Healthy: the latest answer was good.
	Healthy Health = "healthy"
	// Unhealthy: Entra or Graph refuse the NAC, the circuit is open, or the latest poll has failed. What is known
	// counts until Config.MaxAge.
	Unhealthy Health = "unhealthy"
)

// A Status is how the link is and what it has done.
type Status struct {
	// Tenant is as Linked returns it, and LinkedAt when it was linked.
	Tenant   string
	LinkedAt time.Time
	Health   Health
	// LastPoll is when the last poll that succeeded began, and LastLookup when a lookup last succeeded.
	LastPoll   time.Time
	LastLookup time.Time
	// LastError is why an attempt last failed, and LastErrorAt when; it stays when later ones succeed.
	LastError   error
	LastErrorAt time.Time
	// Refused says that LastError is a refusal, by Entra or by Graph: waiting does not help.
	Refused bool
	// CircuitOpen is until when nothing is sent because too many requests have failed, zero when requests are sent.
	CircuitOpen time.Time
	// CredentialExpires is when the secret or certificate ends, zero when that is not known. CredentialExpired
	// says that it has, by that time or in Entra's words.
	CredentialExpires time.Time
	CredentialExpired bool
	// NextPoll is when the next poll is due, zero when none is.
	NextPoll time.Time
	// Listed is the number of devices in the last list that was believed.
	Listed int
	// Clients and Devices are the numbers of known clients and of records in the DDB.
	Clients int
	Devices int
}

// health is what is known of the link apart from its devices. The Service's lock guards it.
type health struct {
	state             Health
	lastLookup        time.Time
	lastError         error
	lastErrorAt       time.Time
	refused           bool
	credentialExpired bool
}

func (h *health) linked()   { *h = health{state: Untried} }
func (h *health) unlinked() { *h = health{state: Unlinked} }

// Status returns how the link is.
func (s *Service) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.statusLocked()
}

func (s *Service) statusLocked() Status {
	tenant, ok := s.linked()
	h := &s.health
	status := Status{Tenant: tenant, Health: h.state, LastPoll: s.poll.last, LastLookup: h.lastLookup, LastError: h.lastError,
		LastErrorAt: h.lastErrorAt, Refused: h.refused, CredentialExpires: s.graph.credential.Load().expires, Listed: s.poll.size,
		Clients: len(s.clients), Devices: len(s.db.records)}
	expires := status.CredentialExpires
	status.CredentialExpired = h.credentialExpired || !expires.IsZero() && !s.h.Now().Before(expires)
	status.CircuitOpen = s.graph.gate.openUntil(s.h.Now())
	if ok {
		status.LinkedAt, status.NextPoll = s.link.At, s.poll.next
	}
	return status
}

// note keeps how the latest attempt ended, and returns the new status when the health has changed with it. One lookup
// that fails does not make the link unhealthy, unless it was refused. The caller holds the lock.
func (s *Service) note(err error, poll bool) *Status {
	h := &s.health
	if h.state == Unlinked || errors.Is(err, errUnlinked) {
		return nil
	}
	was := h.state
	if err == nil {
		h.state, h.refused, h.credentialExpired = Healthy, false, false
	} else {
		h.lastError, h.lastErrorAt = err, s.h.Now()
		h.refused, h.credentialExpired = refusal(err), expiredSecret(err)
		if h.refused || poll || !s.graph.gate.openUntil(s.h.Now()).IsZero() {
			h.state = Unhealthy
		}
	}
	if h.state == was {
		return nil
	}
	status := s.statusLocked()
	return &status
}

// tellLink traces the link's health and tells the observer. The caller does not hold the lock.
func (s *Service) tellLink(status Status) {
	fields := []slog.Attr{slog.String("tenant", status.Tenant), slog.String("health", string(status.Health))}
	if status.Health == Unhealthy {
		fields = append(fields, slog.String("error", status.LastError.Error()))
	}
	s.h.Trace("intune", fields...)
	s.observer.LinkChanged(status)
}

// refusal reports whether an error says that the app is not let in: asking again soon does not help.
func refusal(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusBadRequest:
		return e.Op == opToken && e.Code != "temporarily_unavailable"
	}
	return false
}

// expiredSecret reports whether an error says that the client secret has ended (facts: graph-and-entra 4.3).
func expiredSecret(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Op == opToken && strings.Contains(e.Message, "AADSTS7000222")
}
