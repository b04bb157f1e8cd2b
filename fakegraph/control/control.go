// Package control is an API for those who test with a fakegraph: it shows and changes the tenant while clients use it,
// injects faults, moves the clock and shows the log of requests. It is below /control, is no part of what Microsoft has, and is not struck by
// faults.
//
// GET /control lists all that there is, with an example of each body. Bodies are JSON; errors are {"error": "…"} and say what was
// expected.
package control

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/requestlog"
	"nacsim/internal/host"
)

// A Config says who may use the API. The zero value lets everybody in who reaches the server.
type Config struct {
	// Off switches the API off.
	Off bool
	// Token, unless it is empty, must be in each request: "Authorization: Bearer TOKEN".
	Token string
	// Clock moves the machine's clock. Nil means that it cannot be moved.
	Clock Clock
}

// A Clock can be moved.
type Clock interface {
	// Advance moves the clock forward. What falls due on the way happens in its order, at its time.
	Advance(d time.Duration) error
}

// A Target is what the API controls.
type Target interface {
	Directory() *directory.Directory
	Entra() *entra.Authority
	Intune() *intune.Service
	Faults() *fault.Set
	Requests() *requestlog.Log
	// Restore makes everything as it was at the beginning.
	Restore() error
}

// An API is the control of one server. It is safe for concurrent use.
type API struct {
	h      host.Host
	cfg    Config
	target Target
	cross  *http.CrossOriginProtection
	routes []route
}

// New makes the API.
func New(h host.Host, target Target, cfg Config) *API {
	a := &API{h: h, cfg: cfg, target: target, cross: http.NewCrossOriginProtection()}
	for _, part := range [][]route{a.generalRoutes(), a.deviceRoutes(), a.policyRoutes(), a.directoryRoutes(), a.faultRoutes(), a.requestRoutes()} {
		a.routes = append(a.routes, part...)
	}
	return a
}

// maxBody bounds the body of a request, in octets.
const maxBody = 1 << 20

// ServeHTTP answers a request whose path begins with /control.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case a.cfg.Off:
		writeError(w, &failure{http.StatusNotFound, "the control API is switched off"})
		return
	case !a.allowed(r):
		w.Header().Set("WWW-Authenticate", `Bearer realm="control"`)
		writeError(w, &failure{http.StatusUnauthorized, "the control API wants its token: Authorization: Bearer TOKEN"})
		return
	case a.cross.Check(r) != nil:
		writeError(w, &failure{http.StatusForbidden, "a page of another site cannot use the control API"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	a.dispatch(w, r)
}

// allowed reports whether a request brings the token.
func (a *API) allowed(r *http.Request) bool {
	if a.cfg.Token == "" {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(a.cfg.Token)) == 1
}

// A failure is an error with the status that it leads to.
type failure struct {
	status int
	text   string
}

func (f *failure) Error() string { return f.text }

func badRequest(format string, args ...any) error {
	return &failure{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &failure{http.StatusNotFound, fmt.Sprintf(format, args...)}
}
