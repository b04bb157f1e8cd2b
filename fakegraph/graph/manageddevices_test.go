package graph_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/intune"
	"nacsim/internal/guid"
)

type listReply struct {
	Context  string           `json:"@odata.context"`
	Count    int              `json:"@odata.count"`
	NextLink string           `json:"@odata.nextLink"`
	Value    []map[string]any `json:"value"`
}

func (l *listReply) names() []string {
	names := []string{}
	for _, d := range l.Value {
		names = append(names, d["deviceName"].(string))
	}
	return names
}

func devices(t *testing.T, s *fakegraph.Server, query string) listReply {
	t.Helper()
	var l listReply
	fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL+query, 200, &l)
	return l
}

// testDevices are five devices; B and b are twins by name.
func testDevices() fakegraph.Config {
	cfg := fakegraphtest.Config()
	cfg.Intune.Policies = []intune.CompliancePolicy{{Require: []intune.Fact{intune.Antivirus}}}
	on := intune.Posture{Antivirus: true}
	cfg.Intune.Devices = []intune.DeviceConfig{
		{Label: "c", Name: "C", ID: fakegraphtest.NumberedID(3), AzureADDeviceID: fakegraphtest.NumberedID(103), WiFiMAC: "00-1c-b3-09-85-15", EthernetMAC: "001c.b309.8516", SerialNumber: "S3", UserPrincipalName: "carol@contoso.example", OSVersion: "10.0.22631.3737", Model: "Latitude 7440", Manufacturer: "Dell Inc.", Posture: on},
		{Label: "b2", Name: "b", ID: fakegraphtest.NumberedID(2), AzureADDeviceID: fakegraphtest.NumberedID(102), Posture: on},
		{Label: "b1", Name: "B", ID: fakegraphtest.NumberedID(1), AzureADDeviceID: fakegraphtest.NumberedID(101)},
		{Label: "d", Name: "D'Arcy & Söhne", ID: fakegraphtest.NumberedID(4), AzureADDeviceID: fakegraphtest.NumberedID(104), OperatingSystem: "iOS", Personal: true, Posture: on},
		{Label: "e", Name: "E", ID: fakegraphtest.NumberedID(5), AzureADDeviceID: fakegraphtest.NumberedID(105), OperatingSystem: "Android"},
	}
	return cfg
}

func TestListIsOrderedAndPagedByKey(t *testing.T) {
	s, _ := fakegraphtest.New(t, testDevices())
	all := []string{"B", "b", "C", "D'Arcy & Söhne", "E"}
	if l := devices(t, s, ""); !slices.Equal(l.names(), all) || l.Count != 5 || l.NextLink != "" || l.Context != "https://graph.microsoft.com/v1.0/$metadata#deviceManagement/managedDevices" {
		t.Fatalf("%v, count %d, next %q, context %q", l.names(), l.Count, l.NextLink, l.Context)
	}
	l := devices(t, s, "?$select=id,deviceName&$top=2")
	want := fakegraphtest.ListURL + "?$select=id,deviceName&$top=2&$skiptoken=LastDeviceName%3d%27b%27%2cLastDeviceId%3d%27" + fakegraphtest.NumberedID(2) + "%27"
	if l.NextLink != want || l.Count != 2 {
		t.Fatalf("nextLink\n%s, want\n%s; count %d", l.NextLink, want, l.Count)
	}
	names := l.names()
	for l.NextLink != "" {
		next := l.NextLink
		l = listReply{}
		fakegraphtest.GetJSON(t, s, next, 200, &l)
		if len(l.Value[0]) != 2 {
			t.Errorf("the next page does not carry $select over: %v", l.Value[0])
		}
		names = append(names, l.names()...)
	}
	if !slices.Equal(names, all) {
		t.Errorf("pages: %v, want %v", names, all)
	}
}

// A renamed device moves behind the place that a scan has reached.
func TestRenameDuringScan(t *testing.T) {
	s, _ := fakegraphtest.New(t, testDevices())
	l := devices(t, s, "?$top=3")
	if err := s.Intune().Rename("b1", "Z"); err != nil {
		t.Fatal(err)
	}
	var rest listReply
	fakegraphtest.GetJSON(t, s, l.NextLink, 200, &rest)
	if want := []string{"D'Arcy & Söhne", "E", "Z"}; !slices.Equal(rest.names(), want) {
		t.Errorf("%v, want %v", rest.names(), want)
	}
}

