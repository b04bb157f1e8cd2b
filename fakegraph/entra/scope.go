package entra

import (
	"net/url"
	"slices"
	"strings"

	"nacsim/fakegraph/directory"
)

// A wanted is what a token is asked for.
type wanted struct {
	// Audience is the resource.
	Audience string
	// All is the scope /.default: whatever was consented to.
	All bool `json:",omitempty"`
	// Asked are the names of Scopes, or that of /.default, as the client wrote them: with the resource or without.
	Asked []string `json:",omitempty"`
	// Scopes are delegated permissions of the resource, and OpenID those of OpenID Connect: openid, profile, email, offline_access.
	Scopes, OpenID []string `json:",omitempty"`
}

// openIDScopes mean nothing for an app, though client libraries add them (facts 4.2).
var openIDScopes = []string{"openid", "profile", "email", "offline_access"}

// maxScopes bounds a scope parameter, in octets.
const maxScopes = 4 << 10

// parseScope reads a scope parameter of a request to a host.
func (a *Authority) parseScope(scope, host string) (wanted, error) {
	var w wanted
	if len(scope) > maxScopes {
		return w, refuse(70011, clip(scope))
	}
	for name := range strings.FieldsSeq(scope) {
		if i := slices.Index(openIDScopes, strings.ToLower(name)); i >= 0 {
			w.OpenID = union(w.OpenID, openIDScopes[i])
			continue
		}
		resource, permission := GraphAudience, name
		if i := strings.LastIndex(name, "/"); i >= 0 {
			resource, permission = name[:i], name[i+1:]
		}
		resource = knownResource(resource, host)
		switch {
		case w.Audience != "" && w.Audience != resource:
			return w, refuse(700022, clip(scope))
		case permission == "" || strings.ContainsAny(permission, `"'\<>`):
			return w, refuse(70011, clip(name))
		case permission == ".default":
			w.All, w.Asked = true, []string{name}
		case !slices.Contains(w.Scopes, permission):
			w.Scopes, w.Asked = append(w.Scopes, permission), append(w.Asked, name)
		}
		w.Audience = resource
	}
	if w.All && len(w.Scopes) > 0 {
		return w, refuse(70011, clip(scope)+" with .default and single permissions")
	}
	return w, nil
}

func union(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

// knownResource is the audience of a resource that has several names, or else the name itself. Libraries that make the scope from the
// address of Graph ask for the host that they have been told it is at (facts 4.5: kiota, hamilton, go-azure-sdk).
func knownResource(resource, host string) string {
	bare := strings.ToLower(strings.TrimRight(resource, "/"))
	switch bare {
	case GraphAppID, GraphAudience:
		return GraphAudience
	case directory.IntuneAppID, directory.IntuneAPIAppID, strings.TrimSuffix(IntuneAudience, "/"):
		return IntuneAudience
	}
	if isOwnOrigin(bare, host) {
		return GraphAudience
	}
	return resource
}

// isOwnOrigin reports whether a resource is the server that was asked, under that name or another one of the loopback.
func isOwnOrigin(resource, host string) bool {
	u, err := url.Parse(resource)
	own, err2 := url.Parse("https://" + host)
	if err != nil || err2 != nil || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" && u.Path != "/v1.0" && u.Path != "/beta" || isPublicCloud(u.Hostname()) {
		return false
	}
	return strings.EqualFold(withoutPort443(u.Host), withoutPort443(host)) || u.Port() == own.Port() && isLoopback(u.Hostname()) && isLoopback(own.Hostname())
}

func (a *Authority) checkResource(resource string) error {
	if resource == GraphAudience || resource == IntuneAudience {
		return nil
	}
	return refuse(500011, clip(resource), a.directory.Tenant())
}

// wanted reads what a request to a host asks for: in version 2 by scope, in version 1 by resource.
func (a *Authority) wanted(form url.Values, v2 bool, host string) (wanted, error) {
	resource := form.Get("resource")
	if v2 {
		if resource != "" {
			return wanted{}, refuse(901002)
		}
		return a.wantedScope(form.Get("scope"), host)
	}
	if resource == "" {
		return wanted{}, refuse(900144, "resource")
	}
	w := wanted{Audience: knownResource(clip(resource), host), All: true, OpenID: openIDScopes}
	return w, a.checkResource(w.Audience)
}

func (a *Authority) wantedScope(scope, host string) (wanted, error) {
	if strings.TrimSpace(scope) == "" {
		return wanted{}, refuse(900144, "scope")
	}
	w, err := a.parseScope(scope, host)
	if err != nil {
		return w, err
	}
	if w.Audience == "" {
		w.Audience = GraphAudience
	}
	return w, a.checkResource(w.Audience)
}

// granted are the delegated permissions that a user's token has of those wanted. It fails with 65001 unless the user, or an administrator
// for all users, has consented to each.
func (a *Authority) granted(w *wanted, app *directory.App, user *directory.User) ([]string, error) {
	consented := a.directory.ConsentedScopes(app.ClientID, user.ObjectID)
	missing := missingConsent(w, consented)
	if missing {
		return nil, refuse(65001, app.ClientID, app.DisplayName)
	}
	var scopes []string
	if w.Audience == GraphAudience {
		for _, name := range openIDScopes[:3] {
			if slices.Contains(w.OpenID, name) {
				scopes = append(scopes, name)
			}
		}
	}
	if !w.All {
		return append(scopes, w.Scopes...), nil
	}
	for _, name := range consented {
		scopes = union(scopes, name)
	}
	return scopes, nil
}

// missingConsent reports whether consent is needed before a token can be issued. Those of OpenID Connect come with any other.
func missingConsent(w *wanted, consented []string) bool {
	if len(consented) == 0 {
		return true
	}
	return slices.ContainsFunc(w.Scopes, func(name string) bool { return !containsFold(consented, name) })
}

func containsFold(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}

// text is how a reply of version 2 names permissions that were granted: those asked for by name in the form in which they were asked for, as client libraries
// compare them, and others with the resource.
func (w *wanted) text(granted []string) string {
	var names []string
	for _, name := range granted {
		switch i := slices.Index(w.Scopes, name); {
		case i >= 0:
			name = w.Asked[i]
		case !containsFold(openIDScopes, name):
			name = strings.TrimSuffix(w.Audience, "/") + "/" + name
		}
		names = append(names, name)
	}
	if w.All {
		names = append(names, w.Asked...)
	}
	return strings.Join(names, " ")
}
