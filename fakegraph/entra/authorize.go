package entra

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/wire"
)

// Kinds of a flow: a sign-in of a user, and consent of an administrator by either version.
const (
	flowAuthorize = "authorize"
	flowConsentV1 = "adminconsent"
	flowConsentV2 = "v2.0/adminconsent"
)

// A flow is what a browser was sent here for. It travels, sealed, in the forms of the pages.
type flow struct {
	Kind, Tenant, Client, Redirect string
	// Mode is how the answer reaches the app: query, fragment or form_post.
	Mode              string
	State             string
	HasState          bool `json:",omitempty"`
	Nonce, Prompt     string
	Hint              string
	Challenge, Method string
	Scope             string
	Wanted            wanted
	ClientInfo        bool `json:",omitempty"`
}

// Proof key methods (RFC 7636 section 4.2).
const (
	methodS256  = "S256"
	methodPlain = "plain"
)

// maxAuthorizeQuery bounds the parameters of a request, in octets: they travel in each page.
const maxAuthorizeQuery = 6 << 10

// serveAuthorize answers the authorization endpoint (RFC 6749 section 3.1; facts 4.4).
func (a *Authority) serveAuthorize(v2 bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := flowParameters(r)
		if err != nil {
			a.errorPage(w, r, err)
			return
		}
		f, app, err := a.newFlow(r, flowAuthorize, q)
		if err != nil {
			a.errorPage(w, r, err)
			return
		}
		if err := a.readAuthorize(f, q, v2, r.Host); err != nil {
			a.sendError(w, r, f, asEntraError(err))
			return
		}
		a.begin(w, r, f, app)
	}
}

// flowParameters are those of the query, or of a form that was posted.
func flowParameters(r *http.Request) (url.Values, error) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if len(r.URL.RawQuery) > maxAuthorizeQuery {
			return nil, refuse(90023, "it is too long")
		}
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, refuse(90023, err)
		}
		return q, nil
	case http.MethodPost:
		q, err := readTokenRequest(r)
		if err != nil || len(q.Encode()) > maxAuthorizeQuery {
			return nil, refuse(90023, "it is no form, or too long")
		}
		return q, nil
	}
	return nil, refuse(900561, clip(r.Method))
}

// newFlow reads the parameters without which there is nobody to send an error to: those errors are shown to the user.
func (a *Authority) newFlow(r *http.Request, kind string, q url.Values) (*flow, directory.App, error) {
	f := &flow{Kind: kind, Tenant: mux.Vars(r)["tenant"], Client: strings.ToLower(clip(q.Get("client_id"))), Mode: "query",
		State: q.Get("state"), HasState: q.Has("state"), Redirect: q.Get("redirect_uri")}
	if !a.directory.Owns(f.Tenant) {
		return nil, directory.App{}, refuse(90002, clip(f.Tenant))
	}
	if f.Client == "" {
		return nil, directory.App{}, refuse(900144, "client_id")
	}
	wire.NoteOf(r).App = f.Client
	app, ok := a.directory.App(f.Client)
	if !ok {
		return nil, app, refuse(700016, f.Client, a.directory.Tenant())
	}
	if f.Redirect == "" && len(app.RedirectURIs) == 1 {
		f.Redirect = app.RedirectURIs[0]
	}
	if !slices.ContainsFunc(app.RedirectURIs, func(uri string) bool { return sameRedirect(uri, f.Redirect) }) {
		return nil, app, refuse(50011, clip(f.Redirect), app.ClientID)
	}
	return f, app, nil
}

// sameRedirect reports whether an address is a registered one. The port of a loopback address is free (RFC 8252 section 7.3).
func sameRedirect(registered, uri string) bool {
	if registered == uri {
		return true
	}
	x, err := url.Parse(registered)
	if err != nil || x.Scheme != "http" || !isLoopback(x.Hostname()) {
		return false
	}
	y, err := url.Parse(uri)
	if err != nil || y.Hostname() != x.Hostname() {
		return false
	}
	y.Host = x.Host
	return y.String() == x.String()
}