func TestNextLinkFollowsTheHost(t *testing.T) {
	s, _ := fakegraphtest.New(t, testDevices())
	var l listReply
	fakegraphtest.GetJSON(t, s, "https://127.0.0.1:18443//V1.0/DeviceManagement/manageddevices/?%24top=1", 200, &l)
	if !strings.HasPrefix(l.NextLink, "https://127.0.0.1:18443//V1.0/DeviceManagement/manageddevices/?$top=1&$skiptoken=") {
		t.Error(l.NextLink)
	}
	fakegraphtest.GetJSON(t, s, l.NextLink, 200, &l)
}

// facts 2.1: $skip yields nothing but a link, $orderby and $search nothing at all; $top is at most the page size.
func TestOtherOptions(t *testing.T) {
	cfg := testDevices()
	cfg.Graph.PageSize = 4
	s, _ := fakegraphtest.New(t, cfg)
	l := devices(t, s, "?$skip=2&$select=deviceName")
	if l.Count != 0 || l.NextLink == "" {
		t.Fatalf("$skip: %+v", l)
	}
	next := l.NextLink
	l = listReply{}
	fakegraphtest.GetJSON(t, s, next, 200, &l)
	if l.Count != 4 {
		t.Errorf("behind $skip: %+v", l)
	}
	for _, query := range []string{"?$orderby=deviceName%20desc&$search=x&$count=true", "?$top=999", "?top=4"} {
		if l := devices(t, s, query); l.Count != 4 || l.names()[0] != "B" {
			t.Errorf("%s: %v", query, l.names())
		}
	}
	for _, query := range []string{"?$top=0", "?$top=x", "?$skip=x", "?$skiptoken=x", "?$select=nothing", "?$filter=deviceName", "?%zz"} {
		var e fakegraphtest.GraphError
		fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL+query, 400, &e)
		if e.Error.Code != "BadRequest" || e.Error.Message == "" {
			t.Errorf("%s: %+v", query, e)
		}
	}
}

// facts 2.1, the table of 20 properties and what is known of filters beyond it
func TestFilters(t *testing.T) {
	s, h := fakegraphtest.New(t, testDevices())
	h.Advance(time.Minute)
	all := []string{"B", "b", "C", "D'Arcy & Söhne", "E"}
	cases := []struct {
		filter string
		want   []string
	}{
		{"deviceName eq 'C'", []string{"C"}},
		{"DEVICENAME EQ 'c'", []string{"C"}},
		{"deviceName eq 'B'", []string{"B", "b"}},
		{"deviceName eq 'D''Arcy & Söhne'", []string{"D'Arcy & Söhne"}},
		{"deviceName eq 'none'", []string{}},
		{"contains(deviceName,'arcy')", []string{"D'Arcy & Söhne"}},
		{"contains(deviceName, 'c') eq true", []string{"C", "D'Arcy & Söhne"}},
		{"azureADDeviceId eq '" + fakegraphtest.NumberedID(103) + "'", []string{"C"}},
		{"complianceState eq 'noncompliant'", []string{"B", "E"}},
		{"complianceState eq microsoft.graph.complianceState'compliant'", []string{"b", "C", "D'Arcy & Söhne"}},
		{"operatingSystem eq 'iOS' or operatingSystem eq 'Android'", []string{"D'Arcy & Söhne", "E"}},
		{"(operatingSystem eq 'iOS' or operatingSystem eq 'Android') and complianceState eq 'compliant'", []string{"D'Arcy & Söhne"}},
		{"operatingSystem ne 'iOS'", []string{"D'Arcy & Söhne"}}, // ne is taken for eq
		{"userPrincipalName eq 'carol@contoso.example'", []string{"C"}},
		{"userPrincipalName ne 'carol@contoso.example'", []string{"B", "b", "D'Arcy & Söhne", "E"}},
		{"userPrincipalName eq ''", all},
		{"serialNumber eq 'S3'", []string{"C"}},
		{"contains(osVersion,'22631')", []string{"C"}},
		{"contains(model,'latitude') and manufacturer eq 'Dell Inc.'", []string{"C"}},
		{"enrolledDateTime gt 2026-01-05 and enrolledDateTime lt 2026-01-05T08:00:01Z", all},
		{"lastSyncDateTime gt 2026-01-05T08:00:00Z", []string{}},
		{"complianceGracePeriodExpirationDateTime lt 2027-01-01T00:00:00Z", []string{"B", "E"}},
		{"managementState eq 'managed'", all},
		// Not supported: ignored.
		{"wiFiMacAddress eq '001CB3098515'", all},
		{"ethernetMacAddress eq '001CB3098516'", all},
		{"id eq '" + fakegraphtest.NumberedID(1) + "'", all},
		{"userId eq 'x'", all},
		{"deviceName eq 'C' and wiFiMacAddress eq 'x'", all},
		{"deviceName eq 'C' or serialNumber eq 'S3'", all},
		{"deviceName eq 'C' or deviceName eq 'E'", all},
		{"serialNumber eq 'S3' or operatingSystem eq 'iOS'", all},
		{"startswith(deviceName,'C')", all},
		{"not deviceName eq 'C'", all},
		{"contains(deviceName,'C') eq false", all},
		{"lastSyncDateTime ge 2026-01-05T08:00:00Z", all},
		{"operatingSystem eq 'iOS' or not operatingSystem eq 'iOS'", all},
	}
	for _, c := range cases {
		l := devices(t, s, "?$filter="+url.QueryEscape(c.filter)+"&$select=deviceName")
		if !slices.Equal(l.names(), c.want) || l.Count != len(c.want) {
			t.Errorf("%s: %v, want %v", c.filter, l.names(), c.want)
		}
	}
	if l := devices(t, s, "?$count=true&$filter=azureADDeviceId%20eq%20%27"+fakegraphtest.NumberedID(103)+"%27"); l.Count != 5 {
		t.Errorf("azureADDeviceId with $count: %d devices, want all", l.Count)
	}
	var e fakegraphtest.GraphError
	fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL+"?$filter="+url.QueryEscape("deviceName in ('B','C')"), 500, &e)
	if e.Error.Code != "InternalServerError" || !strings.Contains(e.Error.Message, "An internal server error has occurred - Operation ID") {
		t.Errorf("in: %+v", e)
	}
}

