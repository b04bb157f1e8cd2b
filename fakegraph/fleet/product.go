package fleet

import (
	"fmt"
	"strings"
	"time"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/intune"
)

// A product is a kind of device.
type product struct {
	system         string
	maker          string
	models         []string
	versions       []string
	wifi, ethernet []uint32 // prefixes of MAC addresses
	personal       float64  // the share that belongs to its user
	imei           bool
	serial         func(*maker) string
	name           func(*maker, *directory.User, *intune.DeviceConfig) string
	spoil          func(*maker, *intune.DeviceConfig) // makes it fail its policy
}

var windowsVersions = []string{"10.0.22631.3737", "10.0.22631.4460", "10.0.26100.2314", "10.0.26100.2605", "10.0.26200.6899", "10.0.22621.4317"}

func windows(name string, models []string, serial func(*maker) string) product {
	return product{system: "Windows", maker: name, models: models, versions: windowsVersions, wifi: intel, ethernet: wired, personal: 0.03,
		serial: serial, name: windowsName, spoil: spoilWindows}
}

func phone(system, name string, models, versions []string, prefixes []uint32, serial func(*maker) string, called func(*maker, *directory.User, *intune.DeviceConfig) string) product {
	return product{system: system, maker: name, models: models, versions: versions, wifi: prefixes, personal: 0.4, imei: true,
		serial: serial, name: called, spoil: spoilPhone}
}

var windowsProducts = []product{
	windows("Dell Inc.", []string{"Latitude 5440", "Latitude 7440", "Latitude 7450", "Precision 3591", "OptiPlex 7010"}, func(m *maker) string { return m.text(7, code) }),
	windows("LENOVO", []string{"21HM004QGE", "21K5002YGE", "20XW00A7GE", "21AH00BSGE"}, func(m *maker) string { return "PF" + m.text(6, code) }),
	windows("HP", []string{"HP EliteBook 840 14 inch G10 Notebook PC", "HP EliteBook 845 G9 Notebook PC", "HP ProBook 450 15.6 inch G10 Notebook PC"}, func(m *maker) string { return "5CG" + m.text(7, code) }),
	windows("Microsoft Corporation", []string{"Surface Laptop 5", "Surface Pro 9", "Surface Laptop, 7th Edition"}, func(m *maker) string { return "0" + m.text(11, digits) }),
}

var (
	mac = product{system: "macOS", maker: "Apple", models: []string{"MacBook Pro", "MacBook Air", "Mac mini"}, versions: []string{"14.7.1 (23H222)", "15.1 (24B83)", "15.2 (24C101)", "26.0.1 (25A362)"},
		wifi: apple, personal: 0.05, serial: appleSerial, name: macName, spoil: spoilMac}
	iPhone = phone("iOS", "Apple", []string{"iPhone 13", "iPhone 14", "iPhone 15", "iPhone SE (3rd generation)", "iPhone 16 Pro"}, []string{"17.7.2", "18.1.1", "18.2", "26.0.1"},
		apple, appleSerial, func(m *maker, u *directory.User, _ *intune.DeviceConfig) string { return appleName(m, u, "iPhone") })
	iPad = phone("iPadOS", "Apple", []string{"iPad (9th generation)", "iPad Air (5th generation)", "iPad Pro 11 inch (4th generation)"}, []string{"17.7.2", "18.1.1", "18.2"},
		apple, appleSerial, func(m *maker, u *directory.User, _ *intune.DeviceConfig) string { return appleName(m, u, "iPad") })
	androids = []product{
		phone("Android", "samsung", []string{"SM-A536B", "SM-S911B", "SM-G525F", "SM-A546B", "SM-X216B"}, []string{"13.0", "14.0", "15.0"}, samsung, func(m *maker) string { return "R5C" + m.text(8, code) }, androidName),
		phone("Android", "Google", []string{"Pixel 7", "Pixel 8", "Pixel 8a", "Pixel 9"}, []string{"14.0", "15.0", "16.0"}, google, func(m *maker) string { return m.text(14, digits+"ABCDEF") }, androidName),
	}
)

