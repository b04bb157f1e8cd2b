package entra

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// Revoked is the error of a token that is good but for having been revoked: its client can handle a claims challenge, and shall
// bring a token that was issued since (continuous access evaluation).
type Revoked struct{ Since time.Time }

func (r *Revoked) Error() string {
	return "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp"
}

// Claims is the challenge as it stands in WWW-Authenticate: what the next token must have, in base64.
func (r *Revoked) Claims() string {
	return base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"` + strconv.FormatInt(r.Since.Unix(), 10) + `"}}}`))
}

// RevokeTokens revokes the tokens that an app has been issued so far, or those of all apps when the client id is empty, until the
// machine restarts. It concerns clients that have claimed to handle claims challenges (xms_cc with CP1); the tokens of others are good until they
// expire, as with the real service.
func (a *Authority) RevokeTokens(clientID string) {
	a.tokens.forgetLatest()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoked[strings.ToLower(clientID)] = a.h.Now()
}

// evaluate reports whether a token has been revoked since it was issued: with those of its app, or because its user has a new
// password or is blocked.
func (a *Authority) evaluate(g *Grant) error {
	if !g.capable {
		return nil
	}
	a.mu.Lock()
	since := a.revoked[""]
	if of := a.revoked[g.ClientID]; of.After(since) {
		since = of
	}
	a.mu.Unlock()
	if g.UserID != "" {
		if u, ok := a.directory.User(g.UserID); ok && u.SessionsValidFrom.After(since) {
			since = u.SessionsValidFrom
		}
	}
	// Tokens know whole seconds only. One that is issued after the challenge, but within its second, must be good.
	if since = since.Truncate(time.Second); g.issued.Before(since) {
		return &Revoked{since}
	}
	return nil
}
