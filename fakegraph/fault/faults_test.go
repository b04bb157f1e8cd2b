package fault_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/intune"
	"nacsim/internal/host/testhost"
)

// A tenantUnderFault has five devices in pages of two.
type tenantUnderFault struct {
	*testing.T
	s     *fakegraph.Server
	h     *testhost.Machine
	token string
}

func newTenant(t *testing.T) *tenantUnderFault {
	cfg := fakegraphtest.Config()
	cfg.Graph.PageSize = 2
	for i := range 5 {
		cfg.Intune.Devices = append(cfg.Intune.Devices, intune.DeviceConfig{Name: fmt.Sprintf("LAPTOP-%d", i), ID: fakegraphtest.NumberedID(i)})
	}
	s, h := fakegraphtest.New(t, cfg)
	return &tenantUnderFault{t, s, h, fakegraphtest.Token(t, s)}
}

func (t *tenantUnderFault) add(f fault.Fault) {
	t.Helper()
	if _, err := t.s.Faults().Add(f); err != nil {
		t.Fatal(err)
	}
}

// get asks as the app does. The link may be one that a page names.
func (t *tenantUnderFault) get(address string) *httptest.ResponseRecorder {
	t.Helper()
	return fakegraphtest.Get(t.s, address, http.Header{"Authorization": {"Bearer " + t.token}})
}

// broken asks and reports what came before the handler broke off.
func (t *tenantUnderFault) broken(address string) (w *httptest.ResponseRecorder) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("Authorization", "Bearer "+t.token)
	w = httptest.NewRecorder()
	defer func() {
		if e := recover(); e != http.ErrAbortHandler {
			t.Errorf("it ended with %v, not with http.ErrAbortHandler", e)
		}
	}()
	t.s.ServeHTTP(w, r)
	return w
}

type listPage struct {
	Count *int   `json:"@odata.count"`
	Next  string `json:"@odata.nextLink"`
	Value []map[string]any
}

func (t *tenantUnderFault) page(address string) listPage {
	t.Helper()
	var p listPage
	fakegraphtest.Decode(t, t.get(address), http.StatusOK, &p)
	return p
}

func (p *listPage) names() string {
	var names []string
	for _, d := range p.Value {
		names = append(names, strings.TrimPrefix(d["deviceName"].(string), "LAPTOP-"))
	}
	return strings.Join(names, "")
}

// scan reads a list to its end, at most twenty pages.
func (t *tenantUnderFault) scan(address string) string {
	t.Helper()
	var pages []string
	for len(pages) < 20 && address != "" {
		p := t.page(address)
		pages = append(pages, p.names())
		address = p.Next
	}
	return strings.Join(pages, " ")
}

func (t *tenantUnderFault) wantScan(f fault.Fault, want string) {
	t.Helper()
	t.add(f)
	if got := t.scan(fakegraphtest.ListURL); got != want {
		t.Errorf("the list is %q, want %q", got, want)
	}
}

func (t *tenantUnderFault) tokenReply(status int, change ...string) map[string]any {
	t.Helper()
	var reply map[string]any
	fakegraphtest.Decode(t, fakegraphtest.Post(t.s, fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm(change...).Encode(), nil), status, &reply)
	return reply
}

// refused asks for a token and wants an error of Entra ID.
func (t *tenantUnderFault) refused(f fault.Fault, status int, code string, number float64) {
	t.Helper()
	t.add(f)
	reply := t.tokenReply(status)
	if codes := reply["error_codes"].([]any); reply["error"] != code || codes[0] != number {
		t.Errorf("the error is %v %v, want %s %v", reply["error"], codes, code, number)
	}
}

// answered asks for the list and wants an error of Graph.
func (t *tenantUnderFault) answered(f fault.Fault, status int, code string) *httptest.ResponseRecorder {
	t.Helper()
	t.add(f)
	w := t.get(fakegraphtest.ListURL)
	var e fakegraphtest.GraphError
	if fakegraphtest.Decode(t, w, status, &e); e.Error.Code != code {
		t.Errorf("the code is %q, want %q", e.Error.Code, code)
	}
	return w
}

