package control_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/control"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/requestlog"
	"nacsim/internal/host/testhost"
)

// tenant is one with devices, users and a group.
func tenant() fakegraph.Config {
	cfg := fakegraphtest.Config()
	cfg.Directory.Users = []directory.User{{UPN: "anna@contoso.example", Password: "pw-anna", Admin: true}, {UPN: "ben@contoso.example", Password: "pw-ben"}}
	cfg.Directory.Groups = []directory.Group{{DisplayName: "Staff", Members: []string{"anna@contoso.example"}}}
	cfg.Intune.Devices = []intune.DeviceConfig{
		{Name: "LAPTOP-1", ID: fakegraphtest.NumberedID(1), WiFiMAC: "D46E0E022896", Posture: intune.Posture{Firewall: true}},
		{Name: "TWIN", Label: "twin-1", ID: fakegraphtest.NumberedID(2)}, {Name: "TWIN", Label: "twin-2", ID: fakegraphtest.NumberedID(3)}}
	return cfg
}

// A remote is the API of a server as a person uses it.
type remote struct {
	t *testing.T
	s *fakegraph.Server
	h *testhost.Machine
}

func newRemote(t *testing.T, cfg fakegraph.Config) *remote {
	s, h := fakegraphtest.New(t, cfg)
	return &remote{t, s, h}
}

// ask makes a request and returns the reply, whose status must be the one wanted.
func (r *remote) ask(status int, method, path, body string) string {
	r.t.Helper()
	req := httptest.NewRequest(method, "https://127.0.0.1:8443/control"+path, strings.NewReader(body))
	w := httptest.NewRecorder()
	r.h.Do(func() { r.s.ServeHTTP(w, req) })
	if w.Code != status {
		r.t.Errorf("%s %s %s: status %d, want %d: %s", method, path, body, w.Code, status, w.Body)
	}
	return w.Body.String()
}

// shows makes a request whose reply must contain all of the texts.
func (r *remote) shows(method, path, body string, texts ...string) {
	r.t.Helper()
	reply := r.ask(200, method, path, body)
	for _, text := range texts {
		if !strings.Contains(reply, text) {
			r.t.Errorf("%s %s %s: no %s in %s", method, path, body, text, reply)
		}
	}
}

// refuses makes a request that must fail with the text.
func (r *remote) refuses(status int, method, path, body, text string) {
	r.t.Helper()
	reply := r.ask(status, method, path, body)
	var e struct{ Error string }
	if err := json.Unmarshal([]byte(reply), &e); err != nil || !strings.Contains(e.Error, text) {
		r.t.Errorf("%s %s %s: error %s, want %q", method, path, body, reply, text)
	}
}

func TestDescribesItself(t *testing.T) {
	r := newRemote(t, tenant())
	var reply struct {
		Routes []struct{ Method, Path, Does, Body string }
	}
	if err := json.Unmarshal([]byte(r.ask(200, "GET", "", "")), &reply); err != nil {
		t.Fatal(err)
	}
	if len(reply.Routes) < 25 {
		t.Fatalf("only %d routes", len(reply.Routes))
	}
	for _, route := range reply.Routes {
		if route.Does == "" || !strings.HasPrefix(route.Path, "/control") {
			t.Errorf("%+v", route)
		}
		if (route.Method == "PUT" || route.Method == "PATCH") && route.Body == "" {
			t.Errorf("%s %s has no example of a body", route.Method, route.Path)
		}
	}
	r.refuses(404, "GET", "/devises", "", "near are /control, ")
	r.refuses(404, "GET", "/clock/set", "", "near are /control/clock")
	r.refuses(405, "PUT", "/clock", "", "no PUT here, but GET, POST")
	r.refuses(400, "GET", "/devices?serach=x", "", `unknown parameter "serach"; expected one of search, skip, state, top`)
	r.refuses(400, "GET", "/clock?x=1", "", "there are none here")
}

