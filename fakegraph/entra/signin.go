package entra

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/wire"
)

// Cookies: the session of the user who has signed in, and a random name of the browser, to which the forms are bound.
const (
	cookieSession = "ESTSAUTHPERSISTENT"
	cookieBrowser = "buid"

	sessionLifetime = 24 * time.Hour
	pageLifetime    = 30 * time.Minute
)

// A pageState is what a form brings back, sealed. It holds only in the browser that the page was shown to.
type pageState struct {
	Flow    flow
	Browser string // of the hash of the cookie
	// Session is who has signed in, on a page that comes after.
	Session *session `json:",omitempty"`
	Issued  int64
}

// browserSession is the user who has signed in with this browser, if the session still holds.
func (a *Authority) browserSession(r *http.Request) (*session, directory.User, bool) {
	c, err := r.Cookie(cookieSession)
	if err != nil {
		return nil, directory.User{}, false
	}
	var s session
	if a.sealer.open(sealSession, c.Value, &s) != nil || a.h.Now().Sub(time.Unix(s.AuthTime, 0)) >= sessionLifetime {
		return nil, directory.User{}, false
	}
	user, err := a.signedIn(&s)
	return &s, user, err == nil
}

// setCookie gives the browser a cookie for this server alone. No value takes it away.
func setCookie(w http.ResponseWriter, r *http.Request, name, value string) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: r.URL.Scheme != "http", SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// bind seals the state of a page for the browser that it is shown to.
func (a *Authority) bind(w http.ResponseWriter, r *http.Request, f *flow, s *session) (string, error) {
	browser := ""
	if c, err := r.Cookie(cookieBrowser); err == nil && len(c.Value) <= maxText {
		browser = c.Value
	} else {
		browser = strings.ReplaceAll(a.guids.Next()+a.guids.Next(), "-", "")
		setCookie(w, r, cookieBrowser, browser)
	}
	return a.sealer.seal(sealPage, pageState{*f, browserHash(browser), s, a.h.Now().Unix()})
}

