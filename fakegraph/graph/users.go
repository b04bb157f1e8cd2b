package graph

import (
	"net/http"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/intune"
)

// Permissions on users and groups (facts 2.3 and the permissions reference of Graph).
var (
	readUsers      = []string{"User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readSelf       = append([]string{"User.Read", "User.ReadWrite"}, readUsers...)
	readOf         = []string{"User.Read.All", "User.ReadWrite.All", "GroupMember.Read.All", "Group.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readMyOf       = append([]string{"User.Read"}, readOf...)
	revokeSessions = []string{"User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	readGroup      = []string{"GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
)

// userRoutes are those of users, and of the one who is signed in.
var userRoutes = []route{
	{http.MethodGet, "users", readUsers, ofDirectory, false, (*API).listUsers},
	{http.MethodGet, "users/{id}", readUsers, ofDirectory, false, (*API).getUser},
	{http.MethodGet, "users/{id}/managedDevices", readDevices, ofIntune, false, (*API).listUserDevices},
	{http.MethodPost, "users/{id}/revokeSignInSessions", revokeSessions, ofDirectory, false, (*API).revokeSignInSessions},
	{http.MethodPost, "me/revokeSignInSessions", revokeSessions, ofDirectory, true, (*API).revokeSignInSessions},
	{http.MethodGet, "me", readSelf, ofDirectory, true, (*API).getUser},
	{http.MethodGet, "me/managedDevices", readDevices, ofIntune, true, (*API).listUserDevices},
}

// users is the type user. The properties that are not marked are those that Graph shows without $select.
var users = newSchema("user",
	literalOf[directory.User]("businessPhones", "[]"),
	nullable("displayName", anyText, func(u *directory.User) string { return u.DisplayName }),
	nullable("givenName", anyText, func(u *directory.User) string { return u.GivenName }),
	literalOf[directory.User]("jobTitle", "null"),
	nullable("mail", anyText, func(u *directory.User) string { return u.Mail }),
	literalOf[directory.User]("mobilePhone", "null"),
	literalOf[directory.User]("officeLocation", "null"),
	literalOf[directory.User]("preferredLanguage", "null"),
	nullable("surname", anyText, func(u *directory.User) string { return u.Surname }),
	textOf("userPrincipalName", anyText, func(u *directory.User) string { return u.UPN }),
	textOf("id", opEq|opNe|opIn, func(u *directory.User) string { return u.ObjectID }),
	whenSelected(boolOf("accountEnabled", opEq|opNe|opIn, func(u *directory.User) bool { return !u.Disabled })),
	whenSelected(enumOf("userType", opEq|opNe|opIn, func(*directory.User) string { return "Member" })),
	whenSelected(nullable("mailNickname", anyText, mailNickname)),
	whenSelected(literalOf[directory.User]("onPremisesSamAccountName", "null")),
	whenSelected(literalOf[directory.User]("onPremisesUserPrincipalName", "null")),
	whenSelected(literalOf[directory.User]("onPremisesDomainName", "null")),
	whenSelected(literalOf[directory.User]("department", "null")),
	whenSelected(literalOf[directory.User]("companyName", "null")),
	whenSelected(literalOf[directory.User]("employeeId", "null")),
	whenSelected(literalOf[directory.User]("usageLocation", "null")),
)

// anyText are the operators on the texts of directory objects.
const anyText = opEq | opNe | opIn | opStartsWith | opEndsWith

func mailNickname(u *directory.User) string { return nameOf(u.UPN) }

// listUsers answers GET /users.
func (a *API) listUsers(w http.ResponseWriter, r *request) error {
	return writeDirectoryList(a, w, r, users, "users", pointers(a.directory.Users()), false)
}

// user is the one in the path, or the one who is signed in.
func (a *API) user(r *request) (directory.User, error) {
	name := r.grant.UserID
	if !r.route.delegated {
		name = r.key()
	}
	u, ok := a.directory.User(name)
	if !ok {
		return u, noObject(name)
	}
	return u, nil
}

// getUser answers GET /users/{id} and GET /me.
func (a *API) getUser(w http.ResponseWriter, r *request) error {
	u, err := a.user(r)
	if err != nil {
		return err
	}
	return writeDirectoryObject(a, w, r, users, "users", &u)
}

// listUserDevices answers GET /users/{id}/managedDevices and GET /me/managedDevices. A user that Intune does not know of
// has none.
func (a *API) listUserDevices(w http.ResponseWriter, r *request) error {
	q, err := a.listQuery(r)
	if err != nil {
		return err
	}
	u, err := a.user(r)
	if err != nil {
		return err
	}
	a.writeDevices(w, r, "users('"+u.ObjectID+"')/managedDevices", q, a.page(q, a.devicesOf(intune.ViewList, u.UPN)))
	return nil
}

// revokeSignInSessions answers POST revokeSignInSessions: whatever the user has signed in to before has to be signed in to again.
func (a *API) revokeSignInSessions(w http.ResponseWriter, r *request) error {
	u, err := a.user(r)
	if err != nil {
		return err
	}
	now := a.h.Now()
	if err := a.directory.ChangeUser(u.ObjectID, func(u *directory.User) { u.SessionsValidFrom = now }); err != nil {
		return err
	}
	return a.writeValue(w, r, struct {
		Context string `json:"@odata.context"`
		Value   bool   `json:"value"`
	}{r.context("Edm.Boolean"), true})
}
