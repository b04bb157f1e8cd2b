package scenario

import (
	"net"
	"time"

	"nacsim/fakeap/eappeer"
	"nacsim/fakegraph/intune"
	"nacsim/nac/policy"
)

// This file and steptable.go are the language: which keys there are, what they mean, what they accept and what they default to.

// fileRule is what a scenario file is.
var fileRule = mapping[File]{
	fields: []field[File]{
		key("title", "What the scenario is, in one line.",
			func(f *File) *string { return &f.Title }, line(160), required(),
			example("A compliant laptop is onboarded over Wi-Fi")),
		key("shows", "What the scenario shows, in a paragraph.",
			func(f *File) *string { return &f.Shows }, text(4000)),
		key("covers", "The sentence of the product's documentation that the scenario covers.",
			func(f *File) *string { return &f.Covers }, text(4000)),
		key("start", "The world's time when the scenario starts, in RFC 3339. A live run starts now instead.",
			func(f *File) *time.Time { return &f.Start }, instant, initially("2026-01-05T08:00:00Z")),
		key("seed", `The number that all randomness of the virtual world is derived from. "nacsim run --seed" overrides it.`,
			func(f *File) *uint64 { return &f.Seed }, seed, initially("1")),
		key("policy", "The authorization policy of the NAC: a file, relative to the scenario. It should permit initial access, with a last rule that lets a client in, say into quarantine: Intune is asked about clients that have been let in.",
			func(f *File) *Policy { return &f.Policy }, policyFile, required(), example("policies/intune.yaml")),
		key("settings", "Intervals and choices of the programs.",
			func(f *File) *Settings { return &f.Settings }, settingsRule, initially("{}")),
		key("authentication", "What the NAC takes for proof of who a client is.",
			func(f *File) *Authentication { return &f.Authentication }, authenticationRule, initially("{}")),
		key("users", "Those who have a password, by name.",
			func(f *File) *[]User { return &f.Users }, usersRule, example("{ada@corp.example: {password: correct horse, groups: [staff]}}")),
		key("intune", "The organization's Intune.",
			func(f *File) *Intune { return &f.Intune }, intuneRule, initially("{}")),
		key("nas", "The network access servers, by name. Each is a host with that name.",
			func(f *File) *[]NAS { return &f.NAS },
			named("NAS", MaxNAS, checkHostName, func(n *NAS, name string) { n.Name = name }, nasRule),
			example("{ap-1: {kind: ap, ssid: corp}, sw-1: {kind: switch, ports: 8}}")),
		key("devices", "The clients of the network, by name. Each is a host with that name.",
			func(f *File) *[]Device { return &f.Devices },
			indexed(named("device", MaxDevices, checkHostName, func(d *Device, name string) { d.Name = name }, deviceRule)),
			example("{laptop-1: {}}")),
		key("network", "How packets travel between the hosts.",
			func(f *File) *Network { return &f.Network }, networkRule, initially("{}")),
		key("steps", "What happens and what must be true, in chronological order. Each step begins when the one before it has ended.",
			func(f *File) *[]Step { return &f.Steps }, atLeastOne(list("steps", MaxSteps, stepRule)), required()),
	},
	before: func(p *parser, n *node, f *File) { p.declare(n) },
	after:  func(p *parser, n *node, f *File) { p.resolve(n) },
}.rule()

