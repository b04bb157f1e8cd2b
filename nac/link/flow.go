package link

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"nacsim/internal/guid"
)

// A Config says how accounts are linked. The zero value of an optional field means the default that its comment names.
type Config struct {
	// Authority is where consent is given. The default is https://login.microsoftonline.com.
	Authority string
	// ClientID is the application ID of the app registration. It is required.
	ClientID string
	// RedirectURI is where the browser comes back to, as the app registration has it. It is required.
	RedirectURI string
	// Version is that of the consent endpoint: 2, the default, or 1.
	Version int
	// Tenants are the IDs of those that may be linked. None means any.
	Tenants []string
	// Lifetime is how long an attempt may take. The default is 15 min.
	Lifetime time.Duration
	// MaxPending bounds the attempts under way; a new one displaces the oldest. The default is 16.
	MaxPending int
}

// The defaults of a Config.
const (
	DefaultAuthority  = "https://login.microsoftonline.com"
	DefaultLifetime   = 15 * time.Minute
	DefaultMaxPending = 16
)

// scope asks for the permissions that the app registration lists for Graph.
const scope = "https://graph.microsoft.com/.default"

// A Flow is the attempts to link an account. Its methods may be called from several tasks at once.
type Flow struct {
	cfg    Config
	random io.Reader

	mu       sync.Mutex
	attempts []attempt // in the order in which they began
}

// An attempt is one, under way or over. Of its state only the hash is kept.
type attempt struct {
	state   [sha256.Size]byte
	expires time.Time
	used    bool
}

// New returns a Flow that draws states from random.
func New(cfg Config, random io.Reader) (*Flow, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	return &Flow{cfg: cfg, random: random}, nil
}

func (c *Config) complete() error {
	if c.Authority == "" {
		c.Authority = DefaultAuthority
	}
	authority, err := url.Parse(c.Authority)
	if err != nil || authority.Scheme != "https" || authority.Host == "" || authority.RawQuery != "" {
		return fmt.Errorf("authority %q is not like %s", c.Authority, DefaultAuthority)
	}
	c.Authority = strings.TrimRight(c.Authority, "/")
	if c.ClientID == "" {
		return errors.New("no client id")
	}
	if err := CheckRedirect(c.RedirectURI); err != nil {
		return err
	}
	if c.Version == 0 {
		c.Version = 2
	}
	if c.Version != 1 && c.Version != 2 {
		return fmt.Errorf("there is no version %d of the consent endpoint", c.Version)
	}
	c.Tenants = slices.Clone(c.Tenants)
	for i, t := range c.Tenants {
		if !guid.Valid(t) {
			return fmt.Errorf("tenant %.64q is no ID such as 72f988bf-86f1-41af-91ab-2d7cd011db47", t)
		}
		c.Tenants[i] = strings.ToLower(t)
	}
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	if c.MaxPending == 0 {
		c.MaxPending = DefaultMaxPending
	}
	if c.Lifetime < 0 || c.MaxPending < 0 {
		return errors.New("a bound is negative")
	}
	return nil
}

// CheckRedirect reports what is wrong with a redirect URI. Entra takes HTTPS, or HTTP to the computer of the browser.
func CheckRedirect(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Host == "" || !strings.HasSuffix(u.Path, CallbackPath) || u.Fragment != "" || u.User != nil || u.RawQuery != "":
		return fmt.Errorf("redirect URI %q is not like https://nac.example%s", uri, CallbackPath)
	case u.Scheme == "https", u.Scheme == "http" && Local(u.Hostname()):
		return nil
	}
	return fmt.Errorf("redirect URI %q does not begin with https://; Entra takes http:// for localhost only", uri)
}

// CallbackPath is where the NAC takes callbacks. The path of a redirect URI ends in it: a proxy before the NAC may have put
// something before it.
const CallbackPath = "/link/callback"

// Local reports whether a host is the computer itself by its name or address.
func Local(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// A Start is a new attempt.
type Start struct {
	// URL is where the administrator's browser has to go.
	URL string
	// Expires is when it has to be back.
	Expires time.Time
}

// Begin starts an attempt.
func (f *Flow) Begin(now time.Time) (Start, error) {
	var secret [32]byte
	if _, err := io.ReadFull(f.random, secret[:]); err != nil {
		return Start{}, fmt.Errorf("link: draw a state: %w", err)
	}
	state := base64.RawURLEncoding.EncodeToString(secret[:])
	f.mu.Lock()
	defer f.mu.Unlock()
	// Attempts that are over stay for a while, so that a repetition is told from a stranger; as many as may be under way.
	for len(f.attempts) >= 2*f.cfg.MaxPending {
		f.attempts = slices.Delete(f.attempts, 0, 1)
	}
	if f.pending(now) >= f.cfg.MaxPending {
		oldest := slices.IndexFunc(f.attempts, func(a attempt) bool { return a.open(now) })
		f.attempts = slices.Delete(f.attempts, oldest, oldest+1)
	}
	a := attempt{state: sha256.Sum256([]byte(state)), expires: now.Add(f.cfg.Lifetime)}
	f.attempts = append(f.attempts, a)
	return Start{URL: f.address(state), Expires: a.expires}, nil
}

// Pending is the number of attempts under way.
func (f *Flow) Pending(now time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pending(now)
}

// pending counts the attempts under way. The caller holds the lock.
func (f *Flow) pending(now time.Time) int {
	n := 0
	for i := range f.attempts {
		if f.attempts[i].open(now) {
			n++
		}
	}
	return n
}

func (a *attempt) open(now time.Time) bool { return !a.used && now.Before(a.expires) }

// address is the URL of the consent endpoint.
func (f *Flow) address(state string) string {
	// With one tenant only, it is the one to sign in to. Otherwise any directory will do, but no personal account.
	directory := "organizations"
	if len(f.cfg.Tenants) == 1 {
		directory = f.cfg.Tenants[0]
	}
	q := url.Values{"client_id": {f.cfg.ClientID}, "state": {state}, "redirect_uri": {f.cfg.RedirectURI}}
	if f.cfg.Version == 1 {
		return f.cfg.Authority + "/" + directory + "/adminconsent?" + q.Encode()
	}
	q.Set("scope", scope)
	return f.cfg.Authority + "/" + directory + "/v2.0/adminconsent?" + q.Encode()
}

// take uses up the state of an attempt, or says why it cannot.
func (f *Flow) take(now time.Time, state string) *Refusal {
	sum := sha256.Sum256([]byte(state))
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.attempts {
		a := &f.attempts[i]
		if subtle.ConstantTimeCompare(a.state[:], sum[:]) != 1 {
			continue
		}
		switch {
		case a.used:
			return refuse(UsedState, "this answer has been given already; begin anew if the account is not linked")
		case !now.Before(a.expires):
			return refuse(ExpiredState, "it has taken longer than "+f.cfg.Lifetime.String()+"; begin anew")
		}
		a.used = true
		return nil
	}
	return refuse(UnknownState, "nobody has begun to link an account with this state, or it was before the NAC started; begin anew")
}
