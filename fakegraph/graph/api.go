// Package graph is Microsoft Graph in front of an Intune and a directory: its addresses, query options, errors and quirks.
//
// All addresses stand in tables of routes, one beside the handlers of each kind of entity, with the permissions that they need; the
// tables say what matches, what the log of requests calls it, and what is near to an address that matches nothing. How an entity
// looks is a schema: its properties, what $filter can do with each, and what a list hides.
//
// Two services answer behind Graph, and they differ: Intune ignores what it does not support in a query, throttles by windows of 20
// seconds and says what is wrong in JSON inside JSON; the directory refuses, with errors of its own.
//
// Not served: $metadata, $expand, $search, subscriptions, and the configuration of policies.
//
// Statements of fact refer to facts: graph-and-entra.
package graph

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/wire"
	"nacsim/internal/host"
)

// A Config says how the API behaves where the real one has been seen to behave in several ways. The zero value is the
// likeliest.
type Config struct {
	// PageSize is the default and the largest number of devices in one page of a list. The default is 1000.
	PageSize int
	// UnsupportedFilter says what happens to a $filter that Intune does not support. The default is
	// [FilterIgnored].
	UnsupportedFilter FilterMode
	// EthernetInList says what a list shows as ethernetMacAddress. The default is [EthernetNull].
	EthernetInList EthernetMode
	// TotalCount makes @odata.count of a list of devices the number of all that match, instead of those on the page
	// (facts 2.1: which of them the real service sends when there are more pages is not known).
	TotalCount bool
	// Truncation makes a list of devices without a filter incomplete.
	Truncation Truncation
	// PolicyStatesOfDevices lets a permission on managed devices read the states of their compliance policies. By default
	// DeviceManagementConfiguration.Read.All is needed (facts 2.2).
	PolicyStatesOfDevices bool
	// Throttling limits how many requests are answered.
	Throttling Throttling
}

// Truncation is how a list of devices without a filter is incomplete, as has been seen in large tenants (facts 2.1). A single
// device is found, and so is one by a filter.
type Truncation struct {
	// First ends the list after that many devices, as if there were no more. 0 means no such end.
	First int
	// Every leaves out one device in so many. 0 leaves out none.
	Every int
}

// A FilterMode says what Graph does with a $filter on a property or with an operator that it does not support.
type FilterMode int

const (
	// FilterIgnored answers 200 with the whole collection, as the real service does (facts 2.1).
	FilterIgnored FilterMode = iota
	// FilterStrict answers 400, for finding clients that depend on such a filter.
	FilterStrict
)

// An EthernetMode says what a list shows as ethernetMacAddress. Sources about the real service disagree
// (facts 1.3).
type EthernetMode int

const (
	// EthernetNull shows null in lists; only the single device has the address.
	EthernetNull EthernetMode = iota
	// EthernetSelected shows the address in lists that name it in $select.
	EthernetSelected
	// EthernetAlways shows the address in all lists.
	EthernetAlways
)

// An API is Graph for one tenant. It is safe for concurrent use.
type API struct {
	h         host.Host
	cfg       Config
	intune    *intune.Service
	directory *directory.Directory
	authority *entra.Authority
	tree      *routeNode
	throttle  *throttle
	draw      io.Reader    // what the order of replies in a batch is drawn from
	item      http.Handler // of one request in a batch
}

// New makes the API of a tenant.
func New(h host.Host, i *intune.Service, d *directory.Directory, authority *entra.Authority, cfg Config) (*API, error) {
	if cfg.PageSize == 0 {
		cfg.PageSize = maxPageSize
	}
	if cfg.PageSize < 1 || cfg.PageSize > maxPageSize {
		return nil, fmt.Errorf("page size %d is not within 1 to %d", cfg.PageSize, maxPageSize)
	}
	if err := cfg.Throttling.complete(); err != nil {
		return nil, err
	}
	if cfg.Truncation.First < 0 || cfg.Truncation.Every < 0 {
		return nil, fmt.Errorf("truncation %+v is negative", cfg.Truncation)
	}
	a := &API{h: h, cfg: cfg, intune: i, directory: d, authority: authority,
		tree: newRouteTree(routes), throttle: newThrottle(cfg.Throttling), draw: h.Rand("graph/batch")}
	a.item = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.route(w, r, true) })
	return a, nil
}

// routes are all addresses of the API.
var routes = slices.Concat(managedDeviceRoutes, deviceActionRoutes, policyRoutes, userRoutes, groupRoutes, entraDeviceRoutes, tenantRoutes, batchRoutes)

// ServeHTTP answers a request whose path is canonical (package wire) and whose RequestURI is the path as the client wrote it.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.route(w, r, false) }

// route finds the route of a request, which may be one in a batch, and lets it be served.
func (a *API) route(w http.ResponseWriter, r *http.Request, inBatch bool) {
	version, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if version != "v1.0" && version != "beta" {
		a.fail(w, r, &failure{status: http.StatusNotFound, code: "ResourceNotFound", message: "Invalid version: " + version})
		return
	}
	m := a.tree.find(a.withoutTenant(path))
	route := m.node.route(r.Method)
	if m.unknown != "" || route == nil {
		a.fail(w, r, a.unknown(w, r, m))
		return
	}
	if inBatch && route.path == "$batch" {
		a.fail(w, r, badRequest("A batch cannot be in a batch."))
		return
	}
	note := wire.NoteOf(r)
	note.Route, note.Tenant = route.name(), a.directory.Tenant()
	a.serve(w, &request{Request: r, version: version, route: route, keys: m.keys, note: note, inBatch: inBatch})
}

// withoutTenant takes the tenant off the front of a path below the version, which older clients name there (hamilton), as they
// did for Azure AD Graph.
func (a *API) withoutTenant(path string) string {
	if first, rest, _ := strings.Cut(path, "/"); first == "myorganization" || a.directory.Owns(first) {
		return rest
	}
	return path
}

// serve answers a request that has a route.
func (a *API) serve(w http.ResponseWriter, r *request) {
	if !a.authenticate(w, r) || a.throttled(w, r) || !a.permit(w, r) {
		return
	}
	var err error
	if r.options, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		a.fail(w, r.Request, badRequest("The query cannot be parsed: "+err.Error()))
		return
	}
	if err := r.route.serve(a, w, r); err != nil {
		a.fail(w, r.Request, err)
	}
}
