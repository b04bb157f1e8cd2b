package entra

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/wire"
)

//go:embed page.html
var pageText string

// pages make what a browser is shown. All that goes into them is escaped for its place.
var pages = template.Must(template.New("page").Parse(pageText))

// A page is what is shown.
type page struct {
	Title, Organization, Text string
	// Action is where the form goes, and State what it brings back. A page without has no form.
	Action, State string

	// SignIn is the sign-in form, with a name filled in and what was wrong the last time. Known is a user who has signed in before.
	SignIn              bool
	Login, Error, Known string
	// Hints are the users with their passwords.
	Hints []hint
	// App asks for the Permissions, in an order made for reading.
	App, AppID, User, Return string
	Permissions              []permission
	// Forever says that the consent is for all users of the organization.
	Forever, Consent, AdminNeeded bool
	// Post is a form that is sent to the app as soon as it is shown.
	Post   string
	Fields []field
	// Details go below.
	Details []field
	Script  template.JS
}

type (
	hint       struct{ UPN, Password, Remark string }
	permission struct{ Name, Text string }
	field      struct{ Name, Value string }
)

// submitScript spares the user a click where scripts run.
const submitScript = "document.forms[0].submit()"

var submitHash = func() string {
	sum := sha256.Sum256([]byte(submitScript))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// show writes a page.
func (a *Authority) show(w http.ResponseWriter, status int, p *page) {
	var b bytes.Buffer
	if err := pages.Execute(&b, p); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	noStore(w)
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"+submitHash+"'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	wire.WriteBody(w, status, "text/html; charset=utf-8", b.Bytes())
}

// errorPage shows the user an error that cannot be sent to the app.
func (a *Authority) errorPage(w http.ResponseWriter, r *http.Request, err error) {
	e := asEntraError(err)
	wire.NoteOf(r).Text = e.Error()
	body := a.describe(w, e)
	a.show(w, e.status, &page{Title: "Sorry, but we’re having trouble signing you in.", Organization: a.directory.DisplayName(), Text: e.Error(),
		Details: []field{{"Trace ID", body.TraceID}, {"Correlation ID", body.CorrelationID}, {"Timestamp", body.Timestamp}}})
}

// signInPage asks for a name and a password. A session offers to go on as the user who has signed in before.
func (a *Authority) signInPage(w http.ResponseWriter, r *http.Request, f *flow, p *page, s *session) {
	var err error
	if p.State, err = a.bind(w, r, f, s); err != nil {
		a.errorPage(w, r, err)
		return
	}
	p.Title, p.SignIn, p.Organization, p.Action = "Sign in", true, a.directory.DisplayName(), "/"+url.PathEscape(f.Tenant)+"/login"
	if p.Known != "" {
		p.Title = "Pick an account"
	}
	if p.Login == "" {
		p.Login = clip(f.Hint)
	}
	if app, ok := a.directory.App(f.Client); ok {
		p.App = app.DisplayName
	}
	if a.cfg.ShowPasswords {
		p.Hints = a.hints()
	}
	status := http.StatusOK
	a.show(w, status, p)
}

// maxHints bounds the list of users on the sign-in page.
const maxHints = 50

func (a *Authority) hints() []hint {
	var list []hint
	for _, u := range a.directory.Users() {
		if u.Password == "" || len(list) == maxHints {
			continue
		}
		h := hint{UPN: u.UPN, Password: u.Password}
		switch {
		case u.Disabled:
			h.Remark = "disabled"
		case u.Admin:
			h.Remark = "administrator"
		}
		list = append(list, h)
	}
	return list
}

// permissionTexts explain the permissions that a network access control asks for. Others are shown by their names.
var permissionTexts = map[string]string{
	directory.RoleReadDevices:      "Read Microsoft Intune devices",
	directory.RoleReadWriteDevices: "Read and write Microsoft Intune devices",
	directory.RoleReadApplications: "Read all applications",
	directory.RoleDeviceCompliance: "Get device compliance information from Microsoft Intune",
	"openid":                       "Sign you in",
	"profile":                      "View your basic profile",
	"email":                        "View your email address",
	"offline_access":               "Maintain access to data you have given it access to",
	"User.Read":                    "Sign you in and read your profile",
	"User.Read.All":                "Read all users' full profiles",
	"GroupMember.Read.All":         "Read all group memberships",
	"Directory.Read.All":           "Read directory data",
}

func (a *Authority) consentPage(w http.ResponseWriter, r *http.Request, f *flow, app directory.App, s *session, user directory.User) {
	state, err := a.bind(w, r, f, s)
	if err != nil {
		a.errorPage(w, r, err)
		return
	}
	names := a.asked(f, &app)
	if f.Kind != flowAuthorize && f.Wanted.All {
		for _, name := range app.RequestedRoles {
			names = union(names, name)
		}
	}
	var list []permission
	for _, name := range names {
		list = append(list, permission{name, permissionTexts[name]})
	}
	a.show(w, http.StatusOK, &page{
		Title: "Permissions requested", Organization: a.directory.DisplayName(), Action: "/" + url.PathEscape(f.Tenant) + "/consent", State: state, Consent: true,
		App: app.DisplayName, AppID: app.ClientID, User: user.UPN, Return: f.Redirect, Permissions: list, Forever: f.Kind != flowAuthorize,
	})
}

func (a *Authority) adminNeededPage(w http.ResponseWriter, r *http.Request, f *flow, s *session, user directory.User) {
	state, err := a.bind(w, r, f, s)
	if err != nil {
		a.errorPage(w, r, err)
		return
	}
	e := refuse(90094, user.UPN)
	wire.NoteOf(r).Text = e.Error()
	app, _ := a.directory.App(f.Client)
	a.show(w, http.StatusForbidden, &page{
		Title: "Need admin approval", Organization: a.directory.DisplayName(), Text: e.Error(), Action: "/" + url.PathEscape(f.Tenant) + "/consent", State: state,
		AdminNeeded: true, App: app.DisplayName, AppID: app.ClientID, User: user.UPN,
	})
}

// formPostPage sends an answer to the app by a form (OAuth 2.0 Form Post Response Mode).
func (a *Authority) formPostPage(w http.ResponseWriter, target string, q url.Values) {
	p := &page{Title: "Working...", Organization: a.directory.DisplayName(), Post: target, Script: submitScript}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		p.Fields = append(p.Fields, field{name, q.Get(name)})
	}
	a.show(w, http.StatusOK, p)
}
