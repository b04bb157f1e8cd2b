package pki

import (
	"fmt"
	"strings"
)

// Variables are what the variables of an Intune SCEP profile stand for on one device. An empty value means that
// the device has none; a template that uses it cannot be filled in.
type Variables struct {
	DeviceName               string // {{DeviceName}}
	DeviceID                 string // {{DeviceId}}, the Intune device ID
	EntraDeviceID            string // {{AAD_Device_ID}} and {{AzureADDeviceId}}
	SerialNumber             string // {{SerialNumber}}
	WiFiMACAddress           string // {{WiFiMacAddress}}
	FullyQualifiedDomainName string // {{FullyQualifiedDomainName}}
	UserPrincipalName        string // {{UserPrincipalName}}, also {{EmailAddress}}
	UserName                 string // {{UserName}}
}

// variables are the known names with the field they stand for (facts: graph-and-entra 1.4).
var variables = []struct {
	name string
	get  func(*Variables) string
}{
	{"DeviceName", func(v *Variables) string { return v.DeviceName }},
	{"DeviceId", func(v *Variables) string { return v.DeviceID }},
	{"AAD_Device_ID", func(v *Variables) string { return v.EntraDeviceID }},
	{"AzureADDeviceId", func(v *Variables) string { return v.EntraDeviceID }},
	{"SerialNumber", func(v *Variables) string { return v.SerialNumber }},
	{"WiFiMacAddress", func(v *Variables) string { return v.WiFiMACAddress }},
	{"FullyQualifiedDomainName", func(v *Variables) string { return v.FullyQualifiedDomainName }},
	{"UserPrincipalName", func(v *Variables) string { return v.UserPrincipalName }},
	{"EmailAddress", func(v *Variables) string { return v.UserPrincipalName }},
	{"UserName", func(v *Variables) string { return v.UserName }},
}

// variable returns the value of a variable, whose name may be in any case, as in Intune.
func (v *Variables) variable(name string) (string, error) {
	for _, known := range variables {
		if !strings.EqualFold(known.name, name) {
			continue
		}
		value := known.get(v)
		if value == "" {
			return "", fmt.Errorf("the device has no value for {{%s}}", known.name)
		}
		return value, nil
	}
	names := make([]string, len(variables))
	for i := range variables {
		names[i] = "{{" + variables[i].name + "}}"
	}
	return "", fmt.Errorf("unknown variable {{%s}}; there are %s", name, strings.Join(names, ", "))
}

// sample has a value for every variable, to check templates with.
var sample = Variables{
	DeviceName: "x", DeviceID: "x", EntraDeviceID: "x", SerialNumber: "x", WiFiMACAddress: "x",
	FullyQualifiedDomainName: "x", UserPrincipalName: "x", UserName: "x",
}

// Expand fills in the variables of a template, for example "host/{{DeviceName}}".
func Expand(template string, v Variables) (string, error) {
	var b strings.Builder
	rest := template
	for {
		before, tail, found := strings.Cut(rest, "{{")
		b.WriteString(before)
		if !found {
			if i := strings.Index(before, "}}"); i >= 0 {
				return "", fmt.Errorf("}} without {{ before it in %q", template)
			}
			return b.String(), nil
		}
		name, after, closed := strings.Cut(tail, "}}")
		if !closed {
			return "", fmt.Errorf("{{ without }} after it in %q", template)
		}
		value, err := v.variable(strings.TrimSpace(name))
		if err != nil {
			return "", err
		}
		b.WriteString(value)
		rest = after
	}
}

// CheckTemplate reports what is wrong with a template for any device.
func CheckTemplate(template string) error {
	_, err := Expand(template, sample)
	return err
}
