package play

import (
	"strings"

	"nacsim/fakegraph/directory"
	"nacsim/nac/credential"
	"nacsim/sim/scenario"
)

// signInID is the app registration by which the NAC has Entra ID check passwords.
const signInID = "c0a80000-0000-4000-8000-00000000510e"

// signInApp may do so for all users, without a secret.
func signInApp() directory.App {
	return directory.App{ClientID: signInID, DisplayName: "Network sign-in", Public: true, DelegatedScopes: []string{"User.Read"}, ConsentedScopes: []string{"User.Read"}}
}

// inEntra reports whether the users of the file are in the tenant's directory, and not in the NAC's own.
func (p *player) inEntra() bool { return p.file.Authentication.Directory == scenario.DirectoryEntra }

// directory knows the users of the file, as the steps so far have changed them.
func (p *player) directory() *credential.UsersConfig {
	c := &credential.UsersConfig{}
	if p.inEntra() {
		return nil
	}
	for _, u := range p.users {
		c.Users = append(c.Users, credential.User{Name: u.Name, Password: u.Password, Disabled: u.Disabled, Groups: u.Groups})
	}
	return c
}

// entra is how the NAC asks the tenant's directory.
func (p *player) entra() *credential.EntraConfig {
	if !p.inEntra() {
		return nil
	}
	return &credential.EntraConfig{Tenant: tenantID, ClientID: signInID, Domain: tenantDomain, RootCAs: p.credentials.corp.Pool()}
}

// entraUsers are the users of the file as the tenant's directory has them at first; it keeps what changes by itself.
func (p *player) entraUsers() []directory.User {
	if !p.inEntra() {
		return nil
	}
	users := make([]directory.User, len(p.file.Users))
	for i, u := range p.file.Users {
		users[i] = directory.User{UPN: principalName(u.Name), Password: u.Password, Disabled: u.Disabled}
	}
	return users
}

// principalName is what a user of some name is called in the tenant.
func principalName(name string) string {
	if strings.Contains(name, "@") {
		return name
	}
	if _, account, ok := strings.Cut(name, `\`); ok {
		name = account
	}
	return name + "@" + tenantDomain
}

// setUser changes a user.
func (p *player) setUser(s *scenario.SetUser) error {
	if p.inEntra() {
		return p.onDevice(func() error { return p.setEntraUser(s) })
	}
	for i := range p.users {
		if u := &p.users[i]; strings.EqualFold(u.Name, s.Name) {
			set(&u.Password, s.Password)
			set(&u.Disabled, s.Disabled)
		}
	}
	if !p.up(scenario.HostNAC) {
		return nil // it reads them when it boots
	}
	return p.nac.Reload(p.nacConfig())
}

func (p *player) setEntraUser(s *scenario.SetUser) error {
	users, name, now := p.graph.Directory(), principalName(s.Name), p.world.Now()
	if s.Password != nil {
		if err := users.SetPassword(name, *s.Password, now); err != nil {
			return err
		}
	}
	if s.Disabled == nil {
		return nil
	}
	return users.SetDisabled(name, *s.Disabled, now)
}
