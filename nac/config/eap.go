package config

import (
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/eap"
	"nacsim/internal/eap/teap"
	"nacsim/internal/yamltable"
	"nacsim/nac/eapserver"
	"nacsim/nac/radiusd"
)

type eapNode struct {
	methods              []eap.Type
	ttlsInner, peapInner []eapserver.Inner
	fragment, rounds     int
	timeout              time.Duration
	tunnelCertificate    bool
	peapBinding          bool
	teap                 eapserver.TEAP
	rejectOtherIdentity  bool
}

// methods are those that a file can name.
var (
	methodNames = []string{"tls", "ttls", "peap", "teap"}
	methodTypes = []eap.Type{eap.TypeTLS, eap.TypeTTLS, eap.TypePEAP, eap.TypeTEAP}
)

func innerNames(ways []eapserver.Inner) []string {
	var out []string
	for _, w := range ways {
		out = append(out, string(w))
	}
	return out
}

var identityNames = []string{"accept", "reject"}

var eapProperties = []yamltable.Property[eapNode]{
	{Name: "methods", Doc: "EAP methods on offer; the first is proposed first, and a client that refuses it may name another. The default is tls, and ttls where there are users.",
		Schema: choicesSchema(methodNames),
		Set: func(r *yamltable.Reader, n ast.Node, to *eapNode) {
			choices(r, n, "methods", "a method", methodNames, func(i int) { to.methods = append(to.methods, methodTypes[i]) })
		}},
	{Name: "ttls_inner", Doc: "Ways to authenticate inside of EAP-TTLS; of the EAP methods among them the first is proposed first. The default is all.",
		Schema: choicesSchema(innerNames(eapserver.DefaultTTLSInner)),
		Set:    setInner("ttls_inner", eapserver.DefaultTTLSInner, func(to *eapNode) *[]eapserver.Inner { return &to.ttlsInner })},
	{Name: "peap_inner", Doc: "Ways to authenticate inside of PEAP; the first is proposed first. The default is all.",
		Schema: choicesSchema(innerNames(eapserver.DefaultPEAPInner)),
		Set:    setInner("peap_inner", eapserver.DefaultPEAPInner, func(to *eapNode) *[]eapserver.Inner { return &to.peapInner })},
	{Name: "peap_crypto_binding", Doc: "Whether PEAP sends the Crypto-Binding TLV, by which a client makes sure that nobody has carried what it does in the tunnel over from elsewhere.",
		Schema: yamltable.Schema{"type": "boolean", "default": false},
		Set: func(r *yamltable.Reader, n ast.Node, to *eapNode) {
			to.peapBinding, _ = r.Boolean(n, "peap_crypto_binding")
		}},
	{Name: "teap", Doc: "What TEAP does inside its tunnel.",
		Schema: yamltable.ObjectSchema(teapProperties),
		Set: func(r *yamltable.Reader, n ast.Node, to *eapNode) {
			yamltable.Object(r, n, "teap", teapProperties, &to.teap)
			if len(to.teap.Inner) > 1 && slices.Contains(to.teap.Inner, eapserver.Password) {
				r.Errorf(n, "inner of teap has password, which is taken alone")
			}
		}},
	{Name: "tunnel_client_certificate", Doc: "Whether EAP-TTLS and PEAP ask for a client certificate too. A client need not have one, but one that it shows is checked.",
		Schema: yamltable.Schema{"type": "boolean", "default": false},
		Set: func(r *yamltable.Reader, n ast.Node, to *eapNode) {
			to.tunnelCertificate, _ = r.Boolean(n, "tunnel_client_certificate")
		}},
	{Name: "identity_mismatch", Doc: "What becomes of a client whose EAP identity differs from the User-Name that its access point or switch sends.",
		Schema: yamltable.Schema{"enum": identityNames, "default": identityNames[0]},
		Set: func(r *yamltable.Reader, n ast.Node, to *eapNode) {
			s, _ := r.OneOf(n, "identity_mismatch", identityNames)
			to.rejectOtherIdentity = s == "reject"
		}},
	{Name: "fragment_size", Doc: "Most TLS data in one EAP packet, in octets; the Framed-MTU of a request lowers it.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 64, "maximum": eapserver.MaxFragment, "default": eapserver.DefaultFragment},
		Set:    setNumber("fragment_size", 64, eapserver.MaxFragment, func(to *eapNode) *int { return &to.fragment })},
	{Name: "max_rounds", Doc: "Most requests in one conversation.",
		Schema: yamltable.Schema{"type": "integer", "minimum": 10, "maximum": 10_000, "default": eapserver.DefaultMaxRounds},
		Set:    setNumber("max_rounds", 10, 10_000, func(to *eapNode) *int { return &to.rounds })},
	{Name: "timeout", Doc: "How long the next response of a client, or the answer of a directory, is awaited.",
		Schema: durationSchema(radiusd.DefaultConversationTTL.String()),
		Set:    yamltable.SetDuration("timeout", time.Second, time.Hour, func(to *eapNode) *time.Duration { return &to.timeout })},
}

