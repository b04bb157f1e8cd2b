package graph_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/internal/guid"
)

// ids are the last three digits of the ids in a list.
func ids(l listReply) []string {
	list := []string{}
	for _, v := range l.Value {
		id := v["id"].(string)
		list = append(list, id[len(id)-3:])
	}
	return list
}

func list(t *testing.T, s *fakegraph.Server, path string, headers ...string) listReply {
	t.Helper()
	var l listReply
	call(t, s, "GET", path, "", 200, &l, headers...)
	return l
}

func TestDirectoryLists(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	carol, dave := fakegraphtest.NumberedID(201), fakegraphtest.NumberedID(202)
	for _, c := range []struct {
		path, context string
		want          []string
	}{
		{"users", "users", []string{"201", "202", "203"}},
		{"users?$filter=" + url.QueryEscape("userPrincipalName eq 'CAROL@contoso.example'"), "users", []string{"201"}},
		{"users?$filter=" + url.QueryEscape("startswith(displayName,'da') or displayName eq 'Anna'"), "users", []string{"202", "203"}},
		{"users?$filter=" + url.QueryEscape("accountEnabled eq false"), "users", []string{"202"}},
		{"users?$filter=" + url.QueryEscape("displayName in ('Anna','Dave') and accountEnabled eq true"), "users", []string{"203"}},
		{"users?$orderby=displayName%20desc", "users", []string{"202", "201", "203"}},
		{"groups", "groups", []string{"301", "302"}},
		{"users/" + carol + "/memberOf", "directoryObjects", []string{"301"}},
		{"users/dave@contoso.example/memberOf", "directoryObjects", []string{"302"}},
		{"users/" + dave + "/transitiveMemberOf", "directoryObjects", []string{"302", "301"}},
		{"users('" + dave + "')/transitiveMemberOf/microsoft.graph.group?$filter=" + url.QueryEscape("displayName eq 'Staff'"), "groups", []string{"301"}},
		{"groups/" + fakegraphtest.NumberedID(301) + "/members", "directoryObjects", []string{"201"}},
		{"groups/" + fakegraphtest.NumberedID(301) + "/transitiveMembers/microsoft.graph.user", "users", []string{"201", "202"}},
		{"organization", "organization", []string{"666"}},
		{"users/" + carol + "/ownedDevices", "directoryObjects", []string{deviceObject(103)}},
	} {
		l := list(t, s, c.path)
		got := ids(l)
		slices.Sort(got)
		want := slices.Sorted(slices.Values(c.want))
		if strings.Contains(c.path, "orderby") {
			got, want = ids(l), c.want
		}
		if !slices.Equal(got, want) || l.Context != base+"$metadata#"+c.context {
			t.Errorf("%s: %v in %s, want %v in %s", c.path, ids(l), l.Context, c.want, c.context)
		}
		if typed := l.Value[0]["@odata.type"] != nil; typed != (c.context == "directoryObjects") {
			t.Errorf("%s: %v", c.path, l.Value[0])
		}
	}
	if l := list(t, s, "users?$filter="+url.QueryEscape("displayName ne 'Anna'")+"&$count=true", "ConsistencyLevel", "eventual"); l.Count != 2 || len(l.Value) != 2 {
		t.Errorf("advanced query: %+v", l)
	}
}

// deviceObject are the last three digits of the object id of a device.
func deviceObject(deviceID int) string {
	id := guid.Derived("device/" + fakegraphtest.NumberedID(deviceID))
	return id[len(id)-3:]
}

