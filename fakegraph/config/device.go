package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/fakegraph/fleet"
	"nacsim/fakegraph/intune"
	"nacsim/internal/yamltable"
)

const (
	day   = 24 * time.Hour
	years = 3650 * day
)

var complianceProperties = []yamltable.Property[compliance]{
	choice("no_policy", "What a device is that no policy is for.", []string{intune.StateCompliant, intune.StateNoncompliant}, func(c *compliance) *string { return &c.noPolicy }),
	duration("validity", "How long a status is valid without a check-in; then the device is noncompliant.", "30d", time.Minute, years, func(c *compliance) *time.Duration { return &c.validity }),
	choice("grace_ends", "When a grace period that has run out takes effect: at the next check-in, or at once.", []string{"check_in", "at_once"}, func(c *compliance) *string { return &c.graceEnds }),
	list("policies", "Compliance policies. Of those that are for a device the worst counts.", "a policy", 100, policyProperties,
		func(c *compliance, p policy, n ast.Node) { p.node = n; c.policies = append(c.policies, p) }, func() policy { return policy{} }),
}

var policyProperties = []yamltable.Property[policy]{
	required(text("name", "Name of the policy.", func(p *policy) *string { return &p.Name }, "Windows compliance")),
	id("id", "ID of the policy. The default is derived from the name.", func(p *policy) *string { return &p.ID }),
	choice("platform", "Devices that the policy is for.", intune.Platforms(), func(p *policy) *string { return &p.Platform }),
	{Name: "require", Doc: "What a compliant device has, each at most once.", Schema: yamltable.Schema{"type": "array", "uniqueItems": true, "items": yamltable.Enum(factNames()...)},
		Set: func(r *yamltable.Reader, n ast.Node, p *policy) {
			for _, entry := range r.List(n, "require", maxList) {
				if fact, ok := r.OneOf(entry, "an entry of require", factNames()); ok {
					p.Require = append(p.Require, intune.Fact(fact))
				}
			}
		}},
	moment("minimum_patch_level", "Day of the oldest security update that complies; needed where patch_level is required.", func(p *policy) *time.Time { return &p.MinimumPatchLevel }),
	text("minimum_os_version", "Lowest version that complies; needed where os_version is required.", func(p *policy) *string { return &p.MinimumOSVersion }, "10.0.22631"),
	option("maximum_threat", "Highest threat level that complies; needed where threat_level is required.", intune.Threats(), func(p *policy) *string { return &p.MaximumThreat }),
	duration("grace", "How long a device that fails is in its grace period.", "0s", 0, years, func(p *policy) *time.Duration { return &p.Grace }),
	option("owner", "Only devices that belong to the company, or to their users.", []string{intune.OwnerCompany, intune.OwnerPersonal}, func(p *policy) *string { return &p.Assigned.Owner }),
	texts("groups", "Only devices of users in one of these groups.", func(p *policy) *[]string { return &p.Assigned.Groups }, "staff"),
	texts("excluded", "Not devices of users in one of these groups.", func(p *policy) *[]string { return &p.Assigned.Excluded }, "guests"),
	option("outcome", "What the policy ends in on every device, in place of evaluating it.", []string{intune.StateError, intune.StateConflict}, func(p *policy) *string { return &p.Outcome }),
}

func factNames() []string {
	var names []string
	for _, f := range intune.Facts() {
		names = append(names, string(f))
	}
	return names
}

var checkInProperties = []yamltable.Property[checkIns]{
	duration("every", "Interval of routine check-ins.", "8h", time.Second, 365*day, func(c *checkIns) *time.Duration { return &c.every }),
	duration("jitter", "How much later than its schedule a routine check-in is at most.", "0s", 0, 365*day, func(c *checkIns) *time.Duration { return &c.jitter }),
	choice("early", "Whether a newly enrolled device checks in more often at first, as its operating system does, or not.", []string{"usual", "none"}, func(c *checkIns) *string { return &c.early }),
}

var deviceProperties = append([]yamltable.Property[device]{
	required(text("name", "deviceName. Several devices may have the same.", func(d *device) *string { return &d.Name }, "LAPTOP-1")),
	text("label", "How the control API names the device; unique. The default is the name.", func(d *device) *string { return &d.Label }),
	id("id", "Intune device ID. The default is drawn once.", func(d *device) *string { return &d.ID }),
	id("entra_id", "Entra device ID. The default is drawn once.", func(d *device) *string { return &d.AzureADDeviceID }),
	text("wifi_mac", "Wi-Fi MAC address. The default is none.", func(d *device) *string { return &d.WiFiMAC }, "d4:6e:0e:02:28:96"),
	text("ethernet_mac", "Ethernet MAC address. The default is none.", func(d *device) *string { return &d.EthernetMAC }, "d4:6e:0e:02:28:97"),
	choice("mac_form", "How Intune shows the addresses.", macForms(), func(d *device) *string { return &d.form }),
	text("serial", "Serial number.", func(d *device) *string { return &d.SerialNumber }, "PF3K7M2Q"),
	text("imei", "IMEI.", func(d *device) *string { return &d.IMEI }),
	text("user", "User principal name of the primary user.", func(d *device) *string { return &d.UserPrincipalName }, "anna@contoso.example"),
	text("os", "Operating system: Windows, which is the default, iOS, iPadOS, macOS, Android or any text.", func(d *device) *string { return &d.OperatingSystem }, "Windows", "macOS"),
	text("os_version", "Version of the operating system.", func(d *device) *string { return &d.OSVersion }, "10.0.22631.3737"),
	text("manufacturer", "Manufacturer.", func(d *device) *string { return &d.Manufacturer }, "LENOVO"),
	text("model", "Model.", func(d *device) *string { return &d.Model }, "21HM004QGE"),
	choice("owner", "Whose the device is.", []string{intune.OwnerCompany, intune.OwnerPersonal}, func(d *device) *string { return &d.owner }),
	duration("enrolled_ago", "How long ago the device enrolled. The default is now, or last_sync_ago.", "", 0, years, func(d *device) *time.Duration { return &d.enrolledAgo }),
	duration("last_sync_ago", "How long ago the device checked in last, as it is now. The default is that it does at once.", "", 0, years, func(d *device) *time.Duration { return &d.syncAgo }),
	flag("off", "Whether the device is switched off, or lost, and does not check in.", false, func(d *device) *bool { return &d.Off }),
	option("force_state", "complianceState that the device has whatever its posture.", intune.States(), func(d *device) *string { return &d.ForceState }),
}, postureProperties...)

