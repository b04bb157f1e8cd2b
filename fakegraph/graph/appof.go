package graph

import (
	"net/http"

	"nacsim/fakegraph/entra"
)

// AppOf is the client id of the app whose token a request bears, or "" when it bears no good one.
func (a *API) AppOf(r *http.Request) string {
	grant, err := a.authority.Check(bearer(r), entra.GraphAudience)
	if err != nil {
		return ""
	}
	return grant.ClientID
}
