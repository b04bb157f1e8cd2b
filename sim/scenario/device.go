package scenario

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net"
	"strings"
	"time"

	"nacsim/fakegraph/intune"
	"nacsim/sim/pki"
)

// A Device is a client of the network, with its record in Intune, its certificate and its supplicant.
type Device struct {
	Pos
	// Name is the key under devices; it is the name of the device's host and of the client in expectations.
	Name string
	// MAC is the hardware address. It is universally administered unless the file says otherwise.
	MAC net.HardwareAddr
	// RandomizeMAC makes the device use a random, locally administered address instead; see Address.
	RandomizeMAC bool
	// DeviceName is the name in Intune and what {{DeviceName}} stands for.
	DeviceName string
	// Intune is what Intune knows of the device. It is never nil; a device unknown to Intune is one that is
	// not Enrolled, and it still has the ids it would enrol with.
	Intune *DeviceIntune
	// Certificate is nil for a device that has none.
	Certificate *Certificate
	Supplicant  Supplicant
}

// Variables returns what the variables of SCEP profiles stand for on this device. They do not follow a change of
// its name in Intune.
func (d *Device) Variables() pki.Variables {
	name, _, _ := strings.Cut(d.Intune.User, "@")
	return pki.Variables{
		DeviceName:               d.DeviceName,
		DeviceID:                 d.Intune.ID,
		EntraDeviceID:            d.Intune.EntraID,
		SerialNumber:             d.Intune.Serial,
		WiFiMACAddress:           strings.ToUpper(hex.EncodeToString(d.MAC)),
		FullyQualifiedDomainName: d.DeviceName + ".corp.example",
		UserPrincipalName:        d.Intune.User,
		UserName:                 name,
	}
}

// Address returns the MAC address the device uses on the air and on the wire: its MAC, or with RandomizeMAC
// a unicast, locally administered address that is the same for the same seed and device.
func (d *Device) Address(seed uint64) net.HardwareAddr {
	if !d.RandomizeMAC {
		return d.MAC
	}
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, seed))
	h.Write([]byte("randomized-mac/" + d.Name))
	mac := net.HardwareAddr(h.Sum(nil)[:6])
	mac[0] = mac[0]&^0x01 | 0x02
	return mac
}

// A DeviceIntune is a device's record in Intune.
type DeviceIntune struct {
	Pos
	// Enrolled says that Intune knows the device when the scenario starts.
	Enrolled bool
	// ID is the Intune device ID ({{DeviceId}}) and EntraID the Entra device ID ({{AAD_Device_ID}}), both as
	// lower-case GUIDs. Left out, they are derived from the device's name.
	ID      string
	EntraID string
	// WiFiMAC and EthernetMAC are the addresses on record; nil means the record has none. Left out, the one for
	// the kind of NAS that the scenario connects the device to is the device's MAC.
	WiFiMAC     net.HardwareAddr
	EthernetMAC net.HardwareAddr
	// MACForm is how Intune shows these addresses.
	MACForm string
	// OS is operatingSystem in Graph, for example "Windows".
	OS string
	// Personal says that the device belongs to its user.
	Personal bool
	// State is a complianceState that the device has whatever its posture, or empty.
	State string
	// Serial is the serial number and User the user principal name.
	Serial string
	User   string
	// Posture is the device's posture at the start, or when it enrols.
	Posture Posture

	wifi, ethernet recordMAC // as written
}

// A recordMAC is a MAC address on record as written: an address, none, or nothing.
type recordMAC struct {
	written bool
	mac     net.HardwareAddr
}

// A Posture is what compliance policies look at. Nil fields leave what is in force; in the record of a device they leave that of a
// healthy one.
type Posture intune.PostureChange

// Issuers of certificates, and what a supplicant trusts.
const (
	// CACorp is the organization's certification authority, which the NAC trusts and whose certificate it shows.
	CACorp = "corp"
	// CAIntermediate is a certification authority below CACorp. The NAC knows it by the certificate that a client sends
	// along with its own.
	CAIntermediate = "intermediate"
	// CAForeign is a certification authority that the NAC does not know.
	CAForeign = "foreign"
)

// A Certificate is a client certificate, written as an Intune SCEP profile writes it. Subject and the names
// are templates of the pki package.
type Certificate struct {
	Pos
	Subject  string
	SANDNS   []string
	SANURI   []string
	SANEmail []string
	// Issuer is CACorp, CAIntermediate or CAForeign.
	Issuer string
	// NotBefore and NotAfter are relative to the moment of issue: the start of the scenario, or the step that
	// issues the certificate again.
	NotBefore time.Duration
	NotAfter  time.Duration
	// Key is the type of key: "ecdsa-p256".
	Key string
}

// A Supplicant is how a device authenticates.
type Supplicant struct {
	Pos
	// Identity is the template of the identity in EAP-Response/Identity.
	Identity string
	// Trust is the CA that the server's certificate must come from: CACorp or CAForeign.
	Trust string
	// ServerName is the DNS name that the server's certificate must have.
	ServerName string
	// TLS bounds the TLS versions offered; empty ones are those of Profile.
	TLS TLSVersions
	// Method is how it authenticates, for example "tls" or "ttls-pap"; PeerNone means that the device has none.
	Method string
	// User and Password are what it proves to know, and Anonymous the identity that it states outside of the tunnel; empty
	// means Identity.
	User, Password, Anonymous string
	// Machine says that TEAP authenticates the machine by the device's certificate, beside the user. NoUser says that
	// nobody is logged on, so that the machine answers for the user too.
	Machine, NoUser bool
	// Profile is the supplicant that it behaves like; empty means none in particular.
	Profile string
	// Resume says that it resumes TLS sessions.
	Resume bool
	// Fragment is the size in octets that EAP-TLS messages are cut to; 0 is that of Profile.
	Fragment int
	// Retry makes the supplicant try again after a failure.
	Retry bool
}
