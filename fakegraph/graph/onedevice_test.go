package graph_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/wire"
)

// get is one managed device, alone.
func get(t *testing.T, s *fakegraph.Server, n int, query string) map[string]any {
	t.Helper()
	var d map[string]any
	call(t, s, "GET", "deviceManagement/managedDevices/"+fakegraphtest.NumberedID(n)+query, "", 200, &d)
	return d
}

// facts 1.1: three properties can be written.
func TestPatchDevice(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	path := "deviceManagement/managedDevices/" + fakegraphtest.NumberedID(3)
	var d map[string]any
	call(t, s, "PATCH", path, `{"notes":"lent out","managedDeviceName":"pool 7","managedDeviceOwnerType":"personal"}`, 200, &d)
	if d["managedDeviceName"] != "pool 7" || d["managedDeviceOwnerType"] != "personal" || d["deviceName"] != "C" {
		t.Errorf("%v", d)
	}
	if d := get(t, s, 3, "?$select=notes"); d["notes"] != "lent out" {
		t.Errorf("%v", d)
	}
	if l := list(t, s, "deviceManagement/managedDevices"); l.Value[2]["notes"] != nil || l.Value[2]["managedDeviceName"] != "pool 7" {
		t.Errorf("%v", l.Value[2])
	}
	for body, want := range map[string]string{
		`{"deviceName":"x"}`: "read-only", `{"nothing":"x"}`: "does not exist on type", `{"notes":7}`: "Edm.String", `{"managedDeviceOwnerType":"mine"}`: "managedDeviceOwnerType",
		`[`: "valid JSON", `{"notes":"` + strings.Repeat("x", 1000) + `"}`: "longer than",
	} {
		var e fakegraphtest.GraphError
		call(t, s, "PATCH", path, body, 400, &e)
		if e.Error.Code != "BadRequest" || !strings.Contains(e.Error.Message, want) {
			t.Errorf("%.40s: %+v, want %q", body, e, want)
		}
	}
	call(t, s, "PATCH", "deviceManagement/managedDevices/"+fakegraphtest.NumberedID(9), `{"notes":"x"}`, 404, nil)
}

func TestDeleteDevice(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	path := "deviceManagement/managedDevices/" + fakegraphtest.NumberedID(3)
	call(t, s, "DELETE", path, "", 204, nil)
	call(t, s, "DELETE", path, "", 404, nil)
	call(t, s, "GET", path, "", 404, nil)
	if l := list(t, s, "deviceManagement/managedDevices"); l.Count != 4 {
		t.Errorf("%v", l.names())
	}
}

func TestRemoteActions(t *testing.T) {
	s, h := fakegraphtest.New(t, tenant())
	h.Advance(20 * time.Hour)
	before := get(t, s, 3, "")["lastSyncDateTime"]
	path := "deviceManagement/managedDevices('" + fakegraphtest.NumberedID(3) + "')/"
	call(t, s, "POST", path+"syncDevice", "", 204, nil)
	d := get(t, s, 3, "")
	if d["lastSyncDateTime"] == before {
		t.Errorf("syncDevice: %v", d["lastSyncDateTime"])
	}
	call(t, s, "POST", path+"microsoft.graph.rebootNow", "{}", 204, nil)
	call(t, s, "POST", path+"remoteLock", "{", 400, nil)
	results := func() map[string]string {
		states := map[string]string{}
		for _, r := range get(t, s, 3, "")["deviceActionResults"].([]any) {
			states[r.(map[string]any)["actionName"].(string)] = r.(map[string]any)["actionState"].(string)
		}
		return states
	}
	if r := results(); r["syncDevice"] != "done" || r["rebootNow"] != "pending" {
		t.Errorf("%v", r)
	}
	if r := list(t, s, "deviceManagement/managedDevices").Value[2]["deviceActionResults"]; len(r.([]any)) != 0 {
		t.Errorf("a list shows the results of actions: %v", r)
	}
	call(t, s, "POST", path+"retire", "", 204, nil)
	if d := get(t, s, 3, ""); d["managementState"] != "retirePending" {
		t.Errorf("%v", d["managementState"])
	}
	call(t, s, "POST", path+"syncDevice", "", 204, nil)
	if r := results(); r["rebootNow"] != "done" || r["retire"] != "active" {
		t.Errorf("%v", r)
	}
	h.Advance(time.Minute)
	call(t, s, "POST", path+"wipe", "", 404, nil)
}

func TestActionsNeedTheirPermission(t *testing.T) {
	cfg := tenant()
	cfg.Directory.Apps[0].Roles = []string{directory.RoleReadDevices}
	s, _ := fakegraphtest.New(t, cfg)
	path := "deviceManagement/managedDevices/" + fakegraphtest.NumberedID(3)
	for _, c := range [][3]string{{"POST", "/syncDevice", "DeviceManagementManagedDevices.PrivilegedOperations.All"}, {"PATCH", "", directory.RoleReadWriteDevices},
		{"DELETE", "", directory.RoleReadWriteDevices}, {"GET", "/deviceCompliancePolicyStates", "DeviceManagementConfiguration.Read.All"}} {
		var e fakegraphtest.GraphError
		call(t, s, c[0], path+c[1], "", 403, &e)
		if e.Error.Code != "Forbidden" || !strings.Contains(e.Error.Message, c[2]) {
			t.Errorf("%v: %+v", c, e)
		}
	}
	cfg.Graph.PolicyStatesOfDevices = true
	s, _ = fakegraphtest.New(t, cfg)
	call(t, s, "GET", path+"/deviceCompliancePolicyStates", "", 200, nil)
}