// discovered asks for a document of the authority.
func (t *tenantUnderFault) discovered(path string, status int) map[string]any {
	t.Helper()
	var reply map[string]any
	fakegraphtest.Decode(t, t.get("https://login.microsoftonline.com"+path), status, &reply)
	return reply
}

// faultTests show each kind of fault as a client sees it.
var faultTests = map[string]func(*tenantUnderFault){
	"wrong_secret": func(t *tenantUnderFault) {
		t.refused(fault.Fault{Name: "wrong_secret"}, 401, "invalid_client", 7000215)
	},
	"expired_secret": func(t *tenantUnderFault) {
		t.refused(fault.Fault{Name: "expired_secret"}, 401, "invalid_client", 7000222)
	},
	"expired_certificate": func(t *tenantUnderFault) {
		t.refused(fault.Fault{Name: "expired_certificate"}, 401, "invalid_client", 700027)
	},
	"entra_unavailable": func(t *tenantUnderFault) {
		t.refused(fault.Fault{Name: "entra_unavailable"}, 503, "temporarily_unavailable", 90033)
	},
	"tenant_throttled": func(t *tenantUnderFault) {
		t.refused(fault.Fault{Name: "tenant_throttled"}, 429, "temporarily_unavailable", 90055)
	},
	"clock_skew": func(t *tenantUnderFault) {
		// A clock ahead: Graph does not take the token yet, and then it does.
		t.add(fault.Fault{Name: "clock_skew", Count: 1})
		t.token = t.tokenReply(200)["access_token"].(string)
		var e fakegraphtest.GraphError
		fakegraphtest.Decode(t, t.get(fakegraphtest.ListURL), 401, &e)
		t.h.Advance(6 * time.Minute) // Graph forgives 5
		t.page(fakegraphtest.ListURL)
		// A clock behind: the token ends before the time that expires_in promises.
		t.add(fault.Fault{Name: "clock_skew", Skew: -10 * time.Minute, Count: 1})
		t.token = t.tokenReply(200)["access_token"].(string)
		t.page(fakegraphtest.ListURL)
		t.h.Advance(56 * time.Minute)
		fakegraphtest.Decode(t, t.get(fakegraphtest.ListURL), 401, &e)
	},
	"roles_missing": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "roles_missing", Count: 1})
		t.token = t.tokenReply(200)["access_token"].(string)
		fakegraphtest.Decode(t, t.get(fakegraphtest.ListURL), 403, &fakegraphtest.GraphError{})
		t.token = t.tokenReply(200)["access_token"].(string)
		t.page(fakegraphtest.ListURL)
	},
	"expires_in": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "expires_in"})
		if reply := t.tokenReply(200); reply["expires_in"] != 60.0 || reply["ext_expires_in"] != 60.0 {
			t.Errorf("%v", reply)
		}
	},
	"expires_in_missing": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "expires_in_missing"})
		if reply := t.tokenReply(200); reply["expires_in"] != nil || reply["access_token"] == nil {
			t.Errorf("%v", reply)
		}
	},
	"numbers_as_text": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "numbers_as_text"})
		if reply := t.tokenReply(200); reply["expires_in"] != "3599" {
			t.Errorf("%v", reply)
		}
	},
	"v1_only": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "v1_only"})
		t.tokenReply(404)
		t.discovered("/common/.well-known/openid-configuration", 200)
	},
	"wrong_aliases": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "wrong_aliases"})
		reply := t.discovered("/common/discovery/instance?api-version=1.1&authorization_endpoint=https://login.microsoftonline.com/common/oauth2/v2.0/authorize", 200)
		for _, entry := range reply["metadata"].([]any) {
			if aliases := fmt.Sprint(entry.(map[string]any)["aliases"]); aliases != "[login.example.invalid]" {
				t.Errorf("the aliases are %s", aliases)
			}
		}
	},
	"wrong_issuer": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "wrong_issuer"})
		if issuer := t.discovered("/"+fakegraphtest.Tenant+"/v2.0/.well-known/openid-configuration", 200)["issuer"]; issuer != "https://issuer.example.invalid/"+fakegraphtest.Tenant+"/v2.0" {
			t.Errorf("the issuer is %v", issuer)
		}
	},

	"slow": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "slow"})
		began := t.h.Now()
		t.h.Do(func() { t.page(fakegraphtest.ListURL) })
		if took := t.h.Now().Sub(began); took != 30*time.Second {
			t.Errorf("it took %v", took)
		}
	},
	"reset": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "reset"})
		if w := t.broken(fakegraphtest.ListURL); w.Body.Len() > 0 || w.Flushed {
			t.Errorf("something came: %s", w.Body)
		}
	},
	"half_body": func(t *tenantUnderFault) {
		whole := t.get(fakegraphtest.ListURL).Body.Len()
		t.add(fault.Fault{Name: "half_body"})
		if w := t.broken(fakegraphtest.ListURL); w.Header().Get("Content-Length") != fmt.Sprint(whole) || w.Body.Len() != whole/2 || !w.Flushed {
			t.Errorf("%s and %d octets, want half of %d", w.Header().Get("Content-Length"), w.Body.Len(), whole)
		}
	},
	"stall": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "stall", Delay: time.Minute})
		began := t.h.Now()
		t.h.Do(func() {
			if w := t.get(fakegraphtest.ListURL); !w.Flushed || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s", w.Body)
			}
		})
		if took := t.h.Now().Sub(began); took != time.Minute {
			t.Errorf("it took %v", took)
		}
	},
	"gzip_corrupted": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "gzip_corrupted"})
		w := t.get(fakegraphtest.ListURL)
		z, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
		if err == nil {
			_, err = io.ReadAll(z)
		}
		if w.Header().Get("Content-Encoding") != "gzip" || err == nil {
			t.Errorf("%v: %v", w.Header(), err)
		}
	},
	"bad_gateway": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "bad_gateway"})
		if w := t.get(fakegraphtest.ListURL); w.Code != 502 || w.Header().Get("Content-Type") != "text/html" || !strings.HasPrefix(w.Body.String(), "<html>") {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	},
	"redirect": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "redirect"})
		if w := t.get(fakegraphtest.ListURL + "?$top=1"); w.Code != 307 || w.Header().Get("Location") != "https://graph.attacker.invalid/v1.0/deviceManagement/managedDevices?$top=1" {
			t.Errorf("%d to %s", w.Code, w.Header().Get("Location"))
		}
	},
	"goaway": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "goaway"})
		if w := t.get(fakegraphtest.ListURL); w.Code != 200 || w.Header().Get("Connection") != "close" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	},
	"wrong_length": func(t *tenantUnderFault) {
		whole := t.get(fakegraphtest.ListURL).Body.Len()
		for _, octets := range []int{100, -10} {
			t.add(fault.Fault{Name: "wrong_length", Octets: octets, Count: 1})
			if w := t.get(fakegraphtest.ListURL); w.Header().Get("Content-Length") != fmt.Sprint(whole+octets) || w.Body.Len() != whole+min(0, octets) {
				t.Errorf("%s and %d octets instead of %d", w.Header().Get("Content-Length"), w.Body.Len(), whole)
			}
		}
	},
	"nac_moved": func(t *tenantUnderFault) {
		if err := t.s.Directory().SetConsent(fakegraphtest.Client, directory.RoleReadDevices, directory.RoleReadApplications, directory.RoleDeviceCompliance); err != nil {
			t.Fatal(err)
		}
		t.token = fakegraphtest.Token(t, t.s)
		discover := func() (origin string) {
			var endpoints struct{ Value []struct{ URI string } }
			fakegraphtest.Decode(t, t.get("https://graph.microsoft.com/v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints"), 200, &endpoints)
			for _, e := range endpoints.Value {
				if at := strings.Index(e.URI, "/TrafficGateway/"); at > 0 {
					origin = e.URI[:at]
				}
			}
			return origin
		}
		const mdminfo = "/TrafficGateway/TrafficRoutingService/ResourceAccess/ComplianceRetrievalService/ciscoise/mdminfo/?ise_api_version=3"
		old := discover()
		found := t.get(old + mdminfo).Code // 401: the token is for Graph
		t.add(fault.Fault{Name: "nac_moved"})
		moved := discover()
		if moved != "https://fef.amsub9999.manage.microsoft.com" || t.get(old+mdminfo).Code != 404 || t.get(moved+mdminfo).Code != found || found == 404 {
			t.Errorf("from %s to %s: %d, %d, before %d", old, moved, t.get(old+mdminfo).Code, t.get(moved+mdminfo).Code, found)
		}
	},

	"status": func(t *tenantUnderFault) { t.answered(fault.Fault{Status: 503}, 503, "serviceNotAvailable") },
	"throttled": func(t *tenantUnderFault) {
		if w := t.answered(fault.Fault{Name: "throttled", Count: 1}, 429, "TooManyRequests"); w.Header()["Retry-After"] != nil {
			t.Errorf("Retry-After %q", w.Header()["Retry-After"])
		}
		for form, want := range map[fault.RetryAfterForm]string{"seconds": "3", "fraction": "2.500", "date": t.h.Now().Add(3 * time.Second).UTC().Format(http.TimeFormat)} {
			w := t.answered(fault.Fault{Name: "throttled", RetryAfter: 2500 * time.Millisecond, RetryAfterAs: form, Count: 1}, 429, "TooManyRequests")
			if got := w.Header().Get("Retry-After"); got != want {
				t.Errorf("Retry-After as %s is %q, want %q", form, got, want)
			}
		}
	},
	"gateway_timeout": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "gateway_timeout", Page: 3, Count: 2})
		two := t.page(t.page(fakegraphtest.ListURL).Next)
		for range 2 { // a page that is asked for again is the same page
			fakegraphtest.Decode(t, t.get(two.Next), 504, &fakegraphtest.GraphError{})
		}
		if three := t.page(two.Next); three.names() != "4" {
			t.Errorf("page three is %q", three.names())
		}
	},
	"unauthorized": func(t *tenantUnderFault) {
		w := t.answered(fault.Fault{Name: "unauthorized"}, 401, "InvalidAuthenticationToken")
		if w.Header().Get("WWW-Authenticate") == "" {
			t.Error("no WWW-Authenticate")
		}
	},
	"forbidden": func(t *tenantUnderFault) { t.answered(fault.Fault{Name: "forbidden"}, 403, "UnknownError") },
	"filter_fails": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "filter_fails"})
		t.page(fakegraphtest.ListURL)
		fakegraphtest.Decode(t, t.get(fakegraphtest.ListURL+"?%24filter=deviceName+eq+'LAPTOP-1'"), 500, &fakegraphtest.GraphError{})
	},
	"filter_ignored": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "filter_ignored"})
		if got := t.scan(fakegraphtest.ListURL + "?$filter=deviceName%20eq%20'LAPTOP-1'&$select=id,deviceName"); got != "01 23 4" {
			t.Errorf("the list is %q", got)
		}
		if next := t.page(fakegraphtest.ListURL + "?$filter=deviceName%20eq%20'LAPTOP-1'").Next; !strings.Contains(next, "$filter=deviceName%20eq%20'LAPTOP-1'&$skiptoken=") {
			t.Errorf("the next page is at %s, without the filter", next)
		}
	},
	"next_link_loop": func(t *tenantUnderFault) {
		second := t.page(fakegraphtest.ListURL).Next
		t.add(fault.Fault{Name: "next_link_loop"})
		for _, address := range []string{second, fakegraphtest.ListURL, fakegraphtest.ListURL + "?$top=2"} {
			if got := t.page(address).Next; got != address {
				t.Errorf("the page behind %s is %s", address, got)
			}
		}
	},
	"next_link_dropped": func(t *tenantUnderFault) { t.wantScan(fault.Fault{Name: "next_link_dropped", Page: 2}, "01 23") },
	"next_link_foreign": func(t *tenantUnderFault) {
		was := t.page(fakegraphtest.ListURL).Next
		t.add(fault.Fault{Name: "next_link_foreign"})
		if got := t.page(fakegraphtest.ListURL).Next; got != strings.Replace(was, "https://graph.microsoft.com", "https://graph.attacker.invalid", 1) {
			t.Errorf("the next page is at %s", got)
		}
	},
	"rows_repeated": func(t *tenantUnderFault) {
		t.wantScan(fault.Fault{Name: "rows_repeated", Rows: 2}, "0101 0123 234")
		t.s.Faults().ClearAll()
		t.add(fault.Fault{Name: "rows_repeated", Page: 2})
		if got := t.scan(fakegraphtest.ListURL + "?$filter=contains(deviceName,'P-')&$top=1"); got != "0 01 2 3 4" {
			t.Errorf("a filtered list is %q", got)
		}
		if got := t.scan(fakegraphtest.ListURL); got != "01 123 4" {
			t.Errorf("the list behind it is %q", got)
		}
	},
	"rows_missing":   func(t *tenantUnderFault) { t.wantScan(fault.Fault{Name: "rows_missing", Count: 2}, "0 2 4") },
	"empty_page":     func(t *tenantUnderFault) { t.wantScan(fault.Fault{Name: "empty_page", Page: 2, Count: 1}, "01  23 4") },
	"short_page":     func(t *tenantUnderFault) { t.wantScan(fault.Fault{Name: "short_page", Count: 1}, "0 12 34") },
	"list_truncated": func(t *tenantUnderFault) { t.wantScan(fault.Fault{Name: "list_truncated", Page: 2}, "01 2") },
	"wrong_count": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "wrong_count", Value: "1000"})
		if p := t.page(fakegraphtest.ListURL); *p.Count != 1000 || p.names() != "01" {
			t.Errorf("%d rows of %q", *p.Count, p.names())
		}
	},
	"unknown_member": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "unknown_member", Rows: 1})
		p := t.page(fakegraphtest.ListURL)
		if p.Value[0]["complianceState"] != "unknownFutureValue" || p.Value[1]["complianceState"] == "unknownFutureValue" {
			t.Errorf("%v", p.Value)
		}
	},
	"null_value": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "null_value", Property: "managementState"})
		var d map[string]any
		fakegraphtest.Decode(t, t.get(fakegraphtest.ListURL+"/"+fakegraphtest.NumberedID(3)), 200, &d)
		if v, ok := d["managementState"]; !ok || v != nil || d["deviceName"] != "LAPTOP-3" {
			t.Errorf("%v", d)
		}
	},
	"extra_fields": func(t *tenantUnderFault) {
		t.add(fault.Fault{Name: "extra_fields"})
		for _, d := range t.page(fakegraphtest.ListURL).Value {
			if d["previewState"] == nil {
				t.Errorf("%v", d)
			}
		}
	},
}

