package entra

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"nacsim/fakegraph/wire"
)

// A route is an endpoint of the authority. No method means any: the token endpoint answers a wrong one with an error of its own.
type route struct {
	method, path string
	serve        http.HandlerFunc
}

func (a *Authority) table() []route {
	return []route{
		{"", "/{tenant}/oauth2/v2.0/token", a.serveToken(true)},
		{"", "/{tenant}/oauth2/token", a.serveToken(false)},
		{"", "/{tenant}/oauth2/v2.0/authorize", a.serveAuthorize(true)},
		{"", "/{tenant}/oauth2/authorize", a.serveAuthorize(false)},
		{"GET", "/{tenant}/oauth2/v2.0/logout", a.serveLogout},
		{"GET", "/{tenant}/oauth2/logout", a.serveLogout},
		{"GET", "/{tenant}/v2.0/adminconsent", a.serveAdminConsent(true)},
		{"GET", "/{tenant}/adminconsent", a.serveAdminConsent(false)},
		{"POST", "/{tenant}/login", a.serveSignIn},
		{"POST", "/{tenant}/consent", a.serveConsent},
		{"GET", "/common/discovery/instance", a.serveInstanceDiscovery},
		{"GET", "/{tenant}/v2.0/.well-known/openid-configuration", a.serveOpenIDConfiguration(true)},
		{"GET", "/{tenant}/.well-known/openid-configuration", a.serveOpenIDConfiguration(false)},
		{"GET", "/{tenant}/discovery/v2.0/keys", a.serveKeys(true)},
		{"GET", "/{tenant}/discovery/keys", a.serveKeys(false)},
		{"GET", "/{tenant}/userrealm/{user}", a.serveUserRealm},
		{"GET", "/oidc/userinfo", a.serveUserInfo},
	}
}

func (a *Authority) routes() *mux.Router {
	router := mux.NewRouter().SkipClean(true)
	for _, t := range a.table() {
		name := strings.TrimSpace(t.method + " " + t.path)
		matched := router.HandleFunc(t.path, func(w http.ResponseWriter, r *http.Request) {
			note := wire.NoteOf(r)
			note.Route, note.Tenant = name, mux.Vars(r)["tenant"]
			t.serve(w, r)
		}).Name(name)
		switch t.method {
		case http.MethodGet:
			matched.Methods(http.MethodGet, http.MethodHead)
		case http.MethodPost:
			matched.Methods(http.MethodPost)
		}
	}
	router.NotFoundHandler = http.HandlerFunc(a.serveUnknown)
	router.MethodNotAllowedHandler = http.HandlerFunc(a.serveWrongMethod)
	return router
}

// RouteOf is the name of the route that matches a request, or "".
func (a *Authority) RouteOf(r *http.Request) string {
	var m mux.RouteMatch
	if a.router.Match(r, &m) && m.Route != nil {
		return m.Route.GetName()
	}
	return ""
}

// serveUnknown answers what no route matches, and says what was near, which the real service does not.
func (a *Authority) serveUnknown(w http.ResponseWriter, r *http.Request) {
	text := "There is no " + clip(r.RequestURI) + " here."
	if near := a.nearest(r.URL.Path); near != "" {
		text += " Did you mean " + near + "?"
	}
	a.refuseRoute(w, r, http.StatusNotFound, text)
}

func (a *Authority) serveWrongMethod(w http.ResponseWriter, r *http.Request) {
	method := http.MethodGet
	if r.Method == method {
		method = http.MethodPost
	}
	w.Header().Set("Allow", method)
	a.refuseRoute(w, r, http.StatusMethodNotAllowed, clip(r.RequestURI)+" takes "+method+", not "+clip(r.Method)+".")
}

func (a *Authority) refuseRoute(w http.ResponseWriter, r *http.Request, status int, text string) {
	a.h.Trace("drop", slog.String("from", r.RemoteAddr), slog.String("reason", "no such route"),
		slog.String("method", r.Method), slog.String("path", r.RequestURI))
	wire.NoteOf(r).Text = text
	wire.WriteJSON(w, status, a.unnumbered(w, status, text))
}

// unnumbered is an error that the table does not have.
func (a *Authority) unnumbered(w http.ResponseWriter, status int, text string) entraErrorBody {
	e := refuse(900144)
	e.status, e.message = status, text
	body := a.describe(w, e)
	body.Description, body.Codes, body.URI = text, []int{}, ""
	return body
}

// nearest is the endpoint that shares most of its segments with a path, in any order, or "" if none does.
func (a *Authority) nearest(path string) string {
	best, most := "", 0
	asked := strings.Split(path, "/")
	for _, t := range a.table() {
		segments, common := strings.Split(t.path, "/"), 0
		for _, s := range segments {
			for _, x := range asked {
				if s != "" && (s == x || len(x) > 3 && strings.HasPrefix(s, x[:4])) {
					common += 2
					break
				}
			}
		}
		if common > 0 && common*8-len(segments) > most {
			best, most = t.path, common*8-len(segments)
		}
	}
	return best
}
