package entra

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	"nacsim/fakegraph/directory"
)

// Purposes of sealed texts.
const (
	sealCode    = "code"
	sealRefresh = "refresh"
	sealSession = "session"
	sealPage    = "page"
)

// Lifetimes of what a user's sign-in yields.
const (
	codeLifetime    = 10 * time.Minute
	refreshLifetime = 90 * 24 * time.Hour
	// maxSpent bounds the codes that are remembered as redeemed.
	maxSpent = 10000
)

// A session is a user who has signed in.
type session struct {
	User     string // the object id
	AuthTime int64
	MFA      bool `json:",omitempty"`
}

// An authCode is what a code says. Nothing is stored for it until it is redeemed.
type authCode struct {
	ID, Client, Redirect string
	Challenge, Method    string `json:",omitempty"`
	Nonce                string `json:",omitempty"`
	Session              session
	Wanted               wanted
	Issued               int64
}

// A refreshToken is what a refresh token says. Each use yields a new one; those of before stay good, as those of the real service do.
type refreshToken struct {
	Client  string
	Session session
	Wanted  wanted
	Issued  int64
}

// code answers the authorization code grant (RFC 6749 section 4.1.3; RFC 7636 section 4.5).
func (q *tokenRequest) code(s *subject) (*tokenReply, error) {
	text := q.form.Get("code")
	if text == "" {
		return nil, refuse(900144, "code")
	}
	var c authCode
	if q.a.sealer.open(sealCode, text, &c) != nil {
		return nil, refuse(9002313)
	}
	switch redirect := q.form.Get("redirect_uri"); {
	case c.Client != s.app.ClientID:
		return nil, refuse(70000)
	case q.now.Sub(time.Unix(c.Issued, 0)) >= codeLifetime:
		return nil, refuse(70008)
	case redirect == "":
		return nil, refuse(900144, "redirect_uri")
	case redirect != c.Redirect:
		return nil, refuse(500112, clip(redirect), clip(c.Redirect))
	}
	if err := checkVerifier(&c, q.form.Get("code_verifier")); err != nil {
		return nil, err
	}
	if !q.a.spend(c.ID, q.now) {
		return nil, refuse(54005)
	}
	return q.forUser(s, &c.Session, &c.Wanted, c.Nonce)
}

// checkVerifier checks the proof key of a code (RFC 7636 section 4.6).
func checkVerifier(c *authCode, verifier string) error {
	switch {
	case c.Challenge == "" && verifier == "":
		return nil
	case c.Challenge == "" || verifier == "":
		return refuse(50148)
	}
	if c.Method == methodS256 {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if subtle.ConstantTimeCompare([]byte(verifier), []byte(c.Challenge)) != 1 {
		return refuse(501481)
	}
	return nil
}

// spend marks a code as redeemed and reports whether it was not before.
func (a *Authority) spend(id string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.spent[id]; ok {
		return false
	}
	if len(a.spent) >= maxSpent {
		maps.DeleteFunc(a.spent, func(_ string, until time.Time) bool { return !now.Before(until) })
	}
	if len(a.spent) >= maxSpent { // more than the service can have been asked for honestly
		return false
	}
	a.spent[id] = now.Add(codeLifetime)
	return true
}

// refresh answers the refresh token grant (RFC 6749 section 6).
func (q *tokenRequest) refresh(s *subject) (*tokenReply, error) {
	text := q.form.Get("refresh_token")
	if text == "" {
		return nil, refuse(900144, "refresh_token")
	}
	var t refreshToken
	if q.a.sealer.open(sealRefresh, text, &t) != nil {
		return nil, refuse(9002313)
	}
	issued := time.Unix(t.Issued, 0)
	switch {
	case t.Client != s.app.ClientID:
		return nil, refuse(70000)
	case q.now.Sub(issued) >= refreshLifetime:
		return nil, refuse(700082, issued.UTC().Format(clientTime), fmt.Sprintf("%d.00:00:00", int(refreshLifetime.Hours()/24)))
	}
	w, err := q.narrowed(&t.Wanted)
	if err != nil {
		return nil, err
	}
	return q.forUser(s, &t.Session, w, "")
}

// narrowed is what a refresh asks for: what the token was issued for, unless it names another scope or resource. Whether that was consented to
// is checked like the first time.
func (q *tokenRequest) narrowed(w *wanted) (*wanted, error) {
	if q.form.Get("scope") == "" && q.form.Get("resource") == "" || !q.v2 && q.form.Get("resource") == "" {
		return w, nil
	}
	asked, err := q.a.wanted(q.form, q.v2, q.r.Host)
	// A new refresh token comes with each use.
	if slices.Contains(w.OpenID, "offline_access") {
		asked.OpenID = union(asked.OpenID, "offline_access")
	}
	return &asked, err
}

// An attempt counts wrong passwords.
type attempt struct {
	failed int
	until  time.Time // locked
}

// checkPassword returns the user with a password, who may sign in. Ten wrong passwords in a row lock the account for a while.
func (a *Authority) checkPassword(name, password string, now time.Time) (directory.User, error) {
	u, ok := a.directory.User(name)
	if !ok {
		return u, refuse(50034, name, a.directory.Tenant())
	}
	if u.Locked || a.locked(u.ObjectID, now) {
		return u, refuse(50053)
	}
	switch {
	case u.Password == "":
		return u, refuse(50056)
	case subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) != 1:
		a.countFailure(u.ObjectID, now)
		return u, refuse(50126)
	}
	a.forgive(u.ObjectID)
	switch {
	case u.Disabled:
		return u, refuse(50057)
	case u.PasswordExpired:
		return u, refuse(50055)
	}
	return u, nil
}

func (a *Authority) locked(id string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return now.Before(a.attempts[id].until)
}

func (a *Authority) countFailure(id string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.attempts[id]
	if t.failed++; a.cfg.LockoutThreshold > 0 && t.failed >= a.cfg.LockoutThreshold {
		t = attempt{until: now.Add(a.cfg.LockoutDuration)}
	}
	a.attempts[id] = t
}

func (a *Authority) forgive(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.attempts, id)
}
