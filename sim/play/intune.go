package play

import (
	"errors"
	"strings"
	"time"

	others "nacsim/fakegraph/fleet"
	"nacsim/fakegraph/intune"
	"nacsim/sim/scenario"
)

// intuneConfig is the organization's Intune at the start.
func (p *player) intuneConfig(now time.Time) intune.Config {
	i := &p.file.Intune
	cfg := intune.Config{
		Policies: p.filePolicies(), NoPolicyFails: i.NoPolicyFails, Validity: i.Validity, GraceEndsAtOnce: i.GraceEndsAtOnce,
		CheckIn: p.file.Settings.CheckIn, Jitter: i.Jitter, Delays: i.Visibility,
	}
	if !i.EarlyCheckIns {
		cfg.EarlyCheckIns = []time.Duration{}
	}
	// They have been managed for a while when the scenario begins.
	const managed = 30 * 24 * time.Hour
	for n := range p.file.Devices {
		d := &p.file.Devices[n]
		if d.Intune.Enrolled {
			c := enrolment(d.Name, d.DeviceName, d.Intune)
			c.EnrolledAt = now.Add(-managed)
			if i.Visibility != (intune.Delays{}) {
				c.LastSync = now // so that every service has seen its state already
			}
			cfg.Devices = append(cfg.Devices, c)
		}
	}
	for n := range i.Records {
		r := &i.Records[n]
		c := enrolment(recordLabel+r.Label, r.Name, &r.DeviceIntune)
		c.Off, c.EnrolledAt = r.Off, now.Add(-max(managed, r.LastSync))
		if r.LastSync > 0 {
			c.LastSync = now.Add(-r.LastSync)
		}
		cfg.Devices = append(cfg.Devices, c)
	}
	if f := i.Fleet; f != nil {
		o := others.Usual(now)
		o.Domain, o.Unhealthy, o.Twins, o.Docked, o.NoMAC = "corp.example", f.Unhealthy, f.Twins, f.Docked, f.NoMAC
		cfg.Devices = append(cfg.Devices, others.Generate(p.seed, f.Count, o).Devices...)
	}
	return cfg
}

// recordLabel begins the labels of records, which may have the name of a device.
const recordLabel = "record/"

// filePolicies are the compliance policies of the file.
func (p *player) filePolicies() []intune.CompliancePolicy {
	return compliancePolicies(&p.file.Intune.Compliance, p.file.Intune.Policies)
}

// compliancePolicies are several, or the one for all devices.
func compliancePolicies(one *scenario.Compliance, several []scenario.CompliancePolicy) (policies []intune.CompliancePolicy) {
	for i := range several {
		policies = append(policies, several[i].CompliancePolicy)
	}
	if len(several) > 0 || len(one.Require) == 0 {
		return policies
	}
	policy := intune.CompliancePolicy{MinimumPatchLevel: one.MinimumPatchLevel, Grace: one.Grace}
	for _, fact := range one.Require {
		policy.Require = append(policy.Require, intune.Fact(fact))
	}
	return []intune.CompliancePolicy{policy}
}

func (p *player) setCompliance(s *scenario.SetCompliance) error {
	policies := p.filePolicies()
	if !s.Restore {
		policies = compliancePolicies(&s.Compliance, s.Policies)
	}
	return p.graph.Intune().SetPolicies(policies, s.AtOnce)
}

// enrolment is a device as it enrols.
func enrolment(label, name string, r *scenario.DeviceIntune) intune.DeviceConfig {
	c := intune.DeviceConfig{
		Label: label, Name: name, ID: r.ID, AzureADDeviceID: r.EntraID, MACForm: intune.MACForm(r.MACForm),
		SerialNumber: r.Serial, UserPrincipalName: r.User, OperatingSystem: r.OS, Personal: r.Personal, ForceState: r.State,
		Posture: intune.PostureChange(r.Posture).On(intune.Healthy(time.Time{})),
	}
	if r.WiFiMAC != nil {
		c.WiFiMAC = r.WiFiMAC.String()
	}
	if r.EthernetMAC != nil {
		c.EthernetMAC = r.EthernetMAC.String()
	}
	return c
}

func (p *player) setPosture(s *scenario.SetPosture) error {
	return p.onDevice(func() error {
		err := p.graph.Intune().SetPosture(s.Device, intune.PostureChange(s.Posture))
		if errors.Is(err, intune.ErrNoDevice) {
			return nil // the step that enrols it has this posture
		}
		return err
	})
}

// posture puts a change of it into words.
func posture(q scenario.Posture) string {
	var s []string
	for _, f := range intune.PostureChange(q).Fields() {
		value := f.Value.String()
		switch value {
		case "true":
			value = "on"
		case "false":
			value = "off"
		}
		s = append(s, strings.ReplaceAll(f.Key, "_", " ")+" "+value)
	}
	return strings.Join(s, ", ")
}

func (p *player) sync(device string) error {
	if !p.up(device) {
		return inputError("%s is down and cannot check in", device)
	}
	return p.graph.Intune().Sync(device)
}

func (p *player) retire(s *scenario.Retire) error {
	if s.Pending {
		return p.graph.Intune().Retire(s.Device)
	}
	return p.graph.Intune().Remove(s.Device)
}

func (p *player) rename(s *scenario.Rename) error {
	p.devices[s.Device].name = s.To
	return p.graph.Intune().Rename(s.Device, s.To)
}

func (p *player) enroll(s *scenario.Enroll) error {
	if _, err := p.graph.Intune().Enroll(enrolment(s.Device, p.devices[s.Device].name, &s.Record)); err != nil {
		return err
	}
	return p.setPower(s.Device, p.up(s.Device))
}

// reEnroll lets a device enrol anew. Its new ID is that of the device in expectations, too.
func (p *player) reEnroll(s *scenario.ReEnroll) error {
	d, err := p.graph.Intune().ReEnroll(s.Device, s.Keep)
	if err != nil {
		return err
	}
	p.judge.alias(s.Device, d.ID)
	return nil
}
