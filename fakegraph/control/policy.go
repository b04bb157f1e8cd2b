package control

import (
	"time"

	"nacsim/fakegraph/intune"
)

func (a *API) policyRoutes() []route {
	return []route{
		{method: "GET", path: "/control/policies", doc: "the compliance policies", do: a.policies},
		{method: "PUT", path: "/control/policies", doc: "replace the compliance policies, with the keys of a tenant file; devices are judged by them at their next check-in, or with at_once all of them now",
			body: `{"at_once": true, "policies": [{"name": "Strict", "platform": "windows10AndLater", "require": ["antivirus", "firewall", "patch_level"], "minimum_patch_level": "2026-10-01", "grace": "1d"}]}`, do: a.setPolicies},
	}
}

// policy is a compliance policy in the words of a tenant file.
type policy struct {
	Name              string        `json:"name"`
	ID                string        `json:"id,omitempty"`
	Version           int           `json:"version,omitempty"`
	Platform          string        `json:"platform,omitempty"`
	Require           []intune.Fact `json:"require"`
	MinimumPatchLevel *date         `json:"minimum_patch_level,omitempty"`
	MinimumOSVersion  string        `json:"minimum_os_version,omitempty"`
	MaximumThreat     string        `json:"maximum_threat,omitempty"`
	Grace             duration      `json:"grace,omitempty"`
	Owner             string        `json:"owner,omitempty"`
	Groups            []string      `json:"groups,omitempty"`
	Excluded          []string      `json:"excluded,omitempty"`
	Outcome           string        `json:"outcome,omitempty"`
}

func (a *API) policies(*call) (any, error) {
	shown := []policy{}
	for _, p := range a.target.Intune().Policies() {
		s := policy{Name: p.Name, ID: p.ID, Version: p.Version, Platform: p.Platform, Require: p.Require, MinimumOSVersion: p.MinimumOSVersion, MaximumThreat: p.MaximumThreat,
			Grace: duration(p.Grace), Owner: p.Assigned.Owner, Groups: p.Assigned.Groups, Excluded: p.Assigned.Excluded, Outcome: p.Outcome}
		if !p.MinimumPatchLevel.IsZero() {
			s.MinimumPatchLevel = (*date)(&p.MinimumPatchLevel)
		}
		if s.Require == nil {
			s.Require = []intune.Fact{}
		}
		shown = append(shown, s)
	}
	return list{len(shown), shown}, nil
}

func (a *API) setPolicies(c *call) (any, error) {
	body, err := decode[struct {
		AtOnce   bool     `json:"at_once"`
		Policies []policy `json:"policies"`
	}](c)
	if err != nil {
		return nil, err
	}
	var policies []intune.CompliancePolicy
	for _, p := range body.Policies {
		q := intune.CompliancePolicy{ID: p.ID, Name: p.Name, Version: p.Version, Platform: p.Platform, Require: p.Require, MinimumOSVersion: p.MinimumOSVersion, MaximumThreat: p.MaximumThreat,
			Grace: time.Duration(p.Grace), Assigned: intune.Assignment{Owner: p.Owner, Groups: p.Groups, Excluded: p.Excluded}, Outcome: p.Outcome}
		if p.MinimumPatchLevel != nil {
			q.MinimumPatchLevel = time.Time(*p.MinimumPatchLevel)
		}
		policies = append(policies, q)
	}
	if err := a.target.Intune().SetPolicies(policies, body.AtOnce); err != nil {
		return nil, err
	}
	return a.policies(c)
}
