package directory

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func consentKey(clientID, objectID string) string { return strings.ToLower(clientID) + "/" + objectID }

// ConsentedScopes are the delegated permissions of an app for a user: those that an administrator has consented to for all
// and those that the user has.
func (d *Directory) ConsentedScopes(clientID, idOrUPN string) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	a, u := d.apps.byID[strings.ToLower(clientID)], d.user(idOrUPN)
	if a == nil || u == nil {
		return nil
	}
	return union(a.ConsentedScopes, d.consent[consentKey(clientID, u.ObjectID)])
}

// maxConsented bounds the permissions that a user can consent to for an app; Graph has fewer.
const maxConsented = 1000

// ConsentScopes is a user's consent to delegated permissions of an app, beside those of before.
func (d *Directory) ConsentScopes(clientID, idOrUPN string, scopes ...string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.user(idOrUPN)
	switch {
	case d.apps.byID[strings.ToLower(clientID)] == nil:
		return fmt.Errorf("directory: app %q: %w", clientID, ErrNoApp)
	case u == nil:
		return fmt.Errorf("directory: user %q: %w", idOrUPN, ErrNoUser)
	}
	key := consentKey(clientID, u.ObjectID)
	list := union(d.consent[key], scopes)
	if len(list) > maxConsented {
		return fmt.Errorf("directory: consent: %d permissions for one user are more than %d", len(list), maxConsented)
	}
	value, err := json.Marshal(list)
	if err != nil {
		return err
	}
	if err := d.store.Put("consent/"+key, value); err != nil {
		return fmt.Errorf("directory: consent: %w", err)
	}
	d.consent[key] = list
	return nil
}

// forgetConsent takes back the consent of all users to an app.
func (d *Directory) forgetConsent(clientID string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(d.consent)) {
		if !strings.HasPrefix(key, strings.ToLower(clientID)+"/") {
			continue
		}
		if err := d.store.Delete("consent/" + key); err != nil {
			return fmt.Errorf("directory: consent: %w", err)
		}
		delete(d.consent, key)
	}
	return nil
}

// NeedsAdmin reports whether only an administrator can consent to a delegated permission: to those that reach beyond the user's own
// data. Permissions are compared without regard to case, so case makes no difference here either.
func NeedsAdmin(scope string) bool {
	scope = strings.ToLower(scope)
	if scope == "user.readbasic.all" {
		return false
	}
	return strings.HasSuffix(scope, ".all") || strings.HasPrefix(scope, "devicemanagement") || strings.HasPrefix(scope, "directory.")
}
