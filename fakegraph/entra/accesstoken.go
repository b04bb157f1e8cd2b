package entra

import (
	"crypto/rsa"
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
// A signature costs about a millisecond, so a token for an app itself is handed out again to the same app for a few minutes:
// the lifetime of Entra's tokens is 60 to 65 minutes while expires_in says 60 (facts 4.2), which leaves
// reuseWindow for that. Tokens that were signed or checked once are known by their text and not checked again.
type tokens struct {
	keys   *keyring
	tenant string
	guids  *guid.Source
	parser *jwt.Parser

	mu     sync.Mutex
	latest map[string]issuedToken // by app, audience and what else makes a difference
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
	// issued is the exact time if this authority remembers it. capable says that the client can handle claims challenges.
	issued  time.Time
	capable bool
}

const (
	reuseWindow = 5 * time.Minute
	// maxKnownTokens bounds the memory of tokens; when it is full it is forgotten, and tokens are checked again.
	maxKnownTokens = 1024
	maxTokenText   = 16 << 10
	// tolerance is by how much clocks may differ.
	tolerance = 5 * time.Minute
)

func newTokens(keys *keyring, tenant string, guids *guid.Source) *tokens {
	return &tokens{
		keys: keys, tenant: tenant, guids: guids,
		// Times are checked against the machine's clock by check.
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation()),
		latest: map[string]issuedToken{}, known: map[string]Grant{},
	}
}

// reuse is how long a token of some lifetime is handed out again. The lifetime promised to the client is never cut short by it.
func reuse(lifetime time.Duration) time.Duration {
	return min(reuseWindow, lifetime/4).Truncate(time.Second)
}

// A subject is whom an access token is for, and how the client has shown who it is.
type subject struct {
	app directory.App
	// user is nil in a token for the app itself.
	user   *directory.User
	scopes []string
	// proof is "0" for a public client, "1" for a secret, "2" for a certificate: the claim appidacr.
	proof string
	mfa   bool
	// capable says that the client can handle claims challenges, as it has claimed.
	capable bool
	// lifetime is what is promised.
	lifetime time.Duration
}

// issue returns a token for a resource at time now.
func (t *tokens) issue(s *subject, audience string, now time.Time) (string, error) {
	if s.user != nil {
		return t.sign(s, audience, nil, now)
	}
	roles := rolesFor(s.app.Roles, audience)
	slices.Sort(roles)
	key := strings.Join([]string{s.app.ClientID, audience, s.proof, fmt.Sprint(s.capable)}, " ")
	t.mu.Lock()
	latest, ok := t.latest[key]
	t.mu.Unlock()
	if age := now.Sub(latest.issued); ok && age >= 0 && age < reuse(s.lifetime) && slices.Equal(latest.roles, roles) {
		return latest.text, nil
	}
	text, err := t.sign(s, audience, roles, now)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latest[key] = issuedToken{text, now.Truncate(time.Second), roles}
	return text, nil
}

// forgetLatest has every app get a new token next time.
func (t *tokens) forgetLatest() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.latest)
}

// rolesFor are those of an app's permissions that belong to a resource.
func rolesFor(roles []string, audience string) []string {
	return slices.DeleteFunc(slices.Clone(roles), func(role string) bool {
		return directory.IsIntuneRole(role) != (audience == IntuneAudience)
	})
}

