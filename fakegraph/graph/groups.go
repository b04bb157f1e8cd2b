package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"nacsim/fakegraph/directory"
)

// groupRoutes are those of groups and of membership in them.
var groupRoutes = []route{
	{http.MethodGet, "groups", readGroup, ofDirectory, false, (*API).listGroups},
	{http.MethodGet, "groups/{id}", readGroup, ofDirectory, false, (*API).getGroup},
	{http.MethodGet, "groups/{id}/members", readGroup, ofDirectory, false, (*API).listMembers},
	{http.MethodGet, "groups/{id}/members/microsoft.graph.user", readGroup, ofDirectory, false, (*API).listMembers},
	{http.MethodGet, "groups/{id}/transitiveMembers", readGroup, ofDirectory, false, (*API).listMembers},
	{http.MethodGet, "groups/{id}/transitiveMembers/microsoft.graph.user", readGroup, ofDirectory, false, (*API).listMembers},
	{http.MethodGet, "users/{id}/memberOf", readOf, ofDirectory, false, groupsOf((*directory.Directory).GroupsOf)},
	{http.MethodGet, "users/{id}/memberOf/microsoft.graph.group", readOf, ofDirectory, false, groupsOf((*directory.Directory).GroupsOf)},
	{http.MethodGet, "users/{id}/transitiveMemberOf", readOf, ofDirectory, false, groupsOf((*directory.Directory).TransitiveGroupsOf)},
	{http.MethodGet, "users/{id}/transitiveMemberOf/microsoft.graph.group", readOf, ofDirectory, false, groupsOf((*directory.Directory).TransitiveGroupsOf)},
	{http.MethodPost, "users/{id}/checkMemberGroups", readOf, ofDirectory, false, (*API).checkMemberGroups},
	{http.MethodPost, "users/{id}/getMemberGroups", readOf, ofDirectory, false, (*API).getMemberGroups},
	{http.MethodGet, "me/memberOf", readMyOf, ofDirectory, true, groupsOf((*directory.Directory).GroupsOf)},
	{http.MethodGet, "me/memberOf/microsoft.graph.group", readMyOf, ofDirectory, true, groupsOf((*directory.Directory).GroupsOf)},
	{http.MethodGet, "me/transitiveMemberOf", readMyOf, ofDirectory, true, groupsOf((*directory.Directory).TransitiveGroupsOf)},
	{http.MethodGet, "me/transitiveMemberOf/microsoft.graph.group", readMyOf, ofDirectory, true, groupsOf((*directory.Directory).TransitiveGroupsOf)},
	{http.MethodPost, "me/checkMemberGroups", readMyOf, ofDirectory, true, (*API).checkMemberGroups},
	{http.MethodPost, "me/getMemberGroups", readMyOf, ofDirectory, true, (*API).getMemberGroups},
}

// groups is the type group.
var groups = newSchema("group",
	textOf("id", opEq|opNe|opIn, func(g *directory.Group) string { return g.ID }),
	literalOf[directory.Group]("deletedDateTime", "null"),
	literalOf[directory.Group]("classification", "null"),
	nullable("description", anyText, func(g *directory.Group) string { return g.Description }),
	textOf("displayName", anyText, func(g *directory.Group) string { return g.DisplayName }),
	literalOf[directory.Group]("groupTypes", "[]"),
	literalOf[directory.Group]("mail", "null"),
	boolOf("mailEnabled", opEq|opNe|opIn, func(*directory.Group) bool { return false }),
	nullable("mailNickname", anyText, func(g *directory.Group) string { return strings.ReplaceAll(g.DisplayName, " ", "") }),
	literalOf[directory.Group]("membershipRule", "null"),
	literalOf[directory.Group]("onPremisesSyncEnabled", "null"),
	literalOf[directory.Group]("onPremisesSamAccountName", "null"),
	boolOf("securityEnabled", opEq|opNe|opIn, func(*directory.Group) bool { return true }),
	literalOf[directory.Group]("visibility", "null"),
)

// listGroups answers GET /groups.
func (a *API) listGroups(w http.ResponseWriter, r *request) error {
	return writeDirectoryList(a, w, r, groups, "groups", pointers(a.directory.Groups()), false)
}