var settingsRule = mapping[Settings]{fields: []field[Settings]{
	key("poll", "How often the NAC polls Intune for the clients that have authenticated.",
		func(s *Settings) *time.Duration { return &s.Poll }, rhythm, initially("2h")),
	key("check_in", "How often a device checks in with Intune, connected or not; only one that is down does not.",
		func(s *Settings) *time.Duration { return &s.CheckIn }, rhythm, initially("8h")),
	key("reauth", "How often a NAS re-authenticates a client on its own, in whole seconds; 0s means never.",
		func(s *Settings) *time.Duration { return &s.Reauth }, habit, initially("0s")),
	key("interim", "How often a NAS sends Interim-Update accounting, in whole seconds; 0s means never.",
		func(s *Settings) *time.Duration { return &s.Interim }, habit, initially("0s")),
	key("coa", "The change of authorization that the NAC asks for first: that the client re-authenticates, or that it is disconnected.",
		func(s *Settings) *string { return &s.CoA }, choice(CoAReauth, CoADisconnect), initially("reauth")),
	key("coa_timeout", "The time to the first retransmission of a CoA-Request or Disconnect-Request.",
		func(s *Settings) *time.Duration { return &s.CoATimeout }, interval, initially("2s")),
	key("coa_retries", "How often a CoA-Request or Disconnect-Request is retransmitted.",
		func(s *Settings) *int { return &s.CoARetries }, whole(0, 20), initially("3")),
	key("coa_backoff", "The time from a change of authorization that failed to the next attempt; it doubles each time.",
		func(s *Settings) *time.Duration { return &s.CoABackoff }, interval, initially("30s")),
	key("coa_per_hour", "How many changes of authorization a client may have within an hour. From then on it has one an hour, "+
		"until an hour has passed without any. It keeps a mistake in a policy from becoming a storm.",
		func(s *Settings) *int { return &s.CoAPerHour }, whole(1, 1000), initially("6")),
	key("min_coa_firmware", "The firmware version below which an access point takes no part in posture CoA.",
		func(s *Settings) *string { return &s.MinCoAFirmware }, version, initially(`"0.14"`)),
	key("tls", "The TLS versions of the NAC's EAP server.",
		func(s *Settings) *TLSVersions { return &s.TLS }, tlsRule, initially("{}")),
	key("grace", "The default of intune.compliance.grace.",
		func(s *Settings) *time.Duration { return &s.Grace }, period, initially("0s")),
	key("compliance", "What the NAC takes a device for by how it stands in Intune. Each can be compliant, noncompliant or unknown.",
		func(s *Settings) *policy.Mapping { return &s.Compliance }, complianceMappingRule, initially("{}")),
	key("max_age", "How long the last known state of a device counts while Intune cannot be asked; after that it is outdated. 0s means for ever.",
		func(s *Settings) *time.Duration { return &s.MaxAge }, period, initially("1d")),
	key("stale_after", "How long ago a device may have checked in with Intune before it is stale; 0s means for ever.",
		func(s *Settings) *time.Duration { return &s.StaleAfter }, period, initially("0s")),
	key("short_list", "The NAC does not believe a list of Intune that has less than this share of the devices of the last one; 0% means that it believes any.",
		func(s *Settings) *float64 { return &s.ShortList }, percent, initially("50%")),
	key("short_list_accept", "After how many such lists of about equal size in a row it believes one after all; 0 means never.",
		func(s *Settings) *int { return &s.ShortListAccept }, whole(0, 1000), initially("0")),
	key("lookup_retry", "The time after which a failed MDM lookup is repeated for the first time; it doubles each time.",
		func(s *Settings) *time.Duration { return &s.LookupRetry }, interval, initially("5s")),
	key("max_duration", "The world time after which a run that has not ended is stopped.",
		func(s *Settings) *time.Duration { return &s.MaxDuration }, interval, initially("30d")),
}}.rule()

// complianceMappingRule has a key for each way in which a device can stand in Intune.
var complianceMappingRule = func() rule[policy.Mapping] {
	var m mapping[policy.Mapping]
	standings := policy.Standings()
	status := choice(mdmStatuses...)
	for i := range standings {
		s := &standings[i]
		m.fields = append(m.fields, keyOf(s.Key, s.Doc, func(p *parser, n *node, into *policy.Mapping) {
			var word string
			status.read(p, n, s.Key, &word)
			into.Set(s, policy.Status(word))
		}, status.schema, initially(string(s.Default))))
	}
	return m.rule()
}()

var tlsRule = mapping[TLSVersions]{
	fields: []field[TLSVersions]{
		key("min", "The lowest version.", func(t *TLSVersions) *string { return &t.Min }, tlsVersion, initially(`"1.2"`)),
		key("max", "The highest version.", func(t *TLSVersions) *string { return &t.Max }, tlsVersion, initially(`"1.3"`)),
	},
	after: func(p *parser, n *node, t *TLSVersions) {
		if t.Min > t.Max && t.Max != "" {
			p.report(n.pos, n.width, "tls: min %s is above max %s", t.Min, t.Max)
		}
	},
}.rule()

var networkRule = mapping[Network]{fields: []field[Network]{
	key("delay", "The one-way delay of every link that links does not mention.",
		func(n *Network) *time.Duration { return &n.Delay }, delay, initially("1ms")),
	key("links", "Links that differ.",
		func(n *Network) *[]Link { return &n.Links }, list("links", 1000, linkRule),
		example("[{both: [ap-1, nac], delay: 20ms, loss: 1%}]")),
}}.rule()

