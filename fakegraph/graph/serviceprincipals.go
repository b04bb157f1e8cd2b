package graph

import (
	"net/http"
	"strings"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/nacservice"
	"nacsim/fakegraph/wire"
	"nacsim/internal/guid"
)

var (
	readApplications = []string{directory.RoleReadApplications, "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.Read.All", "Directory.ReadWrite.All"}
	readOrganization = []string{"User.Read", "Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
)

// tenantRoutes are those of the tenant itself and of the apps in it.
var tenantRoutes = []route{
	{http.MethodGet, "organization", readOrganization, ofDirectory, false, (*API).listOrganization},
	{http.MethodGet, "organization/{id}", readOrganization, ofDirectory, false, (*API).getOrganization},
	{http.MethodGet, "servicePrincipals", readApplications, ofDirectory, false, (*API).listServicePrincipals},
	{http.MethodGet, "servicePrincipals/{id}", readApplications, ofDirectory, false, (*API).getServicePrincipal},
	{http.MethodGet, "servicePrincipals/{id}/endpoints", readApplications, ofDirectory, false, (*API).listEndpoints},
}

type servicePrincipal = directory.ServicePrincipal

var servicePrincipals = newSchema("servicePrincipal",
	textOf("id", opEq|opNe|opIn, func(p *servicePrincipal) string { return p.ObjectID }),
	boolOf("accountEnabled", opEq|opNe|opIn, func(*servicePrincipal) bool { return true }),
	textOf("appDisplayName", 0, func(p *servicePrincipal) string { return p.DisplayName }),
	textOf("appId", opEq|opNe|opIn, func(p *servicePrincipal) string { return p.AppID }),
	textOf("displayName", anyText, func(p *servicePrincipal) string { return p.DisplayName }),
	enumOf("servicePrincipalType", opEq|opNe|opIn, func(*servicePrincipal) string { return "Application" }),
)

// listServicePrincipals answers GET /servicePrincipals.
func (a *API) listServicePrincipals(w http.ResponseWriter, r *request) error {
	return writeDirectoryList(a, w, r, servicePrincipals, "servicePrincipals", pointers(a.directory.ServicePrincipals()), false)
}

// servicePrincipal is the one in the path: {object id}, (appId='…') or appId=….
func (a *API) servicePrincipal(r *request) (servicePrincipal, error) {
	appID, byAppID := strings.CutPrefix(r.key(), "appid=")
	p, ok := a.directory.ServicePrincipal(appID)
	if !ok || byAppID != (p.AppID == appID) {
		return p, noObject(r.key())
	}
	return p, nil
}

func (a *API) getServicePrincipal(w http.ResponseWriter, r *request) error {
	p, err := a.servicePrincipal(r)
	if err != nil {
		return err
	}
	return writeDirectoryObject(a, w, r, servicePrincipals, "servicePrincipals", &p)
}

// An endpoint is where a service of an app is (facts 2.5).
type endpoint struct{ id, provider, uri string }

var endpoints = newSchema("endpoint",
	textOf("id", 0, func(e *endpoint) string { return e.id }),
	literalOf[endpoint]("deletedDateTime", "null"),
	textOf("capability", 0, func(e *endpoint) string { return e.provider }),
	textOf("providerId", 0, func(e *endpoint) string { return guid.Derived("provider/" + e.provider) }),
	textOf("providerName", 0, func(e *endpoint) string { return e.provider }),
	textOf("providerResourceId", 0, func(e *endpoint) string { return e.provider }),
	textOf("uri", 0, func(e *endpoint) string { return e.uri }),
)

// listEndpoints answers GET /servicePrincipals/{id}/endpoints, by which clients of the compliance retrieval service find it.
// The addresses are on this server, under the name that the client has for it.
func (a *API) listEndpoints(w http.ResponseWriter, r *request) error {
	p, err := a.servicePrincipal(r)
	if err != nil {
		return err
	}
	var all []*endpoint
	if p.AppID == directory.IntuneAppID {
		for _, e := range []nacservice.Endpoint{nacservice.ComplianceRetrieval, nacservice.NACAPI} {
			all = append(all, &endpoint{guid.Derived("endpoint/" + e.Name), e.Name, wire.Origin(r.Request) + e.Path})
		}
	}
	return writeDirectoryList(a, w, r, endpoints, "servicePrincipals('"+p.ObjectID+"')/endpoints", all, false)
}

// An organization is the tenant itself.
type organization struct {
	id, name string
	domains  []string
}

var organizations = newSchema("organization",
	textOf("id", 0, func(o *organization) string { return o.id }),
	textOf("displayName", 0, func(o *organization) string { return o.name }),
	enumOf("tenantType", 0, func(*organization) string { return "AAD" }),
	property[organization]{name: "verifiedDomains", json: appendDomains},
)

func appendDomains(b []byte, o *organization) []byte {
	b = append(b, '[')
	for i, name := range o.domains {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONBool(append(b, `{"capabilities":"Email, OfficeCommunicationsOnline","isDefault":`...), i == 0)
		b = appendJSONBool(append(b, `,"isInitial":`...), i == 0)
		b = append(appendJSONString(append(b, `,"name":`...), name), `,"type":"Managed"}`...)
	}
	return append(b, ']')
}

func (a *API) organization() *organization {
	return &organization{a.directory.Tenant(), a.directory.DisplayName(), a.directory.Domains()}
}

func (a *API) listOrganization(w http.ResponseWriter, r *request) error {
	return writeDirectoryList(a, w, r, organizations, "organization", []*organization{a.organization()}, false)
}

func (a *API) getOrganization(w http.ResponseWriter, r *request) error {
	if r.key() != a.directory.Tenant() {
		return noObject(r.key())
	}
	return writeDirectoryObject(a, w, r, organizations, "organization", a.organization())
}
