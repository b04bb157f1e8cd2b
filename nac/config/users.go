package config

import (
	"encoding/hex"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
	"nacsim/nac/credential"
)

type usersNode struct {
	file            named
	list            []userNode
	realms, domains []string
}

type userNode struct {
	node ast.Node
	credential.User
}

var userProperties = []yamltable.Property[userNode]{
	{Name: "name", Required: true, Doc: "Name of the user, compared without regard to case.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setText("name", func(to *userNode) *string { return &to.Name })},
	{Name: "password", Doc: "Password of the user.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setSecret("password", func(to *userNode) *string { return &to.Password })},
	{Name: "nt_hash", Doc: "In place of the password the MD4 hash of it, 32 hexadecimal digits. It does not do for CHAP and EAP-MD5.",
		Schema: yamltable.Schema{"type": "string", "pattern": "^[0-9a-fA-F]{32}$"},
		Set: func(r *yamltable.Reader, n ast.Node, to *userNode) {
			s, ok := r.Secret(n, "nt_hash")
			if _, err := hex.DecodeString(s); ok && (err != nil || len(s) != 32) {
				r.Errorf(n, "nt_hash is not 32 hexadecimal digits")
			}
			to.NTHash = s
		}},
	{Name: "groups", Doc: "Groups of the user, which labels of the kind idp_role match.",
		Schema: textsSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *userNode) { to.Groups = texts(r, n, "groups") }},
	{Name: "disabled", Doc: "Whether the user is refused, whatever the password.",
		Schema: yamltable.Schema{"type": "boolean", "default": false},
		Set:    func(r *yamltable.Reader, n ast.Node, to *userNode) { to.Disabled, _ = r.Boolean(n, "disabled") }},
}

// usersFile is a file of users.
type usersFile struct{ users []userNode }

var usersFileProperties = []yamltable.Property[usersFile]{
	{Name: "users", Required: true, Doc: "The users.",
		Schema: yamltable.ArrayOf(func() yamltable.Schema { return yamltable.ObjectSchema(userProperties) }),
		Set:    func(r *yamltable.Reader, n ast.Node, to *usersFile) { to.users = userList(r, n) }},
}

func userList(r *yamltable.Reader, n ast.Node) []userNode {
	var list []userNode
	entries(r, n, "users", "a user", maxUsers, userProperties, &list, func(u *userNode, n ast.Node) { u.node = n })
	return list
}

// setUsers reads a list of users, or the name of a file with one.
func setUsers(r *yamltable.Reader, n ast.Node, to *fileNode) {
	if _, list := n.(*ast.SequenceNode); list {
		to.users.list = userList(r, n)
		return
	}
	to.users.file = fileName(r, n, "users")
}

// directory returns the users, or nil if the configuration has none.
func (r *reader) directory(n *usersNode) *credential.UsersConfig {
	if n.list == nil && n.file.node == nil {
		return nil
	}
	c := &credential.UsersConfig{Realms: n.realms, Domains: n.domains, Users: checkUsers(&r.Reader, n.list)}
	data := r.read(n.file, "users")
	if data == nil {
		return c
	}
	file := yamltable.Reader{File: r.path(n.file.text), What: "file of users", Keys: "users", Limit: maxNamed, Secrets: secretKeys}
	var f usersFile
	if root := file.Parse(data); root != nil && yamltable.Object(&file, root, "the file of users", usersFileProperties, &f) {
		c.Users = checkUsers(&file, f.users)
	}
	r.Errs = append(r.Errs, file.Errs...)
	return c
}

// checkUsers checks each user, and the users against each other.
func checkUsers(r *yamltable.Reader, list []userNode) []credential.User {
	out := make([]credential.User, 0, len(list))
	seen := make(map[string]int, len(list))
	for i := range list {
		u := &list[i]
		folded := strings.ToLower(u.Name)
		line := yamltable.Start(u.node).Position.Line
		switch first := seen[folded]; {
		case u.Name == "":
			continue // that has been reported
		case first != 0:
			r.Errorf(u.node, "user %.64q stands here and on line %d", u.Name, first)
		case u.Password == "" && u.NTHash == "":
			r.Errorf(u.node, "user %.64q has neither password nor nt_hash", u.Name)
		case u.Password != "" && u.NTHash != "":
			r.Errorf(u.node, "user %.64q has both password and nt_hash", u.Name)
		}
		seen[folded] = line
		// What is left is for the directory to say; one at a time, so that it is said of the right line.
		if _, err := credential.NewUsers(credential.UsersConfig{Users: []credential.User{u.User}}); err != nil && len(r.Errs) == 0 {
			r.Errorf(u.node, "%v", err)
		}
		out = append(out, u.User)
	}
	return out
}
