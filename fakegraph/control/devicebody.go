package control

import (
	"slices"
	"strings"
	"time"

	"nacsim/fakegraph/intune"
)

// A date is a day, as patch levels are.
type date time.Time

func (d *date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return badRequest("%q is not a day such as 2026-10-01", text)
	}
	*d = date(t)
	return nil
}

func (d date) MarshalText() ([]byte, error) { return []byte(time.Time(d).Format(time.DateOnly)), nil }

// A posture is what a device is like, in the words of a tenant file. What is nil is not said.
type posture struct {
	Antivirus          *bool   `json:"antivirus,omitempty"`
	RealTimeProtection *bool   `json:"real_time_protection,omitempty"`
	Firewall           *bool   `json:"firewall,omitempty"`
	Encryption         *bool   `json:"encryption,omitempty"`
	Password           *bool   `json:"password,omitempty"`
	SecureBoot         *bool   `json:"secure_boot,omitempty"`
	CodeIntegrity      *bool   `json:"code_integrity,omitempty"`
	TPM                *bool   `json:"tpm,omitempty"`
	Jailbroken         *bool   `json:"jailbroken,omitempty"`
	PatchLevel         *date   `json:"patch_level,omitempty"`
	OSVersion          *string `json:"os_version,omitempty"`
	Threat             *string `json:"threat,omitempty"`
}

func (p *posture) change() intune.PostureChange {
	return intune.PostureChange{
		Antivirus:          p.Antivirus,
		RealTimeProtection: p.RealTimeProtection,
		Firewall:           p.Firewall,
		Encryption:         p.Encryption,
		Password:           p.Password,
		SecureBoot:         p.SecureBoot,
		CodeIntegrity:      p.CodeIntegrity,
		TPM:                p.TPM,
		Jailbroken:         p.Jailbroken,
		PatchLevel:         (*time.Time)(p.PatchLevel), OSVersion: p.OSVersion, Threat: p.Threat,
	}
}

// set copies what is said.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func showPosture(p *intune.Posture) posture {
	s := posture{
		Antivirus:          &p.Antivirus,
		RealTimeProtection: &p.RealTimeProtection,
		Firewall:           &p.Firewall,
		Encryption:         &p.Encryption,
		Password:           &p.Password,
		SecureBoot:         &p.SecureBoot,
		CodeIntegrity:      &p.CodeIntegrity,
		TPM:                &p.TPM,
		Jailbroken:         &p.Jailbroken,
		OSVersion:          &p.OSVersion,
	}
	if !p.PatchLevel.IsZero() {
		s.PatchLevel = (*date)(&p.PatchLevel)
	}
	if p.Threat != "" {
		s.Threat = &p.Threat
	}
	return s
}

// A record is what Intune has of a device, in the words of a tenant file. What is nil is not said.
type record struct {
	Name        *string `json:"name,omitempty"`
	WiFiMAC     *string `json:"wifi_mac,omitempty"`
	EthernetMAC *string `json:"ethernet_mac,omitempty"`
	MACForm     *string `json:"mac_form,omitempty"`
	Serial      *string `json:"serial,omitempty"`
	User        *string `json:"user,omitempty"`
	Owner       *string `json:"owner,omitempty"`
	Off         *bool   `json:"off,omitempty"`
	ForceState  *string `json:"force_state,omitempty"`
}

// check reports the values that are none of those possible.
func (r *record) check() error {
	for _, c := range []struct {
		name  string
		value *string
		of    []string
	}{
		{"owner", r.Owner, []string{intune.OwnerCompany, intune.OwnerPersonal}},
		{"mac_form", r.MACForm, macForms()},
		{"force_state", r.ForceState, append(intune.States(), "")},
	} {
		if c.value != nil && !slices.Contains(c.of, *c.value) {
			return badRequest("%s is %q; expected one of %s", c.name, *c.value, strings.TrimSuffix(strings.Join(c.of, ", "), ", "))
		}
	}
	return nil
}

func macForms() []string {
	var list []string
	for _, f := range intune.MACForms() {
		list = append(list, string(f))
	}
	return list
}

// A fixture is what a device has from its enrolment on.
type fixture struct {
	Label        *string `json:"label,omitempty"`
	ID           *string `json:"id,omitempty"`
	EntraID      *string `json:"entra_id,omitempty"`
	IMEI         *string `json:"imei,omitempty"`
	OS           *string `json:"os,omitempty"`
	Manufacturer *string `json:"manufacturer,omitempty"`
	Model        *string `json:"model,omitempty"`
}

