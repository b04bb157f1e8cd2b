package scenario

import (
	"slices"
	"strings"
	"time"

	"nacsim/nac/event"
	"nacsim/sim/decode"
)

// A verb is a key of a step that says what it does.
type verb struct {
	name  string
	is    func(*Step) bool
	field field[Step]
}

func does[V any](name, doc string, at func(*Step) **V, r rule[V], options ...option) verb {
	return verb{
		name:  name,
		is:    func(s *Step) bool { return *at(s) != nil },
		field: key(name, doc, at, optional(r), options...),
	}
}

// verbs are what a step can do, in the order of the documentation.
var verbs = []verb{
	does("connect", "Plugs a device into a switch port or associates it with an access point. A device that is connected elsewhere leaves there first.",
		func(s *Step) **Connect { return &s.Connect }, connectRule, example("{device: laptop-1, to: ap-1}", "{device: laptop-1, to: sw-1/3}")),
	does("disconnect", "Unplugs a device, or makes it leave its access point.",
		func(s *Step) **Disconnect { return &s.Disconnect }, disconnectRule, example("{device: laptop-1}")),
	does("posture", "Changes the posture of a device. Intune learns of it at the next check-in.",
		func(s *Step) **SetPosture { return &s.Posture }, postureRule, example("{device: laptop-1, antivirus: off}")),
	does("sync", "Makes a device check in with Intune now. Its schedule stays as it is.",
		func(s *Step) **Sync { return &s.Sync }, syncRule, example("{device: laptop-1}")),
	does("enroll", "Makes Intune manage a device that it does not know yet.",
		func(s *Step) **Enroll { return &s.Enroll }, enrollRule, example("{device: laptop-1}")),
	does("retire", "Removes a device from Intune.",
		func(s *Step) **Retire { return &s.Retire }, retireRule, example("{device: laptop-1}", "{device: laptop-1, pending: true}")),
	does("wipe", "Has a device wipe itself: it is wipePending until its next check-in, then wipeIssued, and a minute later gone from Intune.",
		func(s *Step) **Wipe { return &s.Wipe }, wipeRule, example("{device: laptop-1}")),
	does("reenroll", "Lets a device enrol anew, as after a reset: it has another Intune device ID and the same Entra device ID. Its certificate keeps the old one.",
		func(s *Step) **ReEnroll { return &s.ReEnroll }, reEnrollRule, example("{device: laptop-1, keep: true}")),
	does("force_state", "Gives a device a complianceState whatever its posture, at once.",
		func(s *Step) **ForceState { return &s.ForceState }, forceStateRule, example("{device: laptop-1, state: error}")),
	does("compliance", "Replaces the compliance policies in Intune. Devices are measured by them at their next check-in.",
		func(s *Step) **SetCompliance { return &s.Compliance }, setComplianceRule, example("{require: [tpm], at_once: true}", "{restore: true, at_once: true}")),
	does("rename", "Gives a device another deviceName in Intune; its certificate keeps the old one. If the NAC knows the device by that name alone, it no longer finds it from the next poll on.",
		func(s *Step) **Rename { return &s.Rename }, renameRule, example("{device: laptop-1, name: LAPTOP-ADA}")),
	does("certificate", "Gives a device a new certificate, which it uses from its next authentication on. What is left out is as in the device's certificate.",
		func(s *Step) **Reissue { return &s.Certificate }, reissueRule, example("{device: laptop-1, not_after: 30d}")),
	does("revoke", "Has the certification authority revoke the certificate of a device. The NAC learns of it when it next asks.",
		func(s *Step) **Revoke { return &s.Revoke }, revokeRule, example("{device: laptop-1}", "{device: laptop-1, reason: keyCompromise}")),
	does("user", "Changes a user in the NAC's directory.",
		func(s *Step) **SetUser { return &s.User }, setUserRule, example("{name: ada@corp.example, disabled: true}")),
	does("password", "Changes the password that a device uses, from its next authentication on.",
		func(s *Step) **SetPassword { return &s.Password }, setPasswordRule, example("{device: laptop-1, password: new secret}")),
	does("policy", "Replaces the policy of the NAC.",
		func(s *Step) **Policy { return &s.Policy }, policyStepRule, example("policies/strict.yaml", "{file: policies/strict.yaml}")),
	does("graph", "Makes Microsoft Graph and the token endpoint unreachable, puts a fault of nacsim help faults in force there, changes the NAC's app registration, or mends them.",
		func(s *Step) **Graph { return &s.Graph }, graphRule, example("{status: down}", "{answer: 429, retry_after: 30s, count: 2}", "{fault: next_link_loop, page: 2}", "{consent: revoked}", "{status: up}")),
	does("link", "Changes a link between two hosts, in one direction or both. What is left out stays as it is.",
		func(s *Step) **Link { return &s.Link }, linkRule, example("{both: [nac, graph], down: true}", "{from: nac, to: ap-1, loss: 20%}")),
	does("packet", "Drops, duplicates or delays the next packets of a kind.",
		func(s *Step) **PacketFault { return &s.Packet }, packetRule, example("{from: nac, to: ap-1, match: CoA-Request, action: drop}")),
	does("coa_answer", "Makes an access point or switch refuse the next CoA-Requests and Disconnect-Requests.",
		func(s *Step) **CoAAnswer { return &s.CoAAnswer }, coaAnswerRule, example("{nas: ap-1, nak: 503}")),
	does("crash", "Stops a host as a power cut does: what it had not stored is gone. A device that is down does not check in with Intune.",
		func(s *Step) **Crash { return &s.Crash }, crashRule, example("{host: nac}")),
	does("restart", "Boots a host; one that is up goes through a power cut first. A device connects to where it was.",
		func(s *Step) **Restart { return &s.Restart }, restartRule, example("{host: nac}")),
	does("expect", "States what must be true of a client now, or what must have happened since the last step that is not an expectation.",
		func(s *Step) **Expect { return &s.Expect }, expectRule, example("{client: laptop-1, vlan: 750}", "{event: NAC_CLIENT_PERMIT, client: laptop-1}")),
}

