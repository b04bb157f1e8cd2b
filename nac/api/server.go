package api

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gorilla/mux"

	"nacsim/internal/host"
	"nacsim/nac/link"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/session"
)

// A NAC does what the API is asked for. Its methods are called from several tasks at once, and may block.
type NAC interface {
	// Account is how the link to Intune is; false means that the NAC has no app registration to link an account with.
	Account() (mdm.Status, bool)
	// BeginLink begins to link an account, and FinishLink ends it with the query of the callback.
	BeginLink() (link.Start, error)
	FinishLink(query string) (mdm.Status, error)
	// Unlink takes the account off.
	Unlink() error
	// PollNow begins a poll out of turn, unless one is under way.
	PollNow() error
	// SessionClients are the clients that have a session, in ascending order, and SessionOf is that of one.
	SessionClients() []string
	SessionOf(client string) (session.Session, bool)
	// Explain is what the policy would say of a session now, and on what.
	Explain(*session.Session) (policy.Decision, policy.MDM)
	// Devices are the records of the device database in the order of their IDs.
	Devices() []mdm.Record
}

// Errors of a NAC that are no fault of the one who asks.
var (
	// ErrNoIntune says that the NAC has no app registration.
	ErrNoIntune = errors.New("the configuration of the NAC has no intune section, so there is nothing to link")
	// ErrNoRedirect says that the NAC has no address that a browser can be sent back to.
	ErrNoRedirect = errors.New("the configuration of the NAC has no intune.link.redirect_uri, so no browser could come back")
	// ErrNotLinked says that no account is linked.
	ErrNotLinked = errors.New("no Intune account is linked")
	// ErrOtherTenant says that another account is linked.
	ErrOtherTenant = errors.New("an account of another tenant is linked; unlink it first")
)

// maxBody bounds the body of a request. No request needs one.
const maxBody = 64 << 10

// A Server is a running API.
type Server struct {
	h      host.Host
	nac    NAC
	cfg    Config
	token  [sha256.Size]byte
	router *mux.Router
	http   host.HTTPServer
}

// Start serves the API until the machine goes down.
func Start(h host.Host, cfg Config, nac NAC) (*Server, error) {
	s, err := newServer(h, cfg, nac)
	if err != nil {
		return nil, err
	}
	if s.http, err = h.ServeHTTP(cfg.Addr, s, cfg.TLS); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	return s, nil
}

func newServer(h host.Host, cfg Config, nac NAC) (*Server, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	s := &Server{h: h, nac: nac, cfg: cfg, token: sha256.Sum256([]byte(cfg.Token)), router: mux.NewRouter()}
	for _, e := range endpoints {
		s.router.HandleFunc(e.path, func(w http.ResponseWriter, r *http.Request) { e.serve(s, w, r) }).Methods(e.method)
	}
	s.router.NotFoundHandler = http.HandlerFunc(s.notFound)
	s.router.MethodNotAllowedHandler = http.HandlerFunc(s.wrongMethod)
	return s, nil
}

// Addr is where the API is served.
func (s *Server) Addr() netip.AddrPort { return s.http.Addr() }

// An endpoint is one thing that can be asked for.
type endpoint struct {
	method, path, doc string
	serve             func(*Server, http.ResponseWriter, *http.Request)
}

// endpoints are all. They are set in init, because the page that lists them is one of them.
var endpoints []endpoint

func init() {
	endpoints = []endpoint{
		{http.MethodGet, "/", "This page.", (*Server).page},
		{http.MethodGet, "/api/v1/account", "How the linked Intune account is: tenant, health, last poll, last error, end of the credential.", (*Server).account},
		{http.MethodPost, "/api/v1/account/link", "Begins to link an account: the reply has the authorization_url to open in a browser. With ?redirect=1 the browser is sent there.", (*Server).beginLink},
		{http.MethodPost, "/api/v1/account/unlink", "Takes the account off. All that is known of devices is forgotten.", (*Server).unlink},
		{http.MethodPost, "/api/v1/account/poll", "Has Intune asked for all devices now.", (*Server).poll},
		{http.MethodGet, "/api/v1/sessions", "The clients that have a session; ?limit=100&after=MAC for more.", (*Server).sessions},
		{http.MethodGet, "/api/v1/sessions/{client}", "The session of one client by its MAC address, and what the policy says of it now, rule by rule.", (*Server).session},
		{http.MethodGet, "/api/v1/devices", "The records of the device database; ?limit=100&after=ID for more.", (*Server).devices},
		{http.MethodGet, link.CallbackPath, "Where Entra sends the browser back to. It takes no token.", (*Server).callback},
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin") // without any, a browser would not say whence its forms come
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	open := r.URL.Path == link.CallbackPath
	switch {
	case !open && !s.authorized(r):
		s.challenge(w, r)
		return
	case !open && crossSite.Check(r) != nil:
		s.fail(w, http.StatusForbidden, "cross_site", "another site has made the browser ask for this")
		return
	}
	if r.Method != http.MethodGet || open {
		s.h.Trace("api", slog.String("from", r.RemoteAddr), slog.String("request", r.Method+" "+r.URL.Path))
	}
	s.router.ServeHTTP(w, r)
}

// crossSite tells requests that another site makes a browser send with its password: they change nothing.
var crossSite = http.NewCrossOriginProtection()

// reply writes a reply.
func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil { // the types here hold nothing that JSON cannot express
		status, body = http.StatusInternalServerError, []byte(`{"error": {"code": "fault", "message": "the reply cannot be written"}}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // who does not read it does not want it
}

type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// fail writes an error.
func (s *Server) fail(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, struct {
		Error problem `json:"error"`
	}{problem{code, message}})
}

// refuse writes the error of a NAC.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrNoIntune), errors.Is(err, ErrNoRedirect):
		s.fail(w, http.StatusConflict, "not_configured", err.Error())
	case errors.Is(err, ErrNotLinked):
		s.fail(w, http.StatusConflict, "not_linked", err.Error()+"; POST /api/v1/account/link begins to link one")
	case errors.Is(err, host.ErrDown):
		s.fail(w, http.StatusServiceUnavailable, "down", "the NAC is ending")
	default:
		s.fail(w, http.StatusBadGateway, "failed", err.Error())
	}
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	var list []string
	for _, e := range endpoints {
		list = append(list, e.method+" "+e.path)
	}
	s.fail(w, http.StatusNotFound, "not_found", fmt.Sprintf("there is no %.100q; there are %s", r.URL.Path, strings.Join(list, ", ")))
}

func (s *Server) wrongMethod(w http.ResponseWriter, r *http.Request) {
	for _, e := range endpoints {
		if e.path == r.URL.Path {
			w.Header().Set("Allow", e.method)
			s.fail(w, http.StatusMethodNotAllowed, "method_not_allowed", e.path+" is asked for with "+e.method)
			return
		}
	}
	w.Header().Set("Allow", http.MethodGet)
	s.fail(w, http.StatusMethodNotAllowed, "method_not_allowed", "this is asked for with GET")
}
