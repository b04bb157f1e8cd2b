package graph

import (
	"sort"
	"strings"
	"time"

	"nacsim/fakegraph/intune"
	"nacsim/internal/guid"
)

// A property is one of managedDevice, with what Graph can do with it.
type property struct {
	name string
	// ops are what $filter supports (facts 2.1); none for most.
	ops  filterOps
	kind valueKind
	// text and moment give the value that a filter compares; which of them is set depends on kind.
	text   func(*intune.Device) string
	moment func(*intune.Device) time.Time
	// json appends the value. Where it is nil the value is literal for every device.
	json    func([]byte, *intune.Device) []byte
	literal string
	// detail marks the properties that a list shows as detailZero, and a single device only when $select names
	// them (facts 1.3).
	detail     bool
	detailZero string
}

type valueKind int

const (
	kindText valueKind = iota
	kindEnum
	kindTime
)

// filterOps is a set of operators.
type filterOps int

const (
	opEq filterOps = 1 << iota
	opNe
	opContains
	opLess
	opGreater
	opOr // several values of the property joined with or
)

const never = `"9999-12-31T23:59:59Z"`

// properties are those of managedDevice in v1.0 in the order in which Graph lists them (facts 1.1).
var properties = []property{
	textOf("id", 0, func(d *intune.Device) string { return d.ID }),
	textOf("userId", 0, userID),
	textOf("deviceName", opEq|opContains, func(d *intune.Device) string { return d.Name }),
	enumOf("managedDeviceOwnerType", 0, ownerType),
	timeOf("enrolledDateTime", opLess|opGreater, func(d *intune.Device) time.Time { return d.Enrolled }),
	timeOf("lastSyncDateTime", opLess|opGreater, func(d *intune.Device) time.Time { return d.LastSync }),
	textOf("operatingSystem", opEq|opOr, func(d *intune.Device) string { return d.OperatingSystem }),
	enumOf("complianceState", opEq|opOr, func(d *intune.Device) string { return d.ComplianceState }),
	textOf("jailBroken", opEq|opOr, jailBroken),
	enumOf("managementAgent", opEq|opOr, func(*intune.Device) string { return "mdm" }),
	textOf("osVersion", opContains, func(d *intune.Device) string { return d.OSVersion }),
	literalOf("easActivated", "false"),
	literalOf("easDeviceId", "null"),
	literalOf("easActivationDateTime", `"0001-01-01T00:00:00Z"`),
	literalOf("azureADRegistered", "true"),
	literalOf("deviceEnrollmentType", `"windowsAzureADJoin"`),
	detailOf("activationLockBypassCode", "null"),
	textOf("emailAddress", opContains, func(d *intune.Device) string { return d.UserPrincipalName }),
	textOf("azureADDeviceId", opEq, func(d *intune.Device) string { return d.AzureADDeviceID }),
	literalOf("deviceRegistrationState", `"registered"`),
	textOf("deviceCategoryDisplayName", opEq|opOr, func(*intune.Device) string { return "Unknown" }),
	literalOf("isSupervised", "false"),
	literalOf("exchangeLastSuccessfulSyncDateTime", `"0001-01-01T00:00:00Z"`),
	enumOf("exchangeAccessState", opEq|opOr, func(*intune.Device) string { return "none" }),
	literalOf("exchangeAccessStateReason", `"none"`),
	detailOf("remoteAssistanceSessionUrl", "null"),
	literalOf("remoteAssistanceSessionErrorDetails", "null"),
	{name: "isEncrypted", json: func(b []byte, d *intune.Device) []byte { return appendJSONBool(b, d.Reported.Encryption) }},
	textOf("userPrincipalName", opEq|opNe, func(d *intune.Device) string { return d.UserPrincipalName }),
	textOf("model", opEq|opContains, func(d *intune.Device) string { return d.Model }),
	textOf("manufacturer", opEq|opOr, func(d *intune.Device) string { return d.Manufacturer }),
	textOf("imei", opEq|opOr, func(*intune.Device) string { return "" }),
	{name: "complianceGracePeriodExpirationDateTime", ops: opLess | opGreater, kind: kindTime, moment: graceEnds, json: appendGraceEnds},
	textOf("serialNumber", opEq|opOr, func(d *intune.Device) string { return d.SerialNumber }),
	textOf("phoneNumber", opContains, func(*intune.Device) string { return "" }),
	{name: "androidSecurityPatchLevel", json: appendAndroidPatchLevel},
	textOf("userDisplayName", 0, userDisplayName),
	literalOf("configurationManagerClientEnabledFeatures", "null"),
	textOf("wiFiMacAddress", 0, func(d *intune.Device) string { return d.WiFiMAC }),
	literalOf("deviceHealthAttestationState", "null"),
	literalOf("subscriberCarrier", `""`),
	literalOf("meid", `""`),
	literalOf("totalStorageSpaceInBytes", "255143706624"),
	literalOf("freeStorageSpaceInBytes", "171798691840"),
	textOf("managedDeviceName", 0, managedDeviceName),
	literalOf("partnerReportedThreatState", `"unknown"`),
	literalOf("requireUserEnrollmentApproval", "null"),
	timeOf("managementCertificateExpirationDate", 0, func(d *intune.Device) time.Time { return d.Enrolled.AddDate(1, 0, 0) }),
	detailOf("iccid", "null"),
	detailOf("udid", "null"),
	detailOf("notes", "null"),
	{name: ethernetProperty, json: appendEthernet},
	{name: "physicalMemoryInBytes", literal: "17179869184", detail: true, detailZero: "0"},
	literalOf("enrollmentProfileName", "null"),
	enumOf("managementState", opEq|opOr, func(d *intune.Device) string { return d.ManagementState }),
	literalOf("deviceActionResults", "[]"),
}

