package entra_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fakegraphtest"
)

// Each number of the table is expected by some test of this package, and each number that a test expects is in the table: a row that nothing
// leads to is not known to be right. Those of 9xxxx that are about the service itself befall an app by faults.
func TestEveryErrorIsExpectedSomewhere(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range files {
		if name == "errortable_test.go" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, number := range entra.Numbers() {
		if slices.Contains(byFault, number) {
			continue
		}
		if !regexp.MustCompile(`\b(AADSTS)?` + strconv.Itoa(number) + `\b`).MatchString(all.String()) {
			t.Errorf("no test expects AADSTS%d", number)
		}
	}
}

// byFault are the errors that come by faults only.
var byFault = []int{90006, 90014, 90024, 90033, 90055}

// Facts 4.3: the table has one row for each number, with an OAuth 2.0 error and a status of its own.
func TestErrorTable(t *testing.T) {
	numbers := entra.Numbers()
	slices.Sort(numbers)
	if len(slices.Compact(slices.Clone(numbers))) != len(numbers) || len(numbers) < 50 {
		t.Errorf("numbers %v", numbers)
	}
	s, _ := fakegraphtest.New(t, fakegraphtest.Config())
	for _, c := range []struct {
		status, number, want, shown int
	}{
		{0, 90055, 429, 90055}, {0, 90033, 503, 90033}, {503, 90024, 503, 90024}, {0, 90006, 503, 90006}, {429, 0, 429, 90055}, {401, 0, 401, 7000215},
		{400, 0, 400, 90014}, {502, 0, 502, 90033}, {504, 12345, 504, 90033}, {404, 0, 404, 0}, {0, 7000222, 401, 7000222}, {0, 700027, 401, 700027}, {0, 50057, 400, 50057},
	} {
		w := newRecorder()
		s.Entra().Fail(w, c.status, c.number)
		var e entra.ErrorBody
		fakegraphtest.Decode(t, w, c.want, &e)
		if c.shown == 0 {
			if e.Error != "invalid_request" || len(e.Codes) != 0 {
				t.Errorf("%d for %d: %+v", c.status, c.number, e)
			}
			continue
		}
		if e.Codes[0] != c.shown || e.Error == "" || strings.Contains(e.Description, "%") {
			t.Errorf("%d for %d: %+v", c.status, c.number, e)
		}
	}
}

// Facts 4.3: older replies have a line for each part of the description.
func TestErrorLayout(t *testing.T) {
	cfg := tenant()
	cfg.Entra.ErrorLayout = entra.ErrorLines
	w := newWorld(t, cfg)
	id := "11111111-2222-4333-8444-555555555555"
	var e entra.ErrorBody
	fakegraphtest.Decode(t, fakegraphtest.Post(w.s, fakegraphtest.TokenURL+"?client-request-id="+id, fakegraphtest.FormType, ropc("anna@contoso.example", "x").Encode(), nil), 400, &e)
	lines := strings.Split(e.Description, "\r\n")
	if len(lines) != 4 || lines[0] != "AADSTS50126: Error validating credentials due to invalid username or password." || lines[1] != "Trace ID: "+e.TraceID ||
		lines[2] != "Correlation ID: "+id || lines[3] != "Timestamp: 2026-01-05 08:00:00Z" || e.CorrelationID != id {
		t.Errorf("%q", lines)
	}
	if e.URI != "https://login.microsoftonline.com/error?code=50126" {
		t.Errorf("error_uri %s", e.URI)
	}
	if e := w.refused(ropc("mfa@contoso.example", "pw"), 400, 50076); e.SubError != "basic_action" {
		t.Errorf("suberror %q", e.SubError)
	}
}

// An unmatched request says what was near.
func TestUnknownPaths(t *testing.T) {
	s, h := fakegraphtest.New(t, fakegraphtest.Config())
	for _, c := range []struct {
		method, path string
		status       int
		shown        string
	}{
		{"GET", "contoso.example/oauth2/v2/token", 404, "Did you mean /{tenant}/oauth2/token?"},
		{"GET", "contoso.example/oauth2/v2.0/tokens", 404, "Did you mean /{tenant}/oauth2/v2.0/token?"},
		{"GET", "contoso.example/adminConsents", 404, "/{tenant}/adminconsent?"},
		{"GET", "contoso.example/.well-known/openid-configuration.json", 404, "/{tenant}/.well-known/openid-configuration?"},
		{"GET", "a/b/c/d/e/f/g", 404, "There is no /a/b/c/d/e/f/g here."},
		{"POST", "contoso.example/discovery/v2.0/keys", 405, "takes GET, not POST"},
		{"GET", "contoso.example/login", 405, "takes POST, not GET"},
	} {
		var e entra.ErrorBody
		if c.method == "GET" {
			fakegraphtest.Decode(t, fakegraphtest.Get(s, login+c.path, nil), c.status, &e)
		} else {
			fakegraphtest.Decode(t, fakegraphtest.Post(s, login+c.path, fakegraphtest.FormType, "", nil), c.status, &e)
		}
		if !strings.Contains(e.Description, c.shown) || len(e.Codes) > 0 {
			t.Errorf("%s: %+v", c.path, e)
		}
	}
	if h.Traced("drop", "reason=no such route") == 0 {
		t.Error("nothing was traced")
	}
	if w := fakegraphtest.Get(s, login+"contoso.example/login", http.Header{}); w.Header().Get("Allow") != "POST" {
		t.Errorf("Allow %q", w.Header().Get("Allow"))
	}
}