// linkRule is an exception in network.links and, in a step, a change.
var linkRule = mapping[Link]{
	schema: schema{
		AllOf: []*schema{
			{AnyOf: []*schema{{Required: []string{"both"}}, {Required: []string{"from", "to"}}}},
			oneOfKeys("down", "delay", "jitter", "loss", "duplicate", "reorder"),
		},
		DependentSchemas: properties{excludes("both", "from", "to")},
	},
	fields: []field[Link]{
		key("from", "The sending end of one direction: nac, graph, a NAS or a device.",
			func(l *Link) *string { return &l.From }, hostRef, example("ap-1")),
		key("to", "The receiving end of one direction.",
			func(l *Link) *string { return &l.To }, hostRef, example("nac")),
		keyOf("both", "The two ends, when the same holds in both directions.", readBoth, pairSchema, example("[ap-1, nac]")),
		key("down", "Cuts the link: every packet is lost.",
			func(l *Link) **bool { return &l.Down }, optional(boolean)),
		key("delay", "The one-way delay.",
			func(l *Link) **time.Duration { return &l.Delay }, optional(delay), example("20ms")),
		key("jitter", "Up to that much more delay, at random, for each packet.",
			func(l *Link) **time.Duration { return &l.Jitter }, optional(delay), example("5ms")),
		key("loss", "How likely a packet is lost.",
			func(l *Link) **float64 { return &l.Loss }, optional(percent), example("1%")),
		key("duplicate", "How likely a packet arrives twice.",
			func(l *Link) **float64 { return &l.Duplicate }, optional(percent), example("2%")),
		key("reorder", "How likely a packet arrives after later ones.",
			func(l *Link) **float64 { return &l.Reorder }, optional(percent), example("1%")),
	},
	after: checkLink,
}.rule()

var nasRule = mapping[NAS]{
	schema: schema{AllOf: []*schema{
		{If: is("kind", KindAP), Then: without("ports")},
		{If: is("kind", KindSwitch), Then: without("ssid", "firmware")},
	}},
	fields: []field[NAS]{
		key("kind", "A wireless access point (ap) or a wired switch.",
			func(n *NAS) *string { return &n.Kind }, choice(KindAP, KindSwitch), required()),
		key("ssid", "The network that an access point offers, with WPA2-Enterprise.",
			func(n *NAS) *string { return &n.SSID }, ssid, otherwise("corp"), example("corp")),
		key("firmware", "The firmware version that an access point states. Below 0.14 it takes no part in posture CoA.",
			func(n *NAS) *string { return &n.Firmware }, version, otherwise("0.14.29411"), example(`"0.14.29411"`)),
		key("ports", "The number of ports of a switch. They are written sw-1/1, sw-1/2 and so on.",
			func(n *NAS) *int { return &n.Ports }, whole(1, MaxPorts), otherwise("8"), example("8")),
		key("default_vlan", "Where an authorized client is put when its Access-Accept names no VLAN.",
			func(n *NAS) *string { return &n.DefaultVLAN }, vlan, initially("999")),
		key("reauth", "How often it re-authenticates a client on its own.",
			func(n *NAS) *time.Duration { return &n.Reauth }, habit, otherwise("settings.reauth"), example("1h")),
		key("interim", "How often it sends Interim-Update accounting.",
			func(n *NAS) *time.Duration { return &n.Interim }, habit, otherwise("settings.interim"), example("10m")),
		key("radius", "How it talks to the NAC: over UDP, or over TLS with certificates (radsec), which CoA uses too.",
			func(n *NAS) *string { return &n.RADIUS }, choice(OverUDP, OverTLS), initially("udp")),
		key("mab", "Whether it authenticates clients by their MAC address: never (off), those that do not answer 802.1X (fallback), all before 802.1X (first), or all without 802.1X (only), which makes the network of an access point an open one.",
			func(n *NAS) *string { return &n.MAB }, choice(MABOff, MABFallback, MABFirst, MABOnly), initially(`"off"`)),
		key("mab_form", "How it writes that to the NAC: as a password in the clear (pap), a CHAP response, or EAP-MD5.",
			func(n *NAS) *string { return &n.MABForm }, choice("pap", "chap", "eap-md5"), initially("pap")),
	},
	before: func(p *parser, n *node, s *NAS) {
		s.Reauth, s.Interim = p.file.Settings.Reauth, p.file.Settings.Interim
	},
	after: checkNAS,
}.rule()

