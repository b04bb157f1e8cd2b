package fakegraph

import (
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"nacsim/internal/guid"
	"nacsim/internal/host"
)

// A Config describes a tenant and the machine that serves it. The zero value of an optional field means the
// default that its comment names.
type Config struct {
	// Addr is where Start listens. The default is port 443 of the machine's address.
	Addr netip.AddrPort
	// TLS holds the server certificate, which should name login.microsoftonline.com and graph.microsoft.com.
	// Nil serves plain HTTP, which real client libraries refuse.
	TLS *tls.Config
	// SigningKey signs access tokens with RS256. It is required and must be the same after a restart, or tokens
	// issued before are not accepted any more.
	SigningKey *rsa.PrivateKey

	// Tenant is the directory's GUID. It is required.
	Tenant string
	// Domains are verified domain names by which the tenant can be named too.
	Domains []string
	// Apps are the app registrations that can obtain tokens.
	Apps []App
	// TokenLifetime is the time an access token can be used, in whole seconds. The default is 3599 s.
	TokenLifetime time.Duration

	// Devices are enrolled when the machine boots for the first time. Later boots find them in the store.
	Devices []DeviceConfig
	// MaxDevices bounds the number of devices. The default is 200,000.
	MaxDevices int
	// Compliance is the policy assigned to all devices. Nil means that none is assigned, and a device without a
	// policy is compliant (the tenant default, facts 1.5).
	Compliance *CompliancePolicy
	// CheckIn is the interval of routine check-ins. The default is 8 h.
	CheckIn time.Duration
	// EarlyCheckIns are the times after enrolment of the check-ins that precede the routine, beside the one right
	// after enrolment. Nil means those of the device's operating system (facts 1.5): [WindowsEarlyCheckIns] or
	// [AppleEarlyCheckIns]. An empty list means none.
	EarlyCheckIns []time.Duration

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

// A Server is Entra ID and Graph for one tenant. All methods are safe for concurrent use.
type Server struct {
	h       host.Host
	cfg     Config
	handler http.Handler
	tokens  *tokens
	guids   guidSource

	mu      sync.RWMutex // guards what follows
	store   host.Store
	devices inventory
	apps    map[string]*App // by lower-case client id
	faults  []*activeFault
	outage  bool
	fault   int // number of the latest fault
	serving host.HTTPServer
}

// New checks the configuration, loads the devices of earlier boots, or enrols those of the configuration at the
// first one, and starts their check-ins. It does not listen yet.
func New(h host.Host, cfg Config) (*Server, error) {
	if err := cfg.complete(h); err != nil {
		return nil, fmt.Errorf("fakegraph: %w", err)
	}
	store, err := h.Store("intune")
	if err != nil {
		return nil, fmt.Errorf("fakegraph: open the device store: %w", err)
	}
	s := &Server{h: h, cfg: cfg, store: store, devices: newInventory(), apps: map[string]*App{}}
	s.guids.r = h.Rand("fakegraph/guid")
	if s.tokens, err = newTokens(cfg.SigningKey, cfg.Tenant, cfg.TokenLifetime, &s.guids); err != nil {
		return nil, fmt.Errorf("fakegraph: %w", err)
	}
	for _, a := range cfg.Apps {
		if err := s.addApp(a); err != nil {
			return nil, fmt.Errorf("fakegraph: %w", err)
		}
	}
	s.handler = s.routes()
	if err := s.boot(); err != nil {
		return nil, fmt.Errorf("fakegraph: %w", err)
	}
	return s, nil
}

// complete fills in defaults and reports what cannot work.
func (c *Config) complete(h host.Host) error {
	if !c.Addr.IsValid() {
		c.Addr = netip.AddrPortFrom(h.Addr(), 443)
	}
	if c.SigningKey == nil {
		return errors.New("no signing key")
	}
	if !guid.Valid(c.Tenant) {
		return fmt.Errorf("tenant %q is not a GUID", c.Tenant)
	}
	c.Tenant = strings.ToLower(c.Tenant)
	if c.TokenLifetime == 0 {
		c.TokenLifetime = 3599 * time.Second
	}
	if c.TokenLifetime < time.Second {
		return fmt.Errorf("token lifetime %v is shorter than a second", c.TokenLifetime)
	}
	if c.MaxDevices == 0 {
		c.MaxDevices = 200_000
	}
	if c.CheckIn == 0 {
		c.CheckIn = 8 * time.Hour
	}
	if c.CheckIn < time.Second {
		return fmt.Errorf("check-in interval %v is shorter than a second", c.CheckIn)
	}
	if c.PageSize == 0 {
		c.PageSize = maxPageSize
	}
	if c.PageSize < 1 || c.PageSize > maxPageSize {
		return fmt.Errorf("page size %d is not within 1 to %d", c.PageSize, maxPageSize)
	}
	for i, d := range c.EarlyCheckIns {
		if d <= 0 || i > 0 && d <= c.EarlyCheckIns[i-1] {
			return fmt.Errorf("early check-in %v: times after enrolment must be positive and ascending", d)
		}
	}
	if c.Compliance != nil {
		return c.Compliance.check()
	}
	return nil
}

// Start listens at the configured address.
func (s *Server) Start() error {
	serving, err := s.h.ServeHTTP(s.cfg.Addr, s, s.cfg.TLS)
	if err != nil {
		return fmt.Errorf("fakegraph: listen at %v: %w", s.cfg.Addr, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving = serving
	return nil
}

// Addr is the address of a started server, or the zero value.
func (s *Server) Addr() netip.AddrPort {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.serving == nil {
		return netip.AddrPort{}
	}
	return s.serving.Addr()
}

// Close stops listening and ends the check-ins.
func (s *Server) Close() error {
	s.mu.Lock()
	serving := s.serving
	s.serving = nil
	for _, e := range s.devices.order {
		e.disarm()
	}
	s.mu.Unlock()
	if serving == nil {
		return nil
	}
	return serving.Close()
}

// ServeHTTP answers one request to Entra ID or Graph. It can be used without Start.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := s.guids.next()
	clientID := r.Header.Get("client-request-id")
	if clientID == "" || len(clientID) > maxClientRequestID {
		clientID = requestID
	}
	header := w.Header()
	header.Set(headerRequestID, requestID)
	header.Set(headerClientRequestID, clientID)
	header.Set("x-ms-ags-diagnostic", agsDiagnostic)
	header.Set("Strict-Transport-Security", "max-age=31536000")

	path := canonicalPath(r.URL.Path)
	if s.answerFault(w, r, path) {
		return
	}
	canonical := *r
	u := *r.URL
	u.Path, u.RawPath = path, ""
	canonical.URL = &u
	canonical.RequestURI = r.URL.Path // as the client wrote it, for error messages
	s.handler.ServeHTTP(w, &canonical)
}

const (
	headerRequestID       = "Request-Id"
	headerClientRequestID = "Client-Request-Id"
	maxClientRequestID    = 128
	agsDiagnostic         = `{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"002","RoleInstance":"AM4PEPF000139A1"}}`
)

// origin is what absolute URLs in the reply to r begin with.
func (s *Server) origin(r *http.Request) string {
	if s.cfg.TLS == nil && r.TLS == nil {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}

// routes maps canonical paths to handlers.
func (s *Server) routes() http.Handler {
	router := mux.NewRouter().SkipClean(true)
	router.HandleFunc("/{tenant}/oauth2/v2.0/token", s.serveToken(true))
	router.HandleFunc("/{tenant}/oauth2/token", s.serveToken(false))
	get := router.Methods(http.MethodGet, http.MethodHead).Subrouter()
	get.HandleFunc("/common/discovery/instance", s.serveInstanceDiscovery)
	get.HandleFunc("/{tenant}/v2.0/.well-known/openid-configuration", s.serveOpenIDConfiguration(true))
	get.HandleFunc("/{tenant}/.well-known/openid-configuration", s.serveOpenIDConfiguration(false))
	get.HandleFunc("/{tenant}/discovery/v2.0/keys", s.serveKeys)
	get.HandleFunc("/{tenant}/discovery/keys", s.serveKeys)

	graph := get.PathPrefix("/{version:v1\\.0|beta}").Subrouter()
	graph.HandleFunc("/devicemanagement/manageddevices", s.requireRoles(s.listManagedDevices, rolesReadDevices))
	graph.HandleFunc("/devicemanagement/manageddevices/{id}", s.requireRoles(s.getManagedDevice, rolesReadDevices))
	graph.HandleFunc("/devicemanagement/manageddevices('{id}')", s.requireRoles(s.getManagedDevice, rolesReadDevices))

	router.NotFoundHandler = http.HandlerFunc(s.serveUnknown)
	router.MethodNotAllowedHandler = http.HandlerFunc(s.serveUnknown)
	return router
}
