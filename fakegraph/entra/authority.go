// Package entra is the authority of a tenant: it issues tokens to apps, publishes the key that they are signed with, and
// tells client libraries where everything is.
//
// Statements of fact refer to facts: graph-and-entra.
package entra

import (
	"crypto/rsa"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"nacsim/fakegraph/directory"
	"nacsim/internal/guid"
	"nacsim/internal/host"
)

// A Config says how tokens are issued; see fakegraph.Config.
type Config struct {
	SigningKey    *rsa.PrivateKey
	TokenLifetime time.Duration
}

// An Authority issues and checks tokens. It is safe for concurrent use.
type Authority struct {
	h         host.Host
	cfg       Config
	directory *directory.Directory
	tokens    *tokens
	handler   http.Handler
}

// New makes the authority of a directory.
func New(h host.Host, d *directory.Directory, cfg Config) (*Authority, error) {
	if cfg.TokenLifetime == 0 {
		cfg.TokenLifetime = 3599 * time.Second
	}
	if cfg.TokenLifetime < time.Second {
		return nil, fmt.Errorf("token lifetime %v is shorter than a second", cfg.TokenLifetime)
	}
	tokens, err := newTokens(cfg.SigningKey, d.Tenant(), cfg.TokenLifetime, guid.NewSource(h.Rand("entra/guid")))
	if err != nil {
		return nil, err
	}
	a := &Authority{h: h, cfg: cfg, directory: d, tokens: tokens}
	a.handler = a.routes()
	return a, nil
}

// ServeHTTP answers a request whose path is canonical (package wire).
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

func (a *Authority) routes() http.Handler {
	router := mux.NewRouter().SkipClean(true)
	router.HandleFunc("/{tenant}/oauth2/v2.0/token", a.serveToken(true))
	router.HandleFunc("/{tenant}/oauth2/token", a.serveToken(false))
	get := router.Methods(http.MethodGet, http.MethodHead).Subrouter()
	get.HandleFunc("/common/discovery/instance", a.serveInstanceDiscovery)
	get.HandleFunc("/{tenant}/v2.0/.well-known/openid-configuration", a.serveOpenIDConfiguration(true))
	get.HandleFunc("/{tenant}/.well-known/openid-configuration", a.serveOpenIDConfiguration(false))
	get.HandleFunc("/{tenant}/discovery/v2.0/keys", a.serveKeys)
	get.HandleFunc("/{tenant}/discovery/keys", a.serveKeys)
	return router
}

// Check returns what a token for an audience, [GraphAudience] or [IntuneAudience], grants now. The error's text is for the client.
func (a *Authority) Check(token, audience string) (Grant, error) {
	return a.tokens.check(token, audience, a.h.Now())
}
