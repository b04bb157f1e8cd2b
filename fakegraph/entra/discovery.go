package entra

import (
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"nacsim/fakegraph/wire"
)

// serveOpenIDConfiguration answers the OpenID Connect discovery document (facts 4.1). The addresses in it lead back
// to this server; the issuer of version 2 does too, as client libraries compare it with the authority.
func (a *Authority) serveOpenIDConfiguration(v2 bool) http.HandlerFunc {
	return a.ofTenant(func(w http.ResponseWriter, r *http.Request, tenant string) {
		// The document of no tenant in particular leaves it open in the issuer.
		of := "{tenantid}"
		if tenant != "common" && tenant != "organizations" {
			tenant = a.directory.Tenant()
			of = tenant
		}
		authority := wire.Origin(r) + "/" + tenant
		issuer, oauth, keys := "https://sts.windows.net/"+of+"/", authority+"/oauth2", authority+"/discovery/keys"
		if v2 {
			issuer, oauth, keys = wire.Origin(r)+"/"+of+"/v2.0", authority+"/oauth2/v2.0", authority+"/discovery/v2.0/keys"
		}
		document := map[string]any{
			"issuer": issuer, "authorization_endpoint": oauth + "/authorize", "token_endpoint": oauth + "/token",
			"end_session_endpoint": oauth + "/logout", "jwks_uri": keys, "userinfo_endpoint": wire.Origin(r) + "/oidc/userinfo",
		}
		for name, value := range openIDMetadata { // order-free: fills a map
			document[name] = value
		}
		if !v2 {
			document["microsoft_multi_refresh_token"] = true
		}
		wire.WriteJSON(w, http.StatusOK, document)
	})
}

// ofTenant answers with what is said about a tenant, which has to be this one.
func (a *Authority) ofTenant(say func(w http.ResponseWriter, r *http.Request, tenant string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tenant := mux.Vars(r)["tenant"]
		if !a.directory.Owns(tenant) {
			a.entraError(w, r, refuse(90002, clip(tenant)).withCode("invalid_tenant"))
			return
		}
		say(w, r, tenant)
	}
}

// openIDMetadata is what the documents of both versions have beside addresses, as the real service writes it. Endpoints that are not served here
// (device authorization, Kerberos, mutual TLS) are left out.
var openIDMetadata = map[string]any{
	"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
	"response_modes_supported":              []string{"query", "fragment", "form_post"},
	"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
	"subject_types_supported":               []string{"pairwise"},
	"id_token_signing_alg_values_supported": []string{"RS256"},
	"scopes_supported":                      openIDScopes,
	"claims_supported": []string{"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
		"aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email"},
	"request_uri_parameter_supported": false,
	"http_logout_supported":           true,
	"frontchannel_logout_supported":   true,
	"tenant_region_scope":             "EU",
	"cloud_instance_name":             "microsoftonline.com",
	"cloud_graph_host_name":           "graph.windows.net",
	"msgraph_host":                    "graph.microsoft.com",
	"rbac_url":                        "https://pas.windows.net",
}

// serveKeys answers the public keys that tokens are signed with, as a JWK set (RFC 7517 section 5). Like the real service it names no
// algorithm.
func (a *Authority) serveKeys(v2 bool) http.HandlerFunc {
	return a.ofTenant(func(w http.ResponseWriter, r *http.Request, _ string) {
		issuer := "https://sts.windows.net/" + a.directory.Tenant() + "/"
		if v2 {
			issuer = wire.Origin(r) + "/" + a.directory.Tenant() + "/v2.0"
		}
		encode := base64.RawURLEncoding.EncodeToString
		set := []map[string]any{}
		for _, k := range a.keys.published(a.h.Now()) {
			public := &k.key.PublicKey
			set = append(set, map[string]any{
				"kty": "RSA", "use": "sig", "kid": k.kid, "x5t": k.kid, "n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes()),
				"x5c": []string{base64.StdEncoding.EncodeToString(k.cert)}, "issuer": issuer, "cloud_instance_name": "microsoftonline.com",
			})
		}
		wire.WriteJSON(w, http.StatusOK, map[string]any{"keys": set})
	})
}

// publicCloud are the names of Microsoft's authority. A client library that does not find the name it uses among
// them caches no token (facts 4.5).
var publicCloud = []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"}

// serveInstanceDiscovery tells client libraries whether they may trust an authority (facts 4.1): that of the public
// cloud, and this server under the name that it was reached by.
func (a *Authority) serveInstanceDiscovery(w http.ResponseWriter, r *http.Request) {
	endpoint, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	if err != nil || withoutPort443(endpoint.Host) != withoutPort443(r.Host) && !isPublicCloud(endpoint.Hostname()) {
		a.entraError(w, r, refuse(50049))
		return
	}
	network, cache, aliases := "login.microsoftonline.com", "login.windows.net", publicCloud
	if !isPublicCloud(withoutPort443(r.Host)) {
		network, cache, aliases = r.Host, r.Host, []string{r.Host}
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(endpoint.Path, "/"), "/")
	if !a.directory.Owns(tenant) {
		tenant = a.directory.Tenant()
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": wire.Origin(r) + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []map[string]any{{
			"preferred_network": network, "preferred_cache": cache, "aliases": aliases,
		}},
	})
}

func isPublicCloud(name string) bool {
	return slices.ContainsFunc(publicCloud, func(known string) bool { return strings.EqualFold(known, name) })
}

// serveUserInfo answers the claims about the user of an access token (OpenID Connect Core section 5.3).
func (a *Authority) serveUserInfo(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	g, err := a.Check(strings.TrimSpace(token), GraphAudience)
	user, ok := a.directory.User(g.UserID)
	if err != nil || !ok {
		w.Header().Set("WWW-Authenticate", "Bearer")
		wire.WriteJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	wire.NoteOf(r).User = user.UPN
	wire.WriteJSON(w, http.StatusOK, map[string]string{
		"sub": pairwise(g.ClientID, user.ObjectID), "name": user.DisplayName, "given_name": user.GivenName, "family_name": user.Surname, "email": user.Mail,
	})
}

// serveUserRealm tells client libraries, before a password grant, whether a user signs in here or with another service: MSAL asks for it.
func (a *Authority) serveUserRealm(w http.ResponseWriter, r *http.Request) {
	user := clip(mux.Vars(r)["user"])
	_, domain, _ := strings.Cut(user, "@")
	kind := "Unknown"
	if _, known := a.directory.User(user); known || domain != "" && slices.ContainsFunc(a.directory.Domains(), func(d string) bool { return strings.EqualFold(d, domain) }) {
		kind = "Managed"
	}
	wire.NoteOf(r).User = user
	wire.WriteJSON(w, http.StatusOK, map[string]string{
		"ver": "1.0", "account_type": kind, "domain_name": domain,
		"cloud_instance_name": "microsoftonline.com", "cloud_audience_urn": "urn:federation:MicrosoftOnline",
	})
}
