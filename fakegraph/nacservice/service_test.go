package nacservice_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/nacservice"
)

// tenant has a device that complies, one that does not, one in its grace period, and one without a MAC address.
func tenant() fakegraph.Config {
	cfg := fakegraphtest.Config()
	cfg.Directory.Apps[0].Roles = []string{directory.RoleDeviceCompliance, directory.RoleReadApplications}
	state := func(n int, name, state, mac string) intune.DeviceConfig {
		return intune.DeviceConfig{Name: name, ID: fakegraphtest.NumberedID(n), AzureADDeviceID: fakegraphtest.NumberedID(100 + n), WiFiMAC: mac, ForceState: state,
			SerialNumber: "S<1>", OSVersion: "10.0.1", Model: "Latitude & more"}
	}
	cfg.Intune.Devices = []intune.DeviceConfig{
		state(1, "good", intune.StateCompliant, "00:1c:b3:00:00:01"), state(2, "bad", intune.StateNoncompliant, "00:1c:b3:00:00:02"),
		state(3, "grace", intune.StateInGracePeriod, "00:1c:b3:00:00:03"), state(4, "silent", intune.StateNoncompliant, ""),
	}
	return cfg
}

// token is one for the Intune API.
func token(t testing.TB, s *fakegraph.Server) string {
	t.Helper()
	var reply struct {
		AccessToken string `json:"access_token"`
	}
	form := fakegraphtest.TokenForm("scope", "https://api.manage.microsoft.com//.default").Encode()
	fakegraphtest.Decode(t, fakegraphtest.Post(s, fakegraphtest.TokenURL, fakegraphtest.FormType, form, nil), 200, &reply)
	return reply.AccessToken
}

// found are the addresses that service discovery tells, asked as Cisco ISE asks: with a double slash.
func found(t testing.TB, s *fakegraph.Server) map[string]string {
	t.Helper()
	var l struct {
		Value []struct{ Capability, ProviderName, URI string }
	}
	w := fakegraphtest.Get(s, "https://graph.microsoft.com//v1.0/servicePrincipals/appId="+directory.IntuneAppID+"/endpoints", http.Header{"Authorization": {"Bearer " + fakegraphtest.Token(t, s)}})
	fakegraphtest.Decode(t, w, 200, &l)
	uris := map[string]string{}
	for _, e := range l.Value {
		uris[e.ProviderName] = e.URI
	}
	return uris
}

func ask(t testing.TB, s *fakegraph.Server, address string, status int) string {
	t.Helper()
	w := fakegraphtest.Get(s, address, http.Header{"Authorization": {"Bearer " + token(t, s)}, "Accept": {"application/xml"}})
	if w.Code != status || status == 200 && !strings.HasPrefix(w.Header().Get("Content-Type"), "application/xml") {
		t.Fatalf("%s: %d %s, want %d", address, w.Code, w.Body, status)
	}
	return w.Body.String()
}

const begin = `<ise_api xmlns="http://schemas.datacontract.org/2004/07/Microsoft.Intune.ResourceAccess.ComplianceRetrievalService.Model"><name>attributes</name><api_version>3</api_version><paging_info>0</paging_info><deviceList>`

// device is one in the words of version 3.
func device(by, value, registered, complies string) string {
	id := "<" + by + ">" + value + "</" + by + ">"
	return "<device>" + id + "<Attributes>" + id + "<register_status>" + registered + "</register_status><Compliance><status>" + complies + "</status></Compliance></Attributes></device>"
}

