// Package page shows a fakegraph to the person who uses it: the tenant, its devices and apps, the faults in force, and the last
// requests with what became of them.
package page

import (
	"bytes"
	"crypto/subtle"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"nacsim/fakegraph/control"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/requestlog"
	"nacsim/fakegraph/wire"
	"nacsim/internal/host"
)

// A Page is served at the root. It is safe for concurrent use.
type Page struct {
	h      host.Host
	target control.Target
	cfg    control.Config
}

// New makes the page of a server. It is for those who may use the control API: with its token as the password (RFC 7617).
func New(h host.Host, target control.Target, cfg control.Config) *Page { return &Page{h, target, cfg} }

//go:embed page.html
var source string

var layout = template.Must(template.New("page").Parse(source))

// ServeHTTP answers a request for the page.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	switch {
	case r.URL.Path != "/" && strings.Trim(r.URL.Path, "/") != "": // what browsers ask for of themselves
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "there is a page here, to be read", http.StatusMethodNotAllowed)
	case p.cfg.Off:
		http.Error(w, "fakegraph; the page and the control API are switched off", http.StatusNotFound)
	case !p.allowed(r):
		h.Set("WWW-Authenticate", `Basic realm="fakegraph: the token of the control API", charset="UTF-8"`)
		http.Error(w, "the password is the token of the control API", http.StatusUnauthorized)
	default:
		var b bytes.Buffer
		if err := layout.Execute(&b, p.view(r)); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		wire.WriteBody(w, http.StatusOK, "text/html; charset=utf-8", b.Bytes())
	}
}

func (p *Page) allowed(r *http.Request) bool {
	_, password, _ := r.BasicAuth()
	return p.cfg.Token == "" || subtle.ConstantTimeCompare([]byte(password), []byte(p.cfg.Token)) == 1
}

// How much of each list is shown.
const (
	maxDevices  = 50
	maxApps     = 50
	maxRequests = 50
	maxSearch   = 100
	// recent is how many requests are looked through for what throttles an app.
	recent = 1000
	// refresh is how often the page is read again, in seconds.
	refresh = 5
)

// view is what the page shows.
type view struct {
	Name, Tenant, Base string
	Domains            []string
	Now                string
	Movable            bool
	// Refresh is in seconds; 0 is never. Toggle leads to the other.
	Refresh int
	Toggle  string

	Search, State  string
	States         []count
	Total, Matched int
	Devices        []device
	Users, Groups  int
	Apps           []app
	MoreApps       int
	Policies       []policy
	Faults         []injected
	Throttles      []throttle

	LastRequest uint64
	Unmatched   int
	Requests    []request
}

// count is how many devices are in a state.
type count struct {
	State string
	Count int
	Link  string
	On    bool
}

type device struct {
	Name, State, Class, Management, MAC, User, OS, Sync, Next, Failing, ID string
}

type app struct {
	Name, ClientID, Roles, Credentials, Warning string
}

type policy struct{ Name, Platform, Requires, Grace string }

type injected struct {
	Number       int
	What         string
	Struck, Left int
}

type throttle struct{ App, State, When string }

type request struct {
	Number                                  uint64
	Time, Status, Class, Took, Method, Path string
	Route, App, Size, Throttle, Fault, Why  string
	Unmatched                               bool
	Batch                                   []request
}

func (p *Page) view(r *http.Request) *view {
	now, d := p.h.Now().UTC(), p.target.Directory()
	v := &view{
		Name: d.DisplayName(), Tenant: d.Tenant(), Base: wire.Origin(r), Domains: d.Domains(), Now: now.Format("2006-01-02 15:04:05") + " UTC",
		Movable: p.cfg.Clock != nil, Users: len(d.Users()), Groups: len(d.Groups()),
	}
	q := r.URL.Query()
	v.Search, v.State = clip(q.Get("q")), clip(q.Get("state"))
	v.Refresh, v.Toggle = refresh, v.link("off")
	if q.Get("refresh") == "off" {
		v.Refresh, v.Toggle = 0, v.link("")
	}
	p.devices(v, now)
	p.apps(v, now)
	p.policies(v)
	p.faults(v)
	p.requests(v)
	return v
}

func clip(s string) string {
	if len(s) > maxSearch {
		return strings.ToValidUTF8(s[:maxSearch], "")
	}
	return s
}

// link leads to the page with the same search.
func (v *view) link(refresh string) string {
	q := url.Values{}
	for _, set := range [][2]string{{"q", v.Search}, {"state", v.State}, {"refresh", refresh}} {
		if set[1] != "" {
			q.Set(set[0], set[1])
		}
	}
	return "/?" + q.Encode()
}

// devices counts the devices by state, and shows the first that are searched for.
func (p *Page) devices(v *view, now time.Time) {
	counts := map[string]int{}
	p.target.Intune().List(intune.ViewGet, intune.Place{}, "", func(d *intune.Device) bool {
		v.Total++
		counts[d.ComplianceState]++
		if v.State != "" && d.ComplianceState != v.State || !control.Matches(d, v.Search) {
			return true
		}
		if v.Matched++; v.Matched <= maxDevices {
			v.Devices = append(v.Devices, showDevice(d, now))
		}
		return true
	})
	for _, state := range intune.States() {
		if n := counts[state]; n > 0 {
			q := url.Values{"state": {state}}
			v.States = append(v.States, count{state, n, "/?" + q.Encode(), state == v.State})
		}
	}
}