func isLoopback(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// readAuthorize reads the other parameters of a request to a host. Errors in them are for the app.
func (a *Authority) readAuthorize(f *flow, q url.Values, v2 bool, host string) (err error) {
	f.Nonce, f.Hint, f.ClientInfo = q.Get("nonce"), q.Get("login_hint"), q.Get("client_info") == "1"
	switch mode := q.Get("response_mode"); mode {
	case "", "query":
	case "fragment", "form_post":
		f.Mode = mode
	default:
		return refuse(90023, "response_mode '"+clip(mode)+"' is not supported")
	}
	switch kind := q.Get("response_type"); {
	case kind == "":
		return refuse(900144, "response_type")
	case strings.Contains(kind, "id_token"):
		return refuse(700054)
	case kind != "code":
		return refuse(70005, clip(kind))
	}
	if f.Prompt = q.Get("prompt"); !slices.Contains([]string{"", "none", "login", "select_account", "consent"}, f.Prompt) {
		return refuse(90023, "prompt '"+clip(f.Prompt)+"' is not supported")
	}
	if err := readChallenge(f, q); err != nil {
		return err
	}
	f.Scope = q.Get("scope")
	if v2 {
		f.Wanted, err = a.wantedScope(f.Scope, host)
		return err
	}
	if q.Get("resource") == "" {
		q.Set("resource", GraphAudience)
	}
	f.Wanted, err = a.wanted(q, false, host)
	return err
}

// readChallenge reads the proof key (RFC 7636 section 4.3).
func readChallenge(f *flow, q url.Values) error {
	f.Challenge, f.Method = q.Get("code_challenge"), q.Get("code_challenge_method")
	if f.Challenge == "" && f.Method == "" {
		return nil
	}
	if f.Method == "" {
		f.Method = methodPlain
	}
	if f.Method != methodS256 && f.Method != methodPlain || len(f.Challenge) < 43 || len(f.Challenge) > 128 {
		return refuse(501491)
	}
	return nil
}

// serveAdminConsent answers the endpoint where an administrator consents for the whole tenant (facts 4.4).
func (a *Authority) serveAdminConsent(v2 bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind := flowConsentV1
		if v2 {
			kind = flowConsentV2
		}
		q, err := flowParameters(r)
		if err != nil {
			a.errorPage(w, r, err)
			return
		}
		f, app, err := a.newFlow(r, kind, q)
		if err == nil && v2 {
			f.Scope = q.Get("scope")
			f.Wanted, err = a.wantedScope(f.Scope, r.Host)
		}
		if err != nil {
			a.errorPage(w, r, err)
			return
		}
		if !v2 {
			f.Wanted = wanted{Audience: GraphAudience, All: true}
		}
		a.begin(w, r, f, app)
	}
}

// begin shows the first page of a flow, or none if the user has signed in before and everything is consented to.
func (a *Authority) begin(w http.ResponseWriter, r *http.Request, f *flow, app directory.App) {
	s, user, signed := a.browserSession(r)
	switch {
	case f.Prompt == "none" && !signed:
		a.sendError(w, r, f, refuse(50058))
	case f.Prompt == "select_account" && signed:
		a.signInPage(w, r, f, &page{Known: user.UPN}, s)
	case !signed || f.Prompt == "login":
		a.signInPage(w, r, f, &page{}, nil)
	default:
		a.proceed(w, r, f, app, s, user)
	}
}

