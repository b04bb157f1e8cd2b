package entra

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nacsim/fakegraph/directory"
	"nacsim/internal/guid"
)

// GraphAudience is the resource that tokens for Microsoft Graph are issued for.
const GraphAudience = "https://graph.microsoft.com"

// IntuneAudience is the resource that tokens for the Intune API are issued for, with the slash at its end.
const IntuneAudience = "https://api.manage.microsoft.com/"

// GraphAppID is Microsoft Graph's own application id, which names the resource too.
const GraphAppID = directory.GraphAppID

// tokens issues and checks access tokens.
//
// A signature costs about a millisecond, so a token is handed out again to the same app for a few minutes:
// the lifetime of Entra's tokens is 60 to 65 minutes while expires_in says 60 (facts 4.2), which leaves
// reuseWindow for that. Tokens that were signed or checked once are known by their text and not checked again.
type tokens struct {
	key      *rsa.PrivateKey
	kid      string
	tenant   string
	lifetime time.Duration
	guids    *guid.Source
	parser   *jwt.Parser

	mu     sync.Mutex
	latest map[string]issuedToken // by app and audience
	known  map[string]Grant       // by text
}

type issuedToken struct {
	text   string
	issued time.Time
	roles  []string
}

// A Grant is what a valid token says.
type Grant struct {
	// ClientID is the app that it was issued to.
	ClientID string
	// Roles are the application permissions of a token for the app itself, and Scopes the delegated ones of a token for a user.
	Roles, Scopes []string
	// UserID and UPN are the object id and name of the user of a delegated token.
	UserID, UPN string

	audience string
	begins   time.Time
	expires  time.Time
}

const (
	reuseWindow = 5 * time.Minute
	// maxKnownTokens bounds the memory of tokens; when it is full it is forgotten, and tokens are checked again.
	maxKnownTokens = 1024
	maxTokenText   = 16 << 10
	// tolerance is by how much clocks may differ.
	tolerance = 5 * time.Minute
)

func newTokens(key *rsa.PrivateKey, tenant string, lifetime time.Duration, guids *guid.Source) (*tokens, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	sum := sha1.Sum(der)
	return &tokens{
		key: key, kid: base64.RawURLEncoding.EncodeToString(sum[:]), tenant: tenant, lifetime: lifetime, guids: guids,
		// Times are checked against the machine's clock by grantOf.
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation()),
		latest: map[string]issuedToken{}, known: map[string]Grant{},
	}, nil
}

// reuse is how long a token is handed out again. The lifetime promised to the client is never cut short by it.
func (t *tokens) reuse() time.Duration { return min(reuseWindow, t.lifetime/4).Truncate(time.Second) }

// issue returns a token of an app for a resource at time now.
func (t *tokens) issue(a directory.App, audience string, now time.Time) (string, error) {
	roles := rolesFor(a.Roles, audience)
	slices.Sort(roles)
	key := a.ClientID + " " + audience
	t.mu.Lock()
	latest, ok := t.latest[key]
	t.mu.Unlock()
	if age := now.Sub(latest.issued); ok && age >= 0 && age < t.reuse() && slices.Equal(latest.roles, roles) {
		return latest.text, nil
	}
	issued := now.Truncate(time.Second)
	expires := issued.Add(t.lifetime + t.reuse())
	text, err := t.sign(a, audience, roles, issued, expires)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latest[key] = issuedToken{text, issued, roles}
	t.remember(text, Grant{ClientID: a.ClientID, Roles: roles, audience: audience, begins: issued, expires: expires})
	return text, nil
}

// sign makes a token with the claims of an app-only one of version 1.0, which Graph gets (facts 4.2).
func (t *tokens) sign(a directory.App, audience string, roles []string, issued, expires time.Time) (string, error) {
	object := guid.Derived("servicePrincipal/" + t.tenant + "/" + a.ClientID)
	claims := jwt.MapClaims{
		"aud": audience, "iss": "https://sts.windows.net/" + t.tenant + "/", "idp": "https://sts.windows.net/" + t.tenant + "/",
		"iat": issued.Unix(), "nbf": issued.Unix(), "exp": expires.Unix(),
		"app_displayname": a.DisplayName, "appid": a.ClientID, "appidacr": "1", "idtyp": "app",
		"oid": object, "sub": object, "tid": t.tenant, "ver": "1.0",
		"uti": strings.ReplaceAll(t.guids.Next(), "-", "")[:22], "rh": "0.", "aio": "k2RgYA==",
	}
	if len(roles) > 0 {
		claims["roles"] = roles
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"], token.Header["x5t"] = t.kid, t.kid
	return token.SignedString(t.key)
}

// remember keeps what a token says. The caller holds the lock.
func (t *tokens) remember(text string, g Grant) {
	if len(t.known) >= maxKnownTokens {
		clear(t.known)
	}
	t.known[text] = g
}

// A tokenError says why a token is refused, in Graph's words.
type tokenError string

func (e tokenError) Error() string { return string(e) }

// Messages of InvalidAuthenticationToken (facts 3.2).
const (
	errTokenEmpty    = tokenError("Access token is empty.")
	errTokenMalform  = tokenError("CompactToken parsing failed with error code: 80049217")
	errTokenSign     = tokenError("CompactToken validation failed with reason code: 80049228.")
	errTokenExpired  = tokenError("Lifetime validation failed, the token is expired.")
	errTokenEarly    = tokenError("Lifetime validation failed, the token is not yet valid.")
	errTokenAudience = tokenError("Access token validation failure. Invalid audience.")
)

// check returns what a token for an audience grants at time now. The error's text is for the client.
func (t *tokens) check(text, audience string, now time.Time) (Grant, error) {
	if text == "" {
		return Grant{}, errTokenEmpty
	}
	if len(text) > maxTokenText {
		return Grant{}, errTokenMalform
	}
	t.mu.Lock()
	g, ok := t.known[text]
	t.mu.Unlock()
	if !ok {
		var err error
		if g, err = t.grantOf(text); err != nil {
			return Grant{}, err
		}
		t.mu.Lock()
		t.remember(text, g)
		t.mu.Unlock()
	}
	if now.Add(tolerance).Before(g.begins) {
		return Grant{}, errTokenEarly
	}
	if !now.Before(g.expires) {
		return Grant{}, errTokenExpired
	}
	if strings.TrimSuffix(g.audience, "/") != strings.TrimSuffix(audience, "/") {
		return Grant{}, errTokenAudience
	}
	return g, nil
}

// grantOf verifies the signature of a token and reads it.
func (t *tokens) grantOf(text string) (Grant, error) {
	var claims struct {
		AppID string   `json:"appid"`
		Roles []string `json:"roles"`
		jwt.RegisteredClaims
	}
	_, err := t.parser.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return &t.key.PublicKey, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return Grant{}, errTokenSign
	case err != nil || claims.ExpiresAt == nil || len(claims.Audience) != 1:
		return Grant{}, errTokenMalform
	}
	g := Grant{ClientID: claims.AppID, Roles: claims.Roles, audience: claims.Audience[0], expires: claims.ExpiresAt.Time}
	if claims.NotBefore != nil {
		g.begins = claims.NotBefore.Time
	}
	return g, nil
}

// rolesFor are those of an app's permissions that belong to a resource.
func rolesFor(roles []string, audience string) []string {
	return slices.DeleteFunc(slices.Clone(roles), func(role string) bool {
		return directory.IsIntuneRole(role) != (audience == IntuneAudience)
	})
}