// teapWays and teapIdentities are what a file can name of TEAP.
var (
	teapWays       = []eapserver.Inner{eapserver.EAPTLS, eapserver.EAPMSCHAPv2, eapserver.EAPGTC, eapserver.Password}
	identityKinds  = []string{"machine", "user"}
	teapIdentities = []teap.Identity{teap.Machine, teap.User}
)

var teapProperties = []yamltable.Property[eapserver.TEAP]{
	{Name: "inner", Doc: "Ways to authenticate in the tunnel; the first is proposed first. password is the one without an EAP method, and is taken alone. The default is eap-tls and eap-mschapv2.",
		Schema: choicesSchema(innerNames(teapWays)),
		Set: func(r *yamltable.Reader, n ast.Node, to *eapserver.TEAP) {
			choices(r, n, "inner", "a way", innerNames(teapWays), func(i int) { to.Inner = append(to.Inner, teapWays[i]) })
		}},
	{Name: "identities", Doc: "Who has to authenticate, one after the other. By default it is one, machine or user, whichever the client has.",
		Schema: choicesSchema(identityKinds),
		Set: func(r *yamltable.Reader, n ast.Node, to *eapserver.TEAP) {
			choices(r, n, "identities", "an identity", identityKinds, func(i int) { to.Identities = append(to.Identities, teapIdentities[i]) })
		}},
	{Name: "machine_only", Doc: "Whether a machine is let in while no user is logged on.",
		Schema: yamltable.Schema{"type": "boolean", "default": false},
		Set: func(r *yamltable.Reader, n ast.Node, to *eapserver.TEAP) {
			to.MachineOnly, _ = r.Boolean(n, "machine_only")
		}},
	{Name: "authority", Doc: "Authority-ID of the server.",
		Schema: yamltable.Schema{"type": "string", "default": "nac"},
		Set:    setText("authority", func(to *eapserver.TEAP) *string { return &to.Authority })},
}

func setInner(what string, allowed []eapserver.Inner, field func(*eapNode) *[]eapserver.Inner) func(*yamltable.Reader, ast.Node, *eapNode) {
	return func(r *yamltable.Reader, n ast.Node, to *eapNode) {
		choices(r, n, what, "a way", innerNames(allowed), func(i int) { *field(to) = append(*field(to), allowed[i]) })
	}
}

type mabNode struct {
	off      bool
	forms    []string
	password string
}

var formNames = []string{"pap", "chap", "eap-md5"}

var mabProperties = []yamltable.Property[mabNode]{
	{Name: "forms", Doc: "How the access point or switch may ask: with User-Password, CHAP-Password, or EAP-MD5. The default is all.",
		Schema: choicesSchema(formNames),
		Set: func(r *yamltable.Reader, n ast.Node, to *mabNode) {
			choices(r, n, "forms", "a form", formNames, func(i int) { to.forms = append(to.forms, formNames[i]) })
		}},
	{Name: "password", Doc: "Password that the access point or switch must know. The default is the MAC address itself.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setSecret("password", func(to *mabNode) *string { return &to.password })},
}

// setMAB reads the settings of MAC authentication bypass, or false.
func setMAB(r *yamltable.Reader, n ast.Node, to *fileNode) {
	if _, boolean := n.(*ast.BoolNode); boolean {
		on, _ := r.Boolean(n, "mab")
		to.mab.off = !on
		return
	}
	yamltable.Object(r, n, "mab", mabProperties, &to.mab)
}

// bypass returns the settings of MAC authentication bypass.
func (n *mabNode) bypass() radiusd.MAB {
	if n.off {
		return radiusd.MAB{}
	}
	has := func(form string) bool { return len(n.forms) == 0 || slices.Contains(n.forms, form) }
	return radiusd.MAB{PAP: has("pap"), CHAP: has("chap"), EAPMD5: has("eap-md5"), Password: n.password}
}