// sign makes a token with the claims of version 1.0, which Graph and Intune get from either endpoint (facts 4.2).
func (t *tokens) sign(s *subject, audience string, roles []string, now time.Time) (string, error) {
	issued := now.Truncate(time.Second)
	g := Grant{ClientID: s.app.ClientID, Roles: roles, Scopes: s.scopes, audience: audience, begins: issued, expires: issued.Add(s.lifetime + reuse(s.lifetime)),
		issued: now, capable: s.capable}
	issuer := "https://sts.windows.net/" + t.tenant + "/"
	claims := jwt.MapClaims{
		"aud": audience, "iss": issuer, "iat": issued.Unix(), "nbf": issued.Unix(), "exp": g.expires.Unix(),
		"app_displayname": s.app.DisplayName, "appid": s.app.ClientID, "appidacr": s.proof, "tid": t.tenant, "ver": "1.0",
		"uti": t.uti(), "rh": "0.", "aio": "k2RgYA==",
	}
	if s.user == nil {
		claims["idp"], claims["idtyp"], claims["oid"], claims["sub"] = issuer, "app", s.app.ObjectID, s.app.ObjectID
		if len(roles) > 0 {
			claims["roles"] = roles
		}
	} else {
		g.UserID, g.UPN = s.user.ObjectID, s.user.UPN
		claims["idtyp"], claims["oid"], claims["sub"] = "user", s.user.ObjectID, pairwise(GraphAppID, s.user.ObjectID)
		claims["upn"], claims["unique_name"], claims["name"] = s.user.UPN, s.user.UPN, s.user.DisplayName
		claims["scp"], claims["amr"], claims["acr"] = strings.Join(s.scopes, " "), methods(s.mfa), "1"
		setNames(claims, s.user)
	}
	if s.capable {
		claims["xms_cc"] = []string{"CP1"}
	}
	text, err := t.signed(claims)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remember(text, g)
	return text, nil
}

// uti is the identifier of one token.
func (t *tokens) uti() string { return strings.ReplaceAll(t.guids.Next(), "-", "")[:22] }

// signed is a JWT of the current key.
func (t *tokens) signed(claims jwt.MapClaims) (string, error) {
	key := t.keys.current()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"], token.Header["x5t"] = key.kid, key.kid
	return token.SignedString(key.key)
}

// pairwise is the subject identifier of a user for one app (OpenID Connect Core section 8.1).
func pairwise(clientID, userID string) string {
	return strings.ReplaceAll(guid.Derived("sub/"+clientID+"/"+userID)+guid.Derived("bus/"+clientID+"/"+userID), "-", "")[:43]
}

// methods are the names of how a user has signed in (RFC 8176).
func methods(mfa bool) []string {
	if mfa {
		return []string{"pwd", "mfa"}
	}
	return []string{"pwd"}
}

func setNames(claims jwt.MapClaims, u *directory.User) {
	if u.GivenName != "" {
		claims["given_name"] = u.GivenName
	}
	if u.Surname != "" {
		claims["family_name"] = u.Surname
	}
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
		if g, err = t.grantOf(text, now); err != nil {
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
func (t *tokens) grantOf(text string, now time.Time) (Grant, error) {
	var claims struct {
		AppID  string   `json:"appid"`
		Roles  []string `json:"roles"`
		Scopes string   `json:"scp"`
		Object string   `json:"oid"`
		UPN    string   `json:"upn"`
		Client []string `json:"xms_cc"`
		jwt.RegisteredClaims
	}
	_, err := t.parser.ParseWithClaims(text, &claims, func(token *jwt.Token) (any, error) { return t.publicKey(token, now) })
	switch {
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, errTokenSign):
		return Grant{}, errTokenSign
	case err != nil || claims.ExpiresAt == nil || len(claims.Audience) != 1:
		return Grant{}, errTokenMalform
	}
	g := Grant{ClientID: claims.AppID, Roles: claims.Roles, audience: claims.Audience[0], expires: claims.ExpiresAt.Time}
	if claims.NotBefore != nil {
		g.begins, g.issued = claims.NotBefore.Time, claims.NotBefore.Time
	}
	g.capable = slices.Contains(claims.Client, "CP1")
	if claims.UPN != "" {
		g.Scopes, g.UserID, g.UPN = strings.Fields(claims.Scopes), claims.Object, claims.UPN
	}
	return g, nil
}

// publicKey is the published key that a token names, or the one that signs now for a token that names none.
func (t *tokens) publicKey(token *jwt.Token, now time.Time) (*rsa.PublicKey, error) {
	kid, named := token.Header["kid"].(string)
	if !named {
		return &t.keys.current().key.PublicKey, nil
	}
	for _, k := range t.keys.published(now) {
		if k.kid == kid {
			return &k.key.PublicKey, nil
		}
	}
	return nil, errTokenSign
}
