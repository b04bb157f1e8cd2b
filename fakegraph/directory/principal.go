package directory

import (
	"strings"

	"nacsim/internal/guid"
)

// A ServicePrincipal is an app as the tenant has it: one of its own, or one of Microsoft's.
type ServicePrincipal struct{ AppID, ObjectID, DisplayName string }

// Application ids of Microsoft's own services.
const (
	GraphAppID = "00000003-0000-0000-c000-000000000000"
	// IntuneAppID is Microsoft Intune, whose endpoints are asked for under this id (facts 2.5), and IntuneAPIAppID the API that its permissions
	// belong to.
	IntuneAppID    = "0000000a-0000-0000-c000-000000000000"
	IntuneAPIAppID = "c161e42e-d4df-4a3d-9b42-e7a3c31f59d4"
)

// ServicePrincipals are those of Microsoft's services and of the tenant's own apps.
func (d *Directory) ServicePrincipals() []ServicePrincipal {
	list := []ServicePrincipal{{AppID: GraphAppID, DisplayName: "Microsoft Graph"}, {AppID: IntuneAppID, DisplayName: "Microsoft Intune"},
		{AppID: IntuneAPIAppID, DisplayName: "Microsoft Intune API"}}
	for i := range list {
		list[i].ObjectID = guid.Derived("servicePrincipal/" + d.tenant + "/" + list[i].AppID)
	}
	for _, a := range d.Apps() {
		list = append(list, ServicePrincipal{a.ClientID, a.ObjectID, a.DisplayName})
	}
	return list
}

// ServicePrincipal returns the one with an application id or an object id, or false.
func (d *Directory) ServicePrincipal(id string) (ServicePrincipal, bool) {
	for _, p := range d.ServicePrincipals() {
		if strings.EqualFold(p.AppID, id) || strings.EqualFold(p.ObjectID, id) {
			return p, true
		}
	}
	return ServicePrincipal{}, false
}
