package entra_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"nacsim/fakegraph"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fakegraphtest"
)

// Whatever is sent to the token endpoint, the answer is JSON: a token, or an error with a number of the table.
func FuzzTokenEndpoint(f *testing.F) {
	f.Add("contoso.example", false, fakegraphtest.FormType, "", fakegraphtest.TokenForm().Encode())
	f.Add("common", true, fakegraphtest.FormType, "Basic eDp5", ropc("anna@contoso.example", "anna-pw").Encode())
	f.Add(fakegraphtest.Tenant, true, "multipart/form-data; boundary=b", "", "--b\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nrefresh_token\r\n--b--\r\n")
	f.Add("organizations", true, fakegraphtest.FormType, "", redeem("x", "code_verifier", "y", "claims", capable).Encode())
	f.Add("x", true, "", "", form(withAssertion("eyJhbGciOiJub25lIn0.e30.")...).Encode())
	s, err := fakegraph.New(fakegraphtest.Machine(f), tenant())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, of string, v2 bool, contentType, authorization, body string) {
		path := "/" + url.PathEscape(of) + "/oauth2/token"
		if v2 {
			path = "/" + url.PathEscape(of) + "/oauth2/v2.0/token"
		}
		r := httptest.NewRequest(http.MethodPost, "https://login.microsoftonline.com"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var reply struct {
			AccessToken string `json:"access_token"`
			Error       string `json:"error"`
			Codes       []int  `json:"error_codes"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
			t.Fatalf("%v in %q", err, w.Body)
		}
		switch {
		case w.Code == http.StatusOK && reply.AccessToken != "" && reply.Error == "":
		case w.Code >= 400 && w.Code < 500 && reply.AccessToken == "" && reply.Error != "" &&
			(w.Code == 404 || w.Code == 405 || len(reply.Codes) == 1 && slices.Contains(entra.Numbers(), reply.Codes[0])):
		default:
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}

// Whatever query a browser brings, it is shown a page, or sent to an address that the app has registered; nothing of the query is on a page unescaped.
func FuzzAuthorize(f *testing.F) {
	f.Add(strings.SplitN(authorizeURL(), "?", 2)[1], false)
	f.Add(strings.SplitN(authorizeURL("prompt", "none", "response_mode", "fragment"), "?", 2)[1], true)
	f.Add(strings.SplitN(consentURL("", fakegraphtest.Client), "?", 2)[1], true)
	f.Add("client_id=<script>&redirect_uri=javascript:alert(1)", false)
	s, err := fakegraph.New(fakegraphtest.Machine(f), tenant())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string, consent bool) {
		r := httptest.NewRequest(http.MethodGet, "https://login.microsoftonline.com/common/oauth2/v2.0/authorize", nil)
		if consent {
			r.URL.Path = "/common/v2.0/adminconsent"
		}
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		body, location := w.Body.String(), w.Header().Get("Location")
		switch w.Code {
		case http.StatusFound:
			to, err := url.Parse(location)
			if err != nil || to.User != nil || to.Scheme+"://"+to.Host != "https://nac.example" && (to.Scheme != "http" || to.Hostname() != "localhost") {
				t.Errorf("sent to %q", location)
			}
		case http.StatusOK, http.StatusBadRequest:
			if strings.Count(body, "<script") > strings.Count(body, "<script>document.forms[0].submit()</script>") || !strings.HasPrefix(body, "<!DOCTYPE html>") {
				t.Errorf("%s", body)
			}
		default:
			t.Errorf("status %d: %s", w.Code, body)
		}
	})
}