// TestEachFault shows each kind of the catalogue, and that its strike is noted.
func TestEachFault(t *testing.T) {
	for _, k := range fault.Catalogue() {
		t.Run(k.Name, func(t *testing.T) {
			test := faultTests[k.Name]
			if test == nil {
				t.Fatal("it has no test")
			}
			u := newTenant(t)
			test(u)
			if u.h.Traced("fault", "fault="+k.Name) == 0 {
				t.Error("it is not traced")
			}
			u.s.Faults().ClearAll()
			u.token = fakegraphtest.Token(t, u.s)
			if got := u.scan(fakegraphtest.ListURL); got != "01 23 4" {
				t.Errorf("without faults the list is %q", got)
			}
		})
	}
}

// TestEditedReplyIsPlain holds that a reply which the service would compress is changed all the same.
func TestEditedReplyIsPlain(t *testing.T) {
	u := newTenant(t)
	u.add(fault.Fault{Name: "next_link_dropped"})
	w := fakegraphtest.Get(u.s, fakegraphtest.ListURL, http.Header{"Authorization": {"Bearer " + u.token}, "Accept-Encoding": {"gzip"}})
	var p listPage
	if fakegraphtest.Decode(t, w, 200, &p); p.Next != "" || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

func token(u *tenantUnderFault) int {
	return fakegraphtest.Post(u.s, fakegraphtest.TokenURL, fakegraphtest.FormType, fakegraphtest.TokenForm().Encode(), nil).Code
}

// TestWhichRequests holds what a fault strikes and what it lets through.
func TestWhichRequests(t *testing.T) {
	const list = fakegraphtest.ListURL
	single := list + "/" + fakegraphtest.NumberedID(1)
	filtered := list + "?$filter=deviceName%20eq%20'LAPTOP-1'"
	for _, test := range []struct {
		name  string
		fault fault.Fault
		want  string // statuses of list, list, single, filtered, token
	}{
		{"everything", fault.Fault{Status: 503}, "503 503 503 503 503"},
		{"Graph", fault.Fault{Status: 503, Service: fault.Graph}, "503 503 503 503 200"},
		{"Entra ID", fault.Fault{Status: 503, Service: fault.Entra}, "200 200 200 200 503"},
		{"a path", fault.Fault{Status: 503, Path: "/v1.0/deviceManagement/managedDevices/"}, "200 200 503 200 200"},
		{"a method", fault.Fault{Status: 503, Method: "post"}, "200 200 200 200 503"},
		{"a query", fault.Fault{Status: 503, Query: "DEVICENAME EQ 'LAPTOP"}, "200 200 200 503 200"},
		{"an app", fault.Fault{Status: 503, App: strings.ToUpper(fakegraphtest.Client)}, "503 503 503 503 503"},
		{"another app", fault.Fault{Status: 503, App: fakegraphtest.NumberedID(7)}, "200 200 200 200 200"},
		{"all but the first", fault.Fault{Status: 503, Skip: 1}, "200 503 503 503 503"},
		{"two", fault.Fault{Status: 503, Count: 2}, "503 503 200 200 200"},
		{"first pages", fault.Fault{Status: 503, Page: 1}, "503 503 200 503 200"},
		{"later", fault.Fault{Status: 503, From: fakegraphtest.Start.Add(time.Second)}, "200 200 200 200 200"},
		{"earlier", fault.Fault{Status: 503, Until: fakegraphtest.Start}, "200 200 200 200 200"},
		{"for a while", fault.Fault{Status: 503, For: time.Second}, "503 503 503 503 503"},
		{"what it can befall", fault.Fault{Name: "empty_page"}, "200 200 200 200 200"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := newTenant(t)
			u.add(test.fault)
			got := fmt.Sprint(u.get(list).Code, u.get(list).Code, u.get(single).Code, u.get(filtered).Code, token(u))
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			u.h.Advance(time.Second)
			if test.fault.For > 0 && len(u.s.Faults().InForce()) > 0 {
				t.Error("it is in force when its time is over")
			}
		})
	}
}

