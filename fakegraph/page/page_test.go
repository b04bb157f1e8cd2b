package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/control"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/intune"
)

func tenant() fakegraph.Config {
	cfg := fakegraphtest.Config()
	cfg.Directory.DisplayName = "Contoso <b>"
	cfg.Directory.Apps[0].Secrets = append(cfg.Directory.Apps[0].Secrets, directory.Secret{Value: "0ld-s3cret", Expires: fakegraphtest.Start})
	cfg.Intune.Policies = []intune.CompliancePolicy{{Name: "Baseline", Require: []intune.Fact{intune.Firewall}, Grace: 24 * time.Hour}}
	cfg.Intune.Devices = []intune.DeviceConfig{{Name: "GOOD-1", WiFiMAC: "D46E0E022896", Posture: intune.Posture{Firewall: true}}, {Name: `<script>alert(1)</script>`}}
	for range 60 {
		cfg.Intune.Devices = append(cfg.Intune.Devices, intune.DeviceConfig{Name: "MANY", Label: "many-" + string(rune('a'+len(cfg.Intune.Devices))), Posture: intune.Posture{Firewall: true}})
	}
	return cfg
}

// get reads the page, whose elements must end.
func get(t *testing.T, s *fakegraph.Server, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "https://127.0.0.1:8443"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	body := w.Body.String()
	for _, element := range []string{"section", "table", "tr", "form", "code", "span", "div", "main"} {
		if begun, ended := strings.Count(body, "<"+element+">")+strings.Count(body, "<"+element+" "), strings.Count(body, "</"+element+">"); begun != ended {
			t.Errorf("%s: %d elements %s begin and %d end", path, begun, element, ended)
		}
	}
	return w
}

func TestShowsWhatThereIs(t *testing.T) {
	s, h := fakegraphtest.New(t, tenant())
	h.Advance(time.Second)
	if body := get(t, s, "/").Body.String(); !strings.Contains(body, "Nobody has asked anything yet") || !strings.Contains(body, "https://127.0.0.1:8443/"+fakegraphtest.Tenant+"/oauth2/v2.0/token") {
		t.Error("an unused server does not say where to begin")
	}
	fakegraphtest.GetJSON(t, s, fakegraphtest.ListURL+"?$top=5", 200, nil)
	fakegraphtest.Get(s, "https://graph.microsoft.com/v1.0/deviceManagment", nil)
	if _, err := s.Faults().Add(fault.Fault{Status: 503, Count: 2}); err != nil {
		t.Fatal(err)
	}
	fakegraphtest.Get(s, fakegraphtest.ListURL, nil)

	w := get(t, s, "/")
	body := w.Body.String()
	for _, text := range []string{
		"Contoso &lt;b&gt;", fakegraphtest.Tenant, "contoso.example", "2026-01-05 08:00:01 UTC",
		"compliant 61", "inGracePeriod 1", "The first 50 of 62 are shown.", "&lt;script&gt;", "firewall",
		"Baseline", "24 h", "NAC", directory.RoleReadDevices, "secret expired 2026-01-05",
		"of 2000 in 20s", `<tr class="unmatched">`, "Did you mean deviceManagement?", "5 rows", "1 matched nothing", "fault: ",
		`http-equiv="refresh"`,
	} {
		if !strings.Contains(body, text) {
			t.Errorf("the page has no %q", text)
		}
	}
	for _, text := range []string{"<script", fakegraphtest.Secret, "0ld-s3cret", "http://", "src="} {
		if strings.Contains(body, text) {
			t.Errorf("the page has %q", text)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	if t.Failed() {
		t.Log(body)
	}
}

func TestSearches(t *testing.T) {
	s, h := fakegraphtest.New(t, tenant())
	h.Advance(time.Second)
	for path, want := range map[string]string{
		"/?q=good":                         "GOOD-1",
		"/?q=d4-6e-0e":                     "GOOD-1",
		"/?state=inGracePeriod":            "&lt;script&gt;",
		"/?q=nowhere":                      "No device has “nowhere”",
		"/?q=%22%3E%3Cscript%3E":           "No device has “&#34;&gt;&lt;script&gt;”",
		"/?q=" + strings.Repeat("x", 3000): "No device has “" + strings.Repeat("x", 100) + "”",
		"/?q=a&refresh=off":                `href="/?q=a"`,
	} {
		w := get(t, s, path)
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%.40s: %d, no %q", path, w.Code, want)
		}
	}
	if body := get(t, s, "/?q=good&state=compliant").Body.String(); strings.Contains(body, "MANY") {
		t.Error("a search shows other devices too")
	}
	if body := get(t, s, "/?refresh=off").Body.String(); strings.Contains(body, "http-equiv") {
		t.Error("the page refreshes although it should not")
	}
}

func TestIsForThoseWhoMayControl(t *testing.T) {
	for _, c := range []struct {
		cfg    control.Config
		header []string
		want   int
	}{
		{control.Config{}, nil, 200},
		{control.Config{Off: true}, nil, 404},
		{control.Config{Token: "t0ken"}, nil, 401},
		{control.Config{Token: "t0ken"}, []string{"Authorization", "Basic YTpvdGhlcg=="}, 401}, // a:other
		{control.Config{Token: "t0ken"}, []string{"Authorization", "Basic YTp0MGtlbg=="}, 200}, // a:t0ken
	} {
		cfg := tenant()
		cfg.Control = c.cfg
		s, _ := fakegraphtest.New(t, cfg)
		w := get(t, s, "/", c.header...)
		if w.Code != c.want {
			t.Errorf("%+v %v: status %d, want %d", c.cfg, c.header, w.Code, c.want)
		}
		if c.want != 200 && strings.Contains(w.Body.String(), "Contoso") {
			t.Errorf("%+v: a refusal shows the tenant", c.cfg)
		}
	}
	s, _ := fakegraphtest.New(t, tenant())
	if w := fakegraphtest.Post(s, "https://127.0.0.1/", fakegraphtest.FormType, "", nil); w.Code != 405 {
		t.Errorf("POST: status %d", w.Code)
	}
	if w := get(t, s, "/favicon.ico"); w.Code != 204 {
		t.Errorf("favicon: status %d", w.Code)
	}
}
