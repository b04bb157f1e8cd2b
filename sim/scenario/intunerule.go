package scenario

import (
	"time"

	"nacsim/fakegraph/intune"
)

// This file is the part of the language that is about Intune as a whole; that about single devices is in table.go.

var intuneRule = mapping[Intune]{
	schema: schema{DependentSchemas: properties{excludes("policies", "compliance")}},
	fields: []field[Intune]{
		key("compliance", "The compliance policy that devices are measured by, if there is one for all.",
			func(i *Intune) *Compliance { return &i.Compliance }, complianceRule, initially("{}")),
		key("policies", "Compliance policies in its place. Of those that are for a device the worst counts.",
			func(i *Intune) *[]CompliancePolicy { return &i.Policies }, list("policies", 20, compliancePolicyRule),
			example("[{name: Windows, platform: windows10AndLater, require: [antivirus]}, {name: Phones, platform: iOS, require: [not_jailbroken]}]")),
		key("no_policy", "What a device is that no policy is for.",
			func(i *Intune) *bool { return &i.NoPolicyFails }, oneOfTwo("compliant", "noncompliant"), initially("compliant")),
		key("validity", "How long a status is valid without a check-in; then the device is noncompliant.",
			func(i *Intune) *time.Duration { return &i.Validity }, rhythm, initially("30d")),
		key("grace_ends", "When a grace period that has run out takes effect: at the next check-in, or at once.",
			func(i *Intune) *bool { return &i.GraceEndsAtOnce }, oneOfTwo("check_in", "at_once"), initially("check_in")),
		key("page_size", "The number of devices in one page of a list.",
			func(i *Intune) *int { return &i.PageSize }, whole(1, 1000), initially("1000")),
		key("early_check_ins", "Whether a newly enrolled device checks in every 3 minutes for 15 minutes and every 15 minutes for 2 hours, as Windows does, before settings.check_in applies.",
			func(i *Intune) *bool { return &i.EarlyCheckIns }, boolean, initially("false")),
		key("jitter", "How much later than its schedule a routine check-in is at most, less than settings.check_in.",
			func(i *Intune) *time.Duration { return &i.Jitter }, habit, initially("0s")),
		key("visibility", "How long it takes until each service shows what has happened. What was there at the start is seen at once.",
			func(i *Intune) *intune.Delays { return &i.Visibility }, visibilityRule, initially("{}")),
		key("records", "Devices in Intune that are not on this network, by label: stale twins of some that are, or other people's.",
			func(i *Intune) *[]Record { return &i.Records },
			named("record", MaxDevices, checkRecordName, func(r *Record, name string) { r.Label = name }, otherRecordRule),
			example("{before: {name: LAPTOP-1, last_sync: 40d, off: true}}")),
		key("fleet", "Many more such devices, made up from the seed.",
			func(i *Intune) **Fleet { return &i.Fleet }, optional(fleetRule), example("{count: 10000}")),
	},
	after: func(p *parser, n *node, i *Intune) {
		if short, several := n.entry("compliance"), n.entry("policies"); short != nil && several != nil {
			p.report(short.pos, short.width, "compliance cannot stand beside policies: it is the short form of one for all devices")
		}
		if jitter := n.entry("jitter"); jitter != nil && i.Jitter >= p.file.Settings.CheckIn {
			p.report(jitter.pos, jitter.width, "jitter: %s is not less than settings.check_in, %s", FormatDuration(i.Jitter), FormatDuration(p.file.Settings.CheckIn))
		}
		p.checkPolicies(n, i.Policies)
	},
}.rule()

// oneOfTwo accepts two words, the second of which means true.
func oneOfTwo(no, yes string) rule[bool] {
	words := choice(no, yes)
	return rule[bool]{schema: words.schema, read: func(p *parser, n *node, label string, into *bool) {
		var word string
		words.read(p, n, label, &word)
		*into = word == yes
	}}
}

var ownerRule = oneOfTwo(intune.OwnerCompany, intune.OwnerPersonal)

func macForms() []string {
	var forms []string
	for _, f := range intune.MACForms() {
		forms = append(forms, string(f))
	}
	return forms
}

func factNames() []string {
	var names []string
	for _, f := range intune.Facts() {
		names = append(names, string(f))
	}
	return names
}