var complianceRule = mapping[Compliance]{
	schema: schema{
		If: &schema{Required: []string{"require"}},
		Then: &schema{
			If:   &schema{Properties: properties{{"require", &schema{Contains: &schema{Const: PosturePatchLevel}}}}},
			Then: &schema{Required: []string{"minimum_patch_level"}},
			Else: without("minimum_patch_level"),
		},
	},
	fields: []field[Compliance]{
		key("require", "What a compliant device has. An empty list means that there is no policy; Intune then counts every device as compliant.",
			func(c *Compliance) *[]string { return &c.Require },
			distinct(list("facts", 4, choice(PostureAntivirus, PostureFirewall, PostureEncryption, PosturePatchLevel))),
			otherwise("antivirus, firewall and encryption, and patch_level if minimum_patch_level is given"),
			example("[antivirus, firewall]")),
		key("minimum_patch_level", "The date that a device's latest security update must not be older than.",
			func(c *Compliance) *time.Time { return &c.MinimumPatchLevel }, date, example("2026-01-01")),
		key("grace", "How long a device that fails stays inGracePeriod before it becomes noncompliant.",
			func(c *Compliance) *time.Duration { return &c.Grace }, period, otherwise("settings.grace"), example("1d")),
	},
	before: func(p *parser, n *node, c *Compliance) { c.Grace = p.file.Settings.Grace },
	after:  checkCompliance,
}.rule()

var deviceRule = mapping[Device]{
	fields: []field[Device]{
		key("mac", "The MAC address of its hardware.",
			func(d *Device) *net.HardwareAddr { return &d.MAC }, mac, otherwise("one derived from the device's name"), example(`"00:1c:b3:09:85:15"`)),
		key("randomize_mac", "Whether it uses a random, locally administered MAC address instead, as operating systems do unless told not to.",
			func(d *Device) *bool { return &d.RandomizeMAC }, boolean, initially("false")),
		key("name", "Its deviceName in Intune, and what {{DeviceName}} stands for.",
			func(d *Device) *string { return &d.DeviceName }, line(63), otherwise("the device's name in capitals"), example("LAPTOP-1")),
		key("intune", "Its record in Intune; none for a device that Intune does not know.",
			func(d *Device) *DeviceIntune { return d.Intune },
			orNone(deviceIntuneRule, func(i *DeviceIntune) { i.Enrolled = false }), initially("{}")),
		key("certificate", "Its certificate, as a SCEP profile in Intune describes it; none for a device without.",
			func(d *Device) **Certificate { return &d.Certificate },
			orNone(optional(certificateRule), func(c **Certificate) { *c = nil }), initially("{}")),
		key("supplicant", "How it authenticates; none for a device that cannot, such as a printer.",
			func(d *Device) *Supplicant { return &d.Supplicant },
			orNone(supplicantRule, func(s *Supplicant) { s.Method = PeerNone }), initially("{}")),
	},
	before: func(p *parser, n *node, d *Device) {
		d.Intune = newDeviceIntune(p, n.pos, d.Name)
	},
	after: completeDevice,
}.rule()

// deviceIntuneRule is a device's record in Intune at the start. What is left out is in newDeviceIntune.
var deviceIntuneRule = mapping[DeviceIntune]{
	fields: recordFields(func(d *DeviceIntune) *DeviceIntune { return d }, true),
}.rule()

