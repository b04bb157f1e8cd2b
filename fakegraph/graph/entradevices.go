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
	{http.MethodGet, "users/{id}/registeredDevices", readEntraDevices, ofDirectory, false, (*API).listDevicesOfUser},
	{http.MethodGet, "users/{id}/ownedDevices", readEntraDevices, ofDirectory, false, (*API).listDevicesOfUser},
	{http.MethodGet, "me/registeredDevices", readMyOf, ofDirectory, true, (*API).listDevicesOfUser},
	{http.MethodGet, "me/ownedDevices", readMyOf, ofDirectory, true, (*API).listDevicesOfUser},
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

// entraDevicesOf are the device objects that a source has, in its order. A device that enrolled twice has one, which shows the record
// that synced last.
func entraDevicesOf(source deviceSource) []*device {
	var all []*device
	at := map[string]int{}
	source.each(func(d *device) {
		i, ok := at[d.AzureADDeviceID]
		switch {
		case d.AzureADDeviceID == noEntraDevice:
		case !ok:
			at[d.AzureADDeviceID] = len(all)
			all = append(all, d)
		case d.LastSync.After(all[i].LastSync):
			all[i] = d
		}
	})
	return all
}

// listEntraDevices answers GET /devices.
func (a *API) listEntraDevices(w http.ResponseWriter, r *request) error {
	return writeDirectoryList(a, w, r, entraDevices, "devices", entraDevicesOf(a.allDevices(intune.ViewEntra)), false)
}

// getEntraDevice answers GET /devices/{id} and GET /devices(deviceId='…').
func (a *API) getEntraDevice(w http.ResponseWriter, r *request) error {
	deviceID, byDeviceID := strings.CutPrefix(r.key(), "deviceid=")
	var found *device
	a.allDevices(intune.ViewEntra).each(func(d *device) {
		matches := d.AzureADDeviceID == deviceID
		if !byDeviceID {
			matches = entraObjectID(d.AzureADDeviceID) == r.key()
		}
		if matches && d.AzureADDeviceID != noEntraDevice && (found == nil || d.LastSync.After(found.LastSync)) {
			found = d
		}
	})
	if found == nil {
		return noObject(r.key())
	}
	return writeDirectoryObject(a, w, r, entraDevices, "devices", found)
}

// listDevicesOfUser answers GET /users/{id}/registeredDevices and ownedDevices: a user owns the devices that they have enrolled.
func (a *API) listDevicesOfUser(w http.ResponseWriter, r *request) error {
	u, err := a.user(r)
	if err != nil {
		return err
	}
	fragment, typed := ofType(r, "devices")
	return writeDirectoryList(a, w, r, entraDevices, fragment, entraDevicesOf(a.devicesOf(intune.ViewEntra, u.UPN)), typed)
}
