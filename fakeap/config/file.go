package config

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/fakeap"
	"nacsim/fakeap/eappeer"
	"nacsim/internal/yamltable"
)

// The following are the file as written, before what it names is read.

type fileNode struct {
	server      serverNode
	nas         []nasNode
	supplicants []supplicantNode
}

type serverNode struct {
	node                        ast.Node
	auth, acct                  netip.AddrPort
	secret                      string
	noAcct                      bool
	timeout                     time.Duration
	retries                     int
	noRetries                   bool
	requireMessageAuthenticator bool
	radsec                      *radsecNode
}

type nasNode struct {
	node                             ast.Node
	name, kind, ssid, firmware, vlan string
	guest, reject, serverFail        string
	address                          netip.Addr
	mac                              string
	ports, mtu                       int
	reauth, interim, quiet           time.Duration
	das                              *dasNode
	mab                              *fakeap.MABConfig
}

type dasNode struct {
	address                                            netip.Addr
	port                                               int
	secret                                             string
	clients                                            []netip.Prefix
	requireEventTimestamp, requireMessageAuthenticator bool
}

type machineNode struct {
	node                                 ast.Node
	identity, password, certificate, key string
}

type supplicantNode struct {
	machine                              *machineNode
	node                                 ast.Node
	name, nas, mac, identity, anonymous  string
	method, user, password               string
	certificate, key, serverName, domain string
	ca                                   []string
	profile                              string
	count, port, fragment                int
	minTLS, maxTLS                       uint16
	expect                               Expect
	places                               map[string]ast.Node
}

// at is where a key stands, or the supplicant.
func (s *supplicantNode) at(key string) ast.Node {
	if n := s.places[key]; n != nil {
		return n
	}
	return s.node
}

// Limits of a file.
const (
	maxFile        = 4 << 20
	maxSupplicants = 10_000
	maxNAS         = 64
)

var fileProperties = []yamltable.Property[fileNode]{
	{Name: "server", Required: true, Doc: "The RADIUS server.",
		Schema: yamltable.ObjectSchema(serverProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *fileNode) {
			to.server.node = n
			yamltable.Object(r, n, "server", serverProperties, &to.server)
		}},
	{Name: "nas", Doc: "The access point or switch, or a list of them. Without it there is one access point.",
		Schema: yamltable.Schema{"anyOf": []yamltable.Schema{
			yamltable.ObjectSchema(nasProperties), {"type": "array", "minItems": 1, "items": yamltable.ObjectSchema(nasProperties)},
		}},
		Set: setNAS},
	{Name: "supplicants", Required: true, Doc: "The devices that connect.",
		Schema: yamltable.ArrayOf(func() yamltable.Schema { return yamltable.ObjectSchema(supplicantProperties) }),
		Set: func(r *yamltable.Reader, n ast.Node, to *fileNode) {
			for _, entry := range r.List(n, "supplicants", maxSupplicants) {
				s := supplicantNode{node: entry, count: 1, places: map[string]ast.Node{}}
				if yamltable.Object(r, entry, "a supplicant", supplicantProperties, &s) {
					to.supplicants = append(to.supplicants, s)
				}
			}
			if len(to.supplicants) == 0 && len(r.Errs) == 0 {
				r.Errorf(n, "supplicants is empty; nobody would connect")
			}
		}},
}

func setNAS(r *yamltable.Reader, n ast.Node, to *fileNode) {
	list := []ast.Node{n}
	if _, ok := n.(*ast.SequenceNode); ok {
		list = r.List(n, "nas", maxNAS)
	}
	for _, entry := range list {
		one := nasNode{node: entry}
		if yamltable.Object(r, entry, "a nas", nasProperties, &one) {
			to.nas = append(to.nas, one)
		}
	}
}