// recordFields are the keys of a device's record in Intune, wherever they stand.
func recordFields[S any](at func(*S) *DeviceIntune, enrolled bool) []field[S] {
	var fields []field[S]
	if enrolled {
		fields = append(fields, key("enrolled", "Whether Intune knows the device when the scenario starts.",
			func(s *S) *bool { return &at(s).Enrolled }, boolean, initially("true")))
	}
	fields = append(fields,
		key("id", "The Intune device ID, what {{DeviceId}} stands for.",
			func(s *S) *string { return &at(s).ID }, guidRule, otherwise("one derived from the device's name"), example("3f2504e0-4f89-41d3-9a0c-0305e82c3301")),
		key("entra_id", "The Entra device ID, what {{AAD_Device_ID}} stands for.",
			func(s *S) *string { return &at(s).EntraID }, guidRule, otherwise("one derived from the device's name"), example("9b2e4a10-7c55-4b0e-8d3f-6a1f0c2d4e5b")),
		key("wifi_mac", "The Wi-Fi MAC address on record, or none.",
			func(s *S) *recordMAC { return &at(s).wifi }, recordMACRule, otherwise("the device's mac if the scenario connects it to an access point"), example(`"00:1c:b3:09:85:15"`, "none")),
		key("ethernet_mac", "The Ethernet MAC address on record, or none.",
			func(s *S) *recordMAC { return &at(s).ethernet }, recordMACRule, otherwise("the device's mac if the scenario connects it to a switch"), example(`"00:1c:b3:09:85:16"`, "none")),
		key("mac_form", "How Intune shows these addresses. Real ones are bare, 12 digits in capitals.",
			func(s *S) *string { return &at(s).MACForm }, choice(macForms()...), otherwise("bare"), example("colon")),
		key("owner", "Whose the device is.",
			func(s *S) *bool { return &at(s).Personal }, ownerRule, otherwise("company"), example("personal")),
		key("state", "The complianceState that it has whatever its posture.",
			func(s *S) *string { return &at(s).State }, choice(complianceStates...), example("configManager")),
		key("os", "The operating system, as Graph names it.",
			func(s *S) *string { return &at(s).OS }, line(64), otherwise("Windows"), example("Windows", "macOS", "iOS", "Android")),
		key("serial", "The serial number, what {{SerialNumber}} stands for.",
			func(s *S) *string { return &at(s).Serial }, line(64), otherwise("one derived from the device's name"), example("PF3K7M2Q")),
		key("user", "The user principal name, what {{UserPrincipalName}} stands for.",
			func(s *S) *string { return &at(s).User }, line(256), otherwise("the device's name at corp.example"), example("ada@corp.example")),
	)
	return append(fields, postureFields(func(s *S) *Posture { return &at(s).Posture })...)
}

// postureFields are the posture facts, wherever they stand.
func postureFields[S any](at func(*S) *Posture) []field[S] {
	return []field[S]{
		key("antivirus", "Whether an antivirus software runs.", func(s *S) **bool { return &at(s).Antivirus }, optional(onOff), example("on", "off")),
		key("firewall", "Whether the firewall is on.", func(s *S) **bool { return &at(s).Firewall }, optional(onOff), example("on", "off")),
		key("encryption", "Whether the disk is encrypted.", func(s *S) **bool { return &at(s).Encryption }, optional(onOff), example("on", "off")),
		key("patch_level", "The date of the latest security update that is installed.", func(s *S) **time.Time { return &at(s).PatchLevel }, optional(date), example("2026-01-01")),
		key("real_time_protection", "Whether the antivirus software protects in real time.", func(s *S) **bool { return &at(s).RealTimeProtection }, optional(onOff), example("on", "off")),
		key("password", "Whether it asks for a password.", func(s *S) **bool { return &at(s).Password }, optional(onOff), example("on", "off")),
		key("secure_boot", "Whether secure boot is on.", func(s *S) **bool { return &at(s).SecureBoot }, optional(onOff), example("on", "off")),
		key("code_integrity", "Whether code integrity is on.", func(s *S) **bool { return &at(s).CodeIntegrity }, optional(onOff), example("on", "off")),
		key("tpm", "Whether its TPM can be used.", func(s *S) **bool { return &at(s).TPM }, optional(onOff), example("on", "off")),
		key("jailbroken", "Whether it is jailbroken or rooted.", func(s *S) **bool { return &at(s).Jailbroken }, optional(boolean), example("true")),
		key("os_version", "The version of the operating system.", func(s *S) **string { return &at(s).OSVersion }, optional(line(64)), example("10.0.22631.3737")),
		key("threat", "The threat level that a partner reports.", func(s *S) **string { return &at(s).Threat }, optional(choice(intune.Threats()...)), example("high")),
	}
}

var certificateRule = mapping[Certificate]{
	fields: append(certificateFields(func(c *Certificate) *Certificate { return c }), validityFields(func(c *Certificate) *Certificate { return c }, "the start of the scenario")...),
	before: func(p *parser, n *node, c *Certificate) { *c = newCertificate(n.pos) },
	after:  checkCertificate,
}.rule()

