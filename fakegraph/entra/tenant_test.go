package entra_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/internal/host/testhost"
)

// Apps of the tenant that the tests of users have, beside the one of fakegraphtest.
const (
	publicClient = "9a8b7c6d-0000-4000-8000-000000000002"
	otherClient  = "9a8b7c6d-0000-4000-8000-000000000003"
	redirectURI  = "https://nac.example/link/callback"
)

// tenant has users, and apps that they can use.
func tenant() fakegraph.Config {
	cfg := fakegraphtest.Config()
	nac := &cfg.Directory.Apps[0]
	nac.RedirectURIs = []string{redirectURI, "https://nac.example/other?keep=1", "http://localhost/loop"}
	nac.RequestedRoles = []string{directory.RoleReadDevices, directory.RoleReadApplications}
	nac.DelegatedScopes = []string{"User.Read"}
	nac.Roles = nil
	cfg.Directory.Apps = append(cfg.Directory.Apps,
		directory.App{ClientID: publicClient, DisplayName: "Wi-Fi sign-in", Public: true, ConsentedScopes: []string{"User.Read"}, RedirectURIs: []string{"http://localhost"}},
		directory.App{ClientID: otherClient, Secrets: []directory.Secret{{Value: fakegraphtest.Secret}}, RedirectURIs: []string{redirectURI}})
	cfg.Directory.Users = []directory.User{
		{UPN: "admin@contoso.example", DisplayName: "Ada Admin", Password: "admin-pw", Admin: true},
		{UPN: "anna@contoso.example", DisplayName: "Anna <b>", GivenName: "Anna", Surname: "Example", Password: "anna-pw"},
		{UPN: "disabled@contoso.example", Password: "pw", Disabled: true},
		{UPN: "locked@contoso.example", Password: "pw", Locked: true},
		{UPN: "expired@contoso.example", Password: "pw", PasswordExpired: true},
		{UPN: "mfa@contoso.example", Password: "pw", MFARequired: true},
		{UPN: "nomfa@contoso.example", Password: "pw", MFAUnregistered: true},
		{UPN: "empty@contoso.example"},
	}
	return cfg
}

// A world is a tenant and those who use it.
type world struct {
	*testing.T
	s *fakegraph.Server
	h *testhost.Machine
}

func newWorld(t *testing.T, cfg fakegraph.Config) *world {
	t.Helper()
	s, h := fakegraphtest.New(t, cfg)
	return &world{t, s, h}
}

// form makes a form from pairs.
func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// ropc is a password grant of the public client, with pairs changed.
func ropc(user, password string, change ...string) url.Values {
	f := form("grant_type", "password", "client_id", publicClient, "scope", "openid", "username", user, "password", password)
	for i := 0; i+1 < len(change); i += 2 {
		if f.Del(change[i]); change[i+1] != "" {
			f.Set(change[i], change[i+1])
		}
	}
	return f
}

func (w *world) post(f url.Values) *httptest.ResponseRecorder {
	return fakegraphtest.Post(w.s, fakegraphtest.TokenURL, fakegraphtest.FormType, f.Encode(), nil)
}

// tokens makes a token request that must succeed.
func (w *world) tokens(f url.Values) map[string]any {
	w.Helper()
	var reply map[string]any
	fakegraphtest.Decode(w, w.post(f), http.StatusOK, &reply)
	return reply
}

// refused makes a token request that must fail with a number.
func (w *world) refused(f url.Values, status, number int) entra.ErrorBody {
	w.Helper()
	var e entra.ErrorBody
	fakegraphtest.Decode(w, w.post(f), status, &e)
	if len(e.Codes) != 1 || e.Codes[0] != number || !strings.HasPrefix(e.Description, "AADSTS") {
		w.Errorf("%v: %s %v, want %d", f, e.Error, e.Description, number)
	}
	return e
}

// newRecorder is a reply with the ids that the front gives it.
func newRecorder() *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Header().Set("Request-Id", fakegraphtest.NumberedID(1))
	w.Header().Set("Client-Request-Id", fakegraphtest.NumberedID(2))
	return w
}
