package control

import (
	"strings"

	"nacsim/fakegraph/intune"
)

func (a *API) deviceRoutes() []route {
	const device = "/control/devices/{device}"
	named := " The device is named by its Intune device ID, label or name."
	return []route{
		{method: "GET", path: "/control/devices", doc: "the devices, by name", do: a.devices, query: map[string]string{
			"search": "text in the name, MAC address, serial number, user or id", "state": "complianceState",
			"skip": "leave out the first so many", "top": "at most so many; without it 100"}},
		{method: "POST", path: "/control/devices", doc: "enrol a device, with the keys of a tenant file; what is not said is healthy", do: a.enroll,
			body: `{"name": "LAPTOP-9", "wifi_mac": "d4:6e:0e:02:28:99", "user": "anna@contoso.example", "os": "Windows", "firewall": false}`},
		{method: "GET", path: device, doc: "a device as it is now, not as Graph may still show it." + named, do: a.onDevice(nil)},
		{method: "PATCH", path: device, doc: "change what the device is like, which Intune learns at its next check-in, or what it has on record, at once; force_state is one whatever the device is like, and \"\" ends that",
			body: `{"firewall": false, "patch_level": "2026-10-01", "name": "LAPTOP-10", "off": true, "force_state": "error", "management_state": "wipePending"}`, do: a.patchDevice},
		{method: "DELETE", path: device, doc: "remove a device at once", do: func(c *call) (any, error) {
			d, err := a.find(c.value("device"))
			if err != nil {
				return nil, err
			}
			return nil, a.target.Intune().Remove(d.Label)
		}},
		{method: "POST", path: device + "/sync", doc: "let a device check in now", do: a.onDevice((*intune.Service).Sync)},
		{method: "POST", path: device + "/reenroll", doc: "let a device enrol anew, with a new Intune device ID; with keep its record of before stays behind as a stale twin", body: `{"keep": true}`, do: a.reenroll},
		{method: "POST", path: device + "/wipe", doc: "wipe a device, which its next check-in does", do: a.onDevice((*intune.Service).Wipe)},
		{method: "POST", path: device + "/retire", doc: "retire a device, which its next check-in does", do: a.onDevice((*intune.Service).Retire)},
	}
}

// find returns the device of an id, a label, or a name that only one device has.
func (a *API) find(key string) (intune.Device, error) {
	service := a.target.Intune()
	if d, ok := service.Device(key); ok {
		return d, nil
	}
	var found []intune.Device
	service.ByID(intune.ViewGet, strings.ToLower(key), func(d *intune.Device) { found = append(found, *d) })
	if len(found) == 0 {
		service.List(intune.ViewList, intune.Place{}, key, func(d *intune.Device) bool {
			found = append(found, *d)
			return len(found) < 2
		})
	}
	switch len(found) {
	case 0:
		return intune.Device{}, notFound("no device has the id, label or name %q", key)
	case 1:
		if d, ok := service.Device(found[0].Label); ok { // what the views show may be old
			return d, nil
		}
		return intune.Device{}, notFound("device %q is gone", key)
	}
	return intune.Device{}, badRequest("several devices have the name %q; say the id of one", key)
}

// onDevice does something to a device, if anything, and answers with what is left of it.
func (a *API) onDevice(do func(*intune.Service, string) error) func(*call) (any, error) {
	return func(c *call) (any, error) {
		d, err := a.find(c.value("device"))
		if err != nil {
			return nil, err
		}
		if do != nil {
			if err := do(a.target.Intune(), d.Label); err != nil {
				return nil, err
			}
		}
		return a.device(d.Label), nil
	}
}

// device is a device as it is now, or nil.
func (a *API) device(label string) any {
	if d, ok := a.target.Intune().Device(label); ok {
		return showDevice(&d)
	}
	return nil
}

// devices answers with the part of the devices that is asked for.
func (a *API) devices(c *call) (any, error) {
	skip, err := number(c, "skip", 0, 1<<30)
	if err != nil {
		return nil, err
	}
	top, err := number(c, "top", 100, 10_000)
	if err != nil {
		return nil, err
	}
	search, state := c.URL.Query().Get("search"), c.URL.Query().Get("state")
	found := []shownDevice{}
	total := 0
	a.target.Intune().List(intune.ViewGet, intune.Place{}, "", func(d *intune.Device) bool {
		if state != "" && !strings.EqualFold(d.ComplianceState, state) || !Matches(d, search) {
			return true
		}
		if total++; total > skip && len(found) < top {
			found = append(found, showDevice(d))
		}
		return true
	})
	return list{total, found}, nil
}

// Matches reports whether a device has a text in one of the fields that people search by, in any case of letters.
func Matches(d *intune.Device, text string) bool {
	if text == "" {
		return true
	}
	text = strings.ToLower(text)
	for _, field := range []string{d.Name, d.Label, d.ID, d.AzureADDeviceID, d.SerialNumber, d.UserPrincipalName} {
		if strings.Contains(strings.ToLower(field), text) {
			return true
		}
	}
	mac := strings.ToUpper(strings.NewReplacer(":", "", "-", "", ".", "").Replace(text))
	return strings.Contains(d.WiFiMAC, mac) || strings.Contains(d.EthernetMAC, mac)
}
