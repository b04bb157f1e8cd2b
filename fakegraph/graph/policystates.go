package graph

import (
	"net/http"
	"strconv"
	"strings"

	"nacsim/fakegraph/intune"
)

// policyRoutes are those of what policies say about devices (facts 2.2).
var policyRoutes = []route{
	{http.MethodGet, "deviceManagement/managedDevices/{id}/deviceCompliancePolicyStates", readPolicies, ofIntune, false, (*API).listPolicyStates},
	{http.MethodGet, "deviceManagement/managedDevices/{id}/deviceCompliancePolicyStates/{id}", readPolicies, ofIntune, false, (*API).getPolicyState},
	{http.MethodGet, "deviceManagement/managedDevices/{id}/deviceCompliancePolicyStates/{id}/settingStates", readPolicies, ofIntune, false, (*API).listSettingStates},
	{http.MethodGet, "deviceManagement/managedDevices/{id}/deviceConfigurationStates", readPolicies, ofIntune, false, (*API).listConfigurationStates},
	{http.MethodGet, "deviceManagement/managedDeviceOverview", readDevices, ofIntune, false, (*API).getOverview},
	{http.MethodGet, "deviceManagement/deviceCompliancePolicyDeviceStateSummary", readPolicies, ofIntune, false, (*API).getStateSummary},
}

// policyStates is the type deviceCompliancePolicyState.
var policyStates = newSchema("deviceCompliancePolicyState",
	textOf("id", 0, func(p *intune.PolicyState) string { return p.ID }),
	textOf("displayName", 0, func(p *intune.PolicyState) string { return p.Name }),
	property[intune.PolicyState]{name: "version", json: func(b []byte, p *intune.PolicyState) []byte { return strconv.AppendInt(b, int64(p.Version), 10) }},
	enumOf("platformType", 0, func(p *intune.PolicyState) string { return p.Platform }),
	enumOf("state", 0, func(p *intune.PolicyState) string { return p.State }),
	property[intune.PolicyState]{name: "settingCount", json: func(b []byte, p *intune.PolicyState) []byte { return strconv.AppendInt(b, int64(p.SettingCount), 10) }},
	property[intune.PolicyState]{name: "settingStates", json: appendSettingStates},
)

// settingStates is the complex type deviceCompliancePolicySettingState.
var settingStates = newSchema("deviceCompliancePolicySettingState",
	textOf("setting", 0, func(s *intune.SettingState) string { return s.Setting }),
	textOf("settingName", 0, func(s *intune.SettingState) string { return s.Setting[strings.LastIndexByte(s.Setting, '.')+1:] }),
	literalOf[intune.SettingState]("instanceDisplayName", "null"),
	enumOf("state", 0, func(s *intune.SettingState) string { return s.State }),
	literalOf[intune.SettingState]("errorCode", "0"),
	literalOf[intune.SettingState]("errorDescription", "null"),
	literalOf[intune.SettingState]("userId", "null"),
	literalOf[intune.SettingState]("userName", "null"),
	literalOf[intune.SettingState]("userEmail", "null"),
	literalOf[intune.SettingState]("userPrincipalName", "null"),
	literalOf[intune.SettingState]("sources", "[]"),
	literalOf[intune.SettingState]("currentValue", "null"),
)

func appendSettingStates(b []byte, p *intune.PolicyState) []byte {
	return appendList(b, settingStates.layout(nil, true, nil), pointers(p.Settings))
}

// appendList appends a JSON array of entities.
func appendList[T any](b []byte, l layout[T], list []*T) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(l.append(append(b, '{'), v), '}')
	}
	return append(b, ']')
}

// writeIntuneList answers with all of a collection of Intune's. $filter has no effect on it, as nothing in it can be filtered by.
func writeIntuneList[T any](a *API, w http.ResponseWriter, r *request, s *schema[T], fragment string, list []*T) error {
	selected, err := s.selected(r.option("$select"))
	if err != nil {
		return err
	}
	body := appendJSONString([]byte(`{"@odata.context":`), r.context("deviceManagement/managedDevices('"+r.keys[0]+"')/"+fragment+s.names(selected)))
	body = strconv.AppendInt(append(body, `,"@odata.count":`...), int64(len(list)), 10)
	body = appendList(append(body, `,"value":`...), s.layout(selected, true, nil), list)
	r.note.Rows = len(list)
	a.write(w, r, http.StatusOK, append(body, '}'))
	return nil
}

// listPolicyStates answers GET /deviceManagement/managedDevices/{id}/deviceCompliancePolicyStates.
func (a *API) listPolicyStates(w http.ResponseWriter, r *request) error {
	d, err := a.device(r)
	if err != nil {
		return err
	}
	return writeIntuneList(a, w, r, policyStates, "deviceCompliancePolicyStates", pointers(d.PolicyStates))
}

// policyState is the one in the path.
func (a *API) policyState(r *request) (*intune.PolicyState, error) {
	d, err := a.device(r)
	if err != nil {
		return nil, err
	}
	for i := range d.PolicyStates {
		if strings.EqualFold(d.PolicyStates[i].ID, r.keys[1]) {
			return &d.PolicyStates[i], nil
		}
	}
	return nil, noDevice()
}

func (a *API) getPolicyState(w http.ResponseWriter, r *request) error {
	p, err := a.policyState(r)
	if err != nil {
		return err
	}
	return writeDirectoryObject(a, w, r, policyStates, "deviceManagement/managedDevices('"+r.keys[0]+"')/deviceCompliancePolicyStates", p)
}

func (a *API) listSettingStates(w http.ResponseWriter, r *request) error {
	p, err := a.policyState(r)
	if err != nil {
		return err
	}
	return writeIntuneList(a, w, r, settingStates, "deviceCompliancePolicyStates('"+p.ID+"')/settingStates", pointers(p.Settings))
}

// listConfigurationStates answers GET /deviceManagement/managedDevices/{id}/deviceConfigurationStates: the tenant has no
// configuration profiles.
func (a *API) listConfigurationStates(w http.ResponseWriter, r *request) error {
	if _, err := a.device(r); err != nil {
		return err
	}
	return writeIntuneList[intune.PolicyState](a, w, r, policyStates, "deviceConfigurationStates", nil)
}