// stepRule is a step: one verb, when, and for an expectation how long.
var stepRule = mapping[Step]{
	schema: stepSchema(),
	fields: append([]field[Step]{
		key("at", "When the step begins: world time since the start of the scenario. If the step before it ends later, the step begins then.",
			func(s *Step) **time.Duration { return &s.At }, optional(period), example("8h")),
		key("after", "When the step begins: time since the end of the step before it.",
			func(s *Step) *time.Duration { return &s.After }, period, example("5m")),
		key("within", "How long an expectation may take to become true. The step ends when it is, or with for, that time later. Without within, it must be true at once.",
			func(s *Step) *time.Duration { return &s.Within }, period, example("5s")),
		key("for", "How long an expectation must stay true. With within, the time begins when it has become true.",
			func(s *Step) *time.Duration { return &s.For }, period, example("10m")),
		key("note", "Text for the timeline.",
			func(s *Step) *string { return &s.Note }, line(200), example("The laptop comes back from lunch")),
	}, verbFields()...),
	after: checkStep,
}.rule()

func verbFields() []field[Step] {
	var fields []field[Step]
	for _, v := range verbs {
		fields = append(fields, v.field)
	}
	return fields
}

// stepSchema says that a step has exactly one verb. The alternatives only name keys, so that editors complete
// and check the content of each verb without having to guess which alternative is meant.
func stepSchema() schema {
	var s schema
	for _, v := range verbs {
		s.OneOf = append(s.OneOf, &schema{Required: []string{v.name}})
	}
	s.DependentSchemas = properties{excludes("at", "after")}
	s.DependentRequired = dependencies{{"within", []string{"expect"}}, {"for", []string{"expect"}}}
	return s
}

var connectRule = mapping[Connect]{fields: []field[Connect]{
	key("device", "The device.", func(c *Connect) *string { return &c.Device }, deviceRef, required()),
	key("to", "The access point, or the switch and its port.", func(c *Connect) *Connect { return c }, attachmentRule, required(), example("ap-1", "sw-1/3")),
}, after: checkConnect}.rule()

var disconnectRule = mapping[Disconnect]{fields: []field[Disconnect]{
	key("device", "The device.", func(d *Disconnect) *string { return &d.Device }, deviceRef, required()),
}, after: checkDisconnect}.rule()

var postureRule = mapping[SetPosture]{
	schema: schema{MinProperties: 2},
	fields: append([]field[SetPosture]{
		key("device", "The device.", func(s *SetPosture) *string { return &s.Device }, deviceRef, required()),
	}, postureFields(func(s *SetPosture) *Posture { return &s.Posture })...),
	after: checkPosture,
}.rule()

var syncRule = mapping[Sync]{fields: []field[Sync]{
	key("device", "The device.", func(s *Sync) *string { return &s.Device }, deviceRef, required()),
}, after: checkSync}.rule()

