package scenario

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// An Authentication is what the NAC takes for proof of who a client is.
type Authentication struct {
	Pos
	// Methods are the EAP methods that the NAC has, the one it proposes first in front: MethodTLS and so on.
	Methods []string
	// Directory is who knows the users: DirectoryNAC or DirectoryEntra.
	Directory string
	// Tickets is for how long a TLS session may be resumed instead of a full handshake; 0 is never.
	Tickets time.Duration
	// MAB are the forms of MAC authentication bypass that the NAC takes: "pap", "chap", "eap-md5".
	MAB []string
	// TEAP is what TEAP does inside of its tunnel.
	TEAP TEAP
	// Revocation is how the NAC learns that a certificate has been revoked.
	Revocation Revocation
}

// A TEAP is what TEAP does inside of its tunnel.
type TEAP struct {
	Pos
	// Identities are whom it asks for, one after the other: IdentityMachine and IdentityUser. None means one of them,
	// whichever the client has.
	Identities []string
	// MachineOnly lets a machine in of which no user is logged on.
	MachineOnly bool
	// Inner are the ways to authenticate, the one proposed first in front; empty means those of package eapserver.
	Inner []string
}

// Values of [TEAP].Identities.
const (
	IdentityMachine = "machine"
	IdentityUser    = "user"
)

// EAP methods of [Authentication].Methods.
const (
	MethodTLS  = "tls"
	MethodTTLS = "ttls"
	MethodPEAP = "peap"
	MethodTEAP = "teap"
)

// Values of [Authentication].Directory.
const (
	DirectoryNAC   = "nac"   // the NAC itself
	DirectoryEntra = "entra" // the tenant in Entra ID, on the host HostGraph
)

// A Revocation is how the NAC learns that a certificate has been revoked.
type Revocation struct {
	Pos
	// By is RevocationNone, RevocationCRL or RevocationOCSP. With one of the latter the scenario has a host HostPKI,
	// which publishes.
	By string
	// Hard says that a client is refused when nothing can be found out.
	Hard bool
	// Valid is for how long a list or an answer is valid.
	Valid time.Duration
}

// Values of [Revocation].By.
const (
	RevocationNone = "none"
	RevocationCRL  = "crl"
	RevocationOCSP = "ocsp"
)

// A User is somebody who has a password, known to the directory.
type User struct {
	Pos
	Name     string
	Password string
	Groups   []string
	Disabled bool
}

// Values of [Supplicant].Method beside the other names of package eappeer.
const (
	PeerTLS  = "tls"
	PeerNone = "none" // no supplicant: the device is authenticated by its MAC address, if at all
)

// UsesPassword reports whether the supplicant proves a password: somebody is logged on, and the method is not one that
// proves a certificate. Those end in "tls".
func (s *Supplicant) UsesPassword() bool {
	return s.Method != PeerNone && !strings.HasSuffix(s.Method, PeerTLS) && !s.NoUser
}

// Values of [NAS].MAB.
const (
	MABOff      = "off"
	MABFallback = "fallback"
	MABFirst    = "first"
	MABOnly     = "only"
)

// Values of [NAS].RADIUS.
const (
	OverUDP = "udp"
	OverTLS = "radsec"
)

// SetUser changes what the directory knows of a user.
type SetUser struct {
	Pos
	Name string
	// Password is the new one; Disabled whether the account is closed. Nil leaves it.
	Password *string
	Disabled *bool
}

// SetPassword changes the password that a device uses, from its next authentication on.
type SetPassword struct {
	Pos
	Device   string
	Password string
}

// Revoke has the certification authority revoke the certificate that a device has now.
type Revoke struct {
	Pos
	Device string
	// Reason is the CRLReason of RFC 5280 section 5.3.1.
	Reason int
}

var authenticationRule = mapping[Authentication]{fields: []field[Authentication]{
	key("methods", "The EAP methods that the NAC has, in order of preference; a client that wants another of them says so with a NAK.",
		func(a *Authentication) *[]string { return &a.Methods },
		distinct(atLeastOne(list("methods", 4, choice(MethodTLS, MethodTTLS, MethodPEAP, MethodTEAP)))), initially("[tls, ttls]"), example("[tls, ttls, peap]")),
	key("directory", "Who knows the users: nac, the NAC itself, or entra, the tenant in Entra ID. Entra ID is asked with the password, so it takes a method that shows it to the NAC, such as ttls-pap.",
		func(a *Authentication) *string { return &a.Directory }, choice(DirectoryNAC, DirectoryEntra), initially(DirectoryNAC), example(DirectoryEntra)),
	key("tickets", "For how long a TLS session may be resumed in place of a full handshake; 0s means never.",
		func(a *Authentication) *time.Duration { return &a.Tickets }, period, initially("1h")),
	key("mab", "The forms of MAC authentication bypass that the NAC takes.",
		func(a *Authentication) *[]string { return &a.MAB }, distinct(list("forms", 3, choice("pap", "chap", "eap-md5"))), initially("[pap, chap, eap-md5]")),
	key("teap", "What TEAP does inside of its tunnel.",
		func(a *Authentication) *TEAP { return &a.TEAP }, teapRule, initially("{}"), example("{identities: [machine, user], machine_only: true}")),
	key("revocation", "How the NAC learns that a certificate has been revoked.",
		func(a *Authentication) *Revocation { return &a.Revocation }, revocationRule, initially("{}")),
}, after: func(p *parser, n *node, a *Authentication) {
	if v := n.entry("teap"); v != nil && !slices.Contains(a.Methods, MethodTEAP) {
		p.report(v.pos, v.width, "teap has no effect: it is not among methods")
	}
}}.rule()

