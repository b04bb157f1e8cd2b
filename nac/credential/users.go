package credential

import (
	"encoding/hex"
	"fmt"
	"strings"

	"nacsim/internal/mschap"
)

// Limits on what a file of users may hold, and on what is looked up in it.
const (
	MaxUsers    = 1_000_000
	maxName     = 253 // of a User-Name attribute
	maxPassword = 256
)

// A User is one of a file.
type User struct {
	// Name is compared without regard to case. It may have a realm ("anna@corp.example") or a domain ("CORP\anna").
	Name string
	// Password, or NTHash, the MD4 hash of it in 32 hexadecimal digits.
	Password, NTHash string
	// Disabled users are refused, whatever they prove.
	Disabled bool
	// Groups are those the user is in.
	Groups []string
}

// UsersConfig is what a directory of users is made from.
type UsersConfig struct {
	Users []User
	// Realms may stand behind a user's name, as in "anna@corp.example": the user is looked up with them and then
	// without. "*" means any. Of several the client chooses, so a policy should go by groups rather than by realm then.
	Realms []string
	// Domains may stand before a user's name, as in `CORP\anna`, likewise.
	Domains []string
}

// Users is the directory of a file. It answers at once, and may be used by several tasks.
type Users struct {
	users   map[string]*account
	realms  map[string]bool
	domains map[string]bool
	nobody  Secret
}

type account struct {
	secret   Secret
	disabled bool
	groups   []string
}

// NewUsers checks the users.
func NewUsers(c UsersConfig) (*Users, error) {
	if len(c.Users) > MaxUsers {
		return nil, fmt.Errorf("%d users, at most %d are possible", len(c.Users), MaxUsers)
	}
	u := &Users{users: make(map[string]*account, len(c.Users)), realms: fold(c.Realms), domains: fold(c.Domains), nobody: Password("nobody knows this one")}
	for i := range c.Users {
		name := strings.ToLower(c.Users[i].Name)
		a, err := c.Users[i].account()
		if err != nil {
			return nil, fmt.Errorf("user %.64q: %w", c.Users[i].Name, err)
		}
		if u.users[name] != nil {
			return nil, fmt.Errorf("user %.64q is there twice", c.Users[i].Name)
		}
		u.users[name] = a
	}
	return u, nil
}

func fold(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[strings.ToLower(n)] = true
	}
	return set
}

func (u *User) account() (*account, error) {
	a := &account{disabled: u.Disabled, groups: u.Groups}
	switch {
	case u.Name == "" || len(u.Name) > maxName:
		return nil, fmt.Errorf("name of %d octets, want 1 to %d", len(u.Name), maxName)
	case (u.Password != "") == (u.NTHash != ""):
		return nil, fmt.Errorf("want a password or an NT hash")
	case len(u.Password) > maxPassword:
		return nil, fmt.Errorf("password of %d octets, at most %d are possible", len(u.Password), maxPassword)
	case u.Password != "":
		a.secret = Password(u.Password)
		return a, nil
	}
	var hash [16]byte
	if n, err := hex.Decode(hash[:], []byte(u.NTHash[:min(len(u.NTHash), 32)])); err != nil || n != len(hash) || len(u.NTHash) != 32 {
		return nil, fmt.Errorf("NT hash is not 32 hexadecimal digits")
	}
	if hash == mschap.NTHash(nil) {
		return nil, fmt.Errorf("NT hash is that of the empty password")
	}
	a.secret = NTHash(hash)
	return a, nil
}

// Ask answers before it returns. An unknown user costs as much as a wrong password. That an account is disabled is for
// those who know its password.
func (u *Users) Ask(q Question, answer func(Answer)) { answer(u.check(q)) }

func (u *Users) check(q Question) Answer {
	a := u.find(q.User)
	if a == nil {
		_ = Check(q.Proof, u.nobody)
		return Answer{Reason: UnknownUser, Text: "no such user"}
	}
	result := Check(q.Proof, a.secret)
	switch {
	case result.OK && a.disabled:
		return Answer{Reason: Disabled, Text: "the account is disabled"}
	case result.OK:
		result.Groups = a.groups
	}
	return result
}

// Standing reports whether the user is there and not disabled.
func (u *Users) Standing(user string) Answer {
	a := u.find(user)
	switch {
	case a == nil:
		return Answer{Reason: UnknownUser, Text: "no such user"}
	case a.disabled:
		return Answer{Reason: Disabled, Text: "the account is disabled"}
	}
	return Answer{OK: true, Groups: a.groups}
}

// find looks a name up as it is, and without a realm or domain of ours.
func (u *Users) find(name string) *account {
	if len(name) > maxName {
		return nil
	}
	name = strings.ToLower(name)
	if a := u.users[name]; a != nil {
		return a
	}
	if i := strings.LastIndexByte(name, '@'); i >= 0 && matches(u.realms, name[i+1:]) {
		return u.users[name[:i]]
	}
	if domain, user, ok := strings.Cut(name, `\`); ok && matches(u.domains, domain) {
		return u.users[user]
	}
	return nil
}

func matches(set map[string]bool, name string) bool { return set[name] || set["*"] }
