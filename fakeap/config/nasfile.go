package config

import (
	"net/netip"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/fakeap"
	"nacsim/internal/yamltable"
)

// Kinds of a NAS.
const (
	AccessPoint = "ap"
	Switch      = "switch"
)

var nasProperties = []yamltable.Property[nasNode]{
	nasText("name", "NAS-Identifier, and what it is called in the report; by default ap-1, sw-1 and so on.", func(n *nasNode) *string { return &n.name }),
	{Name: "kind", Doc: "ap for a wireless access point, switch for a wired switch.",
		Schema: yamltable.Schema{"enum": []string{AccessPoint, Switch}, "default": AccessPoint},
		Set: func(r *yamltable.Reader, n ast.Node, to *nasNode) {
			to.kind, _ = r.OneOf(n, "kind", []string{AccessPoint, Switch})
		}},
	nasText("ssid", "Name of the wireless network; corp by default.", func(n *nasNode) *string { return &n.ssid }),
	{Name: "ports", Doc: "How many ports a switch has; by default as many as are needed.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 512},
		Set: func(r *yamltable.Reader, n ast.Node, to *nasNode) {
			v, _ := r.Number(n, "ports", 1, 512)
			to.ports = int(v)
		}},
	{Name: "address", Doc: "NAS-IP-Address or NAS-IPv6-Address; by default the address of this computer that the server sees.",
		Schema: yamltable.Schema{"type": "string"},
		Set:    func(r *yamltable.Reader, n ast.Node, to *nasNode) { to.address = ipAddress(r, n, "address") }},
	nasText("mac", "BSSID of an access point, base address of a switch.", func(n *nasNode) *string { return &n.mac }),
	nasText("firmware", "Version of an access point's firmware, stated to the server.", func(n *nasNode) *string { return &n.firmware }),
	nasVLAN("default_vlan", "VLAN of clients to which the server gives none; 999 by default.", func(n *nasNode) *string { return &n.vlan }),
	nasVLAN("guest_vlan", "VLAN of a client on a switch that does not answer 802.1X.", func(n *nasNode) *string { return &n.guest }),
	nasVLAN("reject_vlan", "VLAN of a client on a switch that the server refuses.", func(n *nasNode) *string { return &n.reject }),
	nasVLAN("server_fail_vlan", "VLAN of a client on a switch while the server does not answer.", func(n *nasNode) *string { return &n.serverFail }),
	{Name: "framed_mtu", Doc: "Framed-MTU stated to the server, in octets.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 64, "maximum": 2000, "default": 1400},
		Set: func(r *yamltable.Reader, n ast.Node, to *nasNode) {
			v, _ := r.Number(n, "framed_mtu", 64, 2000)
			to.mtu = int(v)
		}},
	{Name: "reauth", Doc: "Re-authentication interval where the server gives none.",
		Schema: durationSchema(""),
		Set:    yamltable.SetDuration("reauth", time.Second, 30*24*time.Hour, func(to *nasNode) *time.Duration { return &to.reauth })},
	{Name: "interim", Doc: "Interval of interim accounting updates where the server gives none.",
		Schema: durationSchema(""),
		Set:    yamltable.SetDuration("interim", time.Second, 30*24*time.Hour, func(to *nasNode) *time.Duration { return &to.interim })},
	{Name: "quiet", Doc: "For how long a client that was refused on a switch is ignored.",
		Schema: durationSchema("60s"),
		Set:    yamltable.SetDuration("quiet", time.Second, time.Hour, func(to *nasNode) *time.Duration { return &to.quiet })},
	{Name: "das", Doc: "Dynamic authorization: take CoA-Requests and Disconnect-Requests (RFC 5176). Without it there is none.",
		Schema: yamltable.ObjectSchema(dasProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *nasNode) {
			to.das = &dasNode{port: 3799}
			yamltable.Object(r, n, "das", dasProperties, to.das)
		}},
	{Name: "mab", Doc: "Authentication by MAC address. By default a switch does it for clients that do not answer 802.1X within 2 s if one of its clients has the method mab; an access point whose clients all have it is an open network.",
		Schema: yamltable.ObjectSchema(mabProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *nasNode) {
			to.mab = &fakeap.MABConfig{}
			yamltable.Object(r, n, "mab", mabProperties, to.mab)
		}},
}

func nasText(name, doc string, field func(*nasNode) *string) yamltable.Property[nasNode] {
	return yamltable.Property[nasNode]{Name: name, Doc: doc, Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set: func(r *yamltable.Reader, n ast.Node, to *nasNode) { *field(to) = text(r, n, name) }}
}