var teapRule = mapping[TEAP]{fields: []field[TEAP]{
	key("identities", "Who has to authenticate, one after the other.", func(t *TEAP) *[]string { return &t.Identities },
		distinct(atLeastOne(list("identities", 2, choice(IdentityMachine, IdentityUser)))), otherwise("one, machine or user, whichever the client has"), example("[machine, user]")),
	key("machine_only", "Whether a machine is let in while no user is logged on.",
		func(t *TEAP) *bool { return &t.MachineOnly }, boolean, initially("false")),
	key("inner", "The ways to authenticate in the tunnel, in order of preference. password is TEAP's own, without an EAP method, and is taken alone.",
		func(t *TEAP) *[]string { return &t.Inner },
		distinct(atLeastOne(list("ways", 4, choice("eap-tls", "eap-mschapv2", "eap-gtc", innerPassword)))), otherwise("[eap-tls, eap-mschapv2]"), example("[password]")),
}, after: func(p *parser, n *node, t *TEAP) {
	if v := n.entry("inner"); len(t.Inner) > 1 && slices.Contains(t.Inner, innerPassword) {
		p.report(v.pos, v.width, "inner: password is taken alone")
	}
}}.rule()

// innerPassword is TEAP's way to ask for a password without an EAP method.
const innerPassword = "password"

var revocationRule = mapping[Revocation]{fields: []field[Revocation]{
	key("by", "From a certificate revocation list (crl), by asking an OCSP responder (ocsp), or not at all. With crl or ocsp there is a host pki that publishes.",
		func(r *Revocation) *string { return &r.By }, choice(RevocationNone, RevocationCRL, RevocationOCSP), initially("none")),
	key("hard_fail", "Whether a client is refused when it cannot be found out whether its certificate has been revoked.",
		func(r *Revocation) *bool { return &r.Hard }, boolean, initially("false")),
	key("valid", "For how long a list or an answer is valid; the NAC asks again then.",
		func(r *Revocation) *time.Duration { return &r.Valid }, rhythm, initially("1h")),
}}.rule()

// userPattern is what the name of a user may look like.
const userPattern = `^[^\s:]{1,253}$`

var userForm = regexp.MustCompile(userPattern)

// usersRule reads the users by name.
var usersRule = func() rule[[]User] {
	r := named("user", MaxDevices, checkUserName, func(u *User, name string) { u.Name = name }, userRule)
	r.schema.PropertyNames = &schema{Pattern: userPattern}
	return r
}()

func checkUserName(p *parser, key *node) bool {
	name := strings.ToLower(key.text)
	switch {
	case !userForm.MatchString(key.text):
		p.report(key.pos, key.width, "user %q: want a name without spaces and colons, such as ada@corp.example", key.text)
	case p.users[name]:
		p.report(key.pos, key.width, "duplicate user %q; upper and lower case are the same", key.text)
	default:
		p.users[name] = true
		return true
	}
	return false
}

var userRule = mapping[User]{fields: []field[User]{
	key("password", "The password.", func(u *User) *string { return &u.Password }, text(128), required(), example("correct horse")),
	key("groups", "The groups that the user is in.", func(u *User) *[]string { return &u.Groups }, list("groups", 32, line(128)), example("[staff]")),
	key("disabled", "Whether the account is closed.", func(u *User) *bool { return &u.Disabled }, boolean, initially("false")),
}}.rule()

// User returns the named user, or nil. Upper and lower case are the same.
func (f *File) User(name string) *User {
	for i := range f.Users {
		if strings.EqualFold(f.Users[i].Name, name) {
			return &f.Users[i]
		}
	}
	return nil
}

// userRef accepts the name of a user of the file.
var userRef = rule[string]{schema: line(253).schema, read: func(p *parser, n *node, label string, into *string) {
	if line(253).read(p, n, label, into); *into == "" || p.file.User(*into) != nil {
		return
	}
	var names []string
	for i := range p.file.Users {
		names = append(names, p.file.Users[i].Name)
	}
	hint := suggest(*into, "there are", names)
	if len(names) == 0 {
		hint = "; the scenario defines none"
	}
	p.report(n.pos, n.width, "%s: unknown user %s%s", label, n.describe(), hint)
}}

