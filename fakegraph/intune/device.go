package intune

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"nacsim/internal/guid"
)

// A DeviceConfig describes a device that enrols. Only Name is required.
type DeviceConfig struct {
	// Label is how the methods of [Service] name the device. It is unique and never changes. The default is Name.
	Label string
	// Name is deviceName. Names need not be unique.
	Name string
	// ID is the Intune device ID and AzureADDeviceID the Entra device ID, both GUIDs. The default are the ones that
	// [Server.DeviceIDs] tells.
	ID              string
	AzureADDeviceID string
	// WiFiMAC and EthernetMAC are addresses in any usual notation, or empty for a device without. MACForm is how Intune shows
	// them; the default is [MACBare].
	WiFiMAC     string
	EthernetMAC string
	MACForm     MACForm

	SerialNumber      string
	IMEI              string
	UserPrincipalName string
	// OperatingSystem is free text in Intune; "Windows" is the default. "iOS", "iPadOS" and "macOS" check in as
	// Apple devices do.
	OperatingSystem string
	OSVersion       string
	Manufacturer    string
	Model           string
	// Personal makes managedDeviceOwnerType "personal"; otherwise it is "company".
	Personal bool

	// Posture is the state of the device. The zero value has nothing switched on.
	Posture Posture
	// EnrolledAt is when the device enrolled. The zero time means now. A device that enrolled long ago has its
	// early check-ins behind it; it checks in at once all the same, unless LastSync is set.
	EnrolledAt time.Time
	// LastSync is when the device checked in last, with that posture. The next check-in is the next one by its schedule. The zero
	// time means never.
	LastSync time.Time
	// Off says that the device is switched off, or lost: it does not check in.
	Off bool
	// ForceState is a complianceState that the device has whatever its posture; see [Service.ForceState].
	ForceState string
	// Quiet leaves out of the trace what the device does by itself: one of thousands that are only there to be many.
	Quiet bool
}

// Values of managedDeviceOwnerType.
const (
	OwnerCompany  = "company"
	OwnerPersonal = "personal"
)

// A MACForm is a notation of MAC addresses.
type MACForm string

const (
	// MACBare is 12 upper-case digits, the only form seen in real payloads (facts 1.3).
	MACBare MACForm = "bare"
	// MACColon and MACDash separate the octets; MACLower is bare in lower case.
	MACColon MACForm = "colon"
	MACDash  MACForm = "dash"
	MACLower MACForm = "lower"
)

// MACForms are all of them.
func MACForms() []MACForm { return []MACForm{MACBare, MACColon, MACDash, MACLower} }

// A Device is a managed device as the Service keeps it. Copies are handed out; they do not change.
type Device struct {
	Label           string `json:"label"`
	ID              string `json:"id"`
	AzureADDeviceID string `json:"azureADDeviceId"`
	Name            string `json:"deviceName"`
	// WiFiMAC and EthernetMAC are addresses as Intune shows them, 12 upper-case hexadecimal digits unless the configuration wants
	// another form, or empty (facts 1.3).
	WiFiMAC     string `json:"wiFiMacAddress"`
	EthernetMAC string `json:"ethernetMacAddress"`

	SerialNumber      string `json:"serialNumber"`
	IMEI              string `json:"imei,omitempty"`
	UserPrincipalName string `json:"userPrincipalName"`
	OperatingSystem   string `json:"operatingSystem"`
	OSVersion         string `json:"osVersion"`
	Manufacturer      string `json:"manufacturer"`
	Model             string `json:"model"`
	Personal          bool   `json:"personal"`
	// ManagedName is managedDeviceName if an administrator has given one, and Notes is what they have written down.
	ManagedName string `json:"managedDeviceName,omitempty"`
	Notes       string `json:"notes,omitempty"`

	// Posture is what the device is like, and Reported what it was like at its last check-in.
	Posture  Posture `json:"posture"`
	Reported Posture `json:"reported"`
	// Failing are the facts that the policies missed at the last evaluation.
	Failing []Fact `json:"failing,omitempty"`
	// ComplianceState is the result of the last evaluation, StateUnknown before the first check-in.
	ComplianceState string `json:"complianceState"`
	// Forced is the complianceState that the device has whatever its posture, or empty.
	Forced string `json:"forced,omitempty"`
	// PolicyStates are what each policy says of the device, nil before the first check-in. They are shared and must not be changed.
	PolicyStates []PolicyState `json:"-"`
	// Graces are the grace periods of the policies that the device fails, and GraceEnds is when the first of them ends or ended; the
	// zero time when the device complies.
	Graces    []Grace   `json:"graces,omitempty"`
	GraceEnds time.Time `json:"graceEnds,omitzero"`
	// ManagementState is a member of managementState, for example [Managed].
	ManagementState string `json:"managementState"`
	// Actions are the remote actions, the latest of each kind.
	Actions []ActionResult `json:"actions,omitempty"`
	// Leaves is when a device that carries out a retirement or a wipe is gone; otherwise the zero time.
	Leaves time.Time `json:"leaves,omitzero"`

	Enrolled    time.Time `json:"enrolled"`
	LastSync    time.Time `json:"lastSync"`
	NextCheckIn time.Time `json:"nextCheckIn"`
	// Off says that the device is switched off.
	Off bool `json:"off,omitempty"`
	// Quiet is as in [DeviceConfig].
	Quiet bool `json:"quiet,omitempty"`
}

