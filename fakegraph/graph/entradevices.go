package graph

import (
	"net/http"
	"strings"
	"time"

	"nacsim/fakegraph/intune"
	"nacsim/internal/guid"
)

var readEntraDevices = []string{"Device.Read.All", "Device.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}

// entraDeviceRoutes are those of the device objects of Entra ID. Intune tells Entra ID what it knows of a device, after a while
// (facts 1.4, 3.4).
var entraDeviceRoutes = []route{
	{http.MethodGet, "devices", readEntraDevices, ofDirectory, false, (*API).listEntraDevices},
	{http.MethodGet, "devices/{id}", readEntraDevices, ofDirectory, false, (*API).getEntraDevice},
}

// entraDevices is the type device.
var entraDevices = newSchema("device",
	textOf("id", opEq|opNe|opIn, func(d *device) string { return entraObjectID(d.AzureADDeviceID) }),
	literalOf[device]("deletedDateTime", "null"),
	boolOf("accountEnabled", opEq|opNe|opIn, func(*device) bool { return true }),
	timeOf("approximateLastSignInDateTime", 0, func(d *device) time.Time { return d.LastSync }),
	textOf("deviceId", anyText, func(d *device) string { return d.AzureADDeviceID }),
	enumOf("deviceOwnership", opEq|opNe|opIn, func(d *device) string { return strings.ToUpper(d.Owner()[:1]) + d.Owner()[1:] }),
	textOf("displayName", anyText, func(d *device) string { return d.Name }),
	boolOf("isCompliant", opEq|opNe|opIn, isCompliant),
	boolOf("isManaged", opEq|opNe|opIn, func(*device) bool { return true }),
	nullable("manufacturer", anyText, func(d *device) string { return d.Manufacturer }),
	enumOf("managementType", opEq|opNe|opIn, func(*device) string { return "MDM" }),
	nullable("model", anyText, func(d *device) string { return d.Model }),
	textOf("operatingSystem", anyText, func(d *device) string { return d.OperatingSystem }),
	nullable("operatingSystemVersion", anyText, func(d *device) string { return d.OSVersion }),
	enumOf("profileType", opEq|opNe|opIn, func(*device) string { return "RegisteredDevice" }),
	timeOf("registrationDateTime", 0, func(d *device) time.Time { return d.Enrolled }),
	enumOf("trustType", opEq|opNe|opIn, func(*device) string { return "AzureAd" }),
)

// entraObjectID is the object id of the device with that Entra device ID; the two are not the same (facts 1.4).
func entraObjectID(deviceID string) string { return guid.Derived("device/" + deviceID) }

// isCompliant is also true in the grace period, in which access is not taken away yet.
func isCompliant(d *device) bool {
	return d.ComplianceState == intune.StateCompliant || d.ComplianceState == intune.StateInGracePeriod
}

// noEntraDevice is the azureADDeviceId of a device that Entra ID does not know.
const noEntraDevice = "00000000-0000-0000-0000-000000000000"

// eachEntraDevice calls f with the device objects until it returns false. A device that enrolled twice has one.
func (a *API) eachEntraDevice(f func(*device) bool) {
	seen := map[string]bool{}
	a.intune.List(intune.ViewEntra, intune.Place{}, "", func(d *device) bool {
		if d.AzureADDeviceID == noEntraDevice || seen[d.AzureADDeviceID] {
			return true
		}
		seen[d.AzureADDeviceID] = true
		return f(d)
	})
}

// listEntraDevices answers GET /devices.
func (a *API) listEntraDevices(w http.ResponseWriter, r *request) error {
	var all []*device
	a.eachEntraDevice(func(d *device) bool {
		all = append(all, d)
		return true
	})
	return writeDirectoryList(a, w, r, entraDevices, "devices", all, false)
}

// getEntraDevice answers GET /devices/{id} and GET /devices(deviceId='…').
func (a *API) getEntraDevice(w http.ResponseWriter, r *request) error {
	deviceID, byDeviceID := strings.CutPrefix(r.key(), "deviceid=")
	var found *device
	a.eachEntraDevice(func(d *device) bool {
		if byDeviceID && d.AzureADDeviceID == deviceID || !byDeviceID && entraObjectID(d.AzureADDeviceID) == r.key() {
			found = d
		}
		return found == nil
	})
	if found == nil {
		return noObject(r.key())
	}
	return writeDirectoryObject(a, w, r, entraDevices, "devices", found)
}