var compliancePolicyRule = mapping[CompliancePolicy]{fields: []field[CompliancePolicy]{
	key("name", "What the policy is called.", func(c *CompliancePolicy) *string { return &c.Name }, line(100), required(), example("Windows compliance")),
	key("platform", "The devices that it is for.", func(c *CompliancePolicy) *string { return &c.Platform }, choice(intune.Platforms()...), initially("all")),
	key("owner", "Only devices that belong to the company, or to their users.", func(c *CompliancePolicy) *string { return &c.Assigned.Owner },
		choice(intune.OwnerCompany, intune.OwnerPersonal), otherwise("both"), example("personal")),
	keyOf("require", "What a compliant device has.", func(p *parser, n *node, c *CompliancePolicy) {
		var facts []string
		factsRule.read(p, n, "require", &facts)
		for _, f := range facts {
			c.Require = append(c.Require, intune.Fact(f))
		}
	}, factsRule.schema, otherwise("nothing"), example("[antivirus, os_version]")),
	key("minimum_patch_level", "The date that the latest security update must not be older than, if patch_level is required.",
		func(c *CompliancePolicy) *time.Time { return &c.MinimumPatchLevel }, date, example("2026-01-01")),
	key("minimum_os_version", "The lowest version, if os_version is required.",
		func(c *CompliancePolicy) *string { return &c.MinimumOSVersion }, line(64), example("10.0.22631")),
	key("maximum_threat", "The highest threat level, if threat_level is required.",
		func(c *CompliancePolicy) *string { return &c.MaximumThreat }, choice(intune.Threats()...), example("low")),
	key("grace", "How long a device that fails stays inGracePeriod before it becomes noncompliant.",
		func(c *CompliancePolicy) *time.Duration { return &c.Grace }, period, otherwise("settings.grace"), example("1d")),
	key("outcome", "What it ends in on every device, in place of being evaluated.",
		func(c *CompliancePolicy) *string { return &c.Outcome }, choice(intune.StateError, intune.StateConflict), example("error")),
},
	before: func(p *parser, n *node, c *CompliancePolicy) { c.Grace = p.file.Settings.Grace },
	after: func(p *parser, n *node, c *CompliancePolicy) {
		if err := c.Check(); err != nil && !p.broken(n) {
			p.report(n.pos, n.width, "%v", err)
		}
	},
}.rule()

var factsRule = distinct(list("facts", 20, choice(factNames()...)))

// checkPolicies reports policies of the same name, which would have the same ID.
func (p *parser) checkPolicies(n *node, policies []CompliancePolicy) {
	seen := map[string]bool{}
	for i := range policies {
		if name := policies[i].Name; name != "" && seen[name] {
			p.report(policies[i].Pos, 1, "policies: two are called %q", name)
		}
		seen[policies[i].Name] = true
	}
}

var visibilityRule = mapping[intune.Delays]{fields: []field[intune.Delays]{
	key("list", "Graph's list of devices.", func(d *intune.Delays) *time.Duration { return &d.List }, period, initially("0s")),
	key("get", "Graph's single device.", func(d *intune.Delays) *time.Duration { return &d.Get }, period, initially("0s")),
	key("nac", "The compliance retrieval service.", func(d *intune.Delays) *time.Duration { return &d.NAC }, period, initially("0s")),
	key("entra", "The device object of Entra ID.", func(d *intune.Delays) *time.Duration { return &d.Entra }, period, initially("0s")),
}}.rule()

// otherRecordRule is a record of a device that is not on this network.
var otherRecordRule = mapping[Record]{
	fields: append([]field[Record]{
		key("name", "Its deviceName.", func(r *Record) *string { return &r.Name }, line(63), otherwise("the label in capitals"), example("LAPTOP-1")),
		key("last_sync", "How long before the start it checked in last. By default it does at the start.",
			func(r *Record) *time.Duration { return &r.LastSync }, period, example("40d")),
		key("off", "Whether it does not check in any more.", func(r *Record) *bool { return &r.Off }, boolean, initially("false")),
	}, recordFields(func(r *Record) *DeviceIntune { return &r.DeviceIntune }, false)...),
	before: func(p *parser, n *node, r *Record) { r.DeviceIntune = *newDeviceIntune(p, n.pos, "record/"+r.Label) },
	after: func(p *parser, n *node, r *Record) {
		if r.Name == "" {
			r.Name = capitals(r.Label)
		}
		r.Pos, r.WiFiMAC, r.EthernetMAC = n.pos, r.wifi.mac, r.ethernet.mac
		unique := DeviceIntune{ID: r.ID} // a twin has the Entra device ID of another
		p.claim(n, "record "+r.Label, &unique)
	},
}.rule()

// checkRecordName checks a label under intune.records.
func checkRecordName(p *parser, key *node) bool {
	if !nameForm.MatchString(key.text) {
		p.report(key.pos, key.width, "name %q: want up to 32 letters, digits, dots, hyphens and underscores, such as stale-twin", key.text)
		return false
	}
	return true
}

var fleetRule = mapping[Fleet]{fields: []field[Fleet]{
	key("count", "How many.", func(f *Fleet) *int { return &f.Count }, whole(1, 200_000), required(), example("10000")),
	key("unhealthy", "How many of them fail policies that suit a usual fleet.", func(f *Fleet) *float64 { return &f.Unhealthy }, percent, initially("6%")),
	key("twins", "How many have enrolled again, with the stale record of before still there.", func(f *Fleet) *float64 { return &f.Twins }, percent, initially("2%")),
	key("docked", "How many of those with Windows have the Ethernet address of a dock that four share.", func(f *Fleet) *float64 { return &f.Docked }, percent, initially("5%")),
	key("no_mac", "How many have no Wi-Fi address.", func(f *Fleet) *float64 { return &f.NoMAC }, percent, initially("2%")),
}}.rule()
