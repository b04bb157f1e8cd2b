package scenario

import (
	"testing"
	"time"

	"nacsim/fakegraph/intune"
)

const intuneScenario = `
title: x
policy: policies/p.yaml
nas: {ap-1: {kind: ap}}
settings: {grace: 3h}
intune:
  policies:
    - {name: Windows, platform: windows10AndLater, require: [antivirus, os_version], minimum_os_version: "10.0.22631", owner: company}
    - {name: Broken, outcome: error, grace: 1d}
  no_policy: noncompliant
  validity: 10d
  grace_ends: at_once
  jitter: 10m
  visibility: {list: 10m, get: 5m, nac: 1h, entra: 2h}
  records:
    twin: {name: LAPTOP-1, entra_id: 00000000-0000-0000-0000-000000000000, wifi_mac: "00:1c:b3:00:00:01", mac_form: colon, owner: personal, state: conflict, tpm: off, last_sync: 40d, off: true}
    another: {}
  fleet: {count: 100, unhealthy: 50%, twins: 0%}
devices:
  laptop-1: {intune: {threat: high, jailbroken: true, os_version: "10.0.1", password: off}}
  laptop-2: {}
steps:
  - posture: {device: laptop-1, threat: low, secure_boot: off}
  - force_state: {device: laptop-1, state: error}
  - force_state: {device: laptop-1, state: none}
  - reenroll: {device: laptop-1, keep: true}
  - wipe: {device: laptop-1}
  - enroll: {device: laptop-1}
  - retire: {device: laptop-2, pending: true}
  - compliance: {require: [tpm], grace: 1h, at_once: true}
  - compliance: {policies: [{name: One, require: [threat_level], maximum_threat: low}]}
  - compliance: {restore: true}
`

func TestParseReadsIntune(t *testing.T) {
	f := mustParse(t, intuneScenario)
	i := f.Intune
	if !i.NoPolicyFails || i.Validity != 240*time.Hour || !i.GraceEndsAtOnce || i.Jitter != 10*time.Minute ||
		i.Visibility != (intune.Delays{List: 10 * time.Minute, Get: 5 * time.Minute, NAC: time.Hour, Entra: 2 * time.Hour}) {
		t.Errorf("intune is %+v", i)
	}
	if a, b := i.Policies[0], i.Policies[1]; a.Platform != intune.PlatformWindows || len(a.Require) != 2 || a.MinimumOSVersion != "10.0.22631" || a.Assigned.Owner != "company" ||
		a.Grace != 3*time.Hour || b.Outcome != "error" || b.Grace != 24*time.Hour {
		t.Errorf("policies are %+v", i.Policies)
	}
	twin, another := i.Records[0], i.Records[1]
	if twin.Name != "LAPTOP-1" || twin.EntraID != noGUID || twin.WiFiMAC.String() != "00:1c:b3:00:00:01" || twin.MACForm != "colon" || !twin.Personal || twin.State != "conflict" ||
		*twin.Posture.TPM || twin.LastSync != 960*time.Hour || !twin.Off || another.Name != "ANOTHER" || another.ID == twin.ID || another.WiFiMAC != nil {
		t.Errorf("records are %+v", i.Records)
	}
	if *i.Fleet != (Fleet{Pos: i.Fleet.Pos, Count: 100, Unhealthy: 0.5, Docked: 0.05, NoMAC: 0.02}) {
		t.Errorf("fleet is %+v", i.Fleet)
	}
	if p := f.Device("laptop-1").Intune.Posture; *p.Threat != "high" || !*p.Jailbroken || *p.OSVersion != "10.0.1" || *p.Password || !*p.Antivirus || p.TPM != nil {
		t.Errorf("posture is %+v", p)
	}
}

func TestParseReadsStepsInIntune(t *testing.T) {
	s := mustParse(t, intuneScenario).Steps
	if p := s[0].Posture.Posture; *p.Threat != "low" || *p.SecureBoot || p.Antivirus != nil {
		t.Errorf("posture is %+v", p)
	}
	if s[1].ForceState.State != "error" || s[2].ForceState.State != "" || !s[3].ReEnroll.Keep || s[4].Wipe.Device != "laptop-1" || !s[6].Retire.Pending {
		t.Error("a step is not as written")
	}
	if r := s[5].Enroll.Record; *r.Posture.Threat != "low" || !*r.Posture.Jailbroken {
		t.Errorf("it enrols with the posture %+v", r.Posture)
	}
	if c := s[7].Compliance; len(c.Compliance.Require) != 1 || c.Compliance.Grace != time.Hour || !c.AtOnce || c.Restore {
		t.Errorf("compliance is %+v", c)
	}
	if c := s[8].Compliance; len(c.Policies) != 1 || c.Policies[0].MaximumThreat != "low" || c.AtOnce || !s[9].Compliance.Restore {
		t.Errorf("compliance is %+v", c)
	}
}