func showDevice(d *intune.Device, now time.Time) device {
	s := device{Name: d.Name, State: d.ComplianceState, Class: stateClass(d.ComplianceState), MAC: d.WiFiMAC, User: d.UserPrincipalName,
		OS: strings.TrimSpace(d.OperatingSystem + " " + d.OSVersion), Sync: ago(now, d.LastSync), ID: d.ID}
	if d.ManagementState != intune.Managed {
		s.Management = d.ManagementState
	}
	if d.Off {
		s.Next = "off"
	} else if !d.NextCheckIn.IsZero() {
		s.Next = ago(now, d.NextCheckIn)
	}
	var failing []string
	for _, f := range d.Failing {
		failing = append(failing, string(f))
	}
	s.Failing = strings.Join(failing, ", ")
	if d.Forced != "" {
		s.Failing = "forced"
	}
	return s
}

// stateClass is the colour of a complianceState.
func stateClass(state string) string {
	switch state {
	case intune.StateCompliant:
		return "good"
	case intune.StateInGracePeriod, intune.StateUnknown, intune.StateConfigManager:
		return "fair"
	}
	return "bad"
}

// ago tells a time as a person would.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	after, before := " ago", ""
	if d < 0 {
		d, after, before = -d, "", "in "
	}
	return before + spell(d) + after
}

// spell writes a duration with its two largest units.
func spell(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour && d%time.Hour < time.Minute:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

func (p *Page) apps(v *view, now time.Time) {
	for i, a := range p.target.Directory().Apps() {
		if i == maxApps {
			v.MoreApps++
			continue
		}
		s := app{Name: a.DisplayName, ClientID: a.ClientID, Roles: strings.Join(a.Roles, ", ")}
		if s.Roles == "" {
			s.Warning = "no permission consented"
		}
		var credentials []string
		for _, secret := range a.Secrets {
			credentials = append(credentials, "secret"+expiry(now, secret.Expires))
		}
		for _, c := range a.Certificates {
			credentials = append(credentials, "certificate"+expiry(now, c.NotAfter))
		}
		s.Credentials = strings.Join(credentials, ", ")
		v.Apps = append(v.Apps, s)
	}
}

func expiry(now, t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case !now.Before(t):
		return " expired " + t.UTC().Format(time.DateOnly)
	}
	return " until " + t.UTC().Format(time.DateOnly)
}

func (p *Page) policies(v *view) {
	for _, c := range p.target.Intune().Policies() {
		var require []string
		for _, f := range c.Require {
			require = append(require, string(f))
		}
		s := policy{Name: c.Name, Platform: c.Platform, Requires: strings.Join(require, ", ")}
		if c.Grace > 0 {
			s.Grace = spell(c.Grace)
		}
		v.Policies = append(v.Policies, s)
	}
}

func (p *Page) faults(v *view) {
	for _, f := range p.target.Faults().InForce() {
		what, err := f.Fault.MarshalJSON()
		if err != nil {
			what = []byte(f.Fault.Name)
		}
		v.Faults = append(v.Faults, injected{f.Number, string(what), f.Struck, f.Left})
	}
}

// requests shows the latest, the newest first, and what limits they have run into.
func (p *Page) requests(v *view) {
	log := p.target.Requests()
	entries := log.Entries(requestlog.Filter{Max: recent})
	slices.Reverse(entries)
	v.LastRequest = log.Last()
	names := map[string]string{}
	for _, a := range p.target.Directory().Apps() {
		names[a.ClientID] = a.DisplayName
	}
	throttled := map[string]bool{}
	for i := range entries {
		e := &entries[i]
		if e.Unmatched {
			v.Unmatched++
		}
		if e.Throttle != "" && !throttled[e.App] {
			throttled[e.App] = true
			v.Throttles = append(v.Throttles, throttle{appName(names, e.App), e.Throttle, e.Time.Format(time.TimeOnly)})
		}
		if i < maxRequests {
			v.Requests = append(v.Requests, showRequest(e, names))
		}
	}
}

func appName(names map[string]string, id string) string {
	if name := names[strings.ToLower(id)]; name != "" {
		return name
	}
	return id
}

func showRequest(e *requestlog.Entry, names map[string]string) request {
	s := request{Number: e.Number, Time: e.Time.Format(time.TimeOnly), Status: strconv.Itoa(e.Status), Took: fmt.Sprintf("%.0f ms", e.Milliseconds),
		Method: e.Method, Path: e.Path, Route: e.Route, App: appName(names, e.App), Throttle: e.Throttle, Fault: e.Fault, Why: e.Text, Unmatched: e.Unmatched}
	if e.User != "" {
		s.App = strings.TrimSpace(s.App + " for " + e.User)
	}
	switch {
	case e.Status == 0:
		s.Status, s.Class = "cut", "bad"
	case e.Status >= 500:
		s.Class = "bad"
	case e.Status >= 400:
		s.Class = "fair"
	default:
		s.Class = "good"
	}
	switch {
	case e.Rows > 0:
		s.Size = fmt.Sprintf("%d rows", e.Rows)
	case e.Bytes > 0: // inside of a $batch nobody counts
		s.Size = fmt.Sprintf("%d octets", e.Bytes)
	}
	for i := range e.Batch {
		s.Batch = append(s.Batch, showRequest(&e.Batch[i], names))
	}
	return s
}
