package policy

import (
	"time"

	"nacsim/nac/identity"
)

// MDM is the state of a client's device as mobile device management (Intune) last told it.
type MDM struct {
	// Known says that there is a device record.
	Known bool `json:"known"`
	// Status is the compliance that labels are compared with; see [Mapping]. Empty means Unknown.
	Status Status `json:"status,omitempty"`
	// Standing is the word that Status was made of, for example "inGracePeriod" or "notFound"; see [Standing]. Empty means
	// that there is none, for example because Intune has not answered yet.
	Standing string `json:"standing,omitempty"`
	// ComplianceState is the word that Intune used, for example "inGracePeriod", and ManagementState its word on whether it
	// still manages the device, for example "wipePending".
	ComplianceState string `json:"compliance_state,omitempty"`
	ManagementState string `json:"management_state,omitempty"`
	// SeenAt is when the record was last fetched.
	SeenAt time.Time `json:"seen_at"`
	// DeviceID is Intune's ID of the device, and DeviceName its name.
	DeviceID   string `json:"device_id,omitempty"`
	DeviceName string `json:"device_name,omitempty"`
	// Key is what the record was found by.
	Key identity.Key `json:"key"`
	// Why says why the status is not known, or not that of one record, for example "Intune knows no such device".
	Why string `json:"why,omitempty"`
}

// status is the status for comparison.
func (m *MDM) status() Status {
	if m.Status == "" {
		return Unknown
	}
	return m.Status
}

// says tells what is behind the status, where that is more than the status itself.
func (m *MDM) says() string {
	switch {
	case m.Why != "":
		return m.Why
	case m.Standing == "" && !m.Known:
		return "Intune has not answered yet"
	}
	switch m.Standing {
	case "notFound":
		return "Intune knows no such device"
	case "stale":
		return "Intune says " + m.ComplianceState + ", but the device has not checked in for too long"
	case "retired":
		return "Intune says " + m.ComplianceState + ", but has the device as " + m.ManagementState
	case "outdated":
		return "Intune said " + m.ComplianceState + ", which is too old to count"
	}
	if m.ComplianceState == string(m.status()) && m.status() != Unknown {
		return ""
	}
	return "Intune says " + m.ComplianceState
}
