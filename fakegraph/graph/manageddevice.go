package graph

import (
	"strings"
	"time"

	"nacsim/fakegraph/intune"
)

const never = `"9999-12-31T23:59:59Z"`

// managedDevices is the type managedDevice of v1.0; the properties stand in the order in which Graph lists them (facts 1.1).
var managedDevices = newSchema("managedDevice",
	textOf("id", 0, func(d *intune.Device) string { return d.ID }),
	textOf("userId", 0, func(d *intune.Device) string { return d.UserPrincipalName }), // shown as the id of that user
	textOf("deviceName", opEq|opContains, func(d *intune.Device) string { return d.Name }),
	enumOf("managedDeviceOwnerType", 0, (*device).Owner),
	timeOf("enrolledDateTime", opLess|opGreater, func(d *intune.Device) time.Time { return d.Enrolled }),
	timeOf("lastSyncDateTime", opLess|opGreater, func(d *intune.Device) time.Time { return d.LastSync }),
	textOf("operatingSystem", opEq|opOr, func(d *intune.Device) string { return d.OperatingSystem }),
	enumOf("complianceState", opEq|opOr, func(d *intune.Device) string { return d.ComplianceState }),
	textOf("jailBroken", opEq|opOr, jailBroken),
	enumOf("managementAgent", opEq|opOr, func(*intune.Device) string { return "mdm" }),
	textOf("osVersion", opContains, func(d *intune.Device) string { return d.OSVersion }),
	literalOf[device]("easActivated", "false"),
	literalOf[device]("easDeviceId", "null"),
	literalOf[device]("easActivationDateTime", `"0001-01-01T00:00:00Z"`),
	boolOf("azureADRegistered", 0, isRegistered),
	enumOf("deviceEnrollmentType", 0, enrollmentType),
	detailOf[device]("activationLockBypassCode", "null"),
	textOf("emailAddress", opContains, func(d *intune.Device) string { return d.UserPrincipalName }),
	textOf("azureADDeviceId", opEq, func(d *intune.Device) string { return d.AzureADDeviceID }),
	enumOf("deviceRegistrationState", 0, registrationState),
	textOf("deviceCategoryDisplayName", opEq|opOr, func(*intune.Device) string { return "Unknown" }),
	literalOf[device]("isSupervised", "false"),
	literalOf[device]("exchangeLastSuccessfulSyncDateTime", `"0001-01-01T00:00:00Z"`),
	enumOf("exchangeAccessState", opEq|opOr, func(*intune.Device) string { return "none" }),
	literalOf[device]("exchangeAccessStateReason", `"none"`),
	detailOf[device]("remoteAssistanceSessionUrl", "null"),
	literalOf[device]("remoteAssistanceSessionErrorDetails", "null"),
	property[device]{name: "isEncrypted", json: func(b []byte, d *intune.Device) []byte { return appendJSONBool(b, d.Reported.Encryption) }},
	textOf("userPrincipalName", opEq|opNe, func(d *intune.Device) string { return d.UserPrincipalName }),
	textOf("model", opEq|opContains, func(d *intune.Device) string { return d.Model }),
	textOf("manufacturer", opEq|opOr, func(d *intune.Device) string { return d.Manufacturer }),
	textOf("imei", opEq|opOr, func(d *intune.Device) string { return d.IMEI }),
	property[device]{name: "complianceGracePeriodExpirationDateTime", ops: opLess | opGreater, kind: kindTime, moment: graceEnds, json: appendGraceEnds},
	textOf("serialNumber", opEq|opOr, func(d *intune.Device) string { return d.SerialNumber }),
	textOf("phoneNumber", opContains, func(*intune.Device) string { return "" }),
	property[device]{name: "androidSecurityPatchLevel", json: appendAndroidPatchLevel},
	textOf("userDisplayName", 0, userDisplayName),
	literalOf[device]("configurationManagerClientEnabledFeatures", "null"),
	textOf("wiFiMacAddress", 0, func(d *intune.Device) string { return d.WiFiMAC }),
	literalOf[device]("deviceHealthAttestationState", "null"),
	literalOf[device]("subscriberCarrier", `""`),
	literalOf[device]("meid", `""`),
	literalOf[device]("totalStorageSpaceInBytes", "255143706624"),
	literalOf[device]("freeStorageSpaceInBytes", "171798691840"),
	property[device]{name: "managedDeviceName", json: appendManagedDeviceName},
	enumOf("partnerReportedThreatState", 0, threatState),
	literalOf[device]("requireUserEnrollmentApproval", "null"),
	timeOf("managementCertificateExpirationDate", 0, func(d *intune.Device) time.Time { return d.Enrolled.AddDate(1, 0, 0) }),
	detailOf[device]("iccid", "null"),
	detailOf[device]("udid", "null"),
	property[device]{name: "notes", json: appendNotes, detail: true, detailZero: "null"},
	property[device]{name: ethernetProperty, json: appendEthernet},
	property[device]{name: "physicalMemoryInBytes", literal: "17179869184", detail: true, detailZero: "0"},
	literalOf[device]("enrollmentProfileName", "null"),
	enumOf("managementState", opEq|opOr, func(d *intune.Device) string { return d.ManagementState }),
	property[device]{name: actionsProperty, json: appendActionResults},
)

