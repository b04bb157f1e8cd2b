package credential

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"nacsim/internal/host"
)

// The defaults of [EntraConfig].
const (
	DefaultAuthority       = "https://login.microsoftonline.com"
	DefaultEntraTimeout    = 5 * time.Second
	DefaultEntraConcurrent = 16
	DefaultEntraQueue      = 1000
)

// maxReply bounds a reply of Entra ID, in octets.
const maxReply = 64 << 10

// EntraConfig says how passwords are checked with Microsoft Entra ID: by the resource owner password credentials
// grant of OAuth 2.0 (RFC 6749 section 4.3). Zero values mean the defaults.
type EntraConfig struct {
	// Authority is where tokens come from, [DefaultAuthority].
	Authority string
	// Tenant and ClientID are those of the app registration, which must allow public client flows unless it has a
	// ClientSecret.
	Tenant, ClientID, ClientSecret string
	// Domain is added to user names that have none: "anna" becomes "anna@Domain", as does `CORP\anna`.
	Domain string
	// RootCAs verify the authority; see host.HTTPOptions.
	RootCAs *x509.CertPool
	// Timeout bounds a question, with the time in the queue: a supplicant waits some 30 seconds for the server.
	Timeout time.Duration
	// Concurrent is how many questions are asked at the same time, and Queue how many more may wait. What comes beyond
	// is Unavailable at once.
	Concurrent, Queue int
}

// Entra is the directory of an Entra ID tenant. It checks passwords that it is shown, so it answers PAP and EAP-GTC only.
// Nothing is remembered of a password or of its check. Groups are not known here.
type Entra struct {
	h   host.Host
	c   EntraConfig
	url string

	mu      sync.Mutex
	waiting []pending
	running int
}

// A pending question waits for its turn.
type pending struct {
	question Question
	deadline time.Time
	answer   func(Answer)
}

// NewEntra checks the configuration. Nothing is asked before the first question.
func NewEntra(h host.Host, c EntraConfig) (*Entra, error) {
	if c.Authority == "" {
		c.Authority = DefaultAuthority
	}
	if u, err := url.Parse(c.Authority); err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("authority %q is not the address of an HTTPS server", c.Authority)
	}
	if c.Tenant == "" || c.ClientID == "" {
		return nil, errors.New("want a tenant and a client ID")
	}
	switch strings.ToLower(c.Tenant) {
	case "common", "organizations", "consumers": // Microsoft's names for more than one
		return nil, fmt.Errorf("tenant %q is anybody's, want the ID or the domain of one", c.Tenant)
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultEntraTimeout
	}
	if c.Concurrent <= 0 {
		c.Concurrent = DefaultEntraConcurrent
	}
	if c.Queue <= 0 {
		c.Queue = DefaultEntraQueue
	}
	address := strings.TrimSuffix(c.Authority, "/") + "/" + url.PathEscape(c.Tenant) + "/oauth2/v2.0/token"
	return &Entra{h: h, c: c, url: address}, nil
}

// Ask answers at once where Entra ID cannot help, and later otherwise.
func (e *Entra) Ask(q Question, answer func(Answer)) {
	proof, ok := q.Proof.(PAP)
	switch {
	case !ok:
		answer(Answer{Reason: Unsupported, Text: "Entra ID can check only passwords that it is shown"})
	case q.User == "" || len(q.User) > maxName:
		answer(Answer{Reason: UnknownUser, Text: "no such user"})
	case len(proof.Password) == 0 || len(proof.Password) > maxPassword:
		answer(Answer{Reason: WrongPassword, Text: "wrong password"})
	case !e.enqueue(pending{q, e.h.Now().Add(e.c.Timeout), answer}):
		answer(Answer{Reason: Unavailable, Text: "too many questions wait for Entra ID"})
	}
}

// enqueue takes a question, and starts a task for it unless there are enough.
func (e *Entra) enqueue(p pending) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running < e.c.Concurrent {
		e.running++
		e.h.Go("entra", func() { e.work(p) })
		return true
	}
	if len(e.waiting) >= e.c.Queue {
		return false
	}
	e.waiting = append(e.waiting, p)
	return true
}

// work asks one question after the other, until none waits.
func (e *Entra) work(p pending) {
	for more := true; more; p, more = e.next() {
		p.answer(e.check(p))
	}
}

