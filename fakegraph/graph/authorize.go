package graph

import (
	"errors"
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

// authenticate lets a request pass that bears a valid token.
func (a *API) authenticate(w http.ResponseWriter, r *request) bool {
	grant, err := a.authority.Check(bearer(r.Request), entra.GraphAudience)
	if revoked := (*entra.Revoked)(nil); errors.As(err, &revoked) {
		a.unauthorized(w, r.Request, revoked.Error(), `error="insufficient_claims", claims="`+revoked.Claims()+`"`)
		return false
	}
	if err != nil {
		a.unauthorized(w, r.Request, err.Error(), "")
		return false
	}
	r.grant, r.note.App, r.note.User = grant, grant.ClientID, grant.UPN
	return true
}

// permit lets a request pass whose token has one of the permissions of its route: as a role of the app, or as a scope when a user
// is signed in.
func (a *API) permit(w http.ResponseWriter, r *request) bool {
	permissions := r.route.permissions
	if a.cfg.PolicyStatesOfDevices && slices.Equal(permissions, readPolicies) {
		permissions = slices.Concat(permissions, readDevices)
	}
	granted := r.grant.Roles
	if r.grant.UserID != "" {
		granted = r.grant.Scopes
	}
	switch {
	case r.route.delegated && r.grant.UserID == "":
		a.fail(w, r.Request, badRequest("/me request is only valid with delegated authentication flow."))
		return false
	case allowsAny(permissions, granted), len(permissions) == 0:
		return a.hasIntuneRole(w, r)
	}
	r.note.Text = "the token has none of the permissions " + strings.Join(permissions, ", ")
	if r.route.backend != ofIntune {
		a.fail(w, r.Request, &failure{status: http.StatusForbidden, code: "Authorization_RequestDenied",
			message: "Insufficient privileges to complete the operation."})
		return false
	}
	a.backendError(w, r.Request, http.StatusForbidden, "Forbidden",
		"Application is not authorized to perform this operation. Application must have one of the following scopes: "+strings.Join(permissions, ", "))
	return false
}

// hasIntuneRole lets a signed-in user see devices who is an administrator; others see their own only (facts 3.2: no Intune role).
func (a *API) hasIntuneRole(w http.ResponseWriter, r *request) bool {
	if r.grant.UserID == "" || r.route.backend != ofIntune || r.route.delegated {
		return true
	}
	if u, ok := a.directory.User(r.grant.UserID); ok && u.Admin {
		return true
	}
	r.note.Text = "the user has no role in Intune"
	a.Fail(w, r.Request, http.StatusForbidden)
	return false
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
	w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+wire.AuthorityOrigin(r)+`/common/oauth2/authorize", client_id="`+entra.GraphAppID+`"`+challenge)
	if note := wire.NoteOf(r); note.Text == "" {
		note.Text = message
	}
	a.graphError(w, http.StatusUnauthorized, "InvalidAuthenticationToken", message)
}

// allowsAny reports whether a list of permissions has one of those granted.
func allowsAny(permissions, granted []string) bool {
	return slices.ContainsFunc(permissions, func(p string) bool { return slices.Contains(granted, p) })
}