func browserHash(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// readPage reads a form of a page, which must come from the browser that the page was shown to.
func (a *Authority) readPage(r *http.Request) (*pageState, url.Values, error) {
	form, err := readTokenRequest(r)
	if err != nil {
		return nil, nil, refuse(90023, err)
	}
	var p pageState
	if a.sealer.open(sealPage, form.Get("ctx"), &p) != nil {
		return nil, nil, refuse(165000, "Token values do not match")
	}
	c, err := r.Cookie(cookieBrowser)
	if err != nil || subtle.ConstantTimeCompare([]byte(browserHash(c.Value)), []byte(p.Browser)) != 1 {
		return nil, nil, refuse(165000, "the browser has not kept the cookie of the page")
	}
	if a.h.Now().Sub(time.Unix(p.Issued, 0)) >= pageLifetime {
		return nil, nil, refuse(165000, "the page has expired")
	}
	return &p, form, nil
}

// serveSignIn takes the form of the sign-in page.
func (a *Authority) serveSignIn(w http.ResponseWriter, r *http.Request) {
	p, form, err := a.readPage(r)
	if err != nil {
		a.errorPage(w, r, err)
		return
	}
	f := &p.Flow
	wire.NoteOf(r).App = f.Client
	app, ok := a.directory.App(f.Client)
	if !ok {
		a.errorPage(w, r, refuse(700016, f.Client, a.directory.Tenant()))
		return
	}
	switch form.Get("action") {
	case "cancel":
		a.sendError(w, r, f, declined(f))
		return
	case "other":
		a.signInPage(w, r, f, &page{}, nil)
		return
	case "continue":
		if p.Session == nil {
			break
		}
		if user, err := a.signedIn(p.Session); err == nil {
			a.proceed(w, r, f, app, p.Session, user)
			return
		}
	}
	s, user, err := a.signIn(r, form)
	if err != nil {
		a.signInPage(w, r, f, &page{Login: clip(form.Get("login")), Error: err.Error()}, nil)
		return
	}
	sealed, err := a.sealer.seal(sealSession, s)
	if err != nil {
		a.errorPage(w, r, err)
		return
	}
	setCookie(w, r, cookieSession, sealed)
	a.proceed(w, r, f, app, s, user)
}

// signIn checks the name and the password of the sign-in page. A second factor, where one is needed, is taken for given.
func (a *Authority) signIn(r *http.Request, form url.Values) (*session, directory.User, error) {
	name, now := clip(strings.TrimSpace(form.Get("login"))), a.h.Now()
	wire.NoteOf(r).User = name
	user, err := a.checkPassword(name, form.Get("passwd"), now)
	if err != nil {
		wire.NoteOf(r).Text = err.Error()
		return nil, user, err
	}
	return &session{User: user.ObjectID, AuthTime: now.Unix(), MFA: user.MFARequired || user.MFAUnregistered}, user, nil
}

// serveConsent takes the form of the consent page, or of the one that says that an administrator is needed.
func (a *Authority) serveConsent(w http.ResponseWriter, r *http.Request) {
	p, form, err := a.readPage(r)
	if err == nil && p.Session == nil {
		err = refuse(165000, "nobody has signed in")
	}
	if err != nil {
		a.errorPage(w, r, err)
		return
	}
	f := &p.Flow
	wire.NoteOf(r).App = f.Client
	user, err := a.signedIn(p.Session)
	app, ok := a.directory.App(f.Client)
	if err == nil && !ok {
		err = refuse(700016, f.Client, a.directory.Tenant())
	}
	if err != nil {
		a.errorPage(w, r, err)
		return
	}
	wire.NoteOf(r).User = user.UPN
	switch form.Get("action") {
	case "accept":
		a.accept(w, r, f, app, p.Session, user)
	case "other":
		a.signInPage(w, r, f, &page{}, nil)
	case "return":
		a.sendError(w, r, f, refuse(90094, user.UPN))
	default:
		a.sendError(w, r, f, declined(f))
	}
}

// accept records a consent and ends the flow. What the user may consent to is checked again, as the form of one page may have been sent
// from another.
func (a *Authority) accept(w http.ResponseWriter, r *http.Request, f *flow, app directory.App, s *session, user directory.User) {
	asked := a.asked(f, &app)
	var err error
	switch {
	case a.needsAdmin(f, &app, &user):
		a.sendError(w, r, f, refuse(90094, user.UPN))
		return
	case f.Kind == flowAuthorize:
		err = a.directory.ConsentScopes(app.ClientID, user.ObjectID, asked...)
	case f.Wanted.All:
		err = a.directory.Consent(app.ClientID)
	default:
		err = a.directory.ChangeApp(app.ClientID, func(app *directory.App) {
			scopes := slices.Clone(app.ConsentedScopes)
			for _, name := range asked {
				scopes = union(scopes, name)
			}
			app.ConsentedScopes = scopes
		})
	}
	if err != nil {
		a.errorPage(w, r, err)
		return
	}
	if f.Kind == flowAuthorize {
		a.sendCode(w, r, f, s)
		return
	}
	q := url.Values{"tenant": {a.directory.Tenant()}, "admin_consent": {"True"}}
	if f.Kind == flowConsentV2 {
		q.Set("scope", f.Scope)
	}
	a.sendBack(w, r, f, q)
}

// serveLogout ends the session of the browser (OpenID Connect RP-Initiated Logout section 2).
func (a *Authority) serveLogout(w http.ResponseWriter, r *http.Request) {
	setCookie(w, r, cookieSession, "")
	q := r.URL.Query()
	target := q.Get("post_logout_redirect_uri")
	for _, app := range a.directory.Apps() {
		if target == "" || !slices.ContainsFunc(app.RedirectURIs, func(uri string) bool { return sameRedirect(uri, target) }) {
			continue
		}
		f := &flow{Mode: "query", Redirect: target, State: q.Get("state"), HasState: q.Has("state")}
		if f.HasState {
			a.sendBack(w, r, f, url.Values{})
			return
		}
		noStore(w)
		w.Header().Set("Location", target)
		w.WriteHeader(http.StatusFound)
		return
	}
	a.show(w, http.StatusOK, &page{Title: "You signed out of your account", Organization: a.directory.DisplayName(),
		Text: "It's a good idea to close all browser windows."})
}