// proceed goes on once a user has signed in: to the consent page, or back to the app.
func (a *Authority) proceed(w http.ResponseWriter, r *http.Request, f *flow, app directory.App, s *session, user directory.User) {
	wire.NoteOf(r).User = user.UPN
	consented := a.directory.ConsentedScopes(app.ClientID, user.ObjectID)
	switch {
	case f.Kind == flowAuthorize && f.Prompt != "consent" && !missingConsent(&f.Wanted, consented):
		a.sendCode(w, r, f, s)
	case f.Prompt == "none":
		a.sendError(w, r, f, refuse(65001, app.ClientID, app.DisplayName).withCode("consent_required"))
	case a.needsAdmin(f, &app, &user):
		a.adminNeededPage(w, r, f, s, user)
	default:
		a.consentPage(w, r, f, app, s, user)
	}
}

// needsAdmin reports whether only an administrator can consent to what a flow asks for, and the user is none.
func (a *Authority) needsAdmin(f *flow, app *directory.App, user *directory.User) bool {
	if user.Admin || f.Kind != flowAuthorize {
		return !user.Admin
	}
	consented := a.directory.ConsentedScopes(app.ClientID, user.ObjectID)
	return slices.ContainsFunc(a.asked(f, app), func(scope string) bool {
		return directory.NeedsAdmin(scope) && !containsFold(consented, scope)
	})
}

// asked are the delegated permissions that a flow asks consent for.
func (a *Authority) asked(f *flow, app *directory.App) []string {
	scopes := slices.Clone(f.Wanted.Scopes)
	if f.Wanted.All {
		scopes = slices.Clone(app.DelegatedScopes)
	}
	for _, name := range f.Wanted.OpenID {
		scopes = union(scopes, name)
	}
	return scopes
}

// sendCode ends a flow with a code.
func (a *Authority) sendCode(w http.ResponseWriter, r *http.Request, f *flow, s *session) {
	code, err := a.sealer.seal(sealCode, authCode{ID: a.guids.Next(), Client: f.Client, Redirect: f.Redirect, Challenge: f.Challenge, Method: f.Method,
		Nonce: f.Nonce, Session: *s, Wanted: f.Wanted, Issued: a.h.Now().Unix()})
	if err != nil {
		a.errorPage(w, r, err)
		return
	}
	a.sendBack(w, r, f, url.Values{"code": {code}, "session_state": {a.guids.Next()}})
}

// sendError ends a flow with an error for the app. The refusal by version 2 of admin consent says admin_consent=True too (facts 4.4).
func (a *Authority) sendError(w http.ResponseWriter, r *http.Request, f *flow, e *entraError) {
	wire.NoteOf(r).Text = e.Error()
	body := a.describe(w, e)
	q := url.Values{"error": {body.Error}, "error_description": {body.Description}}
	if body.URI != "" && f.Kind == flowAuthorize {
		q.Set("error_uri", body.URI)
	}
	if f.Kind == flowConsentV2 {
		q.Set("admin_consent", "True")
		q.Set("tenant", a.directory.Tenant())
	}
	a.sendBack(w, r, f, q)
}

// declined is the error for the app when a user does not want to sign in or to consent.
func declined(f *flow) *entraError {
	e := refuse(65004)
	switch f.Kind {
	case flowConsentV1:
		return e.withCode("permission_denied")
	case flowConsentV2:
		return e.withCode("consent_required")
	}
	return e
}

// sendBack sends the browser to the app with an answer.
func (a *Authority) sendBack(w http.ResponseWriter, r *http.Request, f *flow, q url.Values) {
	if f.HasState {
		q.Set("state", f.State)
	}
	if f.Mode == "form_post" {
		a.formPostPage(w, f.Redirect, q)
		return
	}
	u, err := url.Parse(f.Redirect)
	if err != nil {
		a.errorPage(w, r, refuse(50011, clip(f.Redirect), f.Client))
		return
	}
	target := ""
	if f.Mode == "fragment" {
		target = u.String() + "#" + q.Encode()
	} else {
		separator := "?"
		if u.RawQuery != "" {
			separator = "&"
		}
		target = u.String() + separator + q.Encode()
	}
	noStore(w)
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}
