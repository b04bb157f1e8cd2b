package directory

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

// ErrNoApp is returned for a client id that names no app.
var ErrNoApp = errors.New("no such app")

func (d *Directory) addApp(a App) error {
	if !guid.Valid(a.ClientID) {
		return fmt.Errorf("client id %q is not a GUID", a.ClientID)
	}
	id := strings.ToLower(a.ClientID)
	if d.apps[id] != nil {
		return fmt.Errorf("client id %q is used twice", a.ClientID)
	}
	if a.DisplayName == "" {
		a.DisplayName = a.ClientID
	}
	a.ClientID, a.Secrets, a.Roles = id, slices.Clone(a.Secrets), slices.Clone(a.Roles)
	d.apps[id] = &a
	return nil
}

// App returns a copy of the app, or false.
func (d *Directory) App(clientID string) (App, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	a := d.apps[strings.ToLower(clientID)]
	if a == nil {
		return App{}, false
	}
	return *a, true
}

// SetConsent replaces the permissions that an administrator has consented to. Tokens issued before keep theirs.
func (d *Directory) SetConsent(clientID string, roles ...string) error {
	return d.changeApp(clientID, func(a *App) { a.Roles = slices.Clone(roles) })
}

// SetSecrets replaces the client secrets of an app.
func (d *Directory) SetSecrets(clientID string, secrets ...Secret) error {
	return d.changeApp(clientID, func(a *App) { a.Secrets = slices.Clone(secrets) })
}

func (d *Directory) changeApp(clientID string, f func(*App)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.apps[strings.ToLower(clientID)]
	if a == nil {
		return fmt.Errorf("directory: app %q: %w", clientID, ErrNoApp)
	}
	f(a)
	return nil
}

// CheckSecret tells whether a secret is one of the app's, and whether that one has expired.
func (a *App) CheckSecret(secret string, now time.Time) (known, expired bool) {
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
