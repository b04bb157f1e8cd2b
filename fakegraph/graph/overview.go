package graph

import (
	"encoding/json"
	"net/http"
	"strings"

	"nacsim/fakegraph/intune"
	"nacsim/internal/guid"
)

// An overview is the type managedDeviceOverview.
type overview struct {
	Context string `json:"@odata.context"`
	ID      string `json:"id"`

	Enrolled int `json:"enrolledDeviceCount"`
	MDM      int `json:"mdmEnrolledCount"`
	Dual     int `json:"dualEnrolledDeviceCount"`

	Systems struct {
		Android       int `json:"androidCount"`
		IOS           int `json:"iosCount"`
		MacOS         int `json:"macOSCount"`
		WindowsMobile int `json:"windowsMobileCount"`
		Windows       int `json:"windowsCount"`
		Unknown       int `json:"unknownCount"`
	} `json:"deviceOperatingSystemSummary"`
	Exchange struct {
		Allowed     int `json:"allowedDeviceCount"`
		Blocked     int `json:"blockedDeviceCount"`
		Quarantined int `json:"quarantinedDeviceCount"`
		Unknown     int `json:"unknownDeviceCount"`
		Unavailable int `json:"unavailableDeviceCount"`
	} `json:"deviceExchangeAccessStateSummary"`
}

// getOverview answers GET /deviceManagement/managedDeviceOverview: how many devices there are.
func (a *API) getOverview(w http.ResponseWriter, r *request) error {
	o := overview{Context: r.context("deviceManagement/managedDeviceOverview/$entity"), ID: guid.Derived("overview/" + a.directory.Tenant())}
	a.allDevices(intune.ViewList).each(func(d *device) {
		o.Enrolled++
		switch strings.ToLower(d.OperatingSystem) {
		case "windows":
			o.Systems.Windows++
		case "ios", "ipados":
			o.Systems.IOS++
		case "macos":
			o.Systems.MacOS++
		case "android":
			o.Systems.Android++
		default:
			o.Systems.Unknown++
		}
	})
	o.MDM, o.Exchange.Unavailable = o.Enrolled, o.Enrolled
	return a.writeValue(w, r, o)
}

// A stateSummary is the type deviceCompliancePolicyDeviceStateSummary.
type stateSummary struct {
	Context       string `json:"@odata.context"`
	ID            string `json:"id"`
	InGrace       int    `json:"inGracePeriodCount"`
	ConfigManager int    `json:"configManagerCount"`
	Unknown       int    `json:"unknownDeviceCount"`
	NotApplicable int    `json:"notApplicableDeviceCount"`
	Compliant     int    `json:"compliantDeviceCount"`
	Remediated    int    `json:"remediatedDeviceCount"`
	NonCompliant  int    `json:"nonCompliantDeviceCount"`
	Error         int    `json:"errorDeviceCount"`
	Conflict      int    `json:"conflictDeviceCount"`
}

// getStateSummary answers GET /deviceManagement/deviceCompliancePolicyDeviceStateSummary: how many devices are in which state.
func (a *API) getStateSummary(w http.ResponseWriter, r *request) error {
	s := stateSummary{Context: r.context("deviceManagement/deviceCompliancePolicyDeviceStateSummary/$entity"), ID: guid.Derived("summary/" + a.directory.Tenant())}
	counts := map[string]*int{"inGracePeriod": &s.InGrace, "configManager": &s.ConfigManager, "compliant": &s.Compliant, "noncompliant": &s.NonCompliant,
		"error": &s.Error, "conflict": &s.Conflict}
	a.allDevices(intune.ViewList).each(func(d *device) {
		count := counts[d.ComplianceState]
		if count == nil {
			count = &s.Unknown
		}
		*count++
	})
	return a.writeValue(w, r, s)
}

// writeValue answers with a value that is one JSON object.
func (a *API) writeValue(w http.ResponseWriter, r *request, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	r.note.Rows = 1
	a.write(w, r, http.StatusOK, body)
	return nil
}
