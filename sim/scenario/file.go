package scenario

import (
	"fmt"
	"time"

	"nacsim/fakegraph/intune"
	"nacsim/nac/policy"
)

// Limits on what one file may contain. A file beyond them is an error, not a slow run.
const (
	// MaxFileSize is the size of a scenario file in octets.
	MaxFileSize = 1 << 20
	// MaxSteps is the number of steps of a file.
	MaxSteps = 10000
	// MaxDevices is the number of devices of a file.
	MaxDevices = 5000
	// MaxNAS is the number of access points and switches of a file: they are numbered 10.0.1.1 to 10.0.1.250.
	MaxNAS = 250
	// MaxPorts is the number of ports of a switch.
	MaxPorts = 256
	// MaxErrors is the number of errors reported for one file.
	MaxErrors = 20
)

// Names of the two hosts that every scenario has beside its NAS and devices.
const (
	HostNAC   = "nac"
	HostGraph = "graph"
	// HostPKI publishes what has been revoked, in scenarios in which the NAC asks.
	HostPKI = "pki"
)

// DefaultServerName is the DNS name in the certificate of the NAC's EAP server.
const DefaultServerName = "radius.corp.example"

// A Pos is where something was written: the file as the user named it, and line and column, both counted from
// 1 and the column in characters. Something that was not written (a default) has the position of what contains it.
type Pos struct {
	File string
	Line int
	Col  int
}

// String returns "file:line:col".
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

func (p *Pos) setPos(q Pos) { *p = q }

// A File is a scenario. Settings the author left out have their defaults, relative paths are resolved, and
// every name that a step uses is known to exist. A File is not changed by running it.
type File struct {
	Pos

	// Path is the file as the user named it; Name is its base name without extension, which names the
	// scenario in reports and in the output folder.
	Path string
	Name string

	// Title is one line, Shows a paragraph on what the scenario shows, Covers the sentence of the product's
	// documentation that it covers.
	Title  string
	Shows  string
	Covers string

	// Start is the world's time at offset 0, in UTC. A live world starts now instead.
	Start time.Time
	// Seed is what all randomness of the virtual world is derived from, unless the command line gives another.
	Seed uint64

	// Policy is the authorization policy that the NAC starts with.
	Policy Policy

	Settings       Settings
	Authentication Authentication
	Network        Network
	Intune         Intune

	// Users are those the NAC's directory knows.
	Users []User

	// NAS are the network access servers and Devices the clients, in the order of the file.
	NAS     []NAS
	Devices []Device

	// Steps are in chronological order.
	Steps []Step

	lines   []string       // the source, for showing lines of it
	devices map[string]int // index in Devices by name
}

// A Policy is a policy file that the scenario uses.
type Policy struct {
	Pos
	// Written is the path as written, Path the path that leads there from the working directory.
	Written string
	Path    string
	// Data is what the file contained when the scenario was parsed.
	Data []byte
}

// Settings are the intervals and choices of the programs. All durations are in world time.
type Settings struct {
	Pos

	// Poll is the interval at which the NAC polls Intune for the clients that have authenticated.
	Poll time.Duration
	// CheckIn is the interval at which devices check in with Intune.
	CheckIn time.Duration
	// Reauth is the interval at which a NAS re-authenticates a client on its own; 0 means never.
	Reauth time.Duration
	// Interim is the interval of Interim-Update accounting; 0 means none.
	Interim time.Duration

	// CoA is the change of authorization that the NAC asks for first: CoAReauth or CoADisconnect.
	CoA string
	// CoATimeout is the time to the first retransmission of a CoA, CoARetries the number of transmissions
	// after the first, CoABackoff the time until the next attempt after one that failed.
	CoATimeout time.Duration
	CoARetries int
	CoABackoff time.Duration
	// CoAPerHour bounds the changes of authorization of one client.
	CoAPerHour int
	// MinCoAFirmware is the firmware version below which an access point takes no part in posture CoA.
	MinCoAFirmware string

	// TLS bounds the TLS versions of the NAC's EAP server.
	TLS TLSVersions

	// Grace is the default of Intune.Compliance.Grace.
	Grace time.Duration
	// Compliance is what the NAC takes a device for by how it stands in Intune.
	Compliance policy.Mapping

	// MaxAge is how long the last known state of a device counts while Intune cannot be asked, and StaleAfter how long
	// ago a device may have checked in; 0 means for ever.
	MaxAge     time.Duration
	StaleAfter time.Duration
	// ShortList is the share of the last list's devices that a list must have to be believed, and ShortListAccept after
	// how many short ones one is believed; 0 means any and never.
	ShortList       float64
	ShortListAccept int

	// LookupRetry is the time after which the NAC repeats a failed MDM lookup for the first time.
	LookupRetry time.Duration

	// MaxDuration bounds the world time of a run.
	MaxDuration time.Duration
}

// Values of [Settings].CoA.
const (
	CoAReauth     = "reauth"
	CoADisconnect = "disconnect"
)

// TLSVersions bounds the TLS versions that one side offers, as "1.2" or "1.3". Min is never above Max.
type TLSVersions struct {
	Pos
	Min string
	Max string
}

// A Network is how datagrams travel.
type Network struct {
	Pos
	// Delay is the one-way delay of every link that Links does not mention.
	Delay time.Duration
	// Links are the exceptions; where several name the same direction, the later one counts for what it sets.
	Links []Link
}