// facts 2.5, the captured reply
func TestQueries(t *testing.T) {
	s, h := fakegraphtest.New(t, tenant())
	h.Advance(time.Minute)
	uri := found(t, s)["ComplianceRetrievalService"] + "/cisco/devices/?paging=0&filter=all&"
	for _, c := range []struct{ query, want string }{
		{"querycriteria=guid&value=" + fakegraphtest.NumberedID(1), device("guid", fakegraphtest.NumberedID(1), "true", "true")},
		{"querycriteria=guid&value=" + fakegraphtest.NumberedID(2), device("guid", fakegraphtest.NumberedID(2), "true", "false")},
		{"querycriteria=guid&value=" + fakegraphtest.NumberedID(9), device("guid", fakegraphtest.NumberedID(9), "false", "false")},
		{"querycriteria=macaddress&value=001CB3000001", device("macaddress", "001CB3000001", "true", "true")},
		{"QueryCriteria=MacAddress&Value=00-1c-b3-00-00-03", device("macaddress", "001CB3000003", "true", "true")},
		{"querycriteria=macaddress&value=001CB3000001,001CB3000009", device("macaddress", "001CB3000001", "true", "true") + device("macaddress", "001CB3000009", "false", "false")},
		{"querycriteria=compliance&value=false&deviceidentifier=macaddress", device("macaddress", "001CB3000002", "true", "false")},
	} {
		if got, want := ask(t, s, uri+c.query, 200), begin+c.want+"</deviceList></ise_api>"; got != want {
			t.Errorf("%s:\n%s, want\n%s", c.query, got, want)
		}
	}
}

func TestVersion2(t *testing.T) {
	s, h := fakegraphtest.New(t, tenant())
	h.Advance(time.Minute)
	uri := found(t, s)["NACAPIService"]
	got := ask(t, s, uri+"/ciscodeviceinfo/mdm/api/devices/?paging=0&querycriteria=macaddress&value=001CB3000001&filter=all", 200)
	for _, want := range []string{"<ise_api><name>attributes</name><api_version>2</api_version>", "<attributes><register_status>true</register_status><compliance><status>true</status></compliance>",
		"<model>Latitude &amp; more</model>", "<serial_number>S&lt;1&gt;</serial_number>", "<os_version>Windows 10.0.1</os_version>", "<pin_lock_on>false</pin_lock_on>"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	ask(t, s, uri+"/devices/?querycriteria=macaddress&value=001CB3000001&api-version=1.1", http.StatusGone)
}

// What mdminfo tells leads back to the server under the name that the client used.
func TestInfo(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	for name, version := range map[string]string{"ComplianceRetrievalService": "3", "NACAPIService": "2"} {
		uri := found(t, s)[name]
		if !strings.HasPrefix(uri, "https://graph.microsoft.com/TrafficGateway/") {
			t.Errorf("%s is at %q", name, uri)
		}
		got := ask(t, s, strings.Replace(uri, "graph.microsoft.com", "127.0.0.1:8443", 1)+"/ciscoise/mdminfo/?ise_api_version="+version, 200)
		for _, want := range []string{"<name>mdminfo</name>", "<api_version>" + version + "</api_version>", "<query_max_size>100</query_max_size>", "<api_path>/TrafficGateway/", "https://127.0.0.1:8443/TrafficGateway/"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s lacks %s", got, want)
			}
		}
	}
}

// facts 2.5: all that do not comply at most once in four hours, single devices without a limit
func TestListInterval(t *testing.T) {
	s, h := fakegraphtest.New(t, tenant())
	h.Advance(time.Minute)
	uri := found(t, s)["ComplianceRetrievalService"] + "/cisco/devices/?paging=0&querycriteria=compliance&value=false&deviceidentifier=guid&filter=all"
	if got, want := ask(t, s, uri, 200), begin+device("guid", fakegraphtest.NumberedID(2), "true", "false")+device("guid", fakegraphtest.NumberedID(4), "true", "false"); !strings.HasPrefix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	h.Advance(4*time.Hour - time.Second)
	ask(t, s, uri, 503)
	h.Advance(time.Second)
	ask(t, s, uri, 200)
}