func (a *API) enroll(c *call) (any, error) {
	body, err := decode[struct {
		fixture
		record
		posture
		EnrolledAgo duration `json:"enrolled_ago"`
		LastSyncAgo duration `json:"last_sync_ago"`
	}](c)
	if err != nil {
		return nil, err
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	now := a.h.Now()
	cfg := intune.DeviceConfig{Posture: body.change().On(intune.Healthy(now))}
	for _, f := range []struct{ to, from *string }{
		{&cfg.Label, body.Label}, {&cfg.ID, body.ID}, {&cfg.AzureADDeviceID, body.EntraID}, {&cfg.IMEI, body.IMEI}, {&cfg.OperatingSystem, body.OS},
		{&cfg.Manufacturer, body.Manufacturer}, {&cfg.Model, body.Model}, {&cfg.Name, body.Name}, {&cfg.WiFiMAC, body.WiFiMAC}, {&cfg.EthernetMAC, body.EthernetMAC},
		{(*string)(&cfg.MACForm), body.MACForm}, {&cfg.SerialNumber, body.Serial}, {&cfg.UserPrincipalName, body.User}, {&cfg.ForceState, body.ForceState}, {&cfg.OSVersion, body.OSVersion},
	} {
		set(f.to, f.from)
	}
	cfg.Personal = body.Owner != nil && *body.Owner == intune.OwnerPersonal
	set(&cfg.Off, body.Off)
	if body.EnrolledAgo != 0 {
		cfg.EnrolledAt = now.Add(-time.Duration(body.EnrolledAgo))
	}
	if body.LastSyncAgo != 0 {
		cfg.LastSync = now.Add(-time.Duration(body.LastSyncAgo))
	}
	d, err := a.target.Intune().Enroll(cfg)
	if err != nil {
		return nil, err
	}
	return showDevice(&d), nil
}

func (a *API) patchDevice(c *call) (any, error) {
	d, err := a.find(c.value("device"))
	if err != nil {
		return nil, err
	}
	body, err := decode[struct {
		record
		posture
		ManagementState *string `json:"management_state"`
	}](c)
	if err != nil {
		return nil, err
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	change := intune.RecordChange{Name: body.Name, WiFiMAC: body.WiFiMAC, EthernetMAC: body.EthernetMAC, UserPrincipalName: body.User, SerialNumber: body.Serial, ManagementState: body.ManagementState}
	set((*string)(&change.MACForm), body.MACForm)
	if body.Owner != nil {
		personal := *body.Owner == intune.OwnerPersonal
		change.Personal = &personal
	}
	service := a.target.Intune()
	if err := service.SetRecord(d.Label, change); err != nil { // the only one that can find a mistake
		return nil, err
	}
	if err := service.SetPosture(d.Label, body.posture.change()); err != nil {
		return nil, err
	}
	if body.ForceState != nil {
		if err := service.ForceState(d.Label, *body.ForceState); err != nil {
			return nil, err
		}
	}
	if body.Off != nil {
		if err := service.SetPower(d.Label, !*body.Off); err != nil {
			return nil, err
		}
	}
	return a.device(d.Label), nil
}

func (a *API) reenroll(c *call) (any, error) {
	d, err := a.find(c.value("device"))
	if err != nil {
		return nil, err
	}
	body, err := decode[struct {
		Keep bool `json:"keep"`
	}](c)
	if err != nil {
		return nil, err
	}
	again, err := a.target.Intune().ReEnroll(d.Label, body.Keep)
	if err != nil {
		return nil, err
	}
	return showDevice(&again), nil
}

// shownDevice is a device with what Intune thinks of it.
type shownDevice struct {
	fixture
	record
	posture
	ComplianceState string        `json:"compliance_state"`
	ManagementState string        `json:"management_state"`
	Failing         []intune.Fact `json:"failing"`
	// Reported is what the device was like at its last check-in.
	Reported    posture               `json:"reported"`
	GraceEnds   *time.Time            `json:"grace_ends,omitempty"`
	Policies    []shownPolicyState    `json:"policies"`
	Actions     []intune.ActionResult `json:"actions,omitempty"`
	Enrolled    time.Time             `json:"enrolled"`
	LastSync    *time.Time            `json:"last_sync"`
	NextCheckIn time.Time             `json:"next_check_in"`
}

type shownPolicyState struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

func showDevice(d *intune.Device) shownDevice {
	owner := d.Owner()
	s := shownDevice{
		fixture: fixture{&d.Label, &d.ID, &d.AzureADDeviceID, unlessEmpty(&d.IMEI), &d.OperatingSystem, &d.Manufacturer, &d.Model},
		record:  record{Name: &d.Name, WiFiMAC: &d.WiFiMAC, EthernetMAC: &d.EthernetMAC, Serial: &d.SerialNumber, User: &d.UserPrincipalName, Owner: &owner, Off: &d.Off, ForceState: unlessEmpty(&d.Forced)},
		posture: showPosture(&d.Posture), ComplianceState: d.ComplianceState, ManagementState: d.ManagementState, Failing: d.Failing, Reported: showPosture(&d.Reported),
		Policies: []shownPolicyState{}, Actions: d.Actions, Enrolled: d.Enrolled, NextCheckIn: d.NextCheckIn,
	}
	if s.Failing == nil {
		s.Failing = []intune.Fact{}
	}
	if !d.GraceEnds.IsZero() {
		s.GraceEnds = &d.GraceEnds
	}
	if !d.LastSync.IsZero() {
		s.LastSync = &d.LastSync
	}
	for i := range d.PolicyStates {
		s.Policies = append(s.Policies, shownPolicyState{d.PolicyStates[i].Name, d.PolicyStates[i].State})
	}
	return s
}

func unlessEmpty(s *string) *string {
	if *s == "" {
		return nil
	}
	return s
}
