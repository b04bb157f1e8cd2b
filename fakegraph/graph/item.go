package graph

import (
	"net/http"
	"strings"

	"nacsim/fakegraph/entra"
)

// WrapItems puts a handler in front of the one that answers each request of a batch. It is for setting up the API.
func (a *API) WrapItems(wrap func(http.Handler) http.Handler) { a.item = wrap(a.item) }

// RouteOf is the name of the route that matches a request, or "".
func (a *API) RouteOf(r *http.Request) string {
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	m := a.tree.find(a.withoutTenant(path))
	if route := m.node.route(r.Method); m.unknown == "" && route != nil {
		return route.name()
	}
	return ""
}

// AppOf is the client id of the app whose token a request bears, or "" when it bears no good one.
func (a *API) AppOf(r *http.Request) string {
	grant, err := a.authority.Check(bearer(r), entra.GraphAudience)
	if err != nil {
		return ""
	}
	return grant.ClientID
}