func TestGraceAndDelay(t *testing.T) {
	cfg := tenant()
	cfg.NAC = nacservice.Config{GraceFails: true, ListInterval: -1}
	cfg.Intune.Delays.NAC = time.Hour
	s, h := fakegraphtest.New(t, cfg)
	h.Advance(time.Minute)
	uri := found(t, s)["ComplianceRetrievalService"] + "/cisco/devices/?querycriteria="
	if got := ask(t, s, uri+"compliance&value=false", 200); !strings.Contains(got, fakegraphtest.NumberedID(3)) {
		t.Errorf("grace complies: %s", got)
	}
	if err := s.Intune().ForceState("bad", intune.StateCompliant); err != nil {
		t.Fatal(err)
	}
	bad := uri + "guid&value=" + fakegraphtest.NumberedID(2)
	if got := ask(t, s, bad, 200); !strings.Contains(got, "<status>false</status>") {
		t.Errorf("without a delay: %s", got)
	}
	h.Advance(9 * time.Hour)
	if got := ask(t, s, bad, 200); !strings.Contains(got, "<status>true</status>") {
		t.Errorf("after the delay: %s", got)
	}
}

func TestRefused(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	uri := found(t, s)["ComplianceRetrievalService"]
	devices := uri + "/cisco/devices/?"
	for address, status := range map[string]int{
		devices + "querycriteria=guid&value=x": 400, devices + "querycriteria=macaddress&value=001CB300000": 400, devices + "querycriteria=name&value=x": 400,
		devices + "querycriteria=compliance&value=true": 400, devices + "querycriteria=compliance&value=false&deviceidentifier=imei": 400,
		devices + "querycriteria=guid&value=" + fakegraphtest.NumberedID(1) + "&filter=x": 400, devices + "%zz": 400,
		devices + "querycriteria=guid&value=" + strings.Repeat(",", 100): 400, uri + "/f5/devices": 404,
	} {
		ask(t, s, address, status)
	}
	if w := fakegraphtest.Get(s, devices, nil); w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("no token: %d", w.Code)
	}
	if w := fakegraphtest.Get(s, devices, http.Header{"Authorization": {"Bearer " + fakegraphtest.Token(t, s)}}); w.Code != 401 {
		t.Errorf("token for Graph: %d", w.Code)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", devices, nil))
	if w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
	if err := s.Directory().RevokeConsent(fakegraphtest.Client); err != nil {
		t.Fatal(err)
	}
	if w := fakegraphtest.Get(s, devices, http.Header{"Authorization": {"Bearer " + token(t, s)}}); w.Code != 403 {
		t.Errorf("no permission: %d", w.Code)
	}
}

func FuzzQuery(f *testing.F) {
	s, _ := fakegraphtest.New(f, tenant())
	uri, bearer := found(f, s)["ComplianceRetrievalService"], http.Header{"Authorization": {"Bearer " + token(f, s)}}
	f.Add("/cisco/devices/", "paging=0&querycriteria=guid&value=00000000-0000-4000-8000-000000000001&filter=all")
	f.Add("/cisco/devices/", "querycriteria=macaddress&value=00:1c:b3:00:00:01,x")
	f.Add("/ciscoise/mdminfo/", "ise_api_version=3")
	f.Fuzz(func(t *testing.T, path, query string) {
		r := httptest.NewRequest("GET", uri, nil)
		r.URL = &url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path + path, RawQuery: query}
		r.Header = bearer
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != 503 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// BenchmarkQuery asks for one of a hundred thousand devices.
func BenchmarkQuery(b *testing.B) {
	cfg := tenant()
	for i := range 100_000 {
		cfg.Intune.Devices = append(cfg.Intune.Devices, intune.DeviceConfig{Name: fakegraphtest.NumberedID(1000 + i), ID: fakegraphtest.NumberedID(1000 + i), AzureADDeviceID: fakegraphtest.NumberedID(200000 + i)})
	}
	s, _ := fakegraphtest.New(b, cfg)
	address := found(b, s)["ComplianceRetrievalService"] + "/cisco/devices/?paging=0&querycriteria=guid&filter=all&value=" + fakegraphtest.NumberedID(70_000)
	bearer := http.Header{"Authorization": {"Bearer " + token(b, s)}}
	for b.Loop() {
		if w := fakegraphtest.Get(s, address, bearer); w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}
