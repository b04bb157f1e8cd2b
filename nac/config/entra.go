package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
	"nacsim/nac/credential"
	"nacsim/nac/eapserver"
)

type directoryNode struct{ entra *entraNode }

type entraNode struct {
	node       ast.Node
	secretFile named
	credential.EntraConfig
}

var directoryProperties = []yamltable.Property[directoryNode]{
	{Name: "entra", Required: true, Doc: "An Entra ID tenant, asked by resource owner password credentials. It needs the password itself, so EAP-TTLS with PAP, or EAP-GTC in a tunnel.",
		Schema: yamltable.ObjectSchema(entraProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *directoryNode) {
			to.entra = &entraNode{node: n}
			yamltable.Object(r, n, "entra", entraProperties, to.entra)
		}},
}

var entraProperties = []yamltable.Property[entraNode]{
	{Name: "tenant", Required: true, Doc: "ID or domain of the tenant.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setText("tenant", func(to *entraNode) *string { return &to.Tenant })},
	{Name: "client_id", Required: true, Doc: "ID of the app registration. It must allow public client flows, unless it has a secret.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setText("client_id", func(to *entraNode) *string { return &to.ClientID })},
	{Name: "secret", Doc: "Client secret of the app registration.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setSecret("secret", func(to *entraNode) *string { return &to.ClientSecret })},
	{Name: "secret_file", Doc: "File with the client secret, in place of secret.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *entraNode) { to.secretFile = fileName(r, n, "secret_file") }},
	{Name: "domain", Doc: "Domain that is added to names without one: with corp.example, anna is anna@corp.example.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setText("domain", func(to *entraNode) *string { return &to.Domain })},
	{Name: "authority", Doc: "Where tokens come from.",
		Schema: yamltable.Schema{"type": "string", "default": credential.DefaultAuthority},
		Set:    setText("authority", func(to *entraNode) *string { return &to.Authority })},
	{Name: "timeout", Doc: "How long an answer may take.",
		Schema: durationSchema(credential.DefaultEntraTimeout.String()),
		Set:    yamltable.SetDuration("timeout", 100*time.Millisecond, time.Minute, func(to *entraNode) *time.Duration { return &to.Timeout })},
	{Name: "concurrent", Doc: "How many questions are asked at the same time.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 1000, "default": credential.DefaultEntraConcurrent},
		Set:    setNumber("concurrent", 1, 1000, func(to *entraNode) *int { return &to.Concurrent })},
	{Name: "queue", Doc: "How many more may wait.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": credential.DefaultEntraQueue},
		Set:    setNumber("queue", 1, 1_000_000, func(to *entraNode) *int { return &to.Queue })},
}

// entra returns the settings of the tenant that is asked about passwords, or nil if there is none.
func (r *reader) entra(n *entraNode) *credential.EntraConfig {
	if n == nil {
		return nil
	}
	c := n.EntraConfig
	if secret := r.secretOf(n.node, "entra", c.ClientSecret, n.secretFile); secret != "" {
		c.ClientSecret = secret
	}
	if _, err := credential.NewEntra(nil, c); err != nil && len(r.Errs) == 0 {
		r.Errorf(n.node, "%v", err)
	}
	return &c
}

// onlyPlain leaves those ways in the tunnel that show the password, which is all that Entra ID can check.
func onlyPlain(e *eapserver.Config) {
	if e.TTLSInner == nil {
		e.TTLSInner = []eapserver.Inner{eapserver.PAP, eapserver.EAPGTC}
	}
	if e.PEAPInner == nil {
		e.PEAPInner = []eapserver.Inner{eapserver.EAPGTC}
	}
}