// product draws what a device is.
func (m *maker) product() *product {
	n := m.IntN(m.Mix.sum())
	for _, part := range []struct {
		weight int
		among  []product
	}{
		{m.Mix.Windows, windowsProducts}, {m.Mix.MacOS, []product{mac}}, {m.Mix.IOS, []product{iPhone}}, {m.Mix.IPadOS, []product{iPad}}, {m.Mix.Android, androids},
	} {
		if n < part.weight {
			return &part.among[m.IntN(len(part.among))]
		}
		n -= part.weight
	}
	panic("fleet: a number beyond the sum of the weights")
}

func appleSerial(m *maker) string { return m.text(10, code) }

// windowsName is what Windows calls itself, or an administrator the devices.
func windowsName(m *maker, _ *directory.User, d *intune.DeviceConfig) string {
	switch m.IntN(4) {
	case 0:
		return "LAPTOP-" + m.text(8, capital+digits)
	case 1:
		return "NB-" + strings.ToUpper(d.SerialNumber[:min(len(d.SerialNumber), 12)])
	default:
		return "DESKTOP-" + m.text(7, capital+digits)
	}
}

// macName is what macOS calls itself in the language of its user.
func macName(m *maker, u *directory.User, d *intune.DeviceConfig) string {
	model := strings.ReplaceAll(d.Model, " ", "-")
	switch m.IntN(3) {
	case 0:
		return model + "-von-" + u.GivenName
	case 1:
		return u.GivenName + "s-" + model
	default:
		return "MAC-" + d.SerialNumber
	}
}

// appleName is what iOS calls itself: many have the same.
func appleName(m *maker, u *directory.User, kind string) string {
	switch m.IntN(4) {
	case 0:
		return kind
	case 1:
		return u.GivenName + "’s " + kind
	default:
		return kind + " von " + u.GivenName
	}
}

// androidName is what Intune calls a device with a work profile.
func androidName(m *maker, u *directory.User, d *intune.DeviceConfig) string {
	if m.IntN(3) == 0 {
		return d.Model
	}
	enrolled := m.Now.Add(-time.Duration(m.Int64N(int64(1000 * 24 * time.Hour))))
	alias, _, _ := strings.Cut(u.UPN, "@")
	return fmt.Sprintf("%s_AndroidForWork_%s", alias, enrolled.UTC().Format("1/2/2006_3:04 PM"))
}

func spoilWindows(m *maker, d *intune.DeviceConfig) {
	switch m.IntN(4) {
	case 0:
		d.Posture.Antivirus, d.Posture.RealTimeProtection = false, false
	case 1:
		d.Posture.Firewall = false
	case 2:
		d.Posture.Encryption, d.Posture.SecureBoot = false, false
	default:
		d.OSVersion = "10.0.19045.4291"
	}
}

func spoilMac(m *maker, d *intune.DeviceConfig) {
	if m.IntN(2) == 0 {
		d.Posture.Encryption = false
		return
	}
	d.OSVersion = "12.7.6 (21H1320)"
}

func spoilPhone(m *maker, d *intune.DeviceConfig) {
	switch m.IntN(3) {
	case 0:
		d.Posture.Jailbroken = true
	case 1:
		d.Posture.Password = false
	default:
		d.OSVersion = "12.0"
	}
}

// Policies are compliance policies as a company has them, one for each platform, which healthy devices of a fleet meet.
func Policies() []intune.CompliancePolicy {
	phones := []intune.Fact{intune.NotJailbroken, intune.Password, intune.OSVersion}
	const grace = 24 * time.Hour
	return []intune.CompliancePolicy{
		{Name: "Windows compliance", Platform: intune.PlatformWindows, MinimumOSVersion: "10.0.22621", Grace: grace, Require: []intune.Fact{intune.Antivirus, intune.RealTimeProtection,
			intune.Firewall, intune.Encryption, intune.SecureBoot, intune.OSVersion}},
		{Name: "macOS compliance", Platform: intune.PlatformMacOS, MinimumOSVersion: "13", Grace: grace, Require: []intune.Fact{intune.Encryption, intune.Password, intune.OSVersion}},
		{Name: "iOS compliance", Platform: intune.PlatformIOS, MinimumOSVersion: "17", Require: phones},
		{Name: "Android compliance", Platform: intune.PlatformAndroid, MinimumOSVersion: "13", Require: phones},
	}
}