func nasVLAN(name, doc string, field func(*nasNode) *string) yamltable.Property[nasNode] {
	return yamltable.Property[nasNode]{Name: name, Doc: doc, Schema: yamltable.Schema{"type": []string{"string", "integer"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *nasNode) { *field(to) = vlan(r, n, name) }}
}

var dasProperties = []yamltable.Property[dasNode]{
	{Name: "address", Doc: "Address of this computer to listen at; by default all.",
		Schema: yamltable.Schema{"type": "string"},
		Set:    func(r *yamltable.Reader, n ast.Node, to *dasNode) { to.address = ipAddress(r, n, "address") }},
	{Name: "port", Doc: "UDP port.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 0, "maximum": 65535, "default": 3799},
		Set: func(r *yamltable.Reader, n ast.Node, to *dasNode) {
			v, _ := r.Number(n, "port", 0, 65535)
			to.port = int(v)
		}},
	{Name: "secret", Doc: "Shared secret; by default that of the server.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *dasNode) { to.secret = secret(r, n, "secret") }},
	{Name: "clients", Doc: "Addresses or networks that requests may come from; by default any.",
		Schema: yamltable.Schema{"type": "array", "items": yamltable.Schema{"type": "string"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *dasNode) {
			for _, entry := range r.List(n, "clients", 100) {
				to.clients = append(to.clients, prefix(r, entry, "an entry of clients"))
			}
		}},
	{Name: "require_event_timestamp", Doc: "Drop requests without Event-Timestamp.",
		Schema: yamltable.Schema{"type": "boolean", "default": false},
		Set: func(r *yamltable.Reader, n ast.Node, to *dasNode) {
			to.requireEventTimestamp, _ = r.Boolean(n, "require_event_timestamp")
		}},
	{Name: "require_message_authenticator", Doc: "Drop requests without Message-Authenticator.",
		Schema: yamltable.Schema{"type": "boolean", "default": false},
		Set: func(r *yamltable.Reader, n ast.Node, to *dasNode) {
			to.requireMessageAuthenticator, _ = r.Boolean(n, "require_message_authenticator")
		}},
}

var mabModes = []string{"off", string(fakeap.MABFallback), string(fakeap.MABFirst), string(fakeap.MABOnly)}

var mabProtocols = []string{string(fakeap.MABPAP), string(fakeap.MABCHAP), string(fakeap.MABEAPMD5)}

var mabProperties = []yamltable.Property[fakeap.MABConfig]{
	{Name: "mode", Doc: "fallback: for clients that do not answer 802.1X; first: before 802.1X; only: instead of it.",
		Schema: yamltable.Enum(mabModes...),
		Set: func(r *yamltable.Reader, n ast.Node, to *fakeap.MABConfig) {
			s, ok := r.OneOf(n, "mode", mabModes)
			if to.Mode = fakeap.MABMode(s); ok && s == "off" {
				to.Mode = fakeap.MABOff
			}
		}},
	{Name: "protocol", Doc: "How the address is put to the server.",
		Schema: yamltable.Schema{"enum": mabProtocols, "default": mabProtocols[0]},
		Set: func(r *yamltable.Reader, n ast.Node, to *fakeap.MABConfig) {
			s, _ := r.OneOf(n, "protocol", mabProtocols)
			to.Protocol = fakeap.MABProtocol(s)
		}},
	{Name: "notation", Doc: "How the address is written, shown with AA:BB:CC:DD:EE:FF.",
		Schema: yamltable.Schema{"type": "string", "default": "aabbccddeeff", "examples": []string{"AA-BB-CC-DD-EE-FF", "aabb.ccdd.eeff"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *fakeap.MABConfig) {
			to.Notation = text(r, n, "notation")
			if err := fakeap.CheckNotation(to.Notation); err != nil {
				r.Errorf(n, `notation is %q; expected the address AA:BB:CC:DD:EE:FF as it shall be written, such as "aa-bb-cc-dd-ee-ff"`, to.Notation)
			}
		}},
	{Name: "password", Doc: "What is sent as the password instead of the address.",
		Schema: yamltable.Schema{"type": "string", "maxLength": 128},
		Set:    func(r *yamltable.Reader, n ast.Node, to *fakeap.MABConfig) { to.Password = secret(r, n, "password") }},
	{Name: "wait", Doc: "For how long 802.1X is tried first, in the mode fallback.",
		Schema: durationSchema("21s"),
		Set:    yamltable.SetDuration("wait", time.Millisecond, time.Hour, func(to *fakeap.MABConfig) *time.Duration { return &to.Wait })},
}

// ipAddress reads an IP address.
func ipAddress(r *yamltable.Reader, n ast.Node, what string) netip.Addr {
	s := text(r, n, what)
	a, err := netip.ParseAddr(s)
	if err != nil && s != "" {
		r.Errorf(n, `%s is %q; expected an IP address such as "10.0.0.2"`, what, s)
	}
	return a
}

// prefix reads an IP address or network.
func prefix(r *yamltable.Reader, n ast.Node, what string) netip.Prefix {
	s := text(r, n, what)
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	if err != nil && s != "" {
		r.Errorf(n, `%s is %q; expected an address or network such as "10.0.0.0/8"`, what, s)
	}
	return p
}
