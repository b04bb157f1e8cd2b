// Package entra is the authority of a tenant: it issues tokens to apps and users, has users sign in and consent in their browsers,
// publishes the keys that tokens are signed with, and tells client libraries where everything is.
//
// What a browser or a client holds on behalf of the authority (codes, refresh tokens, sessions, the state of a page) is sealed, not stored;
// it outlives a restart.
//
// Statements of fact refer to facts: graph-and-entra.
package entra

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/wire"
	"nacsim/internal/guid"
	"nacsim/internal/host"
)

// A Config is how tokens are issued; see fakegraph.Config.
type Config struct {
	// SigningKey is the first key that tokens are signed with. It is required, and must be the same after a restart.
	SigningKey *rsa.PrivateKey
	// TokenLifetime is the time an access token can be used, in whole seconds. The default is 3599 s.
	TokenLifetime time.Duration
	Settings
}

// Settings say how the authority behaves. The zero value of a field means the default that its comment names.
type Settings struct {
	// ErrorLayout is how error descriptions are laid out. The default is [ErrorOneLine].
	ErrorLayout ErrorLayout
	// ContinuousAccess is the lifetime of tokens for clients that can handle claims challenges, 24 to 28 hours with the real service. The default
	// is the TokenLifetime.
	ContinuousAccess time.Duration
	// PublishNextKey has the key that [Authority.RollKey] will roll to published before.
	PublishNextKey bool
	// LockoutThreshold is how many wrong passwords in a row lock an account, and LockoutDuration for how long. The defaults are 10 and 1 min. A
	// negative threshold never locks.
	LockoutThreshold int
	LockoutDuration  time.Duration
	// ShowPasswords has the sign-in page list the users with their passwords.
	ShowPasswords bool
}

func (c *Config) complete() error {
	if c.SigningKey == nil {
		return errors.New("no signing key")
	}
	if c.TokenLifetime == 0 {
		c.TokenLifetime = 3599 * time.Second
	}
	if c.TokenLifetime < time.Second {
		return fmt.Errorf("token lifetime %v is shorter than a second", c.TokenLifetime)
	}
	if c.ContinuousAccess != 0 && c.ContinuousAccess < c.TokenLifetime {
		return fmt.Errorf("token lifetime %v with continuous access evaluation is shorter than %v without", c.ContinuousAccess, c.TokenLifetime)
	}
	if c.LockoutThreshold == 0 {
		c.LockoutThreshold = 10
	}
	if c.LockoutDuration == 0 {
		c.LockoutDuration = time.Minute
	}
	return nil
}

// An Authority issues and checks tokens. It is safe for concurrent use.
type Authority struct {
	h         host.Host
	cfg       Config
	directory *directory.Directory
	keys      *keyring
	tokens    *tokens
	sealer    *sealer
	guids     *guid.Source
	router    *mux.Router

	mu       sync.Mutex           // guards what follows
	spent    map[string]time.Time // codes, until they would have expired
	attempts map[string]attempt   // by object id of the user
	revoked  map[string]time.Time // when the tokens of an app were revoked, by client id; "" stands for all
}

// New makes the authority of a directory.
func New(h host.Host, d *directory.Directory, cfg Config) (*Authority, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	longest := max(cfg.TokenLifetime, cfg.ContinuousAccess)
	keys, err := openKeyring(h, cfg.SigningKey, longest+reuse(longest), cfg.PublishNextKey)
	if err != nil {
		return nil, err
	}
	sealer, err := newSealer(cfg.SigningKey, h.Rand("entra/seal"))
	if err != nil {
		return nil, err
	}
	guids := guid.NewSource(h.Rand("entra/guid"))
	a := &Authority{
		h: h, cfg: cfg, directory: d, keys: keys, sealer: sealer, guids: guids,
		tokens: newTokens(keys, d.Tenant(), guids), spent: map[string]time.Time{}, attempts: map[string]attempt{}, revoked: map[string]time.Time{},
	}
	a.router = a.routes()
	return a, nil
}

// RollKey makes another key sign from now on. The one before stays published until the last token that it signed has ended. The new key is
// durable.
func (a *Authority) RollKey() error {
	if err := a.keys.roll(a.h.Now()); err != nil {
		return fmt.Errorf("entra: %w", err)
	}
	a.tokens.forgetLatest()
	return nil
}

// ServeHTTP answers a request whose path is canonical (package wire).
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// msal-node sends it in the address (facts 4.2).
	if id := r.URL.Query().Get("client-request-id"); guid.Valid(id) && r.Header.Get(wire.ClientRequestID) == "" {
		w.Header().Set(wire.ClientRequestID, id)
	}
	a.router.ServeHTTP(w, r)
}

// Check returns what a token for an audience, [GraphAudience] or [IntuneAudience], grants now. The error's text is for the client.
func (a *Authority) Check(token, audience string) (Grant, error) {
	g, err := a.tokens.check(token, audience, a.h.Now())
	if err != nil {
		return Grant{}, err
	}
	return g, a.evaluate(&g)
}