var serverProperties = []yamltable.Property[serverNode]{
	{Name: "auth", Doc: "Address for authentication; port 1812 unless it says another.",
		Schema: yamltable.Schema{"type": "string", "examples": []string{"10.0.0.1", "127.0.0.1:11812", "[2001:db8::1]:1812"}},
		Set:    func(r *yamltable.Reader, n ast.Node, to *serverNode) { to.auth = serverAddress(r, n, "auth", 1812) }},
	{Name: "acct", Doc: "Address for accounting, or none. By default the same address, and port 1813, or the one after that for authentication.",
		Schema: yamltable.Schema{"type": "string", "examples": []string{"10.0.0.1:1813", "none"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *serverNode) {
			if s := n.GetToken().Value; s == "none" {
				to.noAcct = true
				return
			}
			to.acct = serverAddress(r, n, "acct", 1813)
		}},
	{Name: "secret", Doc: "Shared secret.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *serverNode) { to.secret = secret(r, n, "secret") }},
	{Name: "radsec", Doc: "RADIUS over TLS (RFC 6614), for everything: in place of auth, acct and secret.",
		Schema: yamltable.ObjectSchema(radsecProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *serverNode) {
			to.radsec = &radsecNode{node: n}
			yamltable.Object(r, n, "radsec", radsecProperties, to.radsec)
		}},
	{Name: "timeout", Doc: "Wait for the first answer; it doubles with each retransmission.",
		Schema: durationSchema("2s"),
		Set:    yamltable.SetDuration("timeout", 10*time.Millisecond, time.Minute, func(to *serverNode) *time.Duration { return &to.timeout })},
	{Name: "retries", Doc: "How often a request is sent again.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 0, "maximum": 20, "default": 2},
		Set: func(r *yamltable.Reader, n ast.Node, to *serverNode) {
			v, ok := r.Number(n, "retries", 0, 20)
			to.retries, to.noRetries = int(v), ok && v == 0
		}},
	{Name: "require_message_authenticator", Doc: "Drop replies without Message-Authenticator even where they carry no EAP, as protection against forged ones (CVE-2024-3596).",
		Schema: yamltable.Schema{"type": "boolean", "default": false},
		Set: func(r *yamltable.Reader, n ast.Node, to *serverNode) {
			to.requireMessageAuthenticator, _ = r.Boolean(n, "require_message_authenticator")
		}},
}

var supplicantProperties = []yamltable.Property[supplicantNode]{
	supplicantText("name", "What the device is called in the report. {n} is its number, here and below.", func(s *supplicantNode) *string { return &s.name }),
	{Name: "count", Doc: "How many such devices there are, with the numbers from 1 and one MAC address after the other.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": maxSupplicants, "default": 1},
		Set: func(r *yamltable.Reader, n ast.Node, to *supplicantNode) {
			if v, ok := r.Number(n, "count", 1, maxSupplicants); ok {
				to.count = int(v)
			}
		}},
	supplicantText("nas", "The access point or switch it connects to; by default the first.", func(s *supplicantNode) *string { return &s.nas }),
	{Name: "port", Doc: "The switch port of the first such device; by default the next that is free.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 512},
		Set: func(r *yamltable.Reader, n ast.Node, to *supplicantNode) {
			v, _ := r.Number(n, "port", 1, 512)
			to.port, to.places["port"] = int(v), n
		}},
	supplicantText("mac", "MAC address of the first such device.", func(s *supplicantNode) *string { return &s.mac }),
	supplicantText("identity", "EAP identity. By default the user, or what the certificate names.", func(s *supplicantNode) *string { return &s.identity }),
	supplicantText("anonymous", "Identity said in the clear, where the method has an inner one.", func(s *supplicantNode) *string { return &s.anonymous }),
	{Name: "method", Doc: "How it authenticates: an EAP method, or mab, by its MAC address without EAP. By default tls with a certificate, and ttls-pap with a password.",
		Schema: yamltable.Enum(methods()...),
		Set: func(r *yamltable.Reader, n ast.Node, to *supplicantNode) {
			to.method, _ = r.OneOf(n, "method", methods())
			to.places["method"] = n
		}},
	supplicantText("user", "Name of the user inside of a tunnel; by default the identity.", func(s *supplicantNode) *string { return &s.user }),
	{Name: "password", Doc: "The user's password.",
		Schema: yamltable.Schema{"type": "string"},
		Set: func(r *yamltable.Reader, n ast.Node, to *supplicantNode) {
			to.password, to.places["password"] = secret(r, n, "password"), n
		}},
	supplicantText("certificate", "File with the client certificate and its chain, in PEM.", func(s *supplicantNode) *string { return &s.certificate }),
	supplicantText("key", "File with the private key, in PEM; by default that of the certificate.", func(s *supplicantNode) *string { return &s.key }),
	{Name: "ca", Doc: "File with the authorities that the server's certificate is verified with, in PEM, or a list of such. none believes any server; do not use it where the password matters.",
		Schema: yamltable.Schema{"anyOf": []yamltable.Schema{{"type": "string"}, {"type": "array", "items": yamltable.Schema{"type": "string"}}}},
		Set:    setCA},
	supplicantText("server_name", "Name that the server's certificate must carry; by default any.", func(s *supplicantNode) *string { return &s.serverName }),
	supplicantText("server_domain", "Domain that the name in the server's certificate must be in.", func(s *supplicantNode) *string { return &s.domain }),
	{Name: "machine", Doc: "Credentials of the device itself, besides those of its user, for TEAP. Without a user's, nobody is logged on.",
		Schema: yamltable.ObjectSchema(machineProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *supplicantNode) {
			to.machine = &machineNode{node: n}
			yamltable.Object(r, n, "machine", machineProperties, to.machine)
		}},
	yamltable.Section("tls", "Versions of TLS.",
		tlsProperties, func(to *supplicantNode) *supplicantNode { return to }),
	{Name: "fragment", Doc: "The most TLS data in one EAP packet, in octets.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 64, "maximum": 1398, "default": 1398},
		Set: func(r *yamltable.Reader, n ast.Node, to *supplicantNode) {
			v, _ := r.Number(n, "fragment", 64, 1398)
			to.fragment = int(v)
		}},
	{Name: "profile", Doc: "Habits of a real supplicant.",
		Schema: yamltable.Enum(eappeer.ProfileNames()...),
		Set: func(r *yamltable.Reader, n ast.Node, to *supplicantNode) {
			to.profile, _ = r.OneOf(n, "profile", eappeer.ProfileNames())
		}},
	yamltable.Section("expect", "What must come of it for the exit code to be 0. By default, that it is accepted.",
		expectProperties, func(to *supplicantNode) *Expect { return &to.expect }),
}

// supplicantText is a property that is a text which is not empty.
func supplicantText(name, doc string, field func(*supplicantNode) *string) yamltable.Property[supplicantNode] {
	return yamltable.Property[supplicantNode]{Name: name, Doc: doc, Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set: func(r *yamltable.Reader, n ast.Node, to *supplicantNode) {
			*field(to), to.places[name] = text(r, n, name), n
		}}
}

func setCA(r *yamltable.Reader, n ast.Node, to *supplicantNode) {
	to.places["ca"] = n
	if _, ok := n.(*ast.SequenceNode); !ok {
		to.ca = []string{text(r, n, "ca")}
		return
	}
	for _, entry := range r.List(n, "ca", 100) {
		to.ca = append(to.ca, text(r, entry, "an entry of ca"))
	}
}

var machineProperties = []yamltable.Property[machineNode]{
	{Name: "identity", Doc: "EAP identity of the device, such as host/laptop-1.corp.example; by default what its certificate names.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *machineNode) { to.identity = text(r, n, "identity") }},
	{Name: "password", Doc: "Password of the device.",
		Schema: yamltable.Schema{"type": "string"},
		Set:    func(r *yamltable.Reader, n ast.Node, to *machineNode) { to.password = secret(r, n, "password") }},
	{Name: "certificate", Doc: "File with the certificate of the device, in PEM.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *machineNode) { to.certificate = text(r, n, "certificate") }},
	{Name: "key", Doc: "File with its private key, in PEM; by default that of the certificate.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *machineNode) { to.key = text(r, n, "key") }},
}

var tlsProperties = []yamltable.Property[supplicantNode]{
	{Name: "min", Doc: "Oldest version.", Schema: yamltable.Schema{"enum": versionNames, "default": versionNames[0]},
		Set: setVersion("min", func(s *supplicantNode) *uint16 { return &s.minTLS })},
	{Name: "max", Doc: "Newest version.", Schema: yamltable.Schema{"enum": versionNames, "default": versionNames[1]},
		Set: setVersion("max", func(s *supplicantNode) *uint16 { return &s.maxTLS })},
}

// versionNames are the versions of TLS, in the order of tls.VersionTLS12 and its successor.
var versionNames = []string{"1.2", "1.3"}

func setVersion(what string, field func(*supplicantNode) *uint16) func(*yamltable.Reader, ast.Node, *supplicantNode) {
	return func(r *yamltable.Reader, n ast.Node, to *supplicantNode) {
		for i, name := range versionNames {
			if n.GetToken().Value == name {
				*field(to) = tls.VersionTLS12 + uint16(i)
				to.places["tls"] = n
				return
			}
		}
		r.Errorf(n, `%s is %q; expected "1.2" or "1.3"`, what, n.GetToken().Value)
	}
}

var expectProperties = []yamltable.Property[Expect]{
	{Name: "result", Doc: "accept, or reject for an Access-Reject, or no-reply for a server that does not answer.",
		Schema: yamltable.Enum(results...),
		Set: func(r *yamltable.Reader, n ast.Node, to *Expect) {
			s, _ := r.OneOf(n, "result", results)
			to.Result = fakeap.Result(s)
		}},
	{Name: "vlan", Doc: "The VLAN it is in, by number or name.",
		Schema: yamltable.Schema{"type": []string{"string", "integer"}},
		Set:    func(r *yamltable.Reader, n ast.Node, to *Expect) { to.VLAN = vlan(r, n, "vlan") }},
	{Name: "filter_id", Doc: "The Filter-Id that it is given.",
		Schema: yamltable.Schema{"type": "string"},
		Set:    func(r *yamltable.Reader, n ast.Node, to *Expect) { to.FilterID = text(r, n, "filter_id") }},
}

var results = []string{string(fakeap.Accepted), string(fakeap.Rejected), string(fakeap.NoReply)}

// MAB is the method of a device without EAP.
const MAB = "mab"

func methods() []string { return append(eappeer.MethodNames(), MAB) }