var postureProperties = []yamltable.Property[device]{
	fact("antivirus", "Whether an antivirus software runs.", func(p *intune.Posture) *bool { return &p.Antivirus }),
	fact("real_time_protection", "Whether it protects in real time.", func(p *intune.Posture) *bool { return &p.RealTimeProtection }),
	fact("firewall", "Whether the firewall is on.", func(p *intune.Posture) *bool { return &p.Firewall }),
	fact("encryption", "Whether the disk is encrypted.", func(p *intune.Posture) *bool { return &p.Encryption }),
	fact("password", "Whether it asks for a password or passcode.", func(p *intune.Posture) *bool { return &p.Password }),
	fact("secure_boot", "Whether secure boot is on.", func(p *intune.Posture) *bool { return &p.SecureBoot }),
	fact("code_integrity", "Whether code integrity is on.", func(p *intune.Posture) *bool { return &p.CodeIntegrity }),
	fact("tpm", "Whether it has a TPM.", func(p *intune.Posture) *bool { return &p.TPM }),
	flag("jailbroken", "Whether it is jailbroken or rooted.", false, func(d *device) *bool { return &d.Posture.Jailbroken }),
	moment("patch_level", "Day of the latest security update. The default is today.", func(d *device) *time.Time { return &d.patchLevel }),
	choice("threat", "Threat level that a partner for mobile threat defense reports.", intune.Threats(), func(d *device) *string { return &d.Posture.Threat }),
}

// fact is a property of the posture that is true on a healthy device.
func fact(name, doc string, field func(*intune.Posture) *bool) yamltable.Property[device] {
	return flag(name, doc, true, func(d *device) *bool { return field(&d.Posture) })
}

func macForms() []string {
	var forms []string
	for _, f := range intune.MACForms() {
		forms = append(forms, string(f))
	}
	return forms
}

var fleetProperties = []yamltable.Property[fleetNode]{
	required(number("count", "How many devices, twins included.", 0, maxDevices, func(f *fleetNode) *int { return &f.count })),
	number("seed", "What they are made up from. The default is 1.", 0, 1<<31-1, func(f *fleetNode) *int { return &f.seed }),
	text("domain", "Domain of their users. The default is the first of the tenant.", func(f *fleetNode) *string { return &f.Domain }, "contoso.example"),
	{Name: "mix", Doc: "Weight of each operating system; one that is left out has none.", Schema: yamltable.ObjectSchema(mixProperties), Set: func(r *yamltable.Reader, n ast.Node, f *fleetNode) {
		f.Mix = fleet.Mix{}
		if yamltable.Object(r, n, "mix", mixProperties, &f.Mix) && f.Mix == (fleet.Mix{}) {
			r.Errorf(n, "mix has no operating system")
		}
	}},
	share("unhealthy", "Devices that do not meet the policies; 6% by default.", func(f *fleetNode) *float64 { return &f.Unhealthy }),
	share("idle", "Devices that have been off for days; 8% by default.", func(f *fleetNode) *float64 { return &f.Idle }),
	share("lost", "Devices that have been off for longer than a status is valid; 2% by default.", func(f *fleetNode) *float64 { return &f.Lost }),
	share("twins", "Devices that have enrolled again and whose record of before is still there; 2% by default.", func(f *fleetNode) *float64 { return &f.Twins }),
	share("no_mac", "Devices without a Wi-Fi MAC address; 2% by default.", func(f *fleetNode) *float64 { return &f.NoMAC }),
	share("docked", "Windows devices whose Ethernet MAC address is that of a dock which four share; 5% by default.", func(f *fleetNode) *float64 { return &f.Docked }),
	share("no_entra", "Devices whose Entra device ID is all zeros; 0.2% by default.", func(f *fleetNode) *float64 { return &f.NoEntra }),
}

var mixProperties = []yamltable.Property[fleet.Mix]{
	number("windows", "Windows.", 0, 1000, func(m *fleet.Mix) *int { return &m.Windows }),
	number("macos", "macOS.", 0, 1000, func(m *fleet.Mix) *int { return &m.MacOS }),
	number("ios", "iOS.", 0, 1000, func(m *fleet.Mix) *int { return &m.IOS }),
	number("ipados", "iPadOS.", 0, 1000, func(m *fleet.Mix) *int { return &m.IPadOS }),
	number("android", "Android.", 0, 1000, func(m *fleet.Mix) *int { return &m.Android }),
}
