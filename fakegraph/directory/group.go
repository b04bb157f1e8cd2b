package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"nacsim/internal/guid"
)

// A Group has users, and other groups, as members.
type Group struct {
	// ID is a GUID. The default is derived from the DisplayName.
	ID                       string
	DisplayName, Description string
	// Members are users, by object id or user principal name, and groups, by id or display name. What [Directory.Group] returns has
	// object ids only.
	Members []string
}

// ErrNoGroup is returned for a name that is no group's.
var ErrNoGroup = errors.New("no such group")

func (d *Directory) addGroup(g Group) error {
	if g.ID == "" {
		g.ID = guid.Derived("group/" + d.tenant + "/" + g.DisplayName)
	}
	if !guid.Valid(g.ID) || g.DisplayName == "" {
		return fmt.Errorf("group %q with id %q: want a name, and a GUID or nothing", g.DisplayName, g.ID)
	}
	g.ID, g.Members = strings.ToLower(g.ID), slices.Clone(g.Members)
	if !d.groups.add(g.ID, &g) {
		return fmt.Errorf("group id %q is used twice", g.ID)
	}
	return nil
}

// resolveMembers replaces the names of members by object ids.
func (d *Directory) resolveMembers() error {
	for _, g := range d.groups.order {
		for i, name := range g.Members {
			id := d.objectID(name)
			if id == "" {
				return fmt.Errorf("group %s: member %q is neither a user nor a group", g.DisplayName, name)
			}
			g.Members[i] = id
		}
	}
	d.indexMembers()
	return nil
}

// objectID is that of a user or a group of some name, or "".
func (d *Directory) objectID(name string) string {
	if u := d.user(name); u != nil {
		return u.ObjectID
	}
	if g := d.group(name); g != nil {
		return g.ID
	}
	return ""
}

func (d *Directory) group(idOrName string) *Group {
	if g := d.groups.byID[strings.ToLower(idOrName)]; g != nil {
		return g
	}
	for _, g := range d.groups.order {
		if strings.EqualFold(g.DisplayName, idOrName) {
			return g
		}
	}
	return nil
}

func (d *Directory) indexMembers() {
	clear(d.of)
	for _, g := range d.groups.order {
		for _, id := range g.Members {
			if !slices.Contains(d.of[id], g) {
				d.of[id] = append(d.of[id], g)
			}
		}
	}
}

// Group returns the group with an id or a display name, or false. Its list is not to be changed.
func (d *Directory) Group(idOrName string) (Group, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if g := d.group(idOrName); g != nil {
		return *g, true
	}
	return Group{}, false
}

// Groups are all groups, in the order of the configuration.
func (d *Directory) Groups() []Group { return copies(d, &d.groups) }

// GroupsOf are the groups that a user, or a group, is a direct member of, in the order of the configuration.
func (d *Directory) GroupsOf(idOrName string) []Group {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return values(d.of[d.objectID(idOrName)])
}

// TransitiveGroupsOf are the groups that a user, or a group, is a member of directly or through other groups. The nearest come first.
func (d *Directory) TransitiveGroupsOf(idOrName string) []Group {
	d.mu.RLock()
	defer d.mu.RUnlock()
	found := slices.Clone(d.of[d.objectID(idOrName)])
	for i := 0; i < len(found); i++ {
		for _, g := range d.of[found[i].ID] {
			if !slices.Contains(found, g) {
				found = append(found, g)
			}
		}
	}
	return values(found)
}

func values(list []*Group) []Group {
	out := make([]Group, len(list))
	for i, g := range list {
		out[i] = *g
	}
	return out
}

// SetMembers replaces the members of a group.
func (d *Directory) SetMembers(idOrName string, members ...string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.group(idOrName)
	if g == nil {
		return fmt.Errorf("directory: group %q: %w", idOrName, ErrNoGroup)
	}
	ids := make([]string, len(members))
	for i, name := range members {
		if ids[i] = d.objectID(name); ids[i] == "" {
			return fmt.Errorf("directory: group %s: member %q: %w", g.DisplayName, name, ErrNoUser)
		}
	}
	changed := *g
	changed.Members = ids
	if err := d.save("group/"+g.ID+"/", g, &changed); err != nil {
		return err
	}
	*g = changed
	d.indexMembers()
	return nil
}
