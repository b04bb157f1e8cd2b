package entra

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/wire"
)

// Grant types (RFC 6749 sections 4.1.3, 4.3.2, 4.4.2 and 6).
const (
	grantClient   = "client_credentials"
	grantPassword = "password"
	grantCode     = "authorization_code"
	grantRefresh  = "refresh_token"
)

// A tokenRequest is a request to the token endpoint.
type tokenRequest struct {
	a    *Authority
	r    *http.Request
	v2   bool
	form url.Values
	now  time.Time

	tenant           string // as the path names it
	grant            string
	clientID, secret string
}

// serveToken answers the token endpoint of version 2 or 1 (facts 4.2).
func (a *Authority) serveToken(v2 bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := &tokenRequest{a: a, r: r, v2: v2, tenant: mux.Vars(r)["tenant"], now: a.h.Now().Add(fault.Struck(r).ClockSkew())}
		reply, err := q.answer()
		fields := []slog.Attr{slog.String("client_id", q.clientID), slog.String("result", "issued")}
		wire.NoteOf(r).App = q.clientID
		if err != nil {
			fields[1] = slog.String("result", "refused")
			a.h.Trace("token", append(fields, slog.String("error", err.Error()))...)
			a.entraError(w, r, asEntraError(err))
			return
		}
		a.h.Trace("token", fields...)
		noStore(w)
		if v2 {
			wire.WriteJSON(w, http.StatusOK, reply)
		} else {
			wire.WriteJSON(w, http.StatusOK, reply.v1())
		}
	}
}

// answer checks a request in the order in which Entra ID does and issues tokens.
func (q *tokenRequest) answer() (*tokenReply, error) {
	if err := q.read(); err != nil {
		return nil, err
	}
	app, ok := q.a.directory.App(q.clientID)
	if !ok {
		return nil, refuse(700016, q.clientID, q.a.directory.Tenant())
	}
	if fault.Struck(q.r).WithoutRoles() {
		app.Roles = nil
	}
	proof, err := q.authenticate(&app)
	if err != nil {
		return nil, err
	}
	s := &subject{app: app, proof: proof, capable: claimsCapable(q.form.Get("claims"))}
	s.lifetime = q.a.lifetime(s)
	switch q.grant {
	case grantPassword:
		return q.password(s)
	case grantCode:
		return q.code(s)
	case grantRefresh:
		return q.refresh(s)
	}
	return q.client(s)
}

// read reads the parameters that each grant has.
func (q *tokenRequest) read() error {
	if q.r.Method != http.MethodPost {
		return refuse(900561, q.r.Method)
	}
	if !q.a.directory.Owns(q.tenant) {
		return refuse(90002, clip(q.tenant))
	}
	var err error
	if q.form, err = readTokenRequest(q.r); err != nil {
		return refuse(90023, err)
	}
	q.clientID, q.secret = clientOf(q.r, q.form)
	switch q.grant = q.form.Get("grant_type"); q.grant {
	case grantClient, grantPassword, grantCode, grantRefresh:
	case "":
		return refuse(900144, "grant_type")
	default:
		return refuse(70003, clip(q.grant))
	}
	if q.clientID == "" {
		return refuse(900144, "client_id")
	}
	return nil
}

// client answers the client credentials grant: a token for the app itself.
func (q *tokenRequest) client(s *subject) (*tokenReply, error) {
	w, err := q.a.wanted(q.form, q.v2, q.r.Host)
	switch {
	case err != nil:
		return nil, err
	case !w.All:
		return nil, refuse(70011, clip(q.form.Get("scope")))
	}
	return q.reply(s, w.Audience)
}

// password answers the resource owner password credentials grant.
func (q *tokenRequest) password(s *subject) (*tokenReply, error) {
	if q.tenant == "common" {
		return nil, refuse(9001023)
	}
	for _, name := range []string{"username", "password"} {
		if q.form.Get(name) == "" {
			return nil, refuse(900144, name)
		}
	}
	w, err := q.a.wanted(q.form, q.v2, q.r.Host)
	if err != nil {
		return nil, err
	}
	name := clip(q.form.Get("username"))
	wire.NoteOf(q.r).User = name
	user, err := q.a.checkPassword(name, q.form.Get("password"), q.now)
	if err != nil {
		return nil, err
	}
	switch {
	case user.MFAUnregistered:
		return nil, refuse(50079, w.Audience)
	case user.MFARequired:
		return nil, refuse(50076, w.Audience)
	}
	return q.forUser(s, &session{User: user.ObjectID, AuthTime: q.now.Unix()}, &w, "")
}

// forUser issues what a user's token request asks for: an access token, and with the scopes for it an ID token and a refresh token.
func (q *tokenRequest) forUser(s *subject, from *session, w *wanted, nonce string) (*tokenReply, error) {
	user, err := q.a.signedIn(from)
	if err != nil {
		return nil, err
	}
	wire.NoteOf(q.r).User = user.UPN
	s.user, s.mfa = &user, from.MFA
	if s.scopes, err = q.a.granted(w, &s.app, &user); err != nil {
		return nil, err
	}
	reply, err := q.reply(s, w.Audience)
	if err != nil {
		return nil, err
	}
	if reply.Scope = strings.Join(s.scopes, " "); q.v2 {
		reply.Scope = w.text(s.scopes)
	}
	return reply, q.addUserTokens(reply, s, from, w, nonce)
}

func (q *tokenRequest) reply(s *subject, audience string) (*tokenReply, error) {
	text, err := q.a.tokens.issue(s, audience, q.now)
	if err != nil {
		return nil, err
	}
	seconds := int64(s.lifetime / time.Second)
	t := &tokenReply{TokenType: "Bearer", ExpiresIn: seconds, ExtExpiresIn: seconds, AccessToken: text, now: q.now, resource: audience}
	if s.lifetime > refreshAdvice {
		t.RefreshIn = seconds / 2
	}
	return t, nil
}

// refreshAdvice is the lifetime from which on a reply says when to renew the token.
const refreshAdvice = 2 * time.Hour

// maxText bounds what of a client's text is repeated to it.
const maxText = 256

// clip bounds a client's text before it goes into a reply and the trace.
func clip(text string) string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	return strings.ToValidUTF8(text, "")
}

// lifetime is what a token is promised to be good for.
func (a *Authority) lifetime(s *subject) time.Duration {
	if s.capable && a.cfg.ContinuousAccess > 0 {
		return a.cfg.ContinuousAccess
	}
	return a.cfg.TokenLifetime
}

// signedIn is the user of a session, if it still holds.
func (a *Authority) signedIn(s *session) (directory.User, error) {
	user, ok := a.directory.User(s.User)
	signed := time.Unix(s.AuthTime, 0)
	switch {
	case !ok:
		return user, refuse(50034, s.User, a.directory.Tenant())
	case user.Disabled:
		return user, refuse(50057)
	case signed.Before(user.SessionsValidFrom.Truncate(time.Second)):
		return user, refuse(50173, signed.UTC().Format(clientTime), user.SessionsValidFrom.UTC().Format(clientTime))
	}
	return user, nil
}
