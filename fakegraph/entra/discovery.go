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
	return func(w http.ResponseWriter, r *http.Request) {
		tenant := mux.Vars(r)["tenant"]
		if !a.directory.Owns(tenant) {
			e := errTenantUnknown(tenant)
			e.code = "invalid_tenant"
			a.entraError(w, e)
			return
		}
		authority := wire.Origin(r) + "/" + a.directory.Tenant()
		issuer, oauth, keys := "https://sts.windows.net/"+a.directory.Tenant()+"/", authority+"/oauth2", authority+"/discovery/keys"
		if v2 {
			issuer, oauth, keys = authority+"/v2.0", authority+"/oauth2/v2.0", authority+"/discovery/v2.0/keys"
		}
		wire.WriteJSON(w, http.StatusOK, map[string]any{
			"issuer":                                issuer,
			"authorization_endpoint":                oauth + "/authorize",
			"token_endpoint":                        oauth + "/token",
			"end_session_endpoint":                  oauth + "/logout",
			"jwks_uri":                              keys,
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
			"response_modes_supported":              []string{"query", "fragment", "form_post"},
			"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
			"subject_types_supported":               []string{"pairwise"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
			"tenant_region_scope":                   "EU",
			"cloud_instance_name":                   "microsoftonline.com",
			"cloud_graph_host_name":                 "graph.windows.net",
			"msgraph_host":                          "graph.microsoft.com",
			"rbac_url":                              "https://pas.windows.net",
		})
	}
}

// serveKeys answers the public key that tokens are signed with, as a JWK set (RFC 7517 section 5).
func (a *Authority) serveKeys(w http.ResponseWriter, _ *http.Request) {
	public := &a.tokens.key.PublicKey
	encode := base64.RawURLEncoding.EncodeToString
	wire.WriteJSON(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": a.tokens.kid, "x5t": a.tokens.kid,
		"n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes()),
		"issuer": "https://sts.windows.net/" + a.directory.Tenant() + "/",
	}}})
}

// publicCloud are the names of Microsoft's authority. A client library that does not find the name it uses among
// them caches no token (facts 4.5).
var publicCloud = []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"}

// serveInstanceDiscovery tells client libraries whether they may trust an authority (facts 4.1): that of the public
// cloud, and this server under the name that it was reached by.
func (a *Authority) serveInstanceDiscovery(w http.ResponseWriter, r *http.Request) {
	endpoint, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	if err != nil || endpoint.Host != r.Host && !isPublicCloud(endpoint.Hostname()) {
		a.entraError(w, &entraError{http.StatusBadRequest, "invalid_instance", 50049, "Unknown or invalid instance.", true})
		return
	}
	network, cache, aliases := "login.microsoftonline.com", "login.windows.net", publicCloud
	if !isPublicCloud(r.Host) {
		network, cache, aliases = r.Host, r.Host, []string{r.Host}
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": wire.Origin(r) + "/" + a.directory.Tenant() + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []map[string]any{{
			"preferred_network": network, "preferred_cache": cache, "aliases": aliases,
		}},
	})
}

func isPublicCloud(name string) bool {
	return slices.ContainsFunc(publicCloud, func(known string) bool { return strings.EqualFold(known, name) })
}
