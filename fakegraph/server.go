package fakegraph

import (
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/fakegraph/control"
	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/nacservice"
	"nacsim/fakegraph/page"
	"nacsim/fakegraph/requestlog"
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

	// Tenant is the directory's GUID. It is required.
	Tenant string
	// Directory has what Entra ID knows: domains, app registrations, users, groups.
	Directory directory.Config
	// SigningKey signs access tokens with RS256. It is required and must be the same after a restart, or tokens
	// issued before are not accepted any more.
	SigningKey *rsa.PrivateKey
	// TokenLifetime is the time an access token can be used, in whole seconds. The default is 3599 s.
	TokenLifetime time.Duration
	// Entra says how the authority behaves.
	Entra entra.Settings
	// Intune has the devices and the compliance policies.
	Intune intune.Config
	// Graph says how the API behaves where the real service has been seen to behave in several ways.
	Graph graph.Config
	// NAC says the same of the compliance retrieval service.
	NAC nacservice.Config

	// PublicURL is what absolute URLs in replies begin with, "https://graph.lab.example". Nil means what the client used.
	PublicURL *url.URL
	// Logged is called with each entry of the log of requests, in their order, and must not block. It may be nil.
	Logged func(requestlog.Entry)
	// Control says who may use the API below /control.
	Control control.Config
	// Restore returns the configuration that the control API's reset begins again with. Nil means this one.
	Restore func() (Config, error)
}

// A Server is Entra ID and Graph for one tenant. All methods are safe for concurrent use.
type Server struct {
	h       host.Host
	cfg     Config
	ids     *guid.Source // of requests
	faults  *fault.Set
	log     *requestlog.Log
	tenant  atomic.Pointer[tenant]
	control *control.API
	page    *page.Page

	resetting sync.Mutex // guards fresh
	fresh     Config     // the tenant as it began

	mu      sync.Mutex // guards what follows
	serving host.HTTPServer
}

// New checks the configuration, loads the devices of earlier boots, or enrols those of the configuration at the
// first one, and starts their check-ins. It does not listen yet.
func New(h host.Host, cfg Config) (*Server, error) {
	if !cfg.Addr.IsValid() {
		cfg.Addr = netip.AddrPortFrom(h.Addr(), 443)
	}
	s := &Server{h: h, cfg: cfg, ids: guid.NewSource(h.Rand("fakegraph/guid")), faults: fault.NewSet(h), log: requestlog.New(cfg.Logged), fresh: cfg}
	t, err := openTenant(h, cfg, s.faults)
	if err != nil {
		return nil, fmt.Errorf("fakegraph: %w", err)
	}
	s.tenant.Store(t)
	s.control = control.New(h, s, cfg.Control)
	s.page = page.New(h, s, cfg.Control)
	return s, nil
}

// Directory is what Entra ID knows of the tenant: what its administrator changes in the portal.
func (s *Server) Directory() *directory.Directory { return s.tenant.Load().directory }

// Entra is the authority of the tenant.
func (s *Server) Entra() *entra.Authority { return s.tenant.Load().entra }

// Intune is the device management of the tenant.
func (s *Server) Intune() *intune.Service { return s.tenant.Load().intune }

// Faults make requests fail.
func (s *Server) Faults() *fault.Set { return s.faults }

// Requests is the log of the last requests to Entra ID and Graph.
func (s *Server) Requests() *requestlog.Log { return s.log }

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
	s.mu.Lock()
	defer s.mu.Unlock()
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
	s.mu.Unlock()
	s.Intune().Close()
	if serving == nil {
		return nil
	}
	return serving.Close()
}