func TestStrictFilters(t *testing.T) {
	cfg := testDevices()
	cfg.Graph.UnsupportedFilter = graph.FilterStrict
	s, _ := fakegraphtest.New(t, cfg)
	var e fakegraphtest.GraphError
	fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL+"?$filter="+url.QueryEscape("wiFiMacAddress eq '001CB3098515'"), 400, &e)
	if !strings.Contains(e.Error.Message, "eq on wiFiMacAddress") {
		t.Errorf("%+v", e)
	}
}

// facts 1.1 and 1.3: 56 properties; a list hides the Ethernet address and details.
func TestProperties(t *testing.T) {
	s, h := fakegraphtest.New(t, testDevices())
	h.Advance(time.Minute)
	c := devices(t, s, "").Value[2]
	if len(c) != 56 {
		t.Errorf("%d properties in the list, want 56", len(c))
	}
	for name, want := range map[string]any{
		"id": fakegraphtest.NumberedID(3), "azureADDeviceId": fakegraphtest.NumberedID(103), "wiFiMacAddress": "001CB3098515", "ethernetMacAddress": nil,
		"complianceState": "compliant", "complianceGracePeriodExpirationDateTime": "9999-12-31T23:59:59Z",
		"enrolledDateTime": "2026-01-05T08:00:00Z", "lastSyncDateTime": "2026-01-05T08:00:00Z", "jailBroken": "Unknown",
		"managedDeviceName": "carol_Windows_1/5/2026_8:00 AM", "managedDeviceOwnerType": "company", "managementAgent": "mdm",
		"easActivationDateTime": "0001-01-01T00:00:00Z", "physicalMemoryInBytes": 0.0, "udid": nil, "isEncrypted": false,
	} {
		if got, ok := c[name]; !ok || got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	e := devices(t, s, "").Value[4]
	if e["wiFiMacAddress"] != "" || e["complianceState"] != "noncompliant" || e["jailBroken"] != "False" || e["complianceGracePeriodExpirationDateTime"] != "2026-01-05T08:00:00Z" {
		t.Errorf("E: %v", e)
	}
}

func TestEthernetInList(t *testing.T) {
	for mode, want := range map[graph.EthernetMode][2]any{graph.EthernetNull: {nil, nil}, graph.EthernetSelected: {nil, "001CB3098516"}, graph.EthernetAlways: {"001CB3098516", "001CB3098516"}} {
		cfg := testDevices()
		cfg.Graph.EthernetInList = mode
		s, _ := fakegraphtest.New(t, cfg)
		plain := devices(t, s, "").Value[2]["ethernetMacAddress"]
		selected := devices(t, s, "?$select=deviceName,ethernetMacAddress").Value[2]["ethernetMacAddress"]
		if plain != want[0] || selected != want[1] {
			t.Errorf("mode %d: %v and %v, want %v", mode, plain, selected, want)
		}
	}
}

func TestGetDevice(t *testing.T) {
	s, _ := fakegraphtest.New(t, testDevices())
	for _, address := range []string{fakegraphtest.ListURL + "/" + fakegraphtest.NumberedID(3), fakegraphtest.ListURL + "('" + fakegraphtest.NumberedID(3) + "')", fakegraphtest.ListURL + "(%27" + fakegraphtest.NumberedID(3) + "%27)/", "https://graph.microsoft.com/beta/devicemanagement/MANAGEDDEVICES/" + fakegraphtest.NumberedID(3)} {
		var d map[string]any
		fakegraphtest.GetJSON(t, s, address, 200, &d)
		if d["deviceName"] != "C" || d["ethernetMacAddress"] != "001CB3098516" || d["physicalMemoryInBytes"] != 0.0 || !strings.HasSuffix(d["@odata.context"].(string), "#deviceManagement/managedDevices/$entity") {
			t.Errorf("%s: %v", address, d)
		}
	}
	var d map[string]any
	fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL+"/"+fakegraphtest.NumberedID(3)+"?$select=ethernetMacAddress,physicalMemoryInBytes", 200, &d)
	if len(d) != 3 || d["physicalMemoryInBytes"] != 17179869184.0 {
		t.Errorf("details: %v", d)
	}
	// PacketFence asks for an empty id and gets the list (facts 5.3).
	var l listReply
	fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL+"/", 200, &l)
	if l.Count != 5 {
		t.Errorf("empty id: %+v", l)
	}
	for address, status := range map[string]int{fakegraphtest.ListURL + "/" + fakegraphtest.NumberedID(9): 404, fakegraphtest.ListURL + "/x": 400, fakegraphtest.ListURL + "/" + fakegraphtest.NumberedID(3) + "?$select=x": 400} {
		var e fakegraphtest.GraphError
		w := fakegraphtest.GetJSON(t, s, address, status, &e)
		inner := e.Error.InnerError
		if inner["date"] != "2026-01-05T08:00:00" || inner["request-id"] != w.Header().Get("request-id") || inner["client-request-id"] == "" {
			t.Errorf("%s: %+v", address, e)
		}
	}
}

