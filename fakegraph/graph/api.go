// Package graph is Microsoft Graph in front of an Intune and a directory: its addresses, query options, errors and quirks.
//
// Statements of fact refer to facts: graph-and-entra.
package graph

import (
	"fmt"
	"net/http"

	"github.com/gorilla/mux"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/intune"
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
	handler   http.Handler
}

// New makes the API of a tenant.
func New(h host.Host, i *intune.Service, d *directory.Directory, authority *entra.Authority, cfg Config) (*API, error) {
	if cfg.PageSize == 0 {
		cfg.PageSize = maxPageSize
	}
	if cfg.PageSize < 1 || cfg.PageSize > maxPageSize {
		return nil, fmt.Errorf("page size %d is not within 1 to %d", cfg.PageSize, maxPageSize)
	}
	a := &API{h: h, cfg: cfg, intune: i, directory: d, authority: authority}
	a.handler = a.routes()
	return a, nil
}

// ServeHTTP answers a request whose path is canonical (package wire) and whose RequestURI is the path as the client wrote it.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

func (a *API) routes() http.Handler {
	router := mux.NewRouter().SkipClean(true)
	get := router.PathPrefix("/{version:v1\\.0|beta}").Methods(http.MethodGet, http.MethodHead).Subrouter()
	get.HandleFunc("/devicemanagement/manageddevices", a.requireRoles(a.listManagedDevices, rolesReadDevices))
	get.HandleFunc("/devicemanagement/manageddevices/{id}", a.requireRoles(a.getManagedDevice, rolesReadDevices))
	get.HandleFunc("/devicemanagement/manageddevices('{id}')", a.requireRoles(a.getManagedDevice, rolesReadDevices))
	router.NotFoundHandler = http.HandlerFunc(a.serveUnknown)
	router.MethodNotAllowedHandler = http.HandlerFunc(a.serveUnknown)
	return router
}
