package invariant_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nacsim/fakegraph/fault"
	"nacsim/sim/play"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

// underFault is a day at an office: laptop-1 is compliant, then not, laptop-2 never was, laptop-3 comes while Microsoft is in
// trouble, and a device without a record has the name of none. In the end everyone is where the policy wants them.
const underFault = `title: "a day with %[1]s"
shows: nobody gets into the corporate VLAN on a state that Intune did not report
covers: everything
policy: %[3]s/intune.yaml
nas:
  sw-1: {kind: switch, ports: 8}
intune:
  page_size: 1
  compliance: {require: [antivirus, firewall, encryption]}
devices:
  laptop-1:
    certificate: {subject: "CN={{DeviceName}},O=Contoso", san_dns: ["{{DeviceId}}"]}
  laptop-2:
    intune: {antivirus: off}
    certificate: {subject: "CN={{DeviceName}},O=Contoso"}
  laptop-3:
    certificate: {subject: "CN={{DeviceName}},O=Contoso", san_uri: ["IntuneDeviceId://{{DeviceId}}"]}
  laptop-4:
    intune: {enrolled: false}
    certificate: {subject: "CN={{DeviceName}},O=Contoso"}
steps:
  - connect: {device: laptop-1, to: sw-1/1}
  - connect: {device: laptop-2, to: sw-1/2}
  - expect: {client: laptop-1, vlan: 750, state: authorized}
    within: 1m
  - graph: {%[2]s}
    at: 30m
  - connect: {device: laptop-3, to: sw-1/3}
  - connect: {device: laptop-4, to: sw-1/4}
  - posture: {device: laptop-1, antivirus: off}
    at: 3h
  - sync: {device: laptop-1}
  - posture: {device: laptop-2, antivirus: on}
    at: 7h
  - sync: {device: laptop-2}
  - graph: {status: up}
    at: 11h
  - expect: {poll: ok}
    within: 3h
  - expect: {client: laptop-1, vlan: 1, state: authorized}
    within: 10m
  - expect: {client: laptop-2, vlan: 750, state: authorized}
    within: 10m
  - expect: {client: laptop-3, vlan: 750, state: authorized}
    within: 10m
  - expect: {client: laptop-4, vlan: 1, state: authorized}
    within: 10m
`

// notAsked are the faults of what this NAC never asks for.
var notAsked = map[string]bool{"wrong_aliases": true, "wrong_issuer": true, "nac_moved": true}

// TestEveryFaultIsSurvived plays that day with each fault of the catalogue: all the time, and half of the time.
func TestEveryFaultIsSurvived(t *testing.T) {
	for _, k := range fault.Catalogue() {
		for _, how := range []string{"", ", probability: 50%"} {
			name := k.Name + strings.TrimPrefix(how, ",")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				policies, err := filepath.Abs("../../scenarios/policies")
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(t.TempDir(), "under-fault.yaml")
				text := fmt.Sprintf(underFault, name, "fault: "+k.Name+how, policies)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				f, err := scenario.Parse(path)
				if err != nil {
					t.Fatal(err)
				}
				var records []trace.Record
				result, err := play.Run(f, play.Options{Subscribe: []func(trace.Record){func(r trace.Record) { records = append(records, r) }}})
				if err != nil {
					t.Fatal(err)
				}
				if broken, first := check(f, records); broken != nil {
					t.Error(first)
				}
				if result.Failure != nil {
					t.Error(result.Failure)
				}
				asked, struck := 0, 0
				for _, r := range records {
					switch {
					case r.Kind == "http" && r.Actor == scenario.HostNAC:
						asked++
					case r.Kind == "fault" && r.Field("fault") == k.Name:
						struck++
					}
				}
				t.Logf("%d requests, %d struck", asked, struck)
				if how == "" && struck == 0 && !notAsked[k.Name] {
					t.Error("it has not struck")
				}
				if asked > 2000 { // 14 hours of one request every 25 s
					t.Errorf("the NAC has made %d requests", asked)
				}
			})
		}
	}
}
