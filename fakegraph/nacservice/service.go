// Package nacservice is the compliance retrieval service of Intune, which network access control systems ask for one device
// at a time instead of polling Graph: NAC 2.0, in the dialect of Cisco ISE (facts: graph-and-entra 2.5).
//
// A client finds it by service discovery, at Graph's servicePrincipals/{id}/endpoints, and brings a token for
// https://api.manage.microsoft.com/ with the permission get_device_compliance:
//
//	GET {uri}/ciscoise/mdminfo/?ise_api_version=3
//	GET {uri}/cisco/devices/?paging=0&querycriteria=guid&value={Intune device ID}&filter=all
//	GET {uri}/cisco/devices/?paging=0&querycriteria=macaddress&value={MAC}&filter=all
//	GET {uri}/cisco/devices/?paging=0&querycriteria=compliance&value=false&deviceidentifier=macaddress&filter=all
//
// The last one lists all devices that do not comply and is answered once in four hours. Version 2 of the dialect, with more
// attributes, is below the address of NACAPIService: ciscoise/mdminfo/?ise_api_version=2 and ciscodeviceinfo/mdm/api/devices/. NAC 1.0,
// the JSON at that address, was retired in 2024 and is answered with 410.
//
// The whole list comes on one page, paging_info is always 0. What the real service sends when there is more is not known.
package nacservice

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/wire"
	"nacsim/internal/host"
)

// A Config says how the service behaves. The zero value is like the real one.
type Config struct {
	// ListInterval is the time that must pass between two queries of an app for all devices that do not comply; earlier ones are
	// answered with 503. The default is 4 h, a negative one means none.
	ListInterval time.Duration
	// GraceFails makes a device in its grace period one that does not comply. Which of the two the real service says is not known.
	GraceFails bool
}

// A Service is the one of a tenant. It is safe for concurrent use.
type Service struct {
	h         host.Host
	cfg       Config
	intune    *intune.Service
	directory *directory.Directory
	authority *entra.Authority

	mu     sync.Mutex           // guards what follows
	listed map[string]time.Time // when each app last asked for the list
}

// New makes the service of a tenant.
func New(h host.Host, i *intune.Service, d *directory.Directory, authority *entra.Authority, cfg Config) *Service {
	if cfg.ListInterval == 0 {
		cfg.ListInterval = 4 * time.Hour
	}
	return &Service{h: h, cfg: cfg, intune: i, directory: d, authority: authority, listed: map[string]time.Time{}}
}

// gateway is what all addresses of the service begin with.
const gateway = "/TrafficGateway/TrafficRoutingService/ResourceAccess"

// An Endpoint is what service discovery tells of a service: its name and where it is on this server.
type Endpoint struct{ Name, Path string }

// The two that are served.
var (
	ComplianceRetrieval = Endpoint{"ComplianceRetrievalService", gateway + "/ComplianceRetrievalService"}
	NACAPI              = Endpoint{"NACAPIService", gateway + "/StatelessNACService"}
)

// Owns reports whether a canonical path is one of the service.
func Owns(path string) bool {
	return path == strings.ToLower(gateway) || strings.HasPrefix(path, strings.ToLower(gateway)+"/")
}

// A refusal is a reply other than the one asked for.
type refusal struct {
	status  int
	code    string
	message string
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status, strings.ReplaceAll(http.StatusText(status), " ", ""), fmt.Sprintf(format, args...)}
}

// A route is one address of the service.
type route struct {
	path    string // behind the gateway
	version int
	serve   func(*Service, *request) ([]byte, *refusal)
}

// name is how a route is written in the request log.
func (c *route) name() string { return "GET " + gateway + c.path }

var routes = []route{
	{"/ComplianceRetrievalService/ciscoise/mdminfo", 3, (*Service).info},
	{"/ComplianceRetrievalService/cisco/devices", 3, (*Service).devices},
	{"/StatelessNACService/ciscoise/mdminfo", 2, (*Service).info},
	{"/StatelessNACService/ciscodeviceinfo/mdm/api/devices", 2, (*Service).devices},
	{"/StatelessNACService/devices", 1, (*Service).retired},
}

