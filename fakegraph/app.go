package fakegraph

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nacsim/internal/guid"
)

// An App is an app registration in the tenant.
type App struct {
	// ClientID is its application (client) id, a GUID.
	ClientID string
	// DisplayName is shown in tokens. The default is the ClientID.
	DisplayName string
	// Secrets are the client secrets; each is valid until it expires.
	Secrets []Secret
	// Roles are the application permissions of Microsoft Graph that an administrator has consented to, for example
	// [RoleReadDevices]. A token is issued without any too; Graph then answers 403 (facts 4.2).
	Roles []string
}

// A Secret is a client secret. A zero Expires means never.
type Secret struct {
	Value   string
	Expires time.Time
}

// Application permissions of Microsoft Graph that allow to read managed devices (facts 2.3).
const (
	RoleReadDevices      = "DeviceManagementManagedDevices.Read.All"
	RoleReadWriteDevices = "DeviceManagementManagedDevices.ReadWrite.All"
)

var rolesReadDevices = []string{RoleReadDevices, RoleReadWriteDevices}

// ErrNoApp is returned for a client id that names no app.
var ErrNoApp = errors.New("no such app")

func (s *Server) addApp(a App) error {
	if !guid.Valid(a.ClientID) {
		return fmt.Errorf("client id %q is not a GUID", a.ClientID)
	}
	id := strings.ToLower(a.ClientID)
	if s.apps[id] != nil {
		return fmt.Errorf("client id %q is used twice", a.ClientID)
	}
	if a.DisplayName == "" {
		a.DisplayName = a.ClientID
	}
	a.ClientID, a.Secrets, a.Roles = id, slices.Clone(a.Secrets), slices.Clone(a.Roles)
	s.apps[id] = &a
	return nil
}

// app returns a copy of the app, or false.
func (s *Server) app(clientID string) (App, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a := s.apps[strings.ToLower(clientID)]
	if a == nil {
		return App{}, false
	}
	return *a, true
}

// SetConsent replaces the permissions that an administrator has consented to. Tokens issued before keep theirs.
func (s *Server) SetConsent(clientID string, roles ...string) error {
	return s.changeApp(clientID, func(a *App) { a.Roles = slices.Clone(roles) })
}

// SetSecrets replaces the client secrets of an app.
func (s *Server) SetSecrets(clientID string, secrets ...Secret) error {
	return s.changeApp(clientID, func(a *App) { a.Secrets = slices.Clone(secrets) })
}

func (s *Server) changeApp(clientID string, f func(*App)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[strings.ToLower(clientID)]
	if a == nil {
		return fmt.Errorf("fakegraph: app %q: %w", clientID, ErrNoApp)
	}
	f(a)
	return nil
}

// checkSecret tells whether a secret is one of the app's, and whether that one has expired.
func (a *App) checkSecret(secret string, now time.Time) (known, expired bool) {
	for _, s := range a.Secrets {
		if subtle.ConstantTimeCompare([]byte(s.Value), []byte(secret)) != 1 {
			continue
		}
		if s.Expires.IsZero() || now.Before(s.Expires) {
			return true, false
		}
		known, expired = true, true
	}
	return known, expired
}