var enrollRule = mapping[Enroll]{
	fields: append([]field[Enroll]{
		key("device", "The device.", func(e *Enroll) *string { return &e.Device }, deviceRef, required()),
	}, recordFields(func(e *Enroll) *DeviceIntune { return &e.Record }, false)...),
	before: startEnroll,
	after:  checkEnroll,
}.rule()

var retireRule = mapping[Retire]{fields: []field[Retire]{
	key("device", "The device.", func(r *Retire) *string { return &r.Device }, deviceRef, required()),
	key("pending", "Whether that takes until the device has checked in: it is retirePending until then, then retireIssued, and a minute later gone.",
		func(r *Retire) *bool { return &r.Pending }, boolean, initially("false")),
}, after: checkRetire}.rule()

var wipeRule = mapping[Wipe]{fields: []field[Wipe]{
	key("device", "The device.", func(w *Wipe) *string { return &w.Device }, deviceRef, required()),
}, after: checkWipe}.rule()

var reEnrollRule = mapping[ReEnroll]{fields: []field[ReEnroll]{
	key("device", "The device.", func(r *ReEnroll) *string { return &r.Device }, deviceRef, required()),
	key("keep", "Whether the record of before stays, as a stale twin that never checks in again.", func(r *ReEnroll) *bool { return &r.Keep }, boolean, initially("false")),
}, after: checkReEnroll}.rule()

var forceStateRule = mapping[ForceState]{fields: []field[ForceState]{
	key("device", "The device.", func(f *ForceState) *string { return &f.Device }, deviceRef, required()),
	keyOf("state", "The state, or none to let the policies decide again.", func(p *parser, n *node, f *ForceState) {
		if forcedStateRule.read(p, n, "state", &f.State); f.State == "none" {
			f.State = ""
		}
	}, forcedStateRule.schema, required(), example("error")),
}, after: checkForceState}.rule()

var forcedStateRule = choice(append([]string{"none"}, complianceStates...)...)

var setComplianceRule = mapping[SetCompliance]{
	schema: schema{
		AllOf:            []*schema{oneOfKeys("require", "policies", "restore")},
		DependentSchemas: properties{excludes("restore", "require", "policies"), excludes("policies", "require")},
	},
	fields: []field[SetCompliance]{
		key("require", "What a compliant device has, if there is one policy for all. An empty list means that there is none.",
			func(s *SetCompliance) *[]string { return &s.Compliance.Require }, factsRule, example("[antivirus, tpm]")),
		key("minimum_patch_level", "The date that a device's latest security update must not be older than; it needs require.",
			func(s *SetCompliance) *time.Time { return &s.Compliance.MinimumPatchLevel }, date, example("2026-01-01")),
		key("grace", "How long a device that fails stays inGracePeriod; it needs require.",
			func(s *SetCompliance) *time.Duration { return &s.Compliance.Grace }, period, otherwise("settings.grace"), example("1d")),
		key("policies", "Several policies, as under intune.", func(s *SetCompliance) *[]CompliancePolicy { return &s.Policies },
			list("policies", 20, compliancePolicyRule), example("[{name: Windows, platform: windows10AndLater, require: [tpm]}]")),
		key("restore", "Puts the policies of the file in force again.", func(s *SetCompliance) *bool { return &s.Restore }, boolean, example("true")),
		key("at_once", "Whether all devices are evaluated now by what they reported last.", func(s *SetCompliance) *bool { return &s.AtOnce }, boolean, initially("false")),
	},
	before: func(p *parser, n *node, s *SetCompliance) { s.Compliance.Grace = p.file.Settings.Grace },
	after:  checkSetCompliance,
}.rule()

var renameRule = mapping[Rename]{fields: []field[Rename]{
	key("device", "The device.", func(r *Rename) *string { return &r.Device }, deviceRef, required()),
	key("name", "The new name.", func(r *Rename) *string { return &r.To }, line(63), required(), example("LAPTOP-ADA")),
}, after: checkRename}.rule()

var reissueRule = mapping[Reissue]{
	fields: append(append([]field[Reissue]{
		key("device", "The device.", func(r *Reissue) *string { return &r.Device }, deviceRef, required()),
	}, certificateFields(func(r *Reissue) *Certificate { return &r.Certificate })...),
		validityFields(func(r *Reissue) *Certificate { return &r.Certificate }, "the step")...),
	before: startReissue,
	after:  checkReissue,
}.rule()