// Owner is managedDeviceOwnerType.
func (d *Device) Owner() string {
	if d.Personal {
		return OwnerPersonal
	}
	return OwnerCompany
}

// maxText bounds each text of a device, in octets.
const maxText = 256

// device makes the record of a device that enrols now.
func (c *DeviceConfig) device(now time.Time) (*Device, error) {
	d := &Device{
		Label: c.Label, ID: strings.ToLower(c.ID), AzureADDeviceID: strings.ToLower(c.AzureADDeviceID), Name: c.Name,
		SerialNumber: c.SerialNumber, IMEI: c.IMEI, UserPrincipalName: c.UserPrincipalName, OperatingSystem: c.OperatingSystem,
		OSVersion: c.OSVersion, Manufacturer: c.Manufacturer, Model: c.Model, Personal: c.Personal,
		Posture: c.Posture, ComplianceState: StateUnknown, Forced: c.ForceState, ManagementState: Managed,
		Enrolled: c.EnrolledAt, LastSync: c.LastSync, Off: c.Off, Quiet: c.Quiet,
	}
	if d.Enrolled.IsZero() || d.Enrolled.After(now) {
		d.Enrolled = now
	}
	if d.OperatingSystem == "" {
		d.OperatingSystem = "Windows"
	}
	if d.Posture.OSVersion == "" {
		d.Posture.OSVersion = d.OSVersion
	}
	d.OSVersion = d.Posture.OSVersion
	var err error
	if d.WiFiMAC, err = c.MACForm.write(c.WiFiMAC); err != nil {
		return nil, err
	}
	if d.EthernetMAC, err = c.MACForm.write(c.EthernetMAC); err != nil {
		return nil, err
	}
	return d, d.check(now)
}

// check reports what cannot be in a record.
func (d *Device) check(now time.Time) error {
	for _, text := range []string{d.Label, d.Name, d.SerialNumber, d.IMEI, d.UserPrincipalName, d.OperatingSystem, d.OSVersion, d.Manufacturer, d.Model, d.ManagedName, d.Notes} {
		if err := checkText(text); err != nil {
			return err
		}
	}
	if d.Name == "" {
		return errors.New("no name")
	}
	for _, id := range []string{d.ID, d.AzureADDeviceID} {
		if !guid.Valid(id) {
			return fmt.Errorf("id %q is not a GUID", id)
		}
	}
	if d.LastSync.After(now) {
		return fmt.Errorf("it checked in last at %s, which is in the future", d.LastSync.Format(time.RFC3339))
	}
	if err := checkState(d.Forced); err != nil {
		return err
	}
	return checkThreat(d.Posture.Threat)
}

func checkState(state string) error {
	if state != "" && !slices.Contains(States(), state) {
		return fmt.Errorf("compliance state %q is none of %s", state, strings.Join(States(), ", "))
	}
	return nil
}

func checkThreat(threat string) error {
	if threat != "" && !slices.Contains(threats, threat) {
		return fmt.Errorf("threat level %q is none of %s", threat, strings.Join(threats, ", "))
	}
	return nil
}

func checkText(text string) error {
	if len(text) > maxText {
		return fmt.Errorf("text of %d octets is longer than %d: %.32q…", len(text), maxText, text)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("text %q is not UTF-8", text)
	}
	return nil
}

// write returns an address in that form.
func (f MACForm) write(mac string) (string, error) {
	mac, err := normalMAC(mac)
	if err != nil || mac == "" {
		return "", err
	}
	switch f {
	case "", MACBare:
		return mac, nil
	case MACLower:
		return strings.ToLower(mac), nil
	case MACColon, MACDash:
		separator := map[MACForm]string{MACColon: ":", MACDash: "-"}[f]
		octets := make([]string, 6)
		for i := range octets {
			octets[i] = mac[2*i : 2*i+2]
		}
		return strings.Join(octets, separator), nil
	}
	return "", fmt.Errorf("form of MAC addresses %q is none of bare, colon, dash, lower", string(f))
}

// normalMAC writes an address as Intune keeps it: 12 upper-case hexadecimal digits (facts 1.3).
func normalMAC(mac string) (string, error) {
	var digits [12]byte
	n := 0
	for i := range len(mac) {
		c := mac[i]
		switch {
		case c == ':' || c == '-' || c == '.':
			continue
		case c >= 'a' && c <= 'f':
			c -= 'a' - 'A'
		case c >= '0' && c <= '9' || c >= 'A' && c <= 'F':
		default:
			return "", fmt.Errorf("MAC address %q has the character %q", mac, c)
		}
		if n == len(digits) {
			return "", fmt.Errorf("MAC address %q has more than 12 digits", mac)
		}
		digits[n] = c
		n++
	}
	switch n {
	case 0:
		return "", nil
	case len(digits):
		return string(digits[:]), nil
	}
	return "", fmt.Errorf("MAC address %q has %d digits, want 12", mac, n)
}

// NewDeviceIDs draws the Intune device ID and the Entra device ID of a device, for making its certificate before
// it enrols.
func NewDeviceIDs(r io.Reader) (id, azureADDeviceID string) {
	return guid.New(r), guid.New(r)
}

// Check reports what is wrong with a device that is to enrol, as far as that shows without the others.
func (c DeviceConfig) Check(now time.Time) error {
	const any = "00000000-0000-4000-8000-000000000000" // drawn later
	if c.ID == "" {
		c.ID = any
	}
	if c.AzureADDeviceID == "" {
		c.AzureADDeviceID = any
	}
	_, err := c.device(now)
	return err
}
