package config

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/yamltable"
	"nacsim/nac/coa"
	"nacsim/nac/policy"
)

// The following are the file as written, before what it names is read.

type fileNode struct {
	node         ast.Node
	listen       listenNode
	radsec       *radsecNode
	clients      []clientNode
	certificates []certificateNode
	clientCAs    []named
	tls          tlsNode
	eap          eapNode
	mab          mabNode
	users        usersNode
	directory    directoryNode
	plain        bool
	revocation   revocationNode
	policy       named
	compliance   policy.Mapping
	coa          coaNode
	intune       *intuneNode
	api          *apiNode
	state        string
	limits       limitsNode
}

// named is a text with its place, most often the name of a file.
type named struct {
	node ast.Node
	text string
}

type listenNode struct{ auth, acct netip.AddrPort }

type certificateNode struct {
	node       ast.Node
	chain, key named
	staple     named
	password   string
}

type tlsNode struct {
	node      ast.Node
	min, max  uint16
	ciphers   []uint16
	groups    []tls.CurveID
	noTickets bool
	resumeFor time.Duration
	resumeMax int
}

type coaNode struct {
	kind              coa.Kind
	timeout           time.Duration
	tries             int
	backoff           time.Duration
	perHour           int
	minFirmware       string
	noDisconnectAfter bool
}

type limitsNode struct{ sessions, conversations, perNAS, waiting int }

var fileProperties = []yamltable.Property[fileNode]{
	yamltable.Section("listen", "Where RADIUS is served.",
		listenProperties, func(to *fileNode) *listenNode { return &to.listen }),
	{Name: "radsec", Doc: "RADIUS over TLS (RFC 6614). Without this key it is not served.",
		Schema: yamltable.ObjectSchema(radsecProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *fileNode) {
			to.radsec = &radsecNode{node: n}
			yamltable.Object(r, n, "radsec", radsecProperties, to.radsec)
		}},
	{Name: "clients", Doc: "The access points and switches that may ask, with their shared secrets. Where several networks hold an address, the smallest counts.",
		Schema: yamltable.ArrayOf(func() yamltable.Schema { return yamltable.ObjectSchema(clientProperties) }),
		Set: func(r *yamltable.Reader, n ast.Node, to *fileNode) {
			entries(r, n, "clients", "a client", maxClients, clientProperties, &to.clients, func(c *clientNode, n ast.Node) { c.node = n })
		}},
	{Name: "certificate", Required: true, Doc: "The certificate that the NAC shows to its clients, or a list of them, for example one with an RSA key and one with an ECDSA key: each client gets one of a kind that it can verify.",
		Schema: certificatesSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *fileNode) { to.certificates = certificates(r, n) }},
	{Name: "client_cas", Doc: "Files with the certification authorities that issue the certificates of clients, in PEM, any number in each.",
		Schema: textsSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *fileNode) { to.clientCAs = names(r, n, "client_cas") }},
	yamltable.Section("tls", "TLS inside of EAP.",
		tlsProperties, func(to *fileNode) *tlsNode { return &to.tls }),
	yamltable.Section("eap", "The Extensible Authentication Protocol.",
		eapProperties, func(to *fileNode) *eapNode { return &to.eap }),
	{Name: "users", Doc: "The users whose passwords the NAC knows, for EAP-TTLS and PEAP: a list, or the name of a file that has the same under the key users.",
		Schema: yamltable.Schema{"anyOf": []yamltable.Schema{{"type": "string", "minLength": 1}, {"type": "array", "items": yamltable.ObjectSchema(userProperties)}}},
		Set:    setUsers},
	{Name: "realms", Doc: "Realms that may stand behind the name of a user: with corp.example, anna@corp.example is anna. \"*\" stands for any.",
		Schema: textsSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *fileNode) { to.users.realms = texts(r, n, "realms") }},
	{Name: "domains", Doc: "Domains that may stand before the name of a user: with CORP, CORP\\anna is anna. \"*\" stands for any.",
		Schema: textsSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *fileNode) { to.users.domains = texts(r, n, "domains") }},
	yamltable.Section("directory", "Who is asked about the passwords of users that the NAC does not know itself.",
		directoryProperties, func(to *fileNode) *directoryNode { return &to.directory }),
	{Name: "plain_passwords", Doc: "Whether users are let in by User-Password or CHAP-Password too, without EAP.",
		Schema: yamltable.Schema{"type": "boolean", "default": false},
		Set:    func(r *yamltable.Reader, n ast.Node, to *fileNode) { to.plain, _ = r.Boolean(n, "plain_passwords") }},
	{Name: "mab", Doc: "MAC authentication bypass: devices that cannot do 802.1X ask by their MAC address, which proves nothing. By default all forms of it are taken, and the policy decides; false refuses them.",
		Schema: yamltable.Schema{"anyOf": []yamltable.Schema{{"const": false}, yamltable.ObjectSchema(mabProperties)}},
		Set:    setMAB},
	{Name: "revocation", Doc: "Whether the certificates of clients have been revoked. Without this key it is not checked.",
		Schema: yamltable.ObjectSchema(revocationProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *fileNode) {
			to.revocation.on = true
			yamltable.Object(r, n, "revocation", revocationProperties, &to.revocation)
		}},
	{Name: "policy", Required: true, Doc: "File with the policy, which decides what an authenticated client may do. See nacsim schema --policy.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *fileNode) { to.policy = fileName(r, n, "policy") }},
	yamltable.Section("compliance", "What Intune's states mean to the policy.",
		complianceProperties, func(to *fileNode) *policy.Mapping { return &to.compliance }),
	{Name: "intune", Doc: "The Microsoft Intune account that is asked about devices. Without it no device is known.",
		Schema: yamltable.ObjectSchema(intuneProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *fileNode) {
			to.intune = &intuneNode{node: n}
			yamltable.Object(r, n, "intune", intuneProperties, to.intune)
		}},
	{Name: "api", Doc: "The HTTP API: the state of the linked account, linking one, sessions and devices. Without this key there is none.",
		Schema: yamltable.ObjectSchema(apiProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *fileNode) {
			to.api = &apiNode{node: n}
			yamltable.Object(r, n, "api", apiProperties, to.api)
		}},
	yamltable.Section("coa", "How the NAC asks access points and switches to change a session.",
		coaProperties, func(to *fileNode) *coaNode { return &to.coa }),
	{Name: "state", Doc: "Folder for what must survive a restart: sessions and device records. It is made when it is not there. Without it the NAC forgets them when it ends.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *fileNode) { to.state = fileName(r, n, "state").text }},
	yamltable.Section("limits", "Bounds on what is kept.",
		limitsProperties, func(to *fileNode) *limitsNode { return &to.limits }),
}

var listenProperties = []yamltable.Property[listenNode]{
	{Name: "auth", Doc: "Address and port for authentication. The default is port 1812 on all addresses.",
		Schema: addressSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *listenNode) { to.auth = address(r, n, "auth") }},
	{Name: "acct", Doc: "Address and port for accounting. The default is port 1813 on all addresses.",
		Schema: addressSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *listenNode) { to.acct = address(r, n, "acct") }},
}

