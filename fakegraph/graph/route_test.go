package graph

import (
	"slices"
	"testing"
)

func TestFindRoute(t *testing.T) {
	tree := newRouteTree(routes)
	for path, want := range map[string]struct {
		route, unknown string
		keys           []string
	}{
		"devicemanagement/manageddevices":                                  {route: "GET /deviceManagement/managedDevices"},
		"devicemanagement/manageddevices()":                                {route: "GET /deviceManagement/managedDevices"},
		"devicemanagement/manageddevices('')":                              {route: "GET /deviceManagement/managedDevices"},
		"devicemanagement/manageddevices('x')":                             {route: "GET /deviceManagement/managedDevices/{id}", keys: []string{"x"}},
		"users('o''brien@x')/memberof":                                     {route: "GET /users/{id}/memberOf", keys: []string{"o'brien@x"}},
		"users/o'brien@x/memberof/microsoft.graph.group":                   {route: "GET /users/{id}/memberOf/microsoft.graph.group", keys: []string{"o'brien@x"}},
		"serviceprincipals/appid=x/endpoints":                              {route: "GET /servicePrincipals/{id}/endpoints", keys: []string{"appid=x"}},
		"serviceprincipals(appid='x')/endpoints":                           {route: "GET /servicePrincipals/{id}/endpoints", keys: []string{"appid=x"}},
		"devicemanagement/manageddevices/x/devicecompliancepolicystates/y": {route: "GET /deviceManagement/managedDevices/{id}/deviceCompliancePolicyStates/{id}", keys: []string{"x", "y"}},
		"devicemanagement('x')":                                            {unknown: "devicemanagement('x')"},
		"users('x":                                                         {unknown: "users('x"},
		"users/x/nothing":                                                  {unknown: "nothing", keys: []string{"x"}},
	} {
		m := tree.find(path)
		name := ""
		if r := m.node.route("HEAD"); r != nil && m.unknown == "" {
			name = r.name()
		}
		if name != want.route || m.unknown != want.unknown || !slices.Equal(m.keys, want.keys) {
			t.Errorf("%s: %q, unknown %q, keys %q; want %+v", path, name, m.unknown, m.keys, want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"managedDevices", "users", "me", "{id}"}
	for word, want := range map[string]string{"managedDevise": "managedDevices", "USER": "users", "groups": "", "": "", "i": "", "user('x')": "users"} {
		if got := nearest(word, names); got != want {
			t.Errorf("%q is near to %q, want %q", word, got, want)
		}
	}
}
