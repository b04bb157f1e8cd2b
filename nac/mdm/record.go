package mdm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"nacsim/internal/guid"
	"nacsim/nac/identity"
)

// A Record is what the DDB knows of a device: a part of Graph's managedDevice (facts: graph-and-entra 1.1).
type Record struct {
	// ID is the Intune device ID and AzureADDeviceID the Entra device ID, GUIDs in lower case.
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
		r.WiFiMAC == o.WiFiMAC && r.EthernetMAC == o.EthernetMAC
}

// matches reports whether the record is the one that a key asks for.
func (r *Record) matches(k identity.Key) bool {
	switch k.Kind {
	case identity.MAC:
		mac := normalMAC(k.Value)
		return mac != "" && (r.WiFiMAC == mac || r.EthernetMAC == mac)
	case identity.CN:
		return k.Value != "" && strings.EqualFold(r.DeviceName, k.Value)
	case identity.SANDNS:
		return strings.EqualFold(r.ID, k.Value)
	}
	return false
}

// selected are the properties that the NAC asks for.
const selected = "id,azureADDeviceId,deviceName,wiFiMacAddress,ethernetMacAddress,complianceState,managementState,lastSyncDateTime,operatingSystem,osVersion,manufacturer,model"

// A row is a managedDevice as Graph writes it. Null leaves a field empty; only of the Ethernet address it matters
// whether it was null, because lists do not tell it.
type row struct {
	ID               string  `json:"id"`
	AzureADDeviceID  string  `json:"azureADDeviceId"`
	DeviceName       string  `json:"deviceName"`
	WiFiMACAddress   string  `json:"wiFiMacAddress"`
	EthernetMAC      *string `json:"ethernetMacAddress"`
	ComplianceState  string  `json:"complianceState"`
	ManagementState  string  `json:"managementState"`
	LastSyncDateTime moment  `json:"lastSyncDateTime"`
	OperatingSystem  string  `json:"operatingSystem"`
	OSVersion        string  `json:"osVersion"`
	Manufacturer     string  `json:"manufacturer"`
	Model            string  `json:"model"`
}

// A moment is a time of which nothing depends but the order of check-ins: one that cannot be read is the zero time
// and does not spoil the list it stands in.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(text []byte) error {
	if m.Time.UnmarshalJSON(text) != nil {
		m.Time = time.Time{}
	}
	return nil
}

// A fetched is a record as one reply of Graph has it.
type fetched struct {
	Record
	// ethernetKnown says that EthernetMAC is the device's, or that it has none.
	ethernetKnown bool
}

// fetched returns the record in a row, or false for a row without an id, which nothing can be done with.
func (r *row) fetched(at time.Time) (fetched, bool) {
	if !guid.Valid(r.ID) {
		return fetched{}, false
	}
	f := fetched{Record: Record{
		ID: strings.ToLower(r.ID), AzureADDeviceID: strings.ToLower(r.AzureADDeviceID), DeviceName: r.DeviceName,
		WiFiMAC: normalMAC(r.WiFiMACAddress), ComplianceState: r.ComplianceState, ManagementState: r.ManagementState,
		LastSync: r.LastSyncDateTime.Time, OperatingSystem: r.OperatingSystem, OSVersion: r.OSVersion,
		Manufacturer: r.Manufacturer, Model: r.Model, FetchedAt: at,
	}}
	if f.ComplianceState == "" {
		f.ComplianceState = "unknown"
	}
	if r.EthernetMAC != nil {
		f.EthernetMAC, f.ethernetKnown = normalMAC(*r.EthernetMAC), true
	}
	return f, true
}

// decodePage reads one page of a list.
func decodePage(body []byte, at time.Time) (devices []fetched, next string, err error) {
	var page struct {
		Value    *[]row `json:"value"`
		NextLink string `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, "", err
	}
	if page.Value == nil {
		return nil, "", errors.New("the reply has no value")
	}
	devices = make([]fetched, 0, len(*page.Value))
	for i := range *page.Value {
		if f, ok := (*page.Value)[i].fetched(at); ok {
			devices = append(devices, f)
		}
	}
	return devices, page.NextLink, nil
}

// decodeDevice reads a single device.
func decodeDevice(body []byte, at time.Time) (fetched, error) {
	var r row
	if err := json.Unmarshal(body, &r); err != nil {
		return fetched{}, fmt.Errorf("device: %w", err)
	}
	f, ok := r.fetched(at)
	if !ok {
		return fetched{}, fmt.Errorf("device: its id %.64q is no GUID", r.ID)
	}
	return f, nil
}

// normalMAC returns an address in any usual notation as 12 upper-case hexadecimal digits, or "" for what is no
// address of a device.
func normalMAC(mac string) string {
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
			return ""
		}
		if n == len(digits) {
			return ""
		}
		digits[n] = c
		n++
	}
	if n != len(digits) || string(digits[:]) == "000000000000" {
		return ""
	}
	return string(digits[:])
}