// A request is one on its way.
type request struct {
	*http.Request
	version int // of the dialect
	query   url.Values
	app     string
	note    *wire.Note
}

// ServeHTTP answers a request whose path is canonical (package wire).
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	note := wire.NoteOf(r)
	note.Tenant = s.directory.Tenant()
	body, refused := s.serve(w, &request{Request: r, note: note})
	if refused != nil {
		s.refuse(w, r, refused)
		return
	}
	wire.WriteBody(w, http.StatusOK, "application/xml; charset=utf-8", body)
}

// routeOf is the index of the route that matches the path of a request, or -1.
func routeOf(r *http.Request) int {
	path := strings.TrimPrefix(r.URL.Path, strings.ToLower(gateway))
	return slices.IndexFunc(routes, func(c route) bool { return strings.EqualFold(c.path, path) })
}

// RouteOf is the name of the route that matches the path of a request, or "".
func RouteOf(r *http.Request) string {
	if i := routeOf(r); i >= 0 {
		return routes[i].name()
	}
	return ""
}

func (s *Service) serve(w http.ResponseWriter, r *request) ([]byte, *refusal) {
	i := routeOf(r.Request)
	if i < 0 {
		s.h.Trace("drop", slog.String("from", r.RemoteAddr), slog.String("reason", "no such route"), slog.String("method", r.Method), slog.String("path", r.RequestURI))
		return nil, refuse(http.StatusNotFound, "No service is at this address. Known are %s.", known())
	}
	r.note.Route = routes[i].name()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return nil, refuse(http.StatusMethodNotAllowed, "Only GET is allowed.")
	}
	grant, err := s.authority.Check(bearer(r.Request), entra.IntuneAudience)
	if err != nil {
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+entra.IntuneAudience+`"`)
		return nil, refuse(http.StatusUnauthorized, "%s", err)
	}
	r.app, r.note.App, r.version = grant.ClientID, grant.ClientID, routes[i].version
	if !slices.Contains(grant.Roles, directory.RoleDeviceCompliance) {
		return nil, refuse(http.StatusForbidden, "The token lacks the permission %s of the Intune API.", directory.RoleDeviceCompliance)
	}
	if r.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, refuse(http.StatusBadRequest, "The query cannot be parsed: %v", err)
	}
	return routes[i].serve(s, r)
}

func known() string {
	var paths []string
	for _, c := range routes {
		paths = append(paths, gateway+c.path)
	}
	return strings.Join(paths, ", ")
}

// bearer returns the token of an Authorization header (RFC 6750 section 2.1), or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// refuse answers with an error.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, f *refusal) {
	if note := wire.NoteOf(r); note.Text == "" {
		note.Text = f.message
	}
	body, err := json.Marshal(map[string]string{"ErrorCode": f.code, "Message": f.message, "ActivityId": w.Header().Get(wire.ClientRequestID)})
	if err != nil {
		body = nil // strings always marshal
	}
	wire.WriteBody(w, f.status, "application/json; charset=utf-8", body)
}

// Fail answers with what the service says for a status that a fault asks for.
func (s *Service) Fail(w http.ResponseWriter, r *http.Request, status int) {
	s.refuse(w, r, refuse(status, "An error has occurred"))
}

// AppOf is the client id of the app whose token a request bears, or "" when it bears no good one.
func (s *Service) AppOf(r *http.Request) string {
	grant, err := s.authority.Check(bearer(r), entra.IntuneAudience)
	if err != nil {
		return ""
	}
	return grant.ClientID
}

// retired answers at the addresses of NAC 1.0.
func (s *Service) retired(*request) ([]byte, *refusal) {
	return nil, refuse(http.StatusGone, "NAC 1.0 was retired on 2024-03-24. Ask the %s instead.", ComplianceRetrieval.Name)
}