func (e *Entra) next() (p pending, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) == 0 {
		e.running--
		return p, false
	}
	p, e.waiting = e.waiting[0], e.waiting[1:]
	return p, true
}

// check asks Entra ID.
func (e *Entra) check(p pending) Answer {
	left := p.deadline.Sub(e.h.Now())
	if left <= 0 {
		return Answer{Reason: Unavailable, Text: "waited too long for Entra ID"}
	}
	req, err := http.NewRequest(http.MethodPost, e.url, strings.NewReader(e.form(p.question).Encode()))
	if err != nil {
		return Answer{Reason: Unavailable, Text: "Entra ID cannot be asked"}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	reply, err := e.h.RoundTrip(req, host.HTTPOptions{Timeout: left, RootCAs: e.c.RootCAs, MaxBody: maxReply})
	if err != nil { // its text may have the request's address, but not the password
		return Answer{Reason: Unavailable, Text: "Entra ID does not answer: " + err.Error()}
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if err != nil {
		return Answer{Reason: Unavailable, Text: "Entra ID's answer breaks off"}
	}
	return verdict(reply.StatusCode, body)
}

func (e *Entra) form(q Question) url.Values {
	f := url.Values{
		"grant_type": {"password"}, "client_id": {e.c.ClientID}, "scope": {"openid"},
		"username": {e.upn(q.User)}, "password": {string(q.Proof.(PAP).Password)},
	}
	if e.c.ClientSecret != "" {
		f.Set("client_secret", e.c.ClientSecret)
	}
	return f
}

// upn is the user principal name.
func (e *Entra) upn(user string) string {
	if strings.Contains(user, "@") || e.c.Domain == "" {
		return user
	}
	if _, name, ok := strings.Cut(user, `\`); ok {
		user = name
	}
	return user + "@" + e.c.Domain
}

// meanings are the errors of Entra ID that are about the user. All others mean that it cannot be asked as it is
// configured, or not now. The numbers are those of Microsoft's "Microsoft Entra authentication and authorization error
// codes".
var meanings = map[int]Answer{
	50126: {Reason: WrongPassword, Text: "wrong password"},
	50034: {Reason: UnknownUser, Text: "no such user"},
	51004: {Reason: UnknownUser, Text: "no such user in the tenant"},
	90072: {Reason: UnknownUser, Text: "user of another tenant"},
	50057: {Reason: Disabled, Text: "the account is disabled"},
	50053: {Reason: Disabled, Text: "the account is locked"},
	50055: {Reason: Disabled, Text: "the password has expired"},
	50144: {Reason: Disabled, Text: "the password has expired"},
	50056: {Reason: Disabled, Text: "the account has no password"},
	53003: {Reason: Disabled, Text: "a conditional access policy blocks the user"},
	50105: {Reason: Disabled, Text: "the user is not assigned to the application"},
	50076: {Reason: Unsupported, Text: "Entra ID wants multi-factor authentication"},
	50079: {Reason: Unsupported, Text: "Entra ID wants multi-factor authentication"},
	50074: {Reason: Unsupported, Text: "Entra ID wants multi-factor authentication"},
	50158: {Reason: Unsupported, Text: "Entra ID wants another authentication"},
}

// verdict reads a reply of the token endpoint.
func verdict(status int, body []byte) Answer {
	var r struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
		Codes       []int  `json:"error_codes"`
	}
	err := json.Unmarshal(body, &r)
	switch {
	case err != nil:
		return Answer{Reason: Unavailable, Text: fmt.Sprintf("Entra ID answers with status %d and no JSON", status)}
	case status == http.StatusOK && r.AccessToken != "":
		return Answer{OK: true}
	case len(r.Codes) == 0:
		return Answer{Reason: Unavailable, Text: fmt.Sprintf("Entra ID answers with status %d, %.64q", status, r.Error)}
	}
	a, ok := meanings[r.Codes[0]]
	if !ok {
		a = Answer{Reason: Unavailable, Text: fmt.Sprintf("Entra ID refuses the question, %.64q", r.Error)}
	}
	a.Text += fmt.Sprintf(" (AADSTS%d)", r.Codes[0])
	return a
}