var setUserRule = mapping[SetUser]{
	schema: schema{MinProperties: 2},
	fields: []field[SetUser]{
		key("name", "The user.", func(s *SetUser) *string { return &s.Name }, userRef, required(), example("ada@corp.example")),
		key("password", "The new password. Devices keep using the old one.", func(s *SetUser) **string { return &s.Password }, optional(text(128)), example("new secret")),
		key("disabled", "Whether the account is closed.", func(s *SetUser) **bool { return &s.Disabled }, optional(boolean), example("true")),
	},
	after: func(p *parser, n *node, s *SetUser) {
		if len(n.entries) < 2 {
			p.report(n.pos, n.width, "the user does not change; give password or disabled")
		}
	},
}.rule()

var setPasswordRule = mapping[SetPassword]{fields: []field[SetPassword]{
	key("device", "The device.", func(s *SetPassword) *string { return &s.Device }, deviceRef, required()),
	key("password", "What its user types in.", func(s *SetPassword) *string { return &s.Password }, text(128), required(), example("new secret")),
}, after: func(p *parser, n *node, s *SetPassword) {
	if d := p.file.Device(s.Device); d != nil && !d.Supplicant.UsesPassword() {
		p.report(n.pos, n.width, "%s uses no password: its supplicant's method is %s", s.Device, d.Supplicant.Method)
	}
}}.rule()

// crlReasons are the names of RFC 5280 section 5.3.1 that a certificate can be revoked for.
var crlReasons = []struct {
	name string
	code int
}{{"unspecified", 0}, {"keyCompromise", 1}, {"affiliationChanged", 3}, {"superseded", 4}, {"cessationOfOperation", 5}, {"privilegeWithdrawn", 9}}

var reasonRule = func() rule[int] {
	names := make([]string, len(crlReasons))
	for i, r := range crlReasons {
		names[i] = r.name
	}
	words := choice(names...)
	return rule[int]{schema: words.schema, read: func(p *parser, n *node, label string, into *int) {
		var name string
		words.read(p, n, label, &name)
		if i := slices.Index(names, name); i >= 0 {
			*into = crlReasons[i].code
		}
	}}
}()

var revokeRule = mapping[Revoke]{fields: []field[Revoke]{
	key("device", "The device.", func(r *Revoke) *string { return &r.Device }, deviceRef, required()),
	key("reason", "Why, in the words of RFC 5280.", func(r *Revoke) *int { return &r.Reason }, reasonRule, initially("unspecified")),
}, after: func(p *parser, n *node, r *Revoke) {
	d := p.file.Device(r.Device)
	switch {
	case d == nil:
	case d.Certificate == nil:
		p.report(n.pos, n.width, "%s has no certificate to revoke", r.Device)
	case p.file.Authentication.Revocation.By == RevocationNone:
		p.report(n.pos, n.width, "the NAC would not learn of it: authentication.revocation.by is none; write crl or ocsp")
	}
}}.rule()

// checkSupplicant completes what the method needs, and refuses what it has no use for.
func checkSupplicant(p *parser, n *node, s *Supplicant, d *Device) {
	if s.Profile != "" { // what the file does not say is as the profile has it
		if n.entry("tls") == nil {
			s.TLS = TLSVersions{Pos: s.Pos}
		}
		if n.entry("fragment") == nil {
			s.Fragment = 0
		}
	}
	checkMachine(p, n, s, d)
	for _, key := range []string{"user", "password"} {
		if v := n.entry(key); v != nil && !s.UsesPassword() {
			why := "method " + s.Method + " has no use for it"
			if s.NoUser {
				why = "there is no use for it with no_user"
			}
			p.report(v.pos, v.width, "%s: %s", key, why)
		}
	}
	if !s.UsesPassword() {
		return
	}
	if s.User == "" {
		s.User = d.Intune.User
	}
	if n.entry("identity") == nil {
		s.Identity = s.User
	}
	if s.Password == "" {
		if u := p.file.User(s.User); u != nil {
			s.Password = u.Password
			return
		}
		p.report(n.pos, n.width, "method %s needs a password: give password, or let user be one of users", s.Method)
	}
}

// checkMachine makes sure that a supplicant which authenticates its machine has what it takes.
func checkMachine(p *parser, n *node, s *Supplicant, d *Device) {
	machine, noUser := n.entry("machine"), n.entry("no_user")
	switch {
	case s.NoUser && !s.Machine:
		p.report(noUser.pos, noUser.width, "no_user: without a user it is the machine that authenticates; write machine: true too")
	case !s.Machine:
	case !strings.HasPrefix(s.Method, MethodTEAP+"-"):
		p.report(machine.pos, machine.width, "machine: only TEAP authenticates machine and user, and method is %s", s.Method)
	case d.Certificate == nil:
		p.report(machine.pos, machine.width, "machine: %s has no certificate to show as a machine", d.Name)
	case !s.UsesPassword() && !s.NoUser:
		p.report(machine.pos, machine.width, "machine: the certificate of the device is the machine's, and with method %s the user would show it too; "+
			"take a method with a password, or write no_user: true", s.Method)
	}
}
