package config

import (
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
	"nacsim/nac/mdm"
)

type intuneNode struct {
	node                     ast.Node
	tenant, clientID, secret string
	secretFile               named
	authority, graph         string
	poll                     time.Duration
}

var intuneProperties = []yamltable.Property[intuneNode]{
	{Name: "tenant", Required: true, Doc: "ID or domain of the tenant in Entra.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setText("tenant", func(to *intuneNode) *string { return &to.tenant })},
	{Name: "client_id", Required: true, Doc: "ID of the app registration, with the permission DeviceManagementManagedDevices.Read.All.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setText("client_id", func(to *intuneNode) *string { return &to.clientID })},
	{Name: "secret", Doc: "Client secret of the app registration.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setSecret("secret", func(to *intuneNode) *string { return &to.secret })},
	{Name: "secret_file", Doc: "File with the client secret, in place of secret.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *intuneNode) { to.secretFile = fileName(r, n, "secret_file") }},
	{Name: "authority", Doc: "Where tokens come from.",
		Schema: yamltable.Schema{"type": "string", "default": "https://login.microsoftonline.com"},
		Set:    setText("authority", func(to *intuneNode) *string { return &to.authority })},
	{Name: "graph", Doc: "Where Graph is.",
		Schema: yamltable.Schema{"type": "string", "default": "https://graph.microsoft.com"},
		Set:    setText("graph", func(to *intuneNode) *string { return &to.graph })},
	{Name: "poll", Doc: "Time from one look at all devices to the next.",
		Schema: durationSchema("2h"),
		Set:    yamltable.SetDuration("poll", time.Second, 30*24*time.Hour, func(to *intuneNode) *time.Duration { return &to.poll })},
}

// mdm returns the settings of the linked account, or nil if there is none.
func (r *reader) mdm(n *intuneNode) *mdm.Config {
	if n == nil {
		return nil
	}
	secret := r.secretOf(n.node, "intune", n.secret, n.secretFile)
	if secret == "" && len(r.Errs) == 0 {
		r.Errorf(n.node, "intune lacks the key secret or secret_file")
	}
	return &mdm.Config{Tenant: n.tenant, ClientID: n.clientID, ClientSecret: secret, Authority: n.authority, Graph: n.graph, PollInterval: n.poll}
}

// secretOf is a secret that stands in the configuration or in a file of its own; empty if it does in neither.
func (r *reader) secretOf(n ast.Node, what, secret string, file named) string {
	switch {
	case file.node == nil:
		return secret
	case secret != "":
		r.Errorf(n, "%s has both secret and secret_file", what)
		return ""
	}
	secret = strings.TrimSpace(string(r.read(file, "secret_file")))
	if secret == "" && len(r.Errs) == 0 {
		r.Errorf(file.node, "secret_file: %s is empty", r.path(file.text))
	}
	return secret
}
