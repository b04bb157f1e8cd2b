package intune

import (
	"errors"
	"fmt"
	"io"
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
	// WiFiMAC and EthernetMAC are addresses in any usual notation, or empty for a device without.
	WiFiMAC     string
	EthernetMAC string

	SerialNumber      string
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
	// early check-ins behind it; it checks in at once all the same, because the machine has not seen it yet.
	EnrolledAt time.Time
}

// A Device is a managed device as the Service keeps it. Copies are handed out; they do not change.
type Device struct {
	Label           string `json:"label"`
	ID              string `json:"id"`
	AzureADDeviceID string `json:"azureADDeviceId"`
	Name            string `json:"deviceName"`
	// WiFiMAC and EthernetMAC are 12 upper-case hexadecimal digits, or empty (facts 1.3).
	WiFiMAC     string `json:"wiFiMacAddress"`
	EthernetMAC string `json:"ethernetMacAddress"`

	SerialNumber      string `json:"serialNumber"`
	UserPrincipalName string `json:"userPrincipalName"`
	OperatingSystem   string `json:"operatingSystem"`
	OSVersion         string `json:"osVersion"`
	Manufacturer      string `json:"manufacturer"`
	Model             string `json:"model"`
	Personal          bool   `json:"personal"`

	// Posture is what the device is like, and Reported what it was like at its last check-in.
	Posture  Posture `json:"posture"`
	Reported Posture `json:"reported"`
	// Failing are the facts that the policy missed at the last check-in.
	Failing []Fact `json:"failing"`
	// ComplianceState is the result of the last check-in, StateUnknown before the first.
	ComplianceState string `json:"complianceState"`
	// GraceEnds is when the grace period ends or ended; the zero time when the device complies.
	GraceEnds time.Time `json:"graceEnds"`
	// ManagementState is a member of managementState: "managed", or "retirePending" after Retire.
	ManagementState string `json:"managementState"`

	Enrolled    time.Time `json:"enrolled"`
	LastSync    time.Time `json:"lastSync"`
	NextCheckIn time.Time `json:"nextCheckIn"`
	// Off says that the device is switched off.
	Off bool `json:"off,omitempty"`
}

const (
	managed       = "managed"
	retirePending = "retirePending"
	// maxText bounds each text of a device, in octets.
	maxText = 256
)

// device makes the record of a device that enrols now.
func (c *DeviceConfig) device(now time.Time) (Device, error) {
	d := Device{
		Label: c.Label, ID: strings.ToLower(c.ID), AzureADDeviceID: strings.ToLower(c.AzureADDeviceID), Name: c.Name,
		SerialNumber: c.SerialNumber, UserPrincipalName: c.UserPrincipalName, OperatingSystem: c.OperatingSystem,
		OSVersion: c.OSVersion, Manufacturer: c.Manufacturer, Model: c.Model, Personal: c.Personal,
		Posture: c.Posture, ComplianceState: StateUnknown, ManagementState: managed, Enrolled: c.EnrolledAt,
	}
	if d.Enrolled.IsZero() || d.Enrolled.After(now) {
		d.Enrolled = now
	}
	if d.OperatingSystem == "" {
		d.OperatingSystem = "Windows"
	}
	for _, text := range []string{d.Label, d.Name, d.SerialNumber, d.UserPrincipalName, d.OperatingSystem, d.OSVersion, d.Manufacturer, d.Model} {
		if err := checkText(text); err != nil {
			return Device{}, err
		}
	}
	if d.Name == "" {
		return Device{}, errors.New("no name")
	}
	for _, id := range []string{d.ID, d.AzureADDeviceID} {
		if !guid.Valid(id) {
			return Device{}, fmt.Errorf("id %q is not a GUID", id)
		}
	}
	var err error
	if d.WiFiMAC, err = normalMAC(c.WiFiMAC); err != nil {
		return Device{}, err
	}
	d.EthernetMAC, err = normalMAC(c.EthernetMAC)
	return d, err
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