// getGroup answers GET /groups/{id}.
func (a *API) getGroup(w http.ResponseWriter, r *request) error {
	g, err := a.group(r)
	if err != nil {
		return err
	}
	return writeDirectoryObject(a, w, r, groups, "groups", &g)
}

// group is the one in the path. The directory finds groups by name too, Graph does not.
func (a *API) group(r *request) (directory.Group, error) {
	g, ok := a.directory.Group(r.key())
	if !ok || g.ID != r.key() {
		return g, noObject(r.key())
	}
	return g, nil
}

// listMembers answers GET /groups/{id}/members and transitiveMembers with the users in the group, for the latter also those in groups
// in it. The groups themselves are left out.
func (a *API) listMembers(w http.ResponseWriter, r *request) error {
	g, err := a.group(r)
	if err != nil {
		return err
	}
	deep := strings.Contains(r.route.path, "/transitiveMembers")
	seen := map[string]bool{g.ID: true}
	var members []*directory.User
	var visit func(*directory.Group)
	visit = func(g *directory.Group) {
		for _, id := range g.Members {
			if seen[id] {
				continue
			}
			seen[id] = true
			if u, ok := a.directory.User(id); ok {
				members = append(members, &u)
			} else if inner, ok := a.directory.Group(id); ok && deep {
				visit(&inner)
			}
		}
	}
	visit(&g)
	fragment, typed := ofType(r, "users")
	return writeDirectoryList(a, w, r, users, fragment, members, typed)
}

// groupsOf answers which groups a user is in.
func groupsOf(find func(*directory.Directory, string) []directory.Group) handler {
	return func(a *API, w http.ResponseWriter, r *request) error {
		u, err := a.user(r)
		if err != nil {
			return err
		}
		fragment, typed := ofType(r, "groups")
		return writeDirectoryList(a, w, r, groups, fragment, pointers(find(a.directory, u.ObjectID)), typed)
	}
}

// ofType is how a collection of directory objects is described: by the type that the path casts it to, or else each by its own.
func ofType(r *request, cast string) (fragment string, typed bool) {
	if strings.Contains(r.route.path, "/microsoft.graph.") {
		return cast, false
	}
	return "directoryObjects", true
}

// maxMemberGroups is how many groups can be asked for at once.
const maxMemberGroups = 20

// checkMemberGroups answers POST checkMemberGroups: those of the groups in the body that the user is in, also through others.
func (a *API) checkMemberGroups(w http.ResponseWriter, r *request) error {
	var body struct {
		GroupIDs []string `json:"groupIds"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if len(body.GroupIDs) == 0 || len(body.GroupIDs) > maxMemberGroups {
		return &failure{status: http.StatusBadRequest, code: "Request_BadRequest", message: "groupIds must have 1 to 20 elements."}
	}
	return a.writeMemberGroups(w, r, func(id string) bool {
		return slices.ContainsFunc(body.GroupIDs, func(asked string) bool { return strings.EqualFold(asked, id) })
	})
}

// getMemberGroups answers POST getMemberGroups: all groups that the user is in, also through others.
func (a *API) getMemberGroups(w http.ResponseWriter, r *request) error {
	var body struct {
		SecurityEnabledOnly *bool `json:"securityEnabledOnly"` // all groups are
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if body.SecurityEnabledOnly == nil {
		return &failure{status: http.StatusBadRequest, code: "Request_BadRequest", message: "securityEnabledOnly is missing."}
	}
	return a.writeMemberGroups(w, r, func(string) bool { return true })
}

func (a *API) writeMemberGroups(w http.ResponseWriter, r *request, asked func(id string) bool) error {
	u, err := a.user(r)
	if err != nil {
		return err
	}
	body := appendJSONString([]byte(`{"@odata.context":`), r.context("Collection(Edm.String)"))
	body = append(body, `,"value":[`...)
	for _, g := range a.directory.TransitiveGroupsOf(u.ObjectID) {
		if !asked(g.ID) {
			continue
		}
		if r.note.Rows > 0 {
			body = append(body, ',')
		}
		body = appendJSONString(body, g.ID)
		r.note.Rows++
	}
	a.write(w, r, http.StatusOK, append(body, "]}"...))
	return nil
}

// readJSON reads the body of a request.
func readJSON(r *request, into any) error {
	body, err := requestBody(r.Request)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return badRequest("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	return nil
}