func TestDevices(t *testing.T) {
	r := newRemote(t, tenant())
	r.h.Advance(time.Second) // the first check-ins
	r.shows("GET", "/devices", "", `"total":3`, `"name":"LAPTOP-1"`)
	r.shows("GET", "/devices?search=d4:6e:0e", "", `"total":1`)
	r.shows("GET", "/devices?search=twin&top=1&skip=1", "", `"total":2`, fakegraphtest.NumberedID(3))
	r.shows("GET", "/devices?state=Compliant&search=laptop", "", `"total":1`)
	r.shows("GET", "/devices?state=noncompliant", "", `"total":0`, `"value":[]`)
	for _, key := range []string{"LAPTOP-1", fakegraphtest.NumberedID(1), strings.ToUpper(fakegraphtest.NumberedID(1))} {
		r.shows("GET", "/devices/"+key, "", `"name":"LAPTOP-1"`)
	}
	r.shows("GET", "/devices/twin-2", "", fakegraphtest.NumberedID(3))
	r.refuses(400, "GET", "/devices/TWIN", "", "several devices have the name")
	r.refuses(404, "GET", "/devices/none", "", `no device has the id, label or name "none"`)

	r.shows("PATCH", "/devices/LAPTOP-1", `{"firewall": false, "patch_level": "2026-10-01", "name": "LAPTOP-2"}`,
		`"firewall":false`, `"reported":{"antivirus":false,"real_time_protection":false,"firewall":true`, `"name":"LAPTOP-2"`, `"patch_level":"2026-10-01"`)
	r.shows("PATCH", "/devices/LAPTOP-1", `{"off": true}`, `"off":true`)
	r.refuses(409, "POST", "/devices/LAPTOP-1/sync", "", "switched off")
	r.shows("PATCH", "/devices/LAPTOP-1", `{"off": false}`, `"name":"LAPTOP-2"`)
	r.shows("POST", "/devices/LAPTOP-1/sync", "", `"last_sync":"2026-01-05T08:00:01Z"`)
	r.shows("POST", "/devices", `{"name": "NEW", "wifi_mac": "02-00-00-00-00-01", "firewall": false, "owner": "personal", "os": "iOS", "enrolled_ago": "90d"}`,
		`"wifi_mac":"020000000001"`, `"firewall":false`, `"antivirus":true`, `"owner":"personal"`, `"enrolled":"2025-10-07T08:00:01Z"`)
	r.refuses(400, "POST", "/devices", `{"name": "NEW"}`, "it is enrolled already")
	r.refuses(400, "POST", "/devices", `{"name": "X", "wifi_mac": "12"}`, "has 2 digits, want 12")
	r.shows("PATCH", "/devices/NEW", `{"force_state": "error", "management_state": "wipePending", "mac_form": "colon", "wifi_mac": "020000000002"}`,
		`"compliance_state":"error"`, `"management_state":"wipePending"`, `"wifi_mac":"02:00:00:00:00:02"`)
	r.shows("PATCH", "/devices/NEW", `{"force_state": ""}`, `"compliance_state":"compliant"`)
	r.shows("POST", "/devices/NEW/reenroll", `{"keep": true}`, `"label":"NEW"`)
	r.shows("GET", "/devices?search=NEW", "", `"total":2`)
	r.shows("POST", "/devices/twin-1/retire", "", `"management_state":"retire`)
	r.ask(204, "DELETE", "/devices/twin-2", "")
	r.refuses(404, "GET", "/devices/twin-2", "", "no device")
}

func TestBodiesAreReadStrictly(t *testing.T) {
	r := newRemote(t, tenant())
	for _, c := range []struct{ body, want string }{
		{``, "there is no body; expected JSON with name, wifi_mac"},
		{`{"firewal": true}`, `unknown key "firewal"; expected one of name, `},
		{`{"name": 5}`, "name is a number, want a string"},
		{`{"firewall": "yes"}`, "firewall is a string, want true or false"},
		{`{"patch_level": "tomorrow"}`, "is not a day such as"},
		{`{"name": "x"`, "the body is not JSON"},
		{`name=x`, "the body is not JSON"},
		{`[]`, "the body is a array, want an object with"},
		{`{} {}`, "more than one JSON value"},
		{`{"owner": "mine"}`, "expected one of company, personal"},
		{`{"force_state": "Compliant"}`, `force_state is "Compliant"; expected one of unknown, compliant`},
		{`{"management_state": "odd"}`, "odd"},
		{`{"label": "x"}`, `unknown key "label"`},
	} {
		r.refuses(400, "PATCH", "/devices/LAPTOP-1", c.body, c.want)
	}
	if reply := r.ask(400, "PATCH", "/devices/LAPTOP-1", `{"firewall": 1}`); !strings.HasPrefix(reply, `{"error":"firewall is`) {
		t.Errorf("a key is not named as it was written: %s", reply)
	}
	r.refuses(413, "PATCH", "/devices/LAPTOP-1", `{"name": "`+strings.Repeat("x", 2<<20)+`"}`, "more than 1048576 octets")
}

