package api

import (
	"net/http"
	"time"

	"nacsim/nac/mdm"
)

// account is the linked account in JSON.
type account struct {
	Linked   bool       `json:"linked"`
	Tenant   string     `json:"tenant,omitempty"`
	LinkedAt *time.Time `json:"linked_at,omitempty"`
	Health   string     `json:"health"`
	// LastSync is when all devices were last listed, and LastLookup when one was last found or not.
	LastSync   *time.Time `json:"last_sync,omitempty"`
	LastLookup *time.Time `json:"last_lookup,omitempty"`
	NextSync   *time.Time `json:"next_sync,omitempty"`
	Error      *failure   `json:"last_error,omitempty"`
	// CircuitOpenUntil is until when nothing is asked because too much has failed.
	CircuitOpenUntil *time.Time  `json:"circuit_open_until,omitempty"`
	Credential       *credential `json:"credential,omitempty"`
	Devices          devices     `json:"devices"`
}

type failure struct {
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
	Refused bool      `json:"refused"` // waiting does not help
}

type credential struct {
	Expires  *time.Time `json:"expires,omitempty"`
	DaysLeft *int       `json:"days_left,omitempty"`
	Expired  bool       `json:"expired"`
}

type devices struct {
	Listed  int `json:"listed"`  // in the last list
	Records int `json:"records"` // in the device database
	Clients int `json:"clients"` // that are looked up
}

// newAccount writes a status as of now.
func newAccount(s *mdm.Status, now time.Time) account {
	a := account{
		Linked: s.Tenant != "", Tenant: s.Tenant, Health: string(s.Health), LinkedAt: instant(s.LinkedAt), LastSync: instant(s.LastPoll),
		LastLookup: instant(s.LastLookup), NextSync: instant(s.NextPoll), CircuitOpenUntil: instant(s.CircuitOpen),
		Devices: devices{Listed: s.Listed, Records: s.Devices, Clients: s.Clients},
	}
	if s.LastError != nil {
		a.Error = &failure{s.LastError.Error(), s.LastErrorAt.UTC(), s.Refused}
	}
	if !s.CredentialExpires.IsZero() || s.CredentialExpired {
		a.Credential = &credential{Expires: instant(s.CredentialExpires), Expired: s.CredentialExpired}
		if !s.CredentialExpires.IsZero() {
			days := max(0, int(s.CredentialExpires.Sub(now)/(24*time.Hour)))
			a.Credential.DaysLeft = &days
		}
	}
	return a
}

// instant is a time, or nil for the zero time.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (s *Server) account(w http.ResponseWriter, _ *http.Request) {
	status, ok := s.nac.Account()
	if !ok {
		s.refuse(w, ErrNoIntune)
		return
	}
	reply(w, http.StatusOK, newAccount(&status, s.h.Now()))
}

// redirected reports whether a browser wants to be sent on instead of a reply in JSON.
func redirected(r *http.Request) bool { return r.URL.Query().Get("redirect") == "1" }

func (s *Server) beginLink(w http.ResponseWriter, r *http.Request) {
	start, err := s.nac.BeginLink()
	if err != nil {
		s.refuse(w, err)
		return
	}
	if redirected(r) {
		http.Redirect(w, r, start.URL, http.StatusSeeOther)
		return
	}
	reply(w, http.StatusCreated, struct {
		URL     string    `json:"authorization_url"`
		Expires time.Time `json:"expires"`
	}{start.URL, start.Expires.UTC()})
}

// done replies to a request that was carried out.
func (s *Server) done(w http.ResponseWriter, r *http.Request, status int) {
	if redirected(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	account, _ := s.nac.Account()
	reply(w, status, newAccount(&account, s.h.Now()))
}

func (s *Server) unlink(w http.ResponseWriter, r *http.Request) {
	if err := s.nac.Unlink(); err != nil {
		s.refuse(w, err)
		return
	}
	s.done(w, r, http.StatusOK)
}

func (s *Server) poll(w http.ResponseWriter, r *http.Request) {
	if err := s.nac.PollNow(); err != nil {
		s.refuse(w, err)
		return
	}
	s.done(w, r, http.StatusAccepted)
}