// policyStepRule accepts the file alone, as at the top of a scenario, and a mapping like other verbs.
var policyStepRule = func() rule[Policy] {
	r := mapping[Policy]{fields: []field[Policy]{
		key("file", "The policy file, relative to the scenario.", func(f *Policy) *Policy { return f }, policyFile, required(), example("policies/strict.yaml")),
	}}.rule()
	r.schema.Type = []string{"string", "object"}
	read := r.read
	r.read = func(p *parser, n *node, label string, into *Policy) {
		if n.kind == scalarNode {
			policyFile.read(p, n, label, into)
			return
		}
		read(p, n, label, into)
	}
	return r
}()

var packetRule = mapping[PacketFault]{
	schema: schema{AllOf: []*schema{
		{If: is("action", ActionDelay), Then: &schema{Required: []string{"delay"}}},
		{If: is("action", ActionDrop), Then: without("delay")},
	}},
	fields: []field[PacketFault]{
		key("from", "The sender; without it, any.", func(f *PacketFault) *string { return &f.From }, hostRef, example("nac")),
		key("to", "The receiver; without it, any.", func(f *PacketFault) *string { return &f.To }, hostRef, example("ap-1")),
		key("match", "What the packet is.", func(f *PacketFault) *string { return &f.Match }, choice(PacketNames()...), required(), example("CoA-Request", "Access-Accept", "EAPOL-Key 1/4")),
		key("action", "What happens to it.", func(f *PacketFault) *string { return &f.Action }, choice(ActionDrop, ActionDuplicate, ActionDelay), required()),
		key("delay", "How much later the packet, or its duplicate, arrives.", func(f *PacketFault) *time.Duration { return &f.Delay }, delay, example("500ms")),
		key("count", "How many packets.", func(f *PacketFault) *int { return &f.Count }, whole(1, 1000000), initially("1")),
	},
	after: checkPacket,
}.rule()

var coaAnswerRule = mapping[CoAAnswer]{fields: []field[CoAAnswer]{
	key("nas", "The access point or switch.", func(a *CoAAnswer) *string { return &a.NAS }, nasRef, required()),
	key("nak", "The Error-Cause of the NAK (RFC 5176 section 3.5), for example 503, Session Context Not Found.",
		func(a *CoAAnswer) *int { return &a.NAK }, number(401, 402, 403, 404, 405, 406, 407, 501, 502, 503, 504, 505, 506, 507, 508), required(), example("503")),
	key("count", "How many requests.", func(a *CoAAnswer) *int { return &a.Count }, whole(1, 1000000), initially("1")),
}, after: checkCoAAnswer}.rule()

var crashRule = mapping[Crash]{fields: []field[Crash]{
	key("host", "The host: nac, graph, a NAS or a device.", func(c *Crash) *string { return &c.Host }, hostRef, required()),
}, after: checkCrash}.rule()

var restartRule = mapping[Restart]{fields: []field[Restart]{
	key("host", "The host: nac, graph, a NAS or a device.", func(r *Restart) *string { return &r.Host }, hostRef, required()),
}, after: checkRestart}.rule()

