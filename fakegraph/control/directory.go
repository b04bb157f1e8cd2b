package control

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"time"

	"nacsim/fakegraph/directory"
)

func (a *API) directoryRoutes() []route {
	const app, user = "/control/apps/{app}", "/control/users/{user}"
	return []route{
		{method: "GET", path: "/control/apps", doc: "the app registrations, without their secrets", do: a.apps},
		{method: "GET", path: app, doc: "an app registration by its client id", do: a.onApp(nil)},
		{method: "POST", path: app + "/consent", doc: "an administrator's consent to all that the registration asks for", do: a.onApp((*directory.Directory).Consent)},
		{method: "DELETE", path: app + "/consent", doc: "take all permissions back; tokens issued before keep theirs", do: a.onApp((*directory.Directory).RevokeConsent)},
		{method: "PUT", path: app + "/consent", doc: "the application permissions consented to, and no others", body: `{"roles": ["DeviceManagementManagedDevices.Read.All"]}`, do: a.setConsent},
		{method: "PUT", path: app + "/secrets", doc: "replace the client secrets", body: `{"secrets": [{"value": "new", "expires": "2027-01-01T00:00:00Z"}]}`, do: a.setSecrets},
		{method: "PUT", path: app + "/certificates", doc: "replace the certificates, in PEM", body: `{"certificates": ["-----BEGIN CERTIFICATE-----\n…"]}`, do: a.setCertificates},
		{method: "POST", path: app + "/revoke", doc: "end the tokens issued to an app before: clients that can handle a claims challenge are sent one, for the others they live on", do: a.onApp(func(d *directory.Directory, id string) error {
			if _, ok := d.App(id); !ok {
				return notFound("no app has the client id %q", id)
			}
			a.target.Entra().RevokeTokens(id)
			return nil
		})},
		{method: "POST", path: "/control/keys/roll", doc: "let another key sign tokens from now on; the one before stays published while its tokens live", do: func(*call) (any, error) { return nil, a.target.Entra().RollKey() }},
		{method: "GET", path: "/control/users", doc: "the users, without their passwords", do: a.users},
		{method: "GET", path: user, doc: "a user by user principal name or object id", do: a.user},
		{method: "PATCH", path: user, doc: "change a user; a new password or disabled ends what was signed in before",
			body: `{"password": "new", "disabled": false, "locked": false, "password_expired": false, "mfa_required": false, "admin": false}`, do: a.patchUser},
		{method: "GET", path: "/control/groups", doc: "the groups with their members", do: a.groups},
		{method: "PUT", path: "/control/groups/{group}/members", doc: "replace the members: users, by object id or name, and groups", body: `{"members": ["anna@contoso.example"]}`, do: a.setMembers},
	}
}

// shownApp is an app registration without its secrets.
type shownApp struct {
	ClientID        string             `json:"client_id"`
	ObjectID        string             `json:"object_id"`
	DisplayName     string             `json:"display_name"`
	Public          bool               `json:"public"`
	RedirectURIs    []string           `json:"redirect_uris"`
	Roles           []string           `json:"roles"`
	RequestedRoles  []string           `json:"requested_roles"`
	DelegatedScopes []string           `json:"delegated_scopes"`
	ConsentedScopes []string           `json:"consented_scopes"`
	Secrets         []shownSecret      `json:"secrets"`
	Certificates    []shownCertificate `json:"certificates"`
}

type shownSecret struct {
	// Hint is how the secret begins, as the portal shows it.
	Hint    string     `json:"hint"`
	Expires *time.Time `json:"expires"`
}

type shownCertificate struct {
	Subject    string    `json:"subject"`
	Thumbprint string    `json:"thumbprint"`
	Expires    time.Time `json:"expires"`
}

// hintLength is how many characters of a secret the portal shows.
const hintLength = 3

func showApp(d directory.App) shownApp {
	s := shownApp{d.ClientID, d.ObjectID, d.DisplayName, d.Public, orEmpty(d.RedirectURIs), orEmpty(d.Roles), orEmpty(d.RequestedRoles),
		orEmpty(d.DelegatedScopes), orEmpty(d.ConsentedScopes), []shownSecret{}, []shownCertificate{}}
	for _, secret := range d.Secrets {
		shown := shownSecret{Hint: secret.Value[:min(hintLength, len(secret.Value)/2)]}
		if !secret.Expires.IsZero() {
			shown.Expires = &secret.Expires
		}
		s.Secrets = append(s.Secrets, shown)
	}
	for _, c := range d.Certificates {
		sum := sha1.Sum(c.Raw) // what Entra ID calls the thumbprint
		s.Certificates = append(s.Certificates, shownCertificate{c.Subject.String(), strings.ToUpper(hex.EncodeToString(sum[:])), c.NotAfter})
	}
	return s
}

// orEmpty makes a list that is [] in JSON and not null.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (a *API) apps(*call) (any, error) {
	shown := []shownApp{}
	for _, app := range a.target.Directory().Apps() {
		shown = append(shown, showApp(app))
	}
	return list{len(shown), shown}, nil
}

// onApp does something to an app, if anything, and answers with how it is then.
func (a *API) onApp(do func(*directory.Directory, string) error) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if do != nil {
			if err := do(a.target.Directory(), c.value("app")); err != nil {
				return nil, err
			}
		}
		app, ok := a.target.Directory().App(c.value("app"))
		if !ok {
			return nil, notFound("no app has the client id %q", c.value("app"))
		}
		return showApp(app), nil
	}
}