// A Link is what one direction of a link does to packets, or both directions. In a step, a nil field leaves
// what is in force; in [Network].Links it leaves the default.
type Link struct {
	Pos
	// From and To are hosts: "nac", "graph", a NAS or a device. Both says that the same holds from To to From.
	From string
	To   string
	Both bool

	// Down cuts the link: every packet is lost.
	Down *bool
	// Delay is the one-way delay; to it each packet adds a random time up to Jitter.
	Delay  *time.Duration
	Jitter *time.Duration
	// Loss, Duplicate and Reorder are probabilities from 0 to 1.
	Loss      *float64
	Duplicate *float64
	Reorder   *float64
}

// Values of [NAS].Kind.
const (
	KindAP     = "ap"
	KindSwitch = "switch"
)

// A NAS is a network access server: a wireless access point or a wired switch.
type NAS struct {
	Pos
	Name string
	// Kind is KindAP or KindSwitch.
	Kind string
	// SSID is the network of an access point.
	SSID string
	// Firmware is the version that an access point states.
	Firmware string
	// Ports is the number of ports of a switch; they are numbered from 1.
	Ports int
	// DefaultVLAN is where an authorized client is put whose Access-Accept names no VLAN.
	DefaultVLAN string
	// Reauth and Interim are as in Settings, which they default to.
	Reauth  time.Duration
	Interim time.Duration
	// RADIUS is how it talks to the NAC: OverUDP or OverTLS.
	RADIUS string
	// MAB says whether clients without a supplicant are authenticated by their MAC address: MABOff, MABFallback (those
	// that do not answer 802.1X), MABFirst (all, before 802.1X) or MABOnly (all), in which form ("pap", "chap" or "eap-md5").
	MAB     string
	MABForm string
}

// An Intune is the organization's Intune.
type Intune struct {
	Pos
	Compliance Compliance
	// PageSize is the number of devices in one page of a list, 1 to 1000.
	PageSize int
	// EarlyCheckIns says that a newly enrolled device checks in as Windows does: every 3 minutes for 15 minutes,
	// then every 15 minutes for 2 hours, before it changes to Settings.CheckIn (facts: graph-and-entra 1.5).
	EarlyCheckIns bool
	// Jitter is how much later than its schedule a routine check-in is at most.
	Jitter time.Duration

	// Policies are compliance policies in place of Compliance, if there are any.
	Policies []CompliancePolicy
	// NoPolicyFails makes a device that no policy is for noncompliant.
	NoPolicyFails bool
	// Validity is how long a status is valid without a check-in.
	Validity time.Duration
	// GraceEndsAtOnce makes a grace period that has run out take effect at once, not at the next check-in.
	GraceEndsAtOnce bool
	// Visibility is how long it takes until each service shows what has happened.
	Visibility intune.Delays
	// Records are devices in Intune that are not on this network.
	Records []Record
	// Fleet is many more of them, made up, or nil.
	Fleet *Fleet
}

// A CompliancePolicy is one of several in Intune.
type CompliancePolicy struct {
	Pos
	intune.CompliancePolicy
}

// A Record is a device in Intune that is not on this network: a stale twin of one that is, or somebody else's.
type Record struct {
	Pos
	// Label is the key under records, and Name the deviceName.
	Label, Name string
	// DeviceIntune has what is on record. Enrolled is always true.
	DeviceIntune
	// LastSync is how long before the start it checked in last; 0 means that it does at the start.
	LastSync time.Duration
	// Off says that it does not check in any more.
	Off bool
}

// A Fleet is made-up devices in Intune that are not on this network.
type Fleet struct {
	Pos
	Count int
	// Shares of devices, from 0 to 1: that fail the made-up policies, that have a stale twin, that share the address of
	// a dock, and that have no Wi-Fi address.
	Unhealthy, Twins, Docked, NoMAC float64
}

// Names of posture facts in [Compliance].Require.
const (
	PostureAntivirus  = "antivirus"
	PostureFirewall   = "firewall"
	PostureEncryption = "encryption"
	PosturePatchLevel = "patch_level"
)

// A Compliance is the compliance policy in Intune.
type Compliance struct {
	Pos
	// Require lists the posture facts that a compliant device has, each at most once. With none there is no
	// policy, and Intune counts every device as compliant.
	Require []string
	// MinimumPatchLevel is the date that a device's patch level must not be older than; it is set when Require
	// contains PosturePatchLevel.
	MinimumPatchLevel time.Time
	// Grace is how long a device that fails the policy stays inGracePeriod before it becomes noncompliant.
	Grace time.Duration
}

// Device returns the named device, or nil.
func (f *File) Device(name string) *Device {
	if i, ok := f.devices[name]; ok {
		return &f.Devices[i]
	}
	return nil
}

// NASNamed returns the named access point or switch, or nil.
func (f *File) NASNamed(name string) *NAS {
	for i := range f.NAS {
		if f.NAS[i].Name == name {
			return &f.NAS[i]
		}
	}
	return nil
}

// SourceLine returns the line of the file that p is on, without its line break.
func (f *File) SourceLine(p Pos) string {
	if p.Line < 1 || p.Line > len(f.lines) {
		return ""
	}
	return f.lines[p.Line-1]
}

// Span returns the least and the most world time that the steps can take: the least if each expectation with a
// within is met at once, the most if each is met at the last moment.
func (f *File) Span() (least, most time.Duration) {
	for i := range f.Steps {
		s := &f.Steps[i]
		if s.At != nil {
			least, most = max(least, *s.At), max(most, *s.At)
		}
		least += s.After + s.For
		most += s.After + s.Within + s.For
	}
	return least, most
}
