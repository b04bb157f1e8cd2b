package directory

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"nacsim/internal/guid"
)

// A User can sign in.
type User struct {
	// ObjectID is a GUID. The default is derived from the UPN.
	ObjectID string
	// UPN is the user principal name, "anna@contoso.example".
	UPN string
	// DisplayName is shown on pages and in tokens. The default is the UPN.
	DisplayName        string
	GivenName, Surname string
	// Mail is the address. The default is the UPN.
	Mail string
	// Password in clear, as everything here is a play. A user without one cannot sign in.
	Password string
	// Admin can consent for the whole tenant.
	Admin bool

	// Disabled accounts cannot sign in, nor Locked ones.
	Disabled, Locked bool
	// PasswordExpired wants a new password first.
	PasswordExpired bool
	// MFARequired wants a second factor, which a password alone cannot bring; MFAUnregistered says that the user has none yet.
	MFARequired, MFAUnregistered bool
	// SessionsValidFrom is when the password was last changed or the account disabled: refresh tokens and browser sessions
	// of before are no good.
	SessionsValidFrom time.Time
}

// ErrNoUser is returned for a name that is no user's.
var ErrNoUser = errors.New("no such user")

func (d *Directory) addUser(u User) error {
	name, domain, ok := strings.Cut(u.UPN, "@")
	if !ok || name == "" || domain == "" || strings.ContainsAny(u.UPN, " \t\r\n") {
		return fmt.Errorf("user principal name %q does not look like name@domain", u.UPN)
	}
	if u.ObjectID == "" {
		u.ObjectID = guid.Derived("user/" + d.tenant + "/" + strings.ToLower(u.UPN))
	}
	if !guid.Valid(u.ObjectID) {
		return fmt.Errorf("user %s: object id %q is not a GUID", u.UPN, u.ObjectID)
	}
	u.ObjectID = strings.ToLower(u.ObjectID)
	if u.DisplayName == "" {
		u.DisplayName = u.UPN
	}
	if u.Mail == "" {
		u.Mail = u.UPN
	}
	if d.byUPN[strings.ToLower(u.UPN)] != nil || !d.users.add(u.ObjectID, &u) {
		return fmt.Errorf("user %s is there twice", u.UPN)
	}
	d.byUPN[strings.ToLower(u.UPN)] = &u
	return nil
}

// user finds one by object id or UPN. The caller holds the lock.
func (d *Directory) user(idOrUPN string) *User {
	name := strings.ToLower(idOrUPN)
	if u := d.users.byID[name]; u != nil {
		return u
	}
	return d.byUPN[name]
}

// User returns the user with an object id or a user principal name, in any case, or false.
func (d *Directory) User(idOrUPN string) (User, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if u := d.user(idOrUPN); u != nil {
		return *u, true
	}
	return User{}, false
}

// Users are all users, in the order of the configuration.
func (d *Directory) Users() []User { return copies(d, &d.users) }

// copies are copies of all objects of an index.
func copies[T any](d *Directory, x *index[T]) []T {
	d.mu.RLock()
	defer d.mu.RUnlock()
	list := make([]T, len(x.order))
	for i, v := range x.order {
		list[i] = *v
	}
	return list
}

// SetPassword gives a user a new password at a time, which unlocks the account and ends what was signed in before.
func (d *Directory) SetPassword(idOrUPN, password string, now time.Time) error {
	return d.ChangeUser(idOrUPN, func(u *User) {
		u.Password, u.PasswordExpired, u.Locked, u.SessionsValidFrom = password, false, false, now
	})
}

// SetDisabled blocks or allows a user to sign in, from a time on. What was signed in before a block stays ended.
func (d *Directory) SetDisabled(idOrUPN string, disabled bool, now time.Time) error {
	return d.ChangeUser(idOrUPN, func(u *User) {
		if u.Disabled = disabled; disabled {
			u.SessionsValidFrom = now
		}
	})
}