func (a *API) setConsent(c *call) (any, error) {
	body, err := decode[struct {
		Roles []string `json:"roles"`
	}](c)
	if err != nil {
		return nil, err
	}
	return a.onApp(func(d *directory.Directory, id string) error { return d.SetConsent(id, body.Roles...) })(c)
}

func (a *API) setSecrets(c *call) (any, error) {
	body, err := decode[struct {
		Secrets []struct {
			Value   string    `json:"value"`
			Expires time.Time `json:"expires"`
		} `json:"secrets"`
	}](c)
	if err != nil {
		return nil, err
	}
	var secrets []directory.Secret
	for _, s := range body.Secrets {
		if s.Value == "" {
			return nil, badRequest("a secret has no value")
		}
		secrets = append(secrets, directory.Secret{Value: s.Value, Expires: s.Expires})
	}
	return a.onApp(func(d *directory.Directory, id string) error { return d.SetSecrets(id, secrets...) })(c)
}

func (a *API) setCertificates(c *call) (any, error) {
	body, err := decode[struct {
		Certificates []string `json:"certificates"`
	}](c)
	if err != nil {
		return nil, err
	}
	var certificates []*x509.Certificate
	for i, text := range body.Certificates {
		block, _ := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, badRequest("certificate %d is not in PEM", i+1)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, badRequest("certificate %d: %v", i+1, err)
		}
		certificates = append(certificates, certificate)
	}
	return a.onApp(func(d *directory.Directory, id string) error { return d.SetCertificates(id, certificates...) })(c)
}

// shownUser is a user without the password.
type shownUser struct {
	ObjectID        string   `json:"object_id"`
	UPN             string   `json:"upn"`
	DisplayName     string   `json:"display_name"`
	Mail            string   `json:"mail"`
	Admin           bool     `json:"admin"`
	Disabled        bool     `json:"disabled"`
	Locked          bool     `json:"locked"`
	PasswordExpired bool     `json:"password_expired"`
	MFARequired     bool     `json:"mfa_required"`
	Groups          []string `json:"groups"`
}

func (a *API) showUser(u directory.User) shownUser {
	s := shownUser{u.ObjectID, u.UPN, u.DisplayName, u.Mail, u.Admin, u.Disabled, u.Locked, u.PasswordExpired, u.MFARequired, []string{}}
	for _, g := range a.target.Directory().GroupsOf(u.ObjectID) {
		s.Groups = append(s.Groups, g.DisplayName)
	}
	return s
}

func (a *API) users(*call) (any, error) {
	shown := []shownUser{}
	for _, u := range a.target.Directory().Users() {
		shown = append(shown, a.showUser(u))
	}
	return list{len(shown), shown}, nil
}

func (a *API) user(c *call) (any, error) {
	u, ok := a.target.Directory().User(c.value("user"))
	if !ok {
		return nil, notFound("no user has the user principal name or object id %q", c.value("user"))
	}
	return a.showUser(u), nil
}

func (a *API) patchUser(c *call) (any, error) {
	body, err := decode[struct {
		Password        *string `json:"password"`
		Disabled        *bool   `json:"disabled"`
		Locked          *bool   `json:"locked"`
		PasswordExpired *bool   `json:"password_expired"`
		MFARequired     *bool   `json:"mfa_required"`
		Admin           *bool   `json:"admin"`
	}](c)
	if err != nil {
		return nil, err
	}
	d, name := a.target.Directory(), c.value("user")
	if body.Password != nil {
		if err := d.SetPassword(name, *body.Password, a.h.Now()); err != nil {
			return nil, err
		}
	}
	if body.Disabled != nil {
		if err := d.SetDisabled(name, *body.Disabled, a.h.Now()); err != nil {
			return nil, err
		}
	}
	err = d.ChangeUser(name, func(u *directory.User) {
		for _, change := range []struct{ to, from *bool }{
			{&u.Locked, body.Locked}, {&u.PasswordExpired, body.PasswordExpired}, {&u.MFARequired, body.MFARequired}, {&u.Admin, body.Admin}} {
			if change.from != nil {
				*change.to = *change.from
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return a.user(c)
}

// shownGroup is a group.
type shownGroup struct {
	ID          string   `json:"id"`
	DisplayName string   `json:"display_name"`
	Members     []string `json:"members"`
}

func (a *API) groups(*call) (any, error) {
	shown := []shownGroup{}
	for _, g := range a.target.Directory().Groups() {
		shown = append(shown, shownGroup{g.ID, g.DisplayName, orEmpty(g.Members)})
	}
	return list{len(shown), shown}, nil
}

func (a *API) setMembers(c *call) (any, error) {
	body, err := decode[struct {
		Members []string `json:"members"`
	}](c)
	if err != nil {
		return nil, err
	}
	if err := a.target.Directory().SetMembers(c.value("group"), body.Members...); err != nil {
		return nil, err
	}
	g, ok := a.target.Directory().Group(c.value("group"))
	if !ok {
		return nil, notFound("no group has the id or name %q", c.value("group"))
	}
	return shownGroup{g.ID, g.DisplayName, orEmpty(g.Members)}, nil
}