func TestDirectoryPages(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	var got []string
	for path := "users?$top=2&$select=id&$count=true"; path != ""; {
		l := list(t, s, path, "ConsistencyLevel", "eventual")
		if len(l.Value) > 2 || l.Count != 3 || len(l.Value[0]) != 1 {
			t.Errorf("page %+v", l)
		}
		got = append(got, ids(l)...)
		path = strings.TrimPrefix(l.NextLink, base)
	}
	if want := []string{"201", "202", "203"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestDirectoryObjects(t *testing.T) {
	s, h := fakegraphtest.New(t, tenant())
	h.Advance(time.Minute)
	for path, want := range map[string]string{
		"users/Carol@contoso.example":                                        "userPrincipalName=carol@contoso.example",
		"users/" + fakegraphtest.NumberedID(202) + "?$select=accountEnabled": "accountEnabled=false",
		"groups/" + fakegraphtest.NumberedID(302):                            "displayName=Engineers",
		"devices(deviceId='" + fakegraphtest.NumberedID(103) + "')":          "isCompliant=true",
		"devices(deviceId='" + fakegraphtest.NumberedID(101) + "')":          "isCompliant=false",
		"servicePrincipals(appId='" + directory.IntuneAppID + "')":           "displayName=Microsoft Intune",
		"organization/" + fakegraphtest.Tenant:                               "id=" + fakegraphtest.Tenant,
	} {
		var v map[string]any
		call(t, s, "GET", path, "", 200, &v)
		name, value, _ := strings.Cut(want, "=")
		if got := fmt.Sprint(v[name]); got != value || !strings.HasSuffix(v["@odata.context"].(string), "/$entity") {
			t.Errorf("%s: %v, want %s", path, v, want)
		}
	}
	var byDeviceID, byID map[string]any
	call(t, s, "GET", "devices(deviceId='"+fakegraphtest.NumberedID(103)+"')", "", 200, &byDeviceID)
	call(t, s, "GET", "devices/"+byDeviceID["id"].(string), "", 200, &byID)
	if byID["deviceId"] != byDeviceID["deviceId"] || byID["id"] == byID["deviceId"] {
		t.Errorf("%v", byID)
	}
	if l := list(t, s, "devices?$filter="+url.QueryEscape("isCompliant eq false")); len(l.Value) != 2 {
		t.Errorf("devices: %+v", l)
	}
}

// What the directory does not support it refuses, unlike Intune.
func TestDirectoryRefuses(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	for path, want := range map[string]string{
		"users?$filter=" + url.QueryEscape("mobilePhone eq 'x'"):        "Request_UnsupportedQuery",
		"users?$filter=" + url.QueryEscape("contains(displayName,'x')"): "Request_UnsupportedQuery",
		"users?$filter=" + url.QueryEscape("displayName ne 'x'"):        "Request_UnsupportedQuery",
		"users?$filter=" + url.QueryEscape("nothing eq 'x'"):            "Request_UnsupportedQuery",
		"users?$filter=" + url.QueryEscape("accountEnabled eq 'x'"):     "Request_UnsupportedQuery",
		"users?$filter=" + url.QueryEscape("displayName eq"):            "Request_UnsupportedQuery",
		"users?$orderby=jobTitle":                                       "Request_UnsupportedQuery",
		"users?$top=1000":                                               "Request_UnsupportedQuery",
		"users?$skip=1":                                                 "Request_UnsupportedQuery",
		"users?$search=x":                                               "Request_UnsupportedQuery",
		"users?$skiptoken=x":                                            "Directory_ExpiredPageToken",
		"users?$select=nothing":                                         "BadRequest",
		"me":                                                            "BadRequest",
	} {
		var e fakegraphtest.GraphError
		call(t, s, "GET", path, "", 400, &e)
		if e.Error.Code != want {
			t.Errorf("%s: %+v, want %s", path, e, want)
		}
	}
	for _, path := range []string{"users/nobody@contoso.example", "groups/Staff", "groups/" + fakegraphtest.NumberedID(1), "devices/" + fakegraphtest.NumberedID(103),
		"servicePrincipals/" + directory.IntuneAppID, "organization/" + fakegraphtest.NumberedID(1), "users/x/managedDevices"} {
		var e fakegraphtest.GraphError
		call(t, s, "GET", path, "", 404, &e)
		if e.Error.Code != "Request_ResourceNotFound" {
			t.Errorf("%s: %+v", path, e)
		}
	}
}

func TestMemberGroups(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	var reply struct {
		Context string `json:"@odata.context"`
		Value   []string
	}
	staff, engineers := fakegraphtest.NumberedID(301), fakegraphtest.NumberedID(302)
	call(t, s, "POST", "users/dave@contoso.example/checkMemberGroups", `{"groupIds":["`+staff+`","`+fakegraphtest.NumberedID(1)+`"]}`, 200, &reply)
	if !slices.Equal(reply.Value, []string{staff}) || reply.Context != base+"$metadata#Collection(Edm.String)" {
		t.Errorf("%+v", reply)
	}
	call(t, s, "POST", "users/dave@contoso.example/getMemberGroups", `{"securityEnabledOnly":false}`, 200, &reply)
	if slices.Sort(reply.Value); !slices.Equal(reply.Value, []string{staff, engineers}) {
		t.Errorf("%+v", reply)
	}
	for _, body := range []string{``, `{}`, `{"groupIds":[]}`, `[`} {
		call(t, s, "POST", "users/dave@contoso.example/checkMemberGroups", body, 400, nil)
		call(t, s, "POST", "users/dave@contoso.example/getMemberGroups", body, 400, nil)
	}
}

// facts 2.1: the collection can be listed, and nothing below it got.
func TestDevicesOfAUser(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	for _, user := range []string{"carol@contoso.example", fakegraphtest.NumberedID(201)} {
		l := list(t, s, "users/"+user+"/managedDevices")
		if !slices.Equal(l.names(), []string{"C"}) || l.Value[0]["userId"] != fakegraphtest.NumberedID(201) || l.Value[0]["userDisplayName"] != "Carol" {
			t.Errorf("%+v", l)
		}
	}
	if l := list(t, s, "users/anna@contoso.example/managedDevices"); l.Count != 0 || l.NextLink != "" {
		t.Errorf("%+v", l)
	}
	var e fakegraphtest.GraphError
	call(t, s, "GET", "users/carol@contoso.example/managedDevices/"+fakegraphtest.NumberedID(3), "", 400, &e)
	if e.Error.Code != "No method match route template" || !strings.Contains(e.Error.Message, "No OData route exists that match template") {
		t.Errorf("%+v", e)
	}
}

func TestPermissions(t *testing.T) {
	cfg := tenant()
	cfg.Directory.Apps[0].Roles = []string{directory.RoleReadDevices}
	s, _ := fakegraphtest.New(t, cfg)
	list(t, s, "deviceManagement/managedDevices")
	for path, code := range map[string]string{"users": "Authorization_RequestDenied", "servicePrincipals": "Authorization_RequestDenied", "devices": "Authorization_RequestDenied"} {
		var e fakegraphtest.GraphError
		call(t, s, "GET", path, "", 403, &e)
		if e.Error.Code != code {
			t.Errorf("%s: %+v", path, e)
		}
	}
	if err := s.Directory().RevokeConsent(fakegraphtest.Client); err != nil {
		t.Fatal(err)
	}
	var e fakegraphtest.GraphError
	call(t, s, "GET", "deviceManagement/managedDevices", "", 403, &e)
	if e.Error.Code != "Forbidden" || !strings.Contains(e.Error.Message, "one of the following scopes: DeviceManagementManagedDevices.Read.All, DeviceManagementManagedDevices.ReadWrite.All - Operation ID") {
		t.Errorf("%+v", e)
	}
}

// Two records of one device in Intune are one device in Entra ID, and an id of zeros is none.
func TestTwinsInEntra(t *testing.T) {
	cfg := tenant()
	cfg.Intune.Devices[1].AzureADDeviceID = cfg.Intune.Devices[0].AzureADDeviceID
	cfg.Intune.Devices[1].Off = true
	cfg.Intune.Devices[4].AzureADDeviceID = "00000000-0000-0000-0000-000000000000"
	s, h := fakegraphtest.New(t, cfg)
	h.Advance(time.Hour)
	l := list(t, s, "devices")
	if len(l.Value) != 3 {
		t.Fatalf("%d devices, want 3", len(l.Value))
	}
	var d map[string]any
	call(t, s, "GET", "devices(deviceId='"+cfg.Intune.Devices[0].AzureADDeviceID+"')", "", 200, &d)
	if d["displayName"] != "C" {
		t.Errorf("%v, want the record that has synced", d)
	}
	call(t, s, "GET", "devices(deviceId='00000000-0000-0000-0000-000000000000')", "", 404, nil)
}

func TestTenantInPath(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	for path, status := range map[string]int{
		fakegraphtest.Tenant + "/users": 200, "Contoso.example/users": 200, "myorganization/users": 200,
		fakegraphtest.NumberedID(1) + "/users": 400, fakegraphtest.Tenant: 400,
	} {
		w := fakegraphtest.Get(s, base+path, bearerOf(t, s))
		if w.Code != status {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, status)
		}
	}
}