// TestProbability holds that the draws come from a stream of their own, so that they are the same in each run of a world.
func TestProbability(t *testing.T) {
	struck := func() (pattern string) {
		u := newTenant(t)
		u.add(fault.Fault{Name: "forbidden", Probability: 0.3})
		for range 200 {
			pattern += fmt.Sprint(u.get(fakegraphtest.ListURL).Code/100 - 2)
		}
		return pattern
	}
	one := struck()
	if n := strings.Count(one, "2"); n < 30 || n > 90 {
		t.Errorf("%d of 200 are struck", n)
	}
	if two := struck(); two != one {
		t.Errorf("one run is %s, the other %s", one, two)
	}
}

// TestSpared holds that a fault which found nothing to spoil has not struck.
func TestSpared(t *testing.T) {
	u := newTenant(t)
	u.add(fault.Fault{Name: "next_link_dropped", Count: 1})
	u.add(fault.Fault{Name: "rows_missing", Page: 3, Count: 1})
	u.get(fakegraphtest.ListURL + "?$filter=deviceName%20eq%20'LAPTOP-1'") // one page, no link
	in := u.s.Faults().InForce()
	if len(in) != 2 || in[0].Fault.Name != "next_link_dropped" || in[0].Struck != 0 || in[0].Left != 1 {
		t.Errorf("%+v", in)
	}
	if got := u.scan(fakegraphtest.ListURL); got != "01" {
		t.Errorf("the list is %q", got)
	}
	if in = u.s.Faults().InForce(); len(in) != 1 {
		t.Errorf("%+v", in)
	}
}