var limitsProperties = []yamltable.Property[limitsNode]{
	{Name: "sessions", Doc: "How many clients may have a session at the same time.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 10_000_000},
		Set:    setNumber("sessions", 1, 10_000_000, func(to *limitsNode) *int { return &to.sessions })},
	{Name: "conversations", Doc: "How many EAP conversations may be under way at the same time; each takes some 20 KiB.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 10000000},
		Set:    setNumber("conversations", 1, 10000000, func(to *limitsNode) *int { return &to.conversations })},
	{Name: "conversations_per_nas", Doc: "How many of them one access point or switch may have; the default is a quarter.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 10000000},
		Set:    setNumber("conversations_per_nas", 1, 10000000, func(to *limitsNode) *int { return &to.perNAS })},
	{Name: "waiting", Doc: "How many requests may wait for a directory at the same time.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 1000000},
		Set:    setNumber("waiting", 1, 1000000, func(to *limitsNode) *int { return &to.waiting })},
}

var coaKinds = []string{string(coa.Reauth), string(coa.Disconnect)}

var coaProperties = []yamltable.Property[coaNode]{
	{Name: "kind", Doc: "How a session is changed that may stay: the client is authenticated again (reauth), or thrown off so that it comes back (disconnect).",
		Schema: yamltable.Schema{"enum": coaKinds, "default": coaKinds[0]},
		Set: func(r *yamltable.Reader, n ast.Node, to *coaNode) {
			s, _ := r.OneOf(n, "kind", coaKinds)
			to.kind = coa.Kind(s)
		}},
	{Name: "timeout", Doc: "Wait for the answer to the first transmission; it doubles with each.",
		Schema: durationSchema("2s"),
		Set:    yamltable.SetDuration("timeout", time.Millisecond, time.Hour, func(to *coaNode) *time.Duration { return &to.timeout })},
	{Name: "tries", Doc: "How many times a request is sent at most.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 20, "default": 3},
		Set:    setNumber("tries", 1, 20, func(to *coaNode) *int { return &to.tries })},
	{Name: "backoff", Doc: "Pause after an attempt that did not help; it doubles with each further one, up to 15 minutes.",
		Schema: durationSchema("30s"),
		Set:    yamltable.SetDuration("backoff", time.Millisecond, 24*time.Hour, func(to *coaNode) *time.Duration { return &to.backoff })},
	{Name: "per_hour", Doc: "How many attempts a client may have within an hour.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 3600, "default": 6},
		Set:    setNumber("per_hour", 1, 3600, func(to *coaNode) *int { return &to.perHour })},
	{Name: "min_firmware", Doc: "Version from which on an access point takes part; one that states an older version is skipped.",
		Schema: yamltable.Schema{"type": "string", "default": "0.14"},
		Set:    func(r *yamltable.Reader, n ast.Node, to *coaNode) { to.minFirmware, _ = r.Text(n, "min_firmware") }},
	{Name: "fallback", Doc: "Whether disconnect is tried when a device refuses reauth as something it does not understand.",
		Schema: yamltable.Schema{"type": "boolean", "default": true},
		Set: func(r *yamltable.Reader, n ast.Node, to *coaNode) {
			if on, ok := r.Boolean(n, "fallback"); ok {
				to.noDisconnectAfter = !on
			}
		}},
}