// facts 2.2
func TestPolicyStates(t *testing.T) {
	s, h := fakegraphtest.New(t, tenant())
	h.Advance(time.Minute)
	path := "deviceManagement/managedDevices/" + fakegraphtest.NumberedID(1) + "/deviceCompliancePolicyStates"
	l := list(t, s, path)
	if l.Count != 1 || l.Value[0]["state"] != "nonCompliant" || l.Value[0]["settingCount"] != 1.0 || l.Value[0]["platformType"] != "all" {
		t.Fatalf("%+v", l)
	}
	id := l.Value[0]["id"].(string)
	var p map[string]any
	call(t, s, "GET", path+"/"+id, "", 200, &p)
	settings := list(t, s, path+"('"+id+"')/settingStates")
	if p["displayName"] != l.Value[0]["displayName"] || settings.Count != 1 || settings.Value[0]["state"] != "nonCompliant" {
		t.Errorf("%v, %+v", p, settings)
	}
	if l := list(t, s, "deviceManagement/managedDevices/"+fakegraphtest.NumberedID(3)+"/deviceCompliancePolicyStates"); l.Value[0]["state"] != "compliant" {
		t.Errorf("%+v", l)
	}
	call(t, s, "GET", path+"/"+fakegraphtest.NumberedID(1), "", 404, nil)
	call(t, s, "GET", "deviceManagement/managedDevices/"+fakegraphtest.NumberedID(9)+"/deviceCompliancePolicyStates", "", 404, nil)
	if l := list(t, s, "deviceManagement/managedDevices/"+fakegraphtest.NumberedID(3)+"/deviceConfigurationStates"); l.Count != 0 {
		t.Errorf("%+v", l)
	}
	if l := list(t, s, "deviceManagement/managedDevices/"+fakegraphtest.NumberedID(3)+"/users"); len(l.Value) != 1 || l.Value[0]["displayName"] != "Carol" {
		t.Errorf("%+v", l)
	}
}

func TestOverview(t *testing.T) {
	s, h := fakegraphtest.New(t, tenant())
	h.Advance(time.Minute)
	var o struct {
		Enrolled int                                                `json:"enrolledDeviceCount"`
		Systems  struct{ WindowsCount, IOSCount, AndroidCount int } `json:"deviceOperatingSystemSummary"`
	}
	call(t, s, "GET", "deviceManagement/managedDeviceOverview", "", 200, &o)
	if o.Enrolled != 5 || o.Systems.WindowsCount != 3 || o.Systems.IOSCount != 1 || o.Systems.AndroidCount != 1 {
		t.Errorf("%+v", o)
	}
	var states struct{ CompliantDeviceCount, NonCompliantDeviceCount int }
	call(t, s, "GET", "deviceManagement/deviceCompliancePolicyDeviceStateSummary", "", 200, &states)
	if states.CompliantDeviceCount != 3 || states.NonCompliantDeviceCount != 2 {
		t.Errorf("%+v", states)
	}
}

// facts 2.1: a large tenant's list may be incomplete, while each device and each filter finds what is there.
func TestTruncatedList(t *testing.T) {
	cfg := tenant()
	cfg.Graph.Truncation.First = 3
	s, _ := fakegraphtest.New(t, cfg)
	var names []string
	for path := "deviceManagement/managedDevices?$top=2"; path != ""; {
		l := list(t, s, path)
		names = append(names, l.names()...)
		path = strings.TrimPrefix(l.NextLink, base)
	}
	if got := strings.Join(names, " "); got != "B b C" {
		t.Errorf("%s, want three", got)
	}
	get(t, s, 5, "")
	if l := list(t, s, "deviceManagement/managedDevices?$filter=deviceName%20eq%20'E'"); l.Count != 1 {
		t.Errorf("%+v", l)
	}
	cfg.Graph.Truncation.First, cfg.Graph.Truncation.Every = 0, 2
	s, _ = fakegraphtest.New(t, cfg)
	if l := list(t, s, "deviceManagement/managedDevices"); l.Count == 0 || l.Count == 5 {
		t.Errorf("every second one is missing from %v", l.names())
	}
}

func TestTotalCount(t *testing.T) {
	cfg := tenant()
	cfg.Graph.TotalCount = true
	s, _ := fakegraphtest.New(t, cfg)
	if l := list(t, s, "deviceManagement/managedDevices?$top=2"); l.Count != 5 || len(l.Value) != 2 {
		t.Errorf("%d of %d", len(l.Value), l.Count)
	}
}

// FuzzRequest asks for anything with anything: there is always a reply in JSON, and never one that blames the service.
func FuzzRequest(f *testing.F) {
	cfg := tenant()
	cfg.Graph.Throttling = graph.Throttling{App: -1, Tenant: -1, AppWrites: -1, TenantWrites: -1}
	s, _ := fakegraphtest.New(f, cfg)
	bearer := map[string][]string{"Authorization": {"Bearer " + fakegraphtest.Token(f, s)}, "Consistencylevel": {"eventual"}}
	f.Add("/v1.0/deviceManagement/managedDevices", "$select=id,DEVICENAME,,id&$top=2")
	f.Add("/beta//users('x')/memberOf/", "$filter=startswith(displayName,'x')&$count=true&$orderby=displayName desc")
	f.Add("/v1.0/servicePrincipals/appId=x/endpoints", "$skiptoken=bQ")
	f.Fuzz(func(t *testing.T, path, query string) {
		switch first, _, _ := strings.Cut(wire.CanonicalPath(path)[1:], "/"); first {
		case "", "favicon.ico", "control": // is not Graph's
			return
		}
		r := httptest.NewRequest("GET", base, nil)
		r.URL.Path, r.URL.RawQuery, r.Header = path, query, bearer
		r.Host = "graph.microsoft.com"
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if !json.Valid(w.Body.Bytes()) && w.Code != 404 || w.Code >= 500 && !strings.Contains(strings.ToLower(query), "in") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