func TestPoliciesAreReplaced(t *testing.T) {
	r := newRemote(t, tenant())
	r.h.Advance(time.Second)
	r.shows("GET", "/policies", "", `"total":0`)
	r.shows("GET", "/devices/LAPTOP-1", "", `"compliance_state":"compliant"`)
	r.shows("PUT", "/policies", `{"at_once": true, "policies": [{"name": "Strict", "require": ["encryption"], "platform": "windows10AndLater", "grace": "1d"}]}`,
		`"name":"Strict"`, `"version":1`, `"grace":"24h0m0s"`)
	r.shows("GET", "/devices/LAPTOP-1", "", `"compliance_state":"inGracePeriod"`, `"failing":["encryption"]`, `"policies":[{"name":"Strict","state":"nonCompliant"}]`)
	r.refuses(400, "PUT", "/policies", `{"policies": [{"name": "x", "require": ["tmp"]}]}`, `requires "tmp"`)
	r.refuses(400, "PUT", "/policies", `{"policies": [{"name": "x", "require": ["patch_level"]}]}`, "no minimum")
	r.refuses(400, "PUT", "/policies", `{"policies": [{"name": "x", "reqire": []}]}`, `unknown key "reqire"`)
	r.shows("GET", "/policies", "", `"name":"Strict"`)
}

func TestFaults(t *testing.T) {
	r := newRemote(t, tenant())
	r.shows("GET", "/faults/catalogue", "", `"name":"throttled"`)
	r.shows("POST", "/faults", `{"fault": "throttled", "count": 1}`, `"number":1`, `"left":1`)
	r.shows("POST", "/faults", `{"status": 502}`, `"number":2`)
	r.shows("GET", "/faults", "", `"total":2`)
	bearer := http.Header{"Authorization": {"Bearer x"}}
	fakegraphtest.Decode(t, fakegraphtest.Get(r.s, fakegraphtest.ListURL, bearer), 429, nil)
	fakegraphtest.Decode(t, fakegraphtest.Get(r.s, fakegraphtest.ListURL, bearer), 502, nil)
	r.shows("GET", "/faults", "", `"total":1`, `"struck":1`)
	r.shows("GET", "/requests?fault=true", "", `"fault":"throttled`, `"status":429`, `"status":502`)
	r.refuses(404, "DELETE", "/faults/1", "", "no fault with the number 1")
	r.refuses(404, "DELETE", "/faults/slow", "", `no fault "slow"`)
	r.ask(204, "DELETE", "/faults/status", "")
	fakegraphtest.Decode(t, fakegraphtest.Get(r.s, fakegraphtest.ListURL, bearer), 401, nil)
	r.refuses(400, "POST", "/faults", `{"fault": "throtled"}`, "throt")
	r.refuses(400, "POST", "/faults", `{"falt": 1}`, "falt")
	r.refuses(400, "POST", "/faults", ``, "")
	r.shows("POST", "/faults", `{"status": 502}`, `"number":3`)
	r.ask(204, "DELETE", "/faults", "")
	r.shows("GET", "/faults", "", `"total":0`)
}

func TestKeyRollover(t *testing.T) {
	r := newRemote(t, tenant())
	token := fakegraphtest.Token(t, r.s)
	r.ask(204, "POST", "/keys/roll", "")
	if w := fakegraphtest.Get(r.s, fakegraphtest.ListURL, http.Header{"Authorization": {"Bearer " + token}}); w.Code != 200 {
		t.Errorf("a token of before: %d %s", w.Code, w.Body)
	}
	fakegraphtest.GetJSON(t, r.s, fakegraphtest.ListURL, 200, nil)
}

