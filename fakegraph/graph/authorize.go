package graph

import (
	"net/http"
	"slices"
	"strings"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/wire"
)

// Permissions, of which one is enough; higher ones include lower ones (facts 2.3). As a role of an app and as a scope of a
// signed-in user they have the same names.
var (
	readDevices    = []string{directory.RoleReadDevices, directory.RoleReadWriteDevices}
	writeDevices   = []string{directory.RoleReadWriteDevices}
	commandDevices = []string{"DeviceManagementManagedDevices.PrivilegedOperations.All"}
	readPolicies   = []string{"DeviceManagementConfiguration.Read.All", "DeviceManagementConfiguration.ReadWrite.All"}
)

// authorize lets a request pass that bears a valid token with one of the permissions of its route.
func (a *API) authorize(w http.ResponseWriter, r *request) bool {
	grant, err := a.authority.Check(bearer(r.Request), entra.GraphAudience)
	if err != nil {
		a.unauthorized(w, r.Request, err.Error(), "")
		return false
	}
	r.grant, r.note.App = grant, grant.ClientID
	if permitted(r.route, &grant) {
		return true
	}
	r.note.Text = "the token has none of the permissions " + strings.Join(r.route.permissions, ", ")
	if r.route.backend != ofIntune {
		a.fail(w, r.Request, &failure{status: http.StatusForbidden, code: "Authorization_RequestDenied",
			message: "Insufficient privileges to complete the operation."})
		return false
	}
	a.backendError(w, r.Request, http.StatusForbidden, "Forbidden",
		"Application is not authorized to perform this operation. Application must have one of the following scopes: "+strings.Join(r.route.permissions, ", "))
	return false
}

func permitted(r *route, g *entra.Grant) bool {
	if len(r.permissions) == 0 {
		return true
	}
	return slices.ContainsFunc(r.permissions, func(p string) bool { return slices.Contains(g.Roles, p) })
}

// bearer returns the token of an Authorization header (RFC 6750 section 2.1), or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// unauthorized answers a request whose token is missing or no good. What the client shall do about it is in the challenge
// (RFC 6750 section 3).
func (a *API) unauthorized(w http.ResponseWriter, r *http.Request, message, challenge string) {
	if challenge != "" {
		challenge = ", " + challenge
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="`+entra.GraphAppID+`"`+challenge)
	wire.NoteOf(r).Text = message
	a.graphError(w, http.StatusUnauthorized, "InvalidAuthenticationToken", message)
}
