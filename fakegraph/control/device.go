package control

import (
	"strings"
	"time"

	"nacsim/fakegraph/intune"
)

func (a *API) deviceRoutes() []route {
	const device = "/control/devices/{device}"
	named := " The device is named by its Intune device ID, label or name."
	return []route{
		{method: "GET", path: "/control/devices", doc: "the devices, by name", do: a.devices, query: map[string]string{
			"search": "text in the name, MAC address, serial number, user or id", "state": "complianceState",
			"skip": "leave out the first so many", "top": "at most so many; without it 100"}},
		{method: "POST", path: "/control/devices", doc: "enrol a device", do: a.enroll,
			body: `{"name": "LAPTOP-9", "wifi_mac": "d4:6e:0e:02:28:99", "user": "anna@contoso.example", "os": "Windows", "posture": {"antivirus": true, "firewall": true}}`},
		{method: "GET", path: device, doc: "a device as it is now, not as Graph may still show it." + named, do: a.onDevice(nil)},
		{method: "PATCH", path: device, doc: "change what the device is like, which Intune learns at its next check-in, or its name, which it knows at once",
			body: `{"posture": {"firewall": false, "patch_level": "2026-10-01"}, "name": "LAPTOP-10", "power": "off"}`, do: a.patchDevice},
		{method: "DELETE", path: device, doc: "remove a device at once", do: func(c *call) (any, error) {
			d, err := a.find(c.value("device"))
			if err != nil {
				return nil, err
			}
			return nil, a.target.Intune().Remove(d.Label)
		}},
		{method: "POST", path: device + "/sync", doc: "let a device check in now", do: a.onDevice((*intune.Service).Sync)},
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
		if err != nil || do == nil {
			return d, err
		}
		if err := do(a.target.Intune(), d.Label); err != nil {
			return nil, err
		}
		return a.device(d.Label), nil
	}
}

// device is a device as it is now, or nil.
func (a *API) device(label string) any {
	if d, ok := a.target.Intune().Device(label); ok {
		return d
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
	found := []intune.Device{}
	total := 0
	a.target.Intune().List(intune.ViewGet, intune.Place{}, "", func(d *intune.Device) bool {
		if state != "" && !strings.EqualFold(d.ComplianceState, state) || !Matches(d, search) {
			return true
		}
		if total++; total > skip && len(found) < top {
			found = append(found, *d)
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

// date is a day, as patch levels are.
type date time.Time

func (d *date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return badRequest("%q is not a day such as 2026-10-01", text)
	}
	*d = date(t)
	return nil
}

// posture is what a device is like; what is left out stays as it is.
type posture struct {
	Antivirus  *bool `json:"antivirus"`
	Firewall   *bool `json:"firewall"`
	Encryption *bool `json:"encryption"`
	PatchLevel *date `json:"patch_level"`
}

func (p *posture) change() intune.PostureChange {
	return intune.PostureChange{Antivirus: p.Antivirus, Firewall: p.Firewall, Encryption: p.Encryption, PatchLevel: (*time.Time)(p.PatchLevel)}
}

func (a *API) enroll(c *call) (any, error) {
	body, err := decode[struct {
		Label        string    `json:"label"`
		Name         string    `json:"name"`
		ID           string    `json:"id"`
		EntraID      string    `json:"entra_id"`
		WiFiMAC      string    `json:"wifi_mac"`
		EthernetMAC  string    `json:"ethernet_mac"`
		Serial       string    `json:"serial"`
		User         string    `json:"user"`
		OS           string    `json:"os"`
		OSVersion    string    `json:"os_version"`
		Manufacturer string    `json:"manufacturer"`
		Model        string    `json:"model"`
		Personal     bool      `json:"personal"`
		Posture      posture   `json:"posture"`
		EnrolledAt   time.Time `json:"enrolled_at"`
	}](c)
	if err != nil {
		return nil, err
	}
	set := func(to *bool, from *bool) {
		if from != nil {
			*to = *from
		}
	}
	cfg := intune.DeviceConfig{
		Label: body.Label, Name: body.Name, ID: body.ID, AzureADDeviceID: body.EntraID, WiFiMAC: body.WiFiMAC, EthernetMAC: body.EthernetMAC,
		SerialNumber: body.Serial, UserPrincipalName: body.User, OperatingSystem: body.OS, OSVersion: body.OSVersion,
		Manufacturer: body.Manufacturer, Model: body.Model, Personal: body.Personal, EnrolledAt: body.EnrolledAt,
	}
	set(&cfg.Posture.Antivirus, body.Posture.Antivirus)
	set(&cfg.Posture.Firewall, body.Posture.Firewall)
	set(&cfg.Posture.Encryption, body.Posture.Encryption)
	if body.Posture.PatchLevel != nil {
		cfg.Posture.PatchLevel = time.Time(*body.Posture.PatchLevel)
	}
	return a.target.Intune().Enroll(cfg)
}

func (a *API) patchDevice(c *call) (any, error) {
	d, err := a.find(c.value("device"))
	if err != nil {
		return nil, err
	}
	body, err := decode[struct {
		Posture *posture `json:"posture"`
		Name    *string  `json:"name"`
		Power   *string  `json:"power"`
	}](c)
	if err != nil {
		return nil, err
	}
	service := a.target.Intune()
	if body.Power != nil && *body.Power != "on" && *body.Power != "off" {
		return nil, badRequest("power is %q; expected on or off", *body.Power)
	}
	if body.Name != nil {
		if err := service.Rename(d.Label, *body.Name); err != nil {
			return nil, err
		}
	}
	if body.Posture != nil {
		if err := service.SetPosture(d.Label, body.Posture.change()); err != nil {
			return nil, err
		}
	}
	if body.Power != nil {
		if err := service.SetPower(d.Label, *body.Power == "on"); err != nil {
			return nil, err
		}
	}
	return a.device(d.Label), nil
}
