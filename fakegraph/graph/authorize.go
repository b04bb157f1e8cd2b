package graph

import (
	"net/http"
	"slices"
	"strings"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
)

var rolesReadDevices = []string{directory.RoleReadDevices, directory.RoleReadWriteDevices}

// requireRoles lets a request pass that bears a valid token with one of the roles.
func (a *API) requireRoles(next http.HandlerFunc, roles []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g, err := a.authority.Check(bearer(r), entra.GraphAudience)
		if err != nil {
			a.unauthorized(w, err.Error())
			return
		}
		for _, role := range roles {
			if slices.Contains(g.Roles, role) {
				next(w, r)
				return
			}
		}
		a.backendError(w, r, http.StatusForbidden, "Forbidden",
			"Application is not authorized to perform this operation. Application must have one of the following scopes: "+strings.Join(roles, ", "))
	}
}

// bearer returns the token of an Authorization header (RFC 6750 section 2.1), or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// unauthorized answers a request whose token is missing or no good.
func (a *API) unauthorized(w http.ResponseWriter, message string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="`+entra.GraphAppID+`"`)
	a.graphError(w, http.StatusUnauthorized, "InvalidAuthenticationToken", message)
}
