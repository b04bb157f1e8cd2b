package entra_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fakegraphtest"
)

const login = "https://login.microsoftonline.com/"

// A browser keeps cookies, and the page that it shows.
type browser struct {
	w       *world
	cookies map[string]string
	page    *httptest.ResponseRecorder
}

func (w *world) browser() *browser { return &browser{w: w, cookies: map[string]string{}} }

func (b *browser) send(r *http.Request) *browser {
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	b.page = httptest.NewRecorder()
	b.w.s.ServeHTTP(b.page, r)
	for _, c := range b.page.Result().Cookies() {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode {
			b.w.Errorf("cookie %v", c)
		}
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return b
}

func (b *browser) get(address string) *browser {
	return b.send(httptest.NewRequest(http.MethodGet, address, nil))
}

// tag finds elements, and attribute what they have.
var (
	tag       = regexp.MustCompile(`<(form|input|button)\s[^>]*>`)
	attribute = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// submit sends the form of the page with the button of that value, and fields filled in.
func (b *browser) submit(button string, fill ...string) *browser {
	b.w.Helper()
	action, fields, buttons := "", url.Values{}, []string{}
	for _, element := range tag.FindAllString(b.page.Body.String(), -1) {
		a := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(element, -1) {
			a[m[1]] = html.UnescapeString(m[2])
		}
		switch {
		case strings.HasPrefix(element, "<form"):
			action = a["action"]
		case strings.HasPrefix(element, "<input"):
			fields.Set(a["name"], a["value"])
		case a["name"] != "":
			buttons = append(buttons, a["value"])
		}
	}
	if !slices.Contains(buttons, button) {
		b.w.Fatalf("there is no button %q but %q on the page: %d %s", button, buttons, b.page.Code, b.page.Body)
	}
	fields.Set("action", button)
	for i := 0; i+1 < len(fill); i += 2 {
		fields.Set(fill[i], fill[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, login[:len(login)-1]+action, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", fakegraphtest.FormType)
	return b.send(r)
}

func (b *browser) signIn(user, password string) *browser {
	b.w.Helper()
	return b.submit("signin", "login", user, "passwd", password)
}

// shows checks that the page has a text.
func (b *browser) shows(status int, texts ...string) *browser {
	b.w.Helper()
	for _, text := range texts {
		if b.page.Code != status || !strings.Contains(b.page.Body.String(), text) {
			b.w.Fatalf("status %d, want %d with %q: %s %s", b.page.Code, status, text, b.page.Header().Get("Location"), b.page.Body)
		}
	}
	return b
}

// back is what the browser is sent back to the app with.
func (b *browser) back(redirect string) url.Values {
	b.w.Helper()
	location := b.page.Header().Get("Location")
	rest, ok := strings.CutPrefix(location, redirect)
	if b.page.Code != http.StatusFound || !ok {
		b.w.Fatalf("status %d, to %q: %s", b.page.Code, location, b.page.Body)
	}
	q, err := url.ParseQuery(rest[1:])
	if err != nil {
		b.w.Fatal(err)
	}
	return q
}

// is checks pairs of a parameter and its value; a value that ends in "…" is how it begins.
func (w *world) is(q url.Values, pairs ...string) {
	w.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		got, want := q.Get(pairs[i]), pairs[i+1]
		if prefix, ok := strings.CutSuffix(want, "…"); got != want && (!ok || !strings.HasPrefix(got, prefix)) {
			w.Errorf("%s is %q, want %q in %v", pairs[i], got, want, q)
		}
	}
}

func authorizeURL(change ...string) string {
	q := form("client_id", fakegraphtest.Client, "response_type", "code", "redirect_uri", redirectURI, "scope", "openid offline_access User.Read", "state", "s&1", "nonce", "n1")
	for i := 0; i+1 < len(change); i += 2 {
		if q.Del(change[i]); change[i+1] != "" {
			q.Set(change[i], change[i+1])
		}
	}
	return login + fakegraphtest.Tenant + "/oauth2/v2.0/authorize?" + q.Encode()
}

func redeem(code string, change ...string) url.Values {
	f := form("grant_type", "authorization_code", "client_id", fakegraphtest.Client, "client_secret", fakegraphtest.Secret, "redirect_uri", redirectURI, "code", code)
	for i := 0; i+1 < len(change); i += 2 {
		if f.Del(change[i]); change[i+1] != "" {
			f.Set(change[i], change[i+1])
		}
	}
	return f
}

// RFC 6749 section 4.1: sign in, consent, come back with a code that is good once; the second time no page is shown.
func TestCodeFlow(t *testing.T) {
	w := newWorld(t, tenant())
	b := w.browser().get(authorizeURL("login_hint", "anna@contoso.example")).shows(200, "Sign in", `value="anna@contoso.example"`)
	b.signIn("anna@contoso.example", "wrong").shows(200, "AADSTS50126")
	b.signIn("anna@contoso.example", "anna-pw").shows(200, "Permissions requested", "NAC", "User.Read", redirectURI)
	q := b.submit("accept").back(redirectURI)
	w.is(q, "state", "s&1", "error", "")
	reply := w.tokens(redeem(q.Get("code")))
	w.has(w.claims(reply["id_token"].(string)), "nonce", "n1", "aud", fakegraphtest.Client, "preferred_username", "anna@contoso.example")
	w.has(w.claims(reply["access_token"].(string)), "scp", "openid User.Read", "appidacr", "1")
	w.refused(redeem(q.Get("code")), 400, 54005)

	for prompt, want := range map[string]string{"": "code", "none": "code"} {
		if q := b.get(authorizeURL("prompt", prompt)).back(redirectURI); q.Get(want) == "" {
			t.Errorf("prompt %q: %v", prompt, q)
		}
	}
	b.get(authorizeURL("prompt", "login")).shows(200, "Password")
	b.get(authorizeURL("prompt", "consent")).shows(200, "Permissions requested")
	if q := b.get(authorizeURL("prompt", "select_account")).shows(200, "Continue as anna@contoso.example").submit("continue").back(redirectURI); q.Get("code") == "" {
		t.Errorf("picked: %v", q)
	}
	b.get(authorizeURL("prompt", "select_account")).submit("other").shows(200, "Password")
	b.get(login+fakegraphtest.Tenant+"/oauth2/v2.0/logout").shows(200, "signed out")
	w.is(b.get(authorizeURL("prompt", "none")).back(redirectURI), "error", "login_required", "error_description", "AADSTS50058…", "state", "s&1")
	if b.get(login + "common/oauth2/logout?post_logout_redirect_uri=" + redirectURI).page.Header().Get("Location"); b.page.Header().Get("Location") != redirectURI {
		t.Errorf("after logout: %v", b.page.Header())
	}
	b.get(login+"common/oauth2/logout?post_logout_redirect_uri=https://evil.example/").shows(200, "signed out")
}

func TestCodeFlowDeclined(t *testing.T) {
	w := newWorld(t, tenant())
	b := w.browser().get(authorizeURL())
	w.is(b.submit("cancel").back(redirectURI), "error", "access_denied", "error_description", "AADSTS65004…", "state", "s&1", "code", "")
	b.get(authorizeURL()).signIn("anna@contoso.example", "anna-pw")
	w.is(b.submit("cancel").back(redirectURI), "error", "access_denied", "error_description", "AADSTS65004…")
	w.is(b.get(authorizeURL("prompt", "none")).back(redirectURI), "error", "consent_required", "error_description", "AADSTS65001…")
	// A permission that only an administrator can consent to.
	ask := authorizeURL("scope", "Directory.Read.All")
	b.get(ask).shows(403, "Need admin approval", "AADSTS90094")
	w.is(b.submit("return").back(redirectURI), "error", "access_denied", "error_description", "AADSTS90094…")
	b.get(ask).submit("other").signIn("admin@contoso.example", "admin-pw").shows(200, "Directory.Read.All").submit("accept").back(redirectURI)
}

// RFC 7636, OAuth 2.0 Multiple Response Types section 2.1, OAuth 2.0 Form Post Response Mode.
func TestProofKeyAndModes(t *testing.T) {
	cfg := tenant()
	cfg.Directory.Apps[0].ConsentedScopes = []string{"User.Read"}
	w := newWorld(t, cfg)
	b := w.browser().get(authorizeURL()).signIn("mfa@contoso.example", "pw")
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	s256 := base64.RawURLEncoding.EncodeToString(sum[:])
	code := func(change ...string) string { return b.get(authorizeURL(change...)).back(redirectURI).Get("code") }

	reply := w.tokens(redeem(code("code_challenge", s256, "code_challenge_method", "S256"), "code_verifier", verifier))
	w.has(w.claims(reply["access_token"].(string)), "amr", []string{"pwd", "mfa"})
	w.tokens(redeem(code("code_challenge", verifier), "code_verifier", verifier))
	w.tokens(redeem(code("code_challenge", verifier, "code_challenge_method", "plain"), "code_verifier", verifier))
	bound := code("code_challenge", s256, "code_challenge_method", "S256")
	w.refused(redeem(bound, "code_verifier", strings.Repeat("w", 43)), 400, 501481)
	w.refused(redeem(bound), 400, 50148)
	w.tokens(redeem(bound, "code_verifier", verifier)) // a wrong attempt has not spent it
	w.refused(redeem(code(), "code_verifier", verifier), 400, 50148)
	w.refused(redeem(code(), "redirect_uri", "https://nac.example/other?keep=1"), 401, 500112)
	w.refused(redeem(code(), "client_id", otherClient), 400, 70000)
	w.refused(redeem(code(), "redirect_uri", ""), 400, 900144)
	w.refused(redeem("x"), 400, 9002313)
	w.refused(redeem(""), 400, 900144)
	w.refused(redeem(code(), "client_secret", ""), 401, 7000218)
	late := code()
	w.h.Advance(10 * time.Minute)
	w.refused(redeem(late), 400, 70008)

	fragment := b.get(authorizeURL("response_mode", "fragment")).page.Header().Get("Location")
	if !strings.HasPrefix(fragment, redirectURI+"#") {
		t.Errorf("fragment: %s", fragment)
	}
	if kept := b.get(authorizeURL("redirect_uri", "https://nac.example/other?keep=1")).page.Header().Get("Location"); !strings.HasPrefix(kept, "https://nac.example/other?keep=1&code=") {
		t.Errorf("a redirect URI with a query: %s", kept)
	}
	if loop := b.get(authorizeURL("redirect_uri", "http://localhost:49152/loop")).page.Header().Get("Location"); !strings.HasPrefix(loop, "http://localhost:49152/loop?code=") {
		t.Errorf("loopback, RFC 8252 section 7.3: %s", loop)
	}
	b.get(authorizeURL("response_mode", "form_post")).shows(200, `<form method="post" action="`+redirectURI+`">`, `name="state" value="s&amp;1"`, `name="code"`)
	v1 := login + fakegraphtest.Tenant + "/oauth2/authorize?" + form("client_id", fakegraphtest.Client, "response_type", "code", "redirect_uri", redirectURI, "resource", "https://graph.microsoft.com").Encode()
	got := b.get(v1).back(redirectURI)
	if got.Has("state") {
		t.Errorf("a state came from nowhere: %v", got)
	}
	w.tokens(redeem(got.Get("code")))
}

// Facts 4.3, 4.4: what is wrong with the app is shown, never sent; the rest is sent to the app.
func TestAuthorizeErrors(t *testing.T) {
	w := newWorld(t, tenant())
	b := w.browser()
	for _, c := range []struct{ name, value, shown string }{
		{"redirect_uri", "https://evil.example/", "AADSTS50011"}, {"redirect_uri", "", "AADSTS50011"}, {"redirect_uri", redirectURI + "/x", "AADSTS50011"},
		{"redirect_uri", "http://localhost.evil.example/loop", "AADSTS50011"}, {"redirect_uri", "http://localhost:1@evil.example/loop", "AADSTS50011"},
		{"client_id", fakegraphtest.NumberedID(9), "AADSTS700016"}, {"client_id", "", "AADSTS900144"}, {"state", strings.Repeat("s", 9000), "AADSTS90023"},
	} {
		b.get(authorizeURL(c.name, c.value)).shows(400, c.shown, "Trace ID")
	}
	// OpenID Connect Core section 3.1.2.1: the parameters may come by POST too.
	posted := func(query string) *browser {
		r := httptest.NewRequest(http.MethodPost, login+"common/oauth2/v2.0/authorize", strings.NewReader(query))
		r.Header.Set("Content-Type", fakegraphtest.FormType)
		return b.send(r)
	}
	posted(strings.SplitN(authorizeURL(), "?", 2)[1]).shows(200, "Sign in")
	posted("state="+strings.Repeat("s", 9000)).shows(400, "AADSTS90023")
	b.send(httptest.NewRequest(http.MethodPut, authorizeURL(), nil)).shows(400, "AADSTS900561")
	b.get(login+"common/oauth2/v2.0/authorize?%zz").shows(400, "AADSTS90023")
	b.get(strings.Replace(authorizeURL(), fakegraphtest.Tenant, "nobody.example", 1)).shows(400, "AADSTS90002")
	b.get(authorizeURL("client_id", `<script>alert(1)</script>`)).shows(400, "&lt;script&gt;")
	for _, c := range []struct{ name, value, code, number string }{
		{"response_type", "", "invalid_request", "AADSTS900144"}, {"response_type", "token", "unsupported_response_type", "AADSTS70005"},
		{"response_type", "id_token", "unsupported_response_type", "AADSTS700054"}, {"response_mode", "x", "invalid_request", "AADSTS90023"},
		{"prompt", "x", "invalid_request", "AADSTS90023"}, {"code_challenge", "short", "invalid_request", "AADSTS501491"},
		{"code_challenge_method", "S512", "invalid_request", "AADSTS501491"}, {"scope", "", "invalid_request", "AADSTS900144"},
		{"scope", "https://x.example/.default", "invalid_resource", "AADSTS500011"}, {"scope", "User.Read https://api.manage.microsoft.com//.default", "invalid_scope", "AADSTS700022"},
		{"scope", "User.Read https://graph.microsoft.com/.default", "invalid_scope", "AADSTS70011"},
	} {
		w.is(b.get(authorizeURL(c.name, c.value)).back(redirectURI), "error", c.code, "error_description", c.number+":…", "state", "s&1", "error_uri", "…")
	}
}

func consentURL(version, client string) string {
	return login + "common/" + version + "adminconsent?" + form("client_id", client, "redirect_uri", redirectURI, "state", "12345", "scope", "https://graph.microsoft.com/.default").Encode()
}

// Facts 4.4: an administrator consents; then the app has its permissions, after a restart too.
func TestAdminConsent(t *testing.T) {
	w := newWorld(t, tenant())
	roles := func() string {
		app, _ := w.s.Directory().App(fakegraphtest.Client)
		return strings.Join(app.Roles, " ")
	}
	b := w.browser().get(consentURL("", fakegraphtest.Client)).shows(200, "to continue to NAC").signIn("admin@contoso.example", "admin-pw")
	b.shows(200, "Permissions requested", "Read Microsoft Intune devices", directory.RoleReadApplications, "for all users in your organization")
	if roles() != "" {
		t.Errorf("roles before consent: %s", roles())
	}
	q := b.submit("accept").back(redirectURI)
	w.is(q, "tenant", fakegraphtest.Tenant, "admin_consent", "True", "state", "12345", "scope", "", "error", "")
	want := directory.RoleReadDevices + " " + directory.RoleReadApplications
	if roles() != want {
		t.Errorf("roles after consent: %s", roles())
	}
	q = b.get(consentURL("v2.0/", fakegraphtest.Client)).shows(200, "Permissions requested").submit("accept").back(redirectURI)
	w.is(q, "tenant", fakegraphtest.Tenant, "admin_consent", "True", "scope", "https://graph.microsoft.com/.default")
	var err error
	if w.s, err = fakegraph.New(w.h.Restart(), tenant()); err != nil {
		t.Fatal(err)
	}
	if roles() != want {
		t.Errorf("roles after a restart: %s", roles())
	}
	fakegraphtest.GetJSON(t, w.s, fakegraphtest.ListURL, 200, nil)
	// The session outlives the restart too.
	b.get(consentURL("", fakegraphtest.Client)).shows(200, "Permissions requested")
}

// Facts 4.4: the refusal of version 2 says admin_consent=True beside the error.
func TestAdminConsentRefused(t *testing.T) {
	w := newWorld(t, tenant())
	v1, v2 := consentURL("", fakegraphtest.Client), consentURL("v2.0/", fakegraphtest.Client)
	b := w.browser().get(v1).signIn("admin@contoso.example", "admin-pw")
	w.is(b.submit("cancel").back(redirectURI), "error", "permission_denied", "error_description", "AADSTS65004…", "state", "12345", "admin_consent", "")
	w.is(b.get(v2).submit("cancel").back(redirectURI), "error", "consent_required", "error_description", "AADSTS65004…", "state", "12345", "admin_consent", "True")
	app, _ := w.s.Directory().App(fakegraphtest.Client)
	if len(app.Roles) > 0 {
		t.Errorf("refused, and got %v", app.Roles)
	}
	anna := w.browser().get(v1).signIn("anna@contoso.example", "anna-pw").shows(403, "AADSTS90094", "Have an admin account")
	w.is(anna.submit("return").back(redirectURI), "error", "access_denied", "error_description", "AADSTS90094…", "state", "12345")
	// A form that accepts, made by hand out of the page that does not offer it.
	anna.get(v1)
	forged := strings.ReplaceAll(anna.page.Body.String(), `value="return"`, `value="accept"`)
	anna.page.Body.Reset()
	anna.page.Body.WriteString(forged)
	w.is(anna.submit("accept").back(redirectURI), "error", "access_denied", "error_description", "AADSTS90094…")
	w.browser().get(strings.Replace(v1, url.QueryEscape(redirectURI), "https%3A%2F%2Fevil.example", 1)).shows(400, "AADSTS50011")
	// Single permissions instead of all that the registration asks for.
	single := strings.Replace(v2, url.QueryEscape("https://graph.microsoft.com/.default"), url.QueryEscape("https://graph.microsoft.com/User.Read.All"), 1)
	b.get(single).shows(200, "User.Read.All").submit("accept").back(redirectURI)
	if app, _ = w.s.Directory().App(fakegraphtest.Client); len(app.Roles) > 0 || !slices.Equal(app.ConsentedScopes, []string{"User.Read.All"}) {
		t.Errorf("after consent to one permission: %+v", app)
	}
}

// A form holds only in the browser that it was shown to, and for a while; a session ends with the password.
func TestFormsAndSessionsAreBound(t *testing.T) {
	w := newWorld(t, tenant())
	b := w.browser().get(authorizeURL())
	stranger := w.browser()
	stranger.page = b.page
	stranger.signIn("anna@contoso.example", "anna-pw").shows(400, "AADSTS165000")
	w.h.Advance(30 * time.Minute)
	b.signIn("anna@contoso.example", "anna-pw").shows(400, "AADSTS165000", "expired")
	b.get(authorizeURL()).signIn("anna@contoso.example", "anna-pw").shows(200, "Permissions requested")
	b.submit("accept", "ctx", "x").shows(400, "AADSTS165000")
	b.get(authorizeURL()).submit("accept", "action", "accept").back(redirectURI)

	w.h.Advance(time.Second)
	if err := w.s.Directory().SetPassword("anna@contoso.example", "new", w.h.Now()); err != nil {
		t.Fatal(err)
	}
	b.get(authorizeURL()).shows(200, "Password")
	b.signIn("anna@contoso.example", "new").back(redirectURI)
	w.h.Advance(24 * time.Hour)
	b.get(authorizeURL()).shows(200, "Password")
	if policy := b.page.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || b.page.Header().Get("X-Frame-Options") != "DENY" {
		t.Errorf("headers %v", b.page.Header())
	}
}

func TestSignInPage(t *testing.T) {
	cfg := tenant()
	b := newWorld(t, cfg).browser().get(authorizeURL())
	if strings.Contains(b.page.Body.String(), "anna-pw") {
		t.Error("passwords are shown unasked")
	}
	cfg.Entra.ShowPasswords = true
	b = newWorld(t, cfg).browser().get(authorizeURL()).shows(200, "anna-pw", "administrator")
	b.get(authorizeURL("login_hint", `"><script>`)).shows(200, `value="&#34;&gt;&lt;script&gt;"`)
	b.signIn("anna@contoso.example", "anna-pw")
	b.get(consentURL("", fakegraphtest.Client)).shows(403, "Need admin")
}
