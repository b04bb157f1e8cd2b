package directory

import (
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"nacsim/internal/guid"
)

// An App is an app registration in the tenant, with its service principal.
type App struct {
	// ClientID is its application (client) id, a GUID.
	ClientID string
	// ObjectID is that of the service principal. The default is derived from the ClientID.
	ObjectID string
	// DisplayName is shown in tokens and on consent pages. The default is the ClientID.
	DisplayName string
	// Secrets are the client secrets; each is valid until it expires.
	Secrets []Secret
	// Certificates are those by which client assertions are verified; each is valid until its NotAfter.
	Certificates []*x509.Certificate
	// Public allows to ask for a user's token without a secret or an assertion ("Allow public client flows").
	Public bool
	// RedirectURIs are where a browser may be sent back to.
	RedirectURIs []string
	// Roles are the application permissions that an administrator has consented to, for example [RoleReadDevices].
	// Those of the Intune API, like [RoleDeviceCompliance], are in the same list. A token is issued without any
	// too; Graph then answers 403 (facts 4.2).
	Roles []string
	// RequestedRoles are the application permissions that the registration asks for: what consent of an administrator adds to
	// Roles.
	RequestedRoles []string
	// DelegatedScopes are the delegated permissions of Graph that the registration asks for, like "User.Read": what
	// the scope /.default stands for in a user's token.
	DelegatedScopes []string
	// ConsentedScopes are the delegated permissions that an administrator has consented to for all users.
	ConsentedScopes []string
}

// A Secret is a client secret. A zero Expires means never.
type Secret struct {
	Value   string
	Expires time.Time
}

// Application permissions that a network access control needs: of Microsoft Graph, to read managed devices (facts 2.3) and
// service principals, and of the Intune API, to ask for compliance (facts 2.5).
const (
	RoleReadDevices      = "DeviceManagementManagedDevices.Read.All"
	RoleReadWriteDevices = "DeviceManagementManagedDevices.ReadWrite.All"
	RoleReadApplications = "Application.Read.All"
	RoleDeviceCompliance = "get_device_compliance"
)

// intuneRoles are the application permissions of the Intune API; all others are Graph's.
var intuneRoles = []string{
	"get_data_warehouse", RoleDeviceCompliance, "manage_partner_compliance_policy", "pfx_cert_provider", "scep_challenge_provider",
	"update_device_attributes", "update_device_health",
}

// IsIntuneRole tells a permission of the Intune API from one of Graph.
func IsIntuneRole(role string) bool { return slices.Contains(intuneRoles, role) }

// ErrNoApp is returned for a client id that names no app.
var ErrNoApp = errors.New("no such app")

func (d *Directory) addApp(a App) error {
	if !guid.Valid(a.ClientID) {
		return fmt.Errorf("client id %q is not a GUID", a.ClientID)
	}
	a.ClientID = strings.ToLower(a.ClientID)
	if a.DisplayName == "" {
		a.DisplayName = a.ClientID
	}
	if a.ObjectID == "" {
		a.ObjectID = guid.Derived("servicePrincipal/" + d.tenant + "/" + a.ClientID)
	}
	if !guid.Valid(a.ObjectID) {
		return fmt.Errorf("app %s: object id %q is not a GUID", a.DisplayName, a.ObjectID)
	}
	a.ObjectID = strings.ToLower(a.ObjectID)
	for _, uri := range a.RedirectURIs {
		if u, err := url.Parse(uri); err != nil || u.Scheme == "" || u.Fragment != "" {
			return fmt.Errorf("app %s: redirect URI %q is not an absolute URI without a fragment", a.DisplayName, uri)
		}
	}
	// Changes replace the lists, and must not reach into those of the configuration.
	a.Secrets, a.Certificates, a.RedirectURIs = slices.Clone(a.Secrets), slices.Clone(a.Certificates), slices.Clone(a.RedirectURIs)
	a.Roles, a.RequestedRoles = slices.Clone(a.Roles), slices.Clone(a.RequestedRoles)
	a.DelegatedScopes, a.ConsentedScopes = slices.Clone(a.DelegatedScopes), slices.Clone(a.ConsentedScopes)
	if !d.apps.add(a.ClientID, &a) {
		return fmt.Errorf("client id %q is used twice", a.ClientID)
	}
	return nil
}

// App returns the app of a client id, or false. Its lists are not to be changed.
func (d *Directory) App(clientID string) (App, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	a := d.apps.byID[strings.ToLower(clientID)]
	if a == nil {
		return App{}, false
	}
	return *a, true
}

// Apps are all app registrations, in the order of the configuration.
func (d *Directory) Apps() []App { return copies(d, &d.apps) }

// SetConsent replaces the application permissions that an administrator has consented to. Tokens issued before keep theirs.
func (d *Directory) SetConsent(clientID string, roles ...string) error {
	return d.ChangeApp(clientID, func(a *App) { a.Roles = slices.Clone(roles) })
}

// Consent is an administrator's, to all that the registration asks for.
func (d *Directory) Consent(clientID string) error {
	return d.ChangeApp(clientID, func(a *App) {
		a.Roles = union(a.Roles, a.RequestedRoles)
		a.ConsentedScopes = union(a.ConsentedScopes, a.DelegatedScopes)
	})
}

// RevokeConsent takes back all permissions of an app, application and delegated, those of single users too.
func (d *Directory) RevokeConsent(clientID string) error {
	if err := d.ChangeApp(clientID, func(a *App) { a.Roles, a.ConsentedScopes = nil, nil }); err != nil {
		return err
	}
	return d.forgetConsent(clientID)
}

// SetSecrets replaces the client secrets of an app.
func (d *Directory) SetSecrets(clientID string, secrets ...Secret) error {
	return d.ChangeApp(clientID, func(a *App) { a.Secrets = slices.Clone(secrets) })
}

// SetCertificates replaces the certificates of an app.
func (d *Directory) SetCertificates(clientID string, certificates ...*x509.Certificate) error {
	return d.ChangeApp(clientID, func(a *App) { a.Certificates = slices.Clone(certificates) })
}

// union is a list with what it lacks of another, in a slice of its own.
func union(list, more []string) []string {
	list = slices.Clone(list)
	for _, name := range more {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
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
