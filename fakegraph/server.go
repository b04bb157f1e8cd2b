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

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/wire"
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
	// Intune has the devices and the compliance policies.
	Intune intune.Config
	// Graph says how the API behaves where the real service has been seen to behave in several ways.
	Graph graph.Config
}

// A Server is Entra ID and Graph for one tenant. All methods are safe for concurrent use.
type Server struct {
	h         host.Host
	cfg       Config
	ids       *guid.Source // of requests
	directory *directory.Directory
	entra     *entra.Authority
	intune    *intune.Service
	graph     *graph.API
	faults    *fault.Set

	mu      sync.Mutex // guards what follows
	serving host.HTTPServer
}

// New checks the configuration, loads the devices of earlier boots, or enrols those of the configuration at the
// first one, and starts their check-ins. It does not listen yet.
func New(h host.Host, cfg Config) (*Server, error) {
	s, err := newServer(h, cfg)
	if err != nil {
		return nil, fmt.Errorf("fakegraph: %w", err)
	}
	return s, nil
}

func newServer(h host.Host, cfg Config) (*Server, error) {
	if !cfg.Addr.IsValid() {
		cfg.Addr = netip.AddrPortFrom(h.Addr(), 443)
	}
	if !guid.Valid(cfg.Tenant) {
		return nil, fmt.Errorf("tenant %q is not a GUID", cfg.Tenant)
	}
	cfg.Tenant = strings.ToLower(cfg.Tenant)
	if cfg.SigningKey == nil {
		return nil, errors.New("no signing key")
	}
	s := &Server{h: h, cfg: cfg, ids: guid.NewSource(h.Rand("fakegraph/guid")), faults: fault.NewSet(h)}
	var err error
	if s.directory, err = directory.Open(h, cfg.Tenant, cfg.Directory); err != nil {
		return nil, err
	}
	if s.entra, err = entra.New(h, s.directory, entra.Config{SigningKey: cfg.SigningKey, TokenLifetime: cfg.TokenLifetime}); err != nil {
		return nil, err
	}
	if s.intune, err = intune.Open(h, cfg.Intune); err != nil {
		return nil, err
	}
	s.graph, err = graph.New(h, s.intune, s.directory, s.entra, cfg.Graph)
	return s, err
}

// Directory is what Entra ID knows of the tenant: what its administrator changes in the portal.
func (s *Server) Directory() *directory.Directory { return s.directory }

// Intune is the device management of the tenant.
func (s *Server) Intune() *intune.Service { return s.intune }

// Faults make requests fail.
func (s *Server) Faults() *fault.Set { return s.faults }

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
	s.intune.Close()
	if serving == nil {
		return nil
	}
	return serving.Close()
}

// ServeHTTP answers one request to Entra ID or Graph. It can be used without Start.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := s.ids.Next()
	clientID := r.Header.Get(wire.ClientRequestID)
	if clientID == "" || len(clientID) > maxClientRequestID {
		clientID = id
	}
	header := w.Header()
	header.Set(wire.RequestID, id)
	header.Set(wire.ClientRequestID, clientID)
	header.Set("x-ms-ags-diagnostic", agsDiagnostic)
	header.Set("Strict-Transport-Security", "max-age=31536000")

	r, _ = wire.WithNote(r)
	r = s.canonical(r)
	isGraph := wire.IsGraph(r, r.URL.Path)
	f, struck := s.faults.Take(isGraph, r.URL.Path)
	if struck && f.Delay > 0 && s.h.Sleep(f.Delay) != nil {
		return
	}
	switch {
	case struck && f.Answer(w):
	case struck && f.Status != 0 && isGraph:
		s.graph.Fail(w, r, f.Status)
	case struck && f.Status != 0:
		s.entra.Fail(w, f.Status)
	case isGraph:
		s.graph.ServeHTTP(w, r)
	default:
		s.entra.ServeHTTP(w, r)
	}
}

const (
	maxClientRequestID = 128
	agsDiagnostic      = `{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"002","RoleInstance":"AM4PEPF000139A1"}}`
)

// canonical is the request with a forgiving path, the scheme that it came by, and in RequestURI the path as the client
// wrote it, for links and error messages.
func (s *Server) canonical(r *http.Request) *http.Request {
	c := *r
	u := *r.URL
	u.Path, u.RawPath, u.Scheme = wire.CanonicalPath(r.URL.Path), "", "https"
	if s.cfg.TLS == nil && r.TLS == nil {
		u.Scheme = "http"
	}
	c.URL, c.RequestURI = &u, r.URL.Path
	return &c
}