// TestClear ends faults by number, by name, and all.
func TestClear(t *testing.T) {
	u := newTenant(t)
	set := u.s.Faults()
	n, err := set.Add(fault.Fault{Name: "reset"})
	if err != nil || !set.Clear(n) || set.Clear(n) {
		t.Errorf("a fault is not cleared once: %v", err)
	}
	u.add(fault.Fault{Name: "slow"})
	u.add(fault.Fault{Name: "reset"})
	u.add(fault.Fault{Name: "slow"})
	if got := set.ClearNamed("slow"); got != 2 || len(set.InForce()) != 1 {
		t.Errorf("%d cleared, left %+v", got, set.InForce())
	}
	set.ClearAll()
	set.Outage(true)
	if got := u.get(fakegraphtest.ListURL).Code; got != 503 {
		t.Errorf("in an outage the status is %d", got)
	}
	set.Outage(false)
	u.page(fakegraphtest.ListURL)
	for range 100 {
		u.add(fault.Fault{Name: "reset"})
	}
	if _, err := set.Add(fault.Fault{Name: "reset"}); err == nil {
		t.Error("there is no end to faults")
	}
}

// BenchmarkNoFault is what the faults cost a request when none is in force.
func BenchmarkNoFault(b *testing.B) {
	set := fault.NewSet(fakegraphtest.Machine(b))
	front := fault.Front{Graph: true, Next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	r := httptest.NewRequest(http.MethodGet, fakegraphtest.ListURL, nil)
	b.ReportAllocs()
	for b.Loop() {
		set.Serve(&front, nil, r)
	}
}

// TestBatch holds that requests inside of a batch are struck one by one, and their connection is left alone.
func TestBatch(t *testing.T) {
	u := newTenant(t)
	batch := func() string {
		t.Helper()
		body := `{"requests":[{"id":"1","method":"GET","url":"/deviceManagement/managedDevices?$select=id"},
			{"id":"2","method":"GET","url":"/deviceManagement/managedDevices/` + fakegraphtest.NumberedID(1) + `?$select=id","dependsOn":["1"]},
			{"id":"3","method":"GET","url":"/deviceManagement/managedDevices/` + fakegraphtest.NumberedID(2) + `?$select=id"}]}`
		w := fakegraphtest.Post(u.s, "https://graph.microsoft.com/v1.0/$batch", "application/json", body, http.Header{"Authorization": {"Bearer " + u.token}})
		var reply struct {
			Responses []struct {
				ID      string
				Status  int
				Headers map[string]string
			}
		}
		fakegraphtest.Decode(t, w, 200, &reply)
		said := map[string]string{}
		for _, r := range reply.Responses {
			said[r.ID] = strings.TrimSpace(fmt.Sprint(r.Status) + " " + r.Headers["Retry-After"])
		}
		return said["1"] + ", " + said["2"] + ", " + said["3"]
	}
	for _, test := range []struct {
		fault fault.Fault
		want  string
	}{
		{fault.Fault{Name: "throttled", Path: "/v1.0/deviceManagement/managedDevices/", RetryAfter: 7 * time.Second}, "200, 429 7, 429 7"},
		{fault.Fault{Name: "gateway_timeout", Page: 1}, "504, 424, 200"},
		{fault.Fault{Name: "reset", Path: "/v1.0/deviceManagement"}, "200, 200, 200"},
	} {
		u.add(test.fault)
		if got := batch(); got != test.want {
			t.Errorf("%s: %s, want %s", test.fault.Name, got, test.want)
		}
		u.s.Faults().ClearAll()
	}
}

// A client that sends its body slowly keeps nobody else waiting while a fault wants to know who asks.
func TestSlowBodyHoldsNobodyUp(t *testing.T) {
	u := newTenant(t)
	u.add(fault.Fault{Status: 503, App: fakegraphtest.NumberedID(7)})
	body, slow := io.Pipe()
	r := httptest.NewRequest(http.MethodPost, "https://login.microsoftonline.com/"+u.s.Directory().Tenant()+"/oauth2/v2.0/token", body)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.s.ServeHTTP(httptest.NewRecorder(), r)
	}()
	if _, err := io.WriteString(slow, "grant_type="); err != nil { // it has been read when this returns
		t.Fatal(err)
	}
	if w := u.get("https://graph.microsoft.com/v1.0/deviceManagement/managedDevices"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	slow.Close()
	<-ended
}
