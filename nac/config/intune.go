package config

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/guid"
	"nacsim/internal/yamltable"
	"nacsim/nac/link"
	"nacsim/nac/mdm"
)

type intuneNode struct {
	node        ast.Node
	secretFile  named
	certificate *certificateNode
	cas         []named
	alarm       time.Duration
	link        *linkNode
	mdm.Config
}

type linkNode struct {
	node, redirect ast.Node
	link.Config
}

var (
	signatureNames = []string{"PS256", "RS256"}
	consentNames   = []string{"v2", "v1"}
)

var intuneProperties = []yamltable.Property[intuneNode]{
	{Name: "tenant", Doc: "ID or domain of the tenant in Entra. Without it an administrator links one, which needs the section api.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setText("tenant", func(to *intuneNode) *string { return &to.Tenant })},
	{Name: "client_id", Required: true, Doc: "ID of the app registration, with the application permission DeviceManagementManagedDevices.Read.All.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setText("client_id", func(to *intuneNode) *string { return &to.ClientID })},
	{Name: "secret", Doc: "Client secret of the app registration: its value, not its ID.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setSecret("secret", func(to *intuneNode) *string { return &to.ClientSecret })},
	{Name: "secret_file", Doc: "File with the client secret, in place of secret.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *intuneNode) { to.secretFile = fileName(r, n, "secret_file") }},
	{Name: "secret_expires", Doc: "When the client secret ends, as the portal of Entra shows it; a day or a time in RFC 3339. It is not asked for, so that the NAC can tell before it is too late.",
		Schema: yamltable.Schema{"type": "string", "examples": []string{"2027-05-01", "2027-05-01T12:00:00Z"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *intuneNode) {
			to.SecretExpires = moment(r, n, "secret_expires")
		}},
	{Name: "certificate", Doc: "Certificate of the app registration with its RSA key, in place of a secret.",
		Schema: yamltable.ObjectSchema(certificateProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *intuneNode) {
			to.certificate = &certificateNode{node: n}
			yamltable.Object(r, n, "certificate", certificateProperties, to.certificate)
		}},
	{Name: "signature", Doc: "How the NAC signs with the certificate.",
		Schema: yamltable.Schema{"enum": signatureNames, "default": signatureNames[0]},
		Set: func(r *yamltable.Reader, n ast.Node, to *intuneNode) {
			to.Signature, _ = r.OneOf(n, "signature", signatureNames)
		}},
	{Name: "credential_alarm", Doc: "How long before the end of the secret or certificate the NAC begins to warn, daily; 0s means never.",
		Schema: durationSchema("30d"),
		Set:    setOrNever("credential_alarm", 3650*24*time.Hour, func(to *intuneNode) *time.Duration { return &to.alarm })},
	{Name: "authority", Doc: "Where tokens come from and consent is given.",
		Schema: yamltable.Schema{"type": "string", "default": "https://login.microsoftonline.com"},
		Set:    setText("authority", func(to *intuneNode) *string { return &to.Authority })},
	{Name: "graph", Doc: "Where Graph is.",
		Schema: yamltable.Schema{"type": "string", "default": "https://graph.microsoft.com"},
		Set:    setText("graph", func(to *intuneNode) *string { return &to.Graph })},
	{Name: "cas", Doc: "Files with the certification authorities of both, in PEM. The default is those that this computer trusts.",
		Schema: textsSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *intuneNode) { to.cas = names(r, n, "cas") }},
	{Name: "poll", Doc: "Time from one look at all devices to the next.",
		Schema: durationSchema("2h"),
		Set:    yamltable.SetDuration("poll", time.Second, 30*24*time.Hour, func(to *intuneNode) *time.Duration { return &to.PollInterval })},
	{Name: "max_age", Doc: "How long the last known state of a device counts while Intune cannot be asked; after that it is outdated (compliance.outdated). 0s means for ever.",
		Schema: durationSchema("1d"),
		Set:    setOrNever("max_age", 365*24*time.Hour, func(to *intuneNode) *time.Duration { return &to.MaxAge })},
	{Name: "stale_after", Doc: "How long ago a device may have checked in with Intune before it is stale (compliance.stale). 0s means for ever.",
		Schema: durationSchema("0s"),
		Set:    yamltable.SetDuration("stale_after", 0, 3650*24*time.Hour, func(to *intuneNode) *time.Duration { return &to.StaleAfter })},
	{Name: "short_list", Doc: "A list that has less than this share of the devices of the last one is not believed: lists of Graph are cut short at times. 0% means that any is.",
		Schema: yamltable.Schema{"type": "string", "pattern": percentPattern, "default": "50%"},
		Set: func(r *yamltable.Reader, n ast.Node, to *intuneNode) {
			if to.ShortList = percent(r, n, "short_list"); to.ShortList == 0 {
				to.ShortList = -1
			}
		}},
	{Name: "short_list_accept", Doc: "After how many such lists of about equal size in a row one is believed after all; 0 means never.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 0, "maximum": 1000, "default": 0},
		Set:    setNumber("short_list_accept", 0, 1000, func(to *intuneNode) *int { return &to.ShortListAccept })},
	{Name: "timeout", Doc: "How long an answer of Entra or Graph may take.",
		Schema: durationSchema("10s"),
		Set:    yamltable.SetDuration("timeout", 100*time.Millisecond, 5*time.Minute, func(to *intuneNode) *time.Duration { return &to.Timeout })},
	{Name: "rate", Doc: "How many requests are sent within 20 seconds at most. Intune grants an app 2000, of all its users together.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 100_000, "default": 1000},
		Set:    setNumber("rate", 1, 100_000, func(to *intuneNode) *int { return &to.Rate })},
	{Name: "link", Doc: "How an administrator links an account through the section api.",
		Schema: yamltable.ObjectSchema(linkProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *intuneNode) {
			to.link = &linkNode{node: n}
			yamltable.Object(r, n, "link", linkProperties, to.link)
		}},
}

var linkProperties = []yamltable.Property[linkNode]{
	{Name: "redirect_uri", Doc: "Where the browser comes back to after consent: a redirect URI of the app registration (platform Web), which leads to the API and ends in " + link.CallbackPath + ". The default is the address of the API, with the name localhost where it is only served there.",
		Schema: yamltable.Schema{"type": "string", "examples": []string{"https://nac.corp.example" + link.CallbackPath}},
		Set: func(r *yamltable.Reader, n ast.Node, to *linkNode) {
			s, ok := r.Text(n, "redirect_uri")
			if err := link.CheckRedirect(s); ok && err != nil {
				r.Errorf(n, "%v", err)
			}
			to.RedirectURI, to.redirect = s, n
		}},
	{Name: "consent", Doc: "Version of the consent endpoint.",
		Schema: yamltable.Schema{"enum": consentNames, "default": consentNames[0]},
		Set: func(r *yamltable.Reader, n ast.Node, to *linkNode) {
			if s, _ := r.OneOf(n, "consent", consentNames); s == "v1" {
				to.Version = 1
			}
		}},
	{Name: "tenants", Doc: "IDs of the tenants that may be linked. Without it any may be.",
		Schema: textsSchema(),
		Set: func(r *yamltable.Reader, n ast.Node, to *linkNode) {
			for _, entry := range r.List(n, "tenants", maxList) {
				s, ok := r.Text(entry, "an entry of tenants")
				if ok && !guid.Valid(s) {
					r.Errorf(entry, "an entry of tenants is %.64q; expected the ID of a tenant such as 72f988bf-86f1-41af-91ab-2d7cd011db47", s)
				}
				to.Tenants = append(to.Tenants, s)
			}
		}},
	{Name: "lifetime", Doc: "How long the administrator may take.",
		Schema: durationSchema(link.DefaultLifetime.String()),
		Set:    yamltable.SetDuration("lifetime", time.Minute, 24*time.Hour, func(to *linkNode) *time.Duration { return &to.Lifetime })},
}

// setOrNever returns what reads a duration into a field in which a negative one means what 0s means in the file.
func setOrNever[T any](what string, high time.Duration, field func(*T) *time.Duration) func(*yamltable.Reader, ast.Node, *T) {
	return func(r *yamltable.Reader, n ast.Node, to *T) {
		d, ok := r.Duration(n, what, 0, high)
		if ok && d == 0 {
			d = -1
		}
		*field(to) = d
	}
}

const percentPattern = `^(100|[0-9]{1,2})(\.[0-9]+)?%$`

var percentForm = regexp.MustCompile(percentPattern)

// percent reads a share such as 50%.
func percent(r *yamltable.Reader, n ast.Node, what string) float64 {
	s, ok := r.Text(n, what)
	if !ok {
		return 0
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || !percentForm.MatchString(s) || v > 100 {
		r.Errorf(n, `%s is %q; expected a share such as "50%%"`, what, s)
		return 0
	}
	return v / 100
}

// moment reads a day, which lasts until its end in UTC, or a time.
func moment(r *yamltable.Reader, n ast.Node, what string) time.Time {
	s, ok := r.Text(n, what)
	if !ok {
		return time.Time{}
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day.Add(24 * time.Hour)
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		r.Errorf(n, "%s is %q; expected a day such as 2027-05-01 or a time such as 2027-05-01T12:00:00Z", what, s)
	}
	return t.UTC()
}

// mdm returns the settings of the app registration, or nil if there is none.
func (r *reader) mdm(n *intuneNode) *mdm.Config {
	if n == nil {
		return nil
	}
	c := n.Config
	c.ClientSecret = r.secretOf(n.node, "intune", c.ClientSecret, n.secretFile)
	if n.certificate != nil {
		c.ClientCertificate, _ = r.certificate(n.certificate)
	}
	switch {
	case len(r.Errs) > 0:
	case n.certificate != nil && c.ClientSecret != "":
		r.Errorf(n.node, "intune has both a secret and a certificate")
	case n.certificate == nil && c.ClientSecret == "":
		r.Errorf(n.node, "intune lacks the key secret, secret_file or certificate")
	}
	if n.cas != nil {
		c.RootCAs = r.roots("cas", n.cas)
	}
	if len(r.Errs) == 0 {
		if err := c.Check(); err != nil {
			r.Errorf(n.node, "intune: %v", err)
		}
	}
	return &c
}

// link returns how accounts are linked, or nil if they cannot be.
func (r *reader) link(n *intuneNode, api *apiNode) *link.Config {
	if n == nil || api == nil {
		if n != nil && n.link != nil {
			r.Errorf(n.link.node, "link needs the section api: who links an account does it there")
		}
		return nil
	}
	var c link.Config
	if n.link != nil {
		c = n.link.Config
	}
	c.Authority, c.ClientID = n.Authority, n.ClientID
	if c.RedirectURI == "" {
		c.RedirectURI = api.callback()
	}
	if c.RedirectURI == "" {
		return nil
	}
	return &c
}

// callback is where a browser can come back to by what is known of the API, empty if that is not known.
func (n *apiNode) callback() string {
	at := n.listen
	switch {
	case n.certificates != nil && !at.Addr().IsUnspecified():
		return "https://" + at.String() + link.CallbackPath
	case n.certificates == nil && at.Addr().IsLoopback():
		return "http://localhost:" + strconv.Itoa(int(at.Port())) + link.CallbackPath
	}
	return ""
}

// secretOf is a client secret that stands in the configuration or in a file of its own; empty if it does in neither.
func (r *reader) secretOf(n ast.Node, what, secret string, file named) string {
	return r.secretFrom(n, what, "secret", secret, file)
}

// secretFrom is the same of a secret with another key.
func (r *reader) secretFrom(n ast.Node, what, key, secret string, file named) string {
	switch {
	case file.node == nil:
		return secret
	case secret != "":
		r.Errorf(n, "%s has both %s and %s_file", what, key, key)
		return ""
	}
	secret = strings.TrimSpace(string(r.read(file, key+"_file")))
	if secret == "" && len(r.Errs) == 0 {
		r.Errorf(file.node, "%s_file: %s is empty", key, r.path(file.text))
	}
	return secret
}