// certificateFields are what a SCEP profile says, wherever it stands. Their defaults are in newCertificate, so
// that a step can start from the device's certificate instead.
func certificateFields[S any](at func(*S) *Certificate) []field[S] {
	names := list("names", 32, template(1024))
	return []field[S]{
		key("subject", "The subject name format, in the notation of RFC 4514 with variables such as {{DeviceName}}, {{DeviceId}}, {{AAD_Device_ID}}, {{SerialNumber}} and {{UserPrincipalName}}.",
			func(s *S) *string { return &at(s).Subject }, subject, otherwise(`"CN={{DeviceName}}"`), example(`"CN={{DeviceName}},O=Contoso"`)),
		key("san_dns", "Subject alternative names of type DNS.",
			func(s *S) *[]string { return &at(s).SANDNS }, names, otherwise(`["{{DeviceId}}"]`), example(`["{{DeviceId}}"]`)),
		key("san_uri", "Subject alternative names of type URI.",
			func(s *S) *[]string { return &at(s).SANURI }, names, otherwise("none"), example(`["IntuneDeviceId://{{DeviceId}}"]`)),
		key("san_email", "Subject alternative names of type email address.",
			func(s *S) *[]string { return &at(s).SANEmail }, names, otherwise("none"), example(`["{{UserPrincipalName}}"]`)),
		key("issuer", "The issuing CA: corp, which the NAC trusts; intermediate, a CA below corp whose own certificate the device sends along; or foreign, which the NAC does not know.",
			func(s *S) *string { return &at(s).Issuer }, choice(CACorp, CAIntermediate, CAForeign), otherwise("corp"), example("corp")),
		key("key", "The type of the key.",
			func(s *S) *string { return &at(s).Key }, choice("ecdsa-p256"), otherwise("ecdsa-p256"), example("ecdsa-p256")),
	}
}

// validityFields are the times of a certificate, relative to a moment.
func validityFields[S any](at func(*S) *Certificate, moment string) []field[S] {
	return []field[S]{
		key("not_before", "When it becomes valid, relative to "+moment+".",
			func(s *S) *time.Duration { return &at(s).NotBefore }, relative, initially("-1h")),
		key("not_after", "When it expires, relative to "+moment+".",
			func(s *S) *time.Duration { return &at(s).NotAfter }, relative, initially("365d")),
	}
}

var supplicantRule = mapping[Supplicant]{fields: []field[Supplicant]{
	key("method", "The EAP method that it wants, and what happens inside of a tunnel.",
		func(s *Supplicant) *string { return &s.Method }, choice(eappeer.MethodNames()...), initially("tls"), example("ttls-pap")),
	key("user", "Whose password it uses.",
		func(s *Supplicant) *string { return &s.User }, line(253), otherwise("the user of its record in Intune"), example("ada@corp.example")),
	key("password", "The password.",
		func(s *Supplicant) *string { return &s.Password }, text(128), otherwise("that of the user under users"), example("correct horse")),
	key("anonymous", "The identity that it states outside of the tunnel, in place of its own.",
		func(s *Supplicant) *string { return &s.Anonymous }, line(253), example(`"@corp.example"`)),
	key("machine", "Whether TEAP authenticates the machine too, by the certificate of the device.",
		func(s *Supplicant) *bool { return &s.Machine }, boolean, initially("false")),
	key("no_user", "Whether nobody is logged on, so that the machine answers for the user.",
		func(s *Supplicant) *bool { return &s.NoUser }, boolean, initially("false")),
	key("profile", "The supplicant that it behaves like.",
		func(s *Supplicant) *string { return &s.Profile }, choice(eappeer.ProfileNames()...), otherwise("none in particular"), example("windows")),
	key("resume", "Whether it resumes the TLS session of an earlier authentication if the NAC lets it.",
		func(s *Supplicant) *bool { return &s.Resume }, boolean, initially("false")),
	key("identity", "The identity it states, with the variables of certificates.",
		func(s *Supplicant) *string { return &s.Identity }, template(253), initially(`"host/{{DeviceName}}"`)),
	key("trust", "The CA that it wants the server's certificate from: corp, or foreign, which makes it refuse the NAC.",
		func(s *Supplicant) *string { return &s.Trust }, choice(CACorp, CAForeign), initially("corp")),
	key("server_name", "The name that it wants in the server's certificate. The NAC's has "+DefaultServerName+".",
		func(s *Supplicant) *string { return &s.ServerName }, line(253), initially(DefaultServerName)),
	key("tls", "The TLS versions that it offers.",
		func(s *Supplicant) *TLSVersions { return &s.TLS }, tlsRule, initially("{}")),
	key("fragment", "The size in octets that it cuts EAP-TLS messages to.",
		func(s *Supplicant) *int { return &s.Fragment }, whole(100, 4000), initially("1398")),
	key("retry", "Whether it tries again after a refusal, a minute later. After three refusals in a row it gives up until it is connected again.",
		func(s *Supplicant) *bool { return &s.Retry }, boolean, initially("true")),
}}.rule()