// expectRule is an expectation in either of its forms.
var expectRule = mapping[Expect]{
	schema: expectSchema(),
	fields: append([]field[Expect]{
		key("client", "The device that it is about.", func(e *Expect) *string { return &e.Client }, deviceRef, example("laptop-1")),
		key("device", "The same as client, for records that are about a device as Intune sees it.", func(e *Expect) *string { return &e.Client }, deviceRef, example("laptop-1")),
		key("vlan", "The VLAN that the client is in; with a record, the VLAN in the record.", func(e *Expect) *string { return &e.VLAN }, vlan, example("750")),
		key("state", "The state of the client: authorized (its port is open), unauthorized (connected, its port is not open), rejected (the last authentication ended in Access-Reject), disconnected.",
			func(e *Expect) *string { return &e.State }, choice(StateAuthorized, StateUnauthorized, StateRejected, StateDisconnected)),
		key("rule", "The policy rule that decided about the client; with a record, the rule in the record.", func(e *Expect) *string { return &e.Rule }, ruleRef, example("Corp Compliant")),
		key("role", "The role that the client has, from a label of type radius_group; with a record, the role in the record.", func(e *Expect) *string { return &e.Role }, line(253), example("staff")),
		key("compliance", "The complianceState that the NAC knows of the client's device, in Graph's words, or none when it knows no such device; with a record, the one in the record.",
			func(e *Expect) *string { return &e.Compliance }, choice(append([]string{"none"}, complianceStates...)...)),
		key("nas", "The access point or switch that the client is on; with a record, the one in the record.", func(e *Expect) *string { return &e.NAS }, nasRef, example("ap-1")),
		key("port", "The switch port that the client is on.", func(e *Expect) *int { return &e.Port }, whole(1, MaxPorts), example("3")),
		key("key", "By what the lookup looked for the device.", func(e *Expect) *string { return &e.Key }, choice("mac", "cn", "san_dns", "san_uri")),
		key("from", "The sender of the packet.", func(e *Expect) *string { return &e.From }, hostRef, example("ap-1")),
		key("to", "The receiver of the packet.", func(e *Expect) *string { return &e.To }, hostRef, example("nac")),
		key("where", "Further fields of the record and their values. A dot leads into a group, and * stands for any text. \"nacsim help records\" lists the fields.",
			func(e *Expect) *[]Field { return &e.Where }, whereRule, example("{cert_cn: LAPTOP-1}")),
		key("count", "How many such records there must be, exactly; 0 means none.", func(e *Expect) **int { return &e.Count }, optional(whole(0, 1000000)), example("1")),
		key("at_least", "How many such records there must be at least.", func(e *Expect) *int { return &e.AtLeast }, whole(1, 1000000), otherwise("1, or 0 with at_most"), example("2")),
		key("at_most", "How many such records there may be at most.", func(e *Expect) **int { return &e.AtMost }, optional(whole(0, 1000000)), example("10")),
		key("not", "Negates: it must not be true, or with for: must not become true.", func(e *Expect) *bool { return &e.Not }, boolean, initially("false")),
		keyOf("since", "Which records count: those since the last step that is not an expectation, or all since the start.",
			func(p *parser, n *node, e *Expect) {
				var since string
				sinceRule.read(p, n, "since", &since)
				e.SinceStart = since == "start"
			}, sinceRule.schema, otherwise("step; start when count is given")),
	}, recordKeys()...),
	after: checkExpect,
}.rule()

var sinceRule = choice("step", "start")

// recordForms are the keys that name a kind of record and the value of its principal field.
var recordForms = []struct {
	name string
	doc  string
	rule rule[string]
}{
	{"event", "The type of a client event of the NAC.", choice(eventTypes...)},
	{"packet", "What a packet is that was sent.", choice(PacketNames()...)},
	{"decision", "The NAC's decision.", choice("accept", "reject")},
	{"lookup", "The result of an MDM lookup.", choice("found", "not_found", "error")},
	{"coa", "What became of a change of authorization that the NAC asked for; sent is the beginning of each attempt, however often the request is retransmitted in it.", choice("sent", "ack", "nak", "timeout", "skipped")},
	{"das", "What an access point or switch did with a change of authorization.", choice("ack", "nak", "dropped")},
	{"session", "The new state of a session in the NAC.", choice("started", "authorized", "ended")},
	{"poll", "The result of a poll of Intune.", choice("ok", "error")},
	{"check_in", "The complianceState that a check-in of the device ended in.", choice(complianceStates...)},
	{"record", "Any record of the trace, by its kind.", choice(recordKinds...)},
}

// recordKeys are the keys of recordForms.
func recordKeys() []field[Expect] {
	var fields []field[Expect]
	for _, form := range recordForms {
		fields = append(fields, keyOf(form.name, form.doc, func(p *parser, n *node, e *Expect) {
			if e.Record != "" {
				p.report(n.pos, n.width, "%s: the expectation is already about a record of kind %s; write two steps", form.name, e.Record)
				return
			}
			e.Record = form.name
			if form.name == "record" {
				form.rule.read(p, n, form.name, &e.Record)
				return
			}
			form.rule.read(p, n, form.name, &e.Value)
		}, form.rule.schema))
	}
	return fields
}

// fieldKeys are the keys of an expectation that mean a field of a record.
var fieldKeys = []string{"client", "device", "vlan", "rule", "role", "compliance", "nas", "key", "from", "to"}

