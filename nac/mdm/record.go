package mdm

import (
	"time"

	"nacsim/nac/identity"
)

// A Record is what the DDB knows of a device: a part of Graph's managedDevice (facts: graph-and-entra 1.1).
type Record struct {
	// ID is the Intune device ID and AzureADDeviceID the Entra device ID, GUIDs in lower case. The latter is empty for a
	// device that Entra does not know.
	ID              string `json:"id"`
	AzureADDeviceID string `json:"azureADDeviceId"`
	DeviceName      string `json:"deviceName"`
	// WiFiMAC and EthernetMAC are 12 upper-case hexadecimal digits as in Intune, or empty.
	WiFiMAC     string `json:"wiFiMac"`
	EthernetMAC string `json:"ethernetMac"`
	// ComplianceState is one of Graph's complianceState: "compliant", "noncompliant", "inGracePeriod", "unknown",
	// "conflict", "error", "configManager", or one that Graph has learnt since.
	ComplianceState string `json:"complianceState"`
	// ManagementState is "managed" for a device in normal use.
	ManagementState string `json:"managementState"`
	// LastSync is when the device last checked in with Intune.
	LastSync time.Time `json:"lastSync"`

	OperatingSystem string `json:"operatingSystem"`
	OSVersion       string `json:"osVersion"`
	Manufacturer    string `json:"manufacturer"`
	Model           string `json:"model"`

	// FetchedAt is when Graph last confirmed the record.
	FetchedAt time.Time `json:"fetchedAt"`

	// Standing is what the record comes to at the moment: one of the words StandingUnknown, StandingCompliant and so on. It is what
	// decisions are to go by, because it minds the management state and the age of the record, too.
	Standing string `json:"-"`
	// Conflict says that several records match and disagree, so that ComplianceState was set to "noncompliant".
	// Only records from State have it.
	Conflict bool `json:"-"`
}

// same reports whether two versions of a record are equal in all that a decision can depend on.
func (r *Record) same(o *Record) bool {
	return r.ComplianceState == o.ComplianceState && r.ManagementState == o.ManagementState && r.DeviceName == o.DeviceName &&
		r.AzureADDeviceID == o.AzureADDeviceID && r.WiFiMAC == o.WiFiMAC && r.EthernetMAC == o.EthernetMAC
}

// unchanged reports whether two versions of a record are equal but for when they were fetched.
func (r *Record) unchanged(o *Record) bool {
	now := *r
	now.FetchedAt = o.FetchedAt
	return now == *o
}

// matches reports whether the record is the one that a key asks for.
func (r *Record) matches(k identity.Key) bool {
	switch id := k.ID(); {
	case k.Kind == identity.MAC:
		mac := parseMAC(k.Value).String()
		return mac != "" && (r.WiFiMAC == mac || r.EthernetMAC == mac)
	case id != "":
		return r.ID == id || r.AzureADDeviceID == id
	}
	return k.Value != "" && foldName(r.DeviceName) == foldName(k.Value)
}

// matchesAny reports whether one of some keys, other than a MAC address, asks for the record.
func (r *Record) matchesAny(keys []identity.Key) bool {
	for _, k := range keys {
		if k.Kind != identity.MAC && r.matches(k) {
			return true
		}
	}
	return false
}