func TestTokensAreRevoked(t *testing.T) {
	r := newRemote(t, tenant())
	form := fakegraphtest.TokenForm("claims", `{"access_token":{"xms_cc":{"values":["CP1"]}}}`)
	var reply struct {
		AccessToken string `json:"access_token"`
	}
	fakegraphtest.Decode(t, fakegraphtest.Post(r.s, fakegraphtest.TokenURL, fakegraphtest.FormType, form.Encode(), nil), 200, &reply)
	bearer := http.Header{"Authorization": {"Bearer " + reply.AccessToken}}
	fakegraphtest.Decode(t, fakegraphtest.Get(r.s, fakegraphtest.ListURL, bearer), 200, nil)
	r.h.Advance(time.Second)
	r.shows("POST", "/apps/"+fakegraphtest.Client+"/revoke", "", `"client_id":"`+fakegraphtest.Client+`"`)
	w := fakegraphtest.Get(r.s, fakegraphtest.ListURL, bearer)
	if w.Code != 401 || !strings.Contains(w.Header().Get("WWW-Authenticate"), "claims=") {
		t.Errorf("a token that was revoked: %d %v", w.Code, w.Header())
	}
}

func TestAppsAndUsers(t *testing.T) {
	r := newRemote(t, tenant())
	app := "/apps/" + fakegraphtest.Client
	if reply := r.ask(200, "GET", "/apps", ""); strings.Contains(reply, fakegraphtest.Secret) || !strings.Contains(reply, `"hint":"s3c"`) {
		t.Errorf("apps: %s", reply)
	}
	r.shows("DELETE", app+"/consent", "", `"roles":[]`)
	fakegraphtest.GetJSON(t, r.s, fakegraphtest.ListURL, 403, nil)
	r.shows("PUT", app+"/consent", `{"roles": ["`+directory.RoleReadDevices+`"]}`, `"roles":["`+directory.RoleReadDevices+`"]`)
	fakegraphtest.GetJSON(t, r.s, fakegraphtest.ListURL, 200, nil)
	r.shows("PUT", app+"/secrets", `{"secrets": [{"value": "other", "expires": "2030-01-01T00:00:00Z"}]}`, `"expires":"2030-01-01`)
	w := fakegraphtest.Post(r.s, fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm().Encode(), nil)
	fakegraphtest.Decode(t, w, 401, nil)
	w = fakegraphtest.Post(r.s, fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm("client_secret", "other").Encode(), nil)
	fakegraphtest.Decode(t, w, 200, nil)
	r.refuses(400, "PUT", app+"/secrets", `{"secrets": [{"value": ""}]}`, "has no value")
	r.refuses(400, "PUT", app+"/certificates", `{"certificates": ["x"]}`, "certificate 1 is not in PEM")
	r.refuses(404, "GET", "/apps/none", "", "no app has the client id")
	r.refuses(404, "POST", "/apps/none/consent", "", "no such app")
	r.refuses(404, "POST", "/apps/none/revoke", "", "no app has the client id")

	if reply := r.ask(200, "GET", "/users", ""); strings.Contains(reply, "pw-anna") || !strings.Contains(reply, `"groups":["Staff"]`) {
		t.Errorf("users: %s", reply)
	}
	r.shows("PATCH", "/users/ben@contoso.example", `{"password": "n", "disabled": true, "admin": true}`, `"disabled":true`, `"admin":true`, `"locked":false`)
	if u, _ := r.s.Directory().User("ben@contoso.example"); u.Password != "n" {
		t.Error("the password has not changed")
	}
	r.refuses(404, "PATCH", "/users/none", `{"disabled": true}`, "no such user")
	r.shows("PUT", "/groups/Staff/members", `{"members": ["ben@contoso.example"]}`, `"display_name":"Staff"`)
	r.shows("GET", "/users/ben@contoso.example", "", `"groups":["Staff"]`)
}

// clock counts how far it is moved.
type clock struct{ h *testhost.Machine }

func (c clock) Advance(d time.Duration) error { return c.h.Sleep(d) }

