package config

import (
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/fakegraph/graph"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/nacservice"
	"nacsim/internal/yamltable"
)

// Names of how the services behave; the first of each is the default.
var (
	filterModes      = []string{"ignored", "strict"}
	ethernetModes    = []string{"never", "selected", "always"}
	counts           = []string{"page", "total"}
	retryAfters      = []string{"none", "seconds", "fraction", "date"}
	policyPermission = []string{"configuration", "devices"}
)

var serviceProperties = []yamltable.Property[service]{
	duration("token_lifetime", "How long an access token can be used.", "59m59s", time.Minute, day, func(s *service) *time.Duration { return &s.tokenLifetime }),
	yamltable.Section("sign_in", "How users sign in and apps are given tokens.", signInProperties, func(s *service) *signIn { return &s.signIn }),
	number("page_size", "Devices on one page of a list. The default is 1000.", 1, 1000, func(s *service) *int { return &s.pageSize }),
	choice("unsupported_filter", "What happens to a filter that Intune does not support: it is ignored, or answered with 400.", filterModes, func(s *service) *string { return &s.filters }),
	choice("ethernet_in_list", "When a list shows ethernetMacAddress: never, when $select names it, or always.", ethernetModes, func(s *service) *string { return &s.ethernet }),
	choice("count", "What @odata.count of a list counts: the page, or all that match.", counts, func(s *service) *string { return &s.count }),
	number("truncate_after", "How many devices a list without a filter ends after; 0 means that it is complete.", 0, maxDevices, func(s *service) *int { return &s.truncateFirst }),
	number("omit_every", "One device in so many is left out of a list without a filter; 0 means none.", 0, maxDevices, func(s *service) *int { return &s.truncateEvery }),
	choice("policy_states", "Permission that the policy states of a device need: on the configuration, or on devices.", policyPermission, func(s *service) *string { return &s.policyStates }),
	yamltable.Section("nac", "The compliance retrieval service.", nacProperties, func(s *service) *nacservice.Config { return &s.nac }),
	yamltable.Section("throttling", "How many requests Intune answers.", throttlingProperties, func(s *service) *throttling { return &s.throttling }),
	yamltable.Section("visibility", "How long it takes until each service shows what has happened.", visibilityProperties, func(s *service) *intune.Delays { return &s.visibility }),
}

var nacProperties = []yamltable.Property[nacservice.Config]{
	{Name: "list_interval", Doc: "How long a client waits before it asks again for all devices that do not comply; earlier it is answered with 503. 0s means that it need not.",
		Schema: yamltable.Schema{"type": "string", "default": "4h", "examples": []string{"4h", "0s"}},
		Set: func(r *yamltable.Reader, n ast.Node, c *nacservice.Config) {
			d, ok := r.Duration(n, "list_interval", 0, 30*day)
			if ok && d == 0 {
				d = -1 // none, where 0 is the default
			}
			c.ListInterval = d
		}},
	flag("grace_fails", "Whether a device in its grace period does not comply.", false, func(c *nacservice.Config) *bool { return &c.GraceFails }),
}

var throttlingProperties = []yamltable.Property[throttling]{
	flag("off", "Whether all requests are answered.", false, func(t *throttling) *bool { return &t.off }),
	number("app", "Requests of one app within the window. The default is 2000.", 1, 1_000_000, func(t *throttling) *int { return &t.app }),
	number("tenant", "Requests of all apps. The default is 4000.", 1, 1_000_000, func(t *throttling) *int { return &t.tenant }),
	number("app_writes", "Requests of one app that change something. The default is 200.", 1, 1_000_000, func(t *throttling) *int { return &t.appWrites }),
	number("tenant_writes", "Requests of all apps that change something. The default is 400.", 1, 1_000_000, func(t *throttling) *int { return &t.tenantWrites }),
	duration("window", "The time that they are counted over.", "20s", time.Second, day, func(t *throttling) *time.Duration { return &t.window }),
	choice("retry_after", "What a refused client is told, as a Retry-After header.", retryAfters, func(t *throttling) *string { return &t.retryAfter }),
}

var visibilityProperties = []yamltable.Property[intune.Delays]{
	duration("list", "Graph's list of devices.", "0s", 0, 30*day, func(d *intune.Delays) *time.Duration { return &d.List }),
	duration("get", "Graph's single device.", "0s", 0, 30*day, func(d *intune.Delays) *time.Duration { return &d.Get }),
	duration("nac", "The compliance retrieval service.", "0s", 0, 30*day, func(d *intune.Delays) *time.Duration { return &d.NAC }),
	duration("entra", "The device object of Entra ID.", "0s", 0, 30*day, func(d *intune.Delays) *time.Duration { return &d.Entra }),
}

// graph is the configuration of the API.
func (s *service) graph() graph.Config {
	t := &s.throttling
	limits := graph.Throttling{App: t.app, Tenant: t.tenant, AppWrites: t.appWrites, TenantWrites: t.tenantWrites, Window: t.window,
		RetryAfter: graph.RetryAfterForm(position(retryAfters, t.retryAfter))}
	if t.off {
		limits = graph.Throttling{App: -1, Tenant: -1, AppWrites: -1, TenantWrites: -1}
	}
	return graph.Config{
		PageSize:          s.pageSize,
		UnsupportedFilter: graph.FilterMode(position(filterModes, s.filters)),
		EthernetInList:    graph.EthernetMode(position(ethernetModes, s.ethernet)),
		TotalCount:        s.count == "total",
		Truncation:        graph.Truncation{First: s.truncateFirst, Every: s.truncateEvery},

		PolicyStatesOfDevices: s.policyStates == "devices",
		Throttling:            limits,
	}
}

// position is where a choice stands, and that of the default if none was made.
func position(among []string, choice string) int { return max(slices.Index(among, choice), 0) }
