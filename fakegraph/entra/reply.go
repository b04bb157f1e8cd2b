package entra

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nacsim/fakegraph/wire"
)

// tokenReply is the reply of version 2.
type tokenReply struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope,omitempty"`
	ExpiresIn    int64  `json:"expires_in"`
	ExtExpiresIn int64  `json:"ext_expires_in"`
	RefreshIn    int64  `json:"refresh_in,omitempty"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	ClientInfo   string `json:"client_info,omitempty"`

	now      time.Time
	resource string
}

// tokenReplyV1 is the reply of version 1, whose numbers are texts.
type tokenReplyV1 struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope,omitempty"`
	ExpiresIn    string `json:"expires_in"`
	ExtExpiresIn string `json:"ext_expires_in"`
	RefreshIn    string `json:"refresh_in,omitempty"`
	ExpiresOn    string `json:"expires_on"`
	NotBefore    string `json:"not_before"`
	Resource     string `json:"resource"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	ClientInfo   string `json:"client_info,omitempty"`
}

func (t *tokenReply) v1() tokenReplyV1 {
	text := func(n int64) string { return strconv.FormatInt(n, 10) }
	v := tokenReplyV1{
		TokenType: t.TokenType, Scope: t.Scope, ExpiresIn: text(t.ExpiresIn), ExtExpiresIn: text(t.ExtExpiresIn),
		ExpiresOn: text(t.now.Unix() + t.ExpiresIn), NotBefore: text(t.now.Unix()), Resource: t.resource,
		AccessToken: t.AccessToken, RefreshToken: t.RefreshToken, IDToken: t.IDToken, ClientInfo: t.ClientInfo,
	}
	if t.RefreshIn > 0 {
		v.RefreshIn = text(t.RefreshIn)
	}
	return v
}

// claimsCapable reads the parameter claims (OpenID Connect Core section 5.5), by which client libraries say that they can handle a
// claims challenge: xms_cc with CP1. What cannot be read is ignored, like all else in it.
func claimsCapable(text string) bool {
	if len(text) > maxScopes {
		return false
	}
	var claims struct {
		AccessToken struct {
			Capabilities struct {
				Values []string `json:"values"`
			} `json:"xms_cc"`
		} `json:"access_token"`
	}
	return json.Unmarshal([]byte(text), &claims) == nil && slices.Contains(claims.AccessToken.Capabilities.Values, "CP1")
}

// addUserTokens adds the tokens that only a user's reply has.
func (q *tokenRequest) addUserTokens(reply *tokenReply, s *subject, from *session, w *wanted, nonce string) error {
	var err error
	if slices.Contains(w.OpenID, "openid") {
		if reply.IDToken, err = q.a.tokens.signed(q.idClaims(s, from, w, nonce)); err != nil {
			return err
		}
	}
	if slices.Contains(w.OpenID, "offline_access") {
		refresh := refreshToken{Client: s.app.ClientID, Session: *from, Wanted: *w, Issued: q.now.Unix()}
		if reply.RefreshToken, err = q.a.sealer.seal(sealRefresh, refresh); err != nil {
			return err
		}
	}
	if q.form.Get("client_info") == "1" {
		info, err := json.Marshal(map[string]string{"uid": s.user.ObjectID, "utid": q.a.directory.Tenant()})
		if err != nil {
			return err
		}
		reply.ClientInfo = base64.RawURLEncoding.EncodeToString(info)
	}
	return nil
}

// idClaims are what an ID token says (OpenID Connect Core section 2).
func (q *tokenRequest) idClaims(s *subject, from *session, w *wanted, nonce string) jwt.MapClaims {
	t, now := q.a.tokens, q.now.Unix()
	claims := jwt.MapClaims{
		"aud": s.app.ClientID, "iat": now, "nbf": now, "exp": now + int64(idTokenLifetime/time.Second),
		"oid": s.user.ObjectID, "sub": pairwise(s.app.ClientID, s.user.ObjectID), "tid": t.tenant, "name": s.user.DisplayName,
		"rh": "0.", "uti": t.uti(),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if q.v2 {
		claims["iss"], claims["ver"], claims["preferred_username"] = wire.Origin(q.r)+"/"+t.tenant+"/v2.0", "2.0", s.user.UPN
	} else {
		claims["iss"], claims["ver"], claims["amr"] = "https://sts.windows.net/"+t.tenant+"/", "1.0", methods(from.MFA)
		claims["upn"], claims["unique_name"] = s.user.UPN, s.user.UPN
		setNames(claims, s.user)
	}
	if slices.Contains(w.OpenID, "email") {
		claims["email"] = s.user.Mail
	}
	return claims
}

// idTokenLifetime is that of an ID token.
const idTokenLifetime = time.Hour