func TestClock(t *testing.T) {
	r := newRemote(t, tenant())
	r.shows("GET", "/clock", "", `"movable":false`)
	r.refuses(409, "POST", "/clock", `{"advance": "8h"}`, "cannot be moved")

	h := fakegraphtest.Machine(t)
	cfg := tenant()
	cfg.Control.Clock = clock{h}
	s, err := fakegraph.New(h, cfg)
	if err != nil {
		t.Fatal(err)
	}
	r = &remote{t, s, h}
	r.shows("POST", "/clock", `{"advance": "30m"}`, `"now":"2026-01-05T08:30:00Z"`, `"movable":true`)
	r.shows("POST", "/clock", `{"to": "2026-01-05T08:50:00Z"}`, `"now":"2026-01-05T08:50:00Z"`)
	r.refuses(400, "POST", "/clock", `{"to": "2026-01-01T00:00:00Z"}`, "goes forward only")
	r.refuses(400, "POST", "/clock", `{"advance": "-1s"}`, "goes forward only")
	r.refuses(400, "POST", "/clock", `{"advance": "367d"}`, "is more than")
	r.refuses(400, "POST", "/clock", `{"advance": "soon"}`, "not a duration")
	r.refuses(400, "POST", "/clock", `{}`, "say either advance or to")
}

func TestRequestsOutageAndReset(t *testing.T) {
	r := newRemote(t, tenant())
	fakegraphtest.GetJSON(t, r.s, fakegraphtest.ListURL, 200, nil)
	r.shows("GET", "/requests", "", `"last":2`, `"path":"/v1.0/deviceManagement/managedDevices"`)
	r.shows("GET", "/requests?method=get&max=5&status=200", "", `"number":2`)
	r.shows("GET", "/requests?since=2", "", `"value":[]`)
	r.refuses(400, "GET", "/requests?status=x", "", "status is \"x\"; expected a number from 0 to 599")
	r.refuses(400, "GET", "/requests?fault=1", "", "expected true or false")
	r.refuses(400, "GET", "/requests?since=-1", "", "expected the number of a request")
	r.ask(204, "PUT", "/outage", `{"on": true}`)
	fakegraphtest.Decode(t, fakegraphtest.Get(r.s, fakegraphtest.ListURL, nil), 503, nil)
	r.shows("GET", "/requests?status=503", "", `"number":3`) // the control API goes on
	r.refuses(400, "PUT", "/outage", `{}`, "say whether")

	r.ask(204, "DELETE", "/requests", "")
	if n := len(r.s.Requests().Entries(requestlog.Filter{})); n != 0 {
		t.Errorf("%d requests are left", n)
	}
	r.ask(204, "DELETE", "/devices/LAPTOP-1", "")
	r.ask(204, "POST", "/reset", "")
	r.shows("GET", "/devices/LAPTOP-1", "", `"name":"LAPTOP-1"`)
	fakegraphtest.GetJSON(t, r.s, fakegraphtest.ListURL, 200, nil)
}

func TestWhoMayControl(t *testing.T) {
	ask := func(cfg control.Config, header ...string) int {
		c := tenant()
		c.Control = cfg
		s, _ := fakegraphtest.New(t, c)
		r := httptest.NewRequest("PUT", "https://127.0.0.1:8443/control/outage", strings.NewReader(`{"on": false}`))
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Error("pages of other sites may read the control API")
		}
		return w.Code
	}
	for _, c := range []struct {
		cfg    control.Config
		header []string
		want   int
	}{
		{control.Config{}, nil, http.StatusNoContent},
		{control.Config{}, []string{"Origin", "https://127.0.0.1:8443"}, http.StatusNoContent},
		{control.Config{}, []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{control.Config{}, []string{"Origin", "null"}, http.StatusForbidden},
		{control.Config{}, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{control.Config{Off: true}, nil, http.StatusNotFound},
		{control.Config{Token: "t0ken"}, nil, http.StatusUnauthorized},
		{control.Config{Token: "t0ken"}, []string{"Authorization", "Bearer other"}, http.StatusUnauthorized},
		{control.Config{Token: "t0ken"}, []string{"Authorization", "Basic t0ken"}, http.StatusUnauthorized},
		{control.Config{Token: "t0ken"}, []string{"Authorization", "bearer t0ken"}, http.StatusNoContent},
	} {
		if got := ask(c.cfg, c.header...); got != c.want {
			t.Errorf("%+v %v: status %d, want %d", c.cfg, c.header, got, c.want)
		}
	}
}