// expectSchema says what keys go together: those about a client, or those that the kind of record has.
func expectSchema() schema {
	facts := &schema{Required: []string{"client"}, Properties: without(recordOnly...).Properties}
	facts.AnyOf = oneOfKeys(clientFacts...).AnyOf
	s := schema{AnyOf: []*schema{facts}}
	for i, form := range recordForms {
		s.AnyOf = append(s.AnyOf, &schema{Required: []string{form.name}})
		about := without("state", "port") // these are of clients only
		if kind := RecordKindNamed(form.name); kind != nil {
			about = kind.schema()
		}
		for _, other := range recordForms[i+1:] {
			about.Properties = append(about.Properties, property{other.name, &schema{never: true}})
		}
		s.DependentSchemas = append(s.DependentSchemas, property{form.name, about})
	}
	for i := range recordTable {
		if k := &recordTable[i]; !k.runner {
			s.AllOf = append(s.AllOf, &schema{If: is("record", k.Name), Then: k.schema()})
		}
	}
	s.DependentSchemas = append(s.DependentSchemas, excludes("count", "at_least", "at_most", "not"), excludes("client", "device"),
		property{"not", &schema{If: is("not", true), Then: without("at_least", "at_most")}})
	s.DependentRequired = dependencies{{"port", []string{"nas"}}}
	return s
}

// schema says which keys an expectation about such a record has, and which fields there are under where.
func (k *RecordKind) schema() *schema {
	no := []string{"state", "port"}
	for _, key := range fieldKeys {
		if k.Keyed(key, "") == nil && (key != "device" || k.Keyed("client", "") == nil) {
			no = append(no, key)
		}
	}
	where := &schema{AdditionalProperties: false}
	for i := range k.Fields {
		f := &k.Fields[i]
		for _, member := range f.Members {
			where.Properties = append(where.Properties, property{f.Name + "." + member, &schema{}})
		}
		if i > 0 && f.Members == nil && !slices.ContainsFunc(where.Properties, func(p property) bool { return p.name == f.Name }) {
			where.Properties = append(where.Properties, property{f.Name, &schema{Description: sentence(f.Doc)}})
		}
	}
	where.Properties = append(where.Properties, property{"actor", &schema{Description: "The host that wrote the record."}})
	s := without(no...)
	s.Properties = append(s.Properties, property{"where", where})
	return s
}

// sentence makes a sentence of a phrase.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

// complianceStates are the members of Graph's enumeration complianceState (facts: graph-and-entra 1.2).
var complianceStates = []string{"unknown", "compliant", "noncompliant", "conflict", "error", "inGracePeriod", "configManager"}

// PacketNames returns the names that packets have in a scenario: those of RADIUS codes (RFC 2865, RFC 2866,
// RFC 5176), of EAP codes and methods, of EAPOL and of 802.11 frames.
func PacketNames() []string { return decode.MatchNames() }

// eventTypes are the client events that the NAC emits (facts: mist-and-peers 1.7). It has none of a device that is
// content with the server's certificate, which the protocol does not tell.
var eventTypes = []string{
	string(event.ClientPermit), string(event.ClientDeny),
	string(event.SessionStarted), string(event.SessionEnded),
	string(event.AccountingStart), string(event.AccountingUpdate), string(event.AccountingStop),
	string(event.ClientCertCheckSuccess), string(event.ClientCertCheckFailure), string(event.ClientCertExpired),
	string(event.ClientCertRevoked), string(event.ServerCertValidationFailure),
	string(event.ClientUserCertCheckSuccess), string(event.ClientUserCertCheckFailure),
	string(event.ClientUserCertExpired), string(event.ClientUserCertRevoked),
	string(event.ClientMachineCertCheckSuccess), string(event.ClientMachineCertCheckFailure),
	string(event.ClientMachineCertExpired), string(event.ClientMachineCertRevoked),
	string(event.IdPAuthcSuccess), string(event.IdPAuthcFailure), string(event.IdPUserDisabled), string(event.IdPUnreachable),
	string(event.MDMLookupSuccess), string(event.MDMLookupFailure), string(event.MDMDeviceNotEnrolled),
	string(event.CoAReauth), string(event.CoADisconnect),
	string(event.MDMAccountLinked), string(event.MDMAccountUnlinked), string(event.MDMAccountHealthy), string(event.MDMAccountUnhealthy),
	string(event.MDMCredentialExpiring), string(event.MDMCredentialExpired),
}

// recordKinds are the kinds of trace records that something can be expected of.
var recordKinds = func() []string {
	var names []string
	for i := range recordTable {
		if k := &recordTable[i]; !k.runner {
			names = append(names, k.Name)
		}
	}
	slices.Sort(names)
	return names
}()
