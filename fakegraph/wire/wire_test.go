package wire

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCanonicalPath(t *testing.T) {
	for path, want := range map[string]string{
		"//v1.0/deviceManagement//managedDevices/": "/v1.0/devicemanagement/manageddevices",
		"":                        "/",
		"/":                       "/",
		"/Beta/X":                 "/beta/x",
		strings.Repeat("/", 9999): "/",
	} {
		if got := CanonicalPath(path); got != want {
			t.Errorf("CanonicalPath(%.40q) = %q, want %q", path, got, want)
		}
	}
}

func TestIsGraph(t *testing.T) {
	for address, want := range map[string]bool{
		"https://127.0.0.1/v1.0/x":                                       true,
		"https://127.0.0.1/beta":                                         true,
		"https://127.0.0.1/v2.0/users":                                   true, // a version that there is not
		"https://127.0.0.1/deviceManagement/managedDevices":              true, // none at all
		"https://GRAPH.microsoft.com/common/x":                           true,
		"https://graph.lab.example/common/x":                             false, // one name for both
		"https://127.0.0.1/common/v2.0/adminconsent":                     false,
		"https://127.0.0.1/vx/oauth2":                                    false,
		"https://127.0.0.1/v/oauth2":                                     false,
		"https://login.microsoftonline.com/contoso.example/oauth2/token": false,
	} {
		r := httptest.NewRequest("GET", address, nil)
		if got := IsGraph(r, CanonicalPath(r.URL.Path)); got != want {
			t.Errorf("IsGraph(%s) = %v", address, got)
		}
	}
}

func TestAuthorityOrigin(t *testing.T) {
	for address, want := range map[string]string{
		"https://graph.microsoft.com/v1.0":      "https://login.microsoftonline.com",
		"https://graph.microsoft.com:8443/v1.0": "https://login.microsoftonline.com:8443",
		"https://127.0.0.1:8443/v1.0":           "https://127.0.0.1:8443",
	} {
		if got := AuthorityOrigin(httptest.NewRequest("GET", address, nil)); got != want {
			t.Errorf("AuthorityOrigin(%s) = %s, want %s", address, got, want)
		}
	}
}

// FuzzCanonicalPath holds that a canonical path is one, and the canonical path of itself: routes are compared with it.
func FuzzCanonicalPath(f *testing.F) {
	f.Add("//v1.0/deviceManagement//managedDevices('X')/")
	f.Add("/\u212A/İ/\xff")
	f.Fuzz(func(t *testing.T, path string) {
		got := CanonicalPath(path)
		if !strings.HasPrefix(got, "/") || strings.Contains(got, "//") || len(got) > 1 && strings.HasSuffix(got, "/") {
			t.Errorf("%q becomes %q", path, got)
		}
		if again := CanonicalPath(got); len(got) <= maxPath && again != got {
			t.Errorf("%q becomes %q, and that %q", path, got, again)
		}
	})
}
