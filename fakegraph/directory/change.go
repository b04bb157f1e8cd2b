package directory

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ChangeApp changes an app registration by a function, which must not block and leaves the ids alone.
func (d *Directory) ChangeApp(clientID string, f func(*App)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.apps.byID[strings.ToLower(clientID)]
	if a == nil {
		return fmt.Errorf("directory: app %q: %w", clientID, ErrNoApp)
	}
	changed := *a
	f(&changed)
	changed.ClientID, changed.ObjectID = a.ClientID, a.ObjectID
	if err := d.save("app/"+a.ClientID+"/", storedApp(a), storedApp(&changed)); err != nil {
		return err
	}
	*a = changed
	return nil
}

// ChangeUser changes a user by a function, which must not block and leaves the ids alone.
func (d *Directory) ChangeUser(idOrUPN string, f func(*User)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.user(idOrUPN)
	if u == nil {
		return fmt.Errorf("directory: user %q: %w", idOrUPN, ErrNoUser)
	}
	changed := *u
	f(&changed)
	changed.ObjectID, changed.UPN = u.ObjectID, u.UPN
	if err := d.save("user/"+u.ObjectID+"/", u, &changed); err != nil {
		return err
	}
	*u = changed
	return nil
}

// An appRecord is an app as it is stored: with the certificates in DER.
type appRecord struct {
	App
	Certificates [][]byte // hides that of App
}

func storedApp(a *App) *appRecord {
	r := &appRecord{App: *a}
	for _, c := range a.Certificates {
		r.Certificates = append(r.Certificates, c.Raw)
	}
	return r
}

func (r *appRecord) app() (App, error) {
	r.App.Certificates = nil
	for _, der := range r.Certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return App{}, err
		}
		r.App.Certificates = append(r.App.Certificates, c)
	}
	return r.App, nil
}

// save stores the fields in which two states of an object differ, each under a key of its own. The caller holds the lock.
func (d *Directory) save(prefix string, before, after any) error {
	old, err := fields(before)
	if err != nil {
		return err
	}
	changed, err := fields(after)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		if bytes.Equal(old[name], changed[name]) {
			continue
		}
		if err := d.store.Put(prefix+name, changed[name]); err != nil {
			return fmt.Errorf("directory: %s%s: %w", prefix, name, err)
		}
	}
	return nil
}

func fields(object any) (map[string]json.RawMessage, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	return m, json.Unmarshal(text, &m)
}

// restore applies the changes of earlier boots. Those of objects that are not in the configuration any more wait for their return.
func (d *Directory) restore() error {
	err := d.store.Scan("", func(key string, value []byte) bool {
		kind, rest, _ := strings.Cut(key, "/")
		id, field, _ := strings.Cut(rest, "/")
		if kind == "consent" {
			var scopes []string
			if json.Unmarshal(value, &scopes) == nil {
				d.consent[rest] = scopes
			}
			return true
		}
		name, _ := json.Marshal(field) // a text always marshals
		d.restoreField(kind, id, slices.Concat([]byte("{"), name, []byte(":"), value, []byte("}")))
		return true
	})
	if err != nil {
		return fmt.Errorf("read the directory store: %w", err)
	}
	d.indexMembers()
	return nil
}

// restoreField applies one stored field. One that cannot be read, as a later version may have written it, is left as configured.
func (d *Directory) restoreField(kind, id string, object []byte) {
	switch kind {
	case "app":
		if a := d.apps.byID[id]; a != nil {
			r := storedApp(a)
			if json.Unmarshal(object, r) == nil {
				if restored, err := r.app(); err == nil {
					*a = restored
				}
			}
		}
	case "user":
		restoreInto(d.users.byID[id], object)
	case "group":
		restoreInto(d.groups.byID[id], object)
	}
}

func restoreInto[T any](v *T, object []byte) {
	if v == nil {
		return
	}
	changed := *v
	if json.Unmarshal(object, &changed) == nil {
		*v = changed
	}
}