const ethernetProperty = "ethernetMacAddress"

func textOf(name string, ops filterOps, text func(*intune.Device) string) property {
	return property{name: name, ops: ops, kind: kindText, text: text,
		json: func(b []byte, d *intune.Device) []byte { return appendJSONString(b, text(d)) }}
}

func enumOf(name string, ops filterOps, text func(*intune.Device) string) property {
	p := textOf(name, ops, text)
	p.kind = kindEnum
	return p
}

func timeOf(name string, ops filterOps, moment func(*intune.Device) time.Time) property {
	return property{name: name, ops: ops, kind: kindTime, moment: moment,
		json: func(b []byte, d *intune.Device) []byte { return appendJSONTime(b, moment(d)) }}
}

func literalOf(name, literal string) property { return property{name: name, literal: literal} }

func detailOf(name, literal string) property {
	return property{name: name, literal: literal, detail: true, detailZero: "null"}
}

// propertyIndex finds a property by its name in lower case: names are not case-sensitive (facts 2.1).
var propertyIndex = func() map[string]int {
	index := make(map[string]int, len(properties))
	for i, p := range properties {
		index[strings.ToLower(p.name)] = i
	}
	return index
}()

func userID(d *intune.Device) string {
	if d.UserPrincipalName == "" {
		return ""
	}
	return guid.Derived("user/" + strings.ToLower(d.UserPrincipalName))
}

func userDisplayName(d *intune.Device) string {
	name, _, _ := strings.Cut(d.UserPrincipalName, "@")
	return name
}

func ownerType(d *intune.Device) string {
	if d.Personal {
		return "personal"
	}
	return "company"
}

// jailBroken is a text, and "Unknown" where the question makes no sense (facts 1.3).
func jailBroken(d *intune.Device) string {
	switch strings.ToLower(d.OperatingSystem) {
	case "ios", "ipados", "android":
		return "False"
	}
	return "Unknown"
}

// managedDeviceName is user_OS_date_time (facts 1.3).
func managedDeviceName(d *intune.Device) string {
	return userDisplayName(d) + "_" + d.OperatingSystem + "_" + d.Enrolled.UTC().Format("1/2/2006_3:04 PM")
}

func graceEnds(d *intune.Device) time.Time {
	if d.GraceEnds.IsZero() {
		return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return d.GraceEnds
}

func appendGraceEnds(b []byte, d *intune.Device) []byte {
	if d.GraceEnds.IsZero() {
		return append(b, never...)
	}
	return appendJSONTime(b, d.GraceEnds)
}

func appendAndroidPatchLevel(b []byte, d *intune.Device) []byte {
	if !strings.EqualFold(d.OperatingSystem, "android") || d.Reported.PatchLevel.IsZero() {
		return append(b, `""`...)
	}
	return appendJSONString(b, d.Reported.PatchLevel.UTC().Format(time.DateOnly))
}

func appendEthernet(b []byte, d *intune.Device) []byte { return appendJSONString(b, d.EthernetMAC) }

// A view is which properties of a device a reply shows, and how.
type view struct {
	columns []column
}

// A column is one property in a view, with its name as it stands in the reply and the constant that replaces its
// value where the view hides it.
type column struct {
	prefix string // `"name":`
	json   func([]byte, *intune.Device) []byte
	fixed  string
}

// newView makes the view for the selected properties, by index in properties, or for all when none is selected.
func newView(selected []int, list bool, ethernet EthernetMode) view {
	if len(selected) == 0 {
		return view{columns: columnsOf(allProperties, false, list, ethernet)}
	}
	selected = append([]int(nil), selected...)
	sort.Ints(selected)
	return view{columns: columnsOf(selected, true, list, ethernet)}
}

var allProperties = func() []int {
	all := make([]int, len(properties))
	for i := range all {
		all[i] = i
	}
	return all
}()

func columnsOf(indexes []int, selected, list bool, ethernet EthernetMode) []column {
	columns := make([]column, len(indexes))
	for i, index := range indexes {
		p := &properties[index]
		c := column{prefix: `"` + p.name + `":`, json: p.json, fixed: p.literal}
		switch {
		case p.detail && (list || !selected):
			c.json, c.fixed = nil, p.detailZero
		case p.name == ethernetProperty && list && ethernet != EthernetAlways && !(ethernet == EthernetSelected && selected):
			c.json, c.fixed = nil, "null"
		}
		columns[i] = c
	}
	return columns
}

// append appends a device as members of a JSON object, without the braces.
func (v *view) append(b []byte, d *intune.Device) []byte {
	for i := range v.columns {
		c := &v.columns[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, c.prefix...)
		if c.json == nil {
			b = append(b, c.fixed...)
		} else {
			b = c.json(b, d)
		}
	}
	return b
}
