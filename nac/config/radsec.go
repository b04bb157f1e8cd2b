package config

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/radsec"
	"nacsim/internal/yamltable"
	"nacsim/nac/radiusd"
)

type radsecNode struct {
	node         ast.Node
	listen       netip.AddrPort
	certificates []certificateNode
	clientCAs    []named
	versions     radsec.Versions
	peers        []peerNode
	idle         time.Duration
	connections  int
}

type peerNode struct {
	node ast.Node
	radiusd.Peer
	coaPort int
}

// versionNames11 are the settings of RADIUS/1.1 in the order of radsec.Versions.
var versionNames11 = []string{"allowed", "forbidden", "required"}

var radsecProperties = []yamltable.Property[radsecNode]{
	{Name: "listen", Doc: "Address and port for connections. The default is port 2083 on all addresses.",
		Schema: addressSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *radsecNode) { to.listen = address(r, n, "listen") }},
	{Name: "certificate", Doc: "The certificate for connections. The default is the one that the NAC shows to its clients.",
		Schema: certificatesSchema(),
		Set: func(r *yamltable.Reader, n ast.Node, to *radsecNode) {
			to.certificates = certificates(r, n)
		}},
	{Name: "client_cas", Required: true, Doc: "Files with the certification authorities that issue the certificates of access points and switches, in PEM.",
		Schema: textsSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *radsecNode) { to.clientCAs = names(r, n, "client_cas") }},
	{Name: "radius_1_1", Doc: "Whether RADIUS/1.1 (RFC 9765) is spoken with those who know it.",
		Schema: yamltable.Schema{"enum": versionNames11, "default": versionNames11[0]},
		Set: func(r *yamltable.Reader, n ast.Node, to *radsecNode) {
			s, _ := r.OneOf(n, "radius_1_1", versionNames11)
			for i, name := range versionNames11 {
				if name == s {
					to.versions = radsec.Versions(i)
				}
			}
		}},
	{Name: "peers", Doc: "Who may connect, the first that fits. Without this key whoever has a certificate of the CAs is the client that has its address.",
		Schema: yamltable.ArrayOf(func() yamltable.Schema { return yamltable.ObjectSchema(peerProperties) }),
		Set: func(r *yamltable.Reader, n ast.Node, to *radsecNode) {
			entries(r, n, "peers", "a peer", maxClients, peerProperties, &to.peers, func(p *peerNode, n ast.Node) { p.node = n })
		}},
	{Name: "idle", Doc: "How long a connection may be without a packet before it is closed.",
		Schema: durationSchema(""),
		Set:    yamltable.SetDuration("idle", time.Second, 24*time.Hour, func(to *radsecNode) *time.Duration { return &to.idle })},
	{Name: "connections", Doc: "How many connections there may be.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 100_000},
		Set:    setNumber("connections", 1, 100_000, func(to *radsecNode) *int { return &to.connections })},
}

var peerProperties = []yamltable.Property[peerNode]{
	{Name: "name", Required: true, Doc: "Name of the peer, for people.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setText("name", func(to *peerNode) *string { return &to.Client.Name })},
	{Name: "address", Doc: "IP address, or network, from which it may connect. The default is any.",
		Schema: yamltable.Schema{"type": "string", "examples": []string{"192.0.2.1", "10.0.0.0/8"}},
		Set:    func(r *yamltable.Reader, n ast.Node, to *peerNode) { to.Client.Prefix = prefix(r, n, "address") }},
	{Name: "names", Doc: "What its certificate may be for: DNS names, of which the first label may be *, IP addresses or URIs.",
		Schema: textsSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *peerNode) { to.Names = texts(r, n, "names") }},
	{Name: "issuers", Doc: "Distinguished names of CAs, one of which must have issued its certificate, as in CN=Site CA,O=Example.",
		Schema: textsSchema(),
		Set:    func(r *yamltable.Reader, n ast.Node, to *peerNode) { to.Issuers = texts(r, n, "issuers") }},
	{Name: "fingerprints", Doc: "SHA-256 hashes of certificates in hexadecimal, one of which it must have.",
		Schema: yamltable.Schema{"type": "array", "items": yamltable.Schema{"type": "string", "pattern": "^([0-9A-Fa-f]{2}:?){32}$"}},
		Set:    setFingerprints},
	{Name: "vendor", Doc: "Make of the peer, which says in which attributes it takes a role or a VLAN.",
		Schema: yamltable.Schema{"enum": vendorNames, "default": string(radiusd.Generic)},
		Set: func(r *yamltable.Reader, n ast.Node, to *peerNode) {
			s, _ := r.OneOf(n, "vendor", vendorNames)
			to.Client.Vendor = radiusd.Vendor(s)
		}},
	{Name: "coa_port", Doc: "UDP port at which it takes changes of authorization when it is not connected.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 1, "maximum": 65535, "default": radiusd.DefaultCoAPort},
		Set:    setNumber("coa_port", 1, 65535, func(to *peerNode) *int { return &to.coaPort })},
}

func setFingerprints(r *yamltable.Reader, n ast.Node, to *peerNode) {
	for _, entry := range r.List(n, "fingerprints", maxList) {
		s, ok := r.Text(entry, "a fingerprint")
		b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
		if ok && (err != nil || len(b) != sha256.Size) {
			r.Errorf(entry, "a fingerprint has 64 hexadecimal digits, with or without colons between the octets")
			continue
		}
		if ok {
			to.Fingerprints = append(to.Fingerprints, [sha256.Size]byte(b))
		}
	}
}

// radsec returns the settings of RADIUS over TLS. The certificates are those of the file where it names no others.
func (r *reader) radsec(n *radsecNode, certificates []tls.Certificate) radiusd.RadSecConfig {
	if n == nil {
		return radiusd.RadSecConfig{}
	}
	if len(n.certificates) > 0 {
		certificates = r.certificates(n.certificates)
	}
	t := &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12}
	t.ClientCAs, _ = r.authorities(n.clientCAs)
	c := radiusd.RadSecConfig{Addr: n.listen, TLS: func() *tls.Config { return t }, Versions: n.versions, Idle: n.idle, MaxConnections: n.connections}
	if !c.Addr.IsValid() {
		c.Addr = netip.AddrPortFrom(netip.IPv6Unspecified(), radsec.Port)
	}
	for i := range n.peers {
		p := &n.peers[i]
		if !p.Client.Prefix.IsValid() && len(p.Names)+len(p.Issuers)+len(p.Fingerprints) == 0 {
			r.Errorf(p.node, "peer %.64q could be anybody; give its address, names, issuers or fingerprints", p.Client.Name)
		}
		p.Client.CoAPort = uint16(p.coaPort)
		c.Peers = append(c.Peers, p.Peer)
	}
	return c
}
