package graph_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
)

// base is where the API is in tests.
const base = "https://graph.microsoft.com/v1.0/"

// call makes an authorized request, decodes the reply and returns its headers. Headers are pairs.
func call(t *testing.T, s *fakegraph.Server, method, path, body string, status int, into any, headers ...string) http.Header {
	t.Helper()
	r := httptest.NewRequest(method, base+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+fakegraphtest.Token(t, s))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, w.Code, w.Body, status)
	}
	fakegraphtest.Decode(t, w, status, into)
	return w.Header()
}

// tenant has the test devices, people and groups, and an app that may see all of it.
func tenant() fakegraph.Config {
	cfg := testDevices()
	cfg.Directory.Apps[0].Roles = []string{
		directory.RoleReadWriteDevices, "DeviceManagementManagedDevices.PrivilegedOperations.All", "DeviceManagementConfiguration.Read.All",
		"Directory.Read.All", directory.RoleReadApplications,
	}
	cfg.Directory.Users = []directory.User{
		{UPN: "carol@contoso.example", DisplayName: "Carol", ObjectID: fakegraphtest.NumberedID(201), Admin: true, Password: "pw"},
		{UPN: "dave@contoso.example", DisplayName: "Dave", ObjectID: fakegraphtest.NumberedID(202), Disabled: true},
		{UPN: "anna@contoso.example", DisplayName: "Anna", ObjectID: fakegraphtest.NumberedID(203)},
	}
	cfg.Directory.Groups = []directory.Group{
		{ID: fakegraphtest.NumberedID(301), DisplayName: "Staff", Members: []string{"carol@contoso.example", "Engineers"}},
		{ID: fakegraphtest.NumberedID(302), DisplayName: "Engineers", Members: []string{"dave@contoso.example"}},
	}
	return cfg
}