type device = intune.Device

// Properties that a list may hide.
const (
	ethernetProperty = "ethernetMacAddress"
	actionsProperty  = "deviceActionResults"
)

// userDisplayName is how a user is called whom the directory does not know.
func userDisplayName(d *intune.Device) string { return nameOf(d.UserPrincipalName) }

// nameOf is what stands before the @ of a user principal name.
func nameOf(upn string) string {
	name, _, _ := strings.Cut(upn, "@")
	return name
}

// jailBroken is a text, and "Unknown" where the question makes no sense (facts 1.3).
func jailBroken(d *intune.Device) string {
	for _, mobile := range []string{"iOS", "iPadOS", "Android"} {
		if !strings.EqualFold(d.OperatingSystem, mobile) {
			continue
		}
		if d.Reported.Jailbroken {
			return "True"
		}
		return "False"
	}
	return "Unknown"
}

// threatState is what a partner for mobile threat defense reports, in the words of partnerReportedThreatState (facts 1.2).
func threatState(d *intune.Device) string {
	switch d.Reported.Threat {
	case "":
		return "unknown"
	case intune.ThreatSecured:
		return "secured"
	}
	return d.Reported.Threat + "Severity"
}

func isRegistered(d *intune.Device) bool { return d.AzureADDeviceID != noEntraDevice }

func registrationState(d *intune.Device) string {
	if isRegistered(d) {
		return "registered"
	}
	return "notRegistered"
}

func enrollmentType(d *intune.Device) string {
	if strings.EqualFold(d.OperatingSystem, "windows") {
		return "windowsAzureADJoin"
	}
	return "userEnrollment"
}

func appendNotes(b []byte, d *intune.Device) []byte {
	if d.Notes == "" {
		return append(b, "null"...)
	}
	return appendJSONString(b, d.Notes)
}

// appendActionResults appends the remote actions on a device (deviceActionResult).
func appendActionResults(b []byte, d *intune.Device) []byte {
	b = append(b, '[')
	for i, r := range d.Actions {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONString(append(b, `{"actionName":`...), r.Name)
		b = appendJSONString(append(b, `,"actionState":`...), r.State)
		b = appendJSONTime(append(b, `,"startDateTime":`...), r.Start)
		b = append(appendJSONTime(append(b, `,"lastUpdatedDateTime":`...), r.Updated), '}')
	}
	return append(b, ']')
}

// appendManagedDeviceName appends user_OS_date_time (facts 1.3), until an administrator gives another name.
func appendManagedDeviceName(b []byte, d *intune.Device) []byte {
	if d.ManagedName != "" {
		return appendJSONString(b, d.ManagedName)
	}
	start := len(b)
	b = append(append(b, '"'), userDisplayName(d)...)
	b = append(append(b, '_'), d.OperatingSystem...)
	b = d.Enrolled.UTC().AppendFormat(append(b, '_'), "1/2/2006_3:04 PM")
	if name := b[start+1:]; !isPlain(name) {
		return appendJSONString(b[:start], string(name))
	}
	return append(b, '"')
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