// facts 3.1 and 3.2
func TestErrorEnvelope(t *testing.T) {
	s, _ := fakegraphtest.New(t, testDevices())
	w := fakegraphtest.Get(s, fakegraphtest.ListURL+"/"+fakegraphtest.NumberedID(9)+"?$select=id", http.Header{"Authorization": {"Bearer " + fakegraphtest.Token(t, s)}, "Client-Request-Id": {"abc"}})
	var e fakegraphtest.GraphError
	fakegraphtest.Decode(t, w, 404, &e)
	var inner struct {
		Version int `json:"_version"`
		Message string
	}
	if err := json.Unmarshal([]byte(e.Error.Message), &inner); err != nil {
		t.Fatalf("the message is not JSON: %v: %s", err, e.Error.Message)
	}
	want := "An error has occurred - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: abc - Url: https://fef.msub01.manage.microsoft.com/DeviceFE/StatelessDeviceFEService/deviceManagement/managedDevices/"
	if e.Error.Code != "ResourceNotFound" || inner.Version != 3 || !strings.HasPrefix(inner.Message, want) {
		t.Errorf("%s %+v", e.Error.Code, inner)
	}
	if w.Header().Get("client-request-id") != "abc" || !guid.Valid(w.Header().Get("request-id")) || w.Header().Get("x-ms-ags-diagnostic") == "" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("headers: %v", w.Header())
	}
	w = fakegraphtest.Get(s, fakegraphtest.ListURL, nil)
	if w.Header().Get("client-request-id") != w.Header().Get("request-id") {
		t.Errorf("without a client-request-id: %v", w.Header())
	}
}
